/** Revenue by event and channel as the bytes of a file: CSV, JSON or a workbook. Streams. Raises TIE-4308. */

import { csvHeader, csvLines } from '../../base/csv-text.js'
import { majorAmount } from '../../base/currency.js'
import { refuse } from '../../base/errors.js'
import { MAX_SHEET_ROWS, xlsxFile } from '../../engines/xlsx-file.js'
import type { RevenueRow } from '../store/revenue-rows.js'

export const REVENUE_FORMS = ['csv', 'json', 'xlsx'] as const
export type RevenueForm = (typeof REVENUE_FORMS)[number]

const COLUMNS = [
  'event',
  'event_type',
  'occurred_at',
  'currency',
  'channel',
  'family',
  'allocation_ratio',
  'allocated_revenue_cents',
  'allocated_revenue',
  'model_version',
  'verification',
] as const
const NUMBERS: readonly string[] = ['allocation_ratio', 'allocated_revenue_cents', 'allocated_revenue']

type Written = Readonly<Record<(typeof COLUMNS)[number], string>>
type Batches<T> = AsyncIterable<readonly T[]>

export function revenueFile(
  as: RevenueForm,
  model: string,
  rows: Batches<RevenueRow>,
  /** What a sheet holds beside its header. */
  sheetRows = MAX_SHEET_ROWS - 1,
): AsyncIterable<string | Uint8Array> {
  const written = inMajorUnits(rows)
  if (as === 'csv') return csvFile(written)
  if (as === 'json') return jsonFile(model, written)
  const columns = COLUMNS.map((name) => ({ name, type: NUMBERS.includes(name) ? 'number' : 'text' }) as const)
  return xlsxFile({ name: 'Revenue', columns, rows: cellsOf(written, sheetRows) })
}

async function* inMajorUnits(batches: Batches<RevenueRow>): AsyncGenerator<readonly Written[]> {
  for await (const batch of batches) {
    yield batch.map((row) => ({
      ...row,
      allocated_revenue: majorAmount(BigInt(row.allocated_revenue_cents), row.currency),
    }))
  }
}

async function* csvFile(batches: Batches<Written>): AsyncGenerator<string> {
  yield csvHeader(COLUMNS)
  for await (const batch of batches) yield csvLines(COLUMNS, batch)
}

/** One document, a row a line; amounts are text. */
async function* jsonFile(model: string, batches: Batches<Written>): AsyncGenerator<string> {
  yield `{"model":${JSON.stringify(model)},"rows":[`
  let separator = '\n'
  for await (const batch of batches) {
    for (const row of batch) {
      yield separator + JSON.stringify(Object.fromEntries(COLUMNS.map((name) => [name, row[name]])))
      separator = ',\n'
    }
  }
  yield '\n]}\n'
}

async function* cellsOf(
  batches: Batches<Written>,
  limit: number,
): AsyncGenerator<readonly (readonly string[])[]> {
  let rows = 0
  for await (const batch of batches) {
    rows += batch.length
    if (rows > limit) refuse('TIE-4308', { limit })
    yield batch.map((row) => COLUMNS.map((name) => row[name]))
  }
}
