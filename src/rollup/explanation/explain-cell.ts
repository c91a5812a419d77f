/**
 * Why a cell is what it is: a pure function of the run's own tree, rules and stored figures, and of what the
 * engine that holds the facts says they sum to. Every identity it states is checked; those that do not hold
 * are handed back as they are, for the caller to judge.
 *
 * Where facts were adjusted before the roll-up, sums of facts are of the facts as they are, so only identities
 * that hold for both are stated. Raises nothing.
 */

import {
  add,
  type Decimal,
  equalDecimals,
  formatDecimal,
  parseDecimal,
  subtract,
  withScaleAtLeast,
  ZERO,
} from '../../base/decimal.js'
import type { FactTotal } from '../../engines/fact-rows.js'
import { DIVISION_ROUNDING, DIVISION_SCALE, printFormula } from '../../language/formula.js'
import { autoRules } from '../figures.js'
import { type Tree, UNASSIGNED } from '../hierarchy.js'
import type { Resolution } from '../resolver.js'
import type { StoredCell } from '../store/cells.js'
import type { Rule, UseCase } from '../use-case.js'
import type { Check, Empty, Explanation } from './explanation.js'
import { emptyFormula, type FormulaValues, formulaValues } from './formula-values.js'
import { lostRules, shownRule } from './lost-rules.js'

type Totals = ReadonlyMap<string, FactTotal>

/** What the engine that holds the facts says. */
export interface FactsFound {
  /** By part. */
  readonly parts: Totals
  /** All facts of the run's date and the cell's scenario. */
  readonly whole: FactTotal
}

export interface CellInput {
  readonly run: Pick<Explanation, 'run_id' | 'run_name' | 'use_case' | 'pnl_date' | 'policy'>
  readonly tree: Tree
  readonly useCase: UseCase
  readonly resolution: Resolution
  /** Position in the tree. */
  readonly node: number
  readonly measure: number
  readonly scenario: string
  /** The cell, its children's, those its formula names and the root's, by node id. */
  readonly cells: ReadonlyMap<string, StoredCell>
  /** Or why they cannot be had. */
  readonly facts: FactsFound | { readonly unavailable: string }
  /** Whether facts were adjusted before this run's roll-up. */
  readonly adjustedFacts: boolean
}

export function explainCell(input: CellInput): Explanation {
  return new CellExplainer(input).explain()
}

const ADJUSTED_FACTS =
  'Facts were adjusted before this run: the facts here are as they were imported, so they sum to the natural value, not to the adjusted one.'

class CellExplainer {
  private readonly checks: Check[] = []
  private readonly cell: StoredCell
  private readonly children: readonly StoredCell[]
  private readonly rule: Rule | undefined
  private readonly found: FactsFound | undefined
  private readonly totals: Totals | undefined
  private readonly scale: number

  constructor(private readonly input: CellInput) {
    const { tree, node, measure, cells, resolution, facts } = input
    this.cell = cells.get(tree.nodes[node]!.node_id)!
    this.children = tree.nodes[node]!.children.map((child) => cells.get(tree.nodes[child]!.node_id)!)
    this.rule = resolution.deciding[node]![measure]
    this.found = 'unavailable' in facts ? undefined : facts
    this.totals = this.found?.parts
    this.scale = exact(this.cell.natural).scale
  }

  explain(): Explanation {
    const { run, scenario, useCase, measure, facts, adjustedFacts } = this.input
    const { natural, direct, adjustment, adjusted, plug, fact_count } = this.cell
    const formula = this.formula()
    this.checkFigures()
    if (formula !== undefined) this.checkFormula(formula)
    this.checkFacts()
    const { name, column } = useCase.measures[measure]!
    const { node_id, node_name } = this.named(this.cell.node_id)
    return {
      ...run,
      cell: { node_id, node_name, path: this.path(), measure: name, column, scenario },
      figures: { natural, direct, adjustment, adjusted, plug, fact_count },
      natural: {
        direct,
        direct_adjusted: this.shown(add(exact(direct), this.ownAdjustment())),
        children: this.children.map((child) => ({ ...this.named(child.node_id), ...figuresOf(child) })),
      },
      decided_by: this.decidedBy(column, formula),
      lost: lostRules(this.input),
      override: this.override(),
      plug_from: this.plugFrom(),
      empty: this.empty(formula),
      facts: {
        parts: [...(this.totals ?? [])].map(([part, { rows, amounts }]) => ({
          part,
          rows,
          amount: this.shown(amounts[0]!),
          rule_amount: amounts[1] === undefined ? null : this.shown(amounts[1]),
        })),
        unavailable: 'unavailable' in facts ? facts.unavailable : null,
      },
      checks: this.checks,
      note: adjustedFacts ? ADJUSTED_FACTS : null,
    }
  }

