/**
 * The life of a calculation: a header IN_PROGRESS in a transaction of its own, then everything it made and
 * COMPLETED in one transaction, or FAILED with the reason and no results. A process that dies leaves its
 * header IN_PROGRESS; since a calculation runs while its lock is held, whoever can take the lock knows that.
 * Raises Error when a run that is to be sealed is not in progress: its maker lost it to another process.
 */

import type { Instant, IsoDate } from '../base/dates.js'
import type { Digest } from '../base/digest.js'
import type { Finding } from '../base/finding.js'
import type { Books, TenantId, Tx } from './books.js'

export type RunId = string & { readonly __run: never }
export type RunKind = 'rollup' | 'lots' | 'attribution' | 'reconciliation' | 'mart'
export type RunStatus = 'IN_PROGRESS' | 'COMPLETED' | 'FAILED'

/** JSON as it is stored; amounts in it are text. */
export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [key: string]: Json | undefined }
export type JsonObject = { readonly [key: string]: Json | undefined }

export interface NewRun {
  readonly id: RunId
  readonly kind: RunKind
  readonly use_case_id?: string
  readonly pnl_date?: IsoDate
  readonly run_name: string
  readonly executed_at: Instant
  readonly triggered_by: string
  readonly policy?: string
  /** Scope and versions used. */
  readonly parameters: JsonObject
  readonly engine_version: string
  readonly input_digest?: Digest
  readonly trial?: boolean
}

export interface SealedRun {
  readonly id: RunId
  readonly result_digest: Digest
  readonly finished_at: Instant
  readonly calculation_duration_ms: number
  readonly findings: readonly Finding[]
  readonly input_digest?: Digest
  readonly digests?: Readonly<Record<string, Digest>>
  /** Added to those of the header, where the names differ. */
  readonly parameters?: JsonObject
}

export interface FailedRun {
  readonly id: RunId
  readonly finished_at: Instant
  readonly calculation_duration_ms?: number
  /** At least what went wrong; the code of a refusal, the node and the rule where there are any. */
  readonly error: { readonly message: string } & JsonObject
}

/** The lock to hold, by `books.whileHolding`, from before `openRun` until the run is sealed or failed. */
export const runLock = (id: RunId): string => `run:${id}`

export async function openRun(books: Books, tenant: TenantId, run: NewRun): Promise<void> {
  await books.transaction(tenant, (tx) =>
    tx.execute(
      `INSERT INTO calculation_runs (tenant_id, id, kind, use_case_id, pnl_date, run_name, executed_at,
         triggered_by, policy, parameters, engine_version, input_digest, trial)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::jsonb, $11, $12, $13)`,
      [
        tenant,
        run.id,
        run.kind,
        run.use_case_id ?? null,
        run.pnl_date ?? null,
        run.run_name,
        run.executed_at,
        run.triggered_by,
        run.policy ?? null,
        JSON.stringify(run.parameters),
        run.engine_version,
        run.input_digest ?? null,
        run.trial ?? false,
      ],
    ),
  )
}

/** In the transaction that wrote the results, last, so that both are kept or neither. */
export async function sealRun(tx: Tx, run: SealedRun): Promise<void> {
  await saveFindings(tx, run.id, run.findings)
  const sealed = await tx.execute(
    `UPDATE calculation_runs
     SET status = 'COMPLETED', result_digest = $2, finished_at = $3, calculation_duration_ms = $4,
         input_digest = coalesce($5, input_digest), digests = $6::jsonb, parameters = parameters || $7::jsonb
     WHERE tenant_id = tieout_current_tenant() AND id = $1 AND status = 'IN_PROGRESS'`,
    [
      run.id,
      run.result_digest,
      run.finished_at,
      Math.round(run.calculation_duration_ms),
      run.input_digest ?? null,
      JSON.stringify(run.digests ?? {}),
      JSON.stringify(run.parameters ?? {}),
    ],
  )
  if (sealed !== 1) throw new Error(`run ${run.id} is not in progress and cannot be sealed`)
}

async function saveFindings(tx: Tx, run: RunId, findings: readonly Finding[]): Promise<void> {
  if (findings.length === 0) return
  await tx.execute(
    `INSERT INTO run_findings (tenant_id, run_id, ordinal, code, severity, node_id, measure, scenario, amount,
       rows, message, suggestion, detail)
     SELECT tieout_current_tenant(), $1::uuid, f.ordinal, f.code, f.severity, f.node_id, f.measure, f.scenario,
       f.amount, f.rows, f.message, f.suggestion, f.detail
     FROM jsonb_to_recordset($2::jsonb) AS f(ordinal integer, code text, severity text, node_id text,
       measure text, scenario text, amount numeric, rows bigint, message text, suggestion text, detail jsonb)`,
    [run, JSON.stringify(findings.map((finding, index) => ({ ...finding, ordinal: index + 1 })))],
  )
}

/** Findings of a run in the order they were made. */
export async function findingsOf(tx: Tx, run: RunId): Promise<readonly Finding[]> {
  const rows = await tx.rows<Record<string, unknown>>(
    `SELECT code, severity, message, suggestion, node_id, measure, scenario, amount, rows, detail
     FROM run_findings WHERE tenant_id = tieout_current_tenant() AND run_id = $1 ORDER BY ordinal`,
    [run],
  )
  return rows.map((row) => {
    const present = Object.entries(row).filter(([, value]) => value !== null)
    const told = present.map(([name, value]) => [name, name === 'rows' ? Number(value) : value])
    return Object.fromEntries(told) as Finding
  })
}

/** False when the run is not in progress any more, and then nothing is changed. */
export async function failRun(books: Books, tenant: TenantId, run: FailedRun): Promise<boolean> {
  const failed = await books.transaction(tenant, (tx) =>
    tx.execute(
      `UPDATE calculation_runs
       SET status = 'FAILED', error = $2::jsonb, finished_at = $3, calculation_duration_ms = $4
       WHERE tenant_id = tieout_current_tenant() AND id = $1 AND status = 'IN_PROGRESS'`,
      [
        run.id,
        JSON.stringify(run.error),
        run.finished_at,
        run.calculation_duration_ms === undefined ? null : Math.round(run.calculation_duration_ms),
      ],
    ),
  )
  return failed === 1
}

/** Marks the runs whose process has ended FAILED and returns them; those that still run are left alone. */
export async function failOrphans(
  books: Books,
  tenant: TenantId,
  finished_at: Instant,
): Promise<readonly RunId[]> {
  const open = await books.transaction(tenant, (tx) =>
    tx.rows<{ id: RunId }>(
      `SELECT id FROM calculation_runs
       WHERE tenant_id = tieout_current_tenant() AND status = 'IN_PROGRESS' ORDER BY executed_at, id`,
    ),
  )
  const orphans: RunId[] = []
  const error = { message: 'the process that made it ended' }
  for (const { id } of open) {
    const failed = await books.whileHolding(runLock(id), () =>
      failRun(books, tenant, { id, finished_at, error }),
    )
    if (failed === true) orphans.push(id)
  }
  return orphans
}
