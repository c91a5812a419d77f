/**
 * Runs: `createSnapshot` loads, resolves, calculates, writes all results and seals the run, or marks it FAILED
 * and leaves nothing. `recalculate` does the same calculation again from what a run recorded.
 *
 * Raises TIE-1102, what checking and reading raise, TIE-2502 (which run failed) and TIE-2503 (interrupted).
 */

import type { IsoDate } from '../base/dates.js'
import { type Decimal, formatDecimal, withScaleAtLeast } from '../base/decimal.js'
import { type Digest, digestOf } from '../base/digest.js'
import { refuse } from '../base/errors.js'
import type { Finding } from '../base/finding.js'
import { plural } from '../base/text.js'
import type { Tx } from '../books/books.js'
import type { Context } from '../books/operation.js'
import { failed } from '../books/run-failure.js'
import type { RunHeader } from '../books/run-headers.js'
import { openRun, type RunId, runLock, sealRun } from '../books/runs.js'
import { amountIndex, frameBytes } from '../engines/frame.js'
import type { FrameOrigin } from '../engines/kept-frames.js'
import type { FactSource } from '../engines/source.js'
import { DIVISION_ROUNDING, DIVISION_SCALE } from '../language/formula.js'
import { adjustmentsDigest } from './adjustments/adjustment.js'
import { adjustmentFindings } from './adjustments/adjustment-findings.js'
import type { Calculation, TieOut } from './calculate.js'
import type { Edits } from './edit-use-case.js'
import { figuresOf } from './figures.js'
import { structureFindings, type Tree } from './hierarchy.js'
import {
  type Calculated,
  calculateInputs,
  currentInputs,
  type Inputs,
  readInputs,
  recordedInputs,
} from './inputs.js'
import { resultDigest } from './result-digest.js'
import { withSource } from './sources.js'
import { saveSteps, stepRow } from './store/adjustments.js'
import { saveResults } from './store/results.js'
import { findUseCase, saveVersion, statusOf } from './store/use-cases.js'
import { editedInputs } from './trial.js'
import { type Policy, type UseCase, useCaseDigests } from './use-case.js'

export interface SnapshotRequest {
  readonly use_case: string
  readonly pnl_date: IsoDate
  readonly run_name: string
  readonly triggered_by: string
  /** By default the use case's. */
  readonly policy?: Policy | undefined
  /** Of a trial: calculated and kept as a run, while the use case stays what it is. */
  readonly edits?: Edits | undefined
}

/** Milliseconds by stage, and the size of what was read. */
export interface RunMeasures {
  readonly frame: FrameOrigin
  readonly read_ms: number
  readonly calculate_ms: number
  readonly store_ms: number
  readonly facts: number
  readonly groups: number
  readonly cells: number
  readonly frame_bytes: number
}

export interface Snapshot {
  readonly run_id: RunId
  readonly result_digest: Digest
  readonly calculation: Calculation
  readonly findings: readonly Finding[]
  readonly measures: RunMeasures
  readonly duration_ms: number
}

export async function createSnapshot(context: Context, request: SnapshotRequest): Promise<Snapshot> {
  const { books, tenant } = context
  const run = context.newId() as RunId
  const began = context.elapsed()
  const inputs = await books.transaction(tenant, (tx) => inputsOf(context, tx, request))
  const made = await books.whileHolding(runLock(run), async () => {
    await openRun(books, tenant, {
      id: run,
      kind: 'rollup',
      use_case_id: inputs.useCaseId,
      pnl_date: request.pnl_date,
      run_name: request.run_name,
      executed_at: context.now(),
      triggered_by: request.triggered_by,
      policy: inputs.policy,
      trial: request.edits !== undefined,
      engine_version: context.engineVersion,
      parameters: {
        use_case: inputs.useCase.name,
        use_case_version: inputs.useCaseVersion,
        structure: inputs.useCase.structure,
        structure_version: inputs.structureVersion,
        adjustments_through: inputs.adjustments.through,
        division: { scale: DIVISION_SCALE, rounding: DIVISION_ROUNDING },
      },
    })
    try {
      return await books.transaction(tenant, (tx) => calculateAndSeal(context, tx, run, inputs, began))
    } catch (error) {
      return failed(context, run, began, error)
    }
  })
  if (made === undefined) throw new Error(`the lock of the new run ${run} was taken`)
  return made
}

async function inputsOf(context: Context, tx: Tx, request: SnapshotRequest): Promise<Inputs> {
  const current = await currentInputs(tx, request)
  const { useCaseId, useCase } = current
  if ((await statusOf(tx, useCaseId)) === 'ARCHIVED') refuse('TIE-2313', { use_case: useCase.name })
  const { edits, policy } = request
  if (edits === undefined) return current
  const edited = await editedInputs(context, tx, current, { edits, policy })
  // A version of its own, which never becomes the current one, so that the trial can be explained and verified.
  const { newest } = (await findUseCase(tx, useCase.name, 'locked'))!
  const stored = { id: useCaseId, version: newest + 1, useCase: edited.useCase }
  await saveVersion(tx, context.tenant, stored, context.who)
  return { ...edited, useCaseVersion: stored.version }
}

