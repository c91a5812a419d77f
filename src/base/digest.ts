/**
 * Content digests: SHA-256 over a canonical, length-prefixed encoding in UTF-16, which holds every string, so
 * that no two different contents share an encoding. Equal content gives an equal digest on every machine, time zone and database.
 */

import { createHash, hash } from 'node:crypto'
import { compareText } from './text.js'

export type Digest = string & { readonly __digest: never }

/** What a digest can be taken of. Numbers must be safe integers; amounts go in as canonical decimal text. */
export type Canonical =
  | string
  | number
  | boolean
  | null
  | readonly Canonical[]
  | { readonly [key: string]: Canonical | undefined }

/** The canonical text: objects with keys in code point order and without undefined members, text length-prefixed. */
export function canonicalText(value: Canonical): string {
  if (value === null) return 'n'
  switch (typeof value) {
    case 'string':
      return `s${value.length}:${value}`
    case 'boolean':
      return value ? 't' : 'f'
    case 'number':
      if (!Number.isSafeInteger(value))
        throw new RangeError(`${value} is no safe integer; digest its decimal text`)
      return `i${value};`
  }
  if (Array.isArray(value)) return `a${value.length}:${value.map(canonicalText).join('')}`
  const entries = Object.entries(value as { readonly [key: string]: Canonical | undefined })
    .filter((entry): entry is [string, Canonical] => entry[1] !== undefined)
    .sort(([a], [b]) => compareText(a, b))
  return `o${entries.length}:${entries.map(([key, member]) => canonicalText(key) + canonicalText(member)).join('')}`
}

export const digestOf = (value: Canonical): Digest => digestOfCanonical(canonicalText(value))

/** Of a canonical text that the caller has put together. */
export const digestOfCanonical = (text: string): Digest => `sha256:${sha256(text)}` as Digest

export const digestOfBytes = (bytes: Uint8Array): Digest =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}` as Digest

/** In one call: a hash object for every row of an import would cost more than the hashing. */
const sha256 = (text: string): string => hash('sha256', Buffer.from(text, 'utf16le'), 'hex')

/** A digest of many rows without holding their encoding: add each in canonical order, then end. */
export class RowDigest {
  private readonly hash = createHash('sha256')
  private readonly pending: string[] = []

  /** With `last`: of the list of these members and, as its last member, the list of the rows, as digestOf. */
  constructor(last?: { readonly after: readonly Canonical[]; readonly rows: number }) {
    if (last === undefined) return
    const { after, rows } = last
    this.pending.push(`a${after.length + 1}:${after.map(canonicalText).join('')}a${rows}:`)
  }

  add(row: Canonical): void {
    this.pending.push(canonicalText(row))
    if (this.pending.length >= 1000) this.flush()
  }

  end(): Digest {
    this.flush()
    return `sha256:${this.hash.digest('hex')}` as Digest
  }

  private flush(): void {
    this.hash.update(this.pending.join(''), 'utf16le')
    this.pending.length = 0
  }
}
