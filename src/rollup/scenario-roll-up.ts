/**
 * The roll-up of one scenario: naturals up the tree, adjusted values in the order of their operands, plugs,
 * and both sides of the identities. Pure. Raises nothing; division by zero is a finding.
 */

import { add, type Decimal, decimal, subtract, ZERO } from '../base/decimal.js'
import type { Finding } from '../base/finding.js'
import { amountIndex, type Frame } from '../engines/frame.js'
import type { AdjustedColumns, Cell, TieOut } from './calculate.js'
import { type Tree, UNASSIGNED } from './hierarchy.js'
import type { Aggregates, Search, Sums } from './kernel.js'
import { evaluateFormula } from './language/formula.js'
import { calculationOrder } from './order.js'
import type { Resolution } from './resolver.js'
import type { Measure, Rule, UseCase } from './use-case.js'

export interface ScenarioInput {
  readonly tree: Tree
  readonly useCase: UseCase
  readonly frame: Frame
  readonly resolution: Resolution
  readonly aggregates: Aggregates
  readonly label: string
  /** The scenario's code in the frame. */
  readonly code: number
  readonly adjusted: AdjustedColumns | undefined
}

export class ScenarioRollUp {
  private readonly direct: readonly Sums[]
  /** Of each measure: the frame's column as the facts say, and as adjusted. */
  private readonly columns: readonly number[]
  private readonly adjustedColumns: readonly number[]
  private readonly adjustments: Decimal[][]
  private readonly naturals: Decimal[][]
  private readonly factCounts: number[]
  private readonly findings: Finding[] = []
  private readonly tree: Tree
  private readonly measures: readonly Measure[]

  constructor(private readonly input: ScenarioInput) {
    const { tree, useCase, frame, aggregates, code } = input
    this.tree = tree
    this.measures = useCase.measures
    this.direct = aggregates.direct(code)
    this.columns = this.measures.map(({ column }) => amountIndex(frame, column))
    this.adjustedColumns = this.measures.map(({ column }) => this.amountColumn(column))
    this.naturals = this.direct.map((sums) => this.columns.map((column) => sums.amounts[column]!))
    this.adjustments = this.direct.map((sums) =>
      this.columns.map((column, m) => {
        const adjusted = this.adjustedColumns[m]!
        return adjusted === column ? ZERO : subtract(sums.amounts[adjusted]!, sums.amounts[column]!)
      }),
    )
    this.factCounts = this.direct.map(({ facts }) => facts)
    // In preorder children stand after their parent, so going backwards adds each subtree up once.
    for (let node = tree.nodes.length - 1; node > 0; node--) {
      const parent = tree.nodes[node]!.parent
      this.factCounts[parent]! += this.factCounts[node]!
      this.columns.forEach((_, m) => {
        this.naturals[parent]![m] = add(this.naturals[parent]![m]!, this.naturals[node]![m]!)
        if (this.adjustments[node]![m]!.units !== 0n)
          this.adjustments[parent]![m] = add(this.adjustments[parent]![m]!, this.adjustments[node]![m]!)
      })
    }
  }

  /** The frame's column that rules and adjusted values read. */
  private amountColumn(name: string): number {
    return amountIndex(this.input.frame, this.input.adjusted?.get(name) ?? name)
  }

  run(): { readonly cells: Cell[]; readonly findings: Finding[]; readonly tieOut: TieOut[] } {
    const adjusted = this.measures.map((_, m) => this.adjusted(m))
    const cells = this.tree.nodes.flatMap((_, node) =>
      this.measures.map((_, m) => this.cell(node, m, adjusted[m]![node])),
    )
    const tieOut = this.measures.map((measure, m) => this.tieOut(measure, m, adjusted[m]!))
    return { cells, findings: this.findings, tieOut }
  }

  private cell(node: number, measure: number, adjusted: Decimal | undefined): Cell {
    const natural = this.naturals[node]![measure]!
    return {
      node,
      measure,
      scenario: this.input.label,
      natural,
      direct: this.direct[node]!.amounts[this.columns[measure]!]!,
      adjustment: this.adjustments[node]![measure]!,
      adjusted,
      plug: adjusted === undefined ? undefined : subtract(natural, adjusted),
      factCount: this.factCounts[node]!,
      rule: this.input.resolution.deciding[node]![measure],
    }
  }

  /** Adjusted values of one measure, by node. */
  private adjusted(measure: number): (Decimal | undefined)[] {
    const order = calculationOrder(
      this.tree,
      this.input.resolution.deciding.map((rules) => rules[measure]),
    )
    if ('cycle' in order) throw new Error('a cycle was not refused')
    const values = new Array<Decimal | undefined>(this.tree.nodes.length)
    for (const node of order.nodes) {
      const rule = this.input.resolution.deciding[node]![measure]
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
    let sum = this.direct[node]!.amounts[this.adjustedColumns[measure]!]!
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
    const column = rule.flavour === 'filter' ? this.adjustedColumns[measure]! : this.amountColumn(rule.column)
    return this.search({ node: rule.scope === 'table' ? null : node, where: rule.where }).amounts[column]!
  }

  private search(search: Search): Sums {
    return this.input.aggregates.search(this.input.code, search)
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
        this.search({ node: null, where: where ?? null }).amounts[this.amountColumn(column)]!,
    })
    if ('value' in result) return result.value
    if (result.empty === 'division by zero') this.findings.push(this.divisionByZero(rule, measure))
    return undefined
  }

  private divisionByZero(rule: Rule, measure: number): Finding {
    const name = this.measures[measure]!.name
    return {
      code: 'DIVISION_BY_ZERO',
      severity: 'warning',
      node_id: rule.node,
      measure: name,
      scenario: this.input.label,
      message: `Rule ${rule.no} on ${rule.node} divides by zero for ${name}, ${this.input.label}: the cell is empty, and so is every value made of it.`,
      suggestion: 'Check the denominator; natural(…) shows what it holds without rules.',
    }
  }

  private tieOut({ name }: Measure, measure: number, adjusted: readonly (Decimal | undefined)[]): TieOut {
    const column = this.columns[measure]!
    const root = adjusted[0]
    return {
      scenario: this.input.label,
      measure: name,
      facts: frameTotal(this.input.frame, this.input.useCase.source.scenario, this.input.code, column),
      rootNatural: this.naturals[0]![measure]!,
      unassigned: this.naturals[this.tree.positions.get(UNASSIGNED)!]![measure]!,
      adjustment: this.adjustments[0]![measure]!,
      rootPlug: root === undefined ? undefined : subtract(this.naturals[0]![measure]!, root),
      overrides: this.overrideEffects(measure, adjusted),
    }
  }

  /** Σ over the ruled nodes of (own facts + children) − value; empty when any of them is. */
  private overrideEffects(measure: number, adjusted: readonly (Decimal | undefined)[]): Decimal | undefined {
    let sum = ZERO
    for (const [node, rules] of this.input.resolution.deciding.entries()) {
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
