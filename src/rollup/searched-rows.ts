/**
 * The rows of a block that lie in any of several subtrees, put in the order of the tree, so that the rows of
 * each subtree stand together. Rows outside all of them cost one look-up each. Raises nothing.
 */

import type { Block } from '../engines/frame.js'
import type { Tree } from './hierarchy.js'
import { Regions } from './regions.js'
import type { RowOwners } from './row-owners.js'
import type { RowList } from './row-tests.js'

export class SearchedRows {
  private readonly regions: Regions
  /** Of each owner code: 1 where its node is searched. */
  private readonly isIn: Uint8Array
  /** Of each owner code: its region; past the last where it has none. */
  private readonly regionOf: Int32Array
  private readonly starts: Int32Array
  private found = new Int32Array(0)
  private ordered = new Int32Array(0)

  constructor(
    tree: Tree,
    private readonly owners: RowOwners,
    nodes: Iterable<number>,
  ) {
    this.regions = new Regions(tree, nodes)
    this.regionOf = owners.nodeOf.map((node) => this.regions.ofNode[node]!)
    this.isIn = Uint8Array.from(this.regionOf, (region) => (region < this.regions.count ? 1 : 0))
    this.starts = new Int32Array(this.regions.count + 1)
  }

  /** Looks through a block; the lists of `under` are of this block until the next. */
  lookAt(block: Block): void {
    if (this.found.length < block.rows) {
      this.found = new Int32Array(block.rows)
      this.ordered = new Int32Array(block.rows)
    }
    const owners = this.owners.of(block)
    this.order(owners, collect(owners, this.isIn, block.rows, this.found))
  }

  /** The rows at or below a searched node. */
  under(node: number): RowList {
    const { from, to } = this.regions.under(node)
    return { rows: this.ordered, from: this.starts[from]!, to: this.starts[to]! }
  }

  /** A counting sort of the rows found by region. */
  private order(owners: Int32Array, count: number): void {
    const { starts, regionOf, found, ordered } = this
    const regions = this.regions.count
    starts.fill(0)
    for (let i = 0; i < count; i++) starts[regionOf[owners[found[i]!]!]! + 1]! += 1
    for (let region = 0; region < regions; region++) starts[region + 1]! += starts[region]!
    for (let i = 0; i < count; i++) {
      const row = found[i]!
      const region = regionOf[owners[row]!]!
      ordered[starts[region]!] = row
      starts[region]! += 1
    }
    // Filling moved each start to the next region's.
    starts.copyWithin(1, 0, regions)
    starts[0] = 0
  }
}

/** Without a branch, since most rows of most blocks are in no subtree that is searched. */
function collect(owners: Int32Array, isIn: Uint8Array, rows: number, found: Int32Array): number {
  let count = 0
  for (let row = 0; row < rows; row++) {
    found[count] = row
    count += isIn[owners[row]!]!
  }
  return count
}
