/**
 * The ledger as a file: an entry a line, all that its hash covers and the hashes, numbers as JSON has them up to 2^53 and
 * amounts as text. docs/attribution.md has the form. Raises TIE-4408 and those of ndjson.ts.
 */

import { refuse } from '../../base/errors.js'
import { numbersAsText, readLines } from '../../engines/ndjson.js'
import type { ChainedEntry } from '../ledger-hash.js'
import { ChainProof, type LedgerProof } from '../ledger-proof.js'

const NUMBERS = ['entry_no', 'allocation_id', 'reverses'] as const
/** In the order in which the hash covers them. */
const FIELDS = [
  ...NUMBERS,
  'amount_cents',
  'currency',
  'posted_at',
  'posted_by',
  'effective_date',
  'verification',
  'event',
  'channel',
  'model_version',
  'previous_hash',
  'entry_hash',
] as const
/** Null where an entry reverses another, or does not. */
const NULLABLE: readonly string[] = ['allocation_id', 'reverses', 'event', 'channel', 'model_version']

export const entryLine = (entry: ChainedEntry): string => {
  const shown = FIELDS.map((name) => {
    const value = entry[name]
    return [
      name,
      typeof value === 'bigint' ? (name === 'amount_cents' ? String(value) : Number(value)) : value,
    ]
  })
  return `${JSON.stringify(Object.fromEntries(shown))}\n`
}

/** From the file alone. */
export async function proveLedgerFile(file: string, noted?: string): Promise<LedgerProof> {
  const proof = new ChainProof(noted)
  for await (const lines of readLines(file))
    for (const { line, text, problems } of lines) {
      const entry = problems === undefined ? entryOf(text) : problems[0]!.message
      if (typeof entry === 'string') refuse('TIE-4408', { detail: entry }, { file, line })
      if (!proof.add(entry)) return proof.end()
    }
  return proof.end()
}

/** Text: what is wrong with it. */
function entryOf(text: string): ChainedEntry | string {
  let parsed: Readonly<Record<string, unknown>> | null
  try {
    parsed = JSON.parse(numbersAsText(text))
  } catch {
    return 'it cannot be read as JSON'
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return 'it is no object'
  for (const name of FIELDS) {
    const value = parsed[name]
    if (value === undefined) return `it has no ${name}`
    if (typeof value !== 'string' && !(value === null && NULLABLE.includes(name))) return `${name} is no text`
    if (
      value !== null &&
      [...NUMBERS, 'amount_cents'].includes(name) &&
      !/^-?\d{1,30}$/.test(value as string)
    )
      return `${name} is no whole number`
  }
  const other = Object.keys(parsed).find((name) => !(FIELDS as readonly string[]).includes(name))
  if (other !== undefined) return `it has "${other.slice(0, 60)}", which its hash does not cover`
  const fields = parsed as Readonly<Record<(typeof FIELDS)[number], string>>
  const whole = (value: string | null): bigint | null => (value === null ? null : BigInt(value))
  return {
    ...(fields as unknown as ChainedEntry),
    entry_no: BigInt(fields.entry_no),
    allocation_id: whole(fields.allocation_id),
    reverses: whole(fields.reverses),
    amount_cents: BigInt(fields.amount_cents),
  }
}
