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
import {
  type AllocationPoint,
  type Basis,
  isOn,
  isReached,
  newestPoint,
  savePoint,
  taxonomyDigest,
} from '../store/allocation-points.js'
import { writeSets } from '../store/allocation-sets.js'
import { listChannels } from '../store/channels.js'
import { type FamilyFilter, type ReadFamilies, readChangedFamilies, readFamilies } from '../store/families.js'
import { heldSets, heldSetsOfChanged } from '../store/held-sets.js'
import { saveTable, storedTable, tableVersions, weightsOf } from '../store/weight-tables.js'

export interface AllocateRequest {
  readonly model: Model
  readonly filter: FamilyFilter
  /** Of a learned model: the version whose weights it goes by; it learns when not said. */
  readonly weights?: string | undefined
  /** Every event is read and its set computed again. */
  readonly isFull: boolean
  readonly isDry: boolean
}

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

interface Work {
  readonly model: Model
  readonly basis: Basis
  readonly table: WeightTable | undefined
  /** Purchases that it learned from now. */
  readonly learnedFrom: number | undefined
  readonly isFiltered: boolean
  readonly newest: AllocationPoint | undefined
  /** Only what came after the newest point is read. */
  readonly goesOn: boolean
  readonly families: ReadFamilies
  readonly held: Awaited<ReturnType<typeof heldSets>>
  readonly summary: AllocationSummary
}

async function prepare(context: Context, tx: Tx, request: AllocateRequest): Promise<Work> {
  const { model, filter, weights, isFull } = request
  const key = modelKey(model)
  context.progress.report('reading events', 0)
  const isFiltered = filter.since !== undefined || filter.until !== undefined
  // Weights are learned from all purchases, which are then at hand.
  const all = isLearned(model) && weights === undefined ? await readFamilies(tx, {}) : undefined
  const table = isLearned(model) ? await tableFor(tx, model, weights, all) : undefined
  const basis = {
    model_version: modelVersion(model, table),
    taxonomy_digest: taxonomyDigest(await listChannels(tx)),
  }
  const newest = await newestPoint(tx, key)
  const goesOn =
    !isFull &&
    !isFiltered &&
    all === undefined &&
    newest !== undefined &&
    newest.events_through > 0 &&
    isOn(newest, basis)
  const families = goesOn
    ? await readChangedFamilies(tx, newest.events_through)
    : isFiltered || all === undefined
      ? await readFamilies(tx, filter)
      : all
  return {
    model,
    basis,
    table,
    learnedFrom: all?.paths.events,
    isFiltered,
    newest,
    goesOn,
    families,
    held: await (goesOn ? heldSetsOfChanged(tx, key) : heldSets(tx, key)),
    summary: new AllocationSummary(goesOn ? newest : undefined),
  }
}

async function tableFor(
  tx: Tx,
  model: Model,
  weights: string | undefined,
  all: ReadFamilies | undefined,
): Promise<WeightTable> {
  if (all !== undefined) return learn(model, learnedPaths(all.paths, model), 'The stored events').table
  const version = weights!
  const stored = version.startsWith(`${modelKey(model)}.`) ? await storedTable(tx, version) : undefined
  if (stored !== undefined) return weightsOf(stored)
  const suggestion = didYouMean(version, await tableVersions(tx, modelKey(model)))
  refuse('TIE-4403', { version, suggestion })
}

/** Counts every set, and hands on those that are to be written. */
function* planned(
  context: Context,
  { families, held, model, table, summary }: Work,
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

/**
 * All events are behind the new point. Where only some were allocated, on another basis than the newest point's, sets of
 * events behind that one may have been replaced, so the next allocation begins anew.
 */
async function leavePoint(
  tx: Tx,
  run: RunId,
  { model, basis, newest, isFiltered, families, summary }: Work,
): Promise<void> {
  const key = modelKey(model)
  if (isFiltered) {
    if (newest !== undefined && !isOn(newest, basis)) await savePoint(tx, newest, { key, run, basis })
    return
  }
  const reached = { events_through: families.through, sums: summary.kept(families.unknownCodes) }
  if (!isOn(newest, basis) || !isReached(newest!, reached))
    await savePoint(tx, newest, { key, run, basis, reached })
}

function outcome({
  model,
  basis,
  table,
  learnedFrom,
  goesOn,
  families,
  summary,
}: Work): Omit<Allocated, 'run_id' | 'duration_ms'> {
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
