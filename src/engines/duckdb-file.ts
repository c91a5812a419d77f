/**
 * Opens a Parquet, CSV or DuckDB file for reading by DuckDB, with what its columns are.
 *
 * The file named is the only one DuckDB may touch: external access is off otherwise and its configuration
 * locked. Raises TIE-1005 (no such file), TIE-2407 (no such kind of file).
 */

import { existsSync } from 'node:fs'
import { extname } from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import { Refusal, refuse } from '../base/errors.js'
import type { FactColumn } from './source.js'

export interface DuckFile {
  readonly path: string
  /** The table of a .duckdb file. */
  readonly table?: string
}

export interface DuckColumn extends FactColumn {
  readonly floating: boolean
  /** Digits after the point, for numeric columns that are exact. */
  readonly scale: number
  /** True when units fit a BIGINT as typed, so they can be scaled in the engine. */
  readonly narrow: boolean
  /** The column as SQL that yields its typed value. */
  readonly sql: string
}

/** A file that is open, until `close`. */
export interface OpenDuckFile {
  readonly connection: DuckDBConnection
  /** What stands after FROM. */
  readonly relation: string
  readonly columns: readonly DuckColumn[]
  /** Whether every query reads and parses the whole file. */
  readonly costly: boolean
  close(): void
}

