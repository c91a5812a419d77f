/**
 * What a model sees of a path: the touches inside the look-back window, transformed. One window is reused for all
 * events, so that a million of them allocate nothing. Raises nothing.
 */

import type { Paths } from './paths.js'

/**
 * How a path is shortened before it is weighed, by the names the field uses:
 * unique: every touch counts. exposure: touches of one channel in succession are one, the last of them. first: the
 * first touch of each channel. frequency: as first, and a learned model tells channels apart by how often they occur.
 */
export type Transform = 'unique' | 'first' | 'exposure' | 'frequency'
export const TRANSFORMS: readonly Transform[] = ['unique', 'first', 'exposure', 'frequency']

export interface Selection {
  readonly transform: Transform
  /** Touches earlier than this before the conversion are left out, microseconds; null: none are. */
  readonly lookback: number | null
}

export class TouchWindow {
  size = 0
  readonly channel: Int32Array
  readonly at: Float64Array
  readonly milestones: Uint8Array
  /** By channel: the number of the selection that saw it last, and where. */
  private readonly seen: Int32Array
  private readonly place: Int32Array
  private turn = 0

  constructor(paths: Paths) {
    let longest = 0
    for (let i = 0; i < paths.events; i++)
      longest = Math.max(longest, paths.starts[i + 1]! - paths.starts[i]!)
    this.channel = new Int32Array(longest)
    this.at = new Float64Array(longest)
    this.milestones = new Uint8Array(longest)
    this.seen = new Int32Array(paths.channels.length)
    this.place = new Int32Array(paths.channels.length)
  }

  /**
   * The touches of an event from the window's edge, inclusive, to the conversion, inclusive. A milestone of a touch
   * that is merged away passes to the touch that stays.
   */
  select(paths: Paths, event: number, { transform, lookback }: Selection): void {
    this.size = 0
    this.turn++
    const converted = paths.convertedAt[event]!
    const earliest = lookback === null ? Number.NEGATIVE_INFINITY : converted - lookback
    const end = paths.starts[event + 1]!
    for (let touch = paths.starts[event]!; touch < end; touch++) {
      const at = paths.at[touch]!
      if (at < earliest || at > converted) continue
      const channel = paths.channel[touch]!
      const kept = this.merged(transform, channel)
      if (kept < 0) this.append(channel, at, paths.milestones[touch]!)
      else {
        this.milestones[kept]! |= paths.milestones[touch]!
        if (transform === 'exposure') this.at[kept] = at
      }
    }
  }

  /** Where the touch that takes this one in is; -1: none. */
  private merged(transform: Transform, channel: number): number {
    if (transform === 'unique') return -1
    if (transform === 'exposure')
      return this.size > 0 && this.channel[this.size - 1] === channel ? this.size - 1 : -1
    return this.seen[channel] === this.turn ? this.place[channel]! : -1
  }

  private append(channel: number, at: number, milestones: number): void {
    this.seen[channel] = this.turn
    this.place[channel] = this.size
    this.channel[this.size] = channel
    this.at[this.size] = at
    this.milestones[this.size] = milestones
    this.size++
  }
}
