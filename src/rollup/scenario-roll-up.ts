/**
 * The roll-up of one scenario: the cells that rules move, in the order of their operands, and both sides of the
 * identities. All other cells are what the facts say (unruled-cells.ts). Pure. Raises nothing; division by
 * zero is a finding.
 */

import { add, type Decimal, decimal, subtract, ZERO } from '../base/decimal.js'
import type { Finding } from '../base/finding.js'
import { amountIndex } from '../engines/frame.js'
import { evaluateFormula } from '../language/formula.js'
import type { AdjustedColumns, Cell, ScenarioCode, TieOut } from './calculate.js'
import { decimalAt } from './group-sums.js'
import { type Tree, UNASSIGNED } from './hierarchy.js'
import type { Search } from './kernel.js'
import type { RuledMeasure } from './order.js'
import type { RollUpBase } from './roll-up-base.js'
import type { TreeSums } from './tree-sums.js'
import type { MeasureColumns } from './unruled-cells.js'
import type { Rule } from './use-case.js'

export interface ScenarioInput {
  readonly base: RollUpBase
  readonly measures: readonly MeasureColumns[]
  readonly ruled: readonly RuledMeasure[]
  readonly scenario: ScenarioCode
  readonly adjusted: AdjustedColumns | undefined
  /** The cells of every scenario without rules; those that rules move are replaced. */
  readonly cells: Cell[]
  /** Where the cells of this scenario begin. */
  readonly first: number
}

/** Undefined: empty, because an operand is. */
type Value = Decimal | undefined

export class ScenarioRollUp {
  private readonly findings: Finding[] = []
  /** By node, of the measure at hand; of moved nodes only. Operands come first, so none is read before it is set. */
  private readonly values: Value[] = []
  private readonly tree: Tree

  constructor(private readonly input: ScenarioInput) {
    this.tree = input.base.input.tree
  }

  run(): { readonly findings: readonly Finding[]; readonly tieOut: readonly TieOut[] } {
    const tieOut = this.input.measures.map((_, measure) => {
      const { ruled, cells } = this.input
      const values = this.movedValues(measure)
      for (const node of ruled[measure]!.moved) {
        const at = this.place(node, measure)
        const cell = cells[at]!
        const adjusted = values[node]
        cells[at] = {
          ...cell,
          adjusted,
          plug: adjusted === undefined ? undefined : subtract(cell.natural, adjusted),
          rule: ruled[measure]!.deciding[node],
        }
      }
      return this.tieOut(measure, values)
    })
    return { findings: this.findings, tieOut }
  }

  private cell(node: number, measure: number): Cell {
    return this.input.cells[this.place(node, measure)]!
  }

  /** Nodes in preorder, measures in the order of the mapping. */
  private place(node: number, measure: number): number {
    return this.input.first + node * this.input.measures.length + measure
  }

  /** Adjusted values of the nodes that rules move. */
  private movedValues(measure: number): readonly Value[] {
    const { moved, deciding } = this.input.ruled[measure]!
    const { values } = this
    for (const node of moved) {
      const rule = deciding[node]
      const value =
        rule === undefined ? this.sumOf(node, measure, values) : this.valueOf(rule, measure, values)
      this.values[node] = value
    }
    return values
  }

  /** What adjusted values are made of where no rule is: the facts as adjusted. */
  private sums(measure: number): TreeSums {
    return this.input.base.sumsOf(this.input.measures[measure]!.adjusted, this.input.scenario.code)
  }

  private valueAt(node: number, measure: number, values: readonly Value[]): Value {
    if (this.input.ruled[measure]!.isMoved[node] === 1) return values[node]
    const { natural, scale } = this.sums(measure)
    return decimalAt(natural, node, scale)
  }

