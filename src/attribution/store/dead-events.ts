/** Events that a feed could not bring in: kept, listed, retried, discarded. Raises TIE-4216, TIE-4217. */

import { type Problem, refuse } from '../../base/errors.js'
import type { Tx } from '../../books/books.js'

export interface DeadEvent {
  readonly line: number
  readonly payload: string
  readonly digest: string
  readonly problems: readonly Problem[]
}

export interface StoredDeadEvent {
  readonly dead_event_id: number
  readonly file_name: string
  readonly import_line: number
  readonly raw_payload: string | null
  readonly problems: readonly { readonly code: string; readonly message: string; readonly remedy: string }[]
  readonly state: 'pending' | 'resolved' | 'discarded'
  readonly attempts: number
  readonly refused_at: string
  readonly changed_at: string
  readonly changed_by: string
  readonly note: string | null
  readonly resolved_event_id: number | null
}

const bare = (problems: readonly Problem[]): string =>
  JSON.stringify(problems.map(({ code, message, remedy }) => ({ code, message, remedy })))

/** What is pending with the same content is not kept twice: it has been tried once more. */
export async function buryEvents(
  tx: Tx,
  events: readonly DeadEvent[],
  by: { readonly name: string; readonly at: string; readonly who: string },
): Promise<void> {
  if (events.length === 0) return
  await tx.execute(
    `INSERT INTO dead_events AS d (tenant_id, dead_event_id, file_name, import_line, raw_payload, payload_digest, problems,
       refused_at, changed_at, changed_by)
     SELECT tieout_current_tenant(),
       (SELECT coalesce(max(dead_event_id), 0) FROM dead_events WHERE tenant_id = tieout_current_tenant())
         + row_number() OVER (ORDER BY x.line),
       $2, x.line, x.payload, x.digest, x.problems::jsonb, $3::timestamptz, $3::timestamptz, $4
     FROM (SELECT DISTINCT ON (digest) * FROM jsonb_to_recordset($1::jsonb)
       AS r(line bigint, payload text, digest text, problems text) ORDER BY digest, line) x
     ON CONFLICT (tenant_id, payload_digest) WHERE state = 'pending' DO UPDATE
       SET attempts = d.attempts + 1, problems = EXCLUDED.problems, changed_at = EXCLUDED.changed_at,
         changed_by = EXCLUDED.changed_by`,
    [
      JSON.stringify(events.map((event) => ({ ...event, problems: bare(event.problems) }))),
      by.name,
      by.at,
      by.who,
    ],
  )
}

const COLUMNS = `dead_event_id, file_name, import_line, raw_payload, problems, state, attempts, refused_at, changed_at,
  changed_by, note, resolved_event_id`

type Row = Omit<StoredDeadEvent, 'dead_event_id' | 'import_line' | 'resolved_event_id'> & {
  readonly dead_event_id: bigint
  readonly import_line: bigint
  readonly resolved_event_id: bigint | null
}

const stored = (row: Row): StoredDeadEvent => ({
  ...row,
  dead_event_id: Number(row.dead_event_id),
  import_line: Number(row.import_line),
  resolved_event_id: row.resolved_event_id === null ? null : Number(row.resolved_event_id),
})

export async function listDeadEvents(
  tx: Tx,
  state: string | undefined,
  after: number,
  limit: number,
): Promise<StoredDeadEvent[]> {
  const rows = await tx.rows<Row>(
    `SELECT ${COLUMNS} FROM dead_events WHERE tenant_id = tieout_current_tenant() AND dead_event_id > $1
       AND ($2::text IS NULL OR state = $2) ORDER BY dead_event_id LIMIT $3`,
    [after, state ?? null, limit],
  )
  return rows.map(stored)
}

/** Ids of pending ones whose payload has the value in it, as it is or as JSON writes it. */
export async function pendingEventsThatName(tx: Tx, value: string): Promise<number[]> {
  const rows = await tx.rows<{ dead_event_id: bigint }>(
    `SELECT dead_event_id FROM dead_events WHERE tenant_id = tieout_current_tenant() AND state = 'pending'
       AND (position($1 IN raw_payload) > 0 OR position($2 IN raw_payload) > 0) ORDER BY dead_event_id`,
    [value, JSON.stringify(value).slice(1, -1)],
  )
  return rows.map((row) => Number(row.dead_event_id))
}

export async function deadEvent(tx: Tx, id: number): Promise<StoredDeadEvent> {
  const [row] = await tx.rows<Row>(
    `SELECT ${COLUMNS} FROM dead_events WHERE tenant_id = tieout_current_tenant() AND dead_event_id = $1 FOR UPDATE`,
    [id],
  )
  return row === undefined ? refuse('TIE-4216', { dead_event: id }) : stored(row)
}

export async function pendingEvent(tx: Tx, id: number): Promise<StoredDeadEvent & { raw_payload: string }> {
  const found = await deadEvent(tx, id)
  if (found.raw_payload === null) refuse('TIE-4217', { dead_event: id, state: found.state })
  return { ...found, raw_payload: found.raw_payload }
}

export interface Ending {
  readonly state: 'resolved' | 'discarded'
  readonly event: number | null
  readonly note: string | null
  readonly at: string
  readonly who: string
}

/** The payload goes with the state: of what was resolved the event has it, of what was discarded nobody needs it. */
export async function endDeadEvent(tx: Tx, id: number, end: Ending): Promise<void> {
  await tx.execute(
    `UPDATE dead_events SET state = $2, resolved_event_id = $3, note = $4, changed_at = $5, changed_by = $6,
       raw_payload = NULL
     WHERE tenant_id = tieout_current_tenant() AND dead_event_id = $1`,
    [id, end.state, end.event, end.note, end.at, end.who],
  )
}
