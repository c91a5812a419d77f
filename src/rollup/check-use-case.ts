/**
 * A stored use case against the structure and the source as they are now: both may have moved since it was
 * applied. Raises (as a list) TIE-2304, TIE-2305, TIE-2306, TIE-2307, TIE-2309.
 */

import { type Problem, problem } from '../base/errors.js'
import { didYouMean } from '../base/text.js'
import type { FactColumn } from '../engines/source.js'
import { formulaReferences } from '../language/formula.js'
import { bindNodes, checkBindings } from './bindings.js'
import type { Tree } from './hierarchy.js'
import { checkFormulaCycles } from './order.js'
import { canonicalValue } from './row-owners.js'
import { frameColumns } from './searches.js'
import { type Policy, type Rule, sourceName, type UseCase } from './use-case.js'

export function checkUseCase(
  useCase: UseCase,
  tree: Tree,
  columns: readonly FactColumn[],
  policy: Policy,
): Problem[] {
  const types = new Map(columns.map(({ name, type }) => [name, type]))
  const problems = [...missingNodes(useCase, tree), ...missingColumns(useCase, tree, types)]
  if (problems.length > 0) return problems
  const bindings = bindNodes(tree, useCase.drivers)
  return [
    ...checkBindings(tree, bindings, (column, value) => canonicalValue(value, types.get(column)!)),
    ...checkFormulaCycles(tree, useCase.rules, useCase.measures, bindings, policy, () => undefined),
  ]
}

function missingNodes(useCase: UseCase, tree: Tree): Problem[] {
  const named = useCase.rules.flatMap((rule) =>
    [...nodesOf(rule)].map((node) => ({ node, role: `rule ${rule.no} on ${rule.node}` })),
  )
  const driven = (useCase.drivers ?? []).flatMap(({ nodes }) =>
    typeof nodes === 'string' ? [] : nodes.map((node) => ({ node, role: 'a driver' })),
  )
  return [...named, ...driven]
    .filter(({ node }) => !tree.positions.has(node))
    .map(({ node, role }) =>
      problem('TIE-2306', {
        structure: useCase.structure,
        node,
        role,
        suggestion: didYouMean(node, tree.positions.keys()),
      }),
    )
}

const nodesOf = (rule: Rule): ReadonlySet<string> =>
  new Set([
    rule.node,
    ...(rule.flavour === 'arithmetic' ? formulaReferences(rule.formula).map(({ node }) => node) : []),
  ])

function missingColumns(useCase: UseCase, tree: Tree, types: ReadonlyMap<string, string>): Problem[] {
  const { coded, amounts } = frameColumns(tree, useCase)
  const source = sourceName(useCase.source)
  const known = [...types.keys()].join(', ')
  const dated = useCase.source.date === null ? [] : [useCase.source.date]
  const missing = [...new Set([...coded, ...amounts, ...dated])]
    .filter((column) => !types.has(column))
    .map((column) =>
      problem('TIE-2304', {
        source,
        column,
        role: 'the use case names it',
        known,
        suggestion: didYouMean(column, types.keys()),
      }),
    )
  const wrong = amounts
    .filter((column) => types.has(column) && types.get(column) !== 'numeric')
    .map((column) =>
      problem('TIE-2305', { source, column, type: types.get(column)!, role: 'a measure or rule', known }),
    )
  return [...missing, ...wrong]
}
