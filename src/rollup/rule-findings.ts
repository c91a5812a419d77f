/** Findings about rules: skipped, shadowed, matching nothing (with near misses), switching a measure. Raises nothing. */

import { add, type Decimal, formatDecimal, subtract, ZERO } from '../base/decimal.js'
import type { Finding } from '../base/finding.js'
import { nearest } from '../base/text.js'
import { codedIndex, type Frame } from '../engines/frame.js'
import { atomicTests } from '../language/evaluate.js'
import type { Predicate } from '../language/predicate.js'
import type { Cell, ScenarioCode } from './calculate.js'
import type { Tree } from './hierarchy.js'
import { type Decision, type Resolution, resolutionFindings } from './resolver.js'
import type { RollUpBase } from './roll-up-base.js'
import { ruleText } from './rule-text.js'
import { searchesOf } from './searches.js'
import type { Rule, UseCase } from './use-case.js'

interface Context {
  readonly tree: Tree
  readonly useCase: UseCase
  readonly frame: Frame
  readonly resolution: Resolution
  readonly base: RollUpBase
  readonly cells: readonly Cell[]
  readonly scenarios: readonly ScenarioCode[]
}

export function ruleFindings(context: Context): Finding[] {
  const standing = context.resolution.decisions.filter(({ outcome }) => outcome !== 'skipped')
  return [
    ...resolutionFindings(context.resolution.decisions),
    ...standing.flatMap(({ rule }) => matchesNothing(context, rule)),
    ...standing.flatMap((decision) => measureSwitched(context, decision)),
  ]
}

function matchesNothing(context: Context, rule: Rule): Finding[] {
  return searchesOf(context.tree, rule).flatMap((search): Finding[] => {
    const { where } = search
    if (where === null) return []
    const found = context.scenarios.map(({ code }) => context.base.search(code, search).facts)
    const rows = found.reduce((sum, facts) => sum + facts, 0)
    if (rows > 0 || context.scenarios.length === 0) return []
    const near = nearMisses(context.frame, where)
    const replaced = replacedBy(context, rule)
    return [
      {
        code: 'RULE_MATCHES_NOTHING',
        severity: 'warning',
        node_id: rule.node,
        ...(replaced === undefined ? {} : replaced),
        rows: 0,
        message: `Rule ${rule.no} on ${rule.node} matches no fact: ${ruleText(rule)}.`,
        suggestion:
          near.length > 0
            ? `Did you mean ${near.join(' or ')}?`
            : 'Check the values with the data itself; the rule replaces the node with 0 until it matches something.',
        detail: { rule: ruleText(rule), near_misses: near },
      },
    ]
  })
}

/** What the node would show without the rule: the money the rule took away. */
function replacedBy(
  context: Context,
  rule: Rule,
): { amount: string; measure: string; scenario: string } | undefined {
  const { tree, useCase } = context
  const node = tree.positions.get(rule.node)!
  const set = rule.flavour === 'filter' ? null : rule.into
  const measure = Math.max(
    0,
    useCase.measures.findIndex(({ name }) => name === set),
  )
  const cell = cellAt(context, 0, node, measure)
  const below = tree.nodes[node]!.children.map((child) => cellAt(context, 0, child, measure))
  if (below.some(({ adjusted }) => adjusted === undefined)) return undefined
  // Its own facts as adjusted: what adjustments change at the node, less what they change below it.
  const own = below.reduce(
    (sum: Decimal, { adjustment }) => subtract(sum, adjustment),
    add(cell.direct, cell.adjustment),
  )
  const unruled = below.reduce((sum: Decimal, { adjusted }) => add(sum, adjusted ?? ZERO), own)
  return { amount: formatDecimal(unruled), measure: useCase.measures[measure]!.name, scenario: cell.scenario }
}

/** Cells stand scenario by scenario, nodes in preorder, measures in the order of the mapping. */
const cellAt = ({ tree, useCase, cells }: Context, scenario: number, node: number, measure: number): Cell =>
  cells[(scenario * tree.nodes.length + node) * useCase.measures.length + measure]!

/** Values of the data that differ by a few letters from the literals of the predicate: `strategy = 'CORE'`. */
export function nearMisses(frame: Frame, where: Predicate): string[] {
  return atomicTests(where).flatMap((test) => {
    const values = test.op === 'eq' ? [test.value] : test.op === 'in' ? test.values : []
    const dictionary = frame.coded[codedIndex(frame, test.column)]!.dictionary
    return values.flatMap((value) => {
      if (!('text' in value) || dictionary.includes(value.text)) return []
      const known = dictionary.filter((text): text is string => text !== null)
      return nearest(value.text, known, 1).map((text) => `${test.column} = '${text}'`)
    })
  })
}

function measureSwitched(context: Context, { rule }: Decision): Finding[] {
  if (rule.flavour !== 'measure_switch') return []
  const { tree, useCase, scenarios } = context
  const node = tree.positions.get(rule.node)!
  const measure = useCase.measures.findIndex(({ name }) => name === rule.into)
  return scenarios
    .map((_, scenario) => cellAt(context, scenario, node, measure))
    .filter((cell) => cell.adjusted !== undefined)
    .map(
      (cell): Finding => ({
        code: 'MEASURE_SWITCHED',
        severity: 'info',
        node_id: rule.node,
        measure: rule.into,
        scenario: cell.scenario,
        amount: formatDecimal(subtract(cell.natural, cell.adjusted!)),
        message: `${rule.node} takes ${rule.into} of ${cell.scenario} from ${rule.measure_name} by rule ${rule.no}.`,
        suggestion: 'Nothing to do when the switch is meant; the plug shows what it changed.',
        detail: { rule: ruleText(rule), column: rule.column },
      }),
    )
}
