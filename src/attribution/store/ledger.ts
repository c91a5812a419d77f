/** The ledger: posted in bulk, one writer of a tenant at a time, and read back for its proof. Raises nothing of its own. */

import type { Tx } from '../../books/books.js'
import { copyRows } from '../../books/copy-rows.js'
import { copiedRows } from '../../engines/copied-rows.js'
import { type ChainedEntry, chain, entryHash, FIRST_HASH, type LedgerEntry } from '../ledger-hash.js'

export type Posting = Omit<LedgerEntry, 'entry_no'>

/** Entries added behind the last one; the hash of the newest then. */
export async function postEntries(
  tx: Tx,
  postings: Iterable<Posting>,
): Promise<{ readonly entries: number; readonly head: string }> {
  await tx.execute(
    `SELECT pg_advisory_xact_lock(hashtextextended('ledger:' || tieout_current_tenant()::text, 0))`,
  )
  const [last] = await tx.rows<{ entry_no: bigint; entry_hash: string }>(
    `SELECT entry_no, entry_hash FROM revenue_ledger WHERE tenant_id = tieout_current_tenant()
      ORDER BY entry_no DESC LIMIT 1`,
  )
  await tx.execute(
    `CREATE TEMPORARY TABLE ledger_staging (entry_no bigint, allocation_id bigint, reverses bigint, amount_cents bigint,
       currency text, posted_at timestamptz, posted_by text, effective_date date, verification text, previous_hash text,
       entry_hash text) ON COMMIT DROP`,
  )
  let head = last?.entry_hash ?? FIRST_HASH
  const entries = await tx.copyIn(
    'pg_temp.ledger_staging',
    copyRows(
      rowsOf(chain(head, numbered(postings, last?.entry_no ?? 0n)), (hash) => {
        head = hash
      }),
    ),
  )
  await tx.execute(
    `INSERT INTO revenue_ledger (tenant_id, ${COLUMNS}) SELECT tieout_current_tenant(), ${COLUMNS}
      FROM pg_temp.ledger_staging ORDER BY entry_no`,
  )
  await tx.execute('DROP TABLE pg_temp.ledger_staging')
  return { entries, head }
}

const COLUMNS = `entry_no, allocation_id, reverses, amount_cents, currency, posted_at, posted_by, effective_date,
  verification, previous_hash, entry_hash`

/** UTC with six digits of a second, as it is hashed. */
const toMicroseconds = (instant: string): string =>
  instant.replace(/(?:\.(\d{1,6})\d*)?Z$/, (_, digits = '') => `.${String(digits).padEnd(6, '0')}Z`)

function* numbered(postings: Iterable<Posting>, last: bigint): Generator<LedgerEntry> {
  let entry_no = last
  for (const posting of postings) {
    yield { ...posting, posted_at: toMicroseconds(posting.posted_at), entry_no: ++entry_no }
  }
}

function* rowsOf(entries: Iterable<ChainedEntry>, onHash: (hash: string) => void) {
  for (const entry of entries) {
    onHash(entry.entry_hash)
    yield [
      entry.entry_no,
      entry.allocation_id,
      entry.reverses,
      entry.amount_cents,
      entry.currency,
      entry.posted_at,
      entry.posted_by,
      entry.effective_date,
      entry.verification,
      entry.previous_hash,
      entry.entry_hash,
    ]
  }
}

export interface LedgerProof {
  readonly entries: number
  /** The hash of the newest entry, by which a later state can be held against this one. */
  readonly head: string
  readonly violation: { readonly entry_no: number; readonly what: string } | null
}

/** Every entry from the first on; ends at the first that is not what its hash says. */
export async function proveLedger(tx: Tx): Promise<LedgerProof> {
  let entries = 0
  let head = FIRST_HASH
  const rows = tx.copyOut(
    `SELECT entry_no, allocation_id, reverses, amount_cents, currency,
       to_char(posted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), posted_by, effective_date, verification,
       previous_hash, entry_hash
     FROM revenue_ledger WHERE tenant_id = tieout_current_tenant() ORDER BY entry_no`,
  )
  let violation: LedgerProof['violation'] = null
  for await (const batch of copiedRows(rows)) {
    // A COPY is read to its end whatever was found.
    if (violation !== null) continue
    for (const fields of batch) {
      const entry = entryOf(fields)
      const what =
        entry.entry_no !== BigInt(entries) + 1n
          ? `entry ${entries + 1} is missing`
          : entry.previous_hash !== head
            ? 'it does not follow the entry before it'
            : entryHash(head, entry) !== entry.entry_hash
              ? 'its content is not that of its hash'
              : undefined
      if (what !== undefined) {
        violation = { entry_no: Number(entry.entry_no), what }
        break
      }
      entries += 1
      head = entry.entry_hash
    }
  }
  return { entries, head, violation }
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
    previous_hash: fields[9]!,
    entry_hash: fields[10]!,
  }
}
