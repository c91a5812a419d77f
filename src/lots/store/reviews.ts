/**
 * The queue of reviews: what a computation opens, escalates, resolves and reopens, what people do with it, and the
 * history of both. Raises TIE-3158 (no such review), TIE-3159 (not in that state).
 */

import type { Instant } from '../../base/dates.js'
import { refuse } from '../../base/errors.js'
import type { TenantId, Tx } from '../../books/books.js'
import type { JsonObject, RunId } from '../../books/runs.js'
import {
  type Issue,
  type KnownReview,
  type ReviewEvent,
  type ReviewSeverity,
  type ReviewStatus,
  reconcile,
} from '../review.js'

export interface Review {
  readonly review_id: number
  readonly allocation_version: number
  readonly issue_key: string
  readonly code: string
  readonly symbol: string | null
  readonly order_id: string | null
  readonly account: string | null
  readonly amount: string | null
  readonly message: string
  readonly detail: JsonObject
  readonly severity: ReviewSeverity
  readonly status: ReviewStatus
  readonly cause_present: boolean
  readonly assignee: string | null
  readonly resolution: string | null
  readonly opened_at: string
  readonly updated_at: string
  readonly closed_at: string | null
}

export interface ReviewStep {
  readonly at: string
  readonly who: string
  readonly event: ReviewEvent
  readonly from_status: ReviewStatus | null
  readonly to_status: ReviewStatus
  readonly from_severity: ReviewSeverity | null
  readonly to_severity: ReviewSeverity
  readonly assignee: string | null
  readonly note: string | null
  readonly batch_id: RunId | null
}

interface Author {
  readonly at: Instant
  readonly who: string
}

export interface ReviewCounts {
  readonly opened: number
  readonly escalated: number
  readonly resolved: number
  readonly reopened: number
}

/** What a computation found, set against the queue of its version. */
export async function reconcileReviews(
  tx: Tx,
  tenant: TenantId,
  { version, batch, at, who }: Author & { readonly version: number; readonly batch: RunId },
  issues: Iterable<Issue>,
): Promise<ReviewCounts> {
  const known = await tx.rows<Omit<KnownReview, 'review_id'> & { readonly review_id: bigint }>(
    `SELECT review_id, issue_key, status, severity, cause_present FROM manual_review_queue
      WHERE allocation_version = $1 ORDER BY review_id FOR UPDATE`,
    [version],
  )
  const { opened, changed } = reconcile(
    known.map((row) => ({ ...row, review_id: Number(row.review_id) })),
    issues,
  )
  const ids = await insertReviews(tx, tenant, { version, batch, at }, opened)
  await updateReviews(
    tx,
    at,
    changed.map(({ review, issue, status, severity }) => ({
      review_id: review.review_id,
      status,
      severity,
      present: issue !== undefined,
      amount: issue?.amount ?? null,
      message: issue?.message ?? null,
      detail: issue?.detail ?? null,
    })),
  )
  await insertEvents(tx, tenant, { at, who, batch_id: batch }, [
    ...opened.map((issue) => ({
      review_id: ids.get(issue.key)!,
      event: 'opened' as const,
      from_status: null,
      to_status: 'pending' as const,
      from_severity: null,
      to_severity: issue.severity,
    })),
    ...changed.flatMap(({ review, status, severity, events }) =>
      events.map((event) => ({
        review_id: review.review_id,
        event,
        from_status: review.status,
        to_status: status,
        from_severity: review.severity,
        to_severity: severity,
      })),
    ),
  ])
  const count = (event: ReviewEvent): number => changed.filter(({ events }) => events.includes(event)).length
  return {
    opened: opened.length,
    escalated: count('escalated'),
    resolved: count('resolved_by_itself'),
    reopened: count('reopened'),
  }
}

