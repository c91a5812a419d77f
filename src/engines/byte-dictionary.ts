/**
 * A dictionary from UTF-8 bytes to small codes, in order of first appearance; code 0 is the null. A value of up
 * to twelve bytes is three words, filled up with zero bytes, beside its length: it is compared without a loop,
 * and DuckDB hands it over in that very form. Longer values are compared byte by byte. No value becomes a string
 * before the end. Raises nothing.
 */

/** Values up to this many bytes are held in words. */
export const SHORT_BYTES = 12

/** Words an entry has: its length, then the bytes; of a long value its hash and the offset of its bytes. */
const WORDS = 4

export class ByteDictionary {
  private slots = new Int32Array(1024)
  private entries = new Int32Array(512 * WORDS)
  /** Bytes of the long values, one after another. */
  private bytes = new Uint8Array(8192)
  private used = 0
  /** Codes given so far, the null included. */
  size = 1

  codeOf(source: Uint8Array, start: number, end: number): number {
    const length = end - start
    if (length > SHORT_BYTES) return this.codeOfLong(source, start, end)
    let first = 0
    let second = 0
    let third = 0
    for (let i = 0; i < length; i++) {
      const part = source[start + i]! << ((i & 3) << 3)
      if (i < 4) first |= part
      else if (i < 8) second |= part
      else third |= part
    }
    return this.codeOfWords(length, first, second, third)
  }

  /** The bytes of a short value in three words, the first byte in the lowest bits. */
  codeOfWords(length: number, first: number, second: number, third: number): number {
    const { slots, entries } = this
    const mask = slots.length - 1
    let slot = hashOf(length, first, second, third) & mask
    for (;;) {
      const code = slots[slot]!
      if (code === 0) return this.insert(slot, length, first, second, third)
      const at = code * WORDS
      if (
        entries[at] === length &&
        entries[at + 1] === first &&
        entries[at + 2] === second &&
        entries[at + 3] === third
      )
        return code
      slot = (slot + 1) & mask
    }
  }

  /** The values by code; index 0 is null. */
  texts(): (string | null)[] {
    const texts: (string | null)[] = [null]
    const words = Buffer.from(this.entries.buffer)
    const long = Buffer.from(this.bytes.buffer)
    for (let code = 1; code < this.size; code++) {
      const at = code * WORDS
      const length = this.entries[at]!
      const from = length > SHORT_BYTES ? this.entries[at + 2]! : (at + 1) * 4
      texts.push((length > SHORT_BYTES ? long : words).toString('utf8', from, from + length))
    }
    return texts
  }

  private codeOfLong(source: Uint8Array, start: number, end: number): number {
    const length = end - start
    let hash = 0x811c9dc5
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ source[at]!, 0x01000193)
    const mask = this.slots.length - 1
    let slot = hashOf(length, hash, 0, 0) & mask
    for (;;) {
      const code = this.slots[slot]!
      if (code === 0) return this.insert(slot, length, hash, this.keep(source, start, end), 0)
      const at = code * WORDS
      if (this.entries[at] === length && this.entries[at + 1] === hash && this.equals(code, source, start))
        return code
      slot = (slot + 1) & mask
    }
  }

  private equals(code: number, source: Uint8Array, start: number): boolean {
    const length = this.entries[code * WORDS]!
    const from = this.entries[code * WORDS + 2]!
    for (let i = 0; i < length; i++) if (this.bytes[from + i] !== source[start + i]) return false
    return true
  }

  private keep(source: Uint8Array, start: number, end: number): number {
    const from = this.used
    this.used += end - start
    if (this.used > this.bytes.length)
      this.bytes = grown(this.bytes, new Uint8Array(Math.max(this.bytes.length * 2, this.used)))
    this.bytes.set(source.subarray(start, end), from)
    return from
  }

  private insert(slot: number, length: number, first: number, second: number, third: number): number {
    const code = this.size
    const at = code * WORDS
    if (at + WORDS > this.entries.length)
      this.entries = grown(this.entries, new Int32Array(this.entries.length * 2))
    this.entries[at] = length
    this.entries[at + 1] = first
    this.entries[at + 2] = second
    this.entries[at + 3] = third
    this.slots[slot] = code
    this.size += 1
    if (this.size * 2 > this.slots.length) this.rehash()
    return code
  }

  private rehash(): void {
    this.slots = new Int32Array(this.slots.length * 2)
    const mask = this.slots.length - 1
    for (let code = 1; code < this.size; code++) {
      const [length, first, second, third] = this.entries.subarray(code * WORDS, (code + 1) * WORDS)
      const hash =
        length! > SHORT_BYTES ? hashOf(length!, first!, 0, 0) : hashOf(length!, first!, second!, third!)
      let slot = hash & mask
      while (this.slots[slot] !== 0) slot = (slot + 1) & mask
      this.slots[slot] = code
    }
  }
}

function hashOf(length: number, first: number, second: number, third: number): number {
  const mixed =
    Math.imul(first, 0x9e3779b1) ^ Math.imul(second, 0x85ebca6b) ^ Math.imul(third, 0xc2b2ae35) ^ length
  const hash = Math.imul(mixed ^ (mixed >>> 15), 0x27d4eb2f)
  return hash ^ (hash >>> 15)
}

function grown<A extends Uint8Array | Int32Array>(from: A, to: A): A {
  to.set(from)
  return to
}
