/**
 * What the configuration says held against what the tables hold: columns, keys, flags, groups. Raises (as problems,
 * all at once): TIE-5004, TIE-5007, TIE-5008, TIE-5009, TIE-5010, and those of hierarchy, mapping and cascade.
 */

import { type Problem, problem } from '../base/errors.js'
import { didYouMean, plural } from '../base/text.js'
import { listOf } from '../language/language.js'
import { type MartConfig, physicalColumn } from './config.js'
import { type Formula, readCascade } from './formulas/cascade.js'
import { termRowsOf } from './formulas/formulas-table.js'
import { type MartNode, readHierarchy } from './hierarchy.js'
import { type Mapping, type MappingRow, readMapping } from './mapping.js'
import { dimensionSets } from './pipeline/dt2.js'
import type { MartShape } from './pipeline/shape.js'
import type { MartTables, Table } from './table.js'

export interface MartData {
  /** Active and inactive. */
  readonly nodes: readonly MartNode[]
  readonly mapping: readonly MappingRow[]
  readonly formulas: readonly Formula[]
}

/** Columns that the configuration names in a table, each with what it is named as. */
export type NamedColumns = readonly (readonly [column: string, what: string])[]

export function missingColumns(
  table: string,
  has: readonly string[],
  named: NamedColumns,
): readonly Problem[] {
  const known = new Set(has)
  return named
    .filter(([column]) => !known.has(column))
    .map(([column, what]) =>
      problem('TIE-5004', { table, column, what, known: listOf(has), suggestion: didYouMean(column, has) }),
    )
}

export function hierarchyColumns({ hierarchy }: MartConfig): NamedColumns {
  const { levels, level_sorts, filler: _, ...single } = hierarchy
  return [
    ...Object.entries(single).flatMap(([what, column]) =>
      column === null ? [] : [[column, `hierarchy.${what}`] as const],
    ),
    ...levels.map((column) => [column, 'hierarchy.levels'] as const),
    ...level_sorts.map((column) => [column, 'hierarchy.level_sorts'] as const),
  ]
}

export function mappingColumns({ mapping }: MartConfig): NamedColumns {
  const { filter_groups, ...single } = mapping
  return [
    ...Object.entries(single).flatMap(([what, column]) =>
      column === null ? [] : [[column, `mapping.${what}`] as const],
    ),
    ...filter_groups.map((column) => [column, 'mapping.filter_groups'] as const),
  ]
}

export function dimensionColumns(config: MartConfig, alias: string): NamedColumns {
  const dimension = config.dimensions.find((one) => one.alias === alias)!
  const physical = config.dynamic_column_map.flatMap(({ physical_column }) => {
    const place = physicalColumn(config, physical_column)
    return place?.dimension.alias === alias
      ? [[place.column, `physical_column ${physical_column}`] as const]
      : []
  })
  return [
    [dimension.key, `the key of ${alias}`],
    ...(dimension.segment_column === null ? [] : [[dimension.segment_column, 'segment_column'] as const]),
    ...physical,
  ]
}

export function formulaColumns({ formulas_table }: MartConfig): NamedColumns {
  if (formulas_table === null) return []
  const { table: _, ...columns } = formulas_table
  return Object.entries(columns).flatMap(([what, column]) =>
    column === null ? [] : [[column, `formulas_table.${what}`] as const],
  )
}

export function factColumns({ fact, join_patterns }: MartConfig): NamedColumns {
  return [
    ...fact.grain.map((column) => [column, 'fact.grain'] as const),
    ...fact.measures.flatMap(({ name, column, volume }) => [
      [column, `the measure ${name}`] as const,
      ...(volume === null ? [] : [[volume.column, `the volume of ${name}`] as const]),
      ...(volume === null || volume.unit_column === null
        ? []
        : [[volume.unit_column, `the unit of ${name}`] as const]),
    ]),
    ...join_patterns.flatMap(({ name, fact_keys }) =>
      fact_keys.map((column) => [column, `a fact key of ${name}`] as const),
    ),
  ]
}

