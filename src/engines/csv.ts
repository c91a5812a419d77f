/**
 * CSV files as records with their line numbers. Streams; keeps nothing but the record at hand. A file that is
 * no CSV raises TIE-2410 or TIE-2412; rows with too many or too few fields are handed on, for the importer to
 * name them all at once.
 */

import { createReadStream } from 'node:fs'
import { refuse } from '../base/errors.js'

export interface CsvRecord {
  /** 1-based line on which the record begins. */
  readonly line: number
  readonly fields: readonly string[]
}

/** Yields batches of records; the first record is the header. Throws TIE-1005 when the file cannot be opened. */
export async function* readCsv(file: string): AsyncGenerator<readonly CsvRecord[]> {
  const { CsvError, parse } = await import('csv-parse')
  const parser = parse({ bom: true, relax_column_count: true, info: true, skip_empty_lines: true })
  const input = createReadStream(file, { highWaterMark: 1 << 18 })
  input.on('error', (error) => parser.destroy(error))
  input.pipe(parser)
  let batch: CsvRecord[] = []
  let seen = false
  try {
    for await (const { record, info } of parser as AsyncIterable<{
      record: string[]
      info: { lines: number }
    }>) {
      seen = true
      batch.push({ line: info.lines - lineBreaks(record), fields: record })
      if (batch.length === 4096) {
        yield batch
        batch = []
      }
    }
  } catch (error) {
    if (error instanceof CsvError) {
      refuse('TIE-2412', { detail: error.message }, { file, line: Number(error.lines ?? 1) })
    }
    refuseUnreadable(error, file)
  } finally {
    input.destroy()
  }
  if (!seen) refuse('TIE-2410', {}, { file, line: 1 })
  yield batch
}

/** Line breaks inside quoted fields: the parser's count is that of the record's last line. */
function lineBreaks(fields: readonly string[]): number {
  let count = 0
  for (const field of fields) {
    for (let at = field.indexOf('\n'); at >= 0; at = field.indexOf('\n', at + 1)) count += 1
  }
  return count
}

function refuseUnreadable(error: unknown, file: string): never {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ENOENT' || code === 'EACCES' || code === 'EISDIR')
    refuse('TIE-1005', { file, detail: message })
  throw error
}
