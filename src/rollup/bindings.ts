/**
 * Which facts belong to which node: (driver column, value) → node. The use case's drivers replace the
 * structure's own bindings. Columns keep the order in which they are first named, which decides between
 * bindings of different columns that claim one fact.
 *
 * Raises (as a list) TIE-2307 for a value bound twice.
 */

import { type Place, type Problem, problem } from '../base/errors.js'
import { type Tree, UNASSIGNED } from './hierarchy.js'
import type { Driver } from './use-case.js'

export interface Binding {
  readonly column: string
  readonly value: string
  /** Position in the tree. */
  readonly node: number
}

export interface Bindings {
  /** Driver columns, the one that wins first. */
  readonly columns: readonly string[]
  readonly bindings: readonly Binding[]
}

/** The bindings of the drivers, or of the structure where there are none; orphans are bound to nothing. */
export function bindNodes(tree: Tree, drivers: readonly Driver[] | null): Bindings {
  const bindings =
    drivers === null ? structureBindings(tree) : drivers.flatMap((driver) => driverBindings(tree, driver))
  return { columns: [...new Set(bindings.map(({ column }) => column))], bindings }
}

const driverBindings = (tree: Tree, driver: Driver): Binding[] =>
  nodesOf(tree, driver.nodes).map((node) => ({
    column: driver.column,
    value: tree.nodes[node]![driver.value],
    node,
  }))

/** Positions of the nodes a driver names; ids that are not in the tree are left out. */
function nodesOf(tree: Tree, nodes: Driver['nodes']): number[] {
  const positions = [...tree.nodes.keys()].filter((node) => tree.nodes[node]!.node_id !== UNASSIGNED)
  if (nodes === 'all') return positions
  if (nodes === 'leaves') return positions.filter((node) => tree.nodes[node]!.isLeaf)
  return nodes.flatMap((id) => tree.positions.get(id) ?? [])
}

/** In the order of the tree, so that the column named nearest the top wins. */
function structureBindings(tree: Tree): Binding[] {
  return tree.nodes.flatMap((row, node) =>
    row.rollup_driver === null
      ? []
      : [{ column: row.rollup_driver, value: row[row.rollup_value_source], node }],
  )
}

/** Values bound twice. Numeric columns compare as numbers, so their values come canonical. */
export function checkBindings(
  tree: Tree,
  { bindings }: Bindings,
  canonical: (column: string, value: string) => string,
  place?: Place,
): Problem[] {
  const first = new Map<string, number>()
  return bindings.flatMap(({ column, value, node }) => {
    const key = JSON.stringify([column, canonical(column, value)])
    const earlier = first.get(key)
    if (earlier === undefined) {
      first.set(key, node)
      return []
    }
    const nodes = { first: tree.nodes[earlier]!.node_id, node: tree.nodes[node]!.node_id }
    return [problem('TIE-2307', { column, value, ...nodes }, place)]
  })
}
