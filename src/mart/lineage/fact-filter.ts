/**
 * The facts of a node as one predicate over the fact table, in the predicate language: what a person would type to see
 * them. Raises nothing; a node with more keys than a predicate may have gives undefined.
 */

import { MAX_LIST, MAX_TEXT } from '../../language/language.js'
import type { MartConfig } from '../config.js'
import { keysOf } from '../evaluate/claims.js'
import type { MartNode } from '../hierarchy.js'
import type { MappingRow } from '../mapping.js'
import type { MartTables } from '../table.js'

const column = (name: string): string =>
  /^[A-Za-z_]\w*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`
const list = (keys: readonly string[]): string =>
  keys.map((key) => `'${key.replaceAll("'", "''")}'`).join(', ')

class TooLong extends Error {}

export function factFilterOf(
  node: MartNode,
  config: MartConfig,
  tables: MartTables,
  mapping: readonly MappingRow[],
): string | undefined {
  try {
    const rows = mapping.filter((row) => row.node === node.key)
    const included = groupTexts(rows, false, config, tables)
    if (included.length === 0) return undefined
    const excluded = groupTexts(rows, true, config, tables)
    const text = [
      included.length === 1 ? included[0]! : `(${included.join('\n  or ')})`,
      ...excluded.map((group) => `not (${group})`),
      ...otherSegments(rows, config, tables),
    ].join('\nand ')
    return text.length > MAX_TEXT ? undefined : text
  } catch (error) {
    if (error instanceof TooLong) return undefined
    throw error
  }
}

function groupsOf(
  rows: readonly MappingRow[],
  isExcluded: boolean,
  config: MartConfig,
): readonly (readonly MappingRow[])[] {
  const groups = new Map<string, MappingRow[]>()
  for (const row of rows.filter((each) => each.isExcluded === isExcluded)) {
    const name = config.has_group_filter_precedence ? JSON.stringify(row.group) : ''
    groups.set(name, [...(groups.get(name) ?? []), row])
  }
  return [...groups.values()]
}

/** One text for each group that finds anything. */
function groupTexts(
  rows: readonly MappingRow[],
  isExcluded: boolean,
  config: MartConfig,
  tables: MartTables,
): readonly string[] {
  return groupsOf(rows, isExcluded, config).flatMap((group) => {
    const keys = new Map<string, Set<string>>()
    for (const row of group) {
      const { filter_column } = row.place.dimension
      const known = keys.get(filter_column) ?? new Set()
      keys.set(filter_column, known)
      for (const key of keysOf(row, config, tables)) known.add(key)
    }
    // An id that finds nothing empties its group.
    if ([...keys.values()].some((found) => found.size === 0)) return []
    const tests = [...keys].map(([filter, found]) => inList(factKeyOf(filter, config), [...found]))
    const filters = isExcluded ? [] : patternFilters([...keys.keys()], config)
    return [[...tests, ...filters].join(' and ')]
  })
}

function inList(name: string, keys: readonly string[]): string {
  if (keys.length > MAX_LIST) throw new TooLong()
  return keys.length === 1
    ? `${column(name)} = ${list(keys)}`
    : `${column(name)} in (${list([...keys].sort())})`
}

function factKeyOf(filterColumn: string, { join_patterns }: MartConfig): string {
  const pattern = join_patterns.find(({ join_keys }) => join_keys.includes(filterColumn))!
  return pattern.fact_keys[pattern.join_keys.indexOf(filterColumn)]!
}

/** Of the patterns that join just these dimensions; none when one of them takes every fact. */
function patternFilters(filterColumns: readonly string[], { join_patterns }: MartConfig): readonly string[] {
  const own = join_patterns.filter(
    ({ join_keys }) =>
      join_keys.length === filterColumns.length && filterColumns.every((name) => join_keys.includes(name)),
  )
  if (own.length === 0 || own.some(({ filter }) => filter === null)) return []
  return [
    own.length === 1 ? `(${own[0]!.filter})` : `(${own.map(({ filter }) => `(${filter})`).join(' or ')})`,
  ]
}

/** Facts of another segment are in no report of this one, whatever they are joined by. */
function otherSegments(
  rows: readonly MappingRow[],
  config: MartConfig,
  tables: MartTables,
): readonly string[] {
  const { account_segment: segment, dimensions, join_patterns } = config
  if (segment === null) return []
  return dimensions.flatMap((dimension) => {
    const { alias, key, segment_column, filter_column } = dimension
    const isJoined = join_patterns.some(({ join_keys }) => join_keys.includes(filter_column))
    // Ids of the dimension are of the segment already, where every group has some.
    const always = groupsOf(rows, false, config).every((group) =>
      group.some(({ place }) => place.dimension === dimension),
    )
    if (segment_column === null || !isJoined || always) return []
    const table = tables.dimensions.get(alias)!
    const [read, own] = [table.reader(key), table.reader(segment_column)]
    const others = table.rows
      .filter((cells) => ![null, segment].includes(own(cells)))
      .flatMap((cells) => read(cells) ?? [])
    return others.length === 0 ? [] : [`not (${inList(factKeyOf(filter_column, config), others)})`]
  })
}
