/**
 * One import of facts of lots: a file of CSV or NDJSON is read once, row by row, and checked, while the rows before
 * are taken over; ids that are there already are compared by content. Any problem, and nothing is kept. Streams: a
 * file may be of any length.
 *
 * Raises TIE-3101 to TIE-3110, TIE-3114, TIE-3115, TIE-3150, TIE-3151, and those of csv.ts, csv-table.ts and ndjson.ts.
 */

import { statSync } from 'node:fs'
import { basename, extname } from 'node:path'
import { type Problem, problem, refuse } from '../../base/errors.js'
import { didYouMean, unstorable } from '../../base/text.js'
import { type TimeZone, timeZone, zoneSuggestion } from '../../base/time-zone.js'
import type { Tx } from '../../books/books.js'
import { copyBatches } from '../../books/copy-rows.js'
import { insertInChunks } from '../../books/insert-in-chunks.js'
import type { Context } from '../../books/operation.js'
import { type CsvRecord, readCsv } from '../../engines/csv.js'
import { checkHeader, checkRecord, FileProblems, MAX_PROBLEMS } from '../../engines/csv-table.js'
import { MAX_LINE, type NdjsonRecord, readNdjson } from '../../engines/ndjson.js'
import type { FactKind, FactRow, RawRow } from '../fact-kinds.js'
import {
  type Conflict,
  conflictsInFile,
  conflictsWithBooks,
  createStaging,
  heldCorrections,
  holdOthers,
  insertHeld,
  insertNew,
  prepareLookups,
  recordImport,
  replacesNothing,
  replacesTwice,
  STAGING,
  type Target,
} from './imports.js'

export interface ImportRequest {
  readonly file: string
  /** Of times that say none: UTC, ±HH:MM or a name. */
  readonly timezone?: string | undefined
  readonly ignore_columns: boolean
}

export interface ImportCounts {
  readonly new: number
  readonly same: number
  readonly refused: number
  /** Null when nothing was new. */
  readonly import_id: string | null
}

/** Where the rows go, and under which name. */
interface Into {
  readonly importId: string
  readonly target: Target
}

interface Imported {
  /** The columns of a CSV file. */
  readonly header: readonly string[] | null
  readonly taken: number
}

type StagedRow = readonly (string | readonly string[] | null)[]

export class FactImport {
  private readonly problems: FileProblems
  private readonly size: number
  private readonly zone: TimeZone | undefined
  private bytesRead = 0
  private rows = 0
  private done = 0
  private corrections = 0
  private held = 0

  constructor(
    private readonly context: Context,
    private readonly tx: Tx,
    private readonly kind: FactKind,
    private readonly given: ImportRequest,
    private readonly digest: string,
  ) {
    const { timezone } = given
    this.zone = timezone === undefined ? undefined : timeZone(timezone)
    if (timezone !== undefined && this.zone === undefined) {
      refuse('TIE-3152', { value: timezone, suggestion: zoneSuggestion(timezone) })
    }
    this.problems = new FileProblems(given.file)
    this.size = statSync(given.file).size
  }

  async run(target: Target): Promise<ImportCounts> {
    const { tx, kind, context } = this
    await createStaging(tx, kind)
    const importId = context.newId()
    const into = { importId, target }
    const { header, taken } = /\.(?:ndjson|jsonl)$/i.test(extname(this.given.file))
      ? await this.importNdjson(into)
      : await this.importCsv(into)
    const fresh = taken + (this.held === 0 ? 0 : await this.takeHeld(into))
    this.problems.stop()
    // A file that brings nothing new leaves no trace.
    if (fresh > 0) {
      await recordImport(tx, context.tenant, {
        importId,
        kind: kind.kind,
        fileName: basename(this.given.file),
        fileDigest: this.digest,
        header,
        rows: this.rows,
        importedAt: context.now(),
        importedBy: context.who,
      })
    }
    // The last chance to take everything back: what is returned from here is committed.
    context.signal.throwIfAborted()
    return { new: fresh, same: this.rows - fresh, refused: 0, import_id: fresh === 0 ? null : importId }
  }

