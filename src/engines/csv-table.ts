/**
 * A CSV file against the columns that are expected of it: the header is checked, every row has the fields of
 * the header, and values can be stored. Problems are collected, up to a limit, and told together.
 *
 * Raises TIE-2401, TIE-2404, TIE-2405, TIE-2406, TIE-2413, TIE-2415 and those of csv.ts.
 */

import { type Place, type Problem, problem, Refusal } from '../base/errors.js'
import { didYouMean, unstorable } from '../base/text.js'
import { type CsvRecord, readCsv } from './csv.js'

/** A file with more problems than this is hardly read to the end by its author. */
export const MAX_PROBLEMS = 100

/** Problems of one file, the first of them in full and the rest counted. */
export class FileProblems {
  private readonly first: Problem[] = []
  private more = 0

  constructor(readonly file: string) {}

  add(found: Problem): void {
    if (this.first.length < MAX_PROBLEMS) this.first.push(found)
    else this.more += 1
  }

  at(line: number): Place {
    return { file: this.file, line }
  }

  get any(): boolean {
    return this.first.length > 0
  }

  /** As many as are told. */
  get problems(): readonly Problem[] {
    return this.first
  }

  /** Throws when there are any. */
  stop(): void {
    if (!this.any) return
    const rest = this.more === 0 ? [] : [problem('TIE-2415', { more: this.more }, { file: this.file })]
    throw new Refusal([...this.first, ...rest])
  }
}

export interface Header {
  /** Known columns by field position; undefined: a column to leave out. */
  readonly columns: readonly (string | undefined)[]
  readonly line: number
}

export interface ExpectedColumns {
  readonly required: readonly string[]
  readonly optional: readonly string[]
  readonly ignoreUnknown: boolean
}

export function checkHeader(
  { line, fields }: CsvRecord,
  expected: ExpectedColumns,
  problems: FileProblems,
): Header {
  const known = [...expected.required, ...expected.optional]
  checkNames(fields, line, problems)
  const columns = fields.map((name) => {
    if (known.includes(name)) return name
    if (!expected.ignoreUnknown) {
      problems.add(
        problem(
          'TIE-2404',
          { column: name, known: known.join(', '), suggestion: didYouMean(name, known) },
          problems.at(line),
        ),
      )
    }
    return undefined
  })
  for (const name of expected.required) {
    if (!fields.includes(name))
      problems.add(
        problem('TIE-2405', { column: name, expected: expected.required.join(', ') }, problems.at(line)),
      )
  }
  return { columns, line }
}

/** Every column has a name that can be stored, and a name of its own. */
export function checkNames(names: readonly string[], line: number, problems: FileProblems): void {
  names.forEach((name, i) => {
    const what = unstorableField(name)
    if (what !== undefined) {
      problems.add(problem('TIE-2413', { column: `number ${i + 1}`, what }, problems.at(line)))
      return
    }
    const why =
      name === '' ? `as column ${i + 1}, which is empty` : names.indexOf(name) < i ? 'twice' : undefined
    if (why !== undefined) problems.add(problem('TIE-2406', { column: name, why }, problems.at(line)))
  })
}

/** Whether the record has as many fields as the header, and only text that can be stored. */
export function checkRecord(
  { line, fields }: CsvRecord,
  names: readonly string[],
  problems: FileProblems,
): boolean {
  if (fields.length !== names.length) {
    problems.add(problem('TIE-2401', { found: fields.length, expected: names.length }, problems.at(line)))
    return false
  }
  let storable = true
  for (let i = 0; i < fields.length; i++) {
    const what = unstorableField(fields[i]!)
    if (what === undefined) continue
    problems.add(problem('TIE-2413', { column: names[i]!, what }, problems.at(line)))
    storable = false
  }
  return storable
}

/** The reader puts U+FFFD where the bytes are not UTF-8. */
const unstorableField = (field: string): string | undefined =>
  field.includes('\uFFFD') ? 'bytes that are not UTF-8' : unstorable(field)

export interface TableRow {
  readonly line: number
  /** By column; an empty field is null. */
  readonly values: Readonly<Record<string, string | null>>
}

/** A whole small file, such as a structure. */
export async function readCsvTable(file: string, expected: ExpectedColumns): Promise<readonly TableRow[]> {
  const problems = new FileProblems(file)
  const rows: TableRow[] = []
  let header: Header | undefined
  let names: readonly string[] = []
  for await (const batch of readCsv(file)) {
    for (const record of batch) {
      if (header === undefined) {
        header = checkHeader(record, expected, problems)
        names = record.fields
      } else if (checkRecord(record, names, problems)) rows.push(tableRow(record, header))
    }
  }
  problems.stop()
  return rows
}

const tableRow = ({ line, fields }: CsvRecord, { columns }: Header): TableRow => ({
  line,
  values: Object.fromEntries(
    columns.flatMap((column, i) =>
      column === undefined ? [] : [[column, fields[i] === '' ? null : fields[i]!]],
    ),
  ),
})
