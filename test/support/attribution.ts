/** Revenue events and allocation sets, as files and models bring them. */

import { randomUUID } from 'node:crypto'
import type { AllocationSet } from '#tieout/attribution/allocation-set'
import { type Written, writeSets } from '#tieout/attribution/store/allocation-sets'
import type { Instant } from '#tieout/base/dates'
import type { Tx } from '#tieout/books/books'
import type { Context } from '#tieout/books/operation'
import { openRun, type RunId } from '#tieout/books/runs'
import { type Folder, type Output, perform } from './cli.js'

export const AT = '2025-06-01T00:00:00Z' as Instant

export type EventFields = Readonly<Record<string, unknown>>

/** A purchase of 100.00 USD after three touches, unless it is said otherwise. */
export const purchase = (id: string, more: EventFields = {}): EventFields => ({
  external_event_id: id,
  type: 'purchase',
  occurred_at: '2025-05-10T12:00:00Z',
  revenue_cents: 10_000,
  currency: 'USD',
  touches: [
    { channel: 'email', at: '2025-05-01T00:00:00Z' },
    { channel: 'search', at: '2025-05-02T00:00:00Z' },
    { channel: 'email', at: '2025-05-03T00:00:00Z' },
  ],
  ...more,
})

export const refund = (id: string, of: string, cents: number, more: EventFields = {}): EventFields => ({
  external_event_id: id,
  type: 'refund',
  occurred_at: '2025-05-20T12:00:00Z',
  revenue_cents: cents,
  currency: 'USD',
  refund_of: of,
  ...more,
})

let files = 0

export function importEvents(
  context: Context,
  folder: Folder,
  events: readonly (EventFields | string)[],
  more: Readonly<Record<string, unknown>> = {},
): Promise<Output> {
  files += 1
  const lines = events.map((event) => (typeof event === 'string' ? event : JSON.stringify(event)))
  const file = folder.write(`events-${files}.ndjson`, `${lines.join('\n')}\n`)
  return perform(context, 'events import', { file, ...more })
}

export async function beginRun(context: Context): Promise<RunId> {
  const id = randomUUID() as RunId
  await openRun(context.books, context.tenant, {
    id,
    kind: 'attribution',
    run_name: 'test',
    executed_at: AT,
    triggered_by: 'tester',
    parameters: {},
    engine_version: '0',
  })
  return id
}

/** `{email: 6000, search: 4000}` of an event by a model. */
export const setOf = (
  event_id: number,
  parts: Readonly<Record<string, number>>,
  more: Partial<AllocationSet> = {},
): AllocationSet => {
  const total = Object.values(parts).reduce((sum, cents) => sum + cents, 0)
  return {
    event_id,
    model_version: 'linear@1.0.0',
    revenue_cents: BigInt(total),
    currency: 'USD',
    input_digest: 'sha256:in',
    allocations: Object.entries(parts).map(([channel, cents]) => ({
      channel,
      allocation_ratio: Math.min(1, Math.max(0, cents / (total || 1))).toFixed(5),
      allocated_revenue_cents: BigInt(cents),
    })),
    ...more,
  }
}

export async function allocate(context: Context, ...sets: readonly AllocationSet[]): Promise<Written> {
  const run = await beginRun(context)
  return context.books.transaction(context.tenant, (tx) => writeSets(tx, run, AT, sets))
}

export const rowsOf = (context: Context, sql: string): Promise<Record<string, unknown>[]> =>
  context.books.transaction(context.tenant, (tx: Tx) => tx.rows(sql))
