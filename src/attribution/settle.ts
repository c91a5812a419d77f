/**
 * What a refund, chargeback or correction of an event takes from its channels, or gives them.
 *
 * What takes back is split over what remains of each channel, by largest remainders: a share of the remaining is never
 * more than it, so that no channel goes below zero in any sequence, and taking back all of it leaves zero in each. By
 * the original weights it would leave residue. What adds is split by the weights by which the event was.
 *
 * Raises TIE-4120 when more would be taken back than remains; RangeError when channels are repeated.
 */

import { apportion } from '../base/apportion.js'
import { refuse } from '../base/errors.js'

export interface Remaining {
  readonly channel: string
  /** Cents of the event that the channel still has: its allocation and all that was taken or added since. */
  readonly cents: bigint
  /** By which the event was split, ≥ 0: for what adds. */
  readonly weight: bigint
}

/** The cents of each channel, in the order given, for a change of the event's revenue by `change` cents. */
export function settle(change: bigint, channels: readonly Remaining[]): bigint[] {
  const remaining = channels.reduce((sum, { cents }) => sum + cents, 0n)
  const takesBack = remaining !== 0n && change < 0n !== remaining < 0n
  if (change !== 0n && remaining === 0n && change < 0n) refuseMore(change, remaining)
  if (!takesBack)
    return apportion(
      change,
      channels.map(({ channel, weight }) => ({ key: channel, weight })),
    )
  if (size(change) > size(remaining)) refuseMore(change, remaining)
  return apportion(
    change,
    channels.map(({ channel, cents }) => ({ key: channel, weight: size(cents) })),
  )
}

const size = (cents: bigint): bigint => (cents < 0n ? -cents : cents)

function refuseMore(change: bigint, remaining: bigint): never {
  refuse('TIE-4120', { amount: String(size(change)), remaining: String(remaining) })
}
