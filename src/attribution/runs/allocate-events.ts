/**
 * An allocation of events by a model: the header in a transaction of its own, then every new set, those they replace and
 * the end of the run in one, or FAILED and nothing changed. Events whose sets come out as they are stored are not written.
 *
 * Raises TIE-4401 (allocated elsewhere at the same time), TIE-4402, TIE-4403, TIE-4409, TIE-4115 to TIE-4117 (learning),
 * TIE-2502 (which run failed) and TIE-2503 (interrupted).
 */

import type { Digest } from '../../base/digest.js'
import { refuse } from '../../base/errors.js'
import type { Finding } from '../../base/finding.js'
import { didYouMean } from '../../base/text.js'
import type { Tx } from '../../books/books.js'
import type { Context } from '../../books/operation.js'
import { failed } from '../../books/run-failure.js'
import { type JsonObject, openRun, type RunId, runLock, sealRun } from '../../books/runs.js'
import type { AllocationSet } from '../allocation-set.js'
import { AllocationSummary, type RevenueOf } from '../allocation-summary.js'
import { planFamilies } from '../families.js'
import { learn } from '../learn.js'
import { learnedPaths } from '../learned-paths.js'
import { isLearned, type Model, modelKey, modelText, modelVersion, type WeightTable } from '../model.js'
import { writeSets } from '../store/allocation-sets.js'
import { type FamilyFilter, type ReadFamilies, readFamilies } from '../store/families.js'
import { heldSets } from '../store/held-sets.js'
import { saveTable, storedTable, tableVersions, weightsOf } from '../store/weight-tables.js'

export interface AllocateRequest {
  readonly model: Model
  readonly filter: FamilyFilter
  /** Of a learned model: the version whose weights it goes by; it learns when not said. */
  readonly weights?: string | undefined
  readonly isDry: boolean
}

export interface Allocated {
  /** Null of a dry run. */
  readonly run_id: RunId | null
  readonly model: string
  readonly model_version: string
  /** Of a learned model. */
  readonly table_digest: string | null
  readonly events: number
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
    const work = await prepare(context, tx, request)
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
  const work = await prepare(context, tx, request)
  const at = context.now()
  if (work.table !== undefined) await saveTable(tx, work.version, work.table, { run, at })
  await writeSets(tx, run, at, planned(context, work))
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

interface Work {
  readonly model: Model
  readonly version: string
  readonly table: WeightTable | undefined
  /** Purchases that it learned from now. */
  readonly learnedFrom: number | undefined
  readonly families: ReadFamilies
  readonly held: Awaited<ReturnType<typeof heldSets>>
  readonly summary: AllocationSummary
}

async function prepare(context: Context, tx: Tx, request: AllocateRequest): Promise<Work> {
  const { model, filter } = request
  context.progress.report('reading events', 0)
  const families = await readFamilies(tx, filter)
  const learned = isLearned(model) ? await tableFor(tx, request, families) : undefined
  return {
    model,
    version: modelVersion(model, learned?.table),
    table: learned?.table,
    learnedFrom: learned?.from,
    families,
    held: await heldSets(tx, modelKey(model)),
    summary: new AllocationSummary(),
  }
}

async function tableFor(
  tx: Tx,
  { model, filter, weights }: AllocateRequest,
  families: ReadFamilies,
): Promise<{ readonly table: WeightTable; readonly from?: number }> {
  if (weights !== undefined) {
    const stored = weights.startsWith(`${modelKey(model)}.`) ? await storedTable(tx, weights) : undefined
    if (stored !== undefined) return { table: weightsOf(stored) }
    const suggestion = didYouMean(weights, await tableVersions(tx, modelKey(model)))
    refuse('TIE-4403', { version: weights, suggestion })
  }
  const isAll = filter.since === undefined && filter.until === undefined
  const { paths } = isAll ? families : await readFamilies(tx, {})
  return { table: learn(model, learnedPaths(paths, model), 'The stored events').table, from: paths.events }
}

/** Counts every set, and hands on those that are to be written. */
function* planned(
  context: Context,
  { families, held, model, table, summary }: Work,
): Generator<AllocationSet> {
  for (const one of planFamilies(families, (event) => held.get(event), model, table)) {
    summary.add(one)
    if (summary.events % 10_000 === 0) {
      context.signal.throwIfAborted()
      context.progress.report('allocating events', summary.events)
    }
    if (one.is === 'new') yield one.set
  }
}

function outcome({
  model,
  version,
  table,
  learnedFrom,
  families,
  summary,
}: Work): Omit<Allocated, 'run_id' | 'duration_ms'> {
  const { inputs, contents } = summary.digests()
  return {
    model: modelText(model),
    model_version: version,
    table_digest: table?.digest ?? null,
    events: summary.events,
    new: summary.new,
    same: summary.same,
    superseded: summary.superseded,
    revenue: summary.revenue(),
    input_digest: inputs,
    result_digest: contents,
    findings: summary.findings(families.unknownCodes, learnedFrom),
  }
}
