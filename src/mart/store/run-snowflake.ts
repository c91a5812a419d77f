/**
 * Runs the Snowflake print of a mart on an account, over copies of its tables: temporary tables of one request, so that
 * nothing is left and nothing of the account is read. The queries are those of the pipeline; what refreshes them is not run.
 * Raises TIE-5022, TIE-5023, TIE-5071 (no answer), TIE-5072 (more than one request takes).
 */

import { refuse } from '../../base/errors.js'
import type { Connection } from '../../books/operation.js'
import { SNOWFLAKE_PLAN } from '../../engines/plan/dialects.js'
import { printName, printPlan } from '../../engines/plan/print.js'
import { execute, type Statement } from '../../engines/snowflake/account.js'
import { objectNames } from '../pipeline/columns.js'
import { printPipeline } from '../pipeline/pipeline.js'
import type { Cell } from '../table.js'
import { type LoadedMart, tablesOf } from './load.js'
import { localPipeline, type MartRows, martColumns, refuseUnsupported } from './run-duckdb.js'

/** Bytes of SQL that Snowflake takes in one request, and rows in one VALUES. */
const MOST_TEXT = 1_000_000
const MOST_ROWS = 10_000
const TIMEOUT = 600

export async function runOnSnowflake(
  mart: LoadedMart,
  id: string,
  connection: Connection,
  signal: AbortSignal,
): Promise<MartRows> {
  const { config, objects } = localPipeline(mart)
  refuseUnsupported(printPipeline(objects, config, 'snowflake'), 'Snowflake')
  const columns = martColumns(config)
  const made = objects.map(({ name: object, plan }) => ({
    object,
    sql: `CREATE TEMPORARY TABLE ${name(object)} AS\n${printPlan(plan, SNOWFLAKE_PLAN).sql}`,
  }))
  const counts = objects.map(({ name: object }) => ({
    object,
    sql: `SELECT CAST(COUNT(*) AS VARCHAR) FROM ${name(object)}`,
  }))
  const { dt3 } = objectNames(config)
  const list = columns.map((column) => `CAST(${name(column)} AS VARCHAR)`).join(', ')
  const rows = { object: dt3, sql: `SELECT ${list} FROM ${name(dt3)}` }
  const statements: Statement[] = [...(await copies(mart)), ...made, ...counts, rows]
  const bytes = statements.reduce((sum, { sql }) => sum + Buffer.byteLength(sql), 0)
  if (bytes > MOST_TEXT)
    refuse('TIE-5072', {
      connection: id,
      bytes: bytes.toLocaleString('en-US'),
      limit: MOST_TEXT.toLocaleString('en-US'),
    })
  const wanted = [...counts, rows].map((_, i) => statements.length - counts.length - 1 + i)
  const results = await execute(
    {
      connection,
      signal,
      refuse: (detail) => refuse('TIE-5071', { connection: id, detail }),
      refuseStatement,
    },
    {
      statements: statements as [Statement, ...Statement[]],
      warehouse: config.snowflake.warehouse,
      timeout: TIMEOUT,
    },
    wanted,
  )
  return {
    columns,
    rows: results.at(-1)!,
    stages: objects.map(({ layer, name: object }, i) => ({
      layer,
      object,
      rows: Number(results[i]![0]![0]),
    })),
  }
}

/** What Snowflake has against a statement about the object. */
export const refuseStatement = (object: string, detail: string): never =>
  refuse('TIE-5023', { engine: 'Snowflake', object, detail })

const name = (text: string): string => printName([text], SNOWFLAKE_PLAN).sql

async function copies({ source, shape: { config } }: LoadedMart): Promise<Statement[]> {
  const copied = new Set<string>()
  const statements: Statement[] = []
  for (const parts of tablesOf(config)) {
    const local = source.localName(parts)
    if (copied.has(local)) continue
    copied.add(local)
    const { columns, rows } = await source.read(parts)
    const target = name(local)
    const typed = columns.map((column) => `${name(column)} VARCHAR`).join(', ')
    statements.push({ object: local, sql: `CREATE TEMPORARY TABLE ${target} (${typed})` })
    for (let from = 0; from < rows.length; from += MOST_ROWS) {
      const values = rows.slice(from, from + MOST_ROWS).map((row) => `(${row.map(constant).join(', ')})`)
      statements.push({ object: local, sql: `INSERT INTO ${target} VALUES\n${values.join(',\n')}` })
    }
  }
  return statements
}

const constant = (cell: Cell): string => (cell === null ? 'NULL' : SNOWFLAKE_PLAN.text(cell))