async function insertReviews(
  tx: Tx,
  tenant: TenantId,
  { version, batch, at }: { readonly version: number; readonly batch: RunId; readonly at: Instant },
  issues: readonly Issue[],
): Promise<ReadonlyMap<string, number>> {
  const rows = await tx.rows<{ review_id: bigint; issue_key: string }>(
    `INSERT INTO manual_review_queue (tenant_id, allocation_version, issue_key, code, symbol, order_id, account, amount,
       message, detail, severity, opened_at, opened_by_batch, updated_at)
     SELECT $1::uuid, $2::integer, i.key, i.code, i.symbol, i.order_id, i.account, i.amount, i.message, i.detail,
       i.severity, $3::timestamptz, $4::uuid, $3::timestamptz
     FROM jsonb_to_recordset($5::jsonb) AS i(key text, code text, symbol text, order_id text, account text,
       amount numeric, message text, detail jsonb, severity text)
     RETURNING review_id, issue_key`,
    [tenant, version, at, batch, JSON.stringify(issues)],
  )
  return new Map(rows.map(({ review_id, issue_key }) => [issue_key, Number(review_id)]))
}

interface Update {
  readonly review_id: number
  readonly status: ReviewStatus
  readonly severity: ReviewSeverity
  readonly present: boolean
  readonly amount: string | null
  readonly message: string | null
  readonly detail: Issue['detail'] | null
}

/** A review that reopens belongs to nobody; one that resolves by itself says so. */
async function updateReviews(tx: Tx, at: Instant, updates: readonly Update[]): Promise<void> {
  await tx.execute(
    `UPDATE manual_review_queue AS q
        SET status = u.status, severity = u.severity, cause_present = u.present, updated_at = $1::timestamptz,
            amount = CASE WHEN u.present THEN u.amount ELSE q.amount END,
            message = coalesce(u.message, q.message), detail = coalesce(u.detail, q.detail),
            assignee = CASE WHEN u.status = 'pending' AND q.status <> 'pending' THEN NULL ELSE q.assignee END,
            closed_at = CASE WHEN u.status NOT IN ('resolved', 'dismissed') THEN NULL ELSE coalesce(q.closed_at, $1::timestamptz) END,
            resolution = CASE WHEN u.status NOT IN ('resolved', 'dismissed') THEN NULL
              ELSE coalesce(q.resolution, 'The cause is gone.') END
       FROM jsonb_to_recordset($2::jsonb) AS u(review_id bigint, status text, severity text, present boolean,
         amount numeric, message text, detail jsonb)
      WHERE q.review_id = u.review_id
        AND (q.status, q.severity, q.cause_present, q.amount, q.message)
          IS DISTINCT FROM (u.status, u.severity, u.present, CASE WHEN u.present THEN u.amount ELSE q.amount END,
            coalesce(u.message, q.message))`,
    [at, JSON.stringify(updates)],
  )
}

interface NewEvent {
  readonly review_id: number
  readonly event: ReviewEvent
  readonly from_status: ReviewStatus | null
  readonly to_status: ReviewStatus
  readonly from_severity: ReviewSeverity | null
  readonly to_severity: ReviewSeverity
  readonly assignee?: string | null
  readonly note?: string | null
}

async function insertEvents(
  tx: Tx,
  tenant: TenantId,
  { at, who, batch_id }: Author & { readonly batch_id: RunId | null },
  events: readonly NewEvent[],
): Promise<void> {
  await tx.execute(
    `INSERT INTO manual_review_events (tenant_id, review_id, at, who, event, from_status, to_status, from_severity,
       to_severity, assignee, note, batch_id)
     SELECT $1::uuid, e.review_id, $2::timestamptz, $3::text, e.event, e.from_status, e.to_status, e.from_severity,
       e.to_severity, e.assignee, e.note, $4::uuid
     FROM jsonb_to_recordset($5::jsonb) AS e(review_id bigint, event text, from_status text, to_status text,
       from_severity text, to_severity text, assignee text, note text)`,
    [tenant, at, who, batch_id, JSON.stringify(events)],
  )
}

const COLUMNS = `review_id, allocation_version, issue_key, code, symbol, order_id, account, amount, message, detail,
  severity, status, cause_present, assignee, resolution, opened_at, updated_at, closed_at`

type Row = Omit<Review, 'review_id'> & { readonly review_id: bigint }
const reviewOf = (row: Row): Review => ({ ...row, review_id: Number(row.review_id) })

export interface ReviewFilter {
  readonly version?: number | undefined
  readonly status?: ReviewStatus | undefined
  readonly severity?: ReviewSeverity | undefined
  readonly assignee?: string | undefined
}