export function checkData(
  shape: MartShape,
  tables: MartTables,
): { readonly data: MartData; readonly problems: readonly Problem[] } {
  const { config } = shape
  const { nodes, problems: nodeProblems } = readHierarchy(tables.hierarchy, config)
  const keys = new Set(nodes.map(({ key }) => key))
  const mapping = readMapping(tables.mapping, config, keys)
  const termProblems: Problem[] = []
  const terms =
    tables.formulas === null ? [] : termRowsOf(tables.formulas, config.formulas_table!, termProblems)
  const cascade = readCascade(nodes, [...config.formulas, ...terms])
  const problems = [
    ...nodeProblems,
    ...mapping.problems,
    ...termProblems,
    ...cascade.problems,
    ...config.dimensions.flatMap((dimension) =>
      // The fact's own columns are no keys of it.
      dimension.table === config.fact.table
        ? []
        : keyProblems(tables.dimensions.get(dimension.alias)!, dimension.key),
    ),
    ...flagProblems(config, tables, nodes, mapping),
    ...groupProblems(shape, nodes, mapping.rows),
  ]
  return { data: { nodes, mapping: mapping.rows, formulas: cascade.formulas }, problems }
}

function keyProblems(table: Table, column: string): readonly Problem[] {
  const read = table.reader(column)
  const rows = new Map<string, number>()
  return table.rows.flatMap((cells, i) => {
    const value = read(cells)
    const row = i + 1
    if (value === null || value === '') return [problem('TIE-5007', { row, table: table.name, column })]
    const first = rows.get(value)
    rows.set(value, first ?? row)
    return first === undefined
      ? []
      : [problem('TIE-5008', { first, second: row, table: table.name, column, value })]
  })
}

function flagProblems(
  config: MartConfig,
  { hierarchy, mapping }: MartTables,
  nodes: readonly MartNode[],
  { rows }: Mapping,
): readonly Problem[] {
  const problems: Problem[] = []
  const refuse = (flag: string, table: Table, found: number, example: string): void => {
    problems.push(problem('TIE-5009', { flag, rows: plural(found, 'row'), table: table.name, example }))
  }
  const flipped = nodes.filter(({ isActive, isSignChanged }) => isActive && isSignChanged)
  if (!config.has_sign_change && flipped.length > 0)
    refuse(
      'has_sign_change',
      hierarchy,
      flipped.length,
      `row ${flipped[0]!.row} changes the sign of "${flipped[0]!.key}"`,
    )
  const excluded = rows.filter(({ isExcluded }) => isExcluded)
  if (!config.has_exclusions && excluded.length > 0)
    refuse(
      'has_exclusions',
      mapping,
      excluded.length,
      `row ${excluded[0]!.row} excludes "${excluded[0]!.id}"`,
    )
  if (!config.has_group_filter_precedence) {
    const first = new Map<string, MappingRow>()
    const other = rows.filter((row) => {
      const key = JSON.stringify([row.node, row.isExcluded])
      const known = first.get(key)
      if (known === undefined) first.set(key, row)
      return known !== undefined && JSON.stringify(known.group) !== JSON.stringify(row.group)
    })
    if (other.length > 0)
      refuse(
        'has_group_filter_precedence',
        mapping,
        other.length,
        `row ${other[0]!.row} opens a second group of "${other[0]!.node}"`,
      )
  }
  return problems
}

/** Every group has a branch that joins just its dimensions. */
function groupProblems(
  shape: MartShape,
  nodes: readonly MartNode[],
  rows: readonly MappingRow[],
): readonly Problem[] {
  const { config } = shape
  const names = (set: readonly { readonly alias: string }[]): string =>
    set
      .map(({ alias }) => alias)
      .sort()
      .join(' and ')
  const included = new Set(shape.patterns.map(({ dimensions }) => names(dimensions)))
  const excluded = new Set(dimensionSets(shape).map(names))
  const idle = new Set(
    nodes.filter(({ isCalculated, isActive }) => isCalculated || !isActive).map(({ key }) => key),
  )
  const groups = new Map<
    string,
    { row: MappingRow; dimensions: Map<string, MappingRow['place']['dimension']> }
  >()
  for (const row of rows) {
    if (idle.has(row.node)) continue
    const group = config.has_group_filter_precedence ? row.group : []
    const key = JSON.stringify([row.node, row.isExcluded, group])
    const known = groups.get(key) ?? { row, dimensions: new Map() }
    groups.set(key, known)
    known.dimensions.set(row.place.dimension.alias, row.place.dimension)
  }
  return [...groups.values()].flatMap(({ row, dimensions }) => {
    const wanted = [...dimensions.values()]
    const covered = row.isExcluded ? excluded : included
    if (covered.has(names(wanted))) return []
    return [
      problem('TIE-5010', {
        dimensions: names(wanted),
        node: row.node,
        group: `mapping row ${row.row}`,
        columns: wanted.map(({ filter_column }) => filter_column).join(', '),
      }),
    ]
  })
}
