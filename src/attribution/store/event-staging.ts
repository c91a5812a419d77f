/**
 * The SQL of an import of events: what is staged is compared with itself and with the books, and what stands is taken
 * over. Everything here runs in the one transaction of an import. Raises nothing of its own.
 */

import type { SqlValue, Tx } from '../../books/books.js'
import type { RevenueEvent } from '../revenue-event.js'

export const STAGING = 'pg_temp.event_staging'

/** One import of the tenant at a time, so that events are numbered in the order in which imports are committed. */
export async function lockEvents(tx: Tx): Promise<bigint> {
  await tx.execute(
    `SELECT pg_advisory_xact_lock(hashtextextended('events:' || tieout_current_tenant()::text, 0))`,
  )
  const [row] = await tx.rows<{ newest: bigint }>(
    'SELECT coalesce(max(event_id), 0) AS newest FROM attribution_events WHERE tenant_id = tieout_current_tenant()',
  )
  return row!.newest
}

export async function createStaging(tx: Tx): Promise<void> {
  await tx.execute(
    `CREATE TEMPORARY TABLE event_staging (row_no bigint, line bigint, key text COLLATE "C",
       external_event_id text COLLATE "C", correlation_id text, event_type text, occurred_at timestamptz,
       revenue_cents bigint, currency text, refund_of text COLLATE "C", customer_id text, session_id text,
       request_digest text, payload text, channels text[], touched text[], milestones text[]) ON COMMIT DROP`,
  )
}

/** The row of an event, in the order of the staging table. */
export const stagedRow = (
  row: number,
  line: number,
  event: RevenueEvent,
  digest: string,
  payload: string,
): readonly SqlValue[] => [
  row,
  line,
  event.external_event_id === null ? `c${event.correlation_id}` : `e${event.external_event_id}`,
  event.external_event_id,
  event.correlation_id,
  event.type,
  event.occurred_at,
  event.revenue_cents,
  event.currency,
  event.refund_of,
  event.customer_id,
  event.session_id,
  digest,
  payload,
  event.touches.map(({ channel }) => channel),
  event.touches.map(({ at }) => at),
  // An array takes no null here; the empty text is none.
  event.touches.map(({ milestone }) => milestone ?? ''),
]

export async function prepareLookups(tx: Tx): Promise<void> {
  await tx.execute(`CREATE INDEX ON ${STAGING} (key, row_no)`)
  await tx.execute(`CREATE INDEX ON ${STAGING} (external_event_id)`)
  await tx.execute(`ANALYZE ${STAGING}`)
}

/** Whether the staged event is there. A search for either key would go through all events: one by each key does not. */
const IS_THERE = `(EXISTS (SELECT FROM attribution_events e
    WHERE e.tenant_id = tieout_current_tenant() AND e.external_event_id = s.external_event_id)
  OR (s.external_event_id IS NULL AND EXISTS (SELECT FROM attribution_events e
    WHERE e.tenant_id = tieout_current_tenant() AND e.external_event_id IS NULL AND e.correlation_id = s.correlation_id)))`

export interface Refused {
  readonly row_no: bigint
  readonly line: bigint
  readonly payload: string
  readonly key: string
  readonly original: string | null
  /** What is wrong with it: conflict_there, conflict_here, no_original, no_purchase, currency, remainder. */
  readonly why: string
  readonly taken: string | null
  readonly left_over: string | null
}

const COLUMNS = 's.row_no, s.line, s.payload, substr(s.key, 2) AS key, s.refund_of AS original'

/** Staged events whose key is there already, in the books or earlier in the file, with other content. */
export async function conflicting(tx: Tx): Promise<Refused[]> {
  const there = await tx.rows<Refused>(
    `SELECT ${COLUMNS}, 'conflict_there' AS why, NULL AS taken, NULL AS left_over FROM ${STAGING} s
       JOIN attribution_events e ON e.tenant_id = tieout_current_tenant() AND e.external_event_id = s.external_event_id
      WHERE e.request_digest <> s.request_digest
     UNION ALL
     SELECT ${COLUMNS}, 'conflict_there', NULL, NULL FROM ${STAGING} s
       JOIN attribution_events e ON e.tenant_id = tieout_current_tenant() AND e.external_event_id IS NULL
         AND e.correlation_id = s.correlation_id
      WHERE s.external_event_id IS NULL AND e.request_digest <> s.request_digest
     ORDER BY row_no`,
  )
  const here = await tx.rows<Refused>(
    `SELECT ${COLUMNS}, 'conflict_here' AS why, NULL AS taken, NULL AS left_over FROM (
       SELECT *, first_value(request_digest) OVER (PARTITION BY key ORDER BY row_no) AS first_digest FROM ${STAGING}
     ) s WHERE s.request_digest <> s.first_digest ORDER BY s.row_no`,
  )
  return [...there, ...here]
}

/** Staged adjustments of what is not there, is no purchase, or has another currency. */
export function orphaned(tx: Tx): Promise<Refused[]> {
  return tx.rows<Refused>(
    `SELECT ${COLUMNS}, CASE WHEN o.event_type IS NULL THEN 'no_original' WHEN o.event_type <> 'purchase' THEN 'no_purchase'
        ELSE 'currency' END AS why, o.currency AS taken, s.currency AS left_over
      FROM ${STAGING} s LEFT JOIN LATERAL (${ORIGINAL}) o ON true
      WHERE s.refund_of IS NOT NULL
        AND (o.event_type IS NULL OR o.event_type <> 'purchase' OR o.currency <> s.currency)
      ORDER BY s.row_no`,
  )
}

