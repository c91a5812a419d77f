/** What each rule looks for in the facts, and the columns that takes. Raises nothing. */

import { compareText } from '../base/text.js'
import { atomicTests, type Test } from '../language/evaluate.js'
import { formulaSums } from '../language/formula.js'
import type { Adjustment } from './adjustments/adjustment.js'
import { adjustmentColumns } from './adjustments/columns.js'
import { bindNodes } from './bindings.js'
import type { Tree } from './hierarchy.js'
import type { Search } from './kernel.js'
import type { Rule, UseCase } from './use-case.js'

/** A filter's facts, or those of every sum(…) of a formula, in the order of its text. */
export function searchesOf(tree: Tree, rule: Rule): Search[] {
  if (rule.flavour === 'arithmetic') {
    return formulaSums(rule.formula).map(({ where }) => ({ node: null, where: where ?? null }))
  }
  const node = tree.positions.get(rule.node)
  if (node === undefined) return []
  return [{ node: rule.scope === 'table' ? null : node, where: rule.where }]
}

/** The columns a frame must hold for a use case and the adjustments of its facts. */
export function frameColumns(
  tree: Tree,
  useCase: UseCase,
  adjustments: readonly Adjustment[] = [],
): { readonly coded: string[]; readonly amounts: string[] } {
  const { source, measures, rules, drivers } = useCase
  const tested = rules.flatMap((rule) => testsOf(tree, rule).map(({ column }) => column))
  const adjusting = adjustmentColumns(useCase, adjustments)
  const coded = [
    ...bindNodes(tree, drivers).columns,
    ...tested,
    ...(source.scenario === null ? [] : [source.scenario]),
    ...adjusting.coded,
  ]
  const amounts = [
    ...measures.map(({ column }) => column),
    ...rules.flatMap(amountsOfRule),
    ...adjusting.amounts,
  ]
  return { coded: distinct(coded), amounts: distinct(amounts) }
}

/** Each name once, in code point order. */
export const distinct = (names: readonly string[]): string[] => [...new Set(names)].sort(compareText)

/** The tests of columns that a rule's predicates are made of. */
export const testsOf = (tree: Tree, rule: Rule): Test[] =>
  searchesOf(tree, rule).flatMap(({ where }) => (where === null ? [] : atomicTests(where)))

/** The columns that a rule adds up beside those of the measures. */
export function amountsOfRule(rule: Rule): string[] {
  if (rule.flavour === 'filter') return []
  if (rule.flavour === 'measure_switch') return [rule.column]
  return formulaSums(rule.formula).map(({ column }) => column)
}
