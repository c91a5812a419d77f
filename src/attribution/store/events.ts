/** Revenue events as they are listed, shown and erased. Raises TIE-4215. */

import { refuse } from '../../base/errors.js'
import type { Tx } from '../../books/books.js'
import type { Milestone } from '../paths.js'
import type { EventType } from '../revenue-event.js'

export interface StoredEvent {
  readonly event_id: number
  readonly external_event_id: string | null
  readonly correlation_id: string | null
  readonly type: EventType
  readonly occurred_at: string
  readonly revenue_cents: string
  readonly currency: string
  readonly refund_of: string | null
  readonly recorded_at: string
  readonly customer_id: string | null
  readonly session_id: string | null
  readonly erased_at: string | null
}

export interface StoredTouch {
  readonly position: number
  readonly channel: string
  readonly at: string
  readonly milestone: Milestone | null
}

type Row = Omit<StoredEvent, 'event_id' | 'revenue_cents'> & {
  readonly event_id: bigint
  readonly revenue_cents: bigint
}

const SELECT = `SELECT e.event_id, e.external_event_id, e.correlation_id, e.event_type AS type, e.occurred_at,
    e.revenue_cents, e.currency, o.external_event_id AS refund_of, e.recorded_at, e.customer_id, e.session_id, e.erased_at
  FROM attribution_events e
  LEFT JOIN attribution_events o ON o.tenant_id = e.tenant_id AND o.event_id = e.original_event_id
  WHERE e.tenant_id = tieout_current_tenant()`

const stored = (row: Row): StoredEvent => ({
  ...row,
  event_id: Number(row.event_id),
  revenue_cents: String(row.revenue_cents),
})

/** In the order of arrival, after a number. */
export async function listEvents(tx: Tx, after: number, limit: number): Promise<StoredEvent[]> {
  const rows = await tx.rows<Row>(`${SELECT} AND e.event_id > $1 ORDER BY e.event_id LIMIT $2`, [
    after,
    limit,
  ])
  return rows.map(stored)
}

/** By its key: external id, or correlation id where it has none; by number where no event has that key. */
export async function findEvent(tx: Tx, id: string): Promise<StoredEvent> {
  const [row] = [
    ...(await tx.rows<Row>(`${SELECT} AND e.external_event_id = $1`, [id])),
    ...(await tx.rows<Row>(`${SELECT} AND e.external_event_id IS NULL AND e.correlation_id = $1`, [id])),
    ...(/^\d{1,15}$/.test(id) ? await tx.rows<Row>(`${SELECT} AND e.event_id = $1::bigint`, [id]) : []),
  ]
  return row === undefined ? refuse('TIE-4215', { event: id }) : stored(row)
}

export const touchesOf = (tx: Tx, event: number): Promise<StoredTouch[]> =>
  tx.rows(
    `SELECT position, channel, touched_at AS at, milestone FROM attribution_touchpoints
      WHERE tenant_id = tieout_current_tenant() AND event_id = $1 ORDER BY position`,
    [event],
  )

/** Whose events are erased; of columns with an index each. */
export type ErasedBy =
  | { readonly column: 'customer_id' | 'session_id'; readonly value: string }
  | { readonly column: 'event_id'; readonly value: number }

/** Detaches what is personal from events; money, times, channels and digests stay. Events erased. */
export const eraseEvents = (tx: Tx, { column, value }: ErasedBy, at: string, who: string): Promise<number> =>
  tx.asPurger(() =>
    tx.execute(
      `UPDATE attribution_events SET customer_id = NULL, session_id = NULL, raw_payload = NULL, erased_at = $2, erased_by = $3
        WHERE tenant_id = tieout_current_tenant() AND ${column} = $1 AND erased_at IS NULL`,
      [value, at, who],
    ),
  )
