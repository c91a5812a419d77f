/**
 * Where a mart's tables are: a folder of CSV and Parquet files, a DuckDB file, or a PostgreSQL database. What the
 * configuration names is brought into DuckDB in memory, which may touch nothing else: external access is off and its
 * configuration locked before any statement of the mart runs. Raises TIE-5003, TIE-5023, TIE-5025.
 */

import { existsSync, readdirSync, statSync } from 'node:fs'
import { basename, extname, join, parse } from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import { Refusal, refuse } from '../../base/errors.js'
import { didYouMean } from '../../base/text.js'
import { readCsv } from '../../engines/csv.js'
import { literal, quoted } from '../../engines/duckdb-file.js'
import { listOf } from '../../language/language.js'
import { type Cell, Table } from '../table.js'

export interface MartSource {
  readonly name: string
  readonly connection: DuckDBConnection
  /** The table's name in DuckDB. */
  localName(parts: readonly string[]): string
  /** Undefined for a table of a server. */
  placeOf(parts: readonly string[]): TablePlace | undefined
  columns(parts: readonly string[]): Promise<readonly SourceColumn[]>
  /** Every value as text. */
  read(parts: readonly string[], columns?: readonly string[]): Promise<Table>
  /** Runs a statement of the mart; what DuckDB says against it is a refusal that names `object`. */
  run(object: string, sql: string): Promise<void>
  rows(object: string, sql: string): Promise<readonly (readonly Cell[])[]>
  close(): void
}

/** Where a table is, as a program that reads the same source must name it. */
export type TablePlace =
  | { readonly kind: 'file'; readonly file: string; readonly isCsv: boolean }
  | { readonly kind: 'table'; readonly schema: string; readonly table: string }

export interface SourceColumn {
  readonly name: string
  readonly isFloating: boolean
}

/** Brings the tables in; each is named by its parts. */
export async function openMartSource(
  location: string,
  tables: readonly (readonly string[])[],
): Promise<MartSource> {
  const { DuckDBInstance } = await import('@duckdb/node-api')
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const close = (): void => {
    connection.closeSync()
    instance.closeSync()
  }
  try {
    const places: Places = new Map()
    const names = await bringIn(connection, location, tables, places)
    return new OpenSource(location, connection, names, places, close)
  } catch (error) {
    close()
    if (error instanceof Refusal) throw error
    refuse('TIE-5023', { engine: 'DuckDB', object: location, detail: detailOf(error) })
  }
}

const detailOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n')[0]!
const key = (parts: readonly string[]): string => JSON.stringify(parts)

type LocalNames = ReadonlyMap<string, string>
type Places = Map<string, TablePlace>

async function bringIn(
  connection: DuckDBConnection,
  location: string,
  tables: readonly (readonly string[])[],
  places: Places,
): Promise<LocalNames> {
  if (/^postgres(?:ql)?:\/\//.test(location)) {
    const { bringFromPostgres } = await import('./postgres-tables.js')
    const names = await bringFromPostgres(connection, location, tables)
    await lock(connection)
    return names
  }
  if (!existsSync(location)) refuse('TIE-5025', { detail: `there is nothing at ${location}` })
  return statSync(location).isDirectory()
    ? fromFolder(connection, location, tables, places)
    : fromDatabase(connection, location, tables, places)
}

async function lock(connection: DuckDBConnection): Promise<void> {
  await connection.run('SET enable_external_access = false')
  await connection.run('SET lock_configuration = true')
}

/** A file is a table by its name; where no name is the same, one that differs by case is. */
export function chosen<T extends { readonly table: string }>(
  parts: readonly string[],
  known: readonly T[],
  source: string,
): T {
  const name = parts.at(-1)!
  const exact = known.filter(({ table }) => table === name)
  const near =
    exact.length > 0 ? exact : known.filter(({ table }) => table.toLowerCase() === name.toLowerCase())
  if (near.length === 1) return near[0]!
  const names = [...new Set(known.map(({ table }) => table))].sort()
  refuse('TIE-5003', {
    table: parts.join('.'),
    source,
    known: listOf(names),
    suggestion: didYouMean(name, names),
  })
}

