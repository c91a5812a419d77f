/**
 * Rows of a Parquet, CSV or DuckDB file: as text for an import into the books, or of a query over the file.
 * Raises what opening raises, and TIE-2408 for floating-point money.
 */

import { refuse } from '../base/errors.js'
import {
  type DuckFile,
  openDuckFile,
  quoted,
  type Row,
  refuseUnreadable,
  rowsOf,
  withDuckFile,
} from './duckdb-file.js'
import type { FactColumn } from './source.js'

export interface DuckRows {
  readonly columns: readonly FactColumn[]
  readonly rows: readonly (readonly (string | null)[])[]
}

/**
 * All rows in batches; the first batch has none and says what the columns are. `numeric` gives columns an exact
 * type of their own (`numeric(18,2)`), which is how floating-point money is taken in.
 */
export async function* readDuckRows(
  file: DuckFile,
  numeric: ReadonlyMap<string, string>,
): AsyncGenerator<DuckRows> {
  const { connection, relation, columns, close } = await openDuckFile(file)
  try {
    for (const { name, floating } of columns) {
      if (floating && !numeric.has(name)) refuse('TIE-2408', { column: name, source: file.path })
    }
    const described = columns.map(({ name, type }) => ({ name, type }))
    yield { columns: described, rows: [] }
    const list = columns.map(({ name, sql }) => {
      const typed = numeric.has(name) ? `CAST(${sql} AS ${numeric.get(name)})` : sql
      return `CAST(${typed} AS VARCHAR)`
    })
    const result = await connection.stream(`SELECT ${list.join(', ')} FROM ${relation}`)
    for (;;) {
      const chunk = await result.fetchChunk()
      if (chunk === null || chunk.rowCount === 0) return
      yield { columns: described, rows: chunk.getRows() as (string | null)[][] }
    }
  } catch (error) {
    refuseUnreadable(file, error)
  } finally {
    close()
  }
}

/** Rows of a query over the file, which the caller writes around the relation it is given. */
export function queryDuckFile(file: DuckFile, sql: (relation: string) => string): Promise<readonly Row[]> {
  return withDuckFile(file, ({ connection, relation, columns }) => {
    const typed = columns.map(({ name, sql: value }) => `${value} AS ${quoted(name)}`).join(', ')
    return rowsOf(connection, sql(`(SELECT ${typed} FROM ${relation})`))
  })
}
