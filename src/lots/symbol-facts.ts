/**
 * The facts of one symbol in columns, as the engine takes them: sizes and amounts as whole units of one scale,
 * fees in kind turned into size, all in the order of order.ts. Filled row by row; `FactTable` does it for all
 * symbols. Raises TIE-3111 (fee in a third currency) and TIE-3113 (a fee in kind that leaves nothing).
 */

import { add, canonicalUnits, type Decimal, normalize, pow10, subtract } from '../base/decimal.js'
import { type Problem, problem, refuseAll } from '../base/errors.js'
import { FewValues } from '../base/few-values.js'
import { assetsOf, type LotConfig } from './config.js'
import type { Split, Transfer } from './facts.js'
import { compareOrder, type OrderKey, RANK } from './order.js'
import { finished, STEP, type Steps, sorted } from './steps.js'
import type { Trade } from './trade.js'
import { UnitsColumn } from './units-column.js'

/** Uneven shares are cut at this digit or, of amounts with more digits, at their last. */
export const LEAST_PLACES = 8

/** A column a property, a row a trade; rows in no particular order. */
export class SymbolFacts {
  readonly order_id: string[] = []
  readonly buy: boolean[] = []
  readonly executed_at: string[] = []
  readonly venue_sequence: (string | null)[] = []
  readonly account: (string | null)[] = []
  readonly strategy: (string | null)[] = []
  readonly bracket: (string | null)[] = []
  readonly lot_ids: (readonly string[])[] = []
  /** As reported, canonical text. */
  readonly price: string[] = []
  /** What arrives or leaves: the size less (buy) or plus (sell) a fee in kind. Normalized. */
  readonly units = new UnitsColumn()
  readonly scale: number[] = []
  readonly priceUnits = new UnitsColumn()
  readonly priceScale: number[] = []
  /** In quote; a fee in kind is 0 here. */
  readonly feeUnits = new UnitsColumn()
  readonly feeScale: number[] = []
  /** Gross of trades whose fee is in kind: price × reported size, which is not price × units. By row. */
  readonly grossInKind = new Map<number, Decimal>()
  readonly splits: Split[] = []
  readonly transfers: Transfer[] = []
  private readonly problems: Problem[] = []
  private readonly few = new FewValues()

  constructor(
    readonly symbol: string,
    private readonly config: LotConfig,
  ) {}

  get trades(): number {
    return this.order_id.length
  }

  addTrade(trade: Trade): void {
    const inKind = this.isFeeInKind(trade)
    const size = inKind
      ? normalize((trade.side === 'buy' ? subtract : add)(trade.size, trade.fee))
      : trade.size
    if (size.units <= 0n) {
      const { order_id } = trade
      this.problems.push(problem('TIE-3113', { order_id, currency: trade.fee_currency! }))
    }
    if (inKind) {
      this.grossInKind.set(this.trades, {
        units: trade.size.units * trade.price.units,
        scale: trade.size.scale + trade.price.scale,
      })
    }
    this.order_id.push(trade.order_id)
    this.buy.push(trade.side === 'buy')
    this.executed_at.push(trade.executed_at)
    this.venue_sequence.push(trade.venue_sequence)
    this.account.push(this.few.of(trade.account))
    this.strategy.push(this.few.of(trade.strategy))
    this.bracket.push(trade.bracket)
    this.lot_ids.push(trade.lot_ids)
    this.price.push(canonicalUnits(trade.price.units, trade.price.scale))
    this.units.push(size.units)
    this.scale.push(size.scale)
    this.priceUnits.push(trade.price.units)
    this.priceScale.push(trade.price.scale)
    this.feeUnits.push(inKind ? 0n : trade.fee.units)
    this.feeScale.push(inKind ? 0 : trade.fee.scale)
  }

  private isFeeInKind({ order_id, symbol, fee, fee_currency }: Trade): boolean {
    if (fee_currency === null || fee.units === 0n) return false
    const assets = assetsOf(this.config, symbol)
    if (fee_currency === assets?.quote) return false
    if (fee_currency === assets?.base) return true
    this.problems.push(
      problem('TIE-3111', {
        order_id,
        symbol,
        currency: fee_currency,
        assets: assets === undefined ? 'known' : `${assets.base} and ${assets.quote}`,
      }),
    )
    return false
  }

