/** Reading run headers, whatever calculation they belong to. Raises TIE-1103 for a run that is not there. */

import { refuse } from '../base/errors.js'
import { nearest } from '../base/text.js'
import type { Tx } from './books.js'
import type { JsonObject, RunId, RunKind, RunStatus } from './runs.js'

export interface RunHeader {
  readonly id: RunId
  readonly kind: RunKind
  readonly use_case_id: string | null
  readonly pnl_date: string | null
  readonly run_name: string
  readonly executed_at: string
  readonly status: RunStatus
  readonly triggered_by: string
  readonly calculation_duration_ms: number | null
  readonly policy: string | null
  readonly parameters: JsonObject
  readonly engine_version: string
  readonly input_digest: string | null
  readonly result_digest: string | null
  readonly digests: Readonly<Record<string, string>>
  readonly trial: boolean
  readonly error: JsonObject | null
  readonly finished_at: string | null
}

const COLUMNS = `id, kind, use_case_id, pnl_date, run_name, executed_at, status, triggered_by,
  calculation_duration_ms, policy, parameters, engine_version, input_digest, result_digest, digests, trial, error, finished_at`

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** The run of that id; an unambiguous beginning of at least 6 characters will do. */
export async function runHeader(tx: Tx, id: string): Promise<RunHeader> {
  const text = id.toLowerCase()
  const whole = UUID.test(text)
  const rows = whole
    ? await tx.rows<RunHeader>(`SELECT ${COLUMNS} FROM calculation_runs WHERE id = $1`, [text])
    : /^[0-9a-f-]{6,36}$/.test(text)
      ? await tx.rows<RunHeader>(`SELECT ${COLUMNS} FROM calculation_runs WHERE id::text LIKE $1 LIMIT 2`, [
          `${text}%`,
        ])
      : []
  if (rows.length === 1) return rows[0]!
  if (rows.length > 1)
    refuse('TIE-1103', { run: id, suggestion: 'Several runs begin like that; write more of the id.' })
  const known = await tx.rows<{ id: string }>(
    'SELECT id FROM calculation_runs ORDER BY executed_at DESC LIMIT 200',
  )
  const near = nearest(
    text,
    known.map((row) => row.id),
    1,
  )
  refuse('TIE-1103', { run: id, ...(near.length > 0 ? { suggestion: `Did you mean ${near[0]}?` } : {}) })
}

export interface RunFilter {
  readonly kind?: RunKind
  readonly pnl_date?: string
  readonly use_case_id?: string
  readonly limit: number
}

/** Newest first. */
export function listRunHeaders(
  tx: Tx,
  { kind, pnl_date, use_case_id, limit }: RunFilter,
): Promise<RunHeader[]> {
  return tx.rows<RunHeader>(
    `SELECT ${COLUMNS} FROM calculation_runs
      WHERE ($1::text IS NULL OR kind = $1) AND ($2::date IS NULL OR pnl_date = $2::date)
        AND ($3::uuid IS NULL OR use_case_id = $3::uuid)
      ORDER BY executed_at DESC, id DESC LIMIT $4`,
    [kind ?? null, pnl_date ?? null, use_case_id ?? null, limit],
  )
}

/** Of the newest COB date that has a completed run that is no trial, the newest such run. */
export async function latestCompletedRun(tx: Tx, kind: RunKind): Promise<RunHeader | undefined> {
  const [header] = await tx.rows<RunHeader>(
    `SELECT ${COLUMNS} FROM calculation_runs
      WHERE kind = $1 AND status = 'COMPLETED' AND NOT trial AND pnl_date IS NOT NULL
      ORDER BY pnl_date DESC, executed_at DESC, id DESC LIMIT 1`,
    [kind],
  )
  return header
}
