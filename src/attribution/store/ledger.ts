/** Entries behind the last one of the ledger, in bulk, one writer of a tenant at a time. Raises nothing of its own. */

import type { Tx } from '../../books/books.js'
import { copyRows } from '../../books/copy-rows.js'
import { type ChainedEntry, chain, FIRST_HASH, type LedgerEntry } from '../ledger-hash.js'

export type Posting = Omit<LedgerEntry, 'entry_no'>

/** Until the end of the transaction. What is to be posted is looked up behind it, so that nobody posts it twice. */
export const lockLedger = (tx: Tx): Promise<number> =>
  tx.execute(`SELECT pg_advisory_xact_lock(hashtextextended('ledger:' || tieout_current_tenant()::text, 0))`)

/** Entries added behind the last one; the hash of the newest then. */
export async function postEntries(
  tx: Tx,
  postings: Iterable<Posting>,
): Promise<{ readonly entries: number; readonly head: string }> {
  await lockLedger(tx)
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
