/**
 * Reviews: issues that somebody has to look at. How bad one is follows from what it is worth and how long it has
 * waited; what a computation does to the queue follows from which issues it found. Raises nothing.
 */

import { compareDecimals, type Decimal, decimal } from '../base/decimal.js'

export const SEVERITIES = ['low', 'medium', 'high', 'critical'] as const
export type ReviewSeverity = (typeof SEVERITIES)[number]

export const REVIEW_STATUSES = ['pending', 'in_progress', 'resolved', 'dismissed'] as const
export type ReviewStatus = (typeof REVIEW_STATUSES)[number]

/** From what value on, in quote, an issue has the severity of this place and above. */
const VALUES: readonly Decimal[] = [decimal(100n), decimal(10_000n), decimal(100_000n)]
/** After so many days an issue is one step worse than by its value alone, and then two. */
const DAYS = [7, 30]

/** By the absolute value in quote, and by whole days since the issue arose. */
export function severityOf(value: Decimal, ageDays: number): ReviewSeverity {
  const size = value.units < 0n ? { ...value, units: -value.units } : value
  const byValue = VALUES.filter((least) => compareDecimals(size, least) >= 0).length
  const byAge = DAYS.filter((days) => ageDays >= days).length
  return SEVERITIES[Math.min(byValue + byAge, SEVERITIES.length - 1)]!
}

/** What a computation found. */
export interface Issue {
  /** The same for the same issue in every computation: its code and what it is about. */
  readonly key: string
  readonly code: string
  readonly symbol: string | null
  readonly order_id: string | null
  readonly account: string | null
  /** Worth in quote, decimal text. */
  readonly amount: string | null
  readonly message: string
  readonly detail: Readonly<Record<string, string>>
  readonly severity: ReviewSeverity
}

/** What is known of an issue that was found before. */
export interface KnownReview {
  readonly review_id: number
  readonly issue_key: string
  readonly status: ReviewStatus
  readonly severity: ReviewSeverity
  /** Whether the computation before found it. */
  readonly cause_present: boolean
}

export type ReviewEvent =
  | 'opened'
  | 'escalated'
  | 'eased'
  | 'assigned'
  | 'resolved'
  | 'dismissed'
  | 'resolved_by_itself'
  | 'reopened'

/** What becomes of a known review. */
export interface ReviewChange {
  readonly review: KnownReview
  /** Undefined: the cause is gone. */
  readonly issue: Issue | undefined
  readonly status: ReviewStatus
  readonly severity: ReviewSeverity
  readonly events: readonly ReviewEvent[]
}

export interface Reconciled {
  readonly opened: readonly Issue[]
  readonly changed: readonly ReviewChange[]
}

const isOpen = (status: ReviewStatus): boolean => status === 'pending' || status === 'in_progress'

/**
 * New issues open. One that was resolved and is found again reopens, and so does one that was dismissed when its
 * cause had been gone in between; a dismissed one that was there all along stays dismissed. An open one whose
 * cause is gone is resolved by itself.
 */
export function reconcile(known: Iterable<KnownReview>, issues: Iterable<Issue>): Reconciled {
  const found = new Map<string, Issue>()
  for (const issue of issues) found.set(issue.key, issue)
  const changed: ReviewChange[] = []
  for (const review of known) {
    const issue = found.get(review.issue_key)
    found.delete(review.issue_key)
    if (issue === undefined) {
      if (!review.cause_present) continue
      const { severity } = review
      const gone = isOpen(review.status)
      const events: ReviewEvent[] = gone ? ['resolved_by_itself'] : []
      changed.push({ review, issue, severity, events, status: gone ? 'resolved' : review.status })
      continue
    }
    const reopens = review.status === 'resolved' || (review.status === 'dismissed' && !review.cause_present)
    const events: ReviewEvent[] = reopens ? ['reopened'] : []
    const step = SEVERITIES.indexOf(issue.severity) - SEVERITIES.indexOf(review.severity)
    if (step !== 0 && review.status !== 'dismissed') events.push(step > 0 ? 'escalated' : 'eased')
    changed.push({
      review,
      issue,
      severity: issue.severity,
      events,
      status: reopens ? 'pending' : review.status,
    })
  }
  return { opened: [...found.values()], changed }
}
