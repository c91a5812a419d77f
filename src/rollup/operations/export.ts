/** Exporting runs as evidence that can be checked without the product. */

import { z } from 'zod'
import { type Operation, operation } from '../../books/operation.js'
import { exportRun } from '../bundle/export-run.js'

const exportRunOperation = operation({
  name: 'export run',
  summary: 'Write a completed run as a sealed bundle, which another program verifies without the database.',
  effect: 'read',
  input: z.object({
    run: z.string().describe('Id of the run, or an unambiguous beginning of it.'),
    file: z.string().min(1).describe('The ZIP file to write.'),
    overwrite: z.boolean().default(false).describe('Replace the file when there is one.'),
  }),
  output: z.object({
    run_id: z.string(),
    file: z.string(),
    bytes: z.number().describe('Of the whole file.'),
    seal: z.string().describe('Digest of the manifest: note it where the run is signed off.'),
    files: z.array(z.object({ name: z.string(), bytes: z.number(), sha256: z.string() })),
  }),
  errors: ['TIE-1103', 'TIE-1106', 'TIE-2419', 'TIE-2801', 'TIE-2802', 'TIE-2803', 'TIE-2804', 'TIE-2805'],
  positional: ['run', 'file'],
  http: {
    method: 'GET',
    path: '/api/v1/runs/{run}/bundle',
    download: {
      input: 'file',
      without: ['overwrite'],
      form: { mediaType: 'application/zip', extension: '.zip' },
      name: '{run_id}',
      tag: 'seal',
    },
  },
  run: (context, { run, file, overwrite }) =>
    context.books.transaction(context.tenant, async (tx) => {
      const place = { file, existing: overwrite ? 'replace' : 'refuse', token: context.newId() } as const
      const { manifest, files, bytes } = await exportRun(context, tx, run, place)
      return { run_id: manifest.run_id, file, bytes, seal: manifest.seal, files: [...files] }
    }),
})

export const exportOperations: readonly Operation[] = [exportRunOperation]
