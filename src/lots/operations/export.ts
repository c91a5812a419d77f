/** The operation that writes a version's allocations to a file in the form that another program reads. */

import { z } from 'zod'
import { type Operation, operation } from '../../books/operation.js'
import { refuseTaken, writeFileWhole } from '../../books/whole-file.js'
import { EXPORT_FORMS, exportVersion } from '../versions/export-version.js'
import { publishedVersionInput, versionOf } from './schemas.js'

const exportLots = operation({
  name: 'lots export',
  summary: 'Write the allocations of a version to a file: CSV, a beancount journal, or rows of Form 8949.',
  effect: 'read',
  input: z.object({
    file: z.string().min(1).describe('The file to write.'),
    version: publishedVersionInput,
    as: z
      .enum(EXPORT_FORMS)
      .default('csv')
      .describe(
        'csv: the exchange format. form-8949: rounded to cents, the remainder carried; no tax advice.',
      ),
    overwrite: z.boolean().default(false).describe('Replace the file when there is one.'),
  }),
  output: z.object({
    allocation_version: z.number(),
    file: z.string(),
    as: z.enum(EXPORT_FORMS),
    rows: z.number().describe('Allocations written.'),
    bytes: z.number(),
    digest: z.string().describe('SHA-256 of the file.'),
    left_out: z
      .array(z.object({ symbol: z.string(), why: z.string() }))
      .readonly()
      .describe('Symbols that a beancount journal cannot say.'),
  }),
  errors: ['TIE-2801', 'TIE-2802', 'TIE-3154', 'TIE-3175', 'TIE-3176'],
  positional: ['file'],
  http: {
    method: 'GET',
    path: '/api/v1/lots/export',
    download: {
      input: 'file',
      without: ['overwrite'],
      form: {
        input: 'as',
        forms: {
          csv: { mediaType: 'text/csv', extension: '.csv' },
          beancount: { mediaType: 'text/plain', extension: '.beancount' },
          'form-8949': { mediaType: 'text/csv', extension: '-form-8949.csv' },
        },
      },
      name: 'lots-{allocation_version}',
      tag: 'digest',
    },
  },
  run: (context, { file, version: asked, as, overwrite }) =>
    context.books.transaction(context.tenant, async (tx) => {
      const place = { file, existing: overwrite ? 'replace' : 'refuse', token: context.newId() } as const
      refuseTaken(place)
      const version = await versionOf(tx, asked)
      const { written, bytes, digest } = await writeFileWhole(place, (put) =>
        exportVersion(context, tx, { version, as }, put),
      )
      return { allocation_version: version, file, as, ...written, bytes, digest }
    }),
})

export const lotExportOperations: readonly Operation[] = [exportLots]
