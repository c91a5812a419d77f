/** Why a channel has its cents: every step of a split by largest remainders, in exact numbers. Raises nothing. */

import { type Fraction, fraction } from '../base/fraction.js'
import { compareText } from '../base/text.js'

export interface SplitStep {
  readonly channel: string
  /** Of all weight. */
  readonly share: Fraction
  /** total × share. */
  readonly exact: Fraction
  /** The exact part without what is behind the point, toward zero. */
  readonly whole: bigint
  /** What is left of it: 0 ≤ remainder < 1. */
  readonly remainder: Fraction
  /** Place by size of the remainder, ties by the channel's code; from 1. */
  readonly rank: number
  /** Whether one of the cents left over went here. */
  readonly isExtra: boolean
  readonly cents: bigint
}

export interface ExplainedSplit {
  /** Cents left over after every channel had its whole part. */
  readonly left: bigint
  /** In code point order of the channels. */
  readonly steps: readonly SplitStep[]
}

/** Written from the rule, beside the code that allocates: what both give must be the same. */
export function explainSplit(
  total: bigint,
  parts: readonly { readonly channel: string; readonly weight: bigint }[],
): ExplainedSplit {
  const sum = parts.reduce((all, { weight }) => all + weight, 0n)
  const size = total < 0n ? -total : total
  const sign = total < 0n ? -1n : 1n
  const drafts = parts.map(({ channel, weight }) => {
    const product = size * weight
    return { channel, weight, whole: product / sum, rest: product % sum }
  })
  const left = drafts.reduce((rest, { whole }) => rest - whole, size)
  const ranked = drafts.toSorted((a, b) =>
    a.rest === b.rest ? compareText(a.channel, b.channel) : a.rest > b.rest ? -1 : 1,
  )
  const rankOf = new Map(ranked.map(({ channel }, i) => [channel, i + 1]))
  const steps = drafts
    .toSorted((a, b) => compareText(a.channel, b.channel))
    .map(({ channel, weight, whole, rest }) => {
      const rank = rankOf.get(channel)!
      const isExtra = BigInt(rank) <= left
      return {
        channel,
        share: fraction(weight, sum),
        exact: fraction(total * weight, sum),
        whole: sign * whole,
        remainder: fraction(rest, sum),
        rank,
        isExtra,
        cents: sign * (whole + (isExtra ? 1n : 0n)),
      }
    })
  return { left, steps }
}
