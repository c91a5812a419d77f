/** Rows of PostgreSQL's COPY text format as values, batch by batch. Chunks may end anywhere. Raises nothing. */

const NEWLINE = 10
const ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' }

export async function* copiedRows(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<readonly (readonly (string | null)[])[]> {
  let rest: Uint8Array = new Uint8Array()
  for await (const chunk of chunks) {
    // A newline byte always ends a row: one inside a value is written as \n.
    const end = chunk.lastIndexOf(NEWLINE)
    if (end < 0) {
      rest = Buffer.concat([rest, chunk])
      continue
    }
    const lines = Buffer.concat([rest, chunk.subarray(0, end)]).toString('utf8')
    rest = new Uint8Array(chunk.subarray(end + 1))
    yield lines.split('\n').map(copiedRow)
  }
  if (rest.length > 0) throw new Error('the COPY stream ended in the middle of a row')
}

/** In the array that split made: rows come by the million. */
function copiedRow(line: string): readonly (string | null)[] {
  const fields: (string | null)[] = line.split('\t')
  if (line.includes('\\')) for (let i = 0; i < fields.length; i++) fields[i] = copiedValue(fields[i]!)
  return fields
}

function copiedValue(field: string): string | null {
  if (!field.includes('\\')) return field
  if (field === '\\N') return null
  return field.replace(/\\(.)/g, (_, letter: string) => ESCAPES[letter] ?? letter)
}
