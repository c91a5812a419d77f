/**
 * What is to be posted and reversed: allocations of the sets that hold by the ledger's model stand in it once, everything
 * else that was posted is reversed. Parts of zero cents are not posted. Raises TIE-4406.
 */

import { refuse } from '../../base/errors.js'
import type { Tx } from '../../books/books.js'
import { lockLedger, type Posting, postEntries } from './ledger.js'

export interface PostRequest {
  /** Of the model. */
  readonly key: string
  readonly who: string
  /** Asked when the ledger is locked, so that entries are in order of time. */
  readonly now: () => string
}

export interface Posted {
  readonly posted: number
  readonly reversed: number
  readonly entries: number
  readonly head: string
  readonly amounts: readonly PostedAmount[]
}

export interface PostedAmount {
  readonly currency: string
  readonly posted_cents: string
  readonly reversed_cents: string
}

/** Entries of a chunk: they are objects for a while. */
const CHUNK = 50_000

/** Postings that no entry reverses. */
const OPEN = `FROM revenue_ledger l
    JOIN attribution_allocations a ON a.tenant_id = l.tenant_id AND a.allocation_id = l.allocation_id
    JOIN attribution_allocation_sets s ON s.tenant_id = a.tenant_id AND s.event_id = a.event_id
      AND s.model_version = a.model_version
   WHERE l.tenant_id = tieout_current_tenant()
     AND NOT EXISTS (SELECT FROM revenue_ledger r WHERE r.tenant_id = l.tenant_id AND r.reverses = l.entry_no)`

/** Keys of the models that the ledger holds postings by; one, but before the first posting. */
export const ledgerModels = async (tx: Tx): Promise<string[]> =>
  (await tx.rows<{ model: string }>(`SELECT DISTINCT s.model ${OPEN} ORDER BY s.model`)).map(
    ({ model }) => model,
  )

/** Keys of the models that sets hold by. */
export const allocatedModels = async (tx: Tx): Promise<string[]> =>
  (
    await tx.rows<{ model: string }>(
      `SELECT DISTINCT model FROM attribution_allocation_sets
        WHERE tenant_id = tieout_current_tenant() AND superseded_by IS NULL ORDER BY model`,
    )
  ).map(({ model }) => model)

/** Until the end of the transaction nobody else posts. Entries by another model are refused unless they are replaced. */
export async function openLedger(tx: Tx, key: string, isReplacing: boolean): Promise<void> {
  await lockLedger(tx)
  const kept = (await ledgerModels(tx)).find((model) => model !== key)
  if (kept !== undefined && !isReplacing) refuse('TIE-4406', { kept, model: key })
}

/** On a ledger opened for the model. */
export async function postAllocations(tx: Tx, { key, who, now }: PostRequest): Promise<Posted> {
  const by = { posted_at: now(), posted_by: who }
  const sums = new Map<string, { posted: bigint; reversed: bigint }>()
  const reversed = await inChunks(tx, sums, (after) => reversals(tx, key, by, after))
  const posted = await inChunks(tx, sums, (after) => postings(tx, key, by, after))
  const last = await postEntries(tx, [])
  const [count] = await tx.rows<{ n: bigint }>(
    'SELECT coalesce(max(entry_no), 0) AS n FROM revenue_ledger WHERE tenant_id = tieout_current_tenant()',
  )
  return {
    posted,
    reversed,
    entries: Number(count!.n),
    head: last.head,
    amounts: [...sums]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([currency, sum]) => ({
        currency,
        posted_cents: String(sum.posted),
        reversed_cents: String(sum.reversed),
      })),
  }
}

interface By {
  readonly posted_at: string
  readonly posted_by: string
}

interface Chunk {
  readonly postings: readonly Posting[]
  /** Where the next begins. */
  readonly last: bigint
}

