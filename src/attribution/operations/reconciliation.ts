/** Operations that hold what platforms claim against what was settled. */

import { z } from 'zod'
import { refuse } from '../../base/errors.js'
import type { Tx } from '../../books/books.js'
import { type Operation, operation } from '../../books/operation.js'
import { cursorInput, nextCursor, pageOf, positionOf } from '../../books/page.js'
import { type RunHeader, runHeader } from '../../books/run-headers.js'
import { findingsOf, type RunId } from '../../books/runs.js'
import { reconcile } from '../runs/reconcile.js'
import {
  amountsFound,
  FINDINGS,
  listFindings,
  listReconciliations,
  reconciliationStatus,
} from '../store/reconciliation.js'
import { cents, finding, limitInput, periodInputs, periodOf } from './schemas.js'

const STATES = ['idle', 'running', 'failed', 'completed'] as const

const amounts = z
  .array(
    z
      .object({
        finding: z.enum(FINDINGS),
        currency: z.string().describe('Of the claim; of the settled amount where nothing was claimed.'),
        references: z.number(),
        claimed_cents: cents,
        settled_cents: cents,
      })
      .meta({ id: 'ReconciledAmount' }),
  )
  .readonly()

const run = operation({
  name: 'reconcile',
  summary:
    'Hold what platforms claim against what was settled; what was settled verifies the revenue of its event.',
  effect: 'append',
  input: z.object({
    ...periodInputs('Of the claim; of a settled amount that nobody claimed.'),
    platform: z.string().min(1).optional().describe('Only of this platform.'),
  }),
  output: z.object({
    run_id: z.string(),
    state: z.enum(STATES),
    references: z.number().describe('References compared.'),
    amounts,
    newly_verified: z.number().describe('Events that no reconciliation verified before.'),
    result_digest: z.string(),
    findings: z.array(finding).readonly(),
  }),
  errors: ['TIE-2502', 'TIE-2503', 'TIE-4304', 'TIE-4307', 'TIE-4405'],
  positional: [],
  http: { method: 'POST', path: '/api/v1/reconciliations', location: '/api/v1/reconciliations/{run_id}' },
  run: (context, { platform, ...given }) => reconcile(context, { ...periodOf(given), platform }),
})

const header = z
  .object({
    run_id: z.string(),
    state: z.enum(STATES),
    started_at: z.string(),
    finished_at: z.string().nullable(),
    triggered_by: z.string(),
  })
  .meta({ id: 'Reconciliation' })

const list = operation({
  name: 'reconciliation list',
  summary: 'Reconciliations, the newest first; those that failed too.',
  effect: 'read',
  input: z.object({ limit: limitInput, cursor: cursorInput }),
  output: z.object({ reconciliations: z.array(header).readonly(), next_cursor: nextCursor }),
  errors: ['TIE-1605'],
  positional: [],
  http: { method: 'GET', path: '/api/v1/reconciliations' },
  run: ({ books, tenant }, { limit, cursor }) =>
    books.transaction(tenant, async (tx) => {
      const scope = [tenant, 'reconciliation list']
      const place = positionOf(scope, cursor, z.object({ started_at: z.string(), run_id: z.uuid() }))
      const after = place === undefined ? undefined : { ...place, run_id: place.run_id as RunId }
      const found = await listReconciliations(tx, after, limit + 1)
      const { rows, next_cursor } = pageOf(found, limit, scope, ({ started_at, run_id }) => ({
        started_at,
        run_id,
      }))
      return { reconciliations: rows, next_cursor }
    }),
})

const STATE_OF_RUN = { IN_PROGRESS: 'running', COMPLETED: 'completed', FAILED: 'failed' } as const

const show = operation({
  name: 'reconciliation show',
  summary: 'One reconciliation: what it found, in sums and reference by reference.',
  effect: 'read',
  input: z.object({
    run: z.string().describe('Id of its run, or the beginning of it.'),
    finding: z.enum(FINDINGS).optional().describe('Only these.'),
    limit: limitInput,
    cursor: cursorInput,
  }),
  output: z.object({
    run_id: z.string(),
    state: z.enum(STATES),
    started_at: z.string(),
    finished_at: z.string().nullable(),
    triggered_by: z.string(),
    from: z.string().nullable(),
    to: z.string().nullable(),
    platform: z.string().nullable(),
    error: z.string().nullable().describe('Why it failed.'),
    amounts,
    findings: z.array(finding).readonly(),
    references: z
      .array(
        z
          .object({
            platform: z.string(),
            reference: z.string(),
            finding: z.enum(FINDINGS),
            claimed_cents: cents.nullable(),
            claimed_currency: z.string().nullable(),
            claimed_on: z.string().nullable(),
            settled_cents: cents.nullable(),
            settled_currency: z.string().nullable(),
            settled_on: z.string().nullable(),
            difference_cents: cents
              .nullable()
              .describe('settled − claimed, what is not there as 0; null between two currencies.'),
          })
          .meta({ id: 'ReconciledReference' }),
      )
      .readonly(),
    next_cursor: nextCursor,
  }),
  errors: ['TIE-1103', 'TIE-1605', 'TIE-4305'],
  positional: ['run'],
  http: { method: 'GET', path: '/api/v1/reconciliations/{run}' },
  run: ({ books, tenant }, { run: id, finding: kind, limit, cursor }) =>
    books.transaction(tenant, async (tx) => {
      const found = await reconciliationHeader(tx, id)
      const scope = [tenant, 'reconciliation show', found.id, kind ?? '']
      const form = z.object({ platform: z.string(), reference: z.string() })
      const rows = await listFindings(tx, found.id, kind, positionOf(scope, cursor, form), limit + 1)
      const page = pageOf(rows, limit, scope, ({ platform, reference }) => ({ platform, reference }))
      const said = (name: string) => (found.parameters[name] as string | null | undefined) ?? null
      return {
        run_id: found.id,
        state: STATE_OF_RUN[found.status],
        started_at: found.executed_at,
        finished_at: found.finished_at,
        triggered_by: found.triggered_by,
        from: said('from'),
        to: said('to'),
        platform: said('platform'),
        error: (found.error?.message as string | undefined) ?? null,
        amounts: await amountsFound(tx, found.id),
        findings: await findingsOf(tx, found.id),
        references: page.rows,
        next_cursor: page.next_cursor,
      }
    }),
})

async function reconciliationHeader(tx: Tx, id: string): Promise<RunHeader> {
  const found = await runHeader(tx, id)
  return found.kind === 'reconciliation' ? found : refuse('TIE-4305', { run: id })
}

const status = operation({
  name: 'reconciliation status',
  summary: 'Whether a reconciliation is running and how the newest one ended.',
  effect: 'read',
  input: z.object({}),
  output: z
    .strictObject({
      state: z.enum(STATES).describe('idle: nobody has reconciled yet.'),
      last_run_at: z.string().nullable().describe('When the newest one ended, or began where it is running.'),
      tenant_id: z.guid(),
    })
    .meta({ id: 'ReconciliationStatus' }),
  errors: [],
  positional: [],
  http: { method: 'GET', path: '/api/reconciliation/status', correlated: true },
  run: ({ books, tenant }) =>
    books.transaction(tenant, async (tx) => ({ ...(await reconciliationStatus(tx)), tenant_id: tenant })),
})

export const reconciliationOperations: readonly Operation[] = [run, list, show, status]
