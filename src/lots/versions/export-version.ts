/**
 * A version as text for another program, piece by piece: rows of the exchange format, rows of Form 8949, a beancount
 * journal. The first two stream; a journal names its accounts first, so that it is made as a whole. Raises TIE-3176.
 */

import { csvHeader, csvLines } from '../../base/csv-text.js'
import type { Tx } from '../../books/books.js'
import type { Context } from '../../books/operation.js'
import type { Put } from '../../books/whole-file.js'
import type { AllocationRow } from '../allocation.js'
import { ALLOCATION_FIELDS } from '../allocation-rows.js'
import { beancountJournal, type Journal } from '../beancount.js'
import { Form8949 } from '../report-8949.js'
import { copiedAllocations } from '../store/copied-allocations.js'
import { seenFacts } from '../store/seen-facts.js'
import { computedVersion, seenTable } from './validate-version.js'

export const EXPORT_FORMS = ['csv', 'beancount', 'form-8949'] as const
export type ExportForm = (typeof EXPORT_FORMS)[number]

const COLUMNS = [
  'sell_order_id',
  'buy_order_id',
  'symbol',
  'allocated_size',
  'buy_price',
  'sell_price',
  'cost_basis',
  'proceeds',
  'net_proceeds',
  'pnl',
  'class',
] as const
const FORM_COLUMNS = [
  'part',
  'term',
  'description',
  'acquired',
  'sold',
  'proceeds',
  'cost',
  'code',
  'adjustment',
  'gain',
  'sell_order_id',
  'buy_order_id',
] as const

export interface ExportedVersion {
  /** Allocations written. */
  readonly rows: number
  readonly left_out: Journal['left_out']
}

export interface ExportRequest {
  readonly version: number
  readonly as: ExportForm
}

export async function exportVersion(
  context: Context,
  tx: Tx,
  { version, as }: ExportRequest,
  put: Put,
): Promise<ExportedVersion> {
  const { config } = await computedVersion(tx, version)
  const batches = allocationBatches(context, tx, version)
  if (as === 'csv') return { rows: await putRows(batches, put), left_out: [] }
  if (as === 'form-8949') return { rows: await putForm(batches, put), left_out: [] }
  const bySymbol = new Map<string, AllocationRow[]>()
  for await (const batch of batches) {
    for (const row of batch) {
      const of = bySymbol.get(row.symbol)
      if (of === undefined) bySymbol.set(row.symbol, [row])
      else of.push(row)
    }
  }
  const facts = await seenTable(context, tx, config, await seenFacts(tx, version))
  const symbols = [...facts.values()].map((own) => ({ facts: own, rows: bySymbol.get(own.symbol) ?? [] }))
  const { text, left_out } = beancountJournal(symbols, config)
  await put(text)
  for (const { symbol } of left_out) bySymbol.delete(symbol)
  return { rows: [...bySymbol.values()].reduce((sum, rows) => sum + rows.length, 0), left_out }
}

async function* allocationBatches(
  { signal, progress }: Context,
  tx: Tx,
  version: number,
): AsyncGenerator<readonly AllocationRow[]> {
  let rows = 0
  for await (const batch of copiedAllocations(tx, version)) {
    signal.throwIfAborted()
    yield batch.map(rowOf)
    rows += batch.length
    progress.report('writing allocations', rows)
  }
}

const rowOf = (fields: readonly (string | null)[]): AllocationRow =>
  Object.fromEntries(ALLOCATION_FIELDS.map((name, i) => [name, fields[i]])) as unknown as AllocationRow

type Batches = AsyncIterable<readonly AllocationRow[]>

async function putRows(batches: Batches, put: Put): Promise<number> {
  let count = 0
  await put(csvHeader(COLUMNS))
  for await (const rows of batches) {
    await put(csvLines(COLUMNS, rows))
    count += rows.length
  }
  return count
}

/** Short-term rows (part I) first, and so the others wait as text. */
async function putForm(batches: Batches, put: Put): Promise<number> {
  const form = new Form8949()
  const second: string[] = []
  let count = 0
  await put(csvHeader(FORM_COLUMNS))
  for await (const batch of batches) {
    const rows = batch.map((row) => form.row(row))
    await put(
      csvLines(
        FORM_COLUMNS,
        rows.filter(({ part }) => part === 'I'),
      ),
    )
    second.push(
      csvLines(
        FORM_COLUMNS,
        rows.filter(({ part }) => part === 'II'),
      ),
    )
    count += rows.length
  }
  for (const text of second) await put(text)
  return count
}
