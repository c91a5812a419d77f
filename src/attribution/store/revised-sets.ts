/**
 * Sets that hold, made again as they are under the next revision of their version: their allocations were posted and
 * reversed, and an allocation is posted once. A family goes along as a whole. Raises nothing.
 */

import type { Tx } from '../../books/books.js'
import type { RunId } from '../../books/runs.js'
import { copiedRows } from '../../engines/copied-rows.js'

/**
 * Allocations of a model ($1) whose entry was reversed while their set holds: the ledger was kept by another model for a
 * while. Fenced, so that each is found by its key, whatever the planner thinks of tables just filled.
 */
const REVERSED = `FROM revenue_ledger r
  CROSS JOIN LATERAL (SELECT x.allocation_id FROM revenue_ledger x
    WHERE x.tenant_id = r.tenant_id AND x.entry_no = r.reverses OFFSET 0) l
  CROSS JOIN LATERAL (SELECT x.event_id, x.model_version FROM attribution_allocations x
    WHERE x.tenant_id = r.tenant_id AND x.allocation_id = l.allocation_id OFFSET 0) a
  CROSS JOIN LATERAL (SELECT x.event_id FROM attribution_allocation_sets x
    WHERE x.tenant_id = r.tenant_id AND x.event_id = a.event_id AND x.model_version = a.model_version
      AND x.model = $1 AND x.superseded_by IS NULL OFFSET 0) s
 WHERE r.tenant_id = tieout_current_tenant() AND r.reverses IS NOT NULL`

export async function hasReversed(tx: Tx, key: string): Promise<boolean> {
  const [row] = await tx.rows<{ is: boolean }>(`SELECT EXISTS (SELECT ${REVERSED}) AS is`, [key])
  return row!.is
}

export interface RevisedSet {
  readonly eventDigest: string
  readonly input_digest: string
  readonly content_digest: string
}

/** In the transaction that ends the run, behind the lock of the ledger. The sets made. */
export async function reviseReversed(
  tx: Tx,
  key: string,
  { run, at }: { readonly run: RunId; readonly at: string },
): Promise<readonly RevisedSet[]> {
  await tx.execute(
    `SELECT pg_advisory_xact_lock(hashtextextended('allocations:' || tieout_current_tenant()::text, 0))`,
  )
  await tx.execute(
    `CREATE TEMPORARY TABLE revised_sets (event_id bigint, model_version text COLLATE "C", next text COLLATE "C")
       ON COMMIT DROP`,
  )
  await tx.execute(
    `INSERT INTO pg_temp.revised_sets
     WITH reversed AS MATERIALIZED (
       SELECT DISTINCT coalesce(e.original_event_id, e.event_id) AS purchase FROM (SELECT s.event_id, r.tenant_id ${REVERSED}) f
       CROSS JOIN LATERAL (SELECT x.event_id, x.original_event_id FROM attribution_events x
         WHERE x.tenant_id = f.tenant_id AND x.event_id = f.event_id OFFSET 0) e
     ), versions AS MATERIALIZED (
       SELECT v.purchase, s.* FROM reversed v CROSS JOIN LATERAL (
         SELECT v.purchase AS event_id
         UNION ALL
         SELECT x.event_id FROM attribution_events x
         WHERE x.tenant_id = tieout_current_tenant() AND x.original_event_id = v.purchase
       ) e CROSS JOIN LATERAL (
         SELECT x.event_id, x.model_version, x.superseded_by IS NULL AS holds,
           regexp_replace(x.model_version, '\\.r[0-9]+$', '') AS version,
           coalesce(substring(x.model_version FROM '\\.r([0-9]+)$')::bigint, 1) AS revision
         FROM attribution_allocation_sets x
         WHERE x.tenant_id = tieout_current_tenant() AND x.event_id = e.event_id AND x.model = $1 OFFSET 0
       ) s
     )
     SELECT event_id, model_version, next FROM (
       SELECT *, version || '.r' || max(revision) OVER (PARTITION BY purchase, version) + 1 AS next FROM versions) v
     WHERE holds`,
    [key],
  )
  await tx.execute(
    `UPDATE attribution_allocation_sets AS t SET superseded_by = r.next, superseded_at = $1::timestamptz
       FROM pg_temp.revised_sets r
      WHERE t.tenant_id = tieout_current_tenant() AND t.event_id = r.event_id AND t.model_version = r.model_version`,
    [at],
  )
  await tx.execute(
    `INSERT INTO attribution_allocation_sets (tenant_id, event_id, model_version, run_id, revenue_cents, currency,
       input_digest, content_digest, computed_at)
     SELECT s.tenant_id, s.event_id, r.next, $1::uuid, s.revenue_cents, s.currency, s.input_digest, s.content_digest,
       $2::timestamptz
     FROM pg_temp.revised_sets r CROSS JOIN LATERAL (SELECT x.* FROM attribution_allocation_sets x
       WHERE x.tenant_id = tieout_current_tenant() AND x.event_id = r.event_id AND x.model_version = r.model_version
       OFFSET 0) s`,
    [run, at],
  )
  await tx.execute(
    `INSERT INTO attribution_allocations (tenant_id, event_id, model_version, channel, allocation_id, allocation_ratio,
       allocated_revenue_cents)
     SELECT a.tenant_id, a.event_id, r.next, a.channel,
       (SELECT coalesce(max(allocation_id), 0) FROM attribution_allocations WHERE tenant_id = tieout_current_tenant())
         + row_number() OVER (ORDER BY a.event_id, a.channel),
       a.allocation_ratio, a.allocated_revenue_cents
     FROM pg_temp.revised_sets r CROSS JOIN LATERAL (SELECT x.* FROM attribution_allocations x
       WHERE x.tenant_id = tieout_current_tenant() AND x.event_id = r.event_id AND x.model_version = r.model_version
       OFFSET 0) a`,
  )
  return made(tx)
}

/** In an order that says nothing of how the events arrived. */
async function made(tx: Tx): Promise<readonly RevisedSet[]> {
  const sets: RevisedSet[] = []
  const rows = tx.copyOut(
    `SELECT e.request_digest, s.input_digest, s.content_digest FROM pg_temp.revised_sets r
       CROSS JOIN LATERAL (SELECT x.input_digest, x.content_digest FROM attribution_allocation_sets x
         WHERE x.tenant_id = tieout_current_tenant() AND x.event_id = r.event_id AND x.model_version = r.next OFFSET 0) s
       CROSS JOIN LATERAL (SELECT x.request_digest FROM attribution_events x
         WHERE x.tenant_id = tieout_current_tenant() AND x.event_id = r.event_id OFFSET 0) e
      ORDER BY e.request_digest COLLATE "C"`,
  )
  for await (const batch of copiedRows(rows))
    for (const [eventDigest, input_digest, content_digest] of batch)
      sets.push({
        eventDigest: eventDigest!,
        input_digest: input_digest!,
        content_digest: content_digest!,
      })
  return sets
}
