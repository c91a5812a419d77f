/**
 * The parts of the facts that a cell's figures are made of, by name: `natural` and `direct` of every cell; of
 * a filter or measure switch `rule`, and `tree_only`, `rule_only` and `both`, which set the rule's facts
 * against the tree's; `sum:1`, `sum:2`, … of a formula over queries, in the order of its text. Raises nothing.
 */

import type { Condition, FactSet } from '../../engines/fact-rows.js'
import type { ColumnType } from '../../engines/source.js'
import { formulaSums } from '../../language/formula.js'
import type { Predicate } from '../../language/predicate.js'
import { sqlPredicate } from '../../language/sql-predicate.js'
import { bindNodes } from '../bindings.js'
import type { Tree } from '../hierarchy.js'
import type { Rule, UseCase } from '../use-case.js'
import { type Facts, ownedFacts } from './owned-facts.js'

export type FactParts = ReadonlyMap<string, FactSet>

export interface PartsInput {
  readonly tree: Tree
  readonly useCase: UseCase
  readonly types: ReadonlyMap<string, ColumnType>
  /** Position in the tree. */
  readonly node: number
  readonly measure: number
  /** The explicit rule that decides the cell. */
  readonly rule: Rule | undefined
}

export function factParts({ tree, useCase, types, node, measure, rule }: PartsInput): FactParts {
  const { column } = useCase.measures[measure]!
  const bindings = bindNodes(tree, useCase.drivers)
  const owned = (to: number): Condition => conditionOf(ownedFacts(tree, bindings, types, { from: node, to }))
  const inTree = owned(tree.nodes[node]!.end)
  const natural: FactSet = { holds: [inTree], fails: [], amounts: [column] }
  const direct: FactSet = { holds: [owned(node + 1)], fails: [], amounts: [column] }
  const parts: [string, FactSet][] = [
    ['natural', natural],
    ['direct', direct],
  ]
  if (rule === undefined) return new Map(parts)
  if (rule.flavour === 'arithmetic') {
    const sums = sumParts(rule)
    return new Map([...parts, ...sums])
  }
  const counted = rule.flavour === 'filter' ? column : rule.column
  const where = conditionOf(rule.where ?? 'all')
  const inRule = rule.scope === 'table' ? where : both(inTree, where)
  parts.push(
    ['rule', { holds: [inRule], fails: [], amounts: [counted] }],
    ['tree_only', { holds: [inTree], fails: [inRule], amounts: [column] }],
    ['rule_only', { holds: [inRule], fails: [inTree], amounts: [counted] }],
    ['both', { holds: [inTree, inRule], fails: [], amounts: [column, counted] }],
  )
  return new Map(parts)
}

/** Equal sums of one formula share their condition, so that it is worked out once a row. */
function sumParts(rule: Rule & { readonly flavour: 'arithmetic' }): [string, FactSet][] {
  const conditions = new Map<string, Condition>()
  return formulaSums(rule.formula).map(({ column, where }, i) => {
    const key = JSON.stringify(where ?? null)
    const condition = conditions.get(key) ?? conditionOf(where ?? 'all')
    conditions.set(key, condition)
    return [`sum:${i + 1}`, { holds: [condition], fails: [], amounts: [column] }]
  })
}

const conditionOf =
  (facts: Facts | Predicate): Condition =>
  (statement) =>
    facts === 'all' ? 'TRUE' : facts === 'none' ? 'FALSE' : sqlPredicate(facts, statement)

const both =
  (a: Condition, b: Condition): Condition =>
  (statement) =>
    `(${a(statement)} AND ${b(statement)})`