async function fromFolder(
  connection: DuckDBConnection,
  folder: string,
  tables: readonly (readonly string[])[],
  places: Places,
): Promise<LocalNames> {
  const files = readdirSync(folder)
    .filter((file) => /\.(?:csv|parquet)$/i.test(file))
    .sort()
    .map((file) => ({ table: parse(file).name, path: join(folder, file) }))
  const found = tables.map((parts) => ({ parts, ...chosen(parts, files, folder) }))
  const paths = [...new Set(found.map(({ path }) => literal(path)))]
  await connection.run(`SET allowed_paths = [${paths.join(', ')}]`)
  await lock(connection)
  const names = new Map<string, string>()
  for (const { parts, table, path } of found) {
    if (![...names.values()].includes(table)) {
      const from = isCsv(path) ? await csvRelation(path) : `read_parquet(${literal(path)})`
      await connection.run(`CREATE TABLE ${quoted(table)} AS SELECT * FROM ${from}`)
    }
    names.set(key(parts), table)
    places.set(key(parts), { kind: 'file', file: basename(path), isCsv: isCsv(path) })
  }
  return names
}

const isCsv = (path: string): boolean => extname(path).toLowerCase() === '.csv'

/** Read by the header that is there: nothing of the file is guessed. An empty field is a null. */
async function csvRelation(path: string): Promise<string> {
  const first = await readCsv(path).next()
  const names: readonly string[] = first.done === true ? [] : first.value[0]!.fields
  const columns = names.map((name) => `${literal(name)}: 'VARCHAR'`).join(', ')
  return `read_csv(${literal(path)}, auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', columns = {${columns}})`
}

async function fromDatabase(
  connection: DuckDBConnection,
  file: string,
  tables: readonly (readonly string[])[],
  places: Places,
): Promise<LocalNames> {
  await connection.run(`ATTACH ${literal(file)} AS mart_source (READ_ONLY)`)
  await lock(connection)
  const listed = await connection.runAndReadAll(
    `SELECT schema_name, table_name FROM (SELECT database_name, schema_name, table_name FROM duckdb_tables()
       UNION ALL SELECT database_name, schema_name, view_name FROM duckdb_views() WHERE NOT internal)
     WHERE database_name = 'mart_source' ORDER BY 1, 2`,
  )
  const known = (listed.getRows() as [string, string][]).map(([schema, table]) => ({ schema, table }))
  const names = new Map<string, string>()
  for (const parts of tables) {
    const inSchema = parts.length > 1 ? known.filter(({ schema }) => schema === parts.at(-2)) : []
    const { schema, table } = chosen(parts, inSchema.length > 0 ? inSchema : known, file)
    const name = `${schema}.${table}`
    if (![...names.values()].includes(name))
      await connection.run(
        `CREATE VIEW ${quoted(name)} AS SELECT * FROM mart_source.${quoted(schema)}.${quoted(table)}`,
      )
    names.set(key(parts), name)
    places.set(key(parts), { kind: 'table', schema, table })
  }
  return names
}

class OpenSource implements MartSource {
  constructor(
    readonly name: string,
    readonly connection: DuckDBConnection,
    private readonly names: LocalNames,
    private readonly places: Places,
    readonly close: () => void,
  ) {}

  localName(parts: readonly string[]): string {
    const name = this.names.get(key(parts))
    if (name === undefined) throw new Error(`the table ${parts.join('.')} was not brought in`)
    return name
  }

  placeOf(parts: readonly string[]): TablePlace | undefined {
    return this.places.get(key(parts))
  }

  async columns(parts: readonly string[]): Promise<readonly SourceColumn[]> {
    const name = this.localName(parts)
    const described = await this.rows(name, `SELECT column_name, column_type FROM (DESCRIBE ${quoted(name)})`)
    return described.map(([column, type]) => ({
      name: column!,
      isFloating: type === 'DOUBLE' || type === 'FLOAT',
    }))
  }

  async read(parts: readonly string[], columns?: readonly string[]): Promise<Table> {
    const name = this.localName(parts)
    const list = columns ?? (await this.columns(parts)).map((column) => column.name)
    const values = list.map((column) => `CAST(${quoted(column)} AS VARCHAR)`)
    const rows = await this.rows(name, `SELECT ${values.join(', ')} FROM ${quoted(name)}`)
    return new Table(parts.join('.'), list, rows)
  }

  async run(object: string, sql: string): Promise<void> {
    try {
      await this.connection.run(sql)
    } catch (error) {
      refuse('TIE-5023', { engine: 'DuckDB', object, detail: detailOf(error) })
    }
  }

  async rows(object: string, sql: string): Promise<readonly (readonly Cell[])[]> {
    try {
      const result = await this.connection.runAndReadAll(sql)
      return result.getRows() as unknown as readonly (readonly Cell[])[]
    } catch (error) {
      refuse('TIE-5023', { engine: 'DuckDB', object, detail: detailOf(error) })
    }
  }
}
