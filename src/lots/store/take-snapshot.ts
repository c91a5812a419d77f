/** A historical snapshot taken from the trades themselves. Raises TIE-3107 when the snapshot says otherwise already. */

import type { IsoDate } from '../../base/dates.js'
import { refuseAll } from '../../base/errors.js'
import type { Tx } from '../../books/books.js'
import { copyRows } from '../../books/copy-rows.js'
import type { Context } from '../../books/operation.js'
import { MAX_PROBLEMS } from '../../engines/csv-table.js'
import { HISTORICAL_PNL } from '../fact-kinds.js'
import { conflictProblem } from './fact-import.js'
import { ensureSnapshot, type HistoricalRow, historicalRowsOfTrades } from './historical-pnl.js'
import { conflictsWithBooks, createStaging, HELD, insertHeld, prepareLookups } from './imports.js'

export interface SnapshotTaken {
  readonly table: string
  readonly new: number
  readonly same: number
  readonly refused: number
}

export async function takeSnapshot(context: Context, tx: Tx, date: IsoDate): Promise<SnapshotTaken> {
  const table = await ensureSnapshot(tx, date)
  const rows = await historicalRowsOfTrades(tx)
  await createStaging(tx, HISTORICAL_PNL)
  await tx.copyIn(HELD, copyRows(rows.map(stagedRow)))
  const fresh = await insertHeld(tx, context.tenant, null, HISTORICAL_PNL, { table, after: null })
  if (fresh < rows.length) {
    await prepareLookups(tx, HISTORICAL_PNL)
    const found = await conflictsWithBooks(tx, HISTORICAL_PNL, table, null, MAX_PROBLEMS)
    refuseAll(found.map((conflict) => conflictProblem(conflict)))
  }
  return { table, new: fresh, same: rows.length - fresh, refused: 0 }
}

function stagedRow({ order_id, symbol, parent_id, pnl_usd }: HistoricalRow, i: number) {
  const raw = { order_id, symbol: symbol ?? '', parent_id: parent_id ?? '', pnl_usd: pnl_usd ?? '' }
  const parsed = HISTORICAL_PNL.parse(raw, {})
  if (parsed.is === 'refused') throw new Error(`the stored trade ${order_id} does not parse`)
  return [i + 1, null, ...parsed.value.fields, null, parsed.value.digest]
}
