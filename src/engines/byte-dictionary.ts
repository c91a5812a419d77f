/**
 * A dictionary from UTF-8 bytes to small codes, in order of first appearance; code 0 is the null. Values are
 * compared as bytes, so a field of a COPY stream is coded without becoming a string. Raises nothing.
 */

export class ByteDictionary {
  private slots = new Int32Array(1024)
  private hashes = new Int32Array(512)
  private offsets = new Int32Array(514)
  private bytes = new Uint8Array(8192)
  private last = 0
  /** Codes given so far, the null included. */
  size = 1

  codeOf(source: Uint8Array, start: number, end: number): number {
    // Facts often arrive in runs of one value.
    if (this.last !== 0 && this.equals(this.last, source, start, end)) return this.last
    let hash = 0x811c9dc5
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ source[at]!, 0x01000193)
    hash ^= hash >>> 15
    const mask = this.slots.length - 1
    let slot = hash & mask
    for (;;) {
      const code = this.slots[slot]!
      if (code === 0) return this.insert(slot, hash, source, start, end)
      if (this.hashes[code] === hash && this.equals(code, source, start, end)) {
        this.last = code
        return code
      }
      slot = (slot + 1) & mask
    }
  }

  /** The values by code; index 0 is null. */
  texts(): (string | null)[] {
    const texts: (string | null)[] = [null]
    for (let code = 1; code < this.size; code++) {
      texts.push(
        Buffer.from(
          this.bytes.buffer,
          this.offsets[code]!,
          this.offsets[code + 1]! - this.offsets[code]!,
        ).toString('utf8'),
      )
    }
    return texts
  }

  private equals(code: number, source: Uint8Array, start: number, end: number): boolean {
    const from = this.offsets[code]!
    const length = end - start
    if (this.offsets[code + 1]! - from !== length) return false
    for (let i = 0; i < length; i++) if (this.bytes[from + i] !== source[start + i]) return false
    return true
  }

  private insert(slot: number, hash: number, source: Uint8Array, start: number, end: number): number {
    const code = this.size
    const from = this.offsets[code]!
    const to = from + (end - start)
    if (to > this.bytes.length)
      this.bytes = grown(this.bytes, new Uint8Array(Math.max(this.bytes.length * 2, to)))
    for (let i = 0; i < end - start; i++) this.bytes[from + i] = source[start + i]!
    if (code + 2 > this.offsets.length) {
      this.offsets = grown(this.offsets, new Int32Array(this.offsets.length * 2))
      this.hashes = grown(this.hashes, new Int32Array(this.offsets.length))
    }
    if (code >= this.hashes.length) this.hashes = grown(this.hashes, new Int32Array(this.hashes.length * 2))
    this.offsets[code + 1] = to
    this.hashes[code] = hash
    this.slots[slot] = code
    this.size += 1
    this.last = code
    if (this.size * 2 > this.slots.length) this.rehash()
    return code
  }

  private rehash(): void {
    this.slots = new Int32Array(this.slots.length * 2)
    const mask = this.slots.length - 1
    for (let code = 1; code < this.size; code++) {
      let slot = this.hashes[code]! & mask
      while (this.slots[slot] !== 0) slot = (slot + 1) & mask
      this.slots[slot] = code
    }
  }
}

function grown<A extends Uint8Array | Int32Array>(from: A, to: A): A {
  to.set(from)
  return to
}
