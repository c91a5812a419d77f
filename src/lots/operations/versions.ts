/** Operations on versions: what there are, and which one is published. */

import { z } from 'zod'
import { amount } from '../../books/amount.js'
import { type Operation, operation } from '../../books/operation.js'
import { versionHealth } from '../store/report.js'
import { publications, publish, published } from '../store/versions.js'
import { versionInput } from './schemas.js'

const publication = z
  .object({
    publication_no: z.number(),
    allocation_version: z.number(),
    batch_id: z.string().describe('The computation that stood when it was published.'),
    result_digest: z.string(),
    published_at: z.string(),
    published_by: z.string(),
    note: z.string().nullable(),
  })
  .meta({ id: 'LotPublication' })

const publishVersion = operation({
  name: 'lots publish',
  summary: 'Make a version the one that views and reports follow; publishing an earlier one goes back to it.',
  effect: 'append',
  input: z.object({
    version: versionInput,
    note: z.string().max(1000).optional().describe('Why.'),
  }),
  output: publication.extend({
    before: z.number().nullable().describe('The version that was published until now.'),
  }),
  errors: ['TIE-3154', 'TIE-3157'],
  positional: [],
  http: { method: 'POST', path: '/api/v1/lots/publications', role: 'approver' },
  run: (context, { version, note }) =>
    context.books.transaction(context.tenant, async (tx) => {
      const before = (await published(tx))?.allocation_version ?? null
      const made = await publish(tx, context.tenant, {
        allocation_version: version,
        published_at: context.now(),
        published_by: context.who,
        note,
      })
      return { ...made, before }
    }),
})

export const versionHealthRow = z
  .object({
    allocation_version: z.number(),
    published: z.boolean(),
    method: z.string(),
    health: z.string(),
    last_status: z.string().nullable(),
    last_computed_at: z.string().nullable(),
    symbols: z.number(),
    symbols_failed: z.number().nullable(),
    allocations: z.number(),
    matched: z.number(),
    unmatched: z.number(),
    dust: z.number(),
    short: z.number(),
    sells: z.number(),
    unmatched_sells: z.number(),
    open_lots: z.number(),
    total_pnl: amount,
    unmatched_net_proceeds: amount,
    open_reviews: z.number(),
    trades_since: z.number().describe('Trade records that have arrived since it was computed.'),
  })
  .meta({ id: 'LotVersion' })

const versions = operation({
  name: 'lots versions',
  summary: 'The versions of allocations: how each was computed, what it holds, which one is published.',
  effect: 'read',
  input: z.object({}),
  output: z.object({
    versions: z.array(versionHealthRow).readonly(),
    publications: z.array(publication).readonly().describe('Newest first.'),
  }),
  errors: [],
  positional: [],
  http: { method: 'GET', path: '/api/v1/lots/versions' },
  run: ({ books, tenant }) =>
    books.transaction(tenant, async (tx) => ({
      versions: await versionHealth(tx),
      publications: await publications(tx),
    })),
})

export const versionOperations: readonly Operation[] = [versions, publishVersion]
