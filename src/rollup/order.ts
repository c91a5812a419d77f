/**
 * The order in which the adjusted values of a measure can be calculated: operands before formulas, children
 * before parents that add them up. A cycle has no order and is reported as its path.
 *
 * Raises (as a list) TIE-2309.
 */

import { type Place, type Problem, problem } from '../base/errors.js'
import type { Bindings } from './bindings.js'
import { nodeLabel, type Tree } from './hierarchy.js'
import { adjustedOperands, type Resolution, resolveRules } from './resolver.js'
import type { Measure, Policy, Rule } from './use-case.js'

export type Order = { readonly nodes: readonly number[] } | { readonly cycle: readonly number[] }

/**
 * `deciding` holds the rule that sets this measure, by node. With `among`, only the nodes marked in it: those
 * that rules move are enough, since no other node stands between two of them.
 */
export function calculationOrder(
  tree: Tree,
  deciding: readonly (Rule | undefined)[],
  among?: Uint8Array,
): Order {
  const needs = (node: number): readonly number[] => {
    const rule = deciding[node]
    if (rule === undefined) return tree.nodes[node]!.children
    return rule.flavour === 'arithmetic' ? adjustedOperands(tree, rule) : NOTHING
  }
  const walk: Walk = {
    needs,
    state: among === undefined ? new Uint8Array(tree.nodes.length) : among.map((is) => (is === 1 ? 0 : DONE)),
    order: [],
    path: [],
    open: [],
    next: new Int32Array(tree.nodes.length),
  }
  for (let start = tree.nodes.length - 1; start >= 0; start--) {
    if (walk.state[start] === DONE) continue
    const cycle = visit(start, walk)
    if (cycle !== undefined) return { cycle }
  }
  return { nodes: walk.order }
}

const OPEN = 1
const DONE = 2
const NOTHING: readonly number[] = []

interface Walk {
  readonly needs: (node: number) => readonly number[]
  readonly state: Uint8Array
  readonly order: number[]
  /** The open nodes, and what each of them needs. */
  readonly path: number[]
  readonly open: (readonly number[])[]
  /** By node: how many of its needs have been looked at. */
  readonly next: Int32Array
}

/** Depth first without recursion; the open nodes are the path of a cycle. */
function visit(start: number, { needs, state, order, path, open, next }: Walk): number[] | undefined {
  const enter = (node: number): void => {
    state[node] = OPEN
    path.push(node)
    open.push(needs(node))
  }
  enter(start)
  for (let top = start; path.length > 0; top = path.at(-1)!) {
    const need = open.at(-1)![next[top]!]
    if (need === undefined) {
      state[top] = DONE
      order.push(top)
      path.pop()
      open.pop()
      continue
    }
    next[top]! += 1
    if (state[need] === OPEN) return path.slice(path.indexOf(need))
    if (state[need] !== DONE) enter(need)
  }
  return undefined
}

/** What the rules make of one measure. */
export interface RuledMeasure {
  /** By node; undefined: its own facts and its children. */
  readonly deciding: readonly (Rule | undefined)[]
  /** The ruled nodes and those above them, operands first: the only ones whose value is not what the facts say. */
  readonly moved: readonly number[]
  /** By node: 1 where it is one of them. */
  readonly isMoved: Uint8Array
}

/** Measures under the same rules share one order; a cycle where there is one. */
export function ruledMeasures(
  tree: Tree,
  { deciding }: Resolution,
  measures: readonly Measure[],
): readonly (RuledMeasure | { readonly cycle: readonly number[] })[] {
  const ruled = deciding.flatMap((rules, node) => (rules.some((rule) => rule !== undefined) ? [node] : []))
  const known = new Map<string, RuledMeasure | { readonly cycle: readonly number[] }>()
  return measures.map((_, m) => {
    const key = ruled.map((node) => deciding[node]![m]?.no ?? 0).join()
    const made = known.get(key) ?? ruledMeasure(tree, deciding, ruled, m)
    known.set(key, made)
    return made
  })
}

function ruledMeasure(tree: Tree, all: Resolution['deciding'], ruled: readonly number[], measure: number) {
  const deciding = all.map((rules) => rules[measure])
  const isMoved = new Uint8Array(tree.nodes.length)
  for (const node of ruled) {
    if (deciding[node] === undefined) continue
    for (let at = node; at >= 0 && isMoved[at] === 0; at = tree.nodes[at]!.parent) isMoved[at] = 1
  }
  const order = calculationOrder(tree, deciding, isMoved)
  return 'cycle' in order ? order : { deciding, moved: order.nodes, isMoved }
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
  const resolution = resolveRules(tree, rules, measures, bindings, policy)
  return cyclesOf(tree, rules, ruledMeasures(tree, resolution, measures), placeOf)
}

/** The cycles among measures that have been put in order already. */
export function cyclesOf(
  tree: Tree,
  rules: readonly Rule[],
  measures: ReturnType<typeof ruledMeasures>,
  placeOf: (no: number) => Place | undefined,
): Problem[] {
  const found = new Map<string, Problem>()
  for (const rule of rules) {
    const cycle = rule.flavour === 'arithmetic' ? ancestorCycle(tree, rule) : undefined
    if (cycle !== undefined) add(found, tree, cycle, placeOf(rule.no))
  }
  if (found.size > 0) return [...found.values()]
  for (const measure of measures) {
    if (!('cycle' in measure)) continue
    const ruled = rules.find(
      (rule) => measure.cycle.includes(tree.positions.get(rule.node) ?? -1) && rule.flavour === 'arithmetic',
    )
    add(found, tree, measure.cycle, ruled === undefined ? undefined : placeOf(ruled.no))
  }
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
