/** The operation that writes revenue by event and channel to a file. */

import { z } from 'zod'
import { type Operation, operation } from '../../books/operation.js'
import { refuseTaken, writeFileWhole } from '../../books/whole-file.js'
import { REVENUE_FORMS, revenueFile } from '../files/revenue-file.js'
import { type RevenueRow, revenueRows } from '../store/revenue-rows.js'
import { MODEL_ERRORS } from './allocate.js'
import { modelToRead } from './revenue.js'
import { currencyInput, modelInput, periodInputs, periodOf } from './schemas.js'

const exportRevenue = operation({
  name: 'export revenue',
  summary: 'Write what each event gave each channel to a file: CSV, JSON or a workbook.',
  effect: 'read',
  input: z.object({
    file: z.string().min(1).describe('The file to write.'),
    as: z.enum(REVENUE_FORMS).default('csv').describe('What kind of file.'),
    model: modelInput
      .optional()
      .describe('The model, such as linear@1; the only one allocated by when it is not said.'),
    currency: currencyInput,
    ...periodInputs('The UTC day on which the event occurred.'),
    overwrite: z.boolean().default(false).describe('Replace the file when there is one.'),
  }),
  output: z.object({
    file: z.string(),
    as: z.enum(REVENUE_FORMS),
    model: z.string().describe('What the versions of the model begin with.'),
    rows: z.number(),
    bytes: z.number(),
    digest: z.string().describe('SHA-256 of the file.'),
  }),
  errors: ['TIE-2801', 'TIE-2802', ...MODEL_ERRORS, 'TIE-4306', 'TIE-4307', 'TIE-4308', 'TIE-4405'],
  positional: ['file'],
  http: {
    method: 'GET',
    path: '/api/export/revenue',
    download: {
      input: 'file',
      without: ['overwrite'],
      form: {
        input: 'as',
        forms: {
          csv: { mediaType: 'text/csv', extension: '.csv' },
          json: { mediaType: 'application/json', extension: '.json' },
          xlsx: {
            mediaType: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
            extension: '.xlsx',
          },
        },
      },
      name: 'revenue',
      tag: 'digest',
    },
  },
  run: (context, { file, as, model: text, currency, overwrite, ...given }) =>
    context.books.transaction(context.tenant, async (tx) => {
      const place = { file, existing: overwrite ? 'replace' : 'refuse', token: context.newId() } as const
      refuseTaken(place)
      const period = periodOf(given)
      const model = await modelToRead(tx, text)
      let rows = 0
      async function* counted(): AsyncGenerator<readonly RevenueRow[]> {
        for await (const batch of revenueRows(tx, { model, currency, ...period })) {
          rows += batch.length
          context.signal.throwIfAborted()
          context.progress.report('writing revenue', rows)
          yield batch
        }
      }
      const { bytes, digest } = await writeFileWhole(place, async (put) => {
        for await (const piece of revenueFile(as, model, counted())) await put(piece)
      })
      return { file, as, model, rows, bytes, digest }
    }),
})

export const revenueExportOperations: readonly Operation[] = [exportRevenue]