export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`

export async function openDuckFile(file: DuckFile): Promise<OpenDuckFile> {
  const { DuckDBInstance } = await import('@duckdb/node-api')
  if (!existsSync(file.path)) refuse('TIE-1005', { file: file.path, detail: 'there is no such file' })
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const close = (): void => {
    connection.closeSync()
    instance.closeSync()
  }
  try {
    const relation = await openRelation(connection, file)
    const costly = extname(file.path) === '.csv'
    const columns = await columnsOf(connection, relation, costly)
    return { connection, relation, columns, costly, close }
  } catch (error) {
    close()
    refuseUnreadable(file, error)
  }
}

/** Runs `work` on the open file; whatever DuckDB says against the file is a refusal. */
export async function withDuckFile<T>(file: DuckFile, work: (open: OpenDuckFile) => Promise<T>): Promise<T> {
  const open = await openDuckFile(file)
  try {
    return await work(open)
  } catch (error) {
    refuseUnreadable(file, error)
  } finally {
    open.close()
  }
}

export function refuseUnreadable({ path }: DuckFile, error: unknown): never {
  if (error instanceof Refusal) throw error
  const detail = error instanceof Error ? error.message.split('\n')[0]! : String(error)
  refuse('TIE-2407', { file: path, detail, kind: extname(path).slice(1) })
}

async function openRelation(connection: DuckDBConnection, { path, table }: DuckFile): Promise<string> {
  const kind = extname(path)
  if (kind === '.duckdb' || kind === '.db') {
    await connection.run(`ATTACH ${literal(path)} AS facts (READ_ONLY)`)
    await lock(connection)
    return `facts.${quoted(table ?? 'facts')}`
  }
  await connection.run(`SET allowed_paths = [${literal(path)}]`)
  await lock(connection)
  // Untyped CSV reading turns decimals into doubles: everything is read as text and typed by what it holds.
  return kind === '.csv'
    ? `read_csv(${literal(path)}, header = true, all_varchar = true)`
    : `read_parquet(${literal(path)})`
}

async function lock(connection: DuckDBConnection): Promise<void> {
  await connection.run('SET enable_external_access = false')
  await connection.run('SET lock_configuration = true')
}

async function columnsOf(
  connection: DuckDBConnection,
  relation: string,
  untyped: boolean,
): Promise<DuckColumn[]> {
  const described = await rowsOf(connection, `DESCRIBE SELECT * FROM ${relation}`)
  const columns = described.map((row) => columnOf(String(row.column_name), String(row.column_type)))
  return untyped ? typedByContent(connection, relation, columns) : columns
}

function columnOf(name: string, type: string): DuckColumn {
  const base = { name, floating: false, scale: 0, narrow: false, sql: quoted(name) }
  const decimal = /^DECIMAL\((\d+),(\d+)\)$/.exec(type)
  if (decimal)
    return { ...base, type: 'numeric', scale: Number(decimal[2]), narrow: Number(decimal[1]) <= 18 }
  if (/^U?(TINY|SMALL)?INT(EGER)?$|^BIGINT$|^U(TINY|SMALL)INT$|^UINTEGER$/.test(type))
    return { ...base, type: 'numeric', narrow: true }
  if (type === 'HUGEINT' || type === 'UBIGINT' || type === 'UHUGEINT') return { ...base, type: 'numeric' }
  if (type === 'DOUBLE' || type === 'FLOAT') return { ...base, type: 'numeric', floating: true }
  if (type === 'DATE') return { ...base, type: 'date' }
  if (type === 'BOOLEAN') return { ...base, type: 'boolean' }
  return { ...base, type: 'text' }
}

/** What the values seen of a CSV column say: whether all are of the type; null: there was none, or nobody asked. */
interface Shape {
  readonly numeric: boolean | null
  readonly date: boolean | null
  /** Longest value, and most digits after its point, of those seen. */
  readonly length: number
  readonly scale: number
}

/** A column of a CSV file is disproved to be of a type by its first rows, mostly; all rows are asked for the rest. */
const FIRST_ROWS = 20_480

/** The rule of `facts import`, in SQL: every non-empty value a plain decimal → numeric, an ISO date → date. */
async function typedByContent(
  connection: DuckDBConnection,
  relation: string,
  columns: readonly DuckColumn[],
): Promise<DuckColumn[]> {
  const open = columns.map(() => ({ numeric: null, date: null }))
  const first = await shapesOf(connection, `(SELECT * FROM ${relation} LIMIT ${FIRST_ROWS})`, columns, open)
  const shapes =
    first.rows < FIRST_ROWS
      ? first.shapes
      : (await shapesOf(connection, relation, columns, first.shapes)).shapes
  return columns.map((column, i) => {
    const { numeric, date, length, scale } = shapes[i]!
    if (numeric === true && scale <= 10) {
      const narrow = length <= 17 && scale <= 9
      const sql = `CAST(${column.sql} AS DECIMAL(${narrow ? 18 : 38},${scale}))`
      return { ...column, type: 'numeric', scale, narrow, sql }
    }
    return date === true ? { ...column, type: 'date', sql: `CAST(${column.sql} AS DATE)` } : column
  })
}

/** Asks of each column only what has not been disproved. */
async function shapesOf(
  connection: DuckDBConnection,
  relation: string,
  columns: readonly DuckColumn[],
  open: readonly Pick<Shape, 'numeric' | 'date'>[],
): Promise<{ readonly rows: number; readonly shapes: Shape[] }> {
  const tests = columns.flatMap(({ sql }, i) => [
    ...(open[i]!.numeric !== false
      ? [
          `bool_and(regexp_full_match(${sql}, '[+-]?(0|[1-9][0-9]*)(\\.[0-9]+)?')) FILTER (${sql} IS NOT NULL) AS n${i}`,
          `max(length(split_part(${sql}, '.', 2))) AS s${i}`,
          `max(length(${sql})) AS l${i}`,
        ]
      : []),
    ...(open[i]!.date !== false
      ? [
          `bool_and(regexp_full_match(${sql}, '[0-9]{4}-[0-9]{2}-[0-9]{2}') AND try_cast(${sql} AS DATE) IS NOT NULL) FILTER (${sql} IS NOT NULL) AS d${i}`,
        ]
      : []),
  ])
  const [found] = await rowsOf(
    connection,
    `SELECT ${['count(*) AS rows', ...tests].join(', ')} FROM ${relation}`,
  )
  return {
    rows: Number(found!.rows),
    shapes: columns.map((_, i) => ({
      numeric: open[i]!.numeric === false ? false : (found![`n${i}`] as boolean | null),
      date: open[i]!.date === false ? false : (found![`d${i}`] as boolean | null),
      length: Number(found![`l${i}`] ?? 0),
      scale: Number(found![`s${i}`] ?? 0),
    })),
  }
}

export type Row = Readonly<Record<string, unknown>>

export async function rowsOf(connection: DuckDBConnection, sql: string): Promise<readonly Row[]> {
  const result = await connection.runAndReadAll(sql)
  return result.getRowObjectsJS() as unknown as readonly Row[]
}
