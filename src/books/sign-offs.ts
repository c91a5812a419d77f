/**
 * Sign-offs: who stands behind a completed run. They are only added, one by each person, never by the one who
 * prepared the run; the database refuses that as well. Raises TIE-1404, TIE-1409, TIE-1410.
 */

import type { Instant } from '../base/dates.js'
import { refuse } from '../base/errors.js'
import type { TenantId, Tx } from './books.js'
import type { RunHeader } from './run-headers.js'

export interface SignOff {
  readonly signed_by: string
  readonly signed_at: Instant
  readonly note: string | null
}

export async function signOff(
  tx: Tx,
  tenant: TenantId,
  { id: run, status, trial, triggered_by }: RunHeader,
  { signed_by: who, signed_at, note }: SignOff,
): Promise<void> {
  if (status !== 'COMPLETED' || trial) refuse('TIE-1410', { run, status: trial ? 'a trial' : status })
  if (triggered_by === who) refuse('TIE-1404', { who, run })
  const signed = await tx.execute(
    `INSERT INTO run_sign_offs (tenant_id, run_id, signed_by, signed_at, note) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (tenant_id, run_id, signed_by) DO NOTHING`,
    [tenant, run, who, signed_at, note],
  )
  if (signed === 0) refuse('TIE-1409', { who, run })
}

/** In the order they were given. */
export const signOffsOf = (tx: Tx, run: string): Promise<SignOff[]> =>
  tx.rows<SignOff>(
    `SELECT signed_by, signed_at, note FROM run_sign_offs WHERE run_id = $1
      ORDER BY signed_at, signed_by COLLATE "C"`,
    [run],
  )
