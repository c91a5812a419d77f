/** Findings about the facts of a calculation: missing scenarios, unassigned facts, facts claimed twice. Raises nothing. */

import { formatDecimal } from '../base/decimal.js'
import type { Finding } from '../base/finding.js'
import { compareText, plural } from '../base/text.js'
import { amountIndex, codedIndex, type Frame } from '../engines/frame.js'
import type { Bindings } from './bindings.js'
import type { Cell } from './calculate.js'
import { UNASSIGNED } from './hierarchy.js'
import type { BaseInput, RollUpBase } from './roll-up-base.js'
import { canonicalValue } from './row-owners.js'
import { sourceName, type UseCase } from './use-case.js'

/** Declared scenarios without a fact, and facts without a scenario. */
export function scenarioFindings(useCase: UseCase, found: readonly string[], base: RollUpBase): Finding[] {
  const declared = useCase.source.scenario === null ? useCase.scenarios.slice(0, 1) : useCase.scenarios
  const missing = declared.filter((scenario) => !found.includes(scenario))
  const findings = missing.map(
    (scenario): Finding => ({
      code: 'SCENARIO_MISSING',
      // A run without any fact at all is hardly what its author wanted.
      severity: found.length === 0 ? 'error' : 'warning',
      scenario,
      rows: 0,
      message: `No fact of ${sourceName(useCase.source)} is in scope for ${scenario}: it has no results, and the variance is empty.`,
      suggestion: 'Check the date and the label of the scenario, or import its facts.',
    }),
  )
  const unlabelled = useCase.source.scenario === null ? 0 : withoutScenario(base)
  if (unlabelled === 0) return findings
  return [
    ...findings,
    {
      code: 'FACTS_WITHOUT_SCENARIO',
      severity: 'warning',
      rows: unlabelled,
      message: `${plural(unlabelled, 'fact')} in scope ${unlabelled === 1 ? 'has' : 'have'} no ${useCase.source.scenario} and belong to no scenario.`,
      suggestion: `Import corrections with the column ${useCase.source.scenario} filled in.`,
    },
  ]
}

function withoutScenario(base: RollUpBase): number {
  return base.scenarios[0] === null ? base.factsUnder(0)[0]! : 0
}

/** What no node claims: rows, money and the driver values behind it. */
export function unassignedFindings(
  { tree, frame, bindings }: BaseInput,
  { measures }: UseCase,
  cells: readonly Cell[],
): Finding[] {
  const node = tree.positions.get(UNASSIGNED)!
  const concerned: Cell[] = []
  for (let at = node * measures.length; at < cells.length; at += tree.nodes.length * measures.length)
    if (cells[at]!.factCount > 0) concerned.push(cells[at]!)
  if (concerned.length === 0) return []
  const values = unboundValues(frame, bindings)
  return concerned.map(
    (cell): Finding => ({
      code: 'FACTS_UNASSIGNED',
      severity: 'warning',
      node_id: UNASSIGNED,
      measure: measures[0]!.name,
      scenario: cell.scenario,
      amount: formatDecimal(cell.natural),
      rows: cell.factCount,
      message: `${plural(cell.factCount, 'fact')} of ${cell.scenario} ${cell.factCount === 1 ? 'belongs' : 'belong'} to no node: ${formatDecimal(cell.natural)} of ${measures[0]!.name}.`,
      suggestion: 'Add nodes for these values, or correct the facts by new ones.',
      detail: values,
    }),
  )
}

const MAX_VALUES = 10

/** Bindings are never changed, and calculations over one base ask for the same again. */
const unboundKept = new WeakMap<
  Bindings,
  { readonly frame: Frame; readonly values: Record<string, string[]> }
>()

/** Values of the driver columns that no binding names, as many as fit a message. */
function unboundValues(frame: Frame, bindings: Bindings): Record<string, string[]> {
  const kept = unboundKept.get(bindings)
  if (kept?.frame === frame) return kept.values
  const values = unboundOf(frame, bindings)
  unboundKept.set(bindings, { frame, values })
  return values
}

function unboundOf(frame: Frame, { columns, bindings }: Bindings): Record<string, string[]> {
  return Object.fromEntries(
    columns.map((column) => {
      const { dictionary, type } = frame.coded[codedIndex(frame, column)]!
      const bound = new Set(
        bindings.filter((b) => b.column === column).map((b) => canonicalValue(b.value, type)),
      )
      const unbound = dictionary.filter(
        (value): value is string => value !== null && !bound.has(canonicalValue(value, type)),
      )
      return [column, unbound.sort(compareText).slice(0, MAX_VALUES)]
    }),
  )
}

export function overlapFindings(useCase: UseCase, frame: Frame, base: RollUpBase): Finding[] {
  const measure = useCase.measures[0]!
  const column = amountIndex(frame, measure.column)
  return base.overlaps.map(
    ({ column: winner, other, rows, amounts }): Finding => ({
      code: 'FACTS_CLAIMED_TWICE',
      severity: 'warning',
      measure: measure.name,
      amount: formatDecimal(amounts[column]!),
      rows,
      message: `${plural(rows, 'fact')} ${rows === 1 ? 'is' : 'are'} claimed through ${winner} and through ${other} for different nodes; each counts once, for ${winner}.`,
      suggestion: `Name the driver whose nodes should win first, or bind fewer values of ${other}.`,
      detail: { counted_for: winner, also_claimed_by: other },
    }),
  )
}
