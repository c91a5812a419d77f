#!/usr/bin/env node
/**
 * Proves an exported ledger of Tieout without Tieout and without its database:
 *
 *     node verify-ledger.mjs LEDGER.ndjson [--head HASH]
 *
 * It shares no code with the product and was written from docs/attribution.md. HASH is one noted before: an entry must
 * have it. Exit 0: every entry follows. 1: one does not, and is named. 2: no such file, or wrong usage.
 */

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'

const FIELDS = ['entry_no', 'allocation_id', 'reverses', 'amount_cents', 'currency', 'posted_at', 'posted_by']
FIELDS.push('effective_date', 'verification', 'event', 'channel', 'model_version')

const prefixed = (value) => (value === null ? '-' : `${Buffer.byteLength(String(value))}:${value}`)

function hashOf(before, entry) {
  const text = [before, ...FIELDS.map((name) => entry[name])].map(prefixed).join('')
  return createHash('sha256').update(text, 'utf8').digest('hex')
}

/** What is wrong with the entry, if anything is. */
function wrong(entry, number, before) {
  for (const name of [...FIELDS, 'previous_hash', 'entry_hash'])
    if (entry === null || typeof entry !== 'object' || entry[name] === undefined) return `it has no ${name}`
  if (entry.entry_no !== number) return `entry ${number} is missing`
  if (entry.previous_hash !== before) return 'it does not follow the entry before it'
  return hashOf(before, entry) === entry.entry_hash ? undefined : 'its content is not that of its hash'
}

function end(code, text) {
  process.stdout.write(`${text}\n`)
  process.exit(code)
}

const [file, flag, noted, ...rest] = process.argv.slice(2)
if (
  file === undefined ||
  rest.length > 0 ||
  (flag !== undefined && (flag !== '--head' || noted === undefined))
)
  end(2, 'usage: node verify-ledger.mjs LEDGER.ndjson [--head HASH]')

let number = 0
let before = '0'.repeat(64)
let seen = noted === undefined || noted === before
try {
  for await (const line of createInterface({
    input: createReadStream(file),
    crlfDelay: Number.POSITIVE_INFINITY,
  })) {
    let entry
    try {
      entry = JSON.parse(line)
    } catch {
      end(1, `✗ Line ${number + 1} cannot be read as JSON.`)
    }
    const what = wrong(entry, number + 1, before)
    if (what !== undefined)
      end(1, `✗ Entry ${entry?.entry_no ?? `in line ${number + 1}`} is the first bad one: ${what}.`)
    number += 1
    before = entry.entry_hash
    seen ||= before === noted
  }
} catch (error) {
  end(2, error.message)
}
if (!seen) end(1, `✗ No entry has the hash ${noted}: the end is cut off, or it is another ledger.`)
end(0, `✓ ${number} entries follow from the first, the last ${before}.`)
