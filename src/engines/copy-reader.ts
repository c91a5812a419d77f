/**
 * Reads PostgreSQL's COPY text format into a frame. The stream's columns are the coded ones, then how many
 * facts the row stands for where the builder wants tuples, then the amounts. Chunks may end anywhere. A field
 * is read in one pass over its bytes: packed into the words its dictionary looks up, or as a number. Raises
 * what the frame builder raises.
 */

import type { AmountBuilder } from './amount-builder.js'
import { type ByteDictionary, SHORT_BYTES } from './byte-dictionary.js'
import type { FrameBuilder } from './frame-builder.js'

const TAB = 9
const NEWLINE = 10
const BACKSLASH = 92
const CAPITAL_N = 78

export class CopyTextReader {
  private rest: Buffer = Buffer.alloc(0)
  private bytes: Buffer = this.rest
  /** Past the field that was read last: its tab or newline. */
  private at = 0
  private readonly numbers: readonly AmountBuilder[]

  constructor(private readonly builder: FrameBuilder) {
    this.numbers = builder.counts === undefined ? builder.amounts : [builder.counts, ...builder.amounts]
  }

  push(chunk: Uint8Array): void {
    const fresh = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
    this.bytes = this.rest.length === 0 ? fresh : Buffer.concat([this.rest, fresh])
    const end = this.bytes.lastIndexOf(NEWLINE) + 1
    this.rows(end)
    this.rest = this.bytes.subarray(end)
  }

  end(): void {
    if (this.rest.length > 0) throw new Error('the COPY stream ended in the middle of a row')
  }

  private rows(end: number): void {
    const { builder, numbers } = this
    const { dictionaries } = builder
    this.at = 0
    while (this.at < end) {
      builder.beginRow()
      const { codes, row } = builder
      for (let column = 0; column < dictionaries.length; column++) {
        codes[column]![row] = this.code(dictionaries[column]!)
        this.at += 1
      }
      for (let column = 0; column < numbers.length; column++) {
        this.number(numbers[column]!, row)
        this.at += 1
      }
      // A query without columns is asked for one, which is null.
      if (dictionaries.length + numbers.length === 0) this.at = this.bytes.indexOf(NEWLINE, this.at) + 1
    }
  }

  private code(dictionary: ByteDictionary): number {
    const { bytes, at: start } = this
    let at = start
    let first = 0
    let second = 0
    let third = 0
    for (let length = 0; length <= SHORT_BYTES; length++) {
      const byte = bytes[at]!
      if (byte === TAB || byte === NEWLINE) {
        this.at = at
        return dictionary.codeOfWords(length, first, second, third)
      }
      if (byte === BACKSLASH) break
      const part = byte << ((length & 3) << 3)
      if (length < 4) first |= part
      else if (length < 8) second |= part
      else third |= part
      at += 1
    }
    return this.longCode(dictionary, start, at)
  }

  /** A value that is long, or that holds a backslash at or behind `at`. */
  private longCode(dictionary: ByteDictionary, start: number, at: number): number {
    const { bytes } = this
    let escaped = false
    for (;;) {
      const byte = bytes[at]!
      if (byte === TAB || byte === NEWLINE) break
      if (byte === BACKSLASH) {
        escaped = true
        at += 1
      }
      at += 1
    }
    this.at = at
    if (!escaped) return dictionary.codeOf(bytes, start, at)
    if (at - start === 2 && bytes[start + 1] === CAPITAL_N) return 0
    const value = unescaped(bytes, start, at)
    return dictionary.codeOf(value, 0, value.length)
  }

  private number(column: AmountBuilder, row: number): void {
    const { bytes, at: start } = this
    let at = start
    let value = 0
    let digits = 0
    let point = -1
    const sign = bytes[at]
    if (sign === 45) at += 1
    for (;;) {
      const byte = bytes[at]!
      if (byte >= 48 && byte <= 57) {
        value = value * 10 + (byte - 48)
        digits += 1
      } else if (byte === 46 && point < 0) point = at
      else break
      at += 1
    }
    const byte = bytes[at]
    if (digits > 0 && (byte === TAB || byte === NEWLINE)) {
      this.at = at
      column.put(sign === 45, value, digits, point < 0 ? 0 : at - point - 1, row, bytes, start, at)
    } else this.otherNumber(column, row, start)
  }

  /** A null, or text that the column refuses. */
  private otherNumber(column: AmountBuilder, row: number, start: number): void {
    const { bytes } = this
    let at = start
    while (bytes[at] !== TAB && bytes[at] !== NEWLINE) at += 1
    this.at = at
    if (at - start === 2 && bytes[start] === BACKSLASH && bytes[start + 1] === CAPITAL_N) return
    column.read(bytes, start, at, row)
  }
}

const ESCAPES: Readonly<Record<number, number>> = { 98: 8, 102: 12, 110: 10, 114: 13, 116: 9, 118: 11 }

function unescaped(bytes: Buffer, start: number, end: number): Buffer {
  const out: number[] = []
  for (let at = start; at < end; at++) {
    if (bytes[at] !== BACKSLASH) out.push(bytes[at]!)
    else {
      at += 1
      out.push(ESCAPES[bytes[at]!] ?? bytes[at]!)
    }
  }
  return Buffer.from(out)
}
