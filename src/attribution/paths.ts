/**
 * Paths in memory: columns over all events, so that a million events are a handful of arrays. Channels are numbers
 * in code point order of their codes; ties between equal remainders are therefore ties between numbers.
 *
 * An instant is a number of whole microseconds since 1970 in UTC, exact in a double for the years 1684 to 2255.
 * Raises nothing.
 */

import { compareText } from '../base/text.js'

/** The channel of revenue that no touch explains. */
export const UNKNOWN_CHANNEL = 'unknown'

/** Touches of one path at most. */
export const MAX_TOUCHES = 1_000_000

/** What a touch was besides a touch: the one that made a lead, or an opportunity, or both. */
export const MILESTONES = ['lead', 'opportunity', 'lead+opportunity'] as const
export type Milestone = (typeof MILESTONES)[number]
export const MILESTONE_BITS = { lead: 1, opportunity: 2 } as const

export const milestoneBits = (milestone: Milestone | null): number =>
  milestone === null ? 0 : MILESTONES.indexOf(milestone) + 1

export interface Touch {
  readonly channel: string
  /** Microseconds. */
  readonly at: number
  readonly milestone?: Milestone
}

export interface EventPath {
  /** In order of time; touches of one instant in the order in which they were reported. */
  readonly touches: readonly Touch[]
  /** The instant of the conversion, microseconds. */
  readonly convertedAt: number
}

export interface Paths {
  /** Codes in code point order, `unknown` among them. */
  readonly channels: readonly string[]
  readonly events: number
  /** Where the touches of each event begin, and, at the end, where the last one's end: events + 1 entries. */
  readonly starts: Int32Array
  /** By touch: index into `channels`. */
  readonly channel: Int32Array
  /** By touch, microseconds. */
  readonly at: Float64Array
  /** By touch: bits of MILESTONE_BITS. */
  readonly milestones: Uint8Array
  /** By event, microseconds. */
  readonly convertedAt: Float64Array
}

/** The columns of some paths; touches are put in order of time, stably. */
export function pathsOf(events: readonly EventPath[]): Paths {
  const codes = new Set([UNKNOWN_CHANNEL])
  let touches = 0
  for (const event of events) {
    touches += event.touches.length
    for (const { channel } of event.touches) codes.add(channel)
  }
  const channels = [...codes].sort(compareText)
  const indexOf = new Map(channels.map((code, index) => [code, index]))
  const paths = {
    channels,
    events: events.length,
    starts: new Int32Array(events.length + 1),
    channel: new Int32Array(touches),
    at: new Float64Array(touches),
    milestones: new Uint8Array(touches),
    convertedAt: new Float64Array(events.length),
  }
  let next = 0
  events.forEach((event, i) => {
    paths.convertedAt[i] = event.convertedAt
    for (const touch of event.touches.toSorted((a, b) => a.at - b.at)) {
      paths.channel[next] = indexOf.get(touch.channel)!
      paths.at[next] = touch.at
      paths.milestones[next] = milestoneBits(touch.milestone ?? null)
      next++
    }
    paths.starts[i + 1] = next
  })
  return paths
}