  /** Every problem of the rows at once. */
  check(): void {
    refuseAll(this.problems)
  }

  /** Row numbers in order: trades first, then splits, then transfers, numbered through. */
  sorted(): number[] {
    return finished(this.sortedInSteps())
  }

  *sortedInSteps(): Steps<number[]> {
    const rows = Array.from({ length: this.trades + this.splits.length + this.transfers.length }, (_, i) => i)
    const compare = (a: number, b: number): number => {
      if (a < this.trades && b < this.trades) {
        const [x, y] = [this.executed_at[a]!, this.executed_at[b]!]
        if (x !== y) return x < y ? -1 : 1
      }
      return compareOrder(this.keyOf(a), this.keyOf(b))
    }
    // Facts mostly arrive in order.
    for (let i = 1; i < rows.length; i++) {
      if (compare(i - 1, i) > 0) return yield* sorted(rows, compare)
      if (i % STEP === 0) yield
    }
    return rows
  }

  keyOf(row: number): OrderKey {
    if (row < this.trades) {
      return {
        at: this.executed_at[row]!,
        rank: this.buy[row]! ? RANK.buy : RANK.sell,
        venue_sequence: this.venue_sequence[row]!,
        id: this.order_id[row]!,
      }
    }
    const split = this.splits[row - this.trades]
    if (split !== undefined) return { at: split.at, rank: RANK.split, venue_sequence: null, id: split.id }
    const { at, id } = this.transfers[row - this.trades - this.splits.length]!
    return { at, rank: RANK.transfer, venue_sequence: null, id }
  }

  /** The scale that holds every size, and the one that holds every price × size, fee and cut share. */
  scales(): { readonly size: number; readonly amount: number } {
    const sizes = this.splits.length > 0 ? LEAST_PLACES : 0
    const size = this.transfers.reduce(
      (widest, transfer) => Math.max(widest, transfer.size.scale),
      widest(this.scale, sizes),
    )
    let amount = Math.max(size + widest(this.priceScale, 0), widest(this.feeScale, LEAST_PLACES))
    for (const { scale } of this.grossInKind.values()) amount = Math.max(amount, scale)
    return { size, amount }
  }

  /** Price × reported size of a row at the scale of amounts. */
  gross(row: number, amountScale: number): bigint {
    const inKind = this.grossInKind.get(row)
    if (inKind !== undefined) return inKind.units * pow10(amountScale - inKind.scale)
    const scale = this.scale[row]! + this.priceScale[row]!
    return this.units.at(row) * this.priceUnits.at(row) * pow10(amountScale - scale)
  }

  /** The digit at which uneven shares of the gross of a row are cut. */
  grossPlaces(row: number): number {
    const scale = this.grossInKind.get(row)?.scale ?? this.scale[row]! + this.priceScale[row]!
    return Math.max(LEAST_PLACES, scale)
  }

  feePlaces(row: number): number {
    return Math.max(LEAST_PLACES, this.feeScale[row]!)
  }
}

function widest(scales: readonly number[], least: number): number {
  let most = least
  for (const scale of scales) if (scale > most) most = scale
  return most
}

/** Facts of many symbols, dealt out to their tables. */
export class FactTable {
  readonly bySymbol = new Map<string, SymbolFacts>()

  constructor(private readonly config: LotConfig) {}

  add(fact: Trade | Split | Transfer): void {
    const facts = this.of(fact.symbol)
    if (fact.is === 'trade') facts.addTrade(fact)
    else if (fact.is === 'split') facts.splits.push(fact)
    else facts.transfers.push(fact)
  }

  private of(symbol: string): SymbolFacts {
    let facts = this.bySymbol.get(symbol)
    if (facts === undefined) {
      facts = new SymbolFacts(symbol, this.config)
      this.bySymbol.set(symbol, facts)
    }
    return facts
  }
}
