/**
 * A use case with edits that are not saved, calculated beside the use case as it is: the same engine, the same
 * facts, nothing stored. Raises what editing, binding and reading raise.
 */

import { isDeepStrictEqual } from 'node:util'
import type { IsoDate } from '../base/dates.js'
import { isZero, subtract } from '../base/decimal.js'
import type { Tx } from '../books/books.js'
import { namedFile } from '../books/named-file.js'
import type { Context } from '../books/operation.js'
import type { Frame } from '../engines/frame.js'
import type { FoundFacts, FrameOrigin } from '../engines/kept-frames.js'
import { bindDraft } from './apply-use-case.js'
import { sourceOf } from './bind-use-case.js'
import type { Cell } from './calculate.js'
import { figureKey } from './comparison/compare.js'
import { type Edits, editDraft } from './edit-use-case.js'
import { type Calculated, calculateInputs, currentInputs, type Inputs, readInputs } from './inputs.js'
import { keptBase } from './kept-bases.js'
import { withSource } from './sources.js'
import { loadStructure } from './store/structures.js'
import type { Policy } from './use-case.js'
import { draftOf } from './use-case-draft.js'

export interface TrialRequest {
  /** Name or id. */
  readonly use_case: string
  readonly pnl_date: IsoDate
  /** Of both sides; by default what each side says. */
  readonly policy?: Policy | undefined
  readonly edits: Edits
}

export interface Trial {
  /** Where the facts came from. */
  readonly from: FrameOrigin
  readonly before: Calculated
  readonly after: Calculated
}

/** The inputs of the use case with the edits made, bound and checked as a file would be. */
export async function editedInputs(
  context: Context,
  tx: Tx,
  current: Inputs,
  { edits, policy }: Pick<TrialRequest, 'edits' | 'policy'>,
): Promise<Inputs> {
  const { draft, placeOf } = editDraft(draftOf(current.useCase), edits)
  const spec = sourceOf(draft, placeOf)
  const source =
    spec.path === null || spec.path === current.useCase.source.path
      ? spec
      : { ...spec, path: namedFile(context, spec.path, '.', placeOf(['source', 'path'])) }
  const { useCase, tree } = await bindDraft(context, tx, { draft, source, placeOf }, current.useCaseId)
  const structure = await loadStructure(tx, useCase.structure)
  return {
    ...current,
    useCase,
    tree,
    structureVersion: structure.version,
    hierarchyDigest: structure.digest,
    policy: policy ?? useCase.policy,
  }
}

export async function tryEdits(context: Context, tx: Tx, request: TrialRequest): Promise<Trial> {
  const current = await currentInputs(tx, request)
  const edited = await editedInputs(context, tx, current, request)
  const isSameSource = isDeepStrictEqual(current.useCase.source, edited.useCase.source)
  const before = await read(context, tx, isSameSource ? [current, edited] : [current])
  const after = isSameSource ? before : await read(context, tx, [edited])
  context.progress.report('calculating', after.frame.facts)
  return {
    from: after.from,
    before: calculateOnKept(current, before.frame),
    after: calculateOnKept(edited, after.frame),
  }
}

/** On a base that is kept with the frame. Adjusted facts are a frame of their own, made for the occasion. */
function calculateOnKept(inputs: Inputs, frame: Frame): Calculated {
  if (inputs.adjustments.inForce.length > 0) return calculateInputs(inputs, frame)
  const { base, tree } = keptBase(frame, inputs)
  return calculateInputs({ ...inputs, tree }, frame, base)
}

function read(context: Context, tx: Tx, inputs: readonly [Inputs, ...Inputs[]]): Promise<FoundFacts> {
  const [{ useCase, useCaseId }] = inputs
  return withSource(context, tx, useCase.source, useCaseId, async (source) =>
    readInputs(context, source, inputs, { through: await source.horizon(), kept: 'may serve whole' }),
  )
}

/** A cell before and after; undefined where one side has no such cell. */
export interface ChangedCell {
  readonly before: Cell | undefined
  readonly after: Cell | undefined
}

/** In the order of the edited tree, then the cells that are gone. */
export function changedCells({ before, after }: Trial): ChangedCell[] {
  if (hasSameCells(before, after)) {
    const { cells } = before.calculation
    return after.calculation.cells.flatMap((cell, i) =>
      cell === cells[i] || isSame(cells[i]!, cell) ? [] : [{ before: cells[i]!, after: cell }],
    )
  }
  const known = cellsOf(before)
  const now = cellsOf(after)
  const gone = [...known].flatMap(([key, cell]) => (now.has(key) ? [] : [{ before: cell, after: undefined }]))
  const there = [...now].flatMap(([key, cell]): ChangedCell[] => {
    const earlier = known.get(key)
    return earlier !== undefined && isSame(earlier, cell) ? [] : [{ before: earlier, after: cell }]
  })
  return [...there, ...gone]
}

/** Over one tree, measures and scenarios cells stand in one order. */
const hasSameCells = (a: Calculated, b: Calculated): boolean =>
  a.inputs.tree === b.inputs.tree &&
  isDeepStrictEqual(
    [a.inputs.useCase.measures, a.calculation.scenarios],
    [b.inputs.useCase.measures, b.calculation.scenarios],
  )

function cellsOf({ inputs, calculation }: Calculated): ReadonlyMap<string, Cell> {
  const { tree, useCase } = inputs
  return new Map(
    calculation.cells.map((cell) => [
      figureKey(tree.nodes[cell.node]!.node_id, useCase.measures[cell.measure]!.name, cell.scenario),
      cell,
    ]),
  )
}

function isSame(a: Cell, b: Cell): boolean {
  if (!isZero(subtract(a.natural, b.natural))) return false
  return a.adjusted === undefined || b.adjusted === undefined
    ? a.adjusted === b.adjusted
    : isZero(subtract(a.adjusted, b.adjusted))
}