const ORIGINAL = `SELECT * FROM (
    SELECT e.event_id, e.event_type, e.currency, e.revenue_cents FROM attribution_events e
    WHERE e.tenant_id = tieout_current_tenant() AND e.external_event_id = s.refund_of
    UNION ALL
    SELECT NULL, x.event_type, x.currency, x.revenue_cents FROM ${STAGING} x WHERE x.external_event_id = s.refund_of
  ) found LIMIT 1`

/** Of each purchase the first staged adjustment that takes back more than is left, in the order of the file. */
export function exceeding(tx: Tx): Promise<Refused[]> {
  return tx.rows<Refused>(
    `WITH fresh AS (
       SELECT DISTINCT ON (s.key) s.* FROM ${STAGING} s
       WHERE s.refund_of IS NOT NULL AND NOT ${IS_THERE}
       ORDER BY s.key, s.row_no
     ), adjusted AS (
       SELECT s.*, sum(s.revenue_cents) OVER (PARTITION BY s.refund_of ORDER BY s.row_no) AS running,
         o.revenue_cents + coalesce((SELECT sum(a.revenue_cents) FROM attribution_events a
           WHERE a.tenant_id = tieout_current_tenant() AND a.original_event_id = o.event_id), 0) AS before
       FROM fresh s JOIN LATERAL (${ORIGINAL}) o ON true
     )
     SELECT DISTINCT ON (s.refund_of) ${COLUMNS}, 'remainder' AS why, (-s.revenue_cents)::text AS taken,
       (s.before + s.running - s.revenue_cents)::text AS left_over
     FROM adjusted s WHERE s.before + s.running < 0 ORDER BY s.refund_of, s.row_no`,
  )
}

export const unstage = (tx: Tx, rows: readonly bigint[]): Promise<number> =>
  tx.execute(`DELETE FROM ${STAGING} WHERE row_no = ANY($1::bigint[])`, [rows.map(String)])

export interface Origin {
  readonly importId: string
  /** The number of the newest event before. */
  readonly newest: bigint
  readonly recordedAt: string
}

/** Takes over what is not there yet, purchases before what adjusts them. Events that are new. */
export async function insertEvents(tx: Tx, { importId, newest, recordedAt }: Origin): Promise<number> {
  let fresh = 0
  for (const purchases of [true, false]) {
    fresh += await tx.execute(
      `INSERT INTO attribution_events (tenant_id, event_id, import_id, import_line, external_event_id, correlation_id,
         event_type, occurred_at, revenue_cents, currency, original_event_id, recorded_at, request_digest, customer_id,
         session_id, raw_payload)
       SELECT tieout_current_tenant(), $2::bigint + s.row_no, $1::uuid, s.line, s.external_event_id, s.correlation_id,
         s.event_type, s.occurred_at, s.revenue_cents, s.currency, ${
           purchases
             ? 'NULL'
             : `(SELECT e.event_id FROM attribution_events e
           WHERE e.tenant_id = tieout_current_tenant() AND e.external_event_id = s.refund_of)`
         }, $3, s.request_digest, s.customer_id, s.session_id, s.payload
       FROM ${STAGING} s WHERE (s.refund_of IS NULL) = ${purchases} ORDER BY s.row_no
       ON CONFLICT DO NOTHING`,
      [importId, newest, recordedAt],
    )
  }
  // The number is worked out first: row security lets no arithmetic into the search of an index.
  await tx.execute(
    `INSERT INTO attribution_touchpoints (tenant_id, event_id, position, channel, touched_at, milestone)
     SELECT tieout_current_tenant(), s.event_id, t.position, t.channel, t.touched_at::timestamptz, nullif(t.milestone, '')
     FROM (
       SELECT s.event_id, s.channels, s.touched, s.milestones FROM (
         SELECT row_no + $2::bigint AS event_id, channels, touched, milestones FROM ${STAGING}
          WHERE cardinality(channels) > 0 OFFSET 0
       ) s CROSS JOIN LATERAL (
         SELECT x.import_id FROM attribution_events x
          WHERE x.tenant_id = tieout_current_tenant() AND x.event_id = s.event_id OFFSET 0
       ) e WHERE e.import_id = $1::uuid
     ) s, unnest(s.channels, s.touched, s.milestones) WITH ORDINALITY AS t(channel, touched_at, milestone, position)`,
    [importId, newest],
  )
  return fresh
}

/** Codes that nobody has seen before become channels that nobody has declared; the bucket is always there. */
export async function discoverChannels(tx: Tx, at: string, who: string): Promise<void> {
  await tx.execute(
    `INSERT INTO channel_taxonomy (tenant_id, code, family, state, changed_at, changed_by)
     SELECT tieout_current_tenant(), c.code, 'unknown', CASE c.code WHEN 'unknown' THEN 'active' ELSE 'discovered' END,
       $1::timestamptz, $2
     FROM (SELECT 'unknown' AS code UNION SELECT DISTINCT unnest(channels) FROM ${STAGING}) c
     ON CONFLICT DO NOTHING`,
    [at, who],
  )
}
