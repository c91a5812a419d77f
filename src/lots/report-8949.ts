/**
 * Rows in the form of IRS Form 8949: what was disposed of, when it was acquired and sold, proceeds, cost, the
 * adjustment for selling expenses (code E) and the gain. Money is rounded to cents with the remainder carried
 * from row to row, so that each column sums to its exact total, rounded once. Raises nothing. It is a list of
 * figures, no tax advice.
 */

import {
  add,
  type Decimal,
  formatDecimal,
  negate,
  parseDecimal,
  rescale,
  subtract,
  ZERO,
} from '../base/decimal.js'
import type { AllocationRow } from './allocation.js'
import { isLongTerm } from './days.js'

export interface Form8949Row {
  readonly part: 'I' | 'II'
  readonly term: 'short' | 'long'
  /** (a) such as `0.5 BTC-USD`. */
  readonly description: string
  /** (b) UTC date; null: unknown, the sell is unmatched. Of a short sale the day of the covering buy. */
  readonly acquired: string | null
  /** (c) UTC date; of a short sale the day it was closed. */
  readonly sold: string
  /** (d) gross, two places. */
  readonly proceeds: string
  /** (e) with the fee of the buy; null: unknown. */
  readonly cost: string | null
  /** (f) E: selling expenses. */
  readonly code: 'E' | null
  /** (g) */
  readonly adjustment: string
  /** (h) = (d) − (e) + (g); null: unknown. */
  readonly gain: string | null
  readonly sell_order_id: string
  readonly buy_order_id: string | null
}

/** Rounds a sequence of amounts to cents so that their sum is the rounded sum of the exact ones. */
class Cents {
  private exact = ZERO
  private given = ZERO

  next(amount: string): Decimal {
    this.exact = add(this.exact, parseDecimal(amount)!)
    const rounded = rescale(this.exact, 2, 'half_even')
    const share = subtract(rounded, this.given)
    this.given = rounded
    return share
  }
}

/** Rows of the form, made one after another: the remainder of a row goes to the next. */
export class Form8949 {
  private readonly proceeds = new Cents()
  private readonly costs = new Cents()
  private readonly fees = new Cents()

  row(row: AllocationRow): Form8949Row {
    const isShort = row.lot_side === 'short'
    const long =
      !isShort && row.buy_executed_at !== null && isLongTerm(row.buy_executed_at, row.sell_executed_at)
    const ofSell = this.proceeds.next(row.proceeds)
    const adjustment = negate(this.fees.next(row.sell_fee))
    const cost = row.cost_basis === null ? null : this.costs.next(row.cost_basis)
    const gain = cost === null ? null : add(subtract(ofSell, cost), adjustment)
    const text = (amount: Decimal): string => formatDecimal(rescale(amount, 2, 'half_even'))
    return {
      part: long ? 'II' : 'I',
      term: long ? 'long' : 'short',
      description: `${row.allocated_size} ${row.symbol}`,
      acquired: row.buy_executed_at?.slice(0, 10) ?? null,
      sold: (isShort ? row.buy_executed_at! : row.sell_executed_at).slice(0, 10),
      proceeds: text(ofSell),
      cost: cost === null ? null : text(cost),
      code: adjustment.units === 0n ? null : 'E',
      adjustment: text(adjustment),
      gain: gain === null ? null : text(gain),
      sell_order_id: row.sell_order_id,
      buy_order_id: row.buy_order_id,
    }
  }
}
