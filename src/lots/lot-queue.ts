/**
 * Lots in the order in which a method closes them. First and last in are kept in a sorted array with a head,
 * highest and lowest in a heap; both are lazy: lots that were emptied or moved elsewhere are dropped when they
 * come up. Opening in time order costs a step, a lot put back among older ones (a transfer) the length of the
 * array. Raises nothing.
 */

import type { Method } from './config.js'
import type { Lot } from './lot.js'

export interface LotQueue {
  push(lot: Lot): void
  /** The lot to be closed first; undefined when none is open. */
  first(): Lot | undefined
  /** All open lots, each once, in no particular order. */
  open(): Lot[]
}

/** Negative: `a` is closed before `b`. Average cost and specific identification name lots as FIFO does. */
export function closingOrder(method: Method): (a: Lot, b: Lot) => number {
  switch (method) {
    case 'lifo':
      return (a, b) => b.compareOpening(a)
    case 'hifo':
      return (a, b) => b.compareUnitCost(a) || a.compareOpening(b)
    case 'lofo':
      return (a, b) => a.compareUnitCost(b) || a.compareOpening(b)
    default:
      return (a, b) => a.compareOpening(b)
  }
}

export function lotQueue(method: Method): LotQueue {
  switch (method) {
    case 'lifo':
      return new SortedQueue('newest')
    case 'hifo':
    case 'lofo':
      return new HeapQueue(closingOrder(method))
    default:
      return new SortedQueue('oldest')
  }
}

abstract class LazyQueue implements LotQueue {
  protected lots: Lot[] = []

  abstract push(lot: Lot): void
  abstract first(): Lot | undefined

  protected isOpen(lot: Lot): boolean {
    return lot.size > 0n && lot.queue === this
  }

  open(): Lot[] {
    return [...new Set(this.lots.filter((lot) => this.isOpen(lot)))]
  }
}

class SortedQueue extends LazyQueue {
  private head = 0

  constructor(private readonly end: 'oldest' | 'newest') {
    super()
  }

  push(lot: Lot): void {
    lot.queue = this
    const { lots } = this
    if (lots.length === this.head || lots.at(-1)!.compareOpening(lot) <= 0) {
      lots.push(lot)
      return
    }
    let [low, high] = [this.head, lots.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (lots[middle]!.compareOpening(lot) <= 0) low = middle + 1
      else high = middle
    }
    lots.splice(low, 0, lot)
  }

  first(): Lot | undefined {
    const { lots } = this
    if (this.end === 'newest') {
      while (lots.length > 0 && !this.isOpen(lots.at(-1)!)) lots.pop()
      return lots.at(-1)
    }
    while (this.head < lots.length && !this.isOpen(lots[this.head]!)) this.head += 1
    const first = lots[this.head]
    if (this.head > 1024 && this.head * 2 > lots.length) {
      this.lots = lots.slice(this.head)
      this.head = 0
    }
    return first
  }
}

class HeapQueue extends LazyQueue {
  constructor(private readonly compare: (a: Lot, b: Lot) => number) {
    super()
  }

  push(lot: Lot): void {
    lot.queue = this
    const { lots } = this
    let at = lots.length
    lots.push(lot)
    while (at > 0) {
      const above = (at - 1) >> 1
      if (this.compare(lots[above]!, lot) <= 0) break
      lots[at] = lots[above]!
      at = above
    }
    lots[at] = lot
  }

  first(): Lot | undefined {
    while (this.lots.length > 0 && !this.isOpen(this.lots[0]!)) this.drop()
    return this.lots[0]
  }

  private drop(): void {
    const { lots } = this
    const last = lots.pop()!
    if (lots.length === 0) return
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      if (below >= lots.length) break
      if (below + 1 < lots.length && this.compare(lots[below + 1]!, lots[below]!) < 0) below += 1
      if (this.compare(last, lots[below]!) <= 0) break
      lots[at] = lots[below]!
      at = below
    }
    lots[at] = last
  }
}
