/**
 * A sell taken apart: the lots it closed, what each cost and earned, what was left uncovered, and where the
 * facts behind it came from. The lines are summed again here, so that the answer shows its own arithmetic.
 * Raises nothing; an unknown sell gives undefined.
 */

import { add, canonicalDecimal, type Decimal, parseDecimal, ZERO } from '../base/decimal.js'
import type { AllocationRow } from './allocation.js'
import { daysBetween } from './days.js'

/** Where a trade came from, as the store knows it: import, line, payload. */
export interface PayloadReference {
  readonly import_id: string
  readonly line: number
  /** The raw row as it was imported. */
  readonly payload: Readonly<Record<string, string>>
}

export interface ExplainedLine {
  readonly row: AllocationRow
  /** `22400 − 0.1 fee − 21000.2 cost = 1399.7`: proceeds, fee of the sell, cost with the fee of the buy, P&L. */
  readonly arithmetic: string
  /** Days between the dates of opening and closing; null when unmatched. */
  readonly days_held: number | null
  readonly buy_source: PayloadReference | null
}

export interface ExplainedSell {
  readonly sell_order_id: string
  readonly symbol: string
  readonly sell_source: PayloadReference | null
  readonly lines: readonly ExplainedLine[]
  /** Σ over the lines, canonical decimal text: size without dust; pnl over lines that have one. */
  readonly size: string
  readonly cost_basis: string
  readonly net_proceeds: string
  readonly pnl: string
  /** What no lot covers, and its net proceeds. */
  readonly unmatched_size: string
  readonly unmatched_net_proceeds: string
}

/** `rows` are all rows of the sell. */
export function explainSell(
  rows: readonly AllocationRow[],
  sourceOf: (order_id: string) => PayloadReference | undefined,
): ExplainedSell | undefined {
  const [first] = rows
  if (first === undefined) return undefined
  const unmatched = rows.filter((row) => row.class === 'unmatched')
  const priced = rows.filter((row) => row.class !== 'unmatched')
  return {
    sell_order_id: first.sell_order_id,
    symbol: first.symbol,
    sell_source: sourceOf(first.sell_order_id) ?? null,
    lines: rows.map((row) => ({
      row,
      arithmetic: arithmeticOf(row),
      days_held: row.buy_executed_at === null ? null : heldFor(row.buy_executed_at, row.sell_executed_at),
      buy_source: row.buy_order_id === null ? null : (sourceOf(row.buy_order_id) ?? null),
    })),
    size: sum(
      rows.filter((row) => row.class !== 'dust'),
      'allocated_size',
    ),
    cost_basis: sum(priced, 'cost_basis'),
    net_proceeds: sum(priced, 'net_proceeds'),
    pnl: sum(priced, 'pnl'),
    unmatched_size: sum(unmatched, 'allocated_size'),
    unmatched_net_proceeds: sum(unmatched, 'net_proceeds'),
  }
}

const heldFor = (bought: string, sold: string): number => Math.abs(daysBetween(bought, sold))

function arithmeticOf(row: AllocationRow): string {
  if (row.class === 'unmatched') {
    return `${row.proceeds} − ${row.sell_fee} fee = ${row.net_proceeds}; no lot covers ${row.allocated_size}`
  }
  if (row.class === 'dust') return `dust: ${row.net_proceeds} − ${row.cost_basis} cost = ${row.pnl}`
  return `${row.proceeds} − ${row.sell_fee} fee − ${row.cost_basis} cost = ${row.pnl}`
}

function sum(
  rows: readonly AllocationRow[],
  field: 'allocated_size' | 'cost_basis' | 'net_proceeds' | 'pnl',
): string {
  return canonicalDecimal(
    rows.reduce((total: Decimal, row) => add(total, parseDecimal(row[field] ?? '0')!), ZERO),
  )
}
