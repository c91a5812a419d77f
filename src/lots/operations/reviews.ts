/** Operations on the queue of reviews: what a computation could not settle, why probably, and what would. */

import { z } from 'zod'
import { amount } from '../../books/amount.js'
import type { Tx } from '../../books/books.js'
import { type Operation, operation } from '../../books/operation.js'
import { cursorInput, nextCursor, pageOf, positionOf } from '../../books/page.js'
import { CauseFinder, type ProbableCause } from '../causes.js'
import { type LotConfigDraft, lotConfig } from '../config.js'
import { REVIEW_STATUSES, SEVERITIES } from '../review.js'
import { loadStates, newestPoints } from '../store/inventory.js'
import {
  assignReview,
  closeReview,
  listReviews,
  loadReview,
  type Review,
  reviewHistory,
} from '../store/reviews.js'
import { loadVersion } from '../store/versions.js'
import { MAX_PAGE, versionInput } from './schemas.js'

const probableCause = z
  .object({
    cause: z.string(),
    covers: amount.describe('Size that the evidence covers.'),
    evidence: z.array(z.string()).readonly().describe('Order ids of the lots that say so.'),
    correction: z.string().describe('What to import or change.'),
  })
  .meta({ id: 'ProbableCause' })

const review = z
  .object({
    review_id: z.number(),
    allocation_version: z.number(),
    code: z.string(),
    symbol: z.string().nullable(),
    order_id: z.string().nullable(),
    account: z.string().nullable(),
    amount: amount.nullable().describe('What it is worth, in quote.'),
    message: z.string(),
    severity: z.enum(SEVERITIES),
    status: z.enum(REVIEW_STATUSES),
    cause_present: z.boolean().describe('Whether the last computation found it.'),
    assignee: z.string().nullable(),
    resolution: z.string().nullable(),
    opened_at: z.string(),
    updated_at: z.string(),
    closed_at: z.string().nullable(),
  })
  .meta({ id: 'Review' })

const withCause = review.extend({
  probable_cause: probableCause.nullable().describe('Null: the cause is gone, or the message says it.'),
})

const reviewId = z.coerce.number().int().min(1).describe('Number of the review.')

/** Causes of unmatched sells, from what is open in their version now. */
async function causesOf(tx: Tx, reviews: readonly Review[]): Promise<ReadonlyMap<number, ProbableCause[]>> {
  const unmatched = reviews.filter(({ code, cause_present }) => code === 'UNMATCHED_SELL' && cause_present)
  const finders = new Map<number, CauseFinder>()
  for (const version of new Set(unmatched.map((one) => one.allocation_version))) {
    const config = lotConfig((await loadVersion(tx, version)).config as LotConfigDraft)
    const states = await loadStates(tx, version, await newestPoints(tx, version))
    finders.set(
      version,
      new CauseFinder(
        [...states.values()].flatMap(({ lots }) => lots),
        config,
      ),
    )
  }
  return new Map(
    unmatched.map(({ review_id, allocation_version, detail, symbol, order_id, account }) => [
      review_id,
      finders.get(allocation_version)!.causes({
        order_id: order_id!,
        symbol: symbol!,
        account,
        strategy: (detail.strategy as string | undefined) ?? null,
        bracket: (detail.bracket as string | undefined) ?? null,
        executed_at: detail.executed_at as string,
        unmatched_size: detail.unmatched_size as string,
      }),
    ]),
  )
}

