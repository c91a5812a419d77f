/** Revenue as it is taken away: what each event gave each channel by a model, page by page. Raises nothing. */

import type { Tx } from '../../books/books.js'

export const REVENUE_COLUMNS = [
  'event',
  'event_type',
  'occurred_at',
  'currency',
  'channel',
  'family',
  'allocation_ratio',
  'allocated_revenue_cents',
  'model_version',
  'verification',
] as const
export type RevenueRow = Readonly<Record<(typeof REVENUE_COLUMNS)[number], string>>

export interface RevenueFilter {
  readonly model: string
  readonly currency?: string | undefined
  /** UTC days on which events occurred, both included. */
  readonly from?: string | undefined
  readonly to?: string | undefined
}

/** Events of a page. */
const PAGE = 5_000

type Numbered = RevenueRow & { readonly event_id: bigint }

/** By event in the order of arrival, in it by channel. */
export async function* revenueRows(
  tx: Tx,
  { model, currency, from, to }: RevenueFilter,
): AsyncGenerator<readonly RevenueRow[]> {
  for (let after = 0n; ; ) {
    const [page] = await tx.rows<{ last: bigint | null }>(
      `SELECT max(event_id) AS last FROM (
         SELECT event_id FROM attribution_allocation_sets
         WHERE tenant_id = tieout_current_tenant() AND model = $1 AND superseded_by IS NULL AND event_id > $2
         ORDER BY event_id LIMIT ${PAGE}) page`,
      [model, after],
    )
    const last = page?.last ?? null
    if (last === null) return
    const rows = await tx.rows<Numbered>(
      `SELECT s.event_id, coalesce(e.external_event_id, e.correlation_id) AS event, e.event_type, e.occurred_at, s.currency,
         a.channel, c.family, a.allocation_ratio::text, a.allocated_revenue_cents::text, s.model_version,
         CASE WHEN v.event_id IS NULL THEN 'unverified' ELSE 'verified' END AS verification
       FROM attribution_allocation_sets s
       JOIN attribution_allocations a USING (tenant_id, event_id, model_version)
       JOIN attribution_events e USING (tenant_id, event_id)
       JOIN channel_taxonomy c ON c.tenant_id = s.tenant_id AND c.code = a.channel
       LEFT JOIN verified_events v ON v.tenant_id = s.tenant_id AND v.event_id = s.event_id
       WHERE s.tenant_id = tieout_current_tenant() AND s.model = $1 AND s.superseded_by IS NULL
         AND s.event_id > $2 AND s.event_id <= $3 AND ($4::text IS NULL OR s.currency = $4)
         AND ($5::date IS NULL OR (e.occurred_at AT TIME ZONE 'UTC')::date >= $5)
         AND ($6::date IS NULL OR (e.occurred_at AT TIME ZONE 'UTC')::date <= $6)
       ORDER BY s.event_id, a.channel`,
      [model, after, last, currency ?? null, from ?? null, to ?? null],
    )
    if (rows.length > 0) yield rows
    after = last
  }
}
