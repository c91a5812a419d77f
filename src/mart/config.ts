/**
 * The configuration of a mart: the seven variables by their names in the source document, and what stands behind
 * them (which columns the hierarchy and the mapping have, dimensions, facts). Raises nothing itself: `config-file.ts`
 * reads it, `check-config.ts` checks what one part says of another.
 */

import { z } from 'zod'
import { tableParts } from '../base/table-name.js'

const name = z.string().min(1).max(255)
const table = name.refine((text) => tableParts(text) !== undefined, {
  error: 'expected a table such as SCHEMA.TABLE; a part with a point or a quote stands in double quotes',
})
const optionalName = name.nullable()
/** Scalars of YAML arrive as the text they were written in. */
const flag = z
  .enum(['true', 'false'], { error: 'expected true or false' })
  .transform((text) => text === 'true')
/** DuckDB's sums of decimals wrap in silence beyond 38 digits: eight after the point leave room for the others. */
const digits = z
  .string()
  .regex(/^[0-8]$/, { error: 'expected a whole number from 0 to 8' })
  .transform(Number)
const decimalText = z.string().regex(/^-?\d{1,18}(?:\.\d{1,10})?$/, { error: 'expected a plain decimal' })

export const joinPatternSchema = z.strictObject({
  name: name.describe('Of the UNION ALL branch.'),
  join_keys: z.array(name).min(1).describe('Filter columns of DT_2, each of a dimension.'),
  fact_keys: z.array(name).min(1).describe('Columns of the fact, one for each join key.'),
  filter: z.string().nullable().default(null).describe('Predicate over fact and hierarchy columns.'),
})

export const columnMappingSchema = z.strictObject({
  id_source: name.describe('As the mapping has it.'),
  physical_column: name.describe('ALIAS.COLUMN of a dimension.'),
  is_alias: flag.default(false).describe('True for a spelling that corrects a typo.'),
})

const hierarchySchema = z.strictObject({
  key: name.default('XREF_HIERARCHY_KEY'),
  group_name: optionalName.default('HIERARCHY_GROUP_NAME'),
  levels: z.array(name).min(1).max(20),
  level_sorts: z.array(name).max(20).default([]),
  filler: z.string().default('N/A').describe('What stands in a level that the node does not reach.'),
  active: optionalName.default('ACTIVE_FLAG'),
  calculation: optionalName.default('CALCULATION_FLAG'),
  volume: optionalName.default('VOLUME_FLAG'),
  sign_change: optionalName.default('SIGN_CHANGE_FLAG'),
  remove_from_totals: optionalName.default('REMOVE_FROM_TOTALS'),
  do_not_expand: optionalName.default('DO_NOT_EXPAND_FLAG'),
  formula_group: optionalName.default('FORMULA_GROUP'),
  formula_precedence: optionalName.default('FORMULA_PRECEDENCE'),
  formula_logic: optionalName.default('ARITHMETIC_LOGIC'),
  formula_param_ref: optionalName.default('FORMULA_PARAM_REF'),
  formula_param2_ref: optionalName.default(null),
  formula_constant: optionalName.default('FORMULA_PARAM2_CONST_NUMBER'),
})

const mappingSchema = z.strictObject({
  key: optionalName.default(null).describe("The mapping row's own key."),
  node: name.default('FK_REPORT_KEY'),
  id: name.default('ID'),
  id_source: name.default('ID_SOURCE'),
  id_table: optionalName.default('ID_TABLE'),
  exclusion: optionalName.default('EXCLUSION_FLAG'),
  group_filter_precedence: optionalName.default('GROUP_FILTER_PRECEDENCE'),
  filter_groups: z.array(name).max(4).default(['FILTER_GROUP_1', 'FILTER_GROUP_2']),
})

const dimensionSchema = z.strictObject({
  alias: name.describe('Stands before the column in physical_column.'),
  table,
  key: name.describe('What the fact holds; the fact table itself may be a dimension of one of its columns.'),
  filter_column: name.describe('Its column of DT_2, as join_keys name it.'),
  segment_column: optionalName.default(null).describe('Compared with account_segment.'),
})

const volumeSchema = z.strictObject({
  column: name,
  scale: digits,
  unit_column: optionalName.default(null),
  factors: z
    .array(z.strictObject({ unit: name, factor: decimalText }))
    .default([])
    .describe('Each unit as a multiple of the unit reported.'),
})

