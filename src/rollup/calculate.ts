/**
 * The calculation of a roll-up: frame, tree and rules in; a cell per node, measure and scenario out, with the
 * findings and the tie-out. Pure: it reads no database and no clock.
 *
 * For every cell: natural = direct + Σ children's natural; adjusted = the deciding rule's value, or direct +
 * Σ children's adjusted; plug = natural − adjusted. Amounts are exact; only a division rounds (see
 * language/formula.ts). A cell whose formula divides by zero is empty, and so is every value made of it.
 *
 * Raises TIE-2309 when the formulas have no order under the policy of the run.
 */

import { add, type Decimal, decimal, equalDecimals, formatDecimal, subtract, ZERO } from '../base/decimal.js'
import { Refusal } from '../base/errors.js'
import type { Finding } from '../base/finding.js'
import { compareText } from '../base/text.js'
import { amountIndex, type Frame } from '../engines/frame.js'
import { bindNodes } from './bindings.js'
import { overlapFindings, scenarioFindings, unassignedFindings } from './calculation-findings.js'
import { type Tree, UNASSIGNED } from './hierarchy.js'
import { aggregate, type Sums, type Tuples } from './kernel.js'
import { atomicTests } from './language/evaluate.js'
import { evaluateFormula, formulaSums } from './language/formula.js'
import type { Predicate } from './language/predicate.js'
import { calculationOrder, checkFormulaCycles } from './order.js'
import { type Decision, type Resolution, resolveRules } from './resolver.js'
import { ruleFindings } from './rule-findings.js'
import type { Measure, Policy, Rule, UseCase } from './use-case.js'

export interface Cell {
  /** Position in the tree. */
  readonly node: number
  readonly measure: number
  readonly scenario: string
  readonly natural: Decimal
  readonly direct: Decimal
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
  /** What each override took from the sum of its children and own facts, added up. */
  readonly overrides: Decimal | undefined
}

export interface Calculation {
  /** Scenario by scenario, nodes in preorder, measures in the order of the mapping. */
  readonly cells: readonly Cell[]
  readonly scenarios: readonly string[]
  readonly findings: readonly Finding[]
  readonly decisions: readonly Decision[]
  readonly tieOut: readonly TieOut[]
  readonly tuples: number
}

export interface CalculationInput {
  readonly tree: Tree
  readonly useCase: UseCase
  readonly policy: Policy
  readonly frame: Frame
}

/** The columns a frame must hold for a use case. */
export function frameColumns(
  tree: Tree,
  useCase: UseCase,
): { readonly coded: string[]; readonly amounts: string[] } {
  const predicates = predicatesOf(useCase.rules)
  const tested = predicates.flatMap((predicate) => atomicTests(predicate).map(({ column }) => column))
  const coded = [...bindNodes(tree, useCase.drivers).columns, ...tested]
  if (useCase.source.scenario !== null) coded.push(useCase.source.scenario)
  const amounts = [...useCase.measures.map(({ column }) => column), ...useCase.rules.flatMap(amountsOfRule)]
  return { coded: [...new Set(coded)].sort(compareText), amounts: [...new Set(amounts)].sort(compareText) }
}

const amountsOfRule = (rule: Rule): string[] => {
  if (rule.flavour === 'measure_switch') return [rule.column]
  return rule.flavour === 'arithmetic' ? formulaSums(rule.formula).map(({ column }) => column) : []
}

function predicatesOf(rules: readonly Rule[]): Predicate[] {
  return rules.flatMap((rule) => {
    if (rule.flavour === 'filter') return [rule.where]
    if (rule.flavour === 'measure_switch') return rule.where === null ? [] : [rule.where]
    return formulaSums(rule.formula).flatMap(({ where }) => (where === undefined ? [] : [where]))
  })
}

export function calculate({ tree, useCase, policy, frame }: CalculationInput): Calculation {
  const { measures, rules } = useCase
  const bindings = bindNodes(tree, useCase.drivers)
  const cycles = checkFormulaCycles(tree, rules, measures, bindings, policy, () => undefined)
  if (cycles.length > 0) throw new Refusal(cycles)
  const resolution = resolveRules(tree, rules, measures, bindings, policy)
  const tuples = aggregate({
    frame,
    bindings,
    nodeCount: tree.nodes.length,
    scenarioColumn: useCase.source.scenario,
    predicates: predicatesOf(rules),
  })
  const scenarios = scenariosOf(useCase, tuples)
  const results = scenarios.map(({ label, code }) =>
    new ScenarioRollUp(tree, useCase, frame, resolution, tuples, label, code).run(),
  )
  const cells = results.flatMap(({ cells }) => cells)
  const labels = scenarios.map(({ label }) => label)
  const findings = [
    ...scenarioFindings(useCase, labels, tuples),
    ...ruleFindings({ tree, useCase, frame, resolution, tuples, cells, scenarios }),
    ...results.flatMap(({ findings }) => findings),
    ...unassignedFindings(tree, useCase, cells, frame, bindings),
    ...overlapFindings(useCase, frame, tuples),
  ]
  const tieOut = results.flatMap(({ tieOut }) => tieOut)
  assertTiesOut(tieOut)
  return { cells, scenarios: labels, findings, decisions: resolution.decisions, tieOut, tuples: tuples.count }
}

