/**
 * Which column of the hierarchy and of the mapping is what: by the usual names first, and where a name says nothing by
 * the values. Raises TIE-5060 (no column can be what the report cannot do without).
 */

import { type Problem, problem, refuseAll } from '../../base/errors.js'
import { compareText } from '../../base/text.js'
import { listOf } from '../../language/language.js'
import { FALSE_FLAGS, TRUE_FLAGS } from '../config.js'
import { type ColumnProfile, isUnique, likeness, overlap, type TableProfile } from './profile.js'

export interface HierarchyRoles {
  readonly key: string
  readonly levels: readonly string[]
  readonly level_sorts: readonly string[]
  readonly filler: string
  /** The other columns by their key in the configuration; null where the table has none. */
  readonly others: Readonly<Record<string, string | null>>
}

export interface MappingRoles {
  readonly node: string
  readonly id: string
  readonly id_source: string
  readonly filter_groups: readonly string[]
  readonly others: Readonly<
    Record<'key' | 'id_table' | 'exclusion' | 'group_filter_precedence', string | null>
  >
}

const HIERARCHY_NAMES: Readonly<Record<string, RegExp>> = {
  group_name: /^(?:HIERARCHY_)?GROUP_NAME$|^REPORT_NAME$/i,
  active: /^(?:IS_)?ACTIVE(?:_FLAG|_IND)?$/i,
  calculation: /^(?:IS_)?CALC(?:ULATION|ULATED)?(?:_FLAG|_IND)?$/i,
  volume: /^(?:IS_)?VOL(?:UME)?(?:_FLAG|_IND)$/i,
  sign_change: /^SIGN_?(?:CHANGE|FLIP)(?:_FLAG|_IND)?$/i,
  remove_from_totals: /^REMOVE_FROM_TOTALS?(?:_FLAG)?$/i,
  do_not_expand: /^DO_NOT_EXPAND(?:_FLAG)?$/i,
  formula_group: /^FORMULA_GROUP$/i,
  formula_precedence: /^(?:FORMULA_)?PRECEDENCE$/i,
  formula_logic: /^(?:ARITHMETIC|FORMULA)_LOGIC$|^LOGIC$|^OPERATOR$/i,
  formula_param_ref: /^FORMULA_PARAM_?1?_REF$/i,
  formula_param2_ref: /^FORMULA_PARAM_?2_REF$/i,
  formula_constant: /^FORMULA_PARAM_?2_CONST(?:ANT)?(?:_NUMBER)?$|^CONSTANT$/i,
}
const MAPPING_NAMES = {
  id_table: /^ID_TABLE$|^(?:SOURCE|DIM)_TABLE$/i,
  exclusion: /^(?:IS_)?EXCLU(?:SION|DED|DE)(?:_FLAG|_IND)?$/i,
  group_filter_precedence: /^(?:GROUP_)?FILTER_PRECEDENCE$/i,
} as const
const FILLERS: readonly string[] = ['N/A', 'NA', 'NONE', '-', '.', 'NULL', 'UNUSED']

const namesOf = ({ columns }: TableProfile): readonly string[] => columns.map(({ name }) => name)
const found = (table: TableProfile, pattern: RegExp): string | null =>
  namesOf(table).find((name) => pattern.test(name)) ?? null

/** `others` are all the other tables: values that name their columns, and ids that they have. */
export function rolesOf(
  hierarchy: TableProfile,
  mapping: TableProfile,
  others: readonly TableProfile[],
): { readonly hierarchy: HierarchyRoles; readonly mapping: MappingRoles } {
  const problems: Problem[] = []
  const need = <T>(value: T | undefined | null, table: TableProfile, what: string, expected: string): T => {
    if (value === undefined || value === null)
      problems.push(problem('TIE-5060', { table: table.name, what, expected, known: listOf(namesOf(table)) }))
    return value as T
  }
  const link = linkOf(hierarchy, mapping)
  need(link, mapping, 'node', `a column whose values are keys of ${hierarchy.name}`)
  const levels = levelsOf(hierarchy)
  need(levels[0], hierarchy, 'level', 'columns such as LEVEL_1, LEVEL_2')
  const source = need(
    found(mapping, /^ID_SOURCE$|^SOURCE_COLUMN$/i) ?? sourceByValues(mapping, others, link?.node),
    mapping,
    'ID_SOURCE',
    'a column that says which code system an id is of',
  )
  const id = need(
    found(mapping, /^ID$|^(?:MAPPED_|SOURCE_)(?:ID|CODE|VALUE)$/i) ??
      idByValues(mapping, others, [link?.node, source]),
    mapping,
    'ID',
    'a column of codes that another table has',
  )
  refuseAll(problems)
  return {
    hierarchy: {
      key: link!.key,
      levels,
      level_sorts: sortsOf(hierarchy, levels),
      filler: fillerOf(hierarchy, levels),
      others: Object.fromEntries(
        Object.entries(HIERARCHY_NAMES).map(([role, pattern]) => [role, found(hierarchy, pattern)]),
      ),
    },
    mapping: {
      node: link!.node,
      id,
      id_source: source,
      filter_groups: namesOf(mapping)
        .filter((name) => /^FILTER_GROUP_?\d+$/i.test(name))
        .slice(0, 4),
      others: {
        key:
          mapping.columns.find((column) => isUnique(mapping, column) && ![id, source].includes(column.name))
            ?.name ?? null,
        id_table: found(mapping, MAPPING_NAMES.id_table),
        exclusion: found(mapping, MAPPING_NAMES.exclusion),
        group_filter_precedence: found(mapping, MAPPING_NAMES.group_filter_precedence),
      },
    },
  }
}

