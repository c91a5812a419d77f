/**
 * Runs the DuckDB print, the PostgreSQL print and the evaluator over one set of tables and compares every cell; checks
 * what must hold and collects what is odd. Raises what the runs raise.
 */

import type { Finding } from '../../base/finding.js'
import { agreeing, plural } from '../../base/text.js'
import type { Books, TenantId } from '../../books/books.js'
import type { Connection } from '../../books/operation.js'
import { measureColumn, partsOf } from '../config.js'
import { claimedFacts } from '../evaluate/claims.js'
import { evaluateMart } from '../evaluate/evaluate.js'
import { martFindings } from '../mart-findings.js'
import { type Check, coverage, inputFindings, leavesAndTotals, uniqueKeys } from '../proof/checks.js'
import { type Comparison, compareRows, keyed } from '../proof/compare.js'
import type { LoadedMart } from './load.js'
import { type MartRows, runOnDuckDB } from './run-duckdb.js'
import { runOnPostgres } from './run-postgres.js'

export interface Validation {
  readonly valid: boolean
  readonly stages: MartRows['stages']
  readonly comparisons: readonly (Comparison & { readonly first: string; readonly second: string })[]
  readonly checks: readonly Check[]
  readonly findings: readonly Finding[]
}

/** A Snowflake account that runs the mart as well. */
export interface SnowflakeEngine {
  readonly id: string
  readonly connection: Connection
  readonly signal: AbortSignal
}

export async function validateMart(
  mart: LoadedMart,
  books: Books,
  tenant: TenantId,
  account?: SnowflakeEngine,
): Promise<Validation> {
  const { shape, data, tables, source } = mart
  const { config } = shape
  const duckdb = await runOnDuckDB(mart)
  const postgres = await runOnPostgres(mart, books, tenant)
  const snowflake = account === undefined ? undefined : await onSnowflake(mart, account)
  const facts = await source.read(partsOf(config.fact.table))
  const extension = config.extension === null ? undefined : await source.read(partsOf(config.extension.table))
  const claimed = claimedFacts(config, tables, facts, data.nodes, data.mapping)
  const evaluated = evaluateMart(config, data.nodes, data.formulas, facts, claimed, extension)

  const { columns } = duckdb
  const figures = new Set(config.fact.measures.map((measure) => measureColumn(config, measure)))
  const rows = keyed(columns, duckdb.rows)
  const comparisons = [
    {
      first: 'duckdb',
      second: 'postgres',
      ...compareRows(rows, keyed(columns, postgres.rows), columns, figures),
    },
    { first: 'duckdb', second: 'evaluator', ...compareRows(rows, evaluated, columns, figures) },
    ...(snowflake === undefined
      ? []
      : [
          {
            first: 'duckdb',
            second: 'snowflake',
            ...compareRows(rows, keyed(columns, snowflake.rows), columns, figures),
          },
        ]),
  ]
  const input = { config, tables, facts, nodes: data.nodes, mapping: data.mapping, claimed, rows }
  const checks: Check[] = [
    ...duckdb.stages.map(({ layer, object, rows: count }, i) => ({
      check: 'row_counts',
      statement: `${layer} ${object}: ${plural(count, 'row')} by DuckDB, ${postgres.stages[i]!.rows.toLocaleString('en-US')} by PostgreSQL`,
      holds: count === postgres.stages[i]!.rows,
    })),
    ...(snowflake?.stages ?? []).map(({ layer, object, rows: count }, i) => ({
      check: 'row_counts',
      statement: `${layer} ${object}: ${plural(count, 'row')} by Snowflake`,
      holds: count === duckdb.stages[i]!.rows,
    })),
    ...(await joinCardinality(mart, claimed)),
    ...coverage(input).map(({ unmapped: _, ...check }) => check),
    ...leavesAndTotals(input),
    uniqueKeys(input),
  ]
  return {
    valid: checks.every(({ holds }) => holds) && comparisons.every(({ differences }) => differences === 0),
    stages: duckdb.stages,
    comparisons,
    checks,
    findings: [...inputFindings(input), ...martFindings(config, columns, duckdb.rows)],
  }
}

async function onSnowflake(mart: LoadedMart, { id, connection, signal }: SnowflakeEngine): Promise<MartRows> {
  const { runOnSnowflake } = await import('./run-snowflake.js')
  return runOnSnowflake(mart, id, connection, signal)
}

/** Facts that DT_3A has for its nodes are those that belong to them: no join has multiplied or lost one. */
async function joinCardinality(
  { shape: { config }, source }: LoadedMart,
  claimed: ReturnType<typeof claimedFacts>,
): Promise<readonly Check[]> {
  const { objectNames } = await import('../pipeline/columns.js')
  const { quoted } = await import('../../engines/duckdb-file.js')
  const { dt3a } = objectNames(config)
  const [row] = await source.rows(
    dt3a,
    `SELECT CAST(coalesce(sum("FACT_ROWS"), 0) AS VARCHAR) FROM ${quoted(dt3a)}`,
  )
  const expected = claimed.reduce((sum, { nodes }) => sum + nodes.length, 0)
  return [
    {
      check: 'join_cardinality',
      statement: `DT_3A joins ${plural(Number(row![0]), 'fact')} to nodes; ${expected.toLocaleString('en-US')} ${agreeing(expected, 'belongs', 'belong')} to them`,
      holds: row![0] === String(expected),
    },
  ]
}
