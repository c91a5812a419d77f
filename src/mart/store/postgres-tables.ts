/**
 * Tables of a PostgreSQL database, read as text in one snapshot and put into DuckDB. Raises TIE-1301 (no connection),
 * TIE-5003.
 */

import type { DuckDBConnection } from '@duckdb/node-api'
import pg from 'pg'
import { Refusal, refuse } from '../../base/errors.js'
import { withoutPassword } from '../../books/location.js'
import { quoted } from '../../engines/duckdb-file.js'
import { chosen } from './source.js'

/** Rows fetched at once. */
const BATCH = 10_000

export async function bringFromPostgres(
  connection: DuckDBConnection,
  url: string,
  tables: readonly (readonly string[])[],
): Promise<ReadonlyMap<string, string>> {
  const client = new pg.Client({ connectionString: url })
  try {
    await client.connect()
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    await client.query("SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL TimeZone = 'UTC'")
    const listed = await client.query<{ schema: string; table: string }>(
      `SELECT table_schema AS schema, table_name AS table FROM information_schema.tables
       WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2`,
    )
    const names = new Map<string, string>()
    for (const parts of tables) {
      const inSchema = parts.length > 1 ? listed.rows.filter(({ schema }) => schema === parts.at(-2)) : []
      const found = chosen(parts, inSchema.length > 0 ? inSchema : listed.rows, withoutPassword(url))
      const name = `${found.schema}.${found.table}`
      if (![...names.values()].includes(name)) await bring(client, connection, found, name)
      names.set(JSON.stringify(parts), name)
    }
    return names
  } catch (error) {
    if (error instanceof Refusal) throw error
    refuse('TIE-1301', { url: withoutPassword(url), detail: (error as Error).message })
  } finally {
    await client.end().catch(() => undefined)
  }
}

async function bring(
  client: pg.Client,
  connection: DuckDBConnection,
  { schema, table }: { readonly schema: string; readonly table: string },
  name: string,
): Promise<void> {
  const columns = await client.query<{ name: string; type: string }>(
    `SELECT attname AS name, format_type(atttypid, NULL) AS type FROM pg_attribute
     WHERE attrelid = format('%I.%I', $1::text, $2::text)::regclass AND attnum > 0 AND NOT attisdropped
     ORDER BY attnum`,
    [schema, table],
  )
  const types = columns.rows.map(
    (column) => `${quoted(column.name)} ${/^(?:real|double)/.test(column.type) ? 'DOUBLE' : 'VARCHAR'}`,
  )
  await connection.run(`CREATE TABLE ${quoted(name)} (${types.join(', ')})`)
  const values = columns.rows.map((column) => `${quoted(column.name)}::text`)
  await client.query(
    `DECLARE mart_rows NO SCROLL CURSOR FOR SELECT ${values.join(', ')} FROM ${quoted(schema)}.${quoted(table)}`,
  )
  for (;;) {
    const batch = await client.query<(string | null)[]>({
      text: `FETCH ${BATCH} FROM mart_rows`,
      rowMode: 'array',
    })
    if (batch.rows.length === 0) break
    const appender = await connection.createAppender(name)
    for (const row of batch.rows) {
      row.forEach((value, i) => {
        if (value === null) appender.appendNull()
        else if (types[i]!.endsWith(' DOUBLE')) appender.appendDouble(Number(value))
        else appender.appendVarchar(value)
      })
      appender.endRow()
    }
    appender.closeSync()
  }
  await client.query('CLOSE mart_rows')
}
