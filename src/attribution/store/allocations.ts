/** Allocations as they are listed and compared. Raises nothing. */

import type { SqlValue, Tx } from '../../books/books.js'
import type { EventType } from '../revenue-event.js'

export interface AllocationFilter {
  /** Sets that hold, of this model. */
  readonly key?: string | undefined
  /** Or those of one version, whether they hold or not. */
  readonly model_version?: string | undefined
  readonly event_id?: number | undefined
  readonly channel?: string | undefined
  readonly currency?: string | undefined
  readonly since?: string | undefined
  readonly until?: string | undefined
}

export interface AllocationPlace {
  readonly event_id: number
  readonly channel: string
}

export interface StoredAllocation {
  readonly event_id: number
  readonly external_event_id: string | null
  readonly type: EventType
  readonly occurred_at: string
  readonly channel: string
  readonly allocation_ratio: string
  readonly allocated_revenue_cents: string
  readonly currency: string
  readonly model_version: string
  readonly superseded_by: string | null
}

type Row = Omit<StoredAllocation, 'event_id' | 'allocated_revenue_cents'> & {
  readonly event_id: bigint
  readonly allocated_revenue_cents: bigint
}

/** By event in the order of arrival, in it by channel; only those after a place. */
export async function listAllocations(
  tx: Tx,
  filter: AllocationFilter,
  after: AllocationPlace | undefined,
  limit: number,
): Promise<StoredAllocation[]> {
  const values: SqlValue[] = []
  const bound = (value: SqlValue): string => `$${values.push(value)}`
  const { key, model_version, event_id, channel, currency, since, until } = filter
  const where = [
    's.tenant_id = tieout_current_tenant()',
    ...(key === undefined ? [] : [`s.model = ${bound(key)} AND s.superseded_by IS NULL`]),
    ...(model_version === undefined ? [] : [`s.model_version = ${bound(model_version)}`]),
    ...(event_id === undefined ? [] : [`s.event_id = ${bound(event_id)}`]),
    ...(channel === undefined ? [] : [`a.channel = ${bound(channel)}`]),
    ...(currency === undefined ? [] : [`s.currency = ${bound(currency)}`]),
    ...(since === undefined ? [] : [`e.occurred_at >= ${bound(since)}::timestamptz`]),
    ...(until === undefined ? [] : [`e.occurred_at < ${bound(until)}::timestamptz`]),
    ...(after === undefined
      ? []
      : [
          `s.event_id >= ${bound(after.event_id)}`,
          `(s.event_id, a.channel) > (${bound(after.event_id)}, ${bound(after.channel)})`,
        ]),
  ]
  const rows = await tx.rows<Row>(
    `SELECT s.event_id, e.external_event_id, e.event_type AS type, e.occurred_at, a.channel, a.allocation_ratio,
        a.allocated_revenue_cents, s.currency, s.model_version, s.superseded_by
       FROM attribution_allocation_sets s
       JOIN attribution_allocations a USING (tenant_id, event_id, model_version)
       JOIN attribution_events e USING (tenant_id, event_id)
      WHERE ${where.join(' AND ')} ORDER BY s.event_id, a.channel LIMIT ${bound(limit)}`,
    values,
  )
  return rows.map((row) => ({
    ...row,
    event_id: Number(row.event_id),
    allocated_revenue_cents: String(row.allocated_revenue_cents),
  }))
}

export interface ComparedChannel {
  readonly channel: string
  readonly currency: string
  readonly left_cents: string
  readonly right_cents: string
  readonly difference_cents: string
}

export interface Comparison {
  /** Events that hold a set of both. */
  readonly events: number
  readonly only_left: number
  readonly only_right: number
  readonly channels: readonly ComparedChannel[]
}

/** What two models give the channels, of the events that both have allocated: the differences sum to zero. */
export async function compareModels(
  tx: Tx,
  left: string,
  right: string,
  { since, until }: { readonly since?: string | undefined; readonly until?: string | undefined },
): Promise<Comparison> {
  const values = [left, right, since ?? null, until ?? null]
  const holding = `WITH held AS (
      SELECT s.event_id, s.model, s.model_version, s.currency FROM attribution_allocation_sets s
        JOIN attribution_events e USING (tenant_id, event_id)
       WHERE s.tenant_id = tieout_current_tenant() AND s.model IN ($1, $2) AND s.superseded_by IS NULL
         AND ($3::timestamptz IS NULL OR e.occurred_at >= $3) AND ($4::timestamptz IS NULL OR e.occurred_at < $4)
    ), counted AS (
      SELECT event_id, bool_or(model = $1) AS has_left, bool_or(model = $2) AS has_right FROM held GROUP BY event_id
    )`
  const [counts] = await tx.rows<{ events: bigint; only_left: bigint; only_right: bigint }>(
    `${holding} SELECT count(*) FILTER (WHERE has_left AND has_right) AS events,
        count(*) FILTER (WHERE NOT has_right) AS only_left, count(*) FILTER (WHERE NOT has_left) AS only_right
       FROM counted`,
    values,
  )
  const channels = await tx.rows<ComparedChannel>(
    `${holding}, summed AS (
       SELECT a.channel, h.currency,
         coalesce(sum(a.allocated_revenue_cents) FILTER (WHERE h.model = $1), 0) AS l,
         coalesce(sum(a.allocated_revenue_cents) FILTER (WHERE h.model = $2), 0) AS r
       FROM held h JOIN counted c USING (event_id)
       JOIN attribution_allocations a ON a.tenant_id = tieout_current_tenant() AND a.event_id = h.event_id
         AND a.model_version = h.model_version
       WHERE c.has_left AND c.has_right GROUP BY 1, 2)
     SELECT channel, currency, l::text AS left_cents, r::text AS right_cents, (r - l)::text AS difference_cents
       FROM summed ORDER BY currency, channel`,
    values,
  )
  return {
    events: Number(counts!.events),
    only_left: Number(counts!.only_left),
    only_right: Number(counts!.only_right),
    channels,
  }
}