  private shown(value: Decimal): string {
    return formatDecimal(withScaleAtLeast(value, this.scale))
  }

  private named(id: string): { readonly node_id: string; readonly node_name: string } {
    const { tree } = this.input
    return { node_id: id, node_name: tree.nodes[tree.positions.get(id)!]!.node_name }
  }

  private path(): Explanation['cell']['path'] {
    const { tree, node } = this.input
    const path: Explanation['cell']['path'] = []
    for (let at = node; at >= 0; at = tree.nodes[at]!.parent)
      path.unshift(this.named(tree.nodes[at]!.node_id))
    return path
  }

  private decidedBy(column: string, formula: FormulaValues | undefined): Explanation['decided_by'] {
    const { tree, useCase, node, resolution } = this.input
    const { rule } = this
    if (rule === undefined) {
      if (tree.nodes[node]!.node_id === UNASSIGNED) return { kind: 'unassigned' }
      const auto = autoRules(tree, useCase).get(node)
      return auto === undefined ? { kind: 'children' } : { kind: 'auto', text: auto }
    }
    const decision = resolution.decisions.find((one) => one.rule === rule)!
    return {
      kind: 'rule',
      rule: shownRule(tree, rule, column),
      outcome: decision.outcome === 'shadowed' ? 'shadowed' : 'decides',
      reason: decision.reason,
      formula:
        rule.flavour !== 'arithmetic' || formula === undefined
          ? null
          : {
              text: printFormula(rule.formula),
              operands: [...formula.operands],
              evaluated: formula.evaluated,
              value:
                formula.result !== undefined && 'value' in formula.result
                  ? this.shown(formula.result.value)
                  : null,
              division: formula.divides ? { scale: DIVISION_SCALE, rounding: DIVISION_ROUNDING } : null,
            },
    }
  }

  private formula(): FormulaValues | undefined {
    const { tree, cells, adjustedFacts } = this.input
    const { rule, totals } = this
    if (rule?.flavour !== 'arithmetic') return undefined
    return formulaValues({
      tree,
      rule,
      figureOf: (node, value) => {
        const text = cells.get(node)![value]
        return text === null ? undefined : exact(text)
      },
      // Sums of the facts as they are would give another value than the run's.
      totalOf: totals === undefined || adjustedFacts ? undefined : (part) => totals.get(part)!,
      shown: (value) => this.shown(value),
    })
  }

  private override(): Explanation['override'] {
    const { totals } = this
    const tree = totals?.get('tree_only')
    if (totals === undefined || tree === undefined) return null
    const rule = totals.get('rule_only')!
    const both = totals.get('both')!
    return {
      tree_only: { rows: tree.rows, amount: this.shown(tree.amounts[0]!) },
      rule_only: { rows: rule.rows, amount: this.shown(rule.amounts[0]!) },
      both: {
        rows: both.rows,
        tree_amount: this.shown(both.amounts[0]!),
        rule_amount: this.shown(both.amounts[1]!),
      },
    }
  }

  private plugFrom(): Explanation['plug_from'] {
    if (this.rule !== undefined) return null
    return this.children
      .filter(({ plug }) => plug === null || exact(plug).units !== 0n)
      .map(({ node_id, plug }) => ({ ...this.named(node_id), plug }))
  }

  private empty(formula: FormulaValues | undefined): Empty | null {
    if (this.cell.adjusted !== null) return null
    if (formula !== undefined)
      return formula.result === undefined ? null : emptyFormula(this.input.tree, formula.result)
    const nodes = this.children.filter(({ adjusted }) => adjusted === null)
    return nodes.length === 0
      ? null
      : { why: 'children are empty', nodes: nodes.map(({ node_id }) => this.named(node_id)) }
  }

  private check(about: Check['about'], text: string, left: Decimal, right: Decimal): void {
    const holds = equalDecimals(left, right)
    this.checks.push({ about, text, left: this.shown(left), right: this.shown(right), holds })
  }

