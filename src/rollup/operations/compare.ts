/** Comparing two runs of a use case: the difference of every figure, and what caused it. */

import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { type Decimal, formatDecimal, isZero, subtract } from '../../base/decimal.js'
import { refuse } from '../../base/errors.js'
import type { Tx } from '../../books/books.js'
import { type Context, type Operation, operation } from '../../books/operation.js'
import type { RunHeader } from '../../books/run-headers.js'
import {
  CAUSES,
  type Cause,
  type Difference,
  differenceOf,
  type Figures,
  figureKey,
  figuresOfRows,
  type Step,
} from '../comparison/compare.js'
import { calculable, mixedInputs } from '../comparison/mixed-inputs.js'
import { calculateInputs, type Inputs, type RecordedInputs, readInputs, recordedInputs } from '../inputs.js'
import { withSource } from '../sources.js'
import { type CompletedRun, completedRun } from '../store/completed-run.js'
import { amount } from './schemas.js'

const difference = z.object({
  left: amount.nullable(),
  right: amount.nullable(),
  difference: amount.nullable().describe('Right − left; a cell that one run does not have counts as 0.'),
  causes: z.partialRecord(z.enum(CAUSES), amount).describe('They sum to the difference.'),
  residual: amount.nullable().describe('Difference − Σ causes.'),
})

const comparedCell = z.object({
  node_id: z.string(),
  parent_node_id: z.string().nullable(),
  node_name: z.string(),
  depth: z.number(),
  measure: z.string(),
  scenario: z.string(),
  natural: difference,
  adjusted: difference,
  plug: z.object({ left: amount.nullable(), right: amount.nullable(), difference: amount.nullable() }),
})

const runSide = z.object({
  run_id: z.string(),
  run_name: z.string(),
  pnl_date: z.string().nullable(),
  policy: z.string().nullable(),
  result_digest: z.string().nullable(),
})

const compare = operation({
  name: 'runs compare',
  summary: 'Compare two runs of a use case node by node, the difference split exactly into its causes.',
  effect: 'read',
  input: z.object({
    run: z.string().describe('The left run: id, or an unambiguous beginning of it.'),
    other: z.string().describe('The right run.'),
    measure: z.string().optional().describe('Only this measure.'),
    scenario: z.string().optional().describe('Only this scenario.'),
    all: z.boolean().default(false).describe('Cells without a difference too.'),
  }),
  output: z.object({
    left: runSide,
    right: runSide,
    order: z.array(z.enum(CAUSES)).describe('The order in which causes are taken.'),
    differing: z.array(z.enum(CAUSES)),
    cells: z.number(),
    different: z.number(),
    residual_zero: z.boolean(),
    rows: z.array(comparedCell),
  }),
  errors: ['TIE-1103', 'TIE-1106', 'TIE-2606', 'TIE-2607'],
  positional: ['run', 'other'],
  http: { method: 'GET', path: '/api/v1/runs/{run}/compare/{other}' },
  violated: ({ residual_zero }) => !residual_zero,
  run: (context, { run, other, measure, scenario, all }) =>
    context.books.transaction(context.tenant, async (tx) => {
      const left = await completedRun(tx, run)
      const right = await completedRun(tx, other)
      refuseOthers(left.header, right.header)
      const inputs = {
        left: await recordedInputs(tx, left.header),
        right: await recordedInputs(tx, right.header),
      }
      const differing = CAUSES.filter((cause) => differs(cause, left.header, right.header))
      const steps = await stepsBetween(context, tx, inputs, right, differing)
      const cells = comparedCells(left, right, steps)
      const wanted = cells.filter(
        (cell) =>
          (measure === undefined || cell.measure === measure) &&
          (scenario === undefined || cell.scenario === scenario),
      )
      const different = wanted.filter(isDifferent)
      return {
        left: side(left.header),
        right: side(right.header),
        order: [...CAUSES],
        differing,
        cells: wanted.length,
        different: different.length,
        residual_zero: cells.every(({ natural, adjusted }) => [natural, adjusted].every(isExplained)),
        rows: (all ? wanted : different).map(shownCell),
      }
    }),
})

function refuseOthers(left: RunHeader, right: RunHeader): void {
  const name = ({ parameters }: RunHeader): string => String(parameters.use_case)
  if (left.use_case_id !== right.use_case_id)
    refuse('TIE-2606', { left: left.id, right: right.id, left_case: name(left), right_case: name(right) })
}

const side = (header: RunHeader): z.output<typeof runSide> => ({
  run_id: header.id,
  run_name: header.run_name,
  pnl_date: header.pnl_date,
  policy: header.policy,
  result_digest: header.result_digest,
})

function differs(cause: Cause, left: RunHeader, right: RunHeader): boolean {
  const digest = left.digests[cause] !== right.digests[cause]
  return cause === 'facts' ? digest || left.pnl_date !== right.pnl_date : digest
}

interface Sides {
  readonly left: RecordedInputs
  readonly right: RecordedInputs
}

