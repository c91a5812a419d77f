/**
 * Names of the pipeline's objects and columns, and how configured columns become them. Columns keep the names of the
 * source document whatever the tables call them. Raises nothing.
 */

import { cast, column, type Expr, type Output, output, TEXT, text, when } from '../../engines/plan/plan.js'
import { type MartConfig, TRUE_FLAGS } from '../config.js'

export interface ObjectNames {
  readonly vw1: string
  readonly dt2: string
  readonly dt3a: string
  readonly dt3: string
}

export function objectNames({ project_name }: MartConfig): ObjectNames {
  const project = project_name.toUpperCase()
  return {
    vw1: `VW_1_${project}_REPORT_HIERARCHY_TRANSLATED`,
    dt2: `DT_2_${project}_GRANULARITY`,
    dt3a: `DT_3A_${project}_PRE_AGGREGATION`,
    dt3: `DT_3_${project}_MART`,
  }
}

export const KEY = 'XREF_HIERARCHY_KEY'
export const GROUP = 'HIERARCHY_GROUP_NAME'
export const NODE_KEY = 'NODE_SURROGATE_KEY'

/** The flags of a node, by the column they have in every object. */
export const FLAGS = {
  calculation: 'CALCULATION_FLAG',
  volume: 'VOLUME_FLAG',
  sign_change: 'SIGN_CHANGE_FLAG',
  remove_from_totals: 'REMOVE_FROM_TOTALS',
  do_not_expand: 'DO_NOT_EXPAND_FLAG',
} as const

export const levelColumn = (i: number): string => `LEVEL_${i + 1}`
export const sortColumn = (i: number): string => `LEVEL_${i + 1}_SORT`
export const totalColumn = (i: number): string => `TOTAL_KEY_${i + 1}`
export const belowColumn = (i: number): string => `HAS_BELOW_${i + 1}`
export const statusColumn = (measure: string): string => `${measure}_STATUS`

/** Digits after the point of every figure of the mart. */
export const FIGURE_SCALE = 12
/** The place of filler levels in the order. */
export const LAST_SORT = '999'

export const asText = (value: Expr): Expr => cast(value, TEXT)
export const YES = text('Y')
export const NO = text('N')
export const isSet = (name: string, of: string): Expr => ({
  op: 'compare',
  by: '=',
  left: column(name, of),
  right: YES,
})

/** Y or N of a column that says it in any of the accepted words. */
export function flag(name: string | null, of: string): Expr {
  if (name === null) return NO
  const value: Expr = { op: 'upper', arg: asText(column(name, of)) }
  return when([[{ op: 'in', arg: value, values: TRUE_FLAGS.map((word) => text(word)) }, YES]], NO)
}

/** A column as text, an empty one as null. */
export const textOf = (name: string, of: string): Expr => {
  const value = asText(column(name, of))
  return when(
    [
      [
        { op: 'compare', by: '=', left: value, right: text('') },
        { op: 'null', type: TEXT },
      ],
    ],
    value,
  )
}

/** The same columns again, of another relation. */
export const carried = (names: readonly string[], of: string): Output[] =>
  names.map((name) => output(name, column(name, of)))
