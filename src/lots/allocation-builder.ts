/** Allocations as they arise: columns that grow, and the digest of them. Raises nothing. */

import type { AllocationColumns, OrderColumns } from './allocation.js'
import type { AllocationDigest } from './allocation-digest.js'
import type { Slice } from './lot.js'
import { UnitsColumn } from './units-column.js'

export const MATCHED = 0
export const UNMATCHED = 1
export const DUST = 2
export const SHORT = 3

const NOTHING: Slice = { gross: 0n, fee: 0n }

export class AllocationBuilder implements AllocationColumns {
  readonly sell: number[] = []
  readonly buy: number[] = []
  readonly class: number[] = []
  readonly short: number[] = []
  readonly lotAccount: (string | null)[] = []
  readonly size = new UnitsColumn()
  readonly buyGross = new UnitsColumn()
  readonly sellGross = new UnitsColumn()
  readonly buyFee = new UnitsColumn()
  readonly sellFee = new UnitsColumn()

  constructor(
    readonly symbol: string,
    readonly orders: OrderColumns,
    readonly sizeScale: number,
    readonly amountScale: number,
    private readonly rows: AllocationDigest,
  ) {}

  /** `closing` closes `size` of a lot that `opening` opened. */
  closed(
    opening: number,
    closing: number,
    short: boolean,
    lotAccount: string | null,
    size: bigint,
    lot: Slice,
    trade: Slice,
  ): void {
    if (short) this.add(opening, closing, SHORT, true, lotAccount, size, trade, lot)
    else this.add(closing, opening, MATCHED, false, lotAccount, size, lot, trade)
  }

  unmatched(sell: number, size: bigint, slice: Slice): void {
    this.add(sell, -1, UNMATCHED, false, null, size, NOTHING, slice)
  }

  /** What `closing` left of a lot. */
  dust(
    opening: number,
    closing: number,
    short: boolean,
    lotAccount: string | null,
    size: bigint,
    lot: Slice,
  ): void {
    if (short) this.add(opening, closing, DUST, true, lotAccount, size, NOTHING, lot)
    else this.add(closing, opening, DUST, false, lotAccount, size, lot, NOTHING)
  }

  private add(
    sell: number,
    buy: number,
    kind: number,
    short: boolean,
    lotAccount: string | null,
    size: bigint,
    ofBuy: Slice,
    ofSell: Slice,
  ): void {
    this.sell.push(sell)
    this.buy.push(buy)
    this.class.push(kind)
    this.short.push(short ? 1 : 0)
    this.lotAccount.push(lotAccount)
    this.size.push(size)
    this.buyGross.push(ofBuy.gross)
    this.buyFee.push(ofBuy.fee)
    this.sellGross.push(ofSell.gross)
    this.sellFee.push(ofSell.fee)
    const { rows, orders, amountScale } = this
    rows.text(orders.order_id[sell]!)
    rows.text(buy < 0 ? null : orders.order_id[buy]!)
    rows.number(kind * 2 + (short ? 1 : 0))
    rows.text(lotAccount)
    rows.decimal(size, this.sizeScale)
    rows.decimal(ofBuy.gross, amountScale)
    rows.decimal(ofBuy.fee, amountScale)
    rows.decimal(ofSell.gross, amountScale)
    rows.decimal(ofSell.fee, amountScale)
    rows.endRow()
  }
}
