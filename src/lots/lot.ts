/**
 * A lot and what can be cut from it. Sizes and amounts are whole units (bigint) of the scales of their symbol.
 * Whatever is cut, the slices of a holding sum to it exactly: the last slice takes what is left. Raises nothing.
 */

import { pow10 } from '../base/decimal.js'
import { compareText } from '../base/text.js'
import type { LotQueue } from './lot-queue.js'

/** Something of a size that has cost or brought money: a lot, the open part of a trade, an averaged pool. */
export interface Holding {
  size: bigint
  gross: bigint
  fee: bigint
}

/** How a holding is shared: gross by price while that is exact, else by size, cut toward 0 at the given units. */
export interface Sharing {
  /** Amount units per size unit. */
  readonly price: bigint
  even: boolean
  /** Amount units of the last digit at which uneven shares are cut. */
  readonly grossUnit: bigint
  readonly feeUnit: bigint
}

export interface Slice {
  gross: bigint
  fee: bigint
}

const share = (whole: bigint, part: bigint, of: bigint, unit: bigint): bigint =>
  whole === 0n ? 0n : unit === 1n ? (whole * part) / of : ((whole * part) / (of * unit)) * unit

/** Takes `size` ≤ holding.size out of the holding and says into `slice` which money goes with it. */
export function cut(holding: Holding, size: bigint, sharing: Sharing, slice: Slice): void {
  if (size === holding.size) {
    slice.gross = holding.gross
    slice.fee = holding.fee
    holding.size = holding.gross = holding.fee = 0n
    return
  }
  slice.gross = sharing.even
    ? sharing.price * size
    : share(holding.gross, size, holding.size, sharing.grossUnit)
  slice.fee = share(holding.fee, size, holding.size, sharing.feeUnit)
  holding.size -= size
  holding.gross -= slice.gross
  holding.fee -= slice.fee
}

export class Lot implements Holding, Sharing {
  /** The queue it waits in; an entry of any other queue is stale. */
  queue: LotQueue | undefined
  /** Lots of the same trade in other accounts, itself included; undefined: never transferred. */
  parts: Lot[] | undefined
  /** rankCost ÷ rankSize approximately: decides most comparisons. */
  private rank: number

  constructor(
    /** Number of the trade that opened it. */
    readonly order: number,
    /** Rank by time of opening; parts of one trade share it. */
    readonly position: number,
    readonly short: boolean,
    public account: string | null,
    public size: bigint,
    public gross: bigint,
    public fee: bigint,
    readonly price: bigint,
    public even: boolean,
    readonly grossUnit: bigint,
    readonly feeUnit: bigint,
    /** What the whole trade cost or brought, fee included, and its size in units of today. */
    public rankCost: bigint,
    public rankSize: bigint,
  ) {
    this.rank = Number(rankCost) / Number(rankSize)
  }

  /** The same trade's lot in another account, still empty. */
  part(account: string | null): Lot {
    const { order, position, short, price, even, grossUnit, feeUnit, rankCost, rankSize } = this
    const part = new Lot(
      order,
      position,
      short,
      account,
      0n,
      0n,
      0n,
      price,
      even,
      grossUnit,
      feeUnit,
      rankCost,
      rankSize,
    )
    this.parts ??= [this]
    part.parts = this.parts
    this.parts.push(part)
    return part
  }

  /** After a split: the unit cost changes, exactly. */
  rerank(numerator: bigint, denominator: bigint): void {
    this.rankSize *= numerator
    this.rankCost *= denominator
    this.rank = Number(this.rankCost) / Number(this.rankSize)
  }

  /** Negative when this lot's unit cost, fee included, is less than the other's. */
  compareUnitCost(other: Lot): number {
    const difference = this.rank - other.rank
    // Doubles are wrong in the sixteenth digit at most.
    if (Math.abs(difference) > 1e-12 * Math.abs(this.rank)) return difference
    const exact = this.rankCost * other.rankSize - other.rankCost * this.rankSize
    return exact < 0n ? -1 : exact > 0n ? 1 : 0
  }

  /** Earlier opened first; parts of one trade by account, none first. */
  compareOpening(other: Lot): number {
    if (this.position !== other.position) return this.position - other.position
    if (this.account === other.account) return 0
    if (this.account === null || other.account === null) return this.account === null ? -1 : 1
    return compareText(this.account, other.account)
  }
}

/** Amount units of the digit at `places`. */
export const unitAt = (amountScale: number, places: number): bigint => pow10(amountScale - places)
