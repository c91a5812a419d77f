/** Which touches of a path a model looks at, and why not at the others, told touch by touch. Raises nothing. */

import type { Model } from './model.js'
import { microsecondsOf } from './parameter.js'
import type { Transform } from './window.js'

export interface SeenTouch {
  readonly channel: string
  /** Microseconds. */
  readonly at: number
}

/** By touch: null where it counts, else why not. */
export function touchFates(
  touches: readonly SeenTouch[],
  convertedAt: number,
  { parameters }: Model,
): (string | null)[] {
  const lookback = microsecondsOf(parameters.lookback!)
  const transform = parameters.transform as Transform
  const inWindow = touches.map(({ at }) => lookback === null || at >= convertedAt - Number(lookback))
  return touches.map(({ channel }, i) => {
    if (!inWindow[i]) return `before the look-back window of ${parameters.lookback} days`
    if (transform === 'exposure') {
      const next = touches[i + 1]
      return next?.channel === channel ? `one with the next touch, of ${channel} too` : null
    }
    if (transform === 'unique') return null
    const isLater = touches.some((other, j) => j < i && inWindow[j] && other.channel === channel)
    return isLater ? `${channel} counts at its first touch` : null
  })
}
