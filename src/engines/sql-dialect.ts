/**
 * SQL that is one question to every engine: a dialect is a small complete record of how the engines differ
 * where values are compared, and a `Statement` collects what is bound. Values always travel as parameters,
 * names come from the introspected columns and are quoted. Raises Error for a column that is not there (a
 * caller's bug).
 *
 * How values compare is the same everywhere: text by code point, numbers exactly, dates as days, false before
 * true.
 */

import type { FactColumn } from './source.js'

export interface SqlColumn extends FactColumn {
  /** The column as SQL that yields its typed value. */
  readonly sql: string
  /** Digits after the point that a number of the column can have; null: any. */
  readonly scale: number | null
  /** Binary floating point, which is never money but may be tested. */
  readonly floating: boolean
}

export interface Dialect {
  readonly identifier: (name: string) => string
  /** The most digits a number can have; null: any number. */
  readonly digits: number | null
  /** The column as a value that compares by the rules of its type. */
  readonly value: (column: SqlColumn) => string
  /** A bound text as such a value. */
  readonly literal: (column: SqlColumn, placeholder: string) => string
  /** Whether the value is among the texts of a bound list, each as a literal; null for a null. */
  readonly among: (column: SqlColumn, placeholder: string) => string
  /** `%` any characters, `_` one character (code point), `\` takes the next as itself. */
  readonly like: (value: string, placeholder: string) => string
}

const doubleQuoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

const POSTGRES_TYPES = { text: 'text', numeric: 'numeric', date: 'date', boolean: 'boolean' } as const
const postgresValue = ({ sql, type }: SqlColumn): string =>
  type === 'text' ? `(${sql})::text COLLATE "C"` : sql

export const POSTGRES: Dialect = {
  identifier: doubleQuoted,
  digits: null,
  value: postgresValue,
  literal: ({ type }, placeholder) => `${placeholder}::${POSTGRES_TYPES[type]}`,
  among: (column, placeholder) =>
    `${postgresValue(column)} = ANY (${placeholder}::${POSTGRES_TYPES[column.type]}[])`,
  like: (value, placeholder) => `${value} LIKE ${placeholder}::text ESCAPE E'\\\\'`,
}

/** What a value of the column is compared as: wide enough for every value, never a double unless it is one. */
function duckType({ type, scale, floating }: SqlColumn): string {
  if (type === 'text') return 'VARCHAR'
  if (type === 'date') return 'DATE'
  if (type === 'boolean') return 'BOOLEAN'
  if (floating) return 'DOUBLE'
  return scale === 0 ? 'HUGEINT' : `DECIMAL(38,${scale})`
}
const duckValue = (column: SqlColumn): string => {
  const type = duckType(column)
  return type === 'VARCHAR' || type === 'HUGEINT' ? `CAST(${column.sql} AS ${type})` : column.sql
}

export const DUCKDB: Dialect = {
  identifier: doubleQuoted,
  digits: 38,
  value: duckValue,
  literal: (column, placeholder) => `CAST(${placeholder} AS ${duckType(column)})`,
  among: (column, placeholder) =>
    `${duckValue(column)} IN (SELECT unnest(CAST(${placeholder} AS ${duckType(column)}[])))`,
  like: (value, placeholder) => `${value} LIKE CAST(${placeholder} AS VARCHAR) ESCAPE '\\'`,
}

export type BoundValue = string | readonly string[]

/** One SQL statement in the making: its columns, and the values bound so far as $1, $2, … */
export class Statement {
  readonly values: BoundValue[] = []
  private readonly columns: ReadonlyMap<string, SqlColumn>

  constructor(
    readonly dialect: Dialect,
    columns: readonly SqlColumn[],
  ) {
    this.columns = new Map(columns.map((column) => [column.name, column]))
  }

  column(name: string): SqlColumn {
    const column = this.columns.get(name)
    if (column === undefined) throw new Error(`there is no column ${name}`)
    return column
  }

  /** The placeholder of a bound value. */
  bind(value: BoundValue): string {
    this.values.push(value)
    return `$${this.values.length}`
  }
}
