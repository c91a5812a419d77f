/**
 * A new configuration from what its maker says and, where the tables can be looked at, from the columns they have:
 * levels in the order of their numbers, and null for every column of the usual names that is not there. Raises TIE-5032
 * when the levels are neither said nor to be seen.
 */

import { stringify } from 'yaml'
import { refuse } from '../base/errors.js'
import { martConfigSchema } from './config.js'

export interface NewConfig {
  readonly project_name: string
  readonly report_type: string
  readonly hierarchy_table: string
  readonly mapping_table: string
  readonly account_segment?: string | undefined
  readonly measure_prefix?: string | undefined
  readonly has_sign_change: boolean
  readonly has_exclusions: boolean
  readonly has_group_filter_precedence: boolean
  readonly fact_table: string
  readonly measures: readonly string[]
  readonly scale: number
  readonly grain: readonly string[]
  readonly levels: readonly string[]
  readonly source?: string | undefined
}

export interface SeenColumns {
  readonly hierarchy: readonly string[]
  readonly mapping: readonly string[]
}

export function newConfigText(given: NewConfig, seen: SeenColumns | undefined): string {
  const { fact_table, measures, scale, grain, levels: said, ...rest } = given
  const levels = said.length > 0 ? said : levelsOf(seen?.hierarchy ?? [])
  if (levels.length === 0) refuse('TIE-5032', { table: given.hierarchy_table })
  const sorts = levels.map((name) => `${name}_SORT`)
  const content = {
    ...rest,
    hierarchy: {
      levels: [...levels],
      ...(seen !== undefined && sorts.every((name) => seen.hierarchy.includes(name))
        ? { level_sorts: sorts }
        : {}),
      ...(seen?.hierarchy.includes('FORMULA_PARAM2_REF') ? { formula_param2_ref: 'FORMULA_PARAM2_REF' } : {}),
      ...withoutMissing(HIERARCHY_DEFAULTS, seen?.hierarchy),
    },
    mapping: {
      ...withoutMissing(MAPPING_DEFAULTS, seen?.mapping),
      ...(seen === undefined
        ? {}
        : { filter_groups: seen.mapping.filter((name) => /^FILTER_GROUP_[1-4]$/.test(name)).sort() }),
    },
    fact: {
      table: fact_table,
      grain: [...grain],
      measures: measures.map((column) => ({ name: column, column, scale })),
    },
  }
  const text = Object.fromEntries(Object.entries(content).filter(([, value]) => value !== undefined))
  return stringify(text, { lineWidth: 0 })
}

const levelsOf = (columns: readonly string[]): string[] =>
  columns
    .filter((name) => /^LEVEL_\d{1,2}$/i.test(name))
    .sort((a, b) => Number(/\d+/.exec(a)![0]) - Number(/\d+/.exec(b)![0]))

type Defaults = Readonly<Record<string, unknown>>
const HIERARCHY_DEFAULTS: Defaults = martConfigSchema.shape.hierarchy.parse({ levels: ['LEVEL_1'] })
const MAPPING_DEFAULTS: Defaults = martConfigSchema.shape.mapping.parse({})

/** Columns that have a usual name and are not there, as null. */
function withoutMissing(defaults: Defaults, has: readonly string[] | undefined): Record<string, null> {
  if (has === undefined) return {}
  const missing = Object.entries(defaults).filter(
    ([key, name]) => key !== 'filler' && key !== 'key' && typeof name === 'string' && !has.includes(name),
  )
  return Object.fromEntries(missing.map(([key]) => [key, null]))
}