  private async importCsv(into: Into): Promise<Imported> {
    const { given, kind, problems } = this
    const batches = readCsv(given.file, this.onBytes, MAX_LINE)[Symbol.asyncIterator]()
    const first = await batches.next()
    const [header, ...rest] = first.done ? [] : first.value
    if (header === undefined) refuse('TIE-2410', {}, { file: given.file, line: 1 })
    const { required, optional } = kind
    const expected = { required, optional, ignoreUnknown: given.ignore_columns }
    const { columns } = checkHeader(header, expected, problems)
    problems.stop()
    const read = (record: CsvRecord): StagedRow | undefined => {
      if (!checkRecord(record, header.fields, problems)) return undefined
      const row: Record<string, string> = {}
      for (let i = 0; i < columns.length; i++) {
        const name = columns[i]
        if (name !== undefined) row[name] = record.fields[i]!
      }
      return this.staged(row, record.line, csvText(record.fields))
    }
    return { header: header.fields, taken: await this.take(this.stagedBatches(rest, batches, read), into) }
  }

  private async importNdjson(into: Into): Promise<Imported> {
    const known = [...this.kind.required, ...this.kind.optional]
    const read = ({ line, text, values }: NdjsonRecord): StagedRow | undefined => {
      const place = this.problems.at(line)
      if ('code' in values) {
        this.problems.add({ ...values, place })
        return undefined
      }
      const row: Record<string, string> = {}
      let storable = true
      for (const [column, value] of values) {
        const what = value.includes('\uFFFD') ? 'bytes that are not UTF-8' : unstorable(value)
        if (what !== undefined) this.problems.add(problem('TIE-2413', { column, what }, place))
        else if (known.includes(column)) row[column] = value
        else if (!this.given.ignore_columns) {
          const params = {
            column: column.slice(0, 60),
            known: known.join(', '),
            suggestion: didYouMean(column, known),
          }
          this.problems.add(problem('TIE-2404', params, place))
        } else continue
        storable &&= what === undefined && column in row
      }
      return storable ? this.staged(row, line, text) : undefined
    }
    const batches = readNdjson(this.given.file, this.onBytes)[Symbol.asyncIterator]()
    return { header: null, taken: await this.take(this.stagedBatches([], batches, read), into) }
  }

  /** Rows that are new; the others are there already, or held. */
  private take(batches: AsyncIterable<readonly StagedRow[]>, { importId, target }: Into): Promise<number> {
    const { tx, kind, context } = this
    return insertInChunks(tx, STAGING, copyBatches(batches), async (copied) => {
      const fresh = await insertNew(tx, context.tenant, importId, kind, target)
      if (fresh < copied) this.held += await holdOthers(tx, kind, target)
      return fresh
    })
  }

  private readonly onBytes = (bytes: number): void => {
    this.bytesRead = bytes
  }

  private async *stagedBatches<R>(
    first: readonly R[],
    batches: AsyncIterator<readonly R[]>,
    read: (record: R) => StagedRow | undefined,
  ): AsyncGenerator<readonly StagedRow[]> {
    const { progress, signal } = this.context
    let batch: readonly R[] = first
    for (;;) {
      yield batch.flatMap((record) => {
        const row = read(record)
        return row === undefined ? [] : [row]
      })
      this.done += batch.length
      progress.report('reading the file', this.done, this.bytesRead / this.size)
      signal.throwIfAborted()
      const next = await batches.next()
      if (next.done) return
      batch = next.value
    }
  }

  private staged(row: RawRow, line: number, payload: string): StagedRow | undefined {
    const parsed = this.kind.parse(row, this.zone === undefined ? {} : { zone: this.zone })
    if (parsed.is === 'refused') {
      const place = this.problems.at(line)
      for (const { problem: found } of parsed.problems) this.problems.add({ ...found, place })
      return undefined
    }
    // What is refused as a whole need not be stored.
    return this.count(parsed.value, line, payload)
  }

  private count({ fields, digest, replaces }: FactRow, line: number, payload: string): StagedRow {
    this.rows += 1
    if (replaces !== null) this.corrections += 1
    return [String(this.rows), String(line), ...fields, payload, digest]
  }

