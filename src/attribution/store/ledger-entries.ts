/** Entries of the ledger read back: for its proof, for lists and files. Raises nothing. */

import type { SqlValue, Tx } from '../../books/books.js'
import { copiedRows } from '../../engines/copied-rows.js'
import type { ChainedEntry, LedgerEntry } from '../ledger-hash.js'
import { ChainProof, type LedgerProof } from '../ledger-proof.js'

/** The columns of an entry in the order in which its hash covers them, and the two hashes. */
const COLUMNS = `l.entry_no, l.allocation_id, l.reverses, l.amount_cents, l.currency,
    to_char(l.posted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS posted_at, l.posted_by, l.effective_date,
    l.verification, coalesce(e.external_event_id, e.correlation_id) AS event, a.channel, a.model_version,
    l.previous_hash, l.entry_hash`

/** What an entry posts; of a reversal nothing. Looked up by key, whatever the planner thinks of a table just filled. */
const JOINS = `FROM revenue_ledger l
    LEFT JOIN LATERAL (SELECT x.channel, x.model_version, x.event_id FROM attribution_allocations x
      WHERE x.tenant_id = l.tenant_id AND x.allocation_id = l.allocation_id OFFSET 0) a ON true
    LEFT JOIN LATERAL (SELECT x.external_event_id, x.correlation_id FROM attribution_events x
      WHERE x.tenant_id = l.tenant_id AND x.event_id = a.event_id OFFSET 0) e ON true
   WHERE l.tenant_id = tieout_current_tenant()`

/** Every entry in its order, in batches. */
export async function* ledgerEntries(tx: Tx): AsyncGenerator<readonly ChainedEntry[]> {
  for await (const batch of copiedRows(tx.copyOut(`SELECT ${COLUMNS} ${JOINS} ORDER BY l.entry_no`)))
    yield batch.map(entryOf)
}

export async function proveLedger(tx: Tx, noted?: string): Promise<LedgerProof> {
  const proof = new ChainProof(noted)
  // A COPY is read to its end whatever was found.
  for await (const batch of ledgerEntries(tx)) for (const entry of batch) if (!proof.add(entry)) break
  return proof.end()
}

function entryOf(fields: readonly (string | null)[]): ChainedEntry {
  const whole = (text: string | null | undefined): bigint | null => (text == null ? null : BigInt(text))
  return {
    entry_no: BigInt(fields[0]!),
    allocation_id: whole(fields[1]),
    reverses: whole(fields[2]),
    amount_cents: BigInt(fields[3]!),
    currency: fields[4]!,
    posted_at: fields[5]!,
    posted_by: fields[6]!,
    effective_date: fields[7]!,
    verification: fields[8] as LedgerEntry['verification'],
    event: fields[9]!,
    channel: fields[10]!,
    model_version: fields[11]!,
    previous_hash: fields[12]!,
    entry_hash: fields[13]!,
  }
}

export interface LedgerFilter {
  readonly event_id?: number | undefined
  readonly channel?: string | undefined
  readonly from?: string | undefined
  readonly to?: string | undefined
}

export interface ListedEntry {
  readonly entry_no: number
  readonly allocation_id: number | null
  readonly reverses: number | null
  readonly event: string
  readonly channel: string
  readonly model_version: string
  readonly amount_cents: string
  readonly currency: string
  readonly effective_date: string
  readonly posted_at: string
  readonly posted_by: string
  readonly verification: string
  readonly previous_hash: string
  readonly entry_hash: string
}

/**
 * A reversal is shown with the event and the channel of what it reverses. Which allocation that is, is worked out first:
 * row security lets nothing that is not plain into the search of an index.
 */
const ENTRIES = `FROM (
      SELECT x.*, coalesce(x.allocation_id, r.allocation_id) AS posted FROM revenue_ledger x
      LEFT JOIN LATERAL (SELECT y.allocation_id FROM revenue_ledger y
        WHERE y.tenant_id = x.tenant_id AND y.entry_no = x.reverses OFFSET 0) r ON true
      WHERE x.tenant_id = tieout_current_tenant()`
const OF_ALLOCATION = `OFFSET 0
    ) l
    CROSS JOIN LATERAL (SELECT x.channel, x.model_version, x.event_id FROM attribution_allocations x
      WHERE x.tenant_id = l.tenant_id AND x.allocation_id = l.posted OFFSET 0) a`

/** In the order of the ledger, after an entry. */
export async function listEntries(
  tx: Tx,
  { event_id, channel, from, to }: LedgerFilter,
  after: number,
  limit: number,
): Promise<ListedEntry[]> {
  const values: SqlValue[] = [after, limit, event_id ?? null, channel ?? null, from ?? null, to ?? null]
  const rows = await tx.rows<Record<string, unknown>>(
    `SELECT l.entry_no, l.allocation_id, l.reverses, coalesce(e.external_event_id, e.correlation_id) AS event, a.channel,
        a.model_version, l.amount_cents, l.currency, l.effective_date, l.posted_at, l.posted_by, l.verification,
        l.previous_hash, l.entry_hash
       ${ENTRIES} AND x.entry_no > $1
        AND ($5::date IS NULL OR x.effective_date >= $5) AND ($6::date IS NULL OR x.effective_date <= $6) ${OF_ALLOCATION}
       CROSS JOIN LATERAL (SELECT x.external_event_id, x.correlation_id FROM attribution_events x
         WHERE x.tenant_id = l.tenant_id AND x.event_id = a.event_id OFFSET 0) e
      WHERE ($3::bigint IS NULL OR a.event_id = $3) AND ($4::text IS NULL OR a.channel = $4)
      ORDER BY l.entry_no LIMIT $2`,
    values,
  )
  const whole = (value: unknown): number | null => (value === null ? null : Number(value))
  return rows.map((row) => ({
    ...(row as unknown as ListedEntry),
    entry_no: Number(row.entry_no),
    allocation_id: whole(row.allocation_id),
    reverses: whole(row.reverses),
    amount_cents: String(row.amount_cents),
  }))
}

export interface LedgerBalance {
  readonly channel: string
  readonly currency: string
  readonly balance_cents: string
  readonly entries: number
}

/** Of the days from `from` to `to`, both included, as the entries posted until `knownAt` say. */
export async function ledgerBalance(
  tx: Tx,
  filter: {
    readonly from?: string | undefined
    readonly to?: string | undefined
    readonly knownAt?: string | undefined
  },
): Promise<LedgerBalance[]> {
  const rows = await tx.rows<Omit<LedgerBalance, 'entries'> & { entries: bigint }>(
    `SELECT a.channel, l.currency, sum(l.amount_cents)::text AS balance_cents, count(*) AS entries
       ${ENTRIES} AND ($1::date IS NULL OR x.effective_date >= $1) AND ($2::date IS NULL OR x.effective_date <= $2)
        AND ($3::timestamptz IS NULL OR x.posted_at <= $3) ${OF_ALLOCATION}
      GROUP BY a.channel, l.currency ORDER BY l.currency, a.channel`,
    [filter.from ?? null, filter.to ?? null, filter.knownAt ?? null],
  )
  return rows.map((row) => ({ ...row, entries: Number(row.entries) }))
}
