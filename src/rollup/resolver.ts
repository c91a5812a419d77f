/**
 * Decides which rule holds at each node: explicit rule → auto-rollup → none, under the precedence policy.
 * Deterministic: it looks at the tree, the rules and the bindings, never at facts. Everything it decided, and
 * why, is listed. Virtual rules (auto-rollups) that share a driver column are one batch.
 *
 * Raises (as a list) TIE-2308 for two rules that set the same measure of a node.
 */

import { type Place, type Problem, problem } from '../base/errors.js'
import type { Finding } from '../base/finding.js'
import { formulaReferences } from '../language/formula.js'
import type { Bindings } from './bindings.js'
import { nodeLabel, type Tree } from './hierarchy.js'
import { ruleText } from './rule-text.js'
import { type Measure, measuresSetBy, type Policy, type Rule } from './use-case.js'

/** What became of a rule. */
export interface Decision {
  readonly rule: Rule
  readonly outcome: 'decides' | 'skipped' | 'shadowed'
  /** Why, in a sentence; the empty text for a rule that simply decides. */
  readonly reason: string
}

/** Auto-rollups of one driver column: resolved together, by one look-up per fact. */
export interface Batch {
  readonly column: string
  readonly nodes: readonly number[]
}

export interface Resolution {
  /** The explicit rule that sets the measure at the node, by node position; undefined: children and own facts decide. */
  readonly deciding: readonly (readonly (Rule | undefined)[])[]
  readonly decisions: readonly Decision[]
  readonly batches: readonly Batch[]
}

/** Two rules of a node that set one measure. */
export function checkRuleConflicts(
  rules: readonly Rule[],
  measures: readonly Measure[],
  placeOf: (no: number) => Place | undefined,
): Problem[] {
  const seen = new Set<string>()
  return rules.flatMap((rule) => {
    const sets = measuresSetBy(rule)
    const names = sets === null ? measures.map(({ name }) => name) : [sets]
    const taken = names.filter((name) => seen.has(JSON.stringify([rule.node, name])))
    for (const name of names) seen.add(JSON.stringify([rule.node, name]))
    return taken.length === 0
      ? []
      : [problem('TIE-2308', { node: rule.node, measure: taken.join(', ') }, placeOf(rule.no))]
  })
}

export function resolveRules(
  tree: Tree,
  rules: readonly Rule[],
  measures: readonly Measure[],
  bindings: Bindings,
  policy: Policy,
): Resolution {
  const positions = rules.map((rule) => tree.positions.get(rule.node) ?? -1)
  const ruled = [...positions].filter((node) => node >= 0).sort((a, b) => a - b)
  const decisions = rules.map((rule, i) => decide(tree, rule, positions[i]!, ruled, policy))
  const deciding = tree.nodes.map(() => new Array<Rule | undefined>(measures.length).fill(undefined))
  decisions.forEach(({ rule, outcome }, i) => {
    const node = positions[i]!
    if (outcome === 'skipped' || node < 0) return
    const sets = measuresSetBy(rule)
    measures.forEach(({ name }, m) => {
      if (sets === null || sets === name) deciding[node]![m] = rule
    })
  })
  const batches = bindings.columns.map((column) => ({
    column,
    nodes: bindings.bindings.filter((binding) => binding.column === column).map(({ node }) => node),
  }))
  return { deciding, decisions: shadowed(tree, decisions, deciding), batches }
}

/** Skipping is the only way a rule loses its own node: most_specific, a filter, a ruled node below. */
function decide(tree: Tree, rule: Rule, node: number, ruled: readonly number[], policy: Policy): Decision {
  const stands = { rule, outcome: 'decides', reason: '' } as const
  if (policy === 'top_down' || rule.flavour === 'arithmetic' || node < 0) return stands
  const below = ruled[firstAbove(ruled, node)]
  if (below === undefined || below >= tree.nodes[node]!.end) return stands
  return {
    rule,
    outcome: 'skipped',
    reason: `${nodeLabel(tree.nodes[below]!)} below it has a rule of its own, and the policy is most_specific`,
  }
}

/** Index of the first element greater than `value` in a sorted list. */
function firstAbove(sorted: readonly number[], value: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (sorted[middle]! > value) high = middle
    else low = middle + 1
  }
  return low
}

/** A rule that decides its node, while an ancestor's own value keeps its effect from going further up. */
function shadowed(tree: Tree, decisions: readonly Decision[], deciding: Resolution['deciding']): Decision[] {
  const reach = new Map<Rule, ReadonlySet<number>>()
  const reaches = (rule: Rule, measure: number, node: number): boolean => {
    if (rule.flavour !== 'arithmetic') return false
    const read =
      reach.get(rule) ??
      readBy(
        tree,
        rule,
        deciding.map((rules) => rules[measure]),
      )
    reach.set(rule, read)
    return read.has(node)
  }
  return decisions.map((decision) => {
    const node = tree.positions.get(decision.rule.node)
    if (decision.outcome !== 'decides' || node === undefined) return decision
    const sets = deciding[node]!.flatMap((rule, m) => (rule === decision.rule ? [m] : []))
    for (let above = tree.nodes[node]!.parent; above >= 0; above = tree.nodes[above]!.parent) {
      const ends = sets.every((m) => {
        const rule = deciding[above]![m]
        return rule !== undefined && !reaches(rule, m, node)
      })
      if (!ends) continue
      const reason = `${nodeLabel(tree.nodes[above]!)} above it has a value of its own that does not read it, so the effect ends there`
      return { ...decision, outcome: 'shadowed', reason }
    }
    return decision
  })
}

/** Every node whose adjusted value goes into the formula's, through operands and the children they add up. */
function readBy(
  tree: Tree,
  rule: Rule & { readonly flavour: 'arithmetic' },
  deciding: readonly (Rule | undefined)[],
): ReadonlySet<number> {
  const read = new Set<number>()
  const pending = adjustedOperands(tree, rule)
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (read.has(node)) continue
    read.add(node)
    const own = deciding[node]
    if (own === undefined) pending.push(...tree.nodes[node]!.children)
    else if (own.flavour === 'arithmetic') pending.push(...adjustedOperands(tree, own))
  }
  return read
}

/** Positions of the nodes whose adjusted value the formula needs; the node itself, bare, means its natural. */
export function adjustedOperands(tree: Tree, rule: Rule & { readonly flavour: 'arithmetic' }): number[] {
  return formulaReferences(rule.formula).flatMap(({ node, value }) => {
    const needed = value === 'adjusted' || (value === 'bare' && node !== rule.node)
    const position = needed ? tree.positions.get(node) : undefined
    return position === undefined ? [] : [position]
  })
}

export function resolutionFindings(decisions: readonly Decision[]): Finding[] {
  return decisions.flatMap(({ rule, outcome, reason }): Finding[] => {
    const about = { node_id: rule.node, detail: { rule: ruleText(rule), reason } }
    if (outcome === 'skipped') {
      const message = `Rule ${rule.no} on ${rule.node} is skipped: ${reason}.`
      return [
        {
          ...about,
          code: 'RULE_SKIPPED',
          severity: 'warning',
          message,
          suggestion: 'Remove the rule, or run with the policy top_down.',
        },
      ]
    }
    if (outcome === 'shadowed') {
      const message = `Rule ${rule.no} on ${rule.node} is shadowed: ${reason}.`
      return [
        {
          ...about,
          code: 'RULE_SHADOWED',
          severity: 'info',
          message,
          suggestion: 'Nothing to do when the ancestor is meant to stand by itself.',
        },
      ]
    }
    return []
  })
}
