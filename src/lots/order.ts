/**
 * The one order of facts: by instant; at one instant splits, then buys, then transfers, then sells, so that a
 * buy covers the sell of the same moment; then by the venue's sequence (none comes last); then by id in UTF-8
 * byte order. It is total because ids are unique. Raises nothing.
 */

import { compareText } from '../base/text.js'

export const RANK = { split: 0, buy: 1, transfer: 2, sell: 3 } as const

/** The place of a fact in the order. Plain JSON, so that a state can be stored with it. */
export interface OrderKey {
  readonly at: string
  readonly rank: number
  readonly venue_sequence: string | null
  readonly id: string
}

export function compareOrder(a: OrderKey, b: OrderKey): number {
  if (a.at !== b.at) return a.at < b.at ? -1 : 1
  if (a.rank !== b.rank) return a.rank - b.rank
  if (a.venue_sequence !== b.venue_sequence) return compareSequence(a.venue_sequence, b.venue_sequence)
  return compareText(a.id, b.id)
}

/** Whole digits without leading zeros, by value. */
function compareSequence(a: string | null, b: string | null): number {
  if (a === null) return 1
  if (b === null) return -1
  return a.length === b.length ? (a < b ? -1 : 1) : a.length - b.length
}
