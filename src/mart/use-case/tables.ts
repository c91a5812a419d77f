/**
 * Hierarchy and mapping of a use case as tables of a mart. Every node that claims facts, and every leaf, is a row; the
 * nodes above are its levels. A fact that two driver columns claim belongs to the one of the column named first, so the
 * node of the other excludes it; UNASSIGNED takes every fact and excludes all that is claimed. Raises TIE-5033.
 */

import { refuse } from '../../base/errors.js'
import type { Cell } from '../table.js'
import { byNode, type ReportBinding, type UseCaseReport } from './report.js'

export interface TableText {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly Cell[])[]
}

/** As many levels as a configuration may have. */
const MOST_LEVELS = 20
const FILLER = 'N/A'
const FILLER_SORT = '999'

/** Names of the levels from the root down to each node; no two siblings have the same. */
export function levelPaths({ name, nodes }: UseCaseReport): readonly (readonly string[])[] {
  const children = new Map<number, number[]>()
  nodes.forEach(({ parent }, i) => void children.set(parent, [...(children.get(parent) ?? []), i]))
  const labels = nodes.map((node) => {
    const twins = children.get(node.parent)!.filter((i) => nodes[i]!.name === node.name)
    if (node.name === '') return node.id
    return twins.length > 1 || node.name === FILLER ? `${node.name} (${node.id})` : node.name
  })
  const paths: (readonly string[])[] = []
  nodes.forEach(({ parent }, i) => {
    paths.push(parent < 0 ? [labels[i]!] : [...paths[parent]!, labels[i]!])
  })
  const deepest = Math.max(...paths.map(({ length }) => length))
  if (deepest > MOST_LEVELS)
    refuse('TIE-5033', {
      use_case: name,
      detail: `its tree has ${deepest} levels, and a mart at most ${MOST_LEVELS}`,
    })
  return paths
}

const numbered = (name: string, count: number, suffix = ''): string[] =>
  Array.from({ length: count }, (_, i) => `${name}_${i + 1}${suffix}`)

/** Positions of the nodes that are rows. */
export function rowNodes({ nodes, bindings }: UseCaseReport): readonly number[] {
  const parents = new Set(nodes.slice(0, -1).map(({ parent }) => parent))
  const bound = new Set(bindings.map(({ node }) => node))
  return [...nodes.keys()].filter((i) => bound.has(i) || !parents.has(i))
}

export function hierarchyTable(report: UseCaseReport, paths: readonly (readonly string[])[]): TableText {
  const levels = Math.max(...paths.map(({ length }) => length))
  const places = placesAmongSiblings(report)
  const columns = [
    'XREF_HIERARCHY_KEY',
    'HIERARCHY_GROUP_NAME',
    ...numbered('LEVEL', levels),
    ...numbered('LEVEL', levels, '_SORT'),
    'ACTIVE_FLAG',
    'CALCULATION_FLAG',
  ]
  const filled = (values: readonly string[], filler: string): string[] =>
    Array.from({ length: levels }, (_, i) => values[i] ?? filler)
  const rows = rowNodes(report).map((i) => [
    report.nodes[i]!.id,
    paths[i]![Math.min(1, paths[i]!.length - 1)]!,
    ...filled(paths[i]!, FILLER),
    ...filled(places[i]!, FILLER_SORT),
    'Y',
    'N',
  ])
  return { columns, rows }
}

/** By tens, as reports are numbered, of each level of a node's path. */
function placesAmongSiblings({ nodes }: UseCaseReport): readonly (readonly string[])[] {
  const seen = new Map<number, number>()
  const places: (readonly string[])[] = []
  for (const { parent } of nodes) {
    const place = (seen.get(parent) ?? 0) + 1
    seen.set(parent, place)
    places.push([...(parent < 0 ? [] : places[parent]!), String(place * 10)])
  }
  return places
}

/** `all` is the column of the facts that is the use case's name in every one. */
export function mappingTable(report: UseCaseReport, all: string): TableText {
  const { nodes, bindings, driverColumns, name } = report
  refuseTangled(report)
  const row = (node: number, column: string, value: string, group: number, isExcluded: boolean): Cell[] => [
    nodes[node]!.id,
    value,
    column,
    String(group),
    isExcluded ? 'Y' : 'N',
  ]
  const unassigned = nodes.length - 1
  const rank = (column: string): number => driverColumns.indexOf(column) + 1
  const own = byNode(bindings)
  const rows: Cell[][] = []
  for (const [i] of nodes.entries()) {
    const mine = own.get(i) ?? []
    for (const { column, value } of mine) rows.push(row(i, column, value, rank(column), false))
    const last =
      i === unassigned ? driverColumns.length + 1 : Math.max(0, ...mine.map(({ column }) => rank(column)))
    if (i === unassigned) rows.push(row(i, all, name, last, false))
    for (const { column, value, node } of bindings)
      if (node !== i && rank(column) < last) rows.push(row(i, column, value, rank(column), true))
  }
  return {
    columns: ['FK_REPORT_KEY', 'ID', 'ID_SOURCE', 'GROUP_FILTER_PRECEDENCE', 'EXCLUSION_FLAG'],
    rows,
  }
}

/**
 * An exclusion is of the whole node. Where a node claims facts by two columns and another node claims some by a column
 * between them, that exclusion would take away what the first column gives.
 */
function refuseTangled({ name, nodes, bindings, driverColumns }: UseCaseReport): void {
  const rank = ({ column }: ReportBinding): number => driverColumns.indexOf(column)
  for (const [node, own] of byNode(bindings)) {
    const [first, last] = [Math.min(...own.map(rank)), Math.max(...own.map(rank))]
    const between = bindings.find((other) => other.node !== node && rank(other) > first && rank(other) < last)
    if (between !== undefined)
      refuse('TIE-5033', {
        use_case: name,
        detail: `${nodes[node]!.id} claims facts by ${driverColumns[first]} and ${driverColumns[last]}, and ${nodes[between.node]!.id} by ${between.column} between them`,
      })
  }
  const blank = bindings.find(({ value }) => value === '')
  if (blank !== undefined)
    refuse('TIE-5033', {
      use_case: name,
      detail: `${nodes[blank.node]!.id} claims facts whose ${blank.column} is an empty text, which no mapping row can name`,
    })
}
