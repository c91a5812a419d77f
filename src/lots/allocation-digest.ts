/**
 * The digest of a symbol's allocations as they arise, which can be stopped, stored and gone on with: rows are
 * written as bytes, every 4,096 of them are hashed onto the hash of those before (SHA-256). Numbers are written
 * as digits and exponent without trailing zeros, so that the scale of a symbol does not matter. Raises nothing.
 */

import { createHash } from 'node:crypto'
import { type Digest, digestOf } from '../base/digest.js'

const BLOCK = 4096
const SAFE = BigInt(Number.MAX_SAFE_INTEGER)

export class AllocationDigest {
  private block = Buffer.alloc(2 * BLOCK)
  private view = viewOf(this.block)
  private end = 0
  private chain: Buffer
  rows: number

  constructor(from?: { readonly chain: string; readonly pending: string; readonly allocations: number }) {
    this.chain = Buffer.from(from?.chain ?? '', 'base64')
    this.rows = from?.allocations ?? 0
    if (from !== undefined) this.end = this.block.write(from.pending, 0, 'base64')
  }

  text(text: string | null): void {
    if (text === null) {
      this.number(-1)
      return
    }
    this.number(text.length)
    this.room(text.length * 2)
    // Ids are short: a call into the runtime costs more than the loop.
    for (let i = 0; i < text.length; i++) {
      this.view.setUint16(this.end, text.charCodeAt(i), true)
      this.end += 2
    }
  }

  /** A whole number that a double holds. */
  number(value: number): void {
    this.room(8)
    this.view.setFloat64(this.end, value, true)
    this.end += 8
  }

  decimal(units: bigint, scale: number): void {
    if (units > SAFE || units < -SAFE) {
      let [digits, exponent] = [units, scale]
      while (digits % 10n === 0n) {
        digits /= 10n
        exponent -= 1
      }
      if (digits > SAFE || digits < -SAFE) {
        // No whole number: a mark that text follows.
        this.number(0.5)
        this.text(digits.toString())
      } else this.number(Number(digits))
      this.number(exponent)
      return
    }
    let digits = Number(units)
    if (digits === 0) scale = 0
    else {
      // Whole quotients are exact below 2^53; the remainder operator of doubles is slow.
      for (
        let less = Math.trunc(digits / 10_000);
        less * 10_000 === digits;
        less = Math.trunc(digits / 10_000)
      ) {
        digits = less
        scale -= 4
      }
      for (let less = Math.trunc(digits / 10); less * 10 === digits; less = Math.trunc(digits / 10)) {
        digits = less
        scale -= 1
      }
    }
    this.number(digits)
    this.number(scale)
  }

  endRow(): void {
    this.rows += 1
    let from = 0
    while (this.end - from >= BLOCK) {
      const hash = createHash('sha256')
      hash.update(this.chain)
      hash.update(this.block.subarray(from, from + BLOCK))
      this.chain = hash.digest()
      from += BLOCK
    }
    if (from > 0) {
      this.block.copyWithin(0, from, this.end)
      this.end -= from
    }
  }

  /** To be stored and handed to the constructor. */
  state(): { readonly chain: string; readonly pending: string; readonly allocations: number } {
    const pending = this.block.subarray(0, this.end).toString('base64')
    return { chain: this.chain.toString('base64'), pending, allocations: this.rows }
  }

  digest(): Digest {
    const { chain, pending, allocations } = this.state()
    return digestOf([chain, pending, allocations])
  }

  private room(bytes: number): void {
    if (this.end + bytes <= this.block.length) return
    const larger = Buffer.alloc(2 * (this.end + bytes))
    this.block.copy(larger, 0, 0, this.end)
    this.block = larger
    this.view = viewOf(larger)
  }
}

const viewOf = ({ buffer, byteOffset, byteLength }: Buffer): DataView =>
  new DataView(buffer, byteOffset, byteLength)