  private checkRows(text: string, { rows }: FactTotal, counted: number): void {
    const holds = rows === counted
    this.checks.push({ about: 'facts', text, left: String(rows), right: String(counted), holds })
  }

  private checkFigures(): void {
    const { natural, direct, adjusted, plug } = this.cell
    const below = this.sumOfChildren('natural')!
    this.check(
      'figures',
      "direct + Σ children's natural = natural",
      add(exact(direct), below),
      exact(natural),
    )
    if (adjusted === null || plug === null) return
    this.check('figures', 'natural − adjusted = plug', subtract(exact(natural), exact(adjusted)), exact(plug))
    if (this.rule === undefined) this.checkSumOfChildren(exact(adjusted), exact(plug))
  }

  /** Without a rule of its own: own facts, as adjusted, and the children's adjusted values. */
  private checkSumOfChildren(adjusted: Decimal, plug: Decimal): void {
    const { direct } = this.cell
    const [values, plugs] = [this.sumOfChildren('adjusted'), this.sumOfChildren('plug')]
    if (values === undefined || plugs === undefined) return
    const own = this.ownAdjustment()
    const also = this.input.adjustedFacts ? ' + own adjustment' : ''
    const value = add(add(exact(direct), own), values)
    this.check('figures', `direct${also} + Σ children's adjusted = adjusted`, value, adjusted)
    const less = this.input.adjustedFacts ? ' − own adjustment' : ''
    this.check('figures', `Σ children's plug${less} = plug`, subtract(plugs, own), plug)
  }

  /** What fact adjustments change in the facts of the node itself. */
  private ownAdjustment(): Decimal {
    return subtract(exact(this.cell.adjustment), this.sumOfChildren('adjustment')!)
  }

  /** Undefined where one of them is empty. */
  private sumOfChildren(of: 'natural' | 'adjustment' | 'adjusted' | 'plug'): Decimal | undefined {
    let sum = ZERO
    for (const child of this.children) {
      const value = child[of]
      if (value === null) return undefined
      sum = add(sum, exact(value))
    }
    return sum
  }

  /** Sums of a formula are asked of the facts, so their value is too. */
  private checkFormula({ result, operands }: FormulaValues): void {
    const sums = operands.some(({ kind }) => kind === 'sum')
    if (result === undefined) return
    const { adjusted } = this.cell
    const right = adjusted === null ? 'empty' : this.shown(exact(adjusted))
    const left = 'value' in result ? this.shown(result.value) : 'empty'
    this.checks.push({
      about: sums ? 'facts' : 'figures',
      text: 'the formula with its values = adjusted',
      left,
      right,
      holds: left === right,
    })
  }

  private checkFacts(): void {
    const { totals, cell } = this
    if (totals === undefined) return
    const { natural, direct, adjusted, plug, fact_count } = cell
    const sum = (part: string, amount = 0): Decimal => totals.get(part)!.amounts[amount]!
    this.check('facts', 'Σ facts of the node and below = natural', sum('natural'), exact(natural))
    this.check('facts', 'Σ facts of the node itself = direct', sum('direct'), exact(direct))
    this.checkRows('facts found = facts counted by the run', totals.get('natural')!, fact_count)
    const root = this.input.cells.get(this.input.tree.nodes[0]!.node_id)!
    const { whole } = this.found!
    this.check(
      'facts',
      'Σ facts of the scenario = natural of the root',
      whole.amounts[0]!,
      exact(root.natural),
    )
    this.checkRows('facts of the scenario = facts counted by the run', whole, root.fact_count)
    if (!totals.has('rule') || this.input.adjustedFacts || adjusted === null || plug === null) return
    this.check('facts', 'Σ facts of the rule = adjusted', sum('rule'), exact(adjusted))
    const tree = add(sum('tree_only'), sum('both'))
    const rule = add(sum('rule_only'), sum('both', 1))
    this.check(
      'facts',
      'tree only + both − rule only − both by the rule = plug',
      subtract(tree, rule),
      exact(plug),
    )
  }
}

const figuresOf = ({ natural, adjustment, adjusted, plug, fact_count, rule }: StoredCell) => ({
  natural,
  adjustment,
  adjusted,
  plug,
  fact_count,
  rule,
})

function exact(text: string): Decimal {
  const value = parseDecimal(text)
  if (value === undefined) throw new Error(`the stored figure ${text} is no decimal`)
  return value
}
