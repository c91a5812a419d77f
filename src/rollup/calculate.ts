/**
 * The calculation of a roll-up: frame, tree and rules in; a cell per node, measure and scenario out, with the
 * findings and the tie-out. Pure: it reads no database and no clock.
 *
 * For every cell: natural = direct + Σ children's natural; adjusted = the deciding rule's value, or direct (as
 * adjusted) + Σ children's adjusted; plug = natural − adjusted. Naturals are what the facts say; rules and
 * adjusted values stand on the facts as adjusted. Amounts are exact; only a division rounds (see
 * language/formula.ts). A cell whose formula divides by zero is empty, and so is every value made of it.
 *
 * Raises TIE-2309 when the formulas have no order under the policy of the run.
 */

import { type Decimal, equalDecimals, formatDecimal, subtract } from '../base/decimal.js'
import { refuseAll } from '../base/errors.js'
import type { Finding } from '../base/finding.js'
import { compareText } from '../base/text.js'
import { amountIndex, type Frame } from '../engines/frame.js'
import { type Bindings, bindNodes } from './bindings.js'
import { overlapFindings, scenarioFindings, unassignedFindings } from './calculation-findings.js'
import type { Purpose } from './groups.js'
import type { Tree } from './hierarchy.js'
import type { Search } from './kernel.js'
import { cyclesOf, type RuledMeasure, ruledMeasures } from './order.js'
import { type Decision, type Resolution, resolveRules } from './resolver.js'
import { RollUpBase } from './roll-up-base.js'
import { ruleFindings } from './rule-findings.js'
import { ScenarioRollUp } from './scenario-roll-up.js'
import { searchesOf } from './searches.js'
import { type MeasureColumns, unruledCells } from './unruled-cells.js'
import type { Policy, Rule, UseCase } from './use-case.js'

export interface Cell {
  /** Position in the tree. */
  readonly node: number
  readonly measure: number
  readonly scenario: string
  readonly natural: Decimal
  readonly direct: Decimal
  /** What fact adjustments change in the facts bound to the node or below it. */
  readonly adjustment: Decimal
  /** Undefined: empty, because an operand is missing. */
  readonly adjusted: Decimal | undefined
  readonly plug: Decimal | undefined
  /** Facts bound to the node or below it. */
  readonly factCount: number
  /** The explicit rule that decided; undefined: its own facts and its children. */
  readonly rule: Rule | undefined
}

/** Both sides of the identities that every run must satisfy, for one scenario and measure. */
export interface TieOut {
  readonly scenario: string
  readonly measure: string
  /** Sum of all facts in scope, taken over the frame as it was read. */
  readonly facts: Decimal
  readonly rootNatural: Decimal
  readonly unassigned: Decimal
  /** The root's natural − adjusted; undefined when the root is empty. */
  readonly rootPlug: Decimal | undefined
  /** What fact adjustments changed in all facts in scope. */
  readonly adjustment: Decimal
  /** What each override took from the sum of its children and own facts, added up. */
  readonly overrides: Decimal | undefined
}

export interface Calculation {
  /** Scenario by scenario, nodes in preorder, measures in the order of the mapping. */
  readonly cells: readonly Cell[]
  /** The same without rules. Cells that no rule moves are one object here and there, and in every calculation over a base. */
  readonly unruled: readonly Cell[]
  readonly scenarios: readonly string[]
  readonly findings: readonly Finding[]
  readonly decisions: readonly Decision[]
  readonly tieOut: readonly TieOut[]
  /** Groups of facts that rules over the whole table were evaluated on. */
  readonly groups: number
}

export interface CalculationInput {
  readonly tree: Tree
  readonly useCase: UseCase
  readonly policy: Policy
  readonly frame: Frame
  /** Amount columns of the frame that hold a column's values after fact adjustments; columns without one are as the facts say. */
  readonly adjusted?: AdjustedColumns
  /** Kept from an earlier calculation over the same frame, tree and bindings (`base.fits`); made where it is not given. */
  readonly base?: RollUpBase
}

/** The name of an amount column → the name of the frame's column with its adjusted values. */
export type AdjustedColumns = ReadonlyMap<string, string>

/**
 * The base of a use case: what calculations with other rules over the same facts need not do again. Searches of
 * its rules are done with it.
 */
export function rollUpBase(frame: Frame, tree: Tree, useCase: UseCase, purpose: Purpose = 'run'): RollUpBase {
  const announced = useCase.rules.flatMap((rule) => searchesOf(tree, rule))
  const bindings = bindNodes(tree, useCase.drivers)
  return new RollUpBase({ ...baseInput(frame, tree, useCase, bindings), announced, purpose })
}

