/**
 * Paths with how often they converted and how often they did not: what models are learned from and, without events,
 * compared by. Raises nothing.
 */

import { compareText } from '../base/text.js'
import type { Transform } from './window.js'

export interface CountedPath {
  readonly path: readonly string[]
  readonly conversions: bigint
  readonly nulls: bigint
}

/** A touch of a transformed path: its channel and, under the transform frequency, how often the channel occurs. */
export interface CountedTouch {
  readonly channel: string
  readonly times: number
}

export function transformed(path: readonly string[], transform: Transform): CountedTouch[] {
  if (transform === 'unique') return path.map((channel) => ({ channel, times: 1 }))
  if (transform === 'exposure')
    return path
      .filter((channel, place) => channel !== path[place - 1])
      .map((channel) => ({ channel, times: 1 }))
  const times = new Map<string, number>()
  for (const channel of path) times.set(channel, (times.get(channel) ?? 0) + 1)
  return [...times].map(([channel, count]) => ({ channel, times: transform === 'frequency' ? count : 1 }))
}

/** Every channel of the paths, in code point order. */
export function channelsOfPaths(paths: readonly CountedPath[]): string[] {
  const codes = new Set<string>()
  for (const { path } of paths) for (const channel of path) codes.add(channel)
  return [...codes].sort(compareText)
}
