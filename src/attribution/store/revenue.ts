/** Revenue as it is read at a glance, from totals that are kept with the rows they count. Raises nothing. */

import type { Tx } from '../../books/books.js'

export interface StoredRevenue {
  readonly currency: string
  readonly events: bigint
  readonly revenue_cents: string
  readonly verified_events: bigint
  readonly verified_cents: string
  readonly unverified_cents: string
  readonly entries: bigint
  readonly posted_cents: string
  readonly last_recorded_at: string
}

/** By currency. */
export const revenueTotals = (tx: Tx): Promise<StoredRevenue[]> =>
  tx.rows(
    `SELECT currency, events, revenue_cents, verified_events, verified_cents, unverified_cents, entries, posted_cents,
       last_recorded_at
     FROM mv_realtime_revenue WHERE tenant_id = tieout_current_tenant() ORDER BY currency`,
  )

export interface ChannelFilter {
  /** Of the model: name, version, digest of its parameters. */
  readonly model: string
  readonly currency?: string | undefined
  /** UTC days on which events occurred, both included. */
  readonly from?: string | undefined
  readonly to?: string | undefined
}

export interface ChannelRevenue {
  readonly channel: string
  readonly family: string
  readonly is_paid: boolean | null
  readonly currency: string
  readonly allocated_revenue_cents: string
  readonly allocations: number
}

/**
 * Of the sets that hold, by currency, family and channel. Days and channels are few, whatever the number of events: the
 * totals are summed from their index alone.
 */
export async function channelRevenue(
  tx: Tx,
  { model, currency, from, to }: ChannelFilter,
): Promise<ChannelRevenue[]> {
  const rows = await tx.rows<Omit<ChannelRevenue, 'allocations'> & { allocations: string }>(
    `SELECT t.channel, c.family, c.is_paid, t.currency, t.cents::text AS allocated_revenue_cents, t.allocations::text
     FROM (${CHANNEL_TOTALS}) t
     JOIN channel_taxonomy c ON c.tenant_id = tieout_current_tenant() AND c.code = t.channel
     ORDER BY t.currency, c.family COLLATE "C", t.channel`,
    [model, currency ?? null, from ?? null, to ?? null],
  )
  return rows.map((row) => ({ ...row, allocations: Number(row.allocations) }))
}

/** $1 model, $2 currency or null, $3 and $4 days or null. */
export const CHANNEL_TOTALS = `SELECT currency, channel, sum(allocated_revenue_cents) AS cents, sum(allocations) AS allocations
  FROM attribution_channel_totals
  WHERE tenant_id = tieout_current_tenant() AND model = $1 AND ($2::text IS NULL OR currency = $2)
    AND ($3::date IS NULL OR occurred_on >= $3) AND ($4::date IS NULL OR occurred_on <= $4)
  GROUP BY currency, channel HAVING sum(allocations) > 0`
