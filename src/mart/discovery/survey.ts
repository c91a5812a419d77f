/**
 * Everything that discovery reads off the tables before facts are looked at: roles of columns, nodes, code systems,
 * dimensions, the fact. Raises TIE-5060 (a role without a column), TIE-5061 (no table is the fact).
 */

import { type Problem, refuse } from '../../base/errors.js'
import { compareText } from '../../base/text.js'
import { listOf } from '../../language/language.js'
import { type MartConfig, martConfigSchema, TRUE_FLAGS } from '../config.js'
import { type MartNode, readHierarchy } from '../hierarchy.js'
import type { Cell, Table } from '../table.js'
import { type ColumnMap, columnMapOf, type IdSource, lastPart } from './column-map.js'
import { type FactShape, factShapeOf } from './fact-shape.js'
import { type HierarchyType, hierarchyTypeOf } from './hierarchy-type.js'
import type { MappedGroup } from './patterns.js'
import type { TableProfile } from './profile.js'
import { type HierarchyRoles, type MappingRoles, rolesOf } from './roles.js'

export interface Tables {
  readonly hierarchy: Table
  readonly mapping: Table
  readonly hierarchyProfile: TableProfile
  readonly mappingProfile: TableProfile
  readonly others: readonly TableProfile[]
}

/** A row of the mapping as it stands; nothing of it is believed yet. */
export interface SurveyedRow {
  readonly row: number
  readonly node: Cell
  readonly id: Cell
  readonly idSource: Cell
  readonly idTable: Cell
  readonly isExcluded: boolean
  readonly group: readonly Cell[]
}

export interface Survey {
  readonly tables: Tables
  readonly hierarchy: HierarchyRoles
  readonly mapping: MappingRoles
  readonly type: HierarchyType
  readonly nodes: readonly MartNode[]
  /** What is wrong with the hierarchy itself. */
  readonly problems: readonly Problem[]
  readonly rows: readonly SurveyedRow[]
  readonly map: ColumnMap
  readonly fact: FactShape
  readonly hasGroups: boolean
  readonly groups: readonly MappedGroup[]
}

export function surveyOf(tables: Tables): Survey {
  const { hierarchyProfile, mappingProfile, others } = tables
  const { hierarchy, mapping } = rolesOf(hierarchyProfile, mappingProfile, others)
  const { nodes, problems } = readHierarchy(tables.hierarchy, {
    hierarchy: martConfigSchema.shape.hierarchy.parse(hierarchySection(hierarchy)),
  } as MartConfig)
  const rows = rowsOf(tables.mapping, mapping)
  const map = columnMapOf(sourcesOf(rows), others)
  const groupNames = nodes.flatMap(({ groupName }) => groupName ?? [])
  const type = hierarchyTypeOf(
    [hierarchyProfile.parts.at(-1)!, ...new Set(groupNames)],
    new Set(nodes.flatMap(({ levels }) => levels.filter((level): level is string => level !== null))),
  )
  const fact = factShapeOf(
    map.placed,
    others,
    type.short,
    nodes.some(({ isVolume }) => isVolume),
  )
  if (fact === undefined)
    refuse('TIE-5061', {
      tables: listOf(others.map(({ name }) => name)),
      dimensions: listOf([...new Set(map.placed.map(({ table }) => table.name))]),
    })
  const hasGroups = hasSeveralGroups(rows)
  const groups = groupsOf(rows, nodes, map, fact, hasGroups)
  return { tables, hierarchy, mapping, type, nodes, problems, rows, map, fact, hasGroups, groups }
}

export const hierarchySection = ({ others, ...roles }: HierarchyRoles) => ({ ...roles, ...others })

function rowsOf(table: Table, { node, id, id_source, filter_groups, others }: MappingRoles): SurveyedRow[] {
  const [nodeOf, idOf, sourceOf] = [table.reader(node), table.reader(id), table.reader(id_source)]
  const [tableOf, excludedOf] = [table.reader(others.id_table), table.reader(others.exclusion)]
  const names = [
    ...(others.group_filter_precedence === null ? [] : [others.group_filter_precedence]),
    ...filter_groups,
  ]
  const groups = names.map((name) => table.reader(name))
  return table.rows.map((cells, i) => ({
    row: i + 1,
    node: nodeOf(cells),
    id: idOf(cells),
    idSource: sourceOf(cells),
    idTable: tableOf(cells),
    isExcluded: TRUE_FLAGS.includes((excludedOf(cells) ?? '').toUpperCase()),
    group: groups.map((read) => read(cells)),
  }))
}

function sourcesOf(rows: readonly SurveyedRow[]): readonly IdSource[] {
  const found = new Map<string, { rows: number; ids: Set<string>; tables: Set<string> }>()
  for (const { idSource, id, idTable } of rows) {
    if (idSource === null || id === null) continue
    const source = found.get(idSource) ?? { rows: 0, ids: new Set(), tables: new Set() }
    found.set(idSource, source)
    source.rows += 1
    source.ids.add(id)
    if (idTable !== null) source.tables.add(lastPart(idTable))
  }
  return [...found].map(([name, source]) => ({ name, ...source })).sort((a, b) => compareText(a.name, b.name))
}

/** Of one node, and of what it has or of what it excludes. */
function hasSeveralGroups(rows: readonly SurveyedRow[]): boolean {
  const first = new Map<string, string>()
  return rows.some(({ node, isExcluded, group }) => {
    const key = JSON.stringify([node, isExcluded])
    const own = JSON.stringify(group)
    const known = first.get(key)
    if (known === undefined) first.set(key, own)
    return known !== undefined && known !== own
  })
}

function groupsOf(
  rows: readonly SurveyedRow[],
  nodes: readonly MartNode[],
  { placed }: ColumnMap,
  { dimensions }: FactShape,
  hasGroups: boolean,
): readonly MappedGroup[] {
  const byKey = new Map(
    nodes.filter((node) => node.isActive && !node.isCalculated).map((node) => [node.key, node]),
  )
  const aliasOf = new Map(
    placed.flatMap(({ source, table }) => {
      const dimension = dimensions.find((one) => one.table === table)
      return dimension === undefined ? [] : [[source.name, dimension.alias] as const]
    }),
  )
  const groups = new Map<string, { node: string; dimensions: Set<string> }>()
  for (const { node, idSource, isExcluded, group } of rows) {
    const known = byKey.get(node ?? '')
    const alias = aliasOf.get(idSource ?? '')
    if (known === undefined || alias === undefined || isExcluded) continue
    const key = JSON.stringify([node, hasGroups ? group : []])
    const path = known.levels.filter((level) => level !== null).join(' ')
    const found = groups.get(key) ?? { node: path, dimensions: new Set() }
    groups.set(key, found)
    found.dimensions.add(alias)
  }
  return [...groups.values()].map((one) => ({
    node: one.node,
    dimensions: [...one.dimensions].sort(compareText),
  }))
}
