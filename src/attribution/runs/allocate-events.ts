/**
 * An allocation of events by a model: the header in a transaction of its own, then every new set, those they replace and
 * the end of the run in one, or FAILED and nothing changed. Events whose sets come out as they are stored are not written.
 * While model, weights and taxonomy are those of the newest point, only what came after it is read: nothing that the other
 * sets follow from has changed.
 *
 * Raises TIE-4401 (allocated elsewhere at the same time), TIE-4402, TIE-4403, TIE-4409, TIE-4115 to TIE-4117 (learning),
 * TIE-2502 (which run failed) and TIE-2503 (interrupted).
 */

import type { Digest } from '../../base/digest.js'
import { refuse } from '../../base/errors.js'
import type { Finding } from '../../base/finding.js'
import type { Tx } from '../../books/books.js'
import type { Context } from '../../books/operation.js'
import { failed } from '../../books/run-failure.js'
import { type JsonObject, openRun, type RunId, runLock, sealRun } from '../../books/runs.js'
import type { AllocationSet } from '../allocation-set.js'
import type { RevenueOf } from '../allocation-summary.js'
import { planFamilies } from '../families.js'
import { isLearned, modelKey, modelText } from '../model.js'
import { writeSets } from '../store/allocation-sets.js'
import { saveTable } from '../store/weight-tables.js'
import { type AllocateRequest, type AllocationWork, leavePoint, prepareWork } from './allocation-work.js'

export interface Allocated {
  /** Null of a dry run. */
  readonly run_id: RunId | null
  readonly model: string
  readonly model_version: string
  /** Of a learned model. */
  readonly table_digest: string | null
  readonly mode: 'full' | 'incremental'
  /** Events with a set: those of the filter, refunds and other adjustments among them. */
  readonly events: number
  /** Events whose set was computed; those of the others follow from nothing that changed. */
  readonly computed: number
  readonly new: number
  readonly same: number
  readonly superseded: number
  readonly revenue: readonly RevenueOf[]
  readonly input_digest: Digest
  readonly result_digest: Digest
  readonly findings: readonly Finding[]
  readonly duration_ms: number
}

export async function allocateEvents(context: Context, request: AllocateRequest): Promise<Allocated> {
  const { books, tenant } = context
  const { model, weights } = request
  const text = modelText(model)
  if (weights !== undefined && !isLearned(model)) refuse('TIE-4409', { model: text })
  const done = await books.whileHolding(`attribution:${tenant}:${modelKey(model)}`, async () => ({
    value: await (request.isDry ? tryOut(context, request) : begin(context, request)),
  }))
  return done === undefined ? refuse('TIE-4401', { model: text }) : done.value
}

const tryOut = (context: Context, request: AllocateRequest): Promise<Allocated> =>
  context.books.transaction(context.tenant, async (tx) => {
    const began = context.elapsed()
    const work = await prepareWork(context, tx, request)
    const sets = planned(context, work)
    while (!sets.next().done) context.signal.throwIfAborted()
    return { ...outcome(work), run_id: null, duration_ms: Math.round(context.elapsed() - began) }
  })

async function begin(context: Context, request: AllocateRequest): Promise<Allocated> {
  const { books, tenant } = context
  const began = context.elapsed()
  const run = context.newId() as RunId
  const { since, until } = request.filter
  const made = await books.whileHolding(runLock(run), async () => {
    await openRun(books, tenant, {
      id: run,
      kind: 'attribution',
      run_name: `Attribution by ${modelText(request.model)}`,
      executed_at: context.now(),
      triggered_by: context.who,
      policy: request.model.name,
      engine_version: context.engineVersion,
      parameters: { model: modelText(request.model), since: since ?? null, until: until ?? null },
    })
    try {
      return await books.transaction(tenant, (tx) => allocateAndSeal(context, tx, request, { run, began }))
    } catch (error) {
      return failed(context, run, began, error)
    }
  })
  if (made === undefined) throw new Error(`the lock of the new run ${run} was taken`)
  return made
}

async function allocateAndSeal(
  context: Context,
  tx: Tx,
  request: AllocateRequest,
  { run, began }: { readonly run: RunId; readonly began: number },
): Promise<Allocated> {
  const work = await prepareWork(context, tx, request)
  const at = context.now()
  if (work.table !== undefined) await saveTable(tx, work.basis.model_version, work.table, { run, at })
  await writeSets(tx, run, at, planned(context, work))
  await leavePoint(tx, run, work)
  const found = outcome(work)
  // The last chance to take everything back: what is returned from here is committed.
  context.signal.throwIfAborted()
  const duration_ms = Math.round(context.elapsed() - began)
  const { findings, result_digest, input_digest, ...kept } = found
  await sealRun(tx, {
    id: run,
    result_digest,
    finished_at: context.now(),
    calculation_duration_ms: duration_ms,
    findings,
    input_digest,
    parameters: { allocated: kept as unknown as JsonObject, events_through: work.families.through },
  })
  return { ...found, run_id: run, duration_ms }
}

/** Counts every set, and hands on those that are to be written. */
function* planned(
  context: Context,
  { families, held, model, table, summary }: AllocationWork,
): Generator<AllocationSet> {
  for (const one of planFamilies(families, (event) => held.get(event), model, table)) {
    summary.add(one)
    if (summary.computed % 10_000 === 0) {
      context.signal.throwIfAborted()
      context.progress.report('allocating events', summary.computed)
    }
    if (one.is === 'new') yield one.set
  }
}

function outcome({
  model,
  basis,
  table,
  learnedFrom,
  goesOn,
  families,
  summary,
}: AllocationWork): Omit<Allocated, 'run_id' | 'duration_ms'> {
  const { inputs, contents } = summary.digests()
  return {
    model: modelText(model),
    model_version: basis.model_version,
    table_digest: table?.digest ?? null,
    mode: goesOn ? 'incremental' : 'full',
    events: summary.events,
    computed: summary.computed,
    new: summary.new,
    same: summary.events - summary.new,
    superseded: summary.superseded,
    revenue: summary.kept(families.unknownCodes).revenue,
    input_digest: inputs,
    result_digest: contents,
    findings: summary.findings(families.unknownCodes, learnedFrom),
  }
}
