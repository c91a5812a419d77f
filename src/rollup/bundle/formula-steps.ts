/**
 * A formula as a list of steps for a machine with a stack: operands as they come, then what is done with the
 * last of them. `N2 - N10 / 2` is N2, N10, 2, /, -. A list, because a flat sum of thousands of nodes is a tree
 * so deep that readers and writers of JSON refuse it. Raises nothing.
 */

import { type Formula, foldFormula, type NodeValue } from '../../language/formula.js'
import type { Predicate } from '../../language/predicate.js'

export type FormulaStep =
  /** Plain decimal text. */
  | { readonly const: string }
  /** A bare node means its adjusted value, or its natural one where it is the rule's own. */
  | { readonly node: string; readonly value: NodeValue<string>['value'] }
  /** Over the whole table; null: all of its facts. */
  | { readonly sum: string; readonly where: Predicate | null }
  /** Of the last two values, in their order; neg of the last one. */
  | { readonly op: '+' | '-' | '*' | '/' | 'neg' }

export function formulaSteps(formula: Formula): readonly FormulaStep[] {
  const steps: FormulaStep[] = []
  foldFormula<string, void>(formula, {
    leaf: (leaf) => {
      if (leaf.op === 'const') steps.push({ const: leaf.value })
      else if (leaf.op === 'node') steps.push({ node: leaf.node, value: leaf.value })
      else steps.push({ sum: leaf.column, where: leaf.where ?? null })
    },
    minus: () => void steps.push({ op: 'neg' }),
    arithmetic: ({ op }) => void steps.push({ op }),
  })
  return steps
}
