/**
 * Which facts belong to which node, fact by fact, as the words say it: within a group the dimensions are AND-ed and
 * the ids of one OR-ed, groups are OR-ed, exclusions are taken away. Shares nothing with the plan. Raises nothing.
 */

import { atomicTests, compilePredicate } from '../../language/evaluate.js'
import type { ColumnType, Literal, Predicate } from '../../language/predicate.js'
import { parsePredicate } from '../../language/predicate.js'
import type { MartConfig } from '../config.js'
import type { MartNode } from '../hierarchy.js'
import type { MappingRow } from '../mapping.js'
import type { Cell, MartTables, Table } from '../table.js'

/** Keys of each dimension, by its alias, that the group's ids stand for. */
type Group = ReadonlyMap<string, ReadonlySet<string>>

interface NodeGroups {
  readonly node: MartNode
  readonly cells: readonly Cell[]
  readonly included: readonly Group[]
  readonly excluded: readonly Group[]
}

export interface ClaimedFact {
  readonly cells: readonly Cell[]
  readonly nodes: readonly MartNode[]
}

/** Facts of the segment, in their order, with the nodes they belong to. */
export function claimedFacts(
  config: MartConfig,
  tables: MartTables,
  facts: Table,
  nodes: readonly MartNode[],
  mapping: readonly MappingRow[],
): readonly ClaimedFact[] {
  const groups = nodes
    .filter(({ isActive, isCalculated }) => isActive && !isCalculated)
    .map((node) => groupsOf(node, config, tables, mapping))
  const factKey = new Map<string, (cells: readonly Cell[]) => Cell>()
  for (const { join_keys, fact_keys } of config.join_patterns)
    join_keys.forEach((key, i) => {
      const { alias } = config.dimensions.find(({ filter_column }) => filter_column === key)!
      factKey.set(alias, facts.reader(fact_keys[i]!))
    })
  const holds = (cells: readonly Cell[], group: Group): boolean =>
    [...group].every(([alias, keys]) => {
      const key = factKey.get(alias)?.(cells)
      return key !== null && key !== undefined && keys.has(key)
    })
  const patterns = config.join_patterns.map(({ join_keys, filter }) => ({
    aliases: new Set(
      join_keys.map((key) => config.dimensions.find((one) => one.filter_column === key)!.alias),
    ),
    passes: filter === null ? () => true : filterOf(filter, facts, tables.hierarchy),
  }))
  const joined = (group: Group, cells: readonly Cell[], node: readonly Cell[]): boolean =>
    patterns.some(
      ({ aliases, passes }) =>
        aliases.size === group.size &&
        [...group.keys()].every((alias) => aliases.has(alias)) &&
        passes(cells, node),
    )
  const elsewhere = otherSegments(config, tables)
  return facts.rows
    .filter((cells) => !elsewhere.some(({ alias, keys }) => keys.has(factKey.get(alias)?.(cells) ?? '')))
    .map((cells) => ({
      cells,
      nodes: groups
        .filter(
          ({ included, excluded, cells: own }) =>
            included.some((group) => holds(cells, group) && joined(group, cells, own)) &&
            !excluded.some((group) => holds(cells, group)),
        )
        .map(({ node }) => node),
    }))
}

function groupsOf(
  node: MartNode,
  config: MartConfig,
  tables: MartTables,
  mapping: readonly MappingRow[],
): NodeGroups {
  const rows = mapping.filter((row) => row.node === node.key)
  const groups = (isExcluded: boolean): Group[] => {
    const found = new Map<string, Map<string, Set<string>>>()
    for (const row of rows.filter((each) => each.isExcluded === isExcluded)) {
      const name = config.has_group_filter_precedence
        ? row.group.map((part) => part ?? '\0').join('\u0001')
        : ''
      const group = found.get(name) ?? new Map<string, Set<string>>()
      found.set(name, group)
      const { alias } = row.place.dimension
      const keys = group.get(alias) ?? new Set<string>()
      group.set(alias, keys)
      for (const key of keysOf(row, config, tables)) keys.add(key)
    }
    return [...found.values()]
  }
  return {
    node,
    cells: tables.hierarchy.rows[node.row - 1]!,
    included: groups(false),
    excluded: groups(true),
  }
}

export function keysOf({ id, place }: MappingRow, config: MartConfig, tables: MartTables): readonly string[] {
  const { dimension, column } = place
  const table = tables.dimensions.get(dimension.alias)!
  const [code, key] = [table.reader(column), table.reader(dimension.key)]
  const segment = config.account_segment === null ? () => null : table.reader(dimension.segment_column)
  return table.rows
    .filter((cells) => code(cells) === id && [null, config.account_segment].includes(segment(cells)))
    .flatMap((cells) => key(cells) ?? [])
}

function otherSegments(config: MartConfig, tables: MartTables) {
  if (config.account_segment === null) return []
  return config.dimensions.flatMap(({ alias, key, segment_column }) => {
    if (segment_column === null) return []
    const table = tables.dimensions.get(alias)!
    const [read, segment] = [table.reader(key), table.reader(segment_column)]
    const others = table.rows.filter((cells) => ![null, config.account_segment].includes(segment(cells)))
    return [{ alias, keys: new Set(others.flatMap((cells) => read(cells) ?? [])) }]
  })
}

/** A column is the fact's where the fact has it; its type is what it is compared with. */
export function filterOf(text: string, facts: Table, hierarchy: Table) {
  const parsed = parsePredicate(text)
  if (!parsed.ok) throw new Error('the filter was not checked')
  const types = new Map<string, ColumnType>()
  for (const test of atomicTests(parsed.predicate)) types.set(test.column, typeOf(test))
  const passes = compilePredicate(parsed.predicate, types)
  return (fact: readonly Cell[], node: readonly Cell[]): boolean =>
    passes((name) => (facts.has(name) ? facts.reader(name)(fact) : hierarchy.reader(name)(node)))
}

function typeOf(test: Exclude<Predicate, { op: 'and' | 'or' | 'not' }>): ColumnType {
  if (test.op === 'is_null' || test.op === 'like') return 'text'
  const literal: Literal = 'value' in test ? test.value : 'values' in test ? test.values[0]! : test.low
  if ('number' in literal) return 'numeric'
  return 'date' in literal ? 'date' : 'boolean' in literal ? 'boolean' : 'text'
}
