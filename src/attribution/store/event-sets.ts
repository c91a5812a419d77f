/** The allocation sets of one event, with their rows. Raises nothing. */

import type { Tx } from '../../books/books.js'

export interface StoredSet {
  readonly model: string
  readonly model_version: string
  readonly run_id: string
  readonly computed_at: string
  readonly input_digest: string
  readonly content_digest: string
  readonly superseded_by: string | null
  readonly superseded_at: string | null
  readonly allocations: readonly {
    readonly channel: string
    readonly allocation_ratio: string
    readonly allocated_revenue_cents: string
  }[]
}

/** In the order in which they were computed; amounts are text inside JSON. */
export const setsOf = (tx: Tx, event: number): Promise<StoredSet[]> =>
  tx.rows(
    `SELECT s.model, s.model_version, s.run_id, s.computed_at, s.input_digest, s.content_digest, s.superseded_by,
        s.superseded_at, a.allocations
       FROM attribution_allocation_sets s, LATERAL (
         SELECT jsonb_agg(jsonb_build_object('channel', x.channel, 'allocation_ratio', x.allocation_ratio::text,
           'allocated_revenue_cents', x.allocated_revenue_cents::text) ORDER BY x.channel) AS allocations
         FROM attribution_allocations x
         WHERE x.tenant_id = s.tenant_id AND x.event_id = s.event_id AND x.model_version = s.model_version) a
      WHERE s.tenant_id = tieout_current_tenant() AND s.event_id = $1 ORDER BY s.computed_at, s.model_version`,
    [event],
  )

/** The model as it was said when the run that wrote a set began. */
export async function modelOfRun(tx: Tx, run: string): Promise<string> {
  const [row] = await tx.rows<{ model: string }>(
    `SELECT parameters->>'model' AS model FROM calculation_runs WHERE tenant_id = tieout_current_tenant() AND id = $1`,
    [run],
  )
  return row!.model
}

/** The model of a key, of which sets hold, as it was said when one of them was computed. */
export async function modelHeld(tx: Tx, key: string): Promise<string> {
  const [row] = await tx.rows<{ run: string }>(
    `SELECT run_id AS run FROM attribution_allocation_sets
      WHERE tenant_id = tieout_current_tenant() AND model = $1 AND superseded_by IS NULL LIMIT 1`,
    [key],
  )
  return modelOfRun(tx, row!.run)
}
