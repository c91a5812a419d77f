/** Claims held against settled amounts, in the database: one statement for the findings, one for what they verify. Raises nothing. */

import type { Digest } from '../../base/digest.js'
import { RowDigest } from '../../base/digest.js'
import type { SqlValue, Tx } from '../../books/books.js'
import type { RunId } from '../../books/runs.js'
import { copiedRows } from '../../engines/copied-rows.js'
import { lockLedger } from './ledger.js'

export const FINDINGS = ['matched', 'missing', 'excess', 'amount_difference'] as const
export type FindingKind = (typeof FINDINGS)[number]

export interface ReconciliationScope {
  /** Days, both included: of the claim, or of a settled amount that nobody claimed. */
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly platform?: string | undefined
}

/** A finding for every reference of the scope. How many. */
export function findDifferences(
  tx: Tx,
  run: RunId,
  { from, to, platform }: ReconciliationScope,
): Promise<number> {
  const own = (table: string): string =>
    `(SELECT * FROM ${table} WHERE tenant_id = tieout_current_tenant() AND ($4::text IS NULL OR platform = $4))`
  return tx.execute(
    `INSERT INTO reconciliation_findings (tenant_id, run_id, platform, reference, finding, claimed_cents, claimed_currency,
       claimed_on, settled_cents, settled_currency, settled_on)
     SELECT tieout_current_tenant(), $1::uuid, platform, reference,
       CASE WHEN s.amount_cents IS NULL THEN 'missing' WHEN c.amount_cents IS NULL THEN 'excess'
         WHEN (c.amount_cents, c.currency) = (s.amount_cents, s.currency) THEN 'matched' ELSE 'amount_difference' END,
       c.amount_cents, c.currency, c.occurred_on, s.amount_cents, s.currency, s.occurred_on
     FROM ${own('platform_claims')} c FULL JOIN ${own('settled_amounts')} s USING (platform, reference)
     WHERE ($2::date IS NULL OR coalesce(c.occurred_on, s.occurred_on) >= $2)
       AND ($3::date IS NULL OR coalesce(c.occurred_on, s.occurred_on) <= $3)`,
    [run, from ?? null, to ?? null, platform ?? null],
  )
}

/** Events whose revenue was settled as it is, claimed or not; how many of them were not verified before. */
export async function verifyEvents(tx: Tx, run: RunId): Promise<number> {
  // What is posted meanwhile would say that they are not.
  await lockLedger(tx)
  return tx.execute(
    `INSERT INTO verified_events (tenant_id, event_id, run_id, platform, reference)
     SELECT DISTINCT ON (e.event_id) f.tenant_id, e.event_id, f.run_id, f.platform, f.reference
     FROM reconciliation_findings f JOIN attribution_events e ON e.tenant_id = f.tenant_id
       AND e.external_event_id = f.reference AND (e.revenue_cents, e.currency) = (f.settled_cents, f.settled_currency)
     WHERE f.tenant_id = tieout_current_tenant() AND f.run_id = $1
     ORDER BY e.event_id, f.platform ON CONFLICT DO NOTHING`,
    [run],
  )
}

export interface FoundAmounts {
  readonly finding: FindingKind
  /** Of the claim; of the settled amount where nothing was claimed. */
  readonly currency: string
  readonly references: number
  readonly claimed_cents: string
  /** Of those settled in this currency. */
  readonly settled_cents: string
}

export async function amountsFound(tx: Tx, run: RunId): Promise<FoundAmounts[]> {
  const rows = await tx.rows<Omit<FoundAmounts, 'references'> & { references: bigint }>(
    `SELECT finding, coalesce(claimed_currency, settled_currency) AS currency, count(*) AS references,
       coalesce(sum(claimed_cents), 0)::text AS claimed_cents,
       coalesce(sum(settled_cents) FILTER (WHERE claimed_currency IS NULL OR claimed_currency = settled_currency), 0)::text
         AS settled_cents
     FROM reconciliation_findings WHERE tenant_id = tieout_current_tenant() AND run_id = $1
     GROUP BY 1, 2 ORDER BY 1, 2`,
    [run],
  )
  return rows.map((row) => ({ ...row, references: Number(row.references) }))
}

export interface Oddities {
  /** References that more than one platform claims. */
  readonly claimed_by_several: number
  /** Settled, but no event has the reference. */
  readonly without_event: number
  /** Settled, but the event of the reference has other revenue. */
  readonly other_revenue: number
}

