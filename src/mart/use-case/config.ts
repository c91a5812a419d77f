/**
 * The configuration of a mart over the tables of a use case: one dimension for each driver column, and one column that
 * every fact has, by which UNASSIGNED takes them. Raises TIE-5033 (a name that no configuration can have).
 */

import { stringify } from 'yaml'
import { refuse } from '../../base/errors.js'
import type { SaidTerm } from './formulas.js'
import type { UseCaseReport } from './report.js'

export interface MartNames {
  readonly project: string
  /** Tables by the names of their files. */
  readonly hierarchy: string
  readonly mapping: string
  readonly fact: string
  /** By driver column, and of the column that every fact has. */
  readonly dimensions: ReadonlyMap<string, string>
  /** The column that every fact has. */
  readonly all: string
}

/** Names of 30 bytes at most, for PostgreSQL cuts those of objects. */
const LONGEST_PROJECT = 30

export function martNames(report: UseCaseReport, project: string | undefined): MartNames {
  const own = project ?? plainName(report.name).slice(0, LONGEST_PROJECT).replace(/_+$/, '')
  const title = plainName(own).toUpperCase()
  if (title === '')
    refuse('TIE-5033', { use_case: report.name, detail: 'no letter of its name can begin a project name' })
  const taken = factColumns(report).map((name) => name.toLowerCase())
  let all = 'use_case'
  while (taken.includes(all)) all += '_'
  const columns = [...report.driverColumns, all]
  return {
    project: own,
    hierarchy: `${title}_HIERARCHY`,
    mapping: `${title}_HIERARCHY_MAPPING`,
    fact: `FACT_${title}`,
    dimensions: new Map(columns.map((name, i) => [name, `DIM_${i + 1}_${plainName(name).toUpperCase()}`])),
    all,
  }
}

const plainName = (text: string): string =>
  text
    .normalize('NFKD')
    .replaceAll(/[^A-Za-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '')
    .toLowerCase()

/** Columns of the facts that the mart needs, each once. */
export const factColumns = ({
  date,
  scenario,
  driverColumns,
  measures,
}: UseCaseReport): readonly string[] => [
  ...new Set([...grainOf({ date, scenario }), ...driverColumns, ...measures.map(({ column }) => column)]),
]

const grainOf = ({ date, scenario }: Pick<UseCaseReport, 'date' | 'scenario'>): string[] =>
  [date, scenario].filter((name): name is string => name !== null)

export function useCaseConfigText(
  report: UseCaseReport,
  names: MartNames,
  levels: number,
  scales: ReadonlyMap<string, number>,
  terms: readonly SaidTerm[],
): string {
  const dimensions = [...names.dimensions].map(([column, table]) => ({ column, table, alias: table }))
  const isManyColumned = report.driverColumns.length > 1
  const content = {
    project_name: names.project,
    report_type: 'NATURAL',
    hierarchy_table: names.hierarchy,
    mapping_table: names.mapping,
    has_exclusions: report.bindings.length > 0,
    has_group_filter_precedence: isManyColumned,
    dynamic_column_map: dimensions.map(({ column, alias }) => ({
      id_source: column,
      physical_column: `${alias}.${quotedPart(column)}`,
    })),
    join_patterns: dimensions.map(({ column, alias }) => ({
      name: column,
      join_keys: [`${alias}_FILTER`],
      fact_keys: [column],
    })),
    hierarchy: {
      levels: Array.from({ length: levels }, (_, i) => `LEVEL_${i + 1}`),
      level_sorts: Array.from({ length: levels }, (_, i) => `LEVEL_${i + 1}_SORT`),
      ...Object.fromEntries(ABSENT.map((key) => [key, null])),
    },
    mapping: { id_table: null, filter_groups: [] },
    dimensions: dimensions.map(({ column, table, alias }) => ({
      alias,
      table,
      key: column,
      filter_column: `${alias}_FILTER`,
    })),
    fact: {
      table: names.fact,
      grain: grainOf(report),
      measures: report.measures.map(({ name, column }) => ({ name, column, scale: scales.get(column) ?? 0 })),
    },
    ...(terms.length === 0
      ? {}
      : {
          formulas: terms.map((term) =>
            Object.fromEntries(Object.entries(term).filter(([, value]) => value !== null)),
          ),
        }),
    source: '.',
  }
  const head = [
    `# Use case ${oneLine(report.name)} version ${report.version}, structure ${oneLine(report.structure)} version ${report.structureVersion}.`,
    '# Natural figures; the tables beside this file are those of that version, the facts those of the day it was made.',
  ]
  return `${head.join('\n')}\n${stringify(content, { lineWidth: 0 })}`
}

const ABSENT = [
  'volume',
  'sign_change',
  'remove_from_totals',
  'do_not_expand',
  'formula_group',
  'formula_precedence',
  'formula_logic',
  'formula_param_ref',
  'formula_constant',
] as const

const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ')

/** A column that has a point or a quote in it stands in double quotes. */
const quotedPart = (name: string): string => (/[."]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name)
