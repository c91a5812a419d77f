/** DuckDB itself, for files that tests read. */

import { DuckDBInstance } from '@duckdb/node-api'

/** Runs one statement in an instance of its own. */
export async function duckQuery(sql: string): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  try {
    await connection.run(sql)
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}