const measureSchema = z.strictObject({
  name,
  column: name,
  scale: digits.describe('Digits after the point that the facts have.'),
  volume: volumeSchema.nullable().default(null).describe('What nodes with a VOLUME_FLAG report instead.'),
})

const factSchema = z.strictObject({
  table,
  grain: z.array(name).max(16).default([]).describe('Columns that stay in the mart, such as the period.'),
  measures: z.array(measureSchema).min(1).max(16),
})

const extensionSchema = z.strictObject({
  table,
  key: name.describe('Equals the key of the hierarchy.'),
  columns: z.array(name).min(1),
})

const termSchema = z.strictObject({
  result: name,
  operand: optionalName.default(null),
  operator: name,
  constant: decimalText.nullable().default(null),
  precedence: name.nullable().default(null),
})

const formulasTableSchema = z.strictObject({
  table,
  result: name.default('RESULT'),
  operand: name.default('OPERAND'),
  operator: name.default('OPERATOR'),
  constant: optionalName.default('CONSTANT'),
  precedence: optionalName.default('PRECEDENCE'),
})

const twoParameterSchema = z.strictObject({
  formula_group: name,
  logic: name,
  param_ref: name,
  param2_ref: optionalName.default(null),
  constant: decimalText.nullable().default(null),
  precedence_level: name.nullable().default(null),
})

const snowflakeSchema = z.strictObject({
  connection: optionalName.default(null).describe('Of the account that mart validate runs it on too.'),
  warehouse: name.default('COMPUTE_WH'),
  target_lag: z
    .string()
    .regex(/^\d{1,6} (?:second|minute|hour|day)s?$/, { error: 'expected a lag such as 1 hour' })
    .default('1 hour'),
})

export const martConfigSchema = z.strictObject({
  // The longest object name has 33 characters beside it, and PostgreSQL cuts names at 63 bytes.
  project_name: name.refine((text) => Buffer.byteLength(text.toUpperCase()) <= 30, {
    error: 'expected at most 30 bytes',
  }),
  report_type: name,
  hierarchy_table: table,
  mapping_table: table,
  join_patterns: z.array(joinPatternSchema).default([]),
  dynamic_column_map: z.array(columnMappingSchema).default([]),
  account_segment: optionalName.default(null),
  measure_prefix: optionalName.default(null).describe('The report type when not said.'),
  has_sign_change: flag.default(false),
  has_exclusions: flag.default(false),
  has_group_filter_precedence: flag.default(false),
  hierarchy: hierarchySchema,
  mapping: mappingSchema.default(mappingSchema.parse({})),
  dimensions: z.array(dimensionSchema).default([]),
  fact: factSchema,
  extension: extensionSchema.nullable().default(null),
  formulas: z.array(z.union([termSchema, twoParameterSchema])).default([]),
  formulas_table: formulasTableSchema
    .nullable()
    .default(null)
    .describe('A table of terms, beside `formulas`.'),
  source: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe('Where the tables are, from where this file stands.'),
  snowflake: snowflakeSchema.default(snowflakeSchema.parse({})),
})

export type MartConfig = z.output<typeof martConfigSchema>
export type JoinPattern = MartConfig['join_patterns'][number]
export type Dimension = MartConfig['dimensions'][number]
export type Measure = MartConfig['fact']['measures'][number]
export type FormulaRow = MartConfig['formulas'][number]
export type TermRow = Extract<FormulaRow, { readonly result: string }>

/** Parts of a table name that the schema has let through. */
export const partsOf = (name: string): readonly string[] => tableParts(name)!

/** `GROSS_AMOUNT` of the prefix GROSS. */
export const measureColumn = (config: MartConfig, measure: Measure): string =>
  `${config.measure_prefix ?? config.report_type}_${measure.name}`

export interface PhysicalColumn {
  readonly dimension: Dimension
  readonly column: string
}

/** The dimension and column of ALIAS.COLUMN; undefined when no dimension has the alias. */
export function physicalColumn(config: MartConfig, text: string): PhysicalColumn | undefined {
  const parts = tableParts(text)
  if (parts === undefined || parts.length !== 2) return undefined
  const dimension = config.dimensions.find(({ alias }) => alias === parts[0])
  return dimension && { dimension, column: parts[1]! }
}

/** What counts as a set flag, and as one that is not; anything else is refused. */
export const TRUE_FLAGS: readonly string[] = ['Y', 'YES', 'T', 'TRUE', '1']
export const FALSE_FLAGS: readonly string[] = ['N', 'NO', 'F', 'FALSE', '0', '']
