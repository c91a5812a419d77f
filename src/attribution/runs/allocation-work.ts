/**
 * What an allocation works on: the families to compute, the sets they hold, and the point to go on from; and the point that
 * it leaves. Raises TIE-4403 and those of learning (TIE-4115 to TIE-4117).
 */

import { refuse } from '../../base/errors.js'
import { didYouMean } from '../../base/text.js'
import type { Tx } from '../../books/books.js'
import type { Context } from '../../books/operation.js'
import type { RunId } from '../../books/runs.js'
import { AllocationSummary } from '../allocation-summary.js'
import { learn } from '../learn.js'
import { learnedPaths } from '../learned-paths.js'
import { isLearned, type Model, modelKey, modelVersion, type WeightTable } from '../model.js'
import {
  type AllocationPoint,
  type Basis,
  isOn,
  isReached,
  newestPoint,
  savePoint,
  taxonomyDigest,
} from '../store/allocation-points.js'
import { listChannels } from '../store/channels.js'
import { type FamilyFilter, type ReadFamilies, readChangedFamilies, readFamilies } from '../store/families.js'
import { heldSets, heldSetsOfChanged } from '../store/held-sets.js'
import { storedTable, tableVersions, weightsOf } from '../store/weight-tables.js'

export interface AllocateRequest {
  readonly model: Model
  readonly filter: FamilyFilter
  /** Of a learned model: the version whose weights it goes by; it learns when not said. */
  readonly weights?: string | undefined
  /** Every event is read and its set computed again. */
  readonly isFull: boolean
  readonly isDry: boolean
}

export interface AllocationWork {
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

export async function prepareWork(
  context: Context,
  tx: Tx,
  request: AllocateRequest,
): Promise<AllocationWork> {
  const { model, filter, weights, isFull } = request
  const key = modelKey(model)
  context.progress.report('reading events', 0)
  const isFiltered = filter.since !== undefined || filter.until !== undefined
  // Read once: the point must say what the sets were made of.
  const taxonomy = await listChannels(tx)
  // Weights are learned from all purchases, which are then at hand.
  const all = isLearned(model) && weights === undefined ? await readFamilies(tx, taxonomy, {}) : undefined
  const table = isLearned(model) ? await tableFor(tx, model, weights, all) : undefined
  const basis = {
    model_version: modelVersion(model, table),
    taxonomy_digest: taxonomyDigest(taxonomy),
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
    ? await readChangedFamilies(tx, taxonomy, newest.events_through)
    : isFiltered || all === undefined
      ? await readFamilies(tx, taxonomy, filter)
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

/**
 * All events are behind the new point. Where only some were allocated, on another basis than the newest point's, sets of
 * events behind that one may have been replaced, so the next allocation begins anew.
 */
export async function leavePoint(
  tx: Tx,
  run: RunId,
  { model, basis, newest, isFiltered, families, summary }: AllocationWork,
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
