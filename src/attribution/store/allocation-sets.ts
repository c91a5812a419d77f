/**
 * Allocation sets in bulk, in the transaction that ends their run: each a row of COPY with its allocations, taken over chunk
 * by chunk while the next sets are worked out. The database checks every set at the commit. A set that is there already with
 * the same content is replayed.
 * Raises TIE-4208 for a set that is there with other content.
 */

import { refuse } from '../../base/errors.js'
import type { SqlValue, Tx } from '../../books/books.js'
import { copyRows } from '../../books/copy-rows.js'
import { insertInChunks } from '../../books/insert-in-chunks.js'
import type { RunId } from '../../books/runs.js'
import type { AllocationSet } from '../allocation-set.js'
import { contentDigest } from '../set-digest.js'

export interface Written {
  readonly new: number
  readonly same: number
}

const STAGING = 'pg_temp.set_staging'

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
       currency text, input_digest text, content_digest text, supersedes text COLLATE "C", last_id bigint, channels text[],
       ratios numeric[], cents bigint[]) ON COMMIT DROP`,
  )
  const rows = new StagedRows(await lastAllocation(tx))
  const fresh = await insertInChunks(tx, STAGING, copyRows(rows.of(sets)), (copied) =>
    takeOver(tx, run, computedAt, { copied, anySuperseded: rows.anySuperseded }),
  )
  await tx.execute(`DROP TABLE ${STAGING}`)
  return { new: fresh, same: rows.given - fresh }
}

async function lastAllocation(tx: Tx): Promise<bigint> {
  const [row] = await tx.rows<{ last: bigint }>(
    `SELECT coalesce(max(allocation_id), 0) AS last FROM attribution_allocations
      WHERE tenant_id = tieout_current_tenant()`,
  )
  return row!.last
}

class StagedRows {
  given = 0
  anySuperseded = false

  constructor(private lastId: bigint) {}

  *of(sets: Iterable<AllocationSet>): Generator<readonly SqlValue[]> {
    for (const set of sets) {
      const { revenue_cents, currency, allocations } = set
      const lastId = this.lastId
      // Before the row is given: the chunk that it fills is taken over before the next one is asked for.
      this.given += 1
      this.lastId += BigInt(allocations.length)
      this.anySuperseded ||= set.supersedes !== undefined
      yield [
        set.event_id,
        set.model_version,
        revenue_cents,
        currency,
        set.input_digest,
        set.content_digest ?? contentDigest(revenue_cents, currency, allocations),
        set.supersedes ?? null,
        lastId,
        allocations.map(({ channel }) => channel),
        allocations.map(({ allocation_ratio }) => allocation_ratio),
        allocations.map(({ allocated_revenue_cents }) => String(allocated_revenue_cents)),
      ]
    }
  }
}

interface Chunk {
  /** Sets in it. */
  readonly copied: number
  readonly anySuperseded: boolean
}

/** What is superseded ends before what holds instead comes: one set of a model holds at a time. */
async function takeOver(
  tx: Tx,
  run: RunId,
  computedAt: string,
  { copied, anySuperseded }: Chunk,
): Promise<number> {
  if (anySuperseded) await supersede(tx, computedAt)
  const fresh = await tx.execute(
    `INSERT INTO attribution_allocation_sets (tenant_id, event_id, model_version, run_id, revenue_cents, currency,
       input_digest, content_digest, computed_at)
     SELECT tieout_current_tenant(), event_id, model_version, $1::uuid, revenue_cents, currency, input_digest,
       content_digest, $2::timestamptz
     FROM ${STAGING} ON CONFLICT (tenant_id, event_id, model_version) DO NOTHING`,
    [run, computedAt],
  )
  if (fresh < copied) await replay(tx)
  await tx.execute(
    `INSERT INTO attribution_allocations (tenant_id, event_id, model_version, channel, allocation_id, allocation_ratio,
       allocated_revenue_cents)
     SELECT tieout_current_tenant(), s.event_id, s.model_version, a.channel, s.last_id + a.at, a.ratio, a.cents
     FROM ${STAGING} s, unnest(s.channels, s.ratios, s.cents) WITH ORDINALITY AS a (channel, ratio, cents, at)`,
  )
  return fresh
}

/** By the key of each set: a chunk is small, and joined otherwise every set of the tenant would be read for it. */
async function supersede(tx: Tx, at: string): Promise<void> {
  await tx.execute('SET LOCAL enable_hashjoin = off')
  await tx.execute('SET LOCAL enable_mergejoin = off')
  await tx.execute(
    `UPDATE attribution_allocation_sets AS t SET superseded_by = s.model_version, superseded_at = $1::timestamptz
      FROM ${STAGING} s
      WHERE t.tenant_id = tieout_current_tenant() AND t.event_id = s.event_id AND t.model_version = s.supersedes`,
    [at],
  )
  await tx.execute('SET LOCAL enable_hashjoin = on')
  await tx.execute('SET LOCAL enable_mergejoin = on')
}

/** Leaves out what is there with the same content; another content is refused. */
async function replay(tx: Tx): Promise<void> {
  const there = `FROM ${STAGING} s JOIN attribution_allocation_sets t
    ON t.tenant_id = tieout_current_tenant() AND t.event_id = s.event_id AND t.model_version = s.model_version
      AND t.written_in <> txid_current()`
  const [other] = await tx.rows<{ event_id: bigint; model_version: string }>(
    `SELECT s.event_id, s.model_version ${there} WHERE t.content_digest <> s.content_digest LIMIT 1`,
  )
  if (other !== undefined) {
    refuse('TIE-4208', { key: `${other.event_id}`, where: `: allocated by ${other.model_version}` })
  }
  await tx.execute(
    `DELETE FROM ${STAGING} a USING (SELECT s.event_id, s.model_version ${there}) s
      WHERE a.event_id = s.event_id AND a.model_version = s.model_version`,
  )
}
