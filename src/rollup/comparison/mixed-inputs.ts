/**
 * States between two runs: inputs of the left with some causes taken from the right. A rule that cannot stand
 * in such a state, because its node, measure or column is not there, is left out of it; a state whose bindings
 * clash or whose formulas have no order cannot be calculated at all. Raises nothing.
 */

import type { ColumnType, FactColumn } from '../../engines/source.js'
import type { Test } from '../../language/evaluate.js'
import { formulaReferences } from '../../language/formula.js'
import { checkAdjustments } from '../adjustments/check-adjustments.js'
import { bindNodes, checkBindings } from '../bindings.js'
import type { Inputs } from '../inputs.js'
import { checkFormulaCycles } from '../order.js'
import { canonicalValue } from '../row-owners.js'
import { amountsOfRule, testsOf } from '../searches.js'
import { measuresSetBy, type Rule } from '../use-case.js'
import { CAUSES, type Cause } from './compare.js'

/** The left inputs with every cause up to and including `upTo` taken from the right. */
export function mixedInputs(left: Inputs, right: Inputs, upTo: Cause): Inputs {
  const from = (cause: Cause): Inputs => (CAUSES.indexOf(cause) <= CAUSES.indexOf(upTo) ? right : left)
  const mapping = from('mapping')
  const hierarchy = from('hierarchy')
  return {
    ...hierarchy,
    useCase: {
      ...mapping.useCase,
      structure: hierarchy.useCase.structure,
      rules: from('rules').useCase.rules,
    },
    adjustments: from('adjustments').adjustments,
    policy: from('policy').policy,
    date: from('facts').date,
  }
}

const TYPE_OF: Readonly<Record<string, ColumnType>> = {
  text: 'text',
  number: 'numeric',
  date: 'date',
  boolean: 'boolean',
}

/** Whether the column is there and of the type that the test's literals are of. */
function isTyped(test: Test, type: ColumnType | undefined): boolean {
  switch (test.op) {
    case 'is_null':
      return type !== undefined
    case 'like':
      return type === 'text'
    case 'in':
    case 'not_in':
      return test.values.every((value) => TYPE_OF[Object.keys(value)[0]!] === type)
    case 'between':
      return [test.low, test.high].every((value) => TYPE_OF[Object.keys(value)[0]!] === type)
    default:
      return TYPE_OF[Object.keys(test.value)[0]!] === type
  }
}

/** The inputs without the rules that cannot stand; undefined when what is left cannot be calculated. */
export function calculable(inputs: Inputs, columns: readonly FactColumn[]): Inputs | undefined {
  const { tree, policy } = inputs
  const types = new Map(columns.map(({ name, type }) => [name, type]))
  const measures = inputs.useCase.measures.map(({ name }) => name)
  const stands = (rule: Rule): boolean => {
    const named = rule.flavour === 'arithmetic' ? formulaReferences(rule.formula).map(({ node }) => node) : []
    const into = measuresSetBy(rule)
    return (
      [rule.node, ...named].every((node) => tree.positions.has(node)) &&
      (into === null || measures.includes(into)) &&
      amountsOfRule(rule).every((column) => types.get(column) === 'numeric') &&
      testsOf(tree, rule).every((test) => isTyped(test, types.get(test.column)))
    )
  }
  const useCase = { ...inputs.useCase, rules: inputs.useCase.rules.filter(stands) }
  const bindings = bindNodes(tree, useCase.drivers)
  const known =
    useCase.measures.every(({ column }) => types.get(column) === 'numeric') &&
    bindings.columns.every((column) => types.has(column))
  if (!known) return undefined
  const canonical = (column: string, value: string): string => canonicalValue(value, types.get(column)!)
  const problems = [
    ...checkAdjustments(inputs.adjustments.inForce, useCase, columns),
    ...checkBindings(tree, bindings, canonical),
    ...checkFormulaCycles(tree, useCase.rules, useCase.measures, bindings, policy, () => undefined),
  ]
  return problems.length === 0 ? { ...inputs, useCase } : undefined
}
