/**
 * Facts of a Parquet, CSV or DuckDB file, by where a row stands in it: the row number of a Parquet file, the
 * row of a CSV counted from 1 without its header, the rowid of a table. Raises what opening the file raises.
 *
 * A sum of DECIMAL(38) can wrap silently in DuckDB, so a column that wide is added up as whole units in two
 * parts that cannot, unless its sum is far from that.
 */

import { extname } from 'node:path'
import { decimal, pow10 } from '../base/decimal.js'
import {
  type DuckColumn,
  type DuckFile,
  literal,
  type OpenDuckFile,
  openDuckFile,
  refuseUnreadable,
  rowsOf,
} from './duckdb-file.js'
import { type Addend, type FactRows, factRows, type RowsEngine } from './fact-rows.js'
import { DUCKDB } from './sql-dialect.js'

/** Opens the file; `close` frees the engine. */
export async function openDuckRows(file: DuckFile): Promise<FactRows & { close(): void }> {
  const open = await openDuckFile(file)
  try {
    const { listValue } = await import('@duckdb/node-api')
    const { columns } = open
    const engine: RowsEngine = {
      name: file.path,
      dialect: DUCKDB,
      columns,
      ...(await numbered(open, file)),
      origin: null,
      own: () => [],
      addends: (column) => addendsOf(open, columns.find(({ name }) => name === column.name)!),
      query: async (list, rest, values) => {
        const bound = values.map((value) => (typeof value === 'string' ? value : listValue([...value])))
        try {
          const result = await open.connection.runAndReadAll(`SELECT ${list.join(', ')} ${rest}`, bound)
          return result.getRows() as (string | null)[][]
        } catch (error) {
          refuseUnreadable(file, error)
        }
      },
    }
    return { ...factRows(engine), close: open.close }
  } catch (error) {
    open.close()
    throw error
  }
}

/** The relation with a column that tells its rows apart and does not change while the file does not. */
async function numbered(
  { connection, relation, columns }: OpenDuckFile,
  { path, table }: DuckFile,
): Promise<Pick<RowsEngine, 'from' | 'position'>> {
  const kind = extname(path)
  const taken = new Set(columns.map(({ name }) => name.toLowerCase()))
  if (kind === '.duckdb' || kind === '.db') {
    const found = await rowsOf(
      connection,
      `SELECT 1 AS one FROM duckdb_tables() WHERE database_name = 'facts' AND table_name = ${literal(table ?? 'facts')}`,
    )
    // A view has no rowid, and a column may have taken its name.
    if (found.length > 0 && !taken.has('rowid'))
      return { from: relation, position: { name: 'rowid', sql: 'rowid' } }
  } else if (kind !== '.csv' && !taken.has('file_row_number')) {
    const from = `read_parquet(${literal(path)}, file_row_number = true)`
    return { from, position: { name: 'file_row_number', sql: 'file_row_number' } }
  }
  let name = 'row_number'
  while (taken.has(name)) name += '_'
  const sql = DUCKDB.identifier(name)
  // DuckDB keeps the order of a file, and a window without an order counts in it.
  const from = `(SELECT row_number() OVER () AS ${sql}, * FROM ${relation})`
  return { from, position: { name: 'row_number', sql } }
}

/** Sums below this many units are far from where a HUGEINT ends. */
const SAFE_UNITS = 1e38
/** Half of the digits of a HUGEINT. */
const HALF = pow10(19)

/** As it is where no sum can wrap; else as whole units in two parts, which takes long and is rarely needed. */
async function addendsOf(
  { connection, relation }: OpenDuckFile,
  { sql, scale, narrow }: DuckColumn,
): Promise<readonly Addend[]> {
  const plain = [{ sql, factor: decimal(1n) }]
  if (narrow) return plain
  const sum = `coalesce(sum(abs(CAST(${sql} AS DOUBLE))), 0)`
  const [row] = await rowsOf(connection, `SELECT ${sum} AS size FROM ${relation}`)
  if (Number(row!.size) * 10 ** scale < SAFE_UNITS) return plain
  const units = `CAST(replace(CAST(${sql} AS VARCHAR), '.', '') AS HUGEINT)`
  return [
    { sql: `${units} // ${HALF}`, factor: decimal(HALF, scale) },
    { sql: `${units} % ${HALF}`, factor: decimal(1n, scale) },
  ]
}
