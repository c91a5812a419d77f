/**
 * Applies adjustments to a frame, one after another, each on the result of the one before: facts in, the same
 * facts with further amount columns out, and what every step did. The facts' own columns stay as they are.
 * Pure. Nulls in an amount are 0, as they are in every sum, and are adjusted as 0.
 *
 * Raises TIE-2709 for amounts that would get too many digits.
 */

import { type Decimal, decimal, subtract } from '../../base/decimal.js'
import { refuse } from '../../base/errors.js'
import { amountIndex, type Frame } from '../../engines/frame.js'
import type { AdjustedColumns } from '../calculate.js'
import type { UseCase } from '../use-case.js'
import type { Adjustment, Correction, Reversal } from './adjustment.js'
import {
  type Amounts,
  amountsOf,
  changed,
  MAX_ADJUSTED_DIGITS,
  type Matches,
  takenBack,
  totalsByCode,
} from './amounts.js'
import { amountColumn, touchedColumns } from './columns.js'
import { matchesOf } from './matches.js'
import { ScenarioCodes } from './scenario-codes.js'

/** What one adjustment did to one amount column of one scenario. */
export interface AdjustmentStep {
  readonly no: number
  /** Of the source. */
  readonly column: string
  readonly scenario: string
  /** Facts it touched, also where it left the amount as it was; of a reversal: those its target touched. */
  readonly hits: number
  /** The column's total over all facts of the scenario as the step found it. */
  readonly before: Decimal
  readonly effect: Decimal
  readonly after: Decimal
}

export interface AdjustedFrame {
  readonly frame: Frame
  readonly adjusted: AdjustedColumns
  /** Adjustment by adjustment, its columns in the order it names them, scenarios in the order of the results. */
  readonly steps: readonly AdjustmentStep[]
}

export interface AdjustmentsInput {
  /** Not grouped: an adjustment looks at each fact. */
  readonly frame: Frame
  readonly useCase: UseCase
  /** Those in force, in their order. */
  readonly adjustments: readonly Adjustment[]
}

export function applyAdjustments(input: AdjustmentsInput): AdjustedFrame {
  const { frame, adjustments } = input
  if (adjustments.length === 0) return { frame, adjusted: new Map(), steps: [] }
  if (frame.blocks.some(({ counts }) => counts !== null))
    throw new Error('adjustments need every fact on its own row')
  const ladder = new Ladder(input)
  const steps = adjustments.flatMap((adjustment) => ladder.apply(adjustment))
  return { ...withColumns(frame, ladder.columns), steps }
}

/** What a step did, kept where a later one takes it back. */
interface Done {
  /** By scenario code. */
  readonly hits: Float64Array
  readonly columns: ReadonlyMap<string, { readonly before: Amounts; readonly after: Amounts }>
  /** Null: every scenario. */
  readonly scenario: string | null
}

class Ladder {
  /** Amount columns as they are after the steps so far: those that were changed. */
  readonly columns = new Map<string, Amounts>()
  /** The same, with those that were only looked at. */
  private readonly now = new Map<string, Amounts>()
  private readonly scenarios: ScenarioCodes
  private readonly reversed: ReadonlySet<string>
  private readonly done = new Map<string, Done>()

  constructor(private readonly input: AdjustmentsInput) {
    this.scenarios = new ScenarioCodes(input.frame, input.useCase)
    this.reversed = new Set(
      input.adjustments.flatMap(({ definition }) =>
        definition.action === 'reverse' ? [definition.reverses] : [],
      ),
    )
  }

  apply(adjustment: Adjustment): AdjustmentStep[] {
    const { name, definition } = adjustment
    const done =
      definition.action === 'reverse'
        ? this.reverse(adjustment, definition)
        : this.correct(adjustment, definition)
    if (this.reversed.has(name)) this.done.set(name, done)
    for (const [column, { before, after }] of done.columns) {
      if (before === after) continue
      this.now.set(column, after)
      this.columns.set(column, after)
    }
    return [...done.columns].flatMap(([column, { before, after }]) =>
      this.steps(adjustment.no, column, done, before, after),
    )
  }

