/**
 * The nodes that hold a good part of all facts, so that a search below one need not look through the facts.
 * Taken from a sample, since it decides how quickly figures are found and never which. Raises nothing.
 */

import type { Frame } from '../engines/frame.js'
import type { Tree } from './hierarchy.js'
import type { RowOwners } from './row-owners.js'
import { upTheTree } from './tree-sums.js'

/** Below this part of the facts, looking through them takes little longer than for a leaf. */
const PART = 1 / 16
/** One row in so many is looked at; a prime, so that no rhythm of the rows is met. */
const EVERY = 61

/** At most `count` of them, the root always. */
export function largeNodes(frame: Frame, tree: Tree, owners: RowOwners, count: number): number[] {
  const facts = upTheTree(tree, sampled(frame, tree, owners)) as Float64Array
  const large = [...facts.keys()].filter((node) => {
    // Where one child has everything, it stands for its parent too.
    const { children } = tree.nodes[node]!
    return facts[node]! > facts[0]! * PART && !children.some((child) => facts[child] === facts[node])
  })
  const others = large.filter((node) => node !== 0).sort((a, b) => facts[b]! - facts[a]! || a - b)
  return [0, ...others.slice(0, count - 1)]
}

function sampled(frame: Frame, tree: Tree, owners: RowOwners): Float64Array {
  const rows = new Float64Array(tree.nodes.length)
  for (const block of frame.blocks) {
    const codes = owners.of(block)
    for (let row = 0; row < block.rows; row += EVERY) rows[owners.nodeOf[codes[row]!]!]! += 1
  }
  return rows
}
