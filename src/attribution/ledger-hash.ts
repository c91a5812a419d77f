/**
 * The hash chain of the ledger. An entry's hash is SHA-256 over UTF-8 text: the fields of `LedgerEntry` in the order below,
 * each as its length in bytes, a colon and the text itself, a missing one as a single hyphen; the hash of the entry before
 * it stands first. Before the first entry stand 64 zeros. docs/attribution.md shows one. Raises nothing.
 */

import { hash } from 'node:crypto'

/** Amounts in minor units, instants in UTC to the microsecond, such as 2025-12-24T09:00:00.000000Z. */
export interface LedgerEntry {
  readonly entry_no: bigint
  readonly allocation_id: bigint | null
  readonly reverses: bigint | null
  readonly amount_cents: bigint
  readonly currency: string
  readonly posted_at: string
  readonly posted_by: string
  readonly effective_date: string
  readonly verification: 'unverified' | 'verified'
  /** What is posted: id of the event, and which channel has the amount by which model version. Null of a reversal. */
  readonly event: string | null
  readonly channel: string | null
  readonly model_version: string | null
}

export interface ChainedEntry extends LedgerEntry {
  readonly previous_hash: string
  readonly entry_hash: string
}

export const FIRST_HASH = '0'.repeat(64)

const field = (value: string | bigint | null): string => {
  if (value === null) return '-'
  const text = String(value)
  return `${Buffer.byteLength(text)}:${text}`
}

export const entryText = (previous: string, entry: LedgerEntry): string =>
  [
    previous,
    entry.entry_no,
    entry.allocation_id,
    entry.reverses,
    entry.amount_cents,
    entry.currency,
    entry.posted_at,
    entry.posted_by,
    entry.effective_date,
    entry.verification,
    entry.event,
    entry.channel,
    entry.model_version,
  ]
    .map(field)
    .join('')

export const entryHash = (previous: string, entry: LedgerEntry): string =>
  hash('sha256', entryText(previous, entry), 'hex')

/** The entries with their hashes, each after the one before it. */
export function* chain(previous: string, entries: Iterable<LedgerEntry>): Generator<ChainedEntry> {
  let last = previous
  for (const entry of entries) {
    const entry_hash = entryHash(last, entry)
    yield { ...entry, previous_hash: last, entry_hash }
    last = entry_hash
  }
}