  /**
   * What held rows say of one another and of the books; those that are new. Corrections are looked at when every row
   * is good: a row that was refused is missing here, and others would seem to correct nothing.
   */
  private async takeHeld({ importId, target }: Into): Promise<number> {
    const { tx, kind, context, problems } = this
    await prepareLookups(tx, kind)
    if (!problems.any && this.corrections > 0) await this.checkCorrections()
    const fresh = problems.any ? 0 : await insertHeld(tx, context.tenant, importId, kind, target)
    this.addConflicts(await conflictsWithBooks(tx, kind, target.table, importId, MAX_PROBLEMS))
    if (problems.any) this.addConflicts(await conflictsInFile(tx, kind, target.table, MAX_PROBLEMS))
    return fresh
  }

  private async checkCorrections(): Promise<void> {
    const { tx, problems } = this
    for (const { line, order_id, replaces } of await replacesNothing(tx, MAX_PROBLEMS)) {
      problems.add(problem('TIE-3108', { order_id, replaces }, problems.at(Number(line))))
    }
    for (const { line, order_id, replaces, first } of await replacesTwice(tx, MAX_PROBLEMS)) {
      problems.add(problem('TIE-3110', { replaces, first, second: order_id }, problems.at(Number(line))))
    }
    for (const { path, line } of circles(await heldCorrections(tx))) {
      problems.add(problem('TIE-3109', { path: pathText(path) }, problems.at(line)))
    }
  }

  private addConflicts(found: readonly Conflict[]): void {
    for (const conflict of found) this.problems.add(conflictProblem(conflict, this.given.file))
  }
}

const excerpt = (text: string | null): string =>
  text === null ? 'nothing' : text.length > 60 ? `${text.slice(0, 60)}…` : text

/** The same id with other content. */
export function conflictProblem(conflict: Conflict, file?: string): Problem {
  const params = { order_id: conflict.id, differences: differencesText(conflict) }
  const place = file === undefined || conflict.line === null ? undefined : { file, line: conflict.line }
  return problem('TIE-3107', params, place)
}

/** ` (trades.csv line 3): size 0.5 there, 0.7 here`. */
function differencesText({ file, otherLine, differences }: Conflict): string {
  const where = [...(file === null ? [] : [file]), ...(otherLine === null ? [] : [`line ${otherLine}`])]
  const said = differences.map(
    ({ column, there, here }) => `${column} ${excerpt(there)} there, ${excerpt(here)} here`,
  )
  return ` (${where.join(' ')}): ${said.join('; ')}`
}

/** The record as a line of CSV. */
const csvText = (fields: readonly string[]): string =>
  fields.map((field) => (/[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)).join(',')

interface Circle {
  readonly path: readonly string[]
  readonly line: number
}

/** A circle is named once, from its first line. */
function circles(
  corrections: ReadonlyMap<string, { readonly line: number; readonly replaces: string }>,
): Circle[] {
  const settled = new Set<string>()
  const found: Circle[] = []
  for (const start of corrections.keys()) {
    const path = new Set<string>()
    let at: string | undefined = start
    while (at !== undefined && !settled.has(at) && !path.has(at)) {
      path.add(at)
      at = corrections.get(at)?.replaces
    }
    if (at !== undefined && path.has(at))
      found.push(circleFrom([...path].slice([...path].indexOf(at)), corrections))
    for (const id of path) settled.add(id)
  }
  return found
}

function circleFrom(
  ids: readonly string[],
  corrections: ReadonlyMap<string, { readonly line: number }>,
): Circle {
  const lines = ids.map((id) => corrections.get(id)!.line)
  const first = lines.reduce((best, line, i) => (line < lines[best]! ? i : best), 0)
  return { path: [...ids.slice(first), ...ids.slice(0, first + 1)], line: lines[first]! }
}

const pathText = (path: readonly string[]): string =>
  (path.length > 10 ? [...path.slice(0, 9), '…', path.at(-1)!] : path).map(excerpt).join(' → ')
