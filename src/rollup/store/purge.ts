/**
 * The one sanctioned removal: a use case with its versions, rules, runs and facts, all or nothing, by the role
 * tieout_purger, and logged. Facts in a registered table belong to the table, which other use cases may read,
 * and stay; those of fact_pnl_entries belong to their use case and go.
 *
 * Raises TIE-1206 while a run of the use case is in progress, TIE-1305 when the login may not take the role.
 */

import { problem, Refusal, refuse } from '../../base/errors.js'
import type { TenantId, Tx } from '../../books/books.js'
import { isSqlError } from '../../books/types.js'

export interface Purged {
  readonly rules: number
  readonly runs: number
  readonly facts: number
}

const RUNS = 'SELECT id FROM calculation_runs WHERE use_case_id = $1'

/** What belongs to the runs, then what belongs to the use case: each before what it refers to. */
const OF_RUNS: readonly (readonly [table: string, column: string])[] = [
  ['run_sign_offs', 'run_id'],
  ['run_findings', 'run_id'],
  ['run_adjustments', 'run_id'],
  ['fact_calculated_results', 'calculation_run_id'],
]
const OF_USE_CASE: readonly string[] = [
  'calculation_runs',
  'fact_adjustments',
  'fact_pnl_entries',
  'fact_imports',
  'metadata_rules',
  'use_case_versions',
  'use_cases',
]

export async function purgeUseCase(tx: Tx, id: string): Promise<Purged> {
  // Whoever creates a run refers to this row and so waits for it.
  await tx.rows('SELECT 1 FROM use_cases WHERE use_case_id = $1 FOR UPDATE', [id])
  const [open] = await tx.rows<{ id: string }>(`${RUNS} AND status = 'IN_PROGRESS' LIMIT 1`, [id])
  if (open !== undefined) refuse('TIE-1206', { run: open.id })
  const gone = new Map<string, number>()
  try {
    await tx.asPurger(async () => {
      for (const [table, column] of OF_RUNS)
        gone.set(table, await tx.execute(`DELETE FROM ${table} WHERE ${column} IN (${RUNS})`, [id]))
      for (const table of OF_USE_CASE)
        gone.set(table, await tx.execute(`DELETE FROM ${table} WHERE use_case_id = $1`, [id]))
    })
  } catch (error) {
    if (!isSqlError(error, '42501')) throw error
    const detail = 'this login is no member of it, so it cannot purge.'
    throw new Refusal([problem('TIE-1305', { role: 'tieout_purger', detail })], { cause: error })
  }
  return {
    rules: gone.get('metadata_rules')!,
    runs: gone.get('calculation_runs')!,
    facts: gone.get('fact_pnl_entries')!,
  }
}

export async function logPurge(
  tx: Tx,
  tenant: TenantId,
  entry: {
    readonly id: string
    readonly by: string
    readonly use_case_id: string
    readonly use_case: string
    readonly summary: object
  },
): Promise<void> {
  await tx.execute(
    `INSERT INTO purge_log (tenant_id, purge_id, purged_by, use_case_id, use_case, summary)
     VALUES ($1, $2, $3, $4, $5, $6::jsonb)`,
    [tenant, entry.id, entry.by, entry.use_case_id, entry.use_case, JSON.stringify(entry.summary)],
  )
}
