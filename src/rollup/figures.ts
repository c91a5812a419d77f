/** The cells of a calculation as the figures of a run: amounts as text, the deciding rule in words. Raises nothing. */

import { type Decimal, formatDecimal, withScaleAtLeast } from '../base/decimal.js'
import { amountIndex, type Frame } from '../engines/frame.js'
import { printText } from '../language/lexer.js'
import { bindNodes } from './bindings.js'
import type { Calculation, Cell } from './calculate.js'
import type { Tree } from './hierarchy.js'
import type { Figures } from './result-digest.js'
import { ruleText } from './rule-text.js'
import type { UseCase } from './use-case.js'

/** One row of the results, in the order of the tree. */
export interface Figure extends Figures {
  readonly adjustment: string
  readonly rule_no: number | null
  readonly rule: string | null
}

/**
 * Amounts are shown with at least the digits of their measure's column; nothing is rounded. What rules leave
 * as it is, is written once for all calculations over one base.
 */
export function figuresOf(calculation: Calculation, tree: Tree, useCase: UseCase, frame: Frame): Figure[] {
  const { cells, unruled } = calculation
  const scales = useCase.measures.map(({ column }) => frame.amounts[amountIndex(frame, column)]!.scale)
  const kept = unruledFigures.get(unruled) ?? writeUnruled(unruled, scales, tree, useCase)
  unruledFigures.set(unruled, kept)
  const texts = new Map(useCase.rules.map((rule) => [rule, ruleText(rule)]))
  return cells.map((cell, i) => {
    const figure = kept[i]!
    if (cell === unruled[i]) return figure
    const { adjusted, plug, rule } = cell
    const scale = scales[cell.measure]!
    return {
      node_id: figure.node_id,
      measure: figure.measure,
      scenario: figure.scenario,
      natural: figure.natural,
      direct: figure.direct,
      adjustment: figure.adjustment,
      adjusted: adjusted === undefined ? null : shown(adjusted, scale),
      plug: plug === undefined ? null : shown(plug, scale),
      fact_count: figure.fact_count,
      rule_no: rule?.no ?? null,
      rule: rule === undefined ? figure.rule : texts.get(rule)!,
    }
  })
}

/** Cells without rules belong to one tree, frame, measures and bindings, which is all their figures depend on. */
const unruledFigures = new WeakMap<readonly Cell[], readonly Figure[]>()

function writeUnruled(
  cells: readonly Cell[],
  scales: readonly number[],
  tree: Tree,
  useCase: UseCase,
): readonly Figure[] {
  const autos = autoRules(tree, useCase)
  return cells.map(({ node, measure, scenario, natural, direct, adjustment, adjusted, plug, factCount }) => {
    const scale = scales[measure]!
    const text = shown(natural, scale)
    return {
      node_id: tree.nodes[node]!.node_id,
      measure: useCase.measures[measure]!.name,
      scenario,
      natural: text,
      direct: direct === natural ? text : shown(direct, scale),
      adjustment: shown(adjustment, scale),
      adjusted: adjusted === natural ? text : shown(adjusted!, scale),
      plug: shown(plug!, scale),
      fact_count: factCount,
      rule_no: null,
      rule: autos.get(node) ?? null,
    }
  })
}

const shown = (value: Decimal, scale: number): string =>
  formatDecimal(value.scale === scale ? value : withScaleAtLeast(value, scale))

/** The virtual rules of the nodes that have bindings. */
export function autoRules(tree: Tree, { drivers }: UseCase): ReadonlyMap<number, string> {
  const rules = new Map<number, string>()
  for (const { node, column, value } of bindNodes(tree, drivers).bindings) {
    const earlier = rules.get(node)
    const text = `${column} = ${printText(value)}`
    rules.set(node, earlier === undefined ? `auto ${text}` : `${earlier} or ${text}`)
  }
  return rules
}
