/**
 * What a roll-up is calculated from: a use case and a structure at their versions, a policy, a date, and the
 * facts up to a horizon. Runs, trials and comparisons all start here. Raises TIE-1101, TIE-1102.
 */

import type { IsoDate } from '../base/dates.js'
import type { Digest } from '../base/digest.js'
import { refuseAll } from '../base/errors.js'
import type { Tx } from '../books/books.js'
import type { Context } from '../books/operation.js'
import type { RunHeader } from '../books/run-headers.js'
import type { Frame } from '../engines/frame.js'
import type { FactSource } from '../engines/source.js'
import { checkUseCase } from './check-use-case.js'
import { buildTree, type Tree } from './hierarchy.js'
import { distinct, frameColumns } from './searches.js'
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
  }
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
    date: header.pnl_date as IsoDate,
    through: recorded.facts_through === null ? null : BigInt(recorded.facts_through),
  }
}

/**
 * The facts of the date in one frame, with the columns that all of the inputs name, which are of one source.
 * Raises (as a list) what checking the first of them against the source raises.
 */
export async function readInputs(
  { progress, signal }: Context,
  source: FactSource,
  [first, ...others]: readonly [Inputs, ...Inputs[]],
  through: bigint | null,
): Promise<Frame> {
  refuseAll(checkUseCase(first.useCase, first.tree, source.columns, first.policy))
  const columns = [first, ...others].map(({ tree, useCase }) => frameColumns(tree, useCase))
  const present = (name: string): boolean => source.columns.some((column) => column.name === name)
  const { date } = first.useCase.source
  return source.read({
    coded: distinct(columns.flatMap(({ coded }) => coded.filter(present))),
    amounts: distinct(columns.flatMap(({ amounts }) => amounts.filter(present))),
    where: date === null ? [] : [{ column: date, equals: first.date }],
    through,
    onRows: (rows) => {
      progress.report('reading facts', rows)
      signal.throwIfAborted()
    },
  })
}