export interface ScenarioCode {
  readonly label: string
  readonly code: number
}

/** The scenarios that have facts: the declared ones first, in their order, then the others by name. */
function scenariosOf({ scenarios, source }: UseCase, tuples: Tuples): ScenarioCode[] {
  if (source.scenario === null) return tuples.count === 0 ? [] : [{ label: scenarios[0]!, code: 0 }]
  const found = tuples.scenarios.flatMap((label, code) => (label === null ? [] : [{ label, code }]))
  const rank = (label: string): number =>
    scenarios.includes(label) ? scenarios.indexOf(label) : scenarios.length
  return found.sort((a, b) => rank(a.label) - rank(b.label) || compareText(a.label, b.label))
}

/** An identity that does not hold is a bug, never a finding: nothing is stored. */
function assertTiesOut(tieOut: readonly TieOut[]): void {
  for (const { scenario, measure, facts, rootNatural, rootPlug, overrides } of tieOut) {
    if (!equalDecimals(facts, rootNatural)) {
      throw new Error(
        `${scenario} ${measure}: the facts sum to ${formatDecimal(facts)}, the root to ${formatDecimal(rootNatural)}`,
      )
    }
    if (rootPlug !== undefined && overrides !== undefined && !equalDecimals(rootPlug, overrides)) {
      throw new Error(
        `${scenario} ${measure}: root plug ${formatDecimal(rootPlug)}, overrides ${formatDecimal(overrides)}`,
      )
    }
  }
}

/** The tree of one scenario. */
class ScenarioRollUp {
  private readonly direct: readonly Sums[]
  private readonly columns: readonly number[]
  private readonly naturals: Decimal[][]
  private readonly factCounts: number[]
  private readonly findings: Finding[] = []

  constructor(
    private readonly tree: Tree,
    private readonly useCase: UseCase,
    private readonly frame: Frame,
    private readonly resolution: Resolution,
    private readonly tuples: Tuples,
    private readonly label: string,
    private readonly code: number,
  ) {
    this.direct = tuples.direct(code)
    this.columns = useCase.measures.map(({ column }) => amountIndex(frame, column))
    this.naturals = this.direct.map((sums) => this.columns.map((column) => sums.amounts[column]!))
    this.factCounts = this.direct.map(({ facts }) => facts)
    // In preorder children stand after their parent, so going backwards adds each subtree up once.
    for (let node = tree.nodes.length - 1; node > 0; node--) {
      const parent = tree.nodes[node]!.parent
      this.factCounts[parent]! += this.factCounts[node]!
      this.columns.forEach((_, m) => {
        this.naturals[parent]![m] = add(this.naturals[parent]![m]!, this.naturals[node]![m]!)
      })
    }
  }

  run(): { readonly cells: Cell[]; readonly findings: Finding[]; readonly tieOut: TieOut[] } {
    const adjusted = this.useCase.measures.map((_, m) => this.adjusted(m))
    const cells = this.tree.nodes.flatMap((_, node) =>
      this.useCase.measures.map((_, m) => this.cell(node, m, adjusted[m]![node])),
    )
    const tieOut = this.useCase.measures.map((measure, m) => this.tieOut(measure, m, adjusted[m]!))
    return { cells, findings: this.findings, tieOut }
  }

  private cell(node: number, measure: number, adjusted: Decimal | undefined): Cell {
    const natural = this.naturals[node]![measure]!
    return {
      node,
      measure,
      scenario: this.label,
      natural,
      direct: this.direct[node]!.amounts[this.columns[measure]!]!,
      adjusted,
      plug: adjusted === undefined ? undefined : subtract(natural, adjusted),
      factCount: this.factCounts[node]!,
      rule: this.resolution.deciding[node]![measure],
    }
  }

  /** Adjusted values of one measure, by node. */
  private adjusted(measure: number): (Decimal | undefined)[] {
    const order = calculationOrder(
      this.tree,
      this.resolution.deciding.map((rules) => rules[measure]),
    )
    if ('cycle' in order) throw new Error('a cycle was not refused')
    const values = new Array<Decimal | undefined>(this.tree.nodes.length)
    for (const node of order.nodes) {
      const rule = this.resolution.deciding[node]![measure]
      values[node] =
        rule === undefined ? this.sumOf(node, measure, values) : this.valueOf(rule, node, measure, values)
    }
    return values
  }