/** By id, after one where it is given. */
export async function listReviews(
  tx: Tx,
  filter: ReviewFilter,
  after: number,
  limit: number,
): Promise<Review[]> {
  const rows = await tx.rows<Row>(
    `SELECT ${COLUMNS} FROM manual_review_queue
      WHERE review_id > $1 AND ($2::integer IS NULL OR allocation_version = $2) AND ($3::text IS NULL OR status = $3)
        AND ($4::text IS NULL OR severity = $4) AND ($5::text IS NULL OR assignee = $5)
      ORDER BY review_id LIMIT $6`,
    [
      after,
      filter.version ?? null,
      filter.status ?? null,
      filter.severity ?? null,
      filter.assignee ?? null,
      limit,
    ],
  )
  return rows.map(reviewOf)
}

/** Raises TIE-3158. */
export async function loadReview(tx: Tx, review: number): Promise<Review> {
  const [row] = await tx.rows<Row>(`SELECT ${COLUMNS} FROM manual_review_queue WHERE review_id = $1`, [
    review,
  ])
  return row === undefined ? refuse('TIE-3158', { review }) : reviewOf(row)
}

/** In the order in which it happened. */
export function reviewHistory(tx: Tx, review: number): Promise<ReviewStep[]> {
  return tx.rows(
    `SELECT at, who, event, from_status, to_status, from_severity, to_severity, assignee, note, batch_id
       FROM manual_review_events WHERE review_id = $1 ORDER BY event_no`,
    [review],
  )
}

interface Act extends Author {
  readonly review: number
  readonly note?: string | undefined
}

/** Gives an open review to somebody, who then works on it. Raises TIE-3158, TIE-3159. */
export async function assignReview(
  tx: Tx,
  tenant: TenantId,
  { review, assignee, note, at, who }: Act & { readonly assignee: string },
): Promise<Review> {
  const found = await lockReview(tx, review, 'assigned')
  await tx.execute(
    `UPDATE manual_review_queue SET status = 'in_progress', assignee = $2, updated_at = $3 WHERE review_id = $1`,
    [review, assignee, at],
  )
  await insertEvents(tx, tenant, { at, who, batch_id: null }, [
    { ...eventOf(found, 'assigned', 'in_progress'), assignee, note: note ?? null },
  ])
  return loadReview(tx, review)
}

/**
 * Ends an open review with a reason. One that nobody had been given is taken by whoever ends it, so that its
 * history goes over in_progress all the same. Raises TIE-3158, TIE-3159.
 */
export async function closeReview(
  tx: Tx,
  tenant: TenantId,
  {
    review,
    status,
    resolution,
    at,
    who,
  }: Omit<Act, 'note'> & { readonly status: 'resolved' | 'dismissed'; readonly resolution: string },
): Promise<Review> {
  const open = await lockReview(tx, review, status)
  const found =
    open.status === 'pending' ? await assignReview(tx, tenant, { review, assignee: who, at, who }) : open
  await tx.execute(
    `UPDATE manual_review_queue SET status = $2, resolution = $3, closed_at = $4::timestamptz, updated_at = $4::timestamptz
      WHERE review_id = $1`,
    [review, status, resolution, at],
  )
  await insertEvents(tx, tenant, { at, who, batch_id: null }, [
    { ...eventOf(found, status, status), note: resolution },
  ])
  return loadReview(tx, review)
}

const eventOf = (review: Review, event: ReviewEvent, to: ReviewStatus): NewEvent => ({
  review_id: review.review_id,
  event,
  from_status: review.status,
  to_status: to,
  from_severity: review.severity,
  to_severity: review.severity,
})

/** An open review, which nobody else changes until the transaction ends. */
async function lockReview(tx: Tx, review: number, what: string): Promise<Review> {
  await tx.rows('SELECT 1 FROM manual_review_queue WHERE review_id = $1 FOR UPDATE', [review])
  const found = await loadReview(tx, review)
  if (found.status === 'resolved' || found.status === 'dismissed') {
    refuse('TIE-3159', { review, status: found.status, what })
  }
  return found
}
