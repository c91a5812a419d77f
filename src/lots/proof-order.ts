/**
 * The order of facts and of unit costs once more, for the proof alone: it must not lean on the order that the
 * engine goes by. Raises nothing.
 */

import { pow10 } from '../base/decimal.js'
import { compareText } from '../base/text.js'
import type { SymbolFacts } from './symbol-facts.js'

export const timeOf = (facts: SymbolFacts, row: number): string =>
  facts.executed_at[row] ??
  facts.splits[row - facts.trades]?.at ??
  facts.transfers[row - facts.trades - facts.splits.length]!.at

/** Rows of facts by instant; at one instant splits, buys, transfers, sells; venue sequence; id. */
export function inTime(facts: SymbolFacts): number[] {
  const { trades, splits, transfers } = facts
  const kind = (row: number): number =>
    row < trades ? (facts.buy[row] ? 1 : 3) : row < trades + splits.length ? 0 : 2
  const id = (row: number): string =>
    facts.order_id[row] ?? splits[row - trades]?.id ?? transfers[row - trades - splits.length]!.id
  const sequence = (row: number): bigint => BigInt(facts.venue_sequence[row] ?? -1n)
  const rows = Array.from({ length: trades + splits.length + transfers.length }, (_, row) => row)
  return rows.sort((a, b) => {
    const [x, y] = [timeOf(facts, a), timeOf(facts, b)]
    if (x !== y) return x < y ? -1 : 1
    if (kind(a) !== kind(b)) return kind(a) - kind(b)
    const [m, n] = [sequence(a), sequence(b)]
    // None, −1 here, comes after all.
    if (m !== n) return m === -1n || (n !== -1n && m > n) ? 1 : -1
    return compareText(id(a), id(b))
  })
}

/** Cost (or proceeds of a short sale) per unit, fee included, in units after all splits. */
export class UnitCosts {
  private readonly money: bigint[] = []
  private readonly size: bigint[] = []

  constructor(facts: SymbolFacts, scale: number) {
    const amountScale = facts.scales().amount
    for (let row = 0; row < facts.trades; row++) {
      const fee = facts.feeUnits.at(row) * pow10(amountScale - facts.feeScale[row]!)
      let money = facts.gross(row, amountScale) + (facts.buy[row]! ? fee : -fee)
      let size = facts.units.at(row) * pow10(scale - facts.scale[row]!)
      for (const { at, numerator, denominator } of facts.splits) {
        if (at <= facts.executed_at[row]!) continue
        size *= numerator
        money *= denominator
      }
      this.money.push(money)
      this.size.push(size)
    }
  }

  compare(a: number, b: number): number {
    const difference = this.money[a]! * this.size[b]! - this.money[b]! * this.size[a]!
    return difference < 0n ? -1 : difference > 0n ? 1 : 0
  }
}
