/** Rows as COPY text in chunks of about a megabyte, for bulk writes. Raises nothing. */

import type { SqlValue } from './books.js'
import { escaped } from './copy-text.js'
import { textOfValue } from './types.js'

const CHUNK = 1_000_000
const TAB = 9
const NEWLINE = 10
const BACKSLASH = 92
/** The most bytes that a UTF-16 unit takes, escaped or in UTF-8. */
const MOST_BYTES = 3

/**
 * The rows in order. A chunk is good until the next is asked for: all are written into one buffer, since text
 * that is put together from values and then encoded costs several times as much.
 */
export function* copyRows(rows: Iterable<readonly SqlValue[]>): Generator<Uint8Array> {
  const lines = new Lines()
  for (const row of rows) {
    lines.add(row)
    if (lines.bytes >= CHUNK) yield lines.taken()
  }
  if (lines.bytes > 0) yield lines.taken()
}

/** The same of rows that come in batches: a chunk does not end where a batch does, so that all are of one size. */
export async function* copyBatches(
  batches: AsyncIterable<Iterable<readonly SqlValue[]>>,
): AsyncGenerator<Uint8Array> {
  const lines = new Lines()
  for await (const batch of batches) {
    for (const row of batch) {
      lines.add(row)
      if (lines.bytes >= CHUNK) yield lines.taken()
    }
  }
  if (lines.bytes > 0) yield lines.taken()
}

class Lines {
  bytes = 0
  private buffer = Buffer.allocUnsafeSlow(CHUNK + 65_536)

  /** One row with its newline; null is \N. */
  add(values: readonly SqlValue[]): void {
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!
      const text = typeof value === 'string' ? value : textOfValue(value)
      this.room(text === null ? 4 : MOST_BYTES * text.length + 2)
      if (i > 0) this.buffer[this.bytes++] = TAB
      if (text === null) {
        this.buffer[this.bytes++] = BACKSLASH
        this.buffer[this.bytes++] = 78
      } else this.write(text)
    }
    this.room(1)
    this.buffer[this.bytes++] = NEWLINE
  }

  taken(): Uint8Array {
    const chunk = this.buffer.subarray(0, this.bytes)
    this.bytes = 0
    return chunk
  }

  private write(text: string): void {
    const { buffer } = this
    let at = this.bytes
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i)
      // Most values are short and plain, and a call into the runtime costs more than the loop.
      if (unit >= 0x80 || unit < 0x20 || unit === BACKSLASH) {
        this.bytes += buffer.write(escaped(textOfValue(text)!), this.bytes, 'utf8')
        return
      }
      buffer[at++] = unit
    }
    this.bytes = at
  }

  private room(bytes: number): void {
    if (this.bytes + bytes <= this.buffer.length) return
    const larger = Buffer.allocUnsafeSlow(2 * (this.bytes + bytes))
    this.buffer.copy(larger, 0, 0, this.bytes)
    this.buffer = larger
  }
}
