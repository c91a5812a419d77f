/**
 * What a roll-up is calculated from: a use case and a structure at their versions, a policy, a date, adjustments
 * and facts up to a horizon. Runs, trials, comparisons and verification all start here.
 *
 * Raises TIE-1101, TIE-1102, and what checking the inputs against the source and reading it raise.
 */

import type { IsoDate } from '../base/dates.js'
import type { Digest } from '../base/digest.js'
import { refuseAll } from '../base/errors.js'
import type { Tx } from '../books/books.js'
import type { Context } from '../books/operation.js'
import type { RunHeader } from '../books/run-headers.js'
import type { Frame } from '../engines/frame.js'
import { type FoundFacts, readKept } from '../engines/kept-frames.js'
import type { FactSource } from '../engines/source.js'
import { type AdjustmentStep, applyAdjustments } from './adjustments/apply-adjustments.js'
import { checkAdjustments } from './adjustments/check-adjustments.js'
import { type Calculation, calculate } from './calculate.js'
import { checkUseCase } from './check-use-case.js'
import { buildTree, type Tree } from './hierarchy.js'
import type { RollUpBase } from './roll-up-base.js'
import { distinct, frameColumns } from './searches.js'
import { adjustmentsOn, type RunAdjustments } from './store/adjustments.js'
import { loadStructure } from './store/structures.js'
import { loadUseCase, loadUseCaseVersion } from './store/use-cases.js'
import type { Policy, UseCase } from './use-case.js'

export interface Inputs {
  readonly useCaseId: string
  readonly useCaseVersion: number
  readonly useCase: UseCase
  readonly structureVersion: number
  readonly tree: Tree
  readonly hierarchyDigest: Digest
  readonly policy: Policy
  readonly date: IsoDate
  readonly adjustments: RunAdjustments
}

export interface InputsRequest {
  /** Name or id. */
  readonly use_case: string
  readonly pnl_date: IsoDate
  /** By default the use case's. */
  readonly policy?: Policy | undefined
}

/** As they are now. */
export async function currentInputs(tx: Tx, { use_case, pnl_date, policy }: InputsRequest): Promise<Inputs> {
  const { id, version, useCase } = await loadUseCase(tx, use_case)
  const structure = await loadStructure(tx, useCase.structure)
  return {
    useCaseId: id,
    useCaseVersion: version,
    useCase,
    structureVersion: structure.version,
    tree: buildTree(structure.rows),
    hierarchyDigest: structure.digest,
    policy: policy ?? useCase.policy,
    date: pnl_date,
    adjustments: await adjustmentsOn(tx, id, pnl_date),
  }
}

export interface RecordedInputs extends Inputs {
  /** Arrival number of the newest fact there was; null where the source keeps none. */
  readonly through: bigint | null
}

/** As a completed run recorded them. */
export async function recordedInputs(tx: Tx, header: RunHeader): Promise<RecordedInputs> {
  const recorded = header.parameters as {
    readonly structure: string
    readonly structure_version: number
    readonly use_case_version: number
    readonly facts_through: string | null
    /** Missing in runs from before there were adjustments. */
    readonly adjustments_through?: number
  }
  const date = header.pnl_date as IsoDate
  const { id, version, useCase } = await loadUseCaseVersion(
    tx,
    header.use_case_id!,
    recorded.use_case_version,
  )
  const structure = await loadStructure(tx, recorded.structure, recorded.structure_version)
  return {
    useCaseId: id,
    useCaseVersion: version,
    useCase,
    structureVersion: structure.version,
    tree: buildTree(structure.rows),
    hierarchyDigest: structure.digest,
    policy: header.policy as Policy,
    date,
    adjustments: await adjustmentsOn(tx, id, date, recorded.adjustments_through ?? 0),
    through: recorded.facts_through === null ? null : BigInt(recorded.facts_through),
  }
}

export interface ReadOptions {
  /** Arrival number of the newest fact to read; null: all. */
  readonly through: bigint | null
  /** Whether a frame kept from an earlier read may serve: with the columns asked for alone, or with others too. */
  readonly kept: 'never' | 'may serve' | 'may serve whole'
}

/**
 * The facts of the date in one frame, with the columns that all of the inputs name, which are of one source; the
 * first of them is checked against the source as it is.
 */
export async function readInputs(
  { progress, signal, frames }: Context,
  source: FactSource,
  inputs: readonly [Inputs, ...Inputs[]],
  { through, kept }: ReadOptions,
): Promise<FoundFacts> {
  const [{ useCase, tree, policy, date, adjustments }] = inputs
  refuseAll([
    ...checkUseCase(useCase, tree, source.columns, policy),
    ...checkAdjustments(adjustments.inForce, useCase, source.columns),
  ])
  const columns = inputs.map((each) => frameColumns(each.tree, each.useCase, each.adjustments.inForce))
  const present = (name: string): boolean => source.columns.some((column) => column.name === name)
  const isAdjusted = inputs.some((each) => each.adjustments.inForce.length > 0)
  return readKept(kept === 'never' ? undefined : frames, source, {
    coded: distinct(columns.flatMap(({ coded }) => coded.filter(present))),
    amounts: distinct(columns.flatMap(({ amounts }) => amounts.filter(present))),
    where: useCase.source.date === null ? [] : [{ column: useCase.source.date, equals: date }],
    through,
    // An adjustment looks at single facts.
    rows: isAdjusted ? 'facts' : 'either',
    others: kept === 'may serve whole' ? 'stay' : 'go',
    onRows: (rows) => {
      progress.report('reading facts', rows)
      signal.throwIfAborted()
    },
  })
}

export interface Calculated {
  readonly inputs: Inputs
  /** With the adjusted amounts beside the facts' own. */
  readonly frame: Frame
  readonly steps: readonly AdjustmentStep[]
  readonly calculation: Calculation
}

/** The inputs over their facts: adjusted, then rolled up. A base of the same facts spares what it holds. */
export function calculateInputs(inputs: Inputs, facts: Frame, base?: RollUpBase): Calculated {
  const { tree, useCase, policy, adjustments } = inputs
  const { frame, adjusted, steps } = applyAdjustments({
    frame: facts,
    useCase,
    adjustments: adjustments.inForce,
  })
  const fits = base?.fits(frame, tree, useCase) === true
  const calculation = calculate({
    tree,
    useCase,
    policy,
    frame,
    adjusted,
    ...(fits ? { base } : {}),
  })
  return { inputs, frame, steps, calculation }
}
