/**
 * A reconciliation: the header in a transaction of its own, then findings, what they verify and the end of the run in one,
 * or FAILED and nothing found. One of a tenant at a time. Raises TIE-4304 (one is running), TIE-2502 (which run failed)
 * and TIE-2503 (interrupted).
 */

import type { Digest } from '../../base/digest.js'
import { refuse } from '../../base/errors.js'
import type { Finding } from '../../base/finding.js'
import type { Tx } from '../../books/books.js'
import type { Context } from '../../books/operation.js'
import { failed } from '../../books/run-failure.js'
import { openRun, type RunId, runLock, sealRun } from '../../books/runs.js'
import { reconciliationFindings } from '../reconciliation-findings.js'
import {
  amountsFound,
  type FoundAmounts,
  findDifferences,
  findingsDigest,
  odditiesOf,
  type ReconciliationScope,
  verifyEvents,
} from '../store/reconciliation.js'

export interface Reconciled {
  readonly run_id: RunId
  readonly state: 'completed'
  readonly references: number
  readonly amounts: readonly FoundAmounts[]
  /** Events that no reconciliation verified before. */
  readonly newly_verified: number
  readonly result_digest: Digest
  readonly findings: readonly Finding[]
}

export async function reconcile(context: Context, scope: ReconciliationScope): Promise<Reconciled> {
  const { books, tenant } = context
  const done = await books.whileHolding(`reconciliation:${tenant}`, async () => ({
    value: await begin(context, scope),
  }))
  return done === undefined ? refuse('TIE-4304', {}) : done.value
}

async function begin(context: Context, scope: ReconciliationScope): Promise<Reconciled> {
  const { books, tenant } = context
  const began = context.elapsed()
  const run = context.newId() as RunId
  const made = await books.whileHolding(runLock(run), async () => {
    // The database makes the reconciliation of the run with it, and ends it with it.
    await openRun(books, tenant, {
      id: run,
      kind: 'reconciliation',
      run_name: 'Reconciliation of claims and settled amounts',
      executed_at: context.now(),
      triggered_by: context.who,
      engine_version: context.engineVersion,
      parameters: { from: scope.from ?? null, to: scope.to ?? null, platform: scope.platform ?? null },
    })
    try {
      return await books.transaction(tenant, (tx) => findAndSeal(context, tx, scope, run, began))
    } catch (error) {
      return failed(context, run, began, error)
    }
  })
  if (made === undefined) throw new Error(`the lock of the new run ${run} was taken`)
  return made
}

async function findAndSeal(
  context: Context,
  tx: Tx,
  scope: ReconciliationScope,
  run: RunId,
  began: number,
): Promise<Reconciled> {
  context.progress.report('comparing claims and settled amounts', 0)
  const references = await findDifferences(tx, run, scope)
  context.progress.report('verifying events', references)
  const newly_verified = await verifyEvents(tx, run)
  const amounts = await amountsFound(tx, run)
  const findings = reconciliationFindings(amounts, await odditiesOf(tx, run))
  const result_digest = await findingsDigest(tx, run)
  // The last chance to take everything back: what is returned from here is committed.
  context.signal.throwIfAborted()
  await sealRun(tx, {
    id: run,
    result_digest,
    finished_at: context.now(),
    calculation_duration_ms: context.elapsed() - began,
    findings,
    parameters: { references, newly_verified },
  })
  return { run_id: run, state: 'completed', references, amounts, newly_verified, result_digest, findings }
}
