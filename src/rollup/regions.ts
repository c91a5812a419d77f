/**
 * Subtrees that are looked at together: each fact belongs to the nearest chosen node at or above its own, and
 * in preorder the regions of a subtree follow one another. Raises nothing.
 */

import type { Tree } from './hierarchy.js'
import { parentsOf } from './tree-sums.js'

/** Regions from ≤ region < to. */
export interface RegionRange {
  readonly from: number
  readonly to: number
}

export class Regions {
  /** The chosen nodes in preorder: region i is what node i has below it without the regions of the others. */
  readonly nodes: readonly number[]
  /** By node; as many as there are regions where no chosen node is at or above it. */
  readonly ofNode: Int32Array

  constructor(
    private readonly tree: Tree,
    nodes: Iterable<number>,
  ) {
    this.nodes = [...new Set(nodes)].sort((a, b) => a - b)
    const parents = parentsOf(tree)
    this.ofNode = new Int32Array(tree.nodes.length).fill(this.count)
    let next = 0
    for (let node = 0; node < parents.length; node++) {
      if (this.nodes[next] === node) {
        this.ofNode[node] = next
        next += 1
      } else if (parents[node]! >= 0) this.ofNode[node] = this.ofNode[parents[node]!]!
    }
  }

  get count(): number {
    return this.nodes.length
  }

  /** The regions of the chosen nodes at or below a node. */
  under(node: number): RegionRange {
    return { from: this.firstFrom(node), to: this.firstFrom(this.tree.nodes[node]!.end) }
  }

  /** The first region whose node does not stand before the position. */
  private firstFrom(position: number): number {
    let low = 0
    let high = this.nodes.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.nodes[middle]! < position) low = middle + 1
      else high = middle
    }
    return low
  }
}