  /** Own facts and children; empty when a child is. */
  private sumOf(
    node: number,
    measure: number,
    values: readonly (Decimal | undefined)[],
  ): Decimal | undefined {
    let sum = this.direct[node]!.amounts[this.columns[measure]!]!
    for (const child of this.tree.nodes[node]!.children) {
      const value = values[child]
      if (value === undefined) return undefined
      sum = add(sum, value)
    }
    return sum
  }

  private valueOf(
    rule: Rule,
    node: number,
    measure: number,
    values: readonly (Decimal | undefined)[],
  ): Decimal | undefined {
    if (rule.flavour === 'arithmetic') return this.formulaValue(rule, node, measure, values)
    const column = rule.flavour === 'filter' ? this.columns[measure]! : amountIndex(this.frame, rule.column)
    const range = rule.scope === 'table' ? this.everywhere : { from: node, to: this.tree.nodes[node]!.end }
    return this.sums(rule.where, range).amounts[column]!
  }

  /** A rule's facts serve every measure it sets. */
  private readonly summed = new Map<Predicate | null, Map<number, Sums>>()

  private sums(where: Predicate | null, range: { readonly from: number; readonly to: number }): Sums {
    const key = range.from * (this.tree.nodes.length + 1) + range.to
    const byRange = this.summed.get(where) ?? new Map<number, Sums>()
    this.summed.set(where, byRange)
    const found = byRange.get(key) ?? this.tuples.sum(this.code, range, where)
    byRange.set(key, found)
    return found
  }

  private get everywhere(): { readonly from: number; readonly to: number } {
    return { from: 0, to: this.tree.nodes.length }
  }

  private formulaValue(
    rule: Rule & { readonly flavour: 'arithmetic' },
    node: number,
    measure: number,
    values: readonly (Decimal | undefined)[],
  ): Decimal | undefined {
    const position = (id: string): number => this.tree.positions.get(id)!
    const result = evaluateFormula(rule.formula, {
      natural: (id) => this.naturals[position(id)]![measure]!,
      adjusted: (id) => (id === rule.node ? this.naturals[node]![measure]! : values[position(id)]),
      sum: (column, where) =>
        this.sums(where ?? null, this.everywhere).amounts[amountIndex(this.frame, column)]!,
    })
    if ('value' in result) return result.value
    if (result.empty === 'division by zero') this.findings.push(this.divisionByZero(rule, measure))
    return undefined
  }

  private divisionByZero(rule: Rule, measure: number): Finding {
    const name = this.useCase.measures[measure]!.name
    return {
      code: 'DIVISION_BY_ZERO',
      severity: 'warning',
      node_id: rule.node,
      measure: name,
      scenario: this.label,
      message: `Rule ${rule.no} on ${rule.node} divides by zero for ${name}, ${this.label}: the cell is empty, and so is every value made of it.`,
      suggestion: 'Check the denominator; natural(…) shows what it holds without rules.',
    }
  }

  private tieOut({ name }: Measure, measure: number, adjusted: readonly (Decimal | undefined)[]): TieOut {
    const column = this.columns[measure]!
    const root = adjusted[0]
    return {
      scenario: this.label,
      measure: name,
      facts: frameTotal(this.frame, this.useCase.source.scenario, this.code, column),
      rootNatural: this.naturals[0]![measure]!,
      unassigned: this.naturals[this.tree.positions.get(UNASSIGNED)!]![measure]!,
      rootPlug: root === undefined ? undefined : subtract(this.naturals[0]![measure]!, root),
      overrides: this.overrideEffects(measure, adjusted),
    }
  }

  /** Σ over the ruled nodes of (own facts + children) − value; empty when any of them is. */
  private overrideEffects(measure: number, adjusted: readonly (Decimal | undefined)[]): Decimal | undefined {
    let sum = ZERO
    for (const [node, rules] of this.resolution.deciding.entries()) {
      if (rules[measure] === undefined) continue
      const unruled = this.sumOf(node, measure, adjusted)
      const value = adjusted[node]
      if (unruled === undefined || value === undefined) return undefined
      sum = add(sum, subtract(unruled, value))
    }
    return sum
  }
}

/** The control total: every row of the scenario, straight from the frame, past all coding into nodes. */
function frameTotal(frame: Frame, scenarioColumn: string | null, code: number, column: number): Decimal {
  const scenario = scenarioColumn === null ? -1 : frame.coded.findIndex(({ name }) => name === scenarioColumn)
  let sum = 0n
  for (const block of frame.blocks) {
    const codes = scenario < 0 ? undefined : block.codes[scenario]!
    const units = block.amounts[column]!
    if (units instanceof Float64Array) {
      let exact = 0
      for (let row = 0; row < block.rows; row++)
        if (codes === undefined || codes[row] === code) exact += units[row]!
      sum += BigInt(exact)
    } else {
      for (let row = 0; row < block.rows; row++)
        if (codes === undefined || codes[row] === code) sum += units[row]!
    }
  }
  return decimal(sum, frame.amounts[column]!.scale)
}
