/**
 * How DuckDB, PostgreSQL and Snowflake write a plan: complete records, no branches on names elsewhere. Names are
 * always quoted, so that they mean what is stored; what an engine cannot say is a value. Raises nothing.
 */

import { DUCKDB, POSTGRES } from '../sql-dialect.js'
import type { Expr, SqlType } from './plan.js'

export const DIALECT_NAMES = ['duckdb', 'postgres', 'snowflake'] as const
export type DialectName = (typeof DIALECT_NAMES)[number]

export interface PlanDialect {
  readonly name: DialectName
  readonly identifier: (name: string) => string
  /** Bytes of UTF-8 that a name may have; longer ones are cut in silence or refused by the engine. */
  readonly longestName: number
  readonly text: (value: string) => string
  /** Why a text cannot be written; undefined when it can. */
  readonly unsupportedText: (value: string) => string | undefined
  readonly type: (type: SqlType) => string
  /** Text by code point, whatever the database's collation is. */
  readonly byCodePoint: (value: string) => string
  /** The character that takes the next one of a pattern as itself, as a literal. */
  readonly likeEscape: string
  readonly wholeQuotient: (left: string, right: string) => string
  readonly remainder: (left: string, right: string) => string
  /** Takes rows of constants as VALUES with names of columns. */
  readonly listsRows: boolean
}

const quotedText = (value: string): string => `'${value.replaceAll("'", "''")}'`
const nul = (value: string): string | undefined =>
  value.includes('\0') ? 'a text with a NUL character' : undefined

export const DUCKDB_PLAN: PlanDialect = {
  name: 'duckdb',
  identifier: DUCKDB.identifier,
  longestName: 65_535,
  text: quotedText,
  unsupportedText: nul,
  type: (type) =>
    type.kind === 'decimal'
      ? `DECIMAL(38, ${type.scale})`
      : { text: 'VARCHAR', date: 'DATE', boolean: 'BOOLEAN', int: 'INTEGER', units: 'HUGEINT' }[type.kind],
  byCodePoint: (value) => value,
  likeEscape: "'\\'",
  wholeQuotient: (left, right) => `(${left} // ${right})`,
  remainder: (left, right) => `(${left} % ${right})`,
  listsRows: true,
}

export const POSTGRES_PLAN: PlanDialect = {
  name: 'postgres',
  identifier: POSTGRES.identifier,
  longestName: 63,
  // E'' says what a backslash is, whatever standard_conforming_strings says.
  text: (value) =>
    value.includes('\\') ? `E'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'` : quotedText(value),
  unsupportedText: nul,
  type: (type) =>
    type.kind === 'decimal'
      ? `numeric(38, ${type.scale})`
      : { text: 'text', date: 'date', boolean: 'boolean', int: 'integer', units: 'numeric' }[type.kind],
  byCodePoint: (value) => `${value} COLLATE "C"`,
  likeEscape: "E'\\\\'",
  wholeQuotient: (left, right) => `div(${left}, ${right})`,
  remainder: (left, right) => `mod(${left}, ${right})`,
  listsRows: true,
}

export const SNOWFLAKE_PLAN: PlanDialect = {
  name: 'snowflake',
  identifier: DUCKDB.identifier,
  longestName: 255,
  // A backslash begins an escape in a quoted text.
  text: (value) => quotedText(value.replaceAll('\\', '\\\\')),
  unsupportedText: nul,
  type: (type) =>
    type.kind === 'decimal'
      ? `NUMBER(38, ${type.scale})`
      : { text: 'VARCHAR', date: 'DATE', boolean: 'BOOLEAN', int: 'NUMBER(10, 0)', units: 'NUMBER(38, 0)' }[
          type.kind
        ],
  byCodePoint: (value) => value,
  likeEscape: "'\\\\'",
  // A quotient is rounded to a few places; without the remainder it comes out even.
  wholeQuotient: (left, right) => `((${left} - MOD(${left}, ${right})) / ${right})`,
  remainder: (left, right) => `MOD(${left}, ${right})`,
  listsRows: false,
}

export const PLAN_DIALECTS: Readonly<Record<DialectName, PlanDialect>> = {
  duckdb: DUCKDB_PLAN,
  postgres: POSTGRES_PLAN,
  snowflake: SNOWFLAKE_PLAN,
}

/** Whether the expression, or one in it, satisfies the test. */
export function anyPart(expr: Expr, test: (part: Expr) => boolean): boolean {
  return test(expr) || partsOf(expr).some((part) => anyPart(part, test))
}

function partsOf(expr: Expr): readonly Expr[] {
  switch (expr.op) {
    case 'column':
    case 'text':
    case 'number':
    case 'boolean':
    case 'null':
    case 'count':
      return []
    case 'and':
    case 'or':
    case 'concat':
    case 'coalesce':
      return expr.args
    case 'in':
      return [expr.arg, ...expr.values]
    case 'case':
      return [...expr.when.flat(), ...(expr.otherwise === null ? [] : [expr.otherwise])]
    case 'dense_rank':
      return [expr.by, ...expr.within]
    case 'compare':
    case 'add':
    case 'subtract':
    case 'multiply':
    case 'whole_quotient':
    case 'remainder':
      return [expr.left, expr.right]
    default:
      return [expr.arg]
  }
}
