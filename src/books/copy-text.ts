/**
 * COPY's text format: one line a row, tabs between values, backslash escapes. Rows are cut out of a byte
 * stream in groups here, because PGlite takes whole files only and neither engine may be handed an end
 * marker, which would make it drop the rest without a word. Raises Error for such a marker.
 */

const NEWLINE = 0x0a
const BACKSLASH = 0x5c

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }

const ALL_ESCAPED = /[\\\t\n\r]/g

/** A value as it stands in a row. */
export const escaped = (text: string): string => text.replace(ALL_ESCAPED, (character) => ESCAPES[character]!)

/** The chunks again as groups of whole rows of about `size` bytes; the last may lack its newline. */
export async function* wholeRows(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  size: number,
): AsyncGenerator<Buffer<ArrayBuffer>> {
  let held: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of chunks) {
    if (chunk.length === 0) continue
    // Copied, because the caller may use its buffer again while rows wait here.
    held.push(new Uint8Array(chunk))
    bytes += chunk.length
    if (bytes < size) continue
    const all = Buffer.concat(held)
    const end = endOfLastRow(all)
    if (end > 0) yield refuseEndMarker(own(all.subarray(0, end)))
    held = end < all.length ? [all.subarray(end)] : []
    bytes = all.length - end
  }
  if (bytes > 0) yield refuseEndMarker(own(Buffer.concat(held)))
}

/** A buffer with memory of its own, so that it can be transferred to another thread. */
const own = (bytes: Uint8Array): Buffer<ArrayBuffer> => Buffer.from(new Uint8Array(bytes).buffer)

/** Past the last newline that ends a row: one behind an odd number of backslashes is part of a value. */
function endOfLastRow(bytes: Buffer): number {
  for (
    let at = bytes.lastIndexOf(NEWLINE);
    at >= 0;
    at = at === 0 ? -1 : bytes.lastIndexOf(NEWLINE, at - 1)
  ) {
    let slashes = 0
    while (bytes[at - 1 - slashes] === BACKSLASH) slashes++
    if (slashes % 2 === 0) return at + 1
  }
  return 0
}

function refuseEndMarker(rows: Buffer<ArrayBuffer>): Buffer<ArrayBuffer> {
  for (let at = rows.indexOf('\\.'); at >= 0; at = rows.indexOf('\\.', at + 1)) {
    const starts = at === 0 || rows[at - 1] === NEWLINE
    const after = rows[at + 2]
    if (starts && (after === undefined || after === NEWLINE || after === 0x0d)) {
      throw new Error('COPY text holds the end marker \\. on a line of its own; escape the backslash')
    }
  }
  return rows
}

/** Lines in the rows, so that an error of a later group can name the line of the whole. */
export function countLines(rows: Uint8Array): number {
  let lines = 0
  for (let at = rows.indexOf(NEWLINE); at >= 0; at = rows.indexOf(NEWLINE, at + 1)) lines++
  return lines
}
