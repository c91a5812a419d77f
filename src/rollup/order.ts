/**
 * The order in which the adjusted values of a measure can be calculated: operands before formulas, children
 * before parents that add them up. A cycle has no order and is reported as its path.
 *
 * Raises (as a list) TIE-2309.
 */

import { type Place, type Problem, problem } from '../base/errors.js'
import type { Bindings } from './bindings.js'
import { nodeLabel, type Tree } from './hierarchy.js'
import { adjustedOperands, resolveRules } from './resolver.js'
import type { Measure, Policy, Rule } from './use-case.js'

export type Order = { readonly nodes: readonly number[] } | { readonly cycle: readonly number[] }

/** `deciding` holds the rule that sets this measure, by node. */
export function calculationOrder(tree: Tree, deciding: readonly (Rule | undefined)[]): Order {
  const needs = tree.nodes.map((node, position) => {
    const rule = deciding[position]
    if (rule === undefined) return node.children
    return rule.flavour === 'arithmetic' ? adjustedOperands(tree, rule) : []
  })
  const state = new Uint8Array(tree.nodes.length)
  const order: number[] = []
  for (let start = tree.nodes.length - 1; start >= 0; start--) {
    const cycle = visit(start, needs, state, order)
    if (cycle !== undefined) return { cycle }
  }
  return { nodes: order }
}

const OPEN = 1
const DONE = 2

/** Depth first without recursion; the open nodes on the stack are the path of a cycle. */
function visit(
  start: number,
  needs: readonly (readonly number[])[],
  state: Uint8Array,
  order: number[],
): number[] | undefined {
  if (state[start] === DONE) return undefined
  const stack = [{ node: start, next: 0 }]
  state[start] = OPEN
  while (stack.length > 0) {
    const top = stack.at(-1)!
    const need = needs[top.node]![top.next]
    if (need === undefined) {
      state[top.node] = DONE
      order.push(top.node)
      stack.pop()
      continue
    }
    top.next += 1
    if (state[need] === OPEN) {
      const path = stack.map(({ node }) => node)
      return path.slice(path.indexOf(need))
    }
    if (state[need] !== DONE) {
      state[need] = OPEN
      stack.push({ node: need, next: 0 })
    }
  }
  return undefined
}

/**
 * Cycles of a use case under a policy. A formula that names an ancestor by its adjusted value is one whatever
 * else is ruled: the ancestor stands for what lies below it.
 */
export function checkFormulaCycles(
  tree: Tree,
  rules: readonly Rule[],
  measures: readonly Measure[],
  bindings: Bindings,
  policy: Policy,
  placeOf: (no: number) => Place | undefined,
): Problem[] {
  const found = new Map<string, Problem>()
  for (const rule of rules) {
    const cycle = rule.flavour === 'arithmetic' ? ancestorCycle(tree, rule) : undefined
    if (cycle !== undefined) add(found, tree, cycle, placeOf(rule.no))
  }
  if (found.size > 0) return [...found.values()]
  const { deciding } = resolveRules(tree, rules, measures, bindings, policy)
  measures.forEach((_, m) => {
    const order = calculationOrder(
      tree,
      deciding.map((byMeasure) => byMeasure[m]),
    )
    if (!('cycle' in order)) return
    const ruled = rules.find(
      (rule) => order.cycle.includes(tree.positions.get(rule.node) ?? -1) && rule.flavour === 'arithmetic',
    )
    add(found, tree, order.cycle, ruled === undefined ? undefined : placeOf(ruled.no))
  })
  return [...found.values()]
}

/** From the ancestor down to the node whose formula names it. */
function ancestorCycle(tree: Tree, rule: Rule & { readonly flavour: 'arithmetic' }): number[] | undefined {
  const self = tree.positions.get(rule.node)
  if (self === undefined) return undefined
  const named = adjustedOperands(tree, rule).find((node) => node <= self && self < tree.nodes[node]!.end)
  if (named === undefined) return undefined
  const path = [self]
  while (path[0] !== named) path.unshift(tree.nodes[path[0]!]!.parent)
  return path
}

function add(
  found: Map<string, Problem>,
  tree: Tree,
  cycle: readonly number[],
  place: Place | undefined,
): void {
  const path = [...cycle, cycle[0]!].map((node) => nodeLabel(tree.nodes[node]!)).join(' → ')
  if (!found.has(path)) found.set(path, problem('TIE-2309', { path }, place))
}
