/** Findings about adjustments: what each did, what it took back, and that it matched nothing. Raises nothing. */

import { formatDecimal, withScaleAtLeast } from '../../base/decimal.js'
import type { Finding } from '../../base/finding.js'
import { plural } from '../../base/text.js'
import { amountIndex, type Frame } from '../../engines/frame.js'
import { nearMisses } from '../rule-findings.js'
import type { UseCase } from '../use-case.js'
import { type Adjustment, adjustmentText, type Correction } from './adjustment.js'
import type { AdjustmentStep } from './apply-adjustments.js'

export interface AdjustmentFindingsInput {
  readonly frame: Frame
  readonly useCase: UseCase
  readonly adjustments: readonly Adjustment[]
  readonly steps: readonly AdjustmentStep[]
}

/** Of each adjustment one; none where there is no fact at all, which is said elsewhere. */
export function adjustmentFindings(input: AdjustmentFindingsInput): Finding[] {
  const { frame, adjustments, steps } = input
  if (frame.facts === 0) return []
  return adjustments.map((adjustment) => {
    const own = steps.filter(({ no, hits }) => no === adjustment.no && hits > 0)
    const { definition } = adjustment
    if (definition.action === 'reverse') return reversed(input, adjustment, own)
    return own.length === 0 ? matchesNothing(frame, adjustment, definition) : applied(input, adjustment, own)
  })
}

const label = ({ no, name }: Adjustment): string => `Adjustment ${no} "${name}"`

const named = ({ no, name, definition }: Adjustment) => ({
  adjustment: String(no),
  name,
  text: adjustmentText(definition),
})

function applied(
  input: AdjustmentFindingsInput,
  adjustment: Adjustment,
  steps: readonly AdjustmentStep[],
): Finding {
  return {
    code: 'ADJUSTMENT_APPLIED',
    severity: 'info',
    ...firstOf(input, steps),
    message: `${label(adjustment)}, ${adjustmentText(adjustment.definition)}: ${effects(input, steps).join('; ')}.`,
    suggestion: 'Nothing to do when it is meant; a further adjustment with reverses takes it back.',
    detail: { ...named(adjustment), effects: effects(input, steps) },
  }
}

function reversed(
  input: AdjustmentFindingsInput,
  adjustment: Adjustment,
  steps: readonly AdjustmentStep[],
): Finding {
  const done = effects(input, steps)
  return {
    code: 'ADJUSTMENT_REVERSED',
    severity: 'info',
    ...firstOf(input, steps),
    message: `${label(adjustment)} takes back ${adjustmentText(adjustment.definition).replace('reverse ', '')}: ${done.length === 0 ? 'it touched no fact' : done.join('; ')}.`,
    suggestion: 'Nothing to do when it is meant; reversing the reversal brings the adjustment back.',
    detail: { ...named(adjustment), effects: done },
  }
}

function matchesNothing(frame: Frame, adjustment: Adjustment, { where }: Correction): Finding {
  const near = where === null ? [] : nearMisses(frame, where)
  return {
    code: 'ADJUSTMENT_MATCHES_NOTHING',
    severity: 'warning',
    rows: 0,
    message: `${label(adjustment)} matches no fact: ${adjustmentText(adjustment.definition)}.`,
    suggestion:
      near.length > 0
        ? `Did you mean ${near.join(' or ')}?`
        : 'Check its values, scenario and comparison with the data itself; until it matches something it changes nothing.',
    detail: { ...named(adjustment), near_misses: near },
  }
}

/** The finding's own figures: the first column and scenario it touched. */
function firstOf(
  input: AdjustmentFindingsInput,
  [first]: readonly AdjustmentStep[],
): Partial<Pick<Finding, 'measure' | 'scenario' | 'amount' | 'rows'>> {
  if (first === undefined) return { rows: 0 }
  const measure = input.useCase.measures.find(({ column }) => column === first.column)?.name ?? first.column
  return { measure, scenario: first.scenario, amount: shown(input.frame, first), rows: first.hits }
}

const effects = ({ frame }: AdjustmentFindingsInput, steps: readonly AdjustmentStep[]): string[] =>
  steps.map(
    (step) => `${plural(step.hits, 'fact')} of ${step.scenario}, ${step.column} by ${shown(frame, step)}`,
  )

/** With the digits of the column, and more where the effect has them. */
const shown = (frame: Frame, { column, effect }: AdjustmentStep): string =>
  formatDecimal(withScaleAtLeast(effect, frame.amounts[amountIndex(frame, column)]!.scale))
