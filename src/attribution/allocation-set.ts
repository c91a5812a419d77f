/** An allocation set: what one model version gives the channels of one event. Raises nothing. */

import type { AllocatedChannel } from './set-digest.js'

export interface AllocationSet {
  readonly event_id: number
  readonly model_version: string
  /** The event's. */
  readonly revenue_cents: bigint
  readonly currency: string
  readonly input_digest: string
  /** Worked out from the allocations where it is not said. */
  readonly content_digest?: string
  /** The version of the set that held for the event until now. */
  readonly supersedes?: string
  /** In code point order of the channels. */
  readonly allocations: readonly AllocatedChannel[]
}
