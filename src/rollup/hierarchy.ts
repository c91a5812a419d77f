/**
 * A structure: a ragged tree of nodes. Leaf and depth come from the edges, never from the file. Node ids are
 * unique within a structure. Nodes whose parent is not there are orphans: they are kept, reported, and take
 * no part in a calculation.
 *
 * Raises (as a list, all at once) TIE-2101 duplicate node, TIE-2102 two roots, TIE-2103 cycle with its path,
 * TIE-2104 no root, TIE-2105 empty id, TIE-2106 reserved id, TIE-2107 unknown value source,
 * TIE-2108 id too long.
 */

import { type Digest, digestOf } from '../base/digest.js'
import { type Place, type Problem, problem } from '../base/errors.js'
import type { Finding } from '../base/finding.js'

export type ValueSource = 'node_id' | 'node_name'

/** One row of a structure as it is written in a file or stored. */
export interface NodeRow {
  readonly node_id: string
  /** Null for the root. */
  readonly parent_node_id: string | null
  readonly node_name: string
  readonly rollup_driver: string | null
  readonly rollup_value_source: ValueSource
}

/** The visible child of the root that holds the facts no node claims. */
export const UNASSIGNED = 'UNASSIGNED'

export interface TreeNode extends NodeRow {
  readonly depth: number
  /** Without children in the structure: UNASSIGNED makes no parent of a lone root. */
  readonly isLeaf: boolean
  /** Position of the parent; -1 for the root. */
  readonly parent: number
  readonly children: readonly number[]
  /** The subtree of node i is the nodes i ≤ j < end. */
  readonly end: number
}

/** The nodes in preorder, siblings in the order of the file, UNASSIGNED last. */
export interface Tree {
  readonly nodes: readonly TreeNode[]
  readonly positions: ReadonlyMap<string, number>
  readonly orphans: readonly NodeRow[]
}

/** Ids are keys of indexes, which have no room for long ones. */
const MAX_ID_BYTES = 1000

type PlaceOf = (row: number) => Place | undefined
const nowhere: PlaceOf = () => undefined

/** Every reason why the rows are no structure; none when they are one. `placeOf` names where row i stands. */
export function checkStructure(rows: readonly NodeRow[], placeOf: PlaceOf = nowhere): Problem[] {
  const problems: Problem[] = []
  const first = new Map<string, number>()
  let root: number | undefined
  rows.forEach((row, i) => {
    const place = placeOf(i)
    if (row.node_id === '') problems.push(problem('TIE-2105', { column: 'node_id' }, place))
    if (row.node_id === UNASSIGNED) problems.push(problem('TIE-2106', { node: row.node_id }, place))
    for (const column of ['node_id', 'rollup_driver'] as const) {
      const length = Buffer.byteLength(row[column] ?? '')
      if (length > MAX_ID_BYTES)
        problems.push(problem('TIE-2108', { column, length, limit: MAX_ID_BYTES }, place))
    }
    const earlier = first.get(row.node_id)
    if (earlier === undefined) first.set(row.node_id, i)
    else
      problems.push(
        problem('TIE-2101', { node: row.node_id, first: placeOf(earlier)?.line ?? earlier + 1 }, place),
      )
    if (row.parent_node_id !== null) return
    if (root === undefined) root = i
    else if (earlier === undefined)
      problems.push(problem('TIE-2102', { first: rows[root]!.node_id, node: row.node_id }, place))
  })
  for (const cycle of cyclesOf(rows, first)) {
    const path = [...cycle, cycle[0]!].map((i) => nodeLabel(rows[i]!)).join(' → ')
    problems.push(problem('TIE-2103', { path }, placeOf(cycle[0]!)))
  }
  if (root === undefined) problems.push(problem('TIE-2104', {}, placeOf(0)))
  return problems
}

/** `Rates (N12)`, or the id alone where the name is the id. */
export const nodeLabel = ({ node_id, node_name }: Pick<NodeRow, 'node_id' | 'node_name'>): string =>
  node_name === node_id ? node_id : `${node_name} (${node_id})`

/** Each cycle once, as positions from child to parent. */
function cyclesOf(rows: readonly NodeRow[], first: ReadonlyMap<string, number>): number[][] {
  const parentOf = (i: number): number => {
    const parent = rows[i]!.parent_node_id
    return parent === null ? -1 : (first.get(parent) ?? -1)
  }
  const settled = new Uint8Array(rows.length)
  const cycles: number[][] = []
  for (let start = 0; start < rows.length; start++) {
    const path: number[] = []
    const onPath = new Map<number, number>()
    let at = start
    while (at >= 0 && settled[at] === 0 && !onPath.has(at)) {
      onPath.set(at, path.length)
      path.push(at)
      at = parentOf(at)
    }
    if (at >= 0 && onPath.has(at)) cycles.push(path.slice(onPath.get(at)!).reverse())
    for (const node of path) settled[node] = 1
  }
  return cycles
}

