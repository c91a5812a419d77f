/** Counted paths out of events, for models to learn from. Raises nothing. */

import type { CountedPath } from './counted-paths.js'
import type { Model } from './model.js'
import { microsecondsOf } from './parameter.js'
import type { Paths } from './paths.js'
import { TouchWindow } from './window.js'

/**
 * A conversion for each purchase that has a touch inside the look-back window. Touches that led to no purchase are in no
 * event, so there are no nulls.
 */
export function learnedPaths(paths: Paths, { parameters }: Model): CountedPath[] {
  const lookback = microsecondsOf(parameters.lookback!)
  // Learning transforms by itself.
  const selection = { transform: 'unique', lookback: lookback === null ? null : Number(lookback) } as const
  const window = new TouchWindow(paths)
  const counts = new Map<string, { readonly path: string[]; conversions: bigint; readonly nulls: bigint }>()
  for (let event = 0; event < paths.events; event++) {
    window.select(paths, event, selection)
    if (window.size === 0) continue
    const numbers = window.channel.subarray(0, window.size)
    const key = numbers.join()
    const found = counts.get(key)
    if (found !== undefined) found.conversions += 1n
    else {
      const path = Array.from(numbers, (channel) => paths.channels[channel]!)
      counts.set(key, { path, conversions: 1n, nulls: 0n })
    }
  }
  return [...counts.values()]
}
