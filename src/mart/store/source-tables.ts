/**
 * The tables that a source has, by their names, without reading any. Raises TIE-1301 (no connection), TIE-5023 (no
 * DuckDB file), TIE-5025 (nothing there).
 */

import { existsSync, readdirSync, statSync } from 'node:fs'
import { parse } from 'node:path'
import { refuse } from '../../base/errors.js'
import { compareText } from '../../base/text.js'
import { withoutPassword } from '../../books/location.js'
import { literal } from '../../engines/duckdb-file.js'

export interface SourceTable {
  /** Null in a folder. */
  readonly schema: string | null
  readonly table: string
}

export const isPostgres = (location: string): boolean => /^postgres(?:ql)?:\/\//.test(location)

export async function sourceTables(location: string): Promise<readonly SourceTable[]> {
  if (isPostgres(location)) return postgresTables(location)
  if (!existsSync(location)) refuse('TIE-5025', { detail: `there is nothing at ${location}` })
  if (!statSync(location).isDirectory()) return duckdbTables(location)
  const names = readdirSync(location)
    .filter((file) => /\.(?:csv|parquet)$/i.test(file))
    .map((file) => parse(file).name)
  return [...new Set(names)].sort(compareText).map((table) => ({ schema: null, table }))
}

async function postgresTables(url: string): Promise<readonly SourceTable[]> {
  const { default: pg } = await import('pg')
  const client = new pg.Client({ connectionString: url })
  try {
    await client.connect()
    const { rows } = await client.query<{ schema: string; table: string }>(
      `SELECT table_schema AS schema, table_name AS table FROM information_schema.tables
       WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2`,
    )
    return rows
  } catch (error) {
    refuse('TIE-1301', { url: withoutPassword(url), detail: (error as Error).message })
  } finally {
    await client.end().catch(() => undefined)
  }
}

async function duckdbTables(file: string): Promise<readonly SourceTable[]> {
  const { DuckDBInstance } = await import('@duckdb/node-api')
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  try {
    await connection.run(`ATTACH ${literal(file)} AS mart_source (READ_ONLY)`)
    const listed = await connection.runAndReadAll(
      `SELECT schema_name, table_name FROM (SELECT database_name, schema_name, table_name FROM duckdb_tables()
         UNION ALL SELECT database_name, schema_name, view_name FROM duckdb_views() WHERE NOT internal)
       WHERE database_name = 'mart_source' ORDER BY 1, 2`,
    )
    return (listed.getRows() as [string, string][]).map(([schema, table]) => ({ schema, table }))
  } catch (error) {
    refuse('TIE-5023', { engine: 'DuckDB', object: file, detail: (error as Error).message.split('\n')[0]! })
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}
