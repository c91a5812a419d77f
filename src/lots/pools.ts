/**
 * The open lots of one symbol in their pools, under the method and scope in force. A pool has a queue of long
 * and one of short lots; under average cost each of them is also one holding, whose money is what its lots'
 * money is shared from. Raises nothing.
 */

import type { OrderColumns } from './allocation.js'
import type { Method, Scope } from './config.js'
import { cut, type Holding, type Lot, type Slice } from './lot.js'
import { type LotQueue, lotQueue } from './lot-queue.js'

export interface PoolSide {
  readonly queue: LotQueue
  /** Under average cost: what all its lots together have. */
  readonly average: Holding | undefined
}

interface Pool {
  readonly long: PoolSide
  readonly short: PoolSide
}

const NONE = ''

export class Pools {
  private readonly pools = new Map<string, Pool>()

  constructor(
    readonly method: Method,
    readonly scope: Scope,
    private readonly orders: Pick<OrderColumns, 'strategy' | 'bracket'>,
  ) {}

  /** The pool as the open lots name it. Names are marked, so that no name is like none. */
  name(account: string | null, strategy: string | null): string {
    if (this.scope === 'symbol') return 'symbol'
    return `${this.scope}:${(this.scope === 'account' ? account : strategy) ?? NONE}`
  }

  /** Of a trade, by its number in the orders, or of a lot that it opened and `account` holds. */
  side(order: number, account: string | null, short: boolean): PoolSide {
    const strategy = this.orders.strategy[order]!
    const own = this.scope === 'symbol' ? null : this.scope === 'account' ? account : strategy
    const key =
      this.method === 'specific'
        ? JSON.stringify([own, ...this.shared(order)])
        : this.scope === 'symbol'
          ? NONE
          : JSON.stringify(own)
    let pool = this.pools.get(key)
    if (pool === undefined) {
      pool = { long: this.newSide(), short: this.newSide() }
      this.pools.set(key, pool)
    }
    return short ? pool.short : pool.long
  }

  sideOf(lot: Lot): PoolSide {
    return this.side(lot.order, lot.account, lot.short)
  }

  /** What trades share whose lots specific identification closes without names: the bracket, or else the strategy. */
  private shared(order: number): readonly (string | null)[] {
    const bracket = this.orders.bracket[order]!
    return bracket === null ? [this.orders.strategy[order]!] : ['bracket', bracket]
  }

  put(lot: Lot): void {
    const { queue, average } = this.sideOf(lot)
    if (average !== undefined) {
      lot.even = false
      average.size += lot.size
      average.gross += lot.gross
      average.fee += lot.fee
    }
    queue.push(lot)
  }

  /** More of a lot that is open already. */
  add(lot: Lot, size: bigint, { gross, fee }: Slice, even: boolean): void {
    const money = this.sideOf(lot).average ?? lot
    money.gross += gross
    money.fee += fee
    if (money !== lot) money.size += size
    lot.size += size
    lot.even &&= even
  }

  /** Takes `size` out of the lot, and says into `slice` which money goes with it. */
  take(lot: Lot, size: bigint, average: Holding | undefined, slice: Slice): void {
    if (average === undefined) {
      cut(lot, size, lot, slice)
      return
    }
    cut(average, size, lot, slice)
    lot.size -= size
  }

  /** Every open lot, as opened. Under average cost each gets its share of its pool's money first. */
  open(): Lot[] {
    const all: Lot[] = []
    for (const pool of this.pools.values()) {
      for (const { queue, average } of [pool.long, pool.short]) {
        const lots = queue.open()
        if (average !== undefined) settle(lots.sort(byOpening), average)
        for (const lot of lots) all.push(lot)
      }
    }
    return all.sort(byOpening)
  }

  private newSide(): PoolSide {
    const average = this.method === 'average' ? { size: 0n, gross: 0n, fee: 0n } : undefined
    return { queue: lotQueue(this.method), average }
  }
}

const byOpening = (a: Lot, b: Lot): number => a.compareOpening(b) || Number(a.short) - Number(b.short)

function settle(lots: readonly Lot[], average: Holding): void {
  const left = { ...average }
  for (const lot of lots) cut(left, lot.size, lot, lot)
}
