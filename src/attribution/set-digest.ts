/**
 * Digests of an allocation set: of what it was made from, and of what it says. Equal inputs under one model version
 * give equal contents, on every machine and database. Raises nothing.
 */

import { type Digest, digestOf } from '../base/digest.js'
import type { EventPath } from './paths.js'

export interface AllocationInput {
  readonly modelVersion: string
  readonly revenueCents: bigint
  readonly currency: string
  readonly path: EventPath
}

/** The touches count in order of time, those of one instant in the order given; a model version says the rest. */
export const inputDigest = ({ modelVersion, revenueCents, currency, path }: AllocationInput): Digest =>
  digestOf({
    model_version: modelVersion,
    revenue_cents: String(revenueCents),
    currency,
    converted_at: path.convertedAt,
    touches: path.touches
      .toSorted((a, b) => a.at - b.at)
      .map(({ channel, at, milestone }) => [channel, at, milestone ?? null]),
  })

export interface AllocatedChannel {
  readonly channel: string
  readonly cents: bigint
  /** Whole 100,000ths. */
  readonly ratio: number
}

/** The rows in code point order of the channels, as allocate gives them. */
export const contentDigest = (
  modelVersion: string,
  currency: string,
  rows: readonly AllocatedChannel[],
): Digest =>
  digestOf([modelVersion, currency, rows.map(({ channel, cents, ratio }) => [channel, String(cents), ratio])])