const unassignedRow = (root: string): NodeRow => ({
  node_id: UNASSIGNED,
  parent_node_id: root,
  node_name: 'Unassigned',
  rollup_driver: null,
  rollup_value_source: 'node_id',
})

/** The tree of rows that passed `checkStructure`, with UNASSIGNED as the root's last child. */
export function buildTree(rows: readonly NodeRow[]): Tree {
  const root = rows.find((row) => row.parent_node_id === null)
  if (root === undefined) throw new Error('a structure without a root was not refused')
  const childrenOf = new Map<string, NodeRow[]>()
  for (const row of [...rows, unassignedRow(root.node_id)]) {
    if (row.parent_node_id === null) continue
    const siblings = childrenOf.get(row.parent_node_id)
    if (siblings === undefined) childrenOf.set(row.parent_node_id, [row])
    else siblings.push(row)
  }
  const nodes: (TreeNode & { children: number[]; end: number })[] = []
  const positions = new Map<string, number>()
  // A stack rather than recursion: a structure may be a chain of any length.
  const pending: { row: NodeRow; parent: number }[] = [{ row: root, parent: -1 }]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { row, parent } = next
    const position = nodes.length
    const below = childrenOf.get(row.node_id) ?? []
    const depth = parent < 0 ? 0 : nodes[parent]!.depth + 1
    const isLeaf = below.every(({ node_id }) => node_id === UNASSIGNED)
    nodes.push({ ...row, depth, isLeaf, parent, children: [], end: position + 1 })
    positions.set(row.node_id, position)
    if (parent >= 0) nodes[parent]!.children.push(position)
    for (let i = below.length - 1; i >= 0; i--) pending.push({ row: below[i]!, parent: position })
  }
  for (let i = nodes.length - 1; i > 0; i--) {
    const parent = nodes[nodes[i]!.parent]!
    parent.end = Math.max(parent.end, nodes[i]!.end)
  }
  return { nodes, positions, orphans: rows.filter((row) => !positions.has(row.node_id)) }
}

export function structureFindings(tree: Tree): Finding[] {
  const orphaned = new Set(tree.orphans.map((row) => row.node_id))
  const orphans = tree.orphans.map(
    (row): Finding => ({
      code: 'NODE_ORPHANED',
      severity: 'warning',
      node_id: row.node_id,
      message: `Node ${nodeLabel(row)} is orphaned: ${orphanReason(row, orphaned)}.`,
      suggestion:
        'Add the missing parent to the structure and import it again. Until then the facts of the node are unassigned.',
    }),
  )
  return [...orphans, ...duplicateSiblings(tree)]
}

const orphanReason = ({ parent_node_id }: NodeRow, orphaned: ReadonlySet<string>): string =>
  orphaned.has(parent_node_id ?? '')
    ? `its parent ${parent_node_id} is orphaned too`
    : `its parent ${parent_node_id} is not in the structure`

function duplicateSiblings(tree: Tree): Finding[] {
  return tree.nodes.flatMap((node) => {
    const byName = new Map<string, string[]>()
    for (const child of node.children) {
      const { node_name, node_id } = tree.nodes[child]!
      byName.set(node_name, [...(byName.get(node_name) ?? []), node_id])
    }
    return [...byName]
      .filter(([, ids]) => ids.length > 1)
      .map(
        ([name, ids]): Finding => ({
          code: 'DUPLICATE_SIBLING_NAMES',
          severity: 'info',
          node_id: node.node_id,
          message: `${ids.length} children of ${nodeLabel(node)} are named "${name}": ${ids.join(', ')}.`,
          suggestion: 'Give siblings different names, so that a reader can tell them apart.',
          detail: { nodes: ids },
        }),
      )
  })
}

/** Of everything in the rows that a calculation or a report depends on; the order of siblings is part of it. */
export const structureDigest = (rows: readonly NodeRow[]): Digest =>
  digestOf(
    rows.map((row) => [
      row.node_id,
      row.parent_node_id,
      row.node_name,
      row.rollup_driver,
      row.rollup_value_source,
    ]),
  )