async function calculateAndSeal(
  context: Context,
  tx: Tx,
  run: RunId,
  inputs: Inputs,
  began: number,
): Promise<Snapshot> {
  const { tree, useCase, policy } = inputs
  const adjustments = inputs.adjustments.inForce
  const { frame, from, steps, horizon, undated, calculation, read_ms, calculate_ms } = await withSource(
    context,
    tx,
    useCase.source,
    inputs.useCaseId,
    async (source) => {
      const through = await source.horizon()
      const read = await readAndCalculate(context, source, inputs, through)
      return { ...read, horizon: through, undated: undatedFindings(source, useCase, read.unselectable) }
    },
  )
  const storing = context.elapsed()
  context.progress.report('storing results', calculation.cells.length)
  const figures = figuresOf(calculation, tree, useCase, frame)
  await saveResults(tx, context.tenant, run, figures)
  await saveSteps(
    tx,
    context.tenant,
    run,
    steps.map((step) => stepRow(step, frame.amounts[amountIndex(frame, step.column)]!.scale)),
  )
  const digests = {
    facts: frame.digest,
    hierarchy: inputs.hierarchyDigest,
    ...useCaseDigests(useCase),
    policy: digestOf(policy),
    // Said only where there are any, so that a run without has the input digest it always had.
    ...(adjustments.length === 0 ? {} : { adjustments: adjustmentsDigest(adjustments) }),
  }
  const findings = [
    ...structureFindings(tree),
    ...undated,
    ...adjustmentFindings({ frame, useCase, adjustments, steps }),
    ...calculation.findings,
  ]
  const result_digest = resultDigest(figures)
  const store_ms = context.elapsed() - storing
  const duration_ms = context.elapsed() - began
  const cells = calculation.cells.length
  const measures = {
    frame: from,
    read_ms,
    calculate_ms,
    store_ms,
    facts: frame.facts,
    groups: calculation.groups,
    cells,
    frame_bytes: frameBytes(frame),
  }
  context.signal.throwIfAborted()
  await sealRun(tx, {
    id: run,
    result_digest,
    finished_at: context.now(),
    calculation_duration_ms: duration_ms,
    findings,
    input_digest: digestOf(digests),
    digests,
    parameters: {
      facts_through: horizon === null ? null : horizon.toString(),
      facts: frame.facts,
      scenarios: [...calculation.scenarios],
      tie_out: calculation.tieOut.map(tieOutRow),
    },
  })
  return { run_id: run, result_digest, calculation, findings, measures, duration_ms }
}

/** Amounts with the digits of the facts, and more where the amount has them. */
function tieOutRow(row: TieOut) {
  const shown = (value: Decimal): string => formatDecimal(withScaleAtLeast(value, row.facts.scale))
  return {
    scenario: row.scenario,
    measure: row.measure,
    facts: shown(row.facts),
    root_natural: shown(row.rootNatural),
    unassigned: shown(row.unassigned),
    adjustment: shown(row.adjustment),
    root_plug: row.rootPlug === undefined ? null : shown(row.rootPlug),
    overrides: row.overrides === undefined ? null : shown(row.overrides),
  }
}

interface ReadAndCalculated extends Calculated {
  readonly from: FrameOrigin
  /** Facts without a date. */
  readonly unselectable: number
  readonly read_ms: number
  readonly calculate_ms: number
}

async function readAndCalculate(
  context: Context,
  source: FactSource,
  inputs: Inputs,
  through: bigint | null,
): Promise<ReadAndCalculated> {
  const reading = context.elapsed()
  const {
    frame: facts,
    from,
    unselectable,
  } = await readInputs(context, source, [inputs], {
    through,
    kept: 'may serve',
  })
  const calculating = context.elapsed()
  context.progress.report('calculating', facts.facts)
  const calculated = calculateInputs(inputs, facts)
  return {
    ...calculated,
    from,
    unselectable,
    read_ms: calculating - reading,
    calculate_ms: context.elapsed() - calculating,
  }
}

/** Facts without a date are in no run: said with every run of their source. */
function undatedFindings(source: FactSource, { source: { date } }: UseCase, rows: number): Finding[] {
  if (rows === 0) return []
  return [
    {
      code: 'FACTS_WITHOUT_DATE',
      severity: 'warning',
      rows,
      message: `${plural(rows, 'fact')} of ${source.name} ${rows === 1 ? 'has' : 'have'} no ${date} and can be in no run.`,
      suggestion: `Import corrections with the column ${date} filled in.`,
    },
  ]
}

export interface Recalculation {
  readonly result_digest: Digest
  readonly facts_digest: Digest
  readonly tree: Tree
}

/** The calculation of a completed run once more: its versions, and the facts that had arrived by then, read anew. */
export async function recalculate(context: Context, tx: Tx, header: RunHeader): Promise<Recalculation> {
  const inputs = await recordedInputs(tx, header)
  const { tree, useCase, useCaseId, through } = inputs
  const { frame, calculation } = await withSource(context, tx, useCase.source, useCaseId, async (source) => {
    const facts = await readInputs(context, source, [inputs], { through, kept: 'never' })
    return calculateInputs(inputs, facts.frame)
  })
  const figures = figuresOf(calculation, tree, useCase, frame)
  return { result_digest: resultDigest(figures), facts_digest: frame.digest, tree }
}