/**
 * The column of the mapping with the most keys of the hierarchy; at least half of its values are. A key may stand
 * twice by mistake, and columns of flags are keys by accident in a small table.
 */
function linkOf(hierarchy: TableProfile, mapping: TableProfile) {
  const candidates = hierarchy.columns
    .filter((key) => key.values !== null && key.distinct > key.filled / 2 && !isFlagColumn(key))
    .flatMap((key) =>
      mapping.columns.map((node) => ({
        key: key.name,
        node: node.name,
        share: node.values === null ? 0 : overlap(node.values, key),
        named: [key.name, node.name].filter((name) => KEY_NAME.test(name)).length,
      })),
    )
    .filter(({ share }) => share >= 0.5)
  return best(
    candidates,
    ({ share, named }) => share + named / 2,
    ({ key, node }) => `${key} ${node}`,
  )
}

const KEY_NAME = /KEY|NODE|(?:^|_)ID$/i
const isFlagColumn = ({ values }: ColumnProfile): boolean =>
  [...(values ?? [])].every((value) => [...TRUE_FLAGS, ...FALSE_FLAGS].includes(value.toUpperCase()))

/** The most, and among equals the first by name. */
export function best<T>(
  candidates: readonly T[],
  score: (candidate: T) => number,
  name: (candidate: T) => string,
): T | undefined {
  return [...candidates].sort((a, b) => score(b) - score(a) || compareText(name(a), name(b)))[0]
}

/** Columns with one word and numbers counted up, such as LEVEL_1: the longest such row. */
function levelsOf(hierarchy: TableProfile): readonly string[] {
  const rows = new Map<string, { name: string; place: number }[]>()
  for (const { name } of hierarchy.columns) {
    const match = /^(.*?(?:LEVEL|LVL|TIER)_?)(\d{1,2})(_NAME)?$/i.exec(name)
    if (match === null) continue
    const stem = `${match[1]}#${match[3] ?? ''}`.toUpperCase()
    rows.set(stem, [...(rows.get(stem) ?? []), { name, place: Number(match[2]) }])
  }
  const longest = best(
    [...rows],
    ([, row]) => row.length,
    ([stem]) => stem,
  )
  return (longest?.[1] ?? []).sort((a, b) => a.place - b.place).map(({ name }) => name)
}

/** All of them or none: the configuration pairs them by place. */
function sortsOf(hierarchy: TableProfile, levels: readonly string[]): readonly string[] {
  const sorts = levels.map((level) => {
    const place = /(\d{1,2})\D*$/.exec(level)![1]!
    return namesOf(hierarchy).find(
      (name) => /SORT|ORDER|SEQ/i.test(name) && new RegExp(`(?:^|\\D)${place}(?:\\D|$)`).test(name),
    )
  })
  return sorts.every((name) => name !== undefined) ? (sorts as string[]) : []
}

/** A usual word for it that stands in the deepest level. */
function fillerOf(hierarchy: TableProfile, levels: readonly string[]): string {
  const deepest = hierarchy.columns.find(({ name }) => name === levels.at(-1))
  return [...(deepest?.values ?? [])].find((value) => FILLERS.includes(value.toUpperCase())) ?? 'N/A'
}

function sourceByValues(
  mapping: TableProfile,
  others: readonly TableProfile[],
  node: string | undefined,
): string | undefined {
  const columns = others.flatMap((table) => namesOf(table))
  const named = (value: string): boolean => columns.some((column) => likeness(value, column) >= 0.85)
  return best(
    mapping.columns.filter(
      ({ name, values, distinct }) => name !== node && values !== null && distinct > 0 && distinct <= 100,
    ),
    ({ values }) => [...values!].filter(named).length / values!.size,
    ({ name }) => name,
  )?.name
}

function idByValues(
  mapping: TableProfile,
  others: readonly TableProfile[],
  taken: readonly (string | undefined)[],
): string | undefined {
  const share = ({ values }: ColumnProfile): number => {
    const found = new Set<string>()
    for (const { columns } of others)
      for (const column of columns)
        for (const value of values ?? []) if (column.values?.has(value)) found.add(value)
    return values === null || values.size === 0 ? 0 : found.size / values.size
  }
  const candidates = mapping.columns.filter(({ name }) => !taken.includes(name))
  const winner = best(candidates, share, ({ name }) => name)
  return winner !== undefined && share(winner) > 0 ? winner.name : undefined
}
