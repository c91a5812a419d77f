/**
 * Digests of an allocation set: of what it was made from, and of what it says. Equal inputs under one model version
 * give equal contents, on every machine and database. Raises nothing.
 */

import { type Digest, digestOf } from '../base/digest.js'

export interface PurchaseInput {
  /** Without a revision. */
  readonly modelVersion: string
  /** Of all that the event says: its revenue, currency, instant and touches. */
  readonly eventDigest: string
  /** Of the touches in their order: what the taxonomy takes their codes for. */
  readonly channels: readonly string[]
}

export const purchaseDigest = ({ modelVersion, eventDigest, channels }: PurchaseInput): Digest =>
  digestOf([modelVersion, eventDigest, channels])

/** Of a refund, chargeback or correction: what its purchase was split by, and what stood before it. */
export const adjustmentDigest = (
  eventDigest: string,
  purchaseInput: string,
  contentsBefore: readonly string[],
): Digest => digestOf([eventDigest, purchaseInput, contentsBefore])

export interface AllocatedChannel {
  readonly channel: string
  readonly allocated_revenue_cents: bigint
  /** At five places, as text. */
  readonly allocation_ratio: string
}

/** What a set says: rows in code point order of their channels. */
export const contentDigest = (
  revenueCents: bigint,
  currency: string,
  rows: readonly AllocatedChannel[],
): Digest =>
  digestOf([
    String(revenueCents),
    currency,
    ...rows.map(({ channel, allocation_ratio, allocated_revenue_cents }) => [
      channel,
      allocation_ratio,
      String(allocated_revenue_cents),
    ]),
  ])
