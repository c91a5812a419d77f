/**
 * The rules that did not decide a cell though they might have: those of its own node that are skipped or set
 * another measure, those below it whose effect ends before or at it, and those above it that are skipped on
 * account of a rule of its own. Raises nothing.
 */

import { nodeLabel, type Tree } from '../hierarchy.js'
import type { Decision, Resolution } from '../resolver.js'
import { ruleText } from '../rule-text.js'
import { measuresSetBy, type Rule, type UseCase } from '../use-case.js'
import type { LostRule, RuleShown } from './explanation.js'

export function shownRule(tree: Tree, rule: Rule, column: string): RuleShown {
  return {
    no: rule.no,
    node_id: rule.node,
    node_name: tree.nodes[tree.positions.get(rule.node)!]!.node_name,
    text: ruleText(rule),
    flavour: rule.flavour,
    scope: rule.flavour === 'arithmetic' ? null : rule.scope,
    column: rule.flavour === 'arithmetic' ? null : rule.flavour === 'measure_switch' ? rule.column : column,
    note: rule.note,
  }
}

interface Cell {
  readonly tree: Tree
  readonly useCase: UseCase
  readonly resolution: Resolution
  readonly node: number
  readonly measure: number
}

/** In the order of the use case. */
export function lostRules(cell: Cell): LostRule[] {
  const { column } = cell.useCase.measures[cell.measure]!
  return cell.resolution.decisions.flatMap((decision) => {
    const loss = lossOf(cell, decision)
    return loss === undefined ? [] : [{ ...shownRule(cell.tree, decision.rule, column), ...loss }]
  })
}

type Loss = Pick<LostRule, 'outcome' | 'reason'>

function lossOf(cell: Cell, { rule, outcome, reason }: Decision): Loss | undefined {
  const { tree, useCase, resolution, node, measure } = cell
  const at = tree.positions.get(rule.node)
  if (at === undefined) return undefined
  const { name } = useCase.measures[measure]!
  const sets = measuresSetBy(rule)
  if (sets !== null && sets !== name) {
    return at === node ? { outcome: 'other_measure', reason: `it sets ${sets}, not ${name}` } : undefined
  }
  if (at === node) return outcome === 'skipped' ? { outcome, reason } : undefined
  const end = tree.nodes[node]!.end
  const isBelow = node < at && at < end
  if (isBelow) return outcome === 'decides' ? undefined : { outcome, reason }
  const isAbove = at < node && node < tree.nodes[at]!.end
  // A skipped rule above lost to every rule below it, so to this cell's as well.
  if (!isAbove || outcome !== 'skipped' || resolution.deciding[node]![measure] === undefined) return undefined
  return { outcome, reason: `${nodeLabel(tree.nodes[node]!)} below it has a rule of its own` }
}
