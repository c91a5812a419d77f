/** Rows as COPY text in chunks of about a megabyte, for bulk writes. Raises nothing. */

import type { SqlValue } from './books.js'
import { copyRow } from './copy-text.js'

const CHUNK = 1_000_000

export function* copyRows(rows: Iterable<readonly SqlValue[]>): Generator<Uint8Array> {
  let lines: string[] = []
  let size = 0
  for (const row of rows) {
    const line = copyRow(row)
    lines.push(line)
    size += line.length
    if (size < CHUNK) continue
    yield Buffer.from(lines.join(''), 'utf8')
    lines = []
    size = 0
  }
  if (lines.length > 0) yield Buffer.from(lines.join(''), 'utf8')
}
