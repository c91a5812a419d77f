/**
 * The configuration that follows from a survey and its patterns, with what had to be assumed. Raises nothing: what is
 * wrong with a proposal is for its proof to say.
 */

import { compareText } from '../../base/text.js'
import { type MartConfig, martConfigSchema } from '../config.js'
import type { FoundPattern } from './patterns.js'
import { wordsOf } from './profile.js'
import { hierarchySection, type Survey } from './survey.js'

export interface Proposal {
  readonly config: MartConfig
  /** Sentences: what no table says. */
  readonly assumptions: readonly string[]
}

/** What the asker already knows. */
export interface Given {
  readonly project_name?: string | undefined
  readonly report_type?: string | undefined
  readonly account_segment?: string | undefined
}

/** Units as multiples of a barrel of oil equivalent, six thousand cubic feet of gas each, as the industry has it. */
const BARRELS: Readonly<Record<string, string>> = {
  BBL: '1',
  BOE: '1',
  MBBL: '1000',
  MCF: '0.166667',
  MMCF: '166.666667',
  GAL: '0.02381',
}

export function proposalOf(survey: Survey, patterns: readonly FoundPattern[], given: Given): Proposal {
  const { tables, hierarchy, mapping, nodes, rows, map, fact, hasGroups } = survey
  const assumptions: string[] = []
  const segment = given.account_segment ?? segmentOf(survey, assumptions)
  const reportType = given.report_type ?? reportTypeOf(survey, segment)
  const parts = tables.hierarchyProfile.parts
  const formulasTable = formulasTableOf(survey, assumptions)
  const config = {
    project_name: given.project_name ?? projectNameOf(parts.at(-1)!),
    report_type: reportType,
    hierarchy_table: tables.hierarchyProfile.name,
    mapping_table: tables.mappingProfile.name,
    join_patterns: patterns.map(({ name, dimensions, filter }) => ({
      name,
      join_keys: dimensions.map(({ filterColumn }) => filterColumn),
      fact_keys: dimensions.map(({ factKey }) => factKey),
      filter,
    })),
    dynamic_column_map: map.placed.flatMap(({ source, table, column, typoOf }) => {
      const dimension = fact.dimensions.find((one) => one.table === table)
      return dimension === undefined
        ? []
        : [
            {
              id_source: source.name,
              physical_column: `${dimension.alias}.${partText(column.name)}`,
              is_alias: String(typoOf !== null),
            },
          ]
    }),
    account_segment: segment,
    measure_prefix: reportType,
    has_sign_change: String(nodes.some(({ isActive, isSignChanged }) => isActive && isSignChanged)),
    has_exclusions: String(rows.some(({ isExcluded }) => isExcluded)),
    has_group_filter_precedence: String(hasGroups),
    hierarchy: hierarchySection(hierarchy),
    mapping: {
      node: mapping.node,
      id: mapping.id,
      id_source: mapping.id_source,
      filter_groups: mapping.filter_groups,
      ...mapping.others,
    },
    dimensions: fact.dimensions.map(({ alias, table, key, filterColumn, segmentColumn }) => ({
      alias,
      table: table.name,
      key,
      filter_column: filterColumn,
      segment_column: segment === null ? null : segmentColumn,
    })),
    fact: {
      table: fact.table.name,
      grain: fact.grain,
      measures: fact.measures.map(({ name, scale }, i) => ({
        name,
        column: name,
        scale: String(scale),
        volume: i === 0 ? volumeOf(survey, assumptions) : null,
      })),
    },
    formulas_table: formulasTable,
  }
  return { config: martConfigSchema.parse(config), assumptions }
}

const partText = (name: string): string => (/[."]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name)

/** `TBL_0_GROSS_LOS_REPORT_HIERARCHY` is gross_los. */
function projectNameOf(table: string): string {
  const words = wordsOf(table).filter((word) => !/^(?:TBL|\d+|REPORT|HIERARCHY|XREF|DIM|VW)$/.test(word))
  return (words.join('_') || 'MART').toLowerCase().slice(0, 30)
}

/** A table with the columns of terms. */
function formulasTableOf({ tables }: Survey, assumptions: string[]) {
  const found = tables.others.flatMap(({ name, columns }) => {
    const column = (wanted: string): string | null =>
      columns.find((one) => one.name.toUpperCase() === wanted)?.name ?? null
    const [result, operand, operator] = [column('RESULT'), column('OPERAND'), column('OPERATOR')]
    if (result === null || operand === null || operator === null) return []
    return [
      {
        table: name,
        result,
        operand,
        operator,
        constant: column('CONSTANT'),
        precedence: column('PRECEDENCE'),
      },
    ]
  })
  if (found.length > 1)
    assumptions.push(
      `Several tables have terms of formulas, and none is taken: ${found.map(({ table }) => table).join(', ')}.`,
    )
  return found.length === 1 ? found[0]! : null
}

/** The segment of a dimension that the report's own names speak of. */
function segmentOf({ fact, tables, nodes }: Survey, assumptions: string[]): string | null {
  const values = new Set(
    fact.dimensions.flatMap(({ table, segmentColumn }) => [
      ...(table.columns.find(({ name }) => name === segmentColumn)?.values ?? []),
    ]),
  )
  if (values.size === 0) return null
  const words = wordsOf(
    [tables.hierarchyProfile.parts.at(-1), ...nodes.map(({ groupName }) => groupName)].join(' '),
  )
  const named = [...values].filter((value) => words.includes(value.toUpperCase())).sort(compareText)
  if (named.length === 1) return named[0]!
  assumptions.push(
    `Dimensions have the segments ${[...values].sort(compareText).join(', ')}, and the report's names speak of ${named.length === 0 ? 'none' : 'several'}: facts of all of them are taken.`,
  )
  return null
}

const reportTypeOf = ({ tables, type }: Survey, segment: string | null): string =>
  segment ??
  wordsOf(tables.hierarchyProfile.parts.at(-1)!).find((word) => ['GROSS', 'NET'].includes(word)) ??
  (type.short || 'REPORT')

function volumeOf({ fact: { volume } }: Survey, assumptions: string[]) {
  if (volume === null) return null
  const units = [...(volume.unit?.values ?? [])].sort(compareText)
  const known = units.filter((unit) => Object.hasOwn(BARRELS, unit.toUpperCase()))
  const factors =
    units.length === 1
      ? [{ unit: units[0]!, factor: '1' }]
      : known.map((unit) => ({ unit, factor: BARRELS[unit.toUpperCase()]! }))
  if (units.length > 1 && known.length > 0)
    assumptions.push(
      `Volumes are added up as barrels of oil equivalent: ${factors.map(({ unit, factor }) => `1 ${unit} = ${factor}`).join(', ')}. No table says so.`,
    )
  for (const unit of units)
    if (units.length > 1 && !known.includes(unit))
      assumptions.push(`No factor is known for the unit ${unit}: add it to the volume of the measure.`)
  return {
    column: volume.column.name,
    scale: String(volume.column.scale),
    unit_column: volume.unit?.name ?? null,
    factors,
  }
}
