/**
 * Sums up the tree, in the units of a column: whole numbers in doubles inside a frame's exact range, where the
 * sum of any facts is exact, and bigint beyond it. Raises nothing.
 */

import type { Units } from '../engines/frame.js'
import type { Tree } from './hierarchy.js'

/** Of one amount column and scenario, by node. */
export interface TreeSums {
  /** Digits after the point of one unit. */
  readonly scale: number
  /** Of the facts bound to the node itself. */
  readonly direct: Units
  /** Of those bound to it or below it. */
  readonly natural: Units
}

/** Of each node, its own and everything below it. In preorder children stand after their parent. */
export function upTheTree(tree: Tree, direct: Units): Units {
  if (direct instanceof Float64Array) return sumUp(parentsOf(tree), direct.slice())
  const sums = [...direct]
  for (let node = tree.nodes.length - 1; node > 0; node--) sums[tree.nodes[node]!.parent]! += sums[node]!
  return sums
}

function sumUp(parents: Int32Array, sums: Float64Array): Float64Array {
  for (let node = parents.length - 1; node > 0; node--) sums[parents[node]!]! += sums[node]!
  return sums
}

/** Trees are never changed, and every column and scenario asks for the same parents. */
const parentsKept = new WeakMap<Tree, Int32Array>()

export function parentsOf(tree: Tree): Int32Array {
  const kept = parentsKept.get(tree)
  if (kept !== undefined) return kept
  const parents = Int32Array.from(tree.nodes, ({ parent }) => parent)
  parentsKept.set(tree, parents)
  return parents
}
