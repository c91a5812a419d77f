/**
 * Reads PostgreSQL's COPY text format into a frame. The stream's columns are the coded ones, then the
 * amounts. Chunks may end anywhere. Raises what the frame builder raises.
 */

import type { FrameBuilder } from './frame-builder.js'

const TAB = 9
const NEWLINE = 10
const BACKSLASH = 92

export class CopyTextReader {
  private rest: Buffer = Buffer.alloc(0)

  constructor(
    private readonly builder: FrameBuilder,
    private readonly coded: number,
    private readonly columns: number,
  ) {}

  push(chunk: Uint8Array): void {
    const fresh = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
    const bytes = this.rest.length === 0 ? fresh : Buffer.concat([this.rest, fresh])
    const end = bytes.lastIndexOf(NEWLINE) + 1
    this.rows(bytes, end)
    this.rest = bytes.subarray(end)
  }

  end(): void {
    if (this.rest.length > 0) throw new Error('the COPY stream ended in the middle of a row')
  }

  private rows(bytes: Buffer, end: number): void {
    let at = 0
    while (at < end) {
      this.builder.beginRow()
      for (let column = 0; column < this.columns; column++) {
        const start = at
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
        this.field(column, bytes, start, at, escaped)
        at += 1
      }
      this.builder.endRow()
    }
  }

  private field(column: number, bytes: Buffer, start: number, end: number, escaped: boolean): void {
    if (escaped) {
      if (end - start === 2 && bytes[start + 1] === 78) return // \N, the null
      const value = unescaped(bytes, start, end)
      if (column < this.coded) this.builder.code(column, value, 0, value.length)
      else this.builder.amount(column - this.coded, value, 0, value.length)
    } else if (column < this.coded) this.builder.code(column, bytes, start, end)
    else this.builder.amount(column - this.coded, bytes, start, end)
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
