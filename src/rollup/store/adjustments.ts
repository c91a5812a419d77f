/**
 * Fact adjustments and the steps of runs in the books: entered once, numbered in order of entry, never changed.
 * Raises nothing of its own.
 */

import type { IsoDate } from '../../base/dates.js'
import { type Decimal, formatDecimal, withScaleAtLeast } from '../../base/decimal.js'
import type { TenantId, Tx } from '../../books/books.js'
import type { RunId } from '../../books/runs.js'
import { type Adjustment, type AdjustmentDefinition, adjustmentsInForce } from '../adjustments/adjustment.js'
import type { AdjustmentStep } from '../adjustments/apply-adjustments.js'

export interface StoredAdjustment extends Adjustment {
  readonly entered_by: string
  readonly entered_at: string
}

/** All adjustments of a use case, or those up to a number, in their order. */
export function loadAdjustments(tx: Tx, useCaseId: string, through?: number): Promise<StoredAdjustment[]> {
  return tx.rows<StoredAdjustment & { definition: AdjustmentDefinition }>(
    `SELECT adjustment_no AS no, name, definition, reason, owner, valid_from, valid_to, entered_by, entered_at
       FROM fact_adjustments WHERE use_case_id = $1 AND adjustment_no <= coalesce($2::integer, 2147483647)
      ORDER BY adjustment_no`,
    [useCaseId, through ?? null],
  )
}

/** What a run takes of the adjustments of its use case. */
export interface RunAdjustments {
  /** The number of the newest one there was, in force or not; 0: none. */
  readonly through: number
  /** Those in force on the run's date, in their order. */
  readonly inForce: readonly Adjustment[]
}

export async function adjustmentsOn(
  tx: Tx,
  useCaseId: string,
  date: IsoDate,
  through?: number,
): Promise<RunAdjustments> {
  const all = await loadAdjustments(tx, useCaseId, through)
  return { through: all.at(-1)?.no ?? 0, inForce: adjustmentsInForce(all, date) }
}

/** One entry at a time, so that numbers follow the order in which entries are committed. */
export async function lockAdjustments(tx: Tx, useCaseId: string): Promise<void> {
  await tx.execute(
    `SELECT pg_advisory_xact_lock(hashtextextended('adjustments:' || tieout_current_tenant()::text || ':' || $1, 0))`,
    [useCaseId],
  )
}

export async function saveAdjustments(
  tx: Tx,
  tenant: TenantId,
  useCaseId: string,
  list: readonly Adjustment[],
  enteredBy: string,
): Promise<void> {
  await tx.execute(
    `INSERT INTO fact_adjustments (tenant_id, use_case_id, adjustment_no, name, definition, reason, owner, valid_from,
       valid_to, entered_by)
     SELECT $1::uuid, $2::uuid, a.no, a.name, a.definition, a.reason, a.owner, a.valid_from, a.valid_to, $3
       FROM jsonb_to_recordset($4::jsonb) AS a(no integer, name text, definition jsonb, reason text, owner text,
         valid_from date, valid_to date) ORDER BY a.no`,
    [tenant, useCaseId, enteredBy, JSON.stringify(list)],
  )
}

export interface StepRow {
  readonly adjustment_no: number
  readonly column_name: string
  readonly scenario: string
  readonly hits: number
  readonly amount_before: string
  readonly effect: string
  readonly amount_after: string
}

/** Amounts as text, with at least the digits of their column. */
export function stepRow(step: AdjustmentStep, scale: number): StepRow {
  const shown = (value: Decimal): string => formatDecimal(withScaleAtLeast(value, scale))
  return {
    adjustment_no: step.no,
    column_name: step.column,
    scenario: step.scenario,
    hits: step.hits,
    amount_before: shown(step.before),
    effect: shown(step.effect),
    amount_after: shown(step.after),
  }
}

/** In the order in which the steps were taken. */
export async function saveSteps(
  tx: Tx,
  tenant: TenantId,
  run: RunId,
  steps: readonly StepRow[],
): Promise<void> {
  if (steps.length === 0) return
  await tx.execute(
    `INSERT INTO run_adjustments (tenant_id, run_id, ordinal, adjustment_no, column_name, scenario, hits, amount_before,
       effect, amount_after)
     SELECT $1::uuid, $2::uuid, s.* FROM jsonb_to_recordset($3::jsonb) AS s(ordinal integer, adjustment_no integer,
       column_name text, scenario text, hits bigint, amount_before numeric, effect numeric, amount_after numeric)`,
    [tenant, run, JSON.stringify(steps.map((step, ordinal) => ({ ...step, ordinal })))],
  )
}

export async function loadSteps(tx: Tx, run: RunId): Promise<StepRow[]> {
  const rows = await tx.rows<Omit<StepRow, 'hits'> & { hits: bigint }>(
    `SELECT adjustment_no, column_name, scenario, hits, amount_before, effect, amount_after
       FROM run_adjustments WHERE run_id = $1 ORDER BY ordinal`,
    [run],
  )
  return rows.map((row) => ({ ...row, hits: Number(row.hits) }))
}
