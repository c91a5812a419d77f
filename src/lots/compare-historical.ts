/**
 * A version beside what an older system had computed: one row per sell with one parent and a P&L. Every
 * difference has one cause, and the causes sum to the total. Raises nothing.
 */

import {
  add,
  canonicalDecimal,
  compareDecimals,
  type Decimal,
  negate,
  parseDecimal,
  subtract,
  ZERO,
} from '../base/decimal.js'
import { compareText } from '../base/text.js'
import type { AllocationRow } from './allocation.js'

/** A row of the historical snapshot; pnl_usd is decimal text. */
export interface HistoricalRow {
  readonly sell_order_id: string
  readonly parent_id: string | null
  readonly pnl_usd: string | null
}

/**
 * unknown_sell: the older system has a sell that the version has not. not_recorded: the other way round.
 * no_parent: it had matched nothing. other_buy: it had matched a buy that the version does not. several_buys:
 * the version uses more buys than the one it had. fees: same buy, fees left out. rounding: same buy, less than
 * a cent. amount: same buy, another amount. unmatched: no lot covers all of what it had matched.
 */
export const HISTORICAL_CAUSES = [
  'unknown_sell',
  'not_recorded',
  'no_parent',
  'unmatched',
  'other_buy',
  'several_buys',
  'fees',
  'rounding',
  'amount',
] as const
export type HistoricalCause = (typeof HISTORICAL_CAUSES)[number]

export interface HistoricalDifference {
  readonly sell_order_id: string
  readonly symbol: string | null
  /** Canonical decimal text; null: no P&L on that side. */
  readonly historical: string | null
  readonly computed: string | null
  /** computed − historical, null taken as 0. */
  readonly difference: string
  readonly cause: HistoricalCause
}

export interface HistoricalComparison {
  readonly sells: readonly HistoricalDifference[]
  /** Σ difference by cause, in the order of HISTORICAL_CAUSES. */
  readonly causes: readonly {
    readonly cause: HistoricalCause
    readonly sells: number
    readonly amount: string
  }[]
  readonly difference: string
}

const CENT: Decimal = { units: 1n, scale: 2 }

export function compareHistorical(
  rows: Iterable<AllocationRow>,
  historical: Iterable<HistoricalRow>,
): HistoricalComparison {
  const bySell = new Map<string, AllocationRow[]>()
  for (const row of rows) {
    const of = bySell.get(row.sell_order_id)
    if (of === undefined) bySell.set(row.sell_order_id, [row])
    else of.push(row)
  }
  const old = new Map([...historical].map((row) => [row.sell_order_id, row]))
  const ids = [...new Set([...bySell.keys(), ...old.keys()])].sort(compareText)
  const all = ids.map((id) => compareSell(id, bySell.get(id), old.get(id)))
  const sells = all.filter(({ difference }) => difference !== '0')
  const causes = HISTORICAL_CAUSES.map((cause) => {
    const of = sells.filter((each) => each.cause === cause)
    return { cause, sells: of.length, amount: canonicalDecimal(sum(of.map((each) => each.difference))) }
  }).filter((each) => each.sells > 0)
  return { sells, causes, difference: canonicalDecimal(sum(sells.map((each) => each.difference))) }
}

const sum = (amounts: readonly (string | null)[]): Decimal =>
  amounts.reduce((total: Decimal, amount) => add(total, parseDecimal(amount ?? '0')!), ZERO)

function compareSell(
  sell_order_id: string,
  rows: readonly AllocationRow[] | undefined,
  old: HistoricalRow | undefined,
): HistoricalDifference {
  const matched = (rows ?? []).filter(({ pnl }) => pnl !== null)
  const computed = sum(matched.map(({ pnl }) => pnl))
  const before = sum([old?.pnl_usd ?? null])
  const difference = subtract(computed, before)
  return {
    sell_order_id,
    symbol: rows?.[0]?.symbol ?? null,
    historical: old === undefined || old.pnl_usd === null ? null : canonicalDecimal(before),
    computed: matched.length === 0 ? null : canonicalDecimal(computed),
    difference: canonicalDecimal(difference),
    cause: causeOf(rows, matched, old, difference),
  }
}

function causeOf(
  rows: readonly AllocationRow[] | undefined,
  matched: readonly AllocationRow[],
  old: HistoricalRow | undefined,
  difference: Decimal,
): HistoricalCause {
  if (rows === undefined) return 'unknown_sell'
  if (old === undefined) return 'not_recorded'
  if (old.parent_id === null) return 'no_parent'
  const buys = new Set(matched.map((row) => row.buy_order_id))
  if (buys.size > 0 && !buys.has(old.parent_id)) return 'other_buy'
  if (matched.length < rows.length) return 'unmatched'
  if (buys.size > 1) return 'several_buys'
  const fees = add(sum(matched.map((row) => row.buy_fee)), sum(matched.map((row) => row.sell_fee)))
  if (fees.units !== 0n && compareDecimals(negate(fees), difference) === 0) return 'fees'
  const size = difference.units < 0n ? negate(difference) : difference
  return compareDecimals(size, CENT) < 0 ? 'rounding' : 'amount'
}
