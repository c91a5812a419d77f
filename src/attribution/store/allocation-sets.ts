/**
 * Allocation sets in bulk: headers and allocations by COPY, a statement each, in the transaction that ends their run. The
 * database checks every set at the commit. A set that is there already with the same content is replayed.
 * Raises TIE-4208 for a set that is there with other content.
 */

import { refuse } from '../../base/errors.js'
import type { Tx } from '../../books/books.js'
import { copyRows } from '../../books/copy-rows.js'
import type { RunId } from '../../books/runs.js'
import type { AllocationSet } from '../allocation-set.js'
import { contentDigest } from '../set-digest.js'

export interface Written {
  readonly new: number
  readonly same: number
}

/** In one transaction; `sets` may be of any length. */
export async function writeSets(
  tx: Tx,
  run: RunId,
  computedAt: string,
  sets: Iterable<AllocationSet>,
): Promise<Written> {
  // Ids of allocations are numbered one writer after another.
  await tx.execute(
    `SELECT pg_advisory_xact_lock(hashtextextended('allocations:' || tieout_current_tenant()::text, 0))`,
  )
  await tx.execute(
    `CREATE TEMPORARY TABLE set_staging (event_id bigint, model_version text COLLATE "C", revenue_cents bigint,
       currency text, input_digest text, content_digest text, supersedes text COLLATE "C") ON COMMIT DROP`,
  )
  await tx.execute(
    `CREATE TEMPORARY TABLE allocation_staging (row_no bigint GENERATED ALWAYS AS IDENTITY, event_id bigint, model_version text COLLATE "C",
       channel text, allocation_ratio numeric, allocated_revenue_cents bigint) ON COMMIT DROP`,
  )
  let given = 0
  let anySuperseded = false
  for (const batch of batches(sets, 20_000)) {
    given += batch.length
    anySuperseded ||= batch.some(({ supersedes }) => supersedes !== undefined)
    await copySets(tx, batch)
  }
  if (anySuperseded) {
    await tx.execute(
      `UPDATE attribution_allocation_sets AS t SET superseded_by = s.model_version, superseded_at = $1::timestamptz
        FROM pg_temp.set_staging s
        WHERE t.tenant_id = tieout_current_tenant() AND t.event_id = s.event_id AND t.model_version = s.supersedes`,
      [computedAt],
    )
  }
  const fresh = await tx.execute(
    `INSERT INTO attribution_allocation_sets (tenant_id, event_id, model_version, run_id, revenue_cents, currency,
       input_digest, content_digest, computed_at)
     SELECT tieout_current_tenant(), event_id, model_version, $1::uuid, revenue_cents, currency, input_digest,
       content_digest, $2::timestamptz
     FROM pg_temp.set_staging ON CONFLICT (tenant_id, event_id, model_version) DO NOTHING`,
    [run, computedAt],
  )
  if (fresh < given) await replay(tx)
  await tx.execute(
    `INSERT INTO attribution_allocations (tenant_id, event_id, model_version, channel, allocation_id, allocation_ratio,
       allocated_revenue_cents)
     SELECT tieout_current_tenant(), event_id, model_version, channel,
       (SELECT coalesce(max(allocation_id), 0) FROM attribution_allocations WHERE tenant_id = tieout_current_tenant())
         + row_no,
       allocation_ratio, allocated_revenue_cents
     FROM pg_temp.allocation_staging`,
  )
  await tx.execute('DROP TABLE pg_temp.set_staging, pg_temp.allocation_staging')
  return { new: fresh, same: given - fresh }
}

async function copySets(tx: Tx, sets: readonly AllocationSet[]): Promise<void> {
  const header = (set: AllocationSet) => [
    set.event_id,
    set.model_version,
    set.revenue_cents,
    set.currency,
    set.input_digest,
    set.content_digest ?? contentDigest(set.revenue_cents, set.currency, set.allocations),
    set.supersedes ?? null,
  ]
  await tx.copyIn('pg_temp.set_staging', copyRows(sets.map(header)))
  await tx.copyIn(
    'pg_temp.allocation_staging (event_id, model_version, channel, allocation_ratio, allocated_revenue_cents)',
    copyRows(
      sets.flatMap((set) =>
        set.allocations.map((one) => [
          set.event_id,
          set.model_version,
          one.channel,
          one.allocation_ratio,
          one.allocated_revenue_cents,
        ]),
      ),
    ),
  )
}

/** Leaves out what is there with the same content; another content is refused. */
async function replay(tx: Tx): Promise<void> {
  const there = `FROM pg_temp.set_staging s JOIN attribution_allocation_sets t
    ON t.tenant_id = tieout_current_tenant() AND t.event_id = s.event_id AND t.model_version = s.model_version
      AND t.written_in <> txid_current()`
  const [other] = await tx.rows<{ event_id: bigint; model_version: string }>(
    `SELECT s.event_id, s.model_version ${there} WHERE t.content_digest <> s.content_digest LIMIT 1`,
  )
  if (other !== undefined) {
    refuse('TIE-4208', { key: `${other.event_id}`, where: `: allocated by ${other.model_version}` })
  }
  await tx.execute(
    `DELETE FROM pg_temp.allocation_staging a USING (SELECT s.event_id, s.model_version ${there}) s
      WHERE a.event_id = s.event_id AND a.model_version = s.model_version`,
  )
}

function* batches<T>(all: Iterable<T>, size: number): Generator<T[]> {
  let batch: T[] = []
  for (const one of all) {
    batch.push(one)
    if (batch.length < size) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}