const baseInput = (frame: Frame, tree: Tree, useCase: UseCase, bindings: Bindings) => ({
  frame,
  tree,
  bindings,
  scenarioColumn: useCase.source.scenario,
})

export function calculate(input: CalculationInput): Calculation {
  const { tree, useCase, policy, frame, adjusted } = input
  const { measures, rules } = useCase
  if (input.base?.fits(frame, tree, useCase) === false)
    throw new Error('the base is of other facts, nodes or bindings')
  const bindings = input.base?.input.bindings ?? bindNodes(tree, useCase.drivers)
  const resolution = resolveRules(tree, rules, measures, bindings, policy)
  const ruled = orderedMeasures(tree, rules, ruledMeasures(tree, resolution, measures))
  const searches = standingSearches(tree, resolution)
  const base =
    input.base ??
    new RollUpBase({ ...baseInput(frame, tree, useCase, bindings), announced: searches, purpose: 'run' })
  base.find(searches)
  const scenarios = scenariosOf(useCase, base, frame)
  const columns = measures.map((measure): MeasureColumns => {
    const { column } = measure
    return {
      measure,
      column: amountIndex(frame, column),
      adjusted: amountIndex(frame, adjusted?.get(column) ?? column),
    }
  })
  const unruled = unruledCells(base, columns, scenarios)
  const cells = unruled.slice()
  const results = scenarios.map((scenario, i) => {
    const first = i * tree.nodes.length * measures.length
    return new ScenarioRollUp({ base, measures: columns, ruled, scenario, adjusted, cells, first }).run()
  })
  const labels = scenarios.map(({ label }) => label)
  const findings = [
    ...scenarioFindings(useCase, labels, base),
    ...ruleFindings({ tree, useCase, frame, resolution, base, cells, scenarios }),
    ...results.flatMap((result) => result.findings),
    ...unassignedFindings(base.input, useCase, cells),
    ...overlapFindings(useCase, frame, base),
  ]
  const tieOut = results.flatMap((result) => result.tieOut)
  assertTiesOut(tieOut)
  const { decisions } = resolution
  return { cells, unruled, scenarios: labels, findings, decisions, tieOut, groups: base.groups }
}

/** Every measure in order, or the refusal of those that have none. */
function orderedMeasures(
  tree: Tree,
  rules: readonly Rule[],
  measures: ReturnType<typeof ruledMeasures>,
): readonly RuledMeasure[] {
  refuseAll(cyclesOf(tree, rules, measures, () => undefined))
  return measures.filter((measure): measure is RuledMeasure => !('cycle' in measure))
}

/** What the rules that stand look for; a skipped rule is asked nothing. */
const standingSearches = (tree: Tree, { decisions }: Resolution): Search[] =>
  decisions.flatMap(({ rule, outcome }) => (outcome === 'skipped' ? [] : searchesOf(tree, rule)))

export interface ScenarioCode {
  readonly label: string
  readonly code: number
}

/** The scenarios that have facts: the declared ones first, in their order, then the others by name. */
function scenariosOf({ scenarios, source }: UseCase, base: RollUpBase, frame: Frame): ScenarioCode[] {
  if (source.scenario === null) return frame.facts === 0 ? [] : [{ label: scenarios[0]!, code: 0 }]
  const found = base.scenarios.flatMap((label, code) => (label === null ? [] : [{ label, code }]))
  const rank = (label: string): number =>
    scenarios.includes(label) ? scenarios.indexOf(label) : scenarios.length
  return found.sort((a, b) => rank(a.label) - rank(b.label) || compareText(a.label, b.label))
}

/** An identity that does not hold is a bug, never a finding: nothing is stored. */
function assertTiesOut(tieOut: readonly TieOut[]): void {
  for (const { scenario, measure, facts, rootNatural, rootPlug, adjustment, overrides } of tieOut) {
    if (!equalDecimals(facts, rootNatural)) {
      throw new Error(
        `${scenario} ${measure}: the facts sum to ${formatDecimal(facts)}, the root to ${formatDecimal(rootNatural)}`,
      )
    }
    if (rootPlug === undefined || overrides === undefined) continue
    const explained = subtract(overrides, adjustment)
    if (!equalDecimals(rootPlug, explained)) {
      throw new Error(
        `${scenario} ${measure}: root plug ${formatDecimal(rootPlug)}, overrides less adjustments ${formatDecimal(explained)}`,
      )
    }
  }
}
