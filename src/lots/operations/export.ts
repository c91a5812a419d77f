/** The operation that writes a version's allocations to a file in the form that another program reads. */

import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { z } from 'zod'
import { refuse } from '../../base/errors.js'
import { type Operation, operation } from '../../books/operation.js'
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
      const isTaken = (): boolean => !overwrite && existsSync(file)
      if (isTaken()) refuse('TIE-2801', { file })
      const version = await versionOf(tx, asked)
      const written = await writtenTo(file, context.newId(), isTaken, (put) =>
        exportVersion(context, tx, { version, as }, put),
      )
      return { allocation_version: version, file, as, ...written }
    }),
})

/** Beside its place first, so that nobody finds half a file. What `make` puts is the file; with what it gives. */
async function writtenTo<T>(
  file: string,
  token: string,
  isTaken: () => boolean,
  make: (put: (text: string) => Promise<void>) => Promise<T>,
): Promise<T & { readonly bytes: number; readonly digest: string }> {
  const draft = join(dirname(file), `.${basename(file)}.${token}.part`)
  const hash = createHash('sha256')
  let bytes = 0
  try {
    const handle = await open(draft, 'wx')
    try {
      const made = await make(async (text) => {
        hash.update(text)
        bytes += Buffer.byteLength(text)
        await handle.writeFile(text)
      })
      await handle.sync()
      if (isTaken()) refuse('TIE-2801', { file })
      await rename(draft, file)
      return { ...made, bytes, digest: `sha256:${hash.digest('hex')}` }
    } finally {
      await handle.close()
    }
  } catch (error) {
    await rm(draft, { force: true })
    const { code, message } = error as NodeJS.ErrnoException
    if (code === undefined || !/^E[A-Z]+$/.test(code)) throw error
    refuse('TIE-2802', { file, detail: message })
  }
}

export const lotExportOperations: readonly Operation[] = [exportLots]
