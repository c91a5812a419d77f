/**
 * The kernel: one pass over the blocks of a frame. Each row is given its node (by the driver columns) and its
 * scenario; its amounts are added to that node. For rules, rows are grouped further by what the rules can tell
 * apart (see groups.ts), so that a rule is evaluated on a few groups instead of the many facts.
 *
 * Exactness: within a frame's exact range every partial sum is a whole number that a double holds; beyond it
 * sums are bigint. Raises nothing.
 */

import { type Decimal, decimal } from '../base/decimal.js'
import { codedIndex, type Frame } from '../engines/frame.js'
import type { Bindings } from './bindings.js'
import { GroupSums } from './group-sums.js'
import { Groups } from './groups.js'
import type { Tree } from './hierarchy.js'
import type { Predicate } from './language/predicate.js'
import { type Overlap, RowOwners } from './row-owners.js'
import { testedColumns } from './tested-columns.js'

export type { Overlap } from './row-owners.js'

/** The facts a rule looks for: those of a node's subtree, or of the whole table, that satisfy the predicate. */
export interface Search {
  /** Position in the tree; null: the whole table. */
  readonly node: number | null
  /** Null: every fact there. */
  readonly where: Predicate | null
}

export interface KernelInput {
  readonly frame: Frame
  readonly tree: Tree
  readonly bindings: Bindings
  /** Null: the source has no scenario, every fact is of the scenario at code 0. */
  readonly scenarioColumn: string | null
  /** Everything that will be asked of `search`. */
  readonly searches: readonly Search[]
}

export interface Sums {
  readonly facts: number
  /** By amount column of the frame. */
  readonly amounts: readonly Decimal[]
}

export interface Aggregates {
  /** Scenario labels by code; code 0 is the null scenario (or the only one, where the source has none). */
  readonly scenarios: readonly (string | null)[]
  readonly overlaps: readonly Overlap[]
  /** Groups that the rules were evaluated on. */
  readonly groups: number
  /** Sums of the facts bound to each node itself, by node. */
  direct(scenario: number): readonly Sums[]
  search(scenario: number, search: Search): Sums
}

export function aggregate(input: KernelInput): Aggregates {
  const { frame, tree, bindings, scenarioColumn, searches } = input
  const scenario = scenarioColumn === null ? undefined : codedIndex(frame, scenarioColumn)
  const scenarios = scenario === undefined ? [null] : frame.coded[scenario]!.dictionary
  const owners = new RowOwners(frame, bindings, tree.nodes.length - 1)
  const directs = new GroupSums(frame.amounts, tree.nodes.length * scenarios.length)
  const inNodes = searches.filter(({ node }) => node !== null)
  const inTable = searches.filter(({ node }) => node === null)
  const regions = new Groups(
    frame,
    tree,
    testedColumns(frame, inNodes),
    scenarios.length,
    regionsOf(tree, inNodes),
  )
  const table = new Groups(
    frame,
    tree,
    testedColumns(frame, inTable),
    scenarios.length,
    tree.nodes.map(() => 0),
  )
  for (const block of frame.blocks) {
    const nodes = owners.of(block)
    const codes = scenario === undefined ? undefined : block.codes[scenario]!
    directs.add(keys(nodes, codes, scenarios.length, block.rows), block)
    if (inNodes.length > 0) regions.add(block, nodes, codes)
    if (inTable.length > 0) table.add(block, nodes, codes)
  }
  const everywhere = { from: 0, to: tree.nodes.length }
  return {
    scenarios,
    overlaps: owners.overlaps(),
    groups: regions.size + table.size,
    direct: (code) => tree.nodes.map((_, node) => directSums(directs, frame, node * scenarios.length + code)),
    search: (code, { node, where }) =>
      node === null
        ? table.search(code, everywhere, where)
        : regions.search(code, { from: node, to: tree.nodes[node]!.end }, where),
  }
}

const directSums = (directs: GroupSums, frame: Frame, key: number): Sums => ({
  facts: directs.facts[key]!,
  amounts: frame.amounts.map(({ scale }, column) => decimal(directs.total(column, [key]), scale)),
})

function keys(nodes: Int32Array, scenarios: Int32Array | undefined, radix: number, rows: number): Int32Array {
  if (scenarios === undefined) return nodes
  const combined = new Int32Array(rows)
  for (let row = 0; row < rows; row++) combined[row] = nodes[row]! * radix + scenarios[row]!
  return combined
}

/**
 * The region of each node: the nearest node at or above it that a rule searches in, as that node's position;
 * the root where there is none. A searched node's facts are then those of the regions in its subtree.
 */
function regionsOf(tree: Tree, searches: readonly Search[]): number[] {
  const searched = new Set(searches.map(({ node }) => node))
  const regions: number[] = []
  tree.nodes.forEach(({ parent }, node) => {
    regions.push(parent < 0 || searched.has(node) ? node : regions[parent]!)
  })
  return regions
}