export async function odditiesOf(tx: Tx, run: RunId): Promise<Oddities> {
  const [row] = await tx.rows<Record<keyof Oddities, bigint>>(
    `WITH f AS (
       SELECT * FROM reconciliation_findings WHERE tenant_id = tieout_current_tenant() AND run_id = $1
     ), settled AS (
       SELECT e.event_id, e.revenue_cents, e.currency, f.settled_cents, f.settled_currency
       FROM f LEFT JOIN attribution_events e ON e.tenant_id = f.tenant_id AND e.external_event_id = f.reference
       WHERE f.settled_cents IS NOT NULL
     )
     SELECT (SELECT count(*) FROM (
         SELECT FROM f WHERE claimed_cents IS NOT NULL GROUP BY reference HAVING count(*) > 1) several) AS claimed_by_several,
       (SELECT count(*) FROM settled WHERE event_id IS NULL) AS without_event,
       (SELECT count(*) FROM settled
         WHERE event_id IS NOT NULL AND (revenue_cents, currency) <> (settled_cents, settled_currency)) AS other_revenue`,
    [run],
  )
  return {
    claimed_by_several: Number(row!.claimed_by_several),
    without_event: Number(row!.without_event),
    other_revenue: Number(row!.other_revenue),
  }
}

const COLUMNS = `platform, reference, finding, claimed_cents, claimed_currency, claimed_on, settled_cents, settled_currency,
  settled_on`

/** Over all findings of the run in the order of platform and reference. */
export async function findingsDigest(tx: Tx, run: RunId): Promise<Digest> {
  const digest = new RowDigest()
  // A run's id is hexadecimal: it can stand in the text of a COPY, which takes no parameters.
  const query = `SELECT ${COLUMNS} FROM reconciliation_findings
    WHERE tenant_id = tieout_current_tenant() AND run_id = '${run}' ORDER BY platform, reference`
  for await (const batch of copiedRows(tx.copyOut(query))) for (const row of batch) digest.add(row)
  return digest.end()
}

export interface StoredFinding {
  readonly platform: string
  readonly reference: string
  readonly finding: FindingKind
  readonly claimed_cents: string | null
  readonly claimed_currency: string | null
  readonly claimed_on: string | null
  readonly settled_cents: string | null
  readonly settled_currency: string | null
  readonly settled_on: string | null
  /** settled − claimed, what is not there as 0; null between two currencies. */
  readonly difference_cents: string | null
}

export type FindingPlace = Pick<StoredFinding, 'platform' | 'reference'>

export function listFindings(
  tx: Tx,
  run: RunId,
  kind: FindingKind | undefined,
  after: FindingPlace | undefined,
  limit: number,
): Promise<StoredFinding[]> {
  const values: SqlValue[] = [run, kind ?? null, after?.platform ?? null, after?.reference ?? null, limit]
  return tx.rows(
    `SELECT platform, reference, finding, claimed_cents::text, claimed_currency, claimed_on, settled_cents::text,
       settled_currency, settled_on,
       CASE WHEN claimed_currency <> settled_currency THEN NULL
         ELSE (coalesce(settled_cents, 0)::numeric - coalesce(claimed_cents, 0))::text END AS difference_cents
     FROM reconciliation_findings
     WHERE tenant_id = tieout_current_tenant() AND run_id = $1 AND ($2::text IS NULL OR finding = $2)
       AND ($3::text IS NULL OR (platform, reference) > ($3, $4::text))
     ORDER BY platform, reference LIMIT $5`,
    values,
  )
}

export interface StoredReconciliation {
  readonly run_id: RunId
  readonly state: 'idle' | 'running' | 'failed' | 'completed'
  readonly started_at: string
  readonly finished_at: string | null
  readonly triggered_by: string
}

export type ReconciliationPlace = Pick<StoredReconciliation, 'started_at' | 'run_id'>

/** Newest first; only those after a place. */
export const listReconciliations = (
  tx: Tx,
  after: ReconciliationPlace | undefined,
  limit: number,
): Promise<StoredReconciliation[]> =>
  tx.rows(
    `SELECT r.run_id, r.state, r.started_at, r.finished_at, c.triggered_by
     FROM reconciliation_runs r JOIN calculation_runs c ON c.tenant_id = r.tenant_id AND c.id = r.run_id
     WHERE r.tenant_id = tieout_current_tenant()
       AND ($1::timestamptz IS NULL OR (r.started_at, r.run_id) < ($1::timestamptz, $2::uuid))
     ORDER BY r.started_at DESC, r.run_id DESC LIMIT $3`,
    [after?.started_at ?? null, after?.run_id ?? null, limit],
  )

export interface ReconciliationStatus {
  readonly state: StoredReconciliation['state']
  readonly last_run_at: string | null
}

export async function reconciliationStatus(tx: Tx): Promise<ReconciliationStatus> {
  const [row] = await tx.rows<ReconciliationStatus>(
    'SELECT state, last_run_at FROM mv_reconciliation_status WHERE tenant_id = tieout_current_tenant()',
  )
  return row ?? { state: 'idle', last_run_at: null }
}
