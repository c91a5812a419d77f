/**
 * Runs the checks of a mart over its objects in DuckDB and keeps those that hold: what was not seen to pass is not
 * written for others to run. Raises TIE-5023.
 */

import { DUCKDB_PLAN } from '../../engines/plan/dialects.js'
import { printPlan } from '../../engines/plan/print.js'
import { brokenBy, type MartCheck } from '../checks/check.js'
import { martChecks } from '../checks/checks.js'
import type { LoadedMart } from './load.js'
import { localPipeline } from './run-duckdb.js'

export interface CheckedMart {
  /** Those that hold, over the tables as the configuration names them. */
  readonly checks: readonly MartCheck[]
  readonly left_out: readonly { readonly check: string; readonly statement: string; readonly rows: number }[]
}

/** After `runOnDuckDB`, which makes the objects. */
export async function runChecks(mart: LoadedMart): Promise<CheckedMart> {
  const { shape, data, source } = mart
  const rows = new Map<string, number>()
  for (const check of martChecks(localPipeline(mart).shape, data.formulas)) {
    const { sql } = printPlan(brokenBy(check), DUCKDB_PLAN)
    const [count] = await source.rows(
      check.object,
      `SELECT CAST(count(*) AS VARCHAR) FROM (\n${sql}\n) AS broken`,
    )
    rows.set(check.name, Number(count![0]))
  }
  const all = martChecks(shape, data.formulas)
  const checks = all.filter(({ name }) => rows.get(name) === 0)
  return {
    checks,
    left_out: all
      .filter((check) => !checks.includes(check))
      .map(({ name, statement }) => ({ check: name, statement, rows: rows.get(name)! })),
  }
}