/** The states between the runs, calculated on the facts of the right run, which are read once. */
async function stepsBetween(
  context: Context,
  tx: Tx,
  { left, right }: Sides,
  stored: CompletedRun,
  differing: readonly Cause[],
): Promise<Step[]> {
  const between = differing.slice(0, -1)
  const last = differing.at(-1)
  if (last === undefined) return []
  const found =
    between.length === 0 ? [] : await calculateStates(context, tx, { left, right }, stored, between)
  return [...found, { cause: last, figures: figuresOfRows(stored.rows) }]
}

function calculateStates(
  context: Context,
  tx: Tx,
  { left, right }: Sides,
  stored: CompletedRun,
  causes: readonly Cause[],
): Promise<Step[]> {
  const { source: spec } = right.useCase
  return withSource(context, tx, spec, right.useCaseId, async (source) => {
    const states = causes.map((cause) => {
      const mixed = mixedInputs(left, right, cause)
      // Facts of another source cannot be read by this mapping: they come with the mapping.
      const readable = isDeepStrictEqual(mixed.useCase.source, spec)
      return { cause, inputs: readable ? calculable(mixed, source.columns) : undefined }
    })
    const possible = states.flatMap(({ inputs }) => inputs ?? [])
    const { frame } = await readInputs(context, source, [right, ...possible], {
      through: right.through,
      kept: 'may serve',
    })
    const figuresIn = (inputs: Inputs): Figures => {
      const { tree, useCase } = inputs
      const { cells } = calculateInputs(inputs, frame).calculation
      return new Map(
        cells.map((cell) => [
          figureKey(tree.nodes[cell.node]!.node_id, useCase.measures[cell.measure]!.name, cell.scenario),
          { natural: cell.natural, adjusted: cell.adjusted },
        ]),
      )
    }
    // A file read in place may have moved since; the right run itself is what tells.
    if (right.through === null && !sameFigures(figuresIn(right), figuresOfRows(stored.rows)))
      refuse('TIE-2607', { run: stored.header.id, file: source.name })
    return states.map(({ cause, inputs }) => ({
      cause,
      figures: inputs === undefined ? undefined : figuresIn(inputs),
    }))
  })
}

function sameFigures(a: Figures, b: Figures): boolean {
  const same = (x: Decimal | undefined, y: Decimal | undefined): boolean =>
    x === undefined || y === undefined ? x === y : isZero(subtract(x, y))
  return (
    a.size === b.size &&
    [...a].every(([key, { natural, adjusted }]) => {
      const other = b.get(key)
      return other !== undefined && same(natural, other.natural) && same(adjusted, other.adjusted)
    })
  )
}

interface ComparedCell {
  readonly node_id: string
  readonly parent_node_id: string | null
  readonly node_name: string
  readonly depth: number
  readonly measure: string
  readonly scenario: string
  readonly natural: Difference
  readonly adjusted: Difference
}

/** The cells of the right run in its order, then those that only the left has. */
function comparedCells(left: CompletedRun, right: CompletedRun, steps: readonly Step[]): ComparedCell[] {
  const [a, b] = [figuresOfRows(left.rows), figuresOfRows(right.rows)]
  const onlyLeft = left.rows.filter((row) => !b.has(figureKey(row.node_id, row.measure, row.scenario)))
  return [...right.rows, ...onlyLeft].map((row) => {
    const key = figureKey(row.node_id, row.measure, row.scenario)
    return {
      node_id: row.node_id,
      parent_node_id: row.parent_node_id,
      node_name: row.node_name,
      depth: row.depth,
      measure: row.measure,
      scenario: row.scenario,
      natural: differenceOf(key, 'natural', a, b, steps),
      adjusted: differenceOf(key, 'adjusted', a, b, steps),
    }
  })
}

const isNone = (value: Decimal | undefined): boolean => value !== undefined && isZero(value)

/** Neither a difference nor a change from or to an empty cell. */
const isDifferent = ({ natural, adjusted }: ComparedCell): boolean =>
  ![natural, adjusted].every(
    ({ left, right, difference: d }) => isNone(d) || (left === undefined && right === undefined),
  )

const isExplained = ({ residual }: Difference): boolean => residual === undefined || isZero(residual)

const text = (value: Decimal | undefined): string | null =>
  value === undefined ? null : formatDecimal(value)

const shownDifference = ({ left, right, difference: d, causes, residual }: Difference) => ({
  left: text(left),
  right: text(right),
  difference: text(d),
  causes: Object.fromEntries([...causes].map(([cause, value]) => [cause, formatDecimal(value)])),
  residual: text(residual),
})

function shownCell({ natural, adjusted, ...cell }: ComparedCell): z.output<typeof comparedCell> {
  const plug = (of: 'left' | 'right' | 'difference'): string | null => {
    const [n, a] = [natural[of], adjusted[of]]
    return n === undefined || a === undefined ? null : formatDecimal(subtract(n, a))
  }
  return {
    ...cell,
    natural: shownDifference(natural),
    adjusted: shownDifference(adjusted),
    plug: { left: plug('left'), right: plug('right'), difference: plug('difference') },
  }
}

export const compareOperations: readonly Operation[] = [compare]