const list = operation({
  name: 'review list',
  summary: 'What computations could not settle, with its probable cause.',
  effect: 'read',
  input: z.object({
    version: versionInput.optional().describe('Only of this version.'),
    status: z.enum(REVIEW_STATUSES).optional().describe('Only in this state.'),
    severity: z.enum(SEVERITIES).optional().describe('Only this bad.'),
    assignee: z.string().optional().describe('Only whose this is.'),
    limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(100).describe('Rows of a page.'),
    cursor: cursorInput,
  }),
  output: z.object({ reviews: z.array(withCause).readonly(), next_cursor: nextCursor }),
  errors: ['TIE-1605'],
  positional: [],
  http: { method: 'GET', path: '/api/v1/reviews' },
  run: ({ books, tenant }, { limit, cursor, ...filter }) =>
    books.transaction(tenant, async (tx) => {
      const scope = [tenant, 'review list', JSON.stringify(filter)]
      const after = positionOf(scope, cursor, z.int()) ?? 0
      const found = await listReviews(tx, filter, after, limit + 1)
      const { rows, next_cursor } = pageOf(found, limit, scope, ({ review_id }) => review_id)
      const causes = await causesOf(tx, rows)
      const reviews = rows.map((row) => ({ ...row, probable_cause: causes.get(row.review_id)?.[0] ?? null }))
      return { reviews, next_cursor }
    }),
})

const show = operation({
  name: 'review show',
  summary: 'One review: its probable causes, the corrections that would settle it, and its history.',
  effect: 'read',
  input: z.object({ review: reviewId }),
  output: z.object({
    review,
    detail: z.record(z.string(), z.unknown()),
    causes: z.array(probableCause).readonly().describe('Most probable first.'),
    history: z
      .array(
        z.object({
          at: z.string(),
          who: z.string(),
          event: z.string(),
          from_status: z.string().nullable(),
          to_status: z.string(),
          from_severity: z.string().nullable(),
          to_severity: z.string(),
          assignee: z.string().nullable(),
          note: z.string().nullable(),
        }),
      )
      .readonly(),
  }),
  errors: ['TIE-3158'],
  positional: ['review'],
  http: { method: 'GET', path: '/api/v1/reviews/{review}' },
  run: ({ books, tenant }, { review: id }) =>
    books.transaction(tenant, async (tx) => {
      const found = await loadReview(tx, id)
      const causes = (await causesOf(tx, [found])).get(id) ?? []
      return { review: found, detail: { ...found.detail }, causes, history: await reviewHistory(tx, id) }
    }),
})

const assign = operation({
  name: 'review assign',
  summary: 'Give an open review to somebody, who then works on it.',
  effect: 'append',
  input: z.object({
    review: reviewId,
    assignee: z.string().min(1).max(100).describe('Who takes it.'),
    note: z.string().max(1000).optional().describe('What for.'),
  }),
  output: z.object({ review }),
  errors: ['TIE-3158', 'TIE-3159'],
  positional: ['review', 'assignee'],
  http: { method: 'POST', path: '/api/v1/reviews/{review}/assignments' },
  run: ({ books, tenant, now, who }, { review: id, assignee, note }) =>
    books.transaction(tenant, async (tx) => ({
      review: await assignReview(tx, tenant, { review: id, assignee, note, at: now(), who }),
    })),
})

const closing = (verb: 'resolve' | 'dismiss', status: 'resolved' | 'dismissed', summary: string): Operation =>
  operation({
    name: `review ${verb}`,
    summary,
    effect: 'append',
    input: z.object({
      review: reviewId,
      resolution: z.string().min(1).max(1000).describe('Why: what was done, or why nothing needs to be.'),
    }),
    output: z.object({ review }),
    errors: ['TIE-3158', 'TIE-3159'],
    positional: ['review', 'resolution'],
    http: {
      method: 'POST',
      path: `/api/v1/reviews/{review}/${status === 'resolved' ? 'resolutions' : 'dismissals'}`,
    },
    run: ({ books, tenant, now, who }, { review: id, resolution }) =>
      books.transaction(tenant, async (tx) => ({
        review: await closeReview(tx, tenant, { review: id, status, resolution, at: now(), who }),
      })),
  })

export const reviewOperations: readonly Operation[] = [
  list,
  show,
  assign,
  closing(
    'resolve',
    'resolved',
    'End a review: what was wrong is put right. It reopens if its cause is found again.',
  ),
  closing(
    'dismiss',
    'dismissed',
    'End a review of what is as it should be; it stays ended while its cause stays.',
  ),
]