  /**
   * Own facts and children; empty when a child is. Children that no rule moves are sums of facts, and the sum
   * of any facts is exact in the column's units.
   */
  private sumOf(node: number, measure: number, values: readonly Value[]): Value {
    const { direct, natural, scale } = this.sums(measure)
    const { isMoved } = this.input.ruled[measure]!
    let units = direct[node]!
    let moved = ZERO
    for (const child of this.tree.nodes[node]!.children) {
      if (isMoved[child] === 0) {
        units = plus(units, natural[child]!)
        continue
      }
      const value = values[child]
      if (value === undefined) return undefined
      moved = add(moved, value)
    }
    return add(decimal(BigInt(units), scale), moved)
  }

  private valueOf(rule: Rule, measure: number, values: readonly Value[]): Value {
    if (rule.flavour === 'arithmetic') return this.formulaValue(rule, measure, values)
    const column =
      rule.flavour === 'filter' ? this.input.measures[measure]!.adjusted : this.amountColumn(rule.column)
    const node = rule.scope === 'table' ? null : this.tree.positions.get(rule.node)!
    return this.amount({ node, where: rule.where }, column)
  }

  /** The frame's column that rules read. */
  private amountColumn(name: string): number {
    return amountIndex(this.input.base.input.frame, this.input.adjusted?.get(name) ?? name)
  }

  private amount(search: Search, column: number): Decimal {
    return this.input.base.search(this.input.scenario.code, search).amounts[column]!
  }

  private formulaValue(
    rule: Rule & { readonly flavour: 'arithmetic' },
    measure: number,
    values: readonly Value[],
  ): Value {
    const position = (id: string): number => this.tree.positions.get(id)!
    const natural = (id: string): Decimal => this.cell(position(id), measure).natural
    const result = evaluateFormula(rule.formula, {
      natural,
      adjusted: (id) => (id === rule.node ? natural(id) : this.valueAt(position(id), measure, values)),
      sum: (column, where) => this.amount({ node: null, where: where ?? null }, this.amountColumn(column)),
    })
    if ('value' in result) return result.value
    if (result.empty === 'division by zero') this.findings.push(this.divisionByZero(rule, measure))
    return undefined
  }

  private divisionByZero(rule: Rule, measure: number): Finding {
    const { name } = this.input.measures[measure]!.measure
    const { label } = this.input.scenario
    return {
      code: 'DIVISION_BY_ZERO',
      severity: 'warning',
      node_id: rule.node,
      measure: name,
      scenario: label,
      message: `Rule ${rule.no} on ${rule.node} divides by zero for ${name}, ${label}: the cell is empty, and so is every value made of it.`,
      suggestion: 'Check the denominator; natural(…) shows what it holds without rules.',
    }
  }

  private tieOut(measure: number, values: readonly Value[]): TieOut {
    const { base, measures, scenario } = this.input
    const { column, measure: named } = measures[measure]!
    const root = this.cell(0, measure)
    return {
      scenario: scenario.label,
      measure: named.name,
      facts: base.total(scenario.code, column),
      rootNatural: root.natural,
      unassigned: this.cell(this.tree.positions.get(UNASSIGNED)!, measure).natural,
      adjustment: root.adjustment,
      rootPlug: root.plug,
      overrides: this.overrideEffects(measure, values),
    }
  }

  /** Σ over the ruled nodes of (own facts + children) − value; empty when any of them is. */
  private overrideEffects(measure: number, values: readonly Value[]): Value {
    const { deciding, moved } = this.input.ruled[measure]!
    let sum = ZERO
    for (const node of moved) {
      if (deciding[node] === undefined) continue
      const unruled = this.sumOf(node, measure, values)
      const value = values[node]
      if (unruled === undefined || value === undefined) return undefined
      sum = add(sum, subtract(unruled, value))
    }
    return sum
  }
}

/** Both of a column's units: doubles inside its exact range, or bigint. */
const plus = (a: number | bigint, b: number | bigint): number | bigint =>
  typeof a === 'number' ? a + (b as number) : a + (b as bigint)
