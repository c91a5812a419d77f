/**
 * The mapping as rows that say which ids of which dimension a node has, in which group. A group is a node, its
 * precedence and its filter groups; null is a value of its own. Raises (as problems, all at once): TIE-5005,
 * TIE-5006, TIE-5007, TIE-5024.
 */

import { type Problem, problem } from '../base/errors.js'
import { didYouMean, plural } from '../base/text.js'
import { type MartConfig, type PhysicalColumn, physicalColumn } from './config.js'
import { flagOf } from './hierarchy.js'
import type { Cell, Table } from './table.js'

export interface MappingRow {
  /** 1-based, without the header. */
  readonly row: number
  readonly node: string
  readonly id: string
  readonly idSource: string
  readonly place: PhysicalColumn
  readonly isExcluded: boolean
  /** Precedence and filter groups: what tells groups of one node apart. */
  readonly group: readonly Cell[]
}

export interface Mapping {
  readonly rows: readonly MappingRow[]
  readonly problems: readonly Problem[]
}

/** The columns that tell groups apart, as the mapping has them. */
export const groupColumns = ({ mapping }: MartConfig): readonly string[] => [
  ...(mapping.group_filter_precedence === null ? [] : [mapping.group_filter_precedence]),
  ...mapping.filter_groups,
]

export function readMapping(table: Table, config: MartConfig, nodes: ReadonlySet<string>): Mapping {
  const { mapping } = config
  const problems: Problem[] = []
  const [node, id, source, exclusion] = [
    table.reader(mapping.node),
    table.reader(mapping.id),
    table.reader(mapping.id_source),
    table.reader(mapping.exclusion),
  ]
  const groups = groupColumns(config).map((name) => table.reader(name))
  const places = new Map(
    config.dynamic_column_map.map(({ id_source, physical_column }) => [
      id_source,
      physicalColumn(config, physical_column),
    ]),
  )
  const unknown = new Map<string, number>()
  const rows: MappingRow[] = []
  table.rows.forEach((cells, i) => {
    const row = i + 1
    const values = [node(cells), id(cells), source(cells)] as const
    const names = [mapping.node, mapping.id, mapping.id_source]
    const empty = values.flatMap((value, at) => (value === null || value === '' ? [names[at]!] : []))
    for (const column of empty) problems.push(problem('TIE-5007', { row, table: table.name, column }))
    if (empty.length > 0) return
    const [key, code, idSource] = values as readonly [string, string, string]
    if (!nodes.has(key))
      problems.push(problem('TIE-5006', { row, node: key, suggestion: didYouMean(key, nodes) }))
    const place = places.get(idSource)
    if (place === undefined) {
      unknown.set(idSource, (unknown.get(idSource) ?? 0) + 1)
      return
    }
    const flagPlace = { column: mapping.exclusion ?? '', row, table: table.name }
    const isExcluded = flagOf(exclusion(cells), flagPlace, false, problems)
    if (!nodes.has(key)) return
    const group = groups.map((read) => read(cells))
    rows.push({ row, node: key, id: code, idSource, place, isExcluded, group })
  })
  for (const [idSource, count] of unknown) {
    const suggestion = didYouMean(idSource, places.keys())
    problems.push(problem('TIE-5005', { id_source: idSource, rows: plural(count, 'row'), suggestion }))
  }
  return { rows, problems }
}
