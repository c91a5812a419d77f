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

/**
 * Yields batches of records; the first record is the header. `onBytes` is told how much of the file has been
 * read; a record of more than `longest` characters is refused before it fills the memory. Throws TIE-1005 when the
 * file cannot be opened.
 */
export async function* readCsv(
  file: string,
  onBytes?: (bytes: number) => void,
  longest?: number,
): AsyncGenerator<readonly CsvRecord[]> {
  const { CsvError, parse } = await import('csv-parse')
  const parser = parse({
    bom: true,
    relax_column_count: true,
    info: true,
    skip_empty_lines: true,
    record_delimiter: ['\r\n', '\n', '\r'],
    ...(longest === undefined ? {} : { max_record_size: longest }),
  })
  const input = createReadStream(file, { highWaterMark: 1 << 18 })
  input.on('error', (error) => parser.destroy(error))
  if (onBytes !== undefined) input.on('data', () => onBytes(input.bytesRead))
  input.pipe(parser)
  let batch: CsvRecord[] = []
  let seen = false
  let overcounted = 0
  try {
    for await (const { record, info } of parser as AsyncIterable<{
      record: string[]
      info: { lines: number }
    }>) {
      seen = true
      const breaks = lineBreaks(record)
      batch.push({ line: info.lines - overcounted - breaks.counted, fields: record })
      overcounted += breaks.counted - breaks.real
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

/** Line breaks inside quoted fields: the parser counts a CR and an LF as two where they are one. */
function lineBreaks(fields: readonly string[]): { readonly counted: number; readonly real: number } {
  let counted = 0
  let real = 0
  for (const field of fields) {
    if (!/[\r\n]/.test(field)) continue
    counted += field.match(/[\r\n]/g)!.length
    real += field.match(/\r\n|\r|\n/g)!.length
  }
  return { counted, real }
}

function refuseUnreadable(error: unknown, file: string): never {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ENOENT' || code === 'EACCES' || code === 'EISDIR')
    refuse('TIE-1005', { file, detail: message })
  throw error
}