async function inChunks(
  tx: Tx,
  sums: Map<string, { posted: bigint; reversed: bigint }>,
  next: (after: bigint) => Promise<Chunk>,
): Promise<number> {
  let entries = 0
  for (let after = 0n; ; ) {
    const { postings: chunk, last } = await next(after)
    if (chunk.length === 0) return entries
    for (const { currency, amount_cents, reverses } of chunk) {
      const sum = sums.get(currency) ?? { posted: 0n, reversed: 0n }
      sums.set(currency, sum)
      sum[reverses === null ? 'posted' : 'reversed'] += amount_cents
    }
    entries += (await postEntries(tx, chunk)).entries
    after = last
  }
}

interface OpenEntry {
  readonly entry_no: bigint
  readonly amount_cents: bigint
  readonly currency: string
  readonly effective_date: string
  readonly verification: Posting['verification']
}

/** Reconciliation waits for the ledger too, so this is so until the entries are posted. */
const VERIFICATION = `CASE WHEN EXISTS (SELECT FROM verified_events v WHERE v.tenant_id = s.tenant_id AND v.event_id = s.event_id)
    THEN 'verified' ELSE 'unverified' END AS verification`

/** In the period of what they reverse, so that the balance of the period is right again. */
async function reversals(tx: Tx, key: string, by: By, after: bigint): Promise<Chunk> {
  const rows = await tx.rows<OpenEntry>(
    `SELECT l.entry_no, l.amount_cents, l.currency, l.effective_date, ${VERIFICATION} ${OPEN}
       AND l.entry_no > $1 AND (s.superseded_by IS NOT NULL OR s.model <> $2) ORDER BY l.entry_no LIMIT ${CHUNK}`,
    [after, key],
  )
  return {
    last: rows.at(-1)?.entry_no ?? after,
    postings: rows.map(({ entry_no, amount_cents, ...row }) => ({
      ...row,
      ...by,
      allocation_id: null,
      reverses: entry_no,
      amount_cents: -amount_cents,
      event: null,
      channel: null,
      model_version: null,
    })),
  }
}

const HOLDING = `FROM attribution_allocation_sets s
    JOIN attribution_allocations a USING (tenant_id, event_id, model_version)
   WHERE s.tenant_id = tieout_current_tenant() AND s.model = $1 AND s.superseded_by IS NULL
     AND a.allocated_revenue_cents <> 0`

interface Unposted {
  readonly allocation_id: bigint
  readonly amount_cents: bigint
  readonly currency: string
  readonly effective_date: string
  readonly event: string
  readonly channel: string
  readonly model_version: string
  readonly verification: Posting['verification']
}

/** On the day on which the event occurred, in UTC. */
async function postings(tx: Tx, key: string, by: By, after: bigint): Promise<Chunk> {
  const rows = await tx.rows<Unposted>(
    `SELECT u.*, coalesce(e.external_event_id, e.correlation_id) AS event,
        (e.occurred_at AT TIME ZONE 'UTC')::date AS effective_date
       FROM (
         SELECT s.tenant_id, s.event_id, a.allocation_id, a.allocated_revenue_cents AS amount_cents, s.currency, a.channel,
           a.model_version, ${VERIFICATION} ${HOLDING} AND a.allocation_id > $2
           AND NOT EXISTS (SELECT FROM revenue_ledger l
             WHERE l.tenant_id = a.tenant_id AND l.allocation_id = a.allocation_id)
         ORDER BY a.allocation_id LIMIT ${CHUNK}
       ) u JOIN attribution_events e USING (tenant_id, event_id) ORDER BY u.allocation_id`,
    [key, after],
  )
  return {
    last: rows.at(-1)?.allocation_id ?? after,
    postings: rows.map(
      ({
        allocation_id,
        amount_cents,
        currency,
        effective_date,
        verification,
        event,
        channel,
        model_version,
      }) => ({
        ...by,
        allocation_id,
        reverses: null,
        amount_cents,
        currency,
        effective_date,
        verification,
        event,
        channel,
        model_version,
      }),
    ),
  }
}