  private amounts(column: string): Amounts {
    const { frame } = this.input
    const known = this.now.get(column) ?? amountsOf(frame, amountIndex(frame, column))
    this.now.set(column, known)
    return known
  }

  private correct(adjustment: Adjustment, correction: Correction): Done {
    const { frame, useCase } = this.input
    const measure = correction.compare?.measure ?? null
    const compared = measure === null ? undefined : this.amounts(amountColumn(useCase, measure))
    const matches = matchesOf({ frame, scenarios: this.scenarios, selection: correction, compared })
    const touches = matches.some((hit) => hit !== undefined)
    const columns = touchedColumns(useCase, correction).map((column) => {
      const before = this.amounts(column)
      const after = touches ? changed(before, frame, matches, correction, correction.round) : before
      return [column, { before, after: after ?? tooManyDigits(adjustment, column) }] as const
    })
    return { hits: this.hits(matches), columns: new Map(columns), scenario: correction.scenario }
  }

  private reverse(adjustment: Adjustment, { reverses }: Reversal): Done {
    const target = this.done.get(reverses)
    if (target === undefined)
      throw new Error(`${adjustment.name} reverses ${reverses}, which is not in force before it`)
    const columns = [...target.columns].map(([column, { before, after }]) => {
      const now = this.amounts(column)
      const undone = before === after ? now : takenBack(now, before, after, this.input.frame)
      return [column, { before: now, after: undone ?? tooManyDigits(adjustment, column) }] as const
    })
    return { ...target, columns: new Map(columns) }
  }

  private hits(matches: Matches): Float64Array {
    const hits = new Float64Array(this.scenarios.count)
    this.input.frame.blocks.forEach((block, i) => {
      const hit = matches[i]
      if (hit === undefined) return
      const codes = this.scenarios.codesOf(block)
      for (let row = 0; row < block.rows; row++) hits[codes === undefined ? 0 : codes[row]!]! += hit[row]!
    })
    return hits
  }

  private steps(
    no: number,
    column: string,
    { hits, scenario }: Done,
    before: Amounts,
    after: Amounts,
  ): AdjustmentStep[] {
    const [was, became] = [this.totals(before), this.totals(after)]
    return this.scenarios.found
      .filter(({ label }) => scenario === null || label === scenario)
      .map(({ label, code }) => ({
        no,
        column,
        scenario: label,
        hits: hits[code]!,
        before: was[code]!,
        effect: subtract(became[code]!, was[code]!),
        after: became[code]!,
      }))
  }

  /** A column's totals are asked for as the end of one step and as the beginning of the next. */
  private readonly known = new WeakMap<Amounts, readonly Decimal[]>()

  private totals(amounts: Amounts): readonly Decimal[] {
    const known = this.known.get(amounts)
    if (known !== undefined) return known
    const { frame } = this.input
    const units = totalsByCode(amounts, (block) => this.scenarios.codesOf(block), frame, this.scenarios.count)
    const totals = units.map((sum) => decimal(sum, amounts.scale))
    this.known.set(amounts, totals)
    return totals
  }
}

const tooManyDigits = ({ no, name }: Adjustment, column: string): never =>
  refuse('TIE-2709', { no, name, column, limit: MAX_ADJUSTED_DIGITS })

/** The frame with a further column for each adjusted one. No column of a source can hold a NUL in its name. */
function withColumns(frame: Frame, columns: ReadonlyMap<string, Amounts>): Omit<AdjustedFrame, 'steps'> {
  const list = [...columns]
  const adjusted = new Map(list.map(([name]) => [name, `${name}\0adjusted`]))
  return {
    adjusted,
    frame: {
      ...frame,
      amounts: [
        ...frame.amounts,
        ...list.map(([name, { scale, magnitudes }]) => ({
          name: adjusted.get(name)!,
          scale,
          range: magnitudes === null ? ('big' as const) : ('exact' as const),
        })),
      ],
      blocks: frame.blocks.map((block, i) => ({
        ...block,
        amounts: [...block.amounts, ...list.map(([, { blocks }]) => blocks[i]!)],
      })),
    },
  }
}
