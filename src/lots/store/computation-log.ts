/**
 * The log of computations: a row is written when one begins, in a transaction of its own, and ends once. One that
 * fails is in it all the same; one whose process died is ended with its run. Raises Error (a bug of the caller)
 * when a computation that is to end is not in progress.
 */

import type { Instant } from '../../base/dates.js'
import type { Digest } from '../../base/digest.js'
import type { Books, TenantId, Tx } from '../../books/books.js'
import type { JsonObject, RunId } from '../../books/runs.js'

export type ComputationStatus = 'in_progress' | 'completed' | 'partial' | 'failed'
export type ComputationMode = 'full' | 'incremental'

/** A symbol that could not be computed: its rows are those of an earlier computation. */
export interface FailedSymbol {
  readonly symbol: string
  readonly code: string
  readonly message: string
}

export interface Computation {
  readonly computation_no: number
  readonly allocation_version: number
  readonly batch_id: RunId
  readonly mode: ComputationMode
  readonly status: ComputationStatus
  readonly started_at: string
  readonly finished_at: string | null
  readonly duration_ms: number | null
  readonly computed_by: string
  /** Number of arrival of the newest fact it has seen. */
  readonly trades_through: number | null
  readonly symbols_done: number | null
  readonly symbols_failed: number | null
  readonly failed_symbols: readonly FailedSymbol[]
  readonly trades: number | null
  readonly allocations: number | null
  readonly unmatched: number | null
  readonly open_lots: number | null
  readonly rows_written: number | null
  readonly rows_superseded: number | null
  readonly facts_digest: Digest | null
  readonly config_digest: Digest | null
  readonly result_digest: Digest | null
  readonly error: JsonObject | null
}

export interface NewComputation {
  readonly allocation_version: number
  /** Of a run that has begun. */
  readonly batch_id: RunId
  readonly mode: ComputationMode
  readonly started_at: Instant
  readonly computed_by: string
}

/** The number of the computation. */
export async function beginComputation(
  books: Books,
  tenant: TenantId,
  given: NewComputation,
): Promise<number> {
  const [row] = await books.transaction(tenant, (tx) =>
    tx.rows<{ computation_no: bigint }>(
      `INSERT INTO fifo_computation_log (tenant_id, allocation_version, batch_id, mode, started_at, computed_by)
       VALUES ($1, $2, $3, $4, $5, $6) RETURNING computation_no`,
      [tenant, given.allocation_version, given.batch_id, given.mode, given.started_at, given.computed_by],
    ),
  )
  return Number(row!.computation_no)
}

export interface EndedComputation {
  readonly batch_id: RunId
  readonly finished_at: Instant
  readonly duration_ms: number
  readonly trades_through: bigint
  readonly symbols_done: number
  readonly failed_symbols: readonly FailedSymbol[]
  readonly trades: number
  readonly allocations: number
  readonly unmatched: number
  readonly open_lots: number
  readonly rows_written: number
  readonly rows_superseded: number
  readonly facts_digest: Digest
  readonly config_digest: Digest
  readonly result_digest: Digest
}

/** Version of the engine that a computation was made with; undefined where its run does not say. */
export async function engineOf(tx: Tx, batch: RunId): Promise<string | undefined> {
  const [row] = await tx.rows<{ engine: string | null }>(
    `SELECT parameters ->> 'lots_engine' AS engine FROM calculation_runs WHERE id = $1`,
    [batch],
  )
  return row?.engine ?? undefined
}

/** In the transaction that writes the batch: completed, or partial where symbols failed. */
export async function endComputation(tx: Tx, ended: EndedComputation): Promise<void> {
  const failed = ended.failed_symbols
  const updated = await tx.execute(
    `UPDATE fifo_computation_log
        SET status = $2, finished_at = $3, duration_ms = $4, trades_through = $5, symbols_done = $6,
            symbols_failed = $7, failed_symbols = $8::jsonb, trades = $9, allocations = $10, unmatched = $11,
            open_lots = $12, rows_written = $13, rows_superseded = $14, facts_digest = $15, config_digest = $16,
            result_digest = $17
      WHERE batch_id = $1 AND status = 'in_progress'`,
    [
      ended.batch_id,
      failed.length === 0 ? 'completed' : 'partial',
      ended.finished_at,
      Math.round(ended.duration_ms),
      ended.trades_through,
      ended.symbols_done,
      failed.length,
      JSON.stringify(failed),
      ended.trades,
      ended.allocations,
      ended.unmatched,
      ended.open_lots,
      ended.rows_written,
      ended.rows_superseded,
      ended.facts_digest,
      ended.config_digest,
      ended.result_digest,
    ],
  )
  if (updated !== 1) throw new Error(`the computation of batch ${ended.batch_id} is not in progress`)
}

export interface FailedComputation {
  readonly batch_id: RunId
  readonly finished_at: Instant
  readonly duration_ms: number
  readonly failed_symbols: readonly FailedSymbol[]
  readonly error: { readonly message: string } & JsonObject
}

/** In a transaction of its own; false when it has ended already. */
export async function failComputation(
  books: Books,
  tenant: TenantId,
  failed: FailedComputation,
): Promise<boolean> {
  const updated = await books.transaction(tenant, (tx) =>
    tx.execute(
      `UPDATE fifo_computation_log
          SET status = 'failed', finished_at = $2, duration_ms = $3, symbols_failed = $4, failed_symbols = $5::jsonb,
              error = $6::jsonb
        WHERE batch_id = $1 AND status = 'in_progress'`,
      [
        failed.batch_id,
        failed.finished_at,
        Math.round(failed.duration_ms),
        failed.failed_symbols.length,
        JSON.stringify(failed.failed_symbols),
        JSON.stringify(failed.error),
      ],
    ),
  )
  return updated === 1
}

const COUNTS = [
  'computation_no',
  'trades_through',
  'trades',
  'allocations',
  'unmatched',
  'open_lots',
  'rows_written',
  'rows_superseded',
] as const

/** Newest first, of one version or of all; before a number where one is given. */
export async function listComputations(
  tx: Tx,
  {
    version,
    before,
    limit = 100,
  }: {
    readonly version?: number | undefined
    readonly before?: number | undefined
    readonly limit?: number
  } = {},
): Promise<Computation[]> {
  const rows = await tx.rows<Record<string, unknown>>(
    `SELECT computation_no, allocation_version, batch_id, mode, status, started_at, finished_at, duration_ms,
            computed_by, trades_through, symbols_done, symbols_failed, failed_symbols, trades, allocations, unmatched,
            open_lots, rows_written, rows_superseded, facts_digest, config_digest, result_digest, error
       FROM fifo_computation_log
      WHERE ($1::integer IS NULL OR allocation_version = $1) AND ($2::bigint IS NULL OR computation_no < $2)
      ORDER BY computation_no DESC LIMIT $3`,
    [version ?? null, before ?? null, limit],
  )
  return rows.map((row) => {
    const counted = COUNTS.map((name) => [name, row[name] === null ? null : Number(row[name])])
    return { ...row, ...Object.fromEntries(counted) } as Computation
  })
}
