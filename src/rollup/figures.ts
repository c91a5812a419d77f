/** The cells of a calculation as the figures of a run: amounts as text, the deciding rule in words. Raises nothing. */

import { type Decimal, formatDecimal, withScaleAtLeast } from '../base/decimal.js'
import { amountIndex, type Frame } from '../engines/frame.js'
import { bindNodes } from './bindings.js'
import type { Calculation } from './calculate.js'
import type { Tree } from './hierarchy.js'
import { printText } from './language/lexer.js'
import type { Figures } from './result-digest.js'
import { ruleText } from './rule-text.js'
import type { UseCase } from './use-case.js'

/** One row of the results, in the order of the tree. */
export interface Figure extends Figures {
  readonly adjustment: string
  readonly rule_no: number | null
  readonly rule: string | null
}

/** Amounts are shown with at least the digits of their measure's column; nothing is rounded. */
export function figuresOf(calculation: Calculation, tree: Tree, useCase: UseCase, frame: Frame): Figure[] {
  const scales = useCase.measures.map(({ column }) => frame.amounts[amountIndex(frame, column)]!.scale)
  const texts = new Map(useCase.rules.map((rule) => [rule, ruleText(rule)]))
  const autos = autoRules(tree, useCase)
  return calculation.cells.map(({ node, measure, rule, ...cell }) => {
    const shown = (value: Decimal): string => formatDecimal(withScaleAtLeast(value, scales[measure]!))
    return {
      node_id: tree.nodes[node]!.node_id,
      measure: useCase.measures[measure]!.name,
      scenario: cell.scenario,
      natural: shown(cell.natural),
      direct: shown(cell.direct),
      adjustment: shown(cell.adjustment),
      adjusted: cell.adjusted === undefined ? null : shown(cell.adjusted),
      plug: cell.plug === undefined ? null : shown(cell.plug),
      fact_count: cell.factCount,
      rule_no: rule?.no ?? null,
      rule: rule === undefined ? (autos.get(node) ?? null) : texts.get(rule)!,
    }
  })
}

/** The virtual rules of the nodes that have bindings. */
function autoRules(tree: Tree, { drivers }: UseCase): ReadonlyMap<number, string> {
  const rules = new Map<number, string>()
  for (const { node, column, value } of bindNodes(tree, drivers).bindings) {
    const earlier = rules.get(node)
    const text = `${column} = ${printText(value)}`
    rules.set(node, earlier === undefined ? `auto ${text}` : `${earlier} or ${text}`)
  }
  return rules
}
