/**
 * One import of facts: the file is read once, checked value by value, and copied through a temporary table; a
 * new table's types are decided by all of its values. Any problem, and nothing is kept.
 *
 * Raises TIE-1102, TIE-2401 to TIE-2415.
 */

import { statSync } from 'node:fs'
import { basename, extname } from 'node:path'
import { problem, refuse } from '../base/errors.js'
import { didYouMean } from '../base/text.js'
import type { Tx } from '../books/books.js'
import { copyRows } from '../books/copy-rows.js'
import {
  type ColumnLimits,
  checkTableName,
  createFactTable,
  createStaging,
  ENGINE_COLUMNS,
  earlierImport,
  type FactTable,
  findFactTable,
  insertFromStaging,
  lockFactTable,
  type NewColumn,
  PNL_ENTRIES,
  POSTED_REVENUE,
  REALIZED_PNL,
  recordImport,
  STAGING,
  type StoredColumn,
  SYSTEM_COLUMNS,
} from '../books/fact-tables.js'
import type { Context } from '../books/operation.js'
import { type CsvRecord, readCsv } from '../engines/csv.js'
import { checkHeader, checkNames, checkRecord, FileProblems } from '../engines/csv-table.js'
import { type DuckRows, readDuckRows } from '../engines/duckdb-rows.js'
import { ColumnShape, fitsType } from '../engines/infer.js'
import { loadUseCase, useCasesOfTable } from './store/use-cases.js'
import { parseTypes, type TypeOverride } from './type-overrides.js'

/** A table of PostgreSQL has room for 1,600, less those Tieout adds. */
const MAX_COLUMNS = 1500
/** PostgreSQL cuts longer names without a word. */
const MAX_NAME_BYTES = 63

function unusableName(name: string): string | undefined {
  if (SYSTEM_COLUMNS.includes(name)) return 'which Tieout needs itself'
  if (ENGINE_COLUMNS.includes(name)) return 'which PostgreSQL has in every table'
  return Buffer.byteLength(name) > MAX_NAME_BYTES ? `which is longer than ${MAX_NAME_BYTES} bytes` : undefined
}

/** Values of any length come in files; a message shows their beginning. */
const excerpt = (value: string): string => (value.length > 60 ? `${value.slice(0, 60)}…` : value)

/** `number with at most 16 digits before and 2 after the point`. */
function typeText({ type, precision, scale, maxLength }: ColumnLimits): string {
  if (type === 'text') return `text of at most ${maxLength} characters`
  if (type !== 'numeric') return type
  return precision === null || scale === null
    ? 'number'
    : `number with at most ${precision - scale} digits before and ${scale} after the point`
}

export interface ImportRequest {
  readonly file: string
  readonly table?: string | undefined
  readonly use_case?: string | undefined
  readonly types?: string | undefined
  readonly ignore_columns: boolean
  readonly dry_run: boolean
}

export interface Imported {
  readonly table: string
  readonly file: string
  readonly new: number
  readonly same: number
  readonly refused: number
  readonly created: boolean
  readonly columns: { name: string; type: string }[]
  readonly import_id: string | null
  readonly dry_run: boolean
}

export class FactImport {
  private readonly problems: FileProblems
  private readonly overrides: ReadonlyMap<string, TypeOverride>
  private bytesRead = 0

  constructor(
    private readonly context: Context,
    private readonly tx: Tx,
    private readonly given: ImportRequest,
    private readonly digest: string,
  ) {
    this.problems = new FileProblems(given.file)
    this.overrides = parseTypes(given.types)
  }

  async run(): Promise<Imported> {
    const { tx, given } = this
    const useCase = given.use_case === undefined ? undefined : await loadUseCase(tx, given.use_case)
    const name = given.table ?? useCase?.useCase.source.table
    if (name === undefined || name === null)
      refuse('TIE-1002', {
        command: 'facts import',
        detail: 'Pass --table or --use-case to say where the facts go.',
      })
    checkTableName(name)
    if (name === REALIZED_PNL) refuse('TIE-2411', { table: name, why: 'lots are what fills it' })
    if (name === POSTED_REVENUE) refuse('TIE-2411', { table: name, why: 'the ledger is what fills it' })
    if (name === PNL_ENTRIES && useCase === undefined) {
      refuse('TIE-1002', {
        command: 'facts import',
        detail: `${PNL_ENTRIES} holds the facts of several use cases: pass --use-case NAME.`,
      })
    }
    await lockFactTable(tx, name)
    const existing = await findFactTable(tx, name)
    const useCaseId = name === PNL_ENTRIES ? useCase?.id : undefined
    const same = existing === undefined ? undefined : await earlierImport(tx, name, this.digest, useCaseId)
    const base = { table: name, file: given.file, refused: 0, dry_run: given.dry_run }
    if (existing !== undefined && same !== undefined) {
      return { ...base, new: 0, same, created: false, columns: [...existing.columns], import_id: null }
    }
    const dates = await this.datesOf(name)
    const staged =
      extname(given.file) === '.parquet'
        ? await this.stageParquet(existing, dates)
        : await this.stageCsv(existing, dates)
    this.problems.stop()
    const importId = this.context.newId()
    await recordImport(tx, this.context.tenant, {
      importId,
      table: name,
      useCaseId,
      fileName: basename(given.file),
      fileDigest: this.digest,
      rows: staged.rows,
      importedBy: this.context.who,
    })
    const table =
      existing ??
      (await createFactTable(
        tx,
        this.context.tenant,
        name,
        staged.columns.filter((c) => c !== undefined),
      ))
    const targets = staged.columns.map((column) =>
      table.columns.find((stored) => stored.name === column?.name),
    )
    this.context.progress.report('storing facts', staged.rows)
    const rows = await insertFromStaging(tx, table, this.context.tenant, importId, targets, useCaseId)
    // The last chance to take everything back: what is returned from here is committed.
    this.context.signal.throwIfAborted()
    if (rows !== staged.rows) throw new Error(`${staged.rows} rows were staged, ${rows} stored`)
    const columns = table.columns.map(({ name: column, type }) => ({ name: column, type }))
    return { ...base, new: rows, same: 0, created: existing === undefined, columns, import_id: importId }
  }

  /** Columns that use cases of the table declare as their date: a fact without one could never be in a run. */
  private async datesOf(table: string): Promise<ReadonlyMap<string, string>> {
    const useCases = await useCasesOfTable(this.tx, table)
    return new Map(
      useCases.flatMap(({ useCase }) =>
        useCase.source.date === null ? [] : [[useCase.source.date, useCase.name]],
      ),
    )
  }

  private async stageCsv(
    existing: FactTable | undefined,
    dates: ReadonlyMap<string, string>,
  ): Promise<Staged> {
    const batches = readCsv(this.given.file, (bytes) => {
      this.bytesRead = bytes
    })[Symbol.asyncIterator]()
    const first = await batches.next()
    const [header, ...rest] = first.done ? [] : first.value
    if (header === undefined) refuse('TIE-2410', {}, { file: this.given.file, line: 1 })
    const reader =
      existing === undefined ? this.newTableReader(header) : this.tableReader(header, existing, dates)
    this.problems.stop()
    await createStaging(this.tx, reader.positions.length)
    const rows = await this.tx.copyIn(STAGING, this.stagedRows(rest, batches, header, reader))
    return { rows, columns: reader.columns() }
  }

  private async *stagedRows(
    first: readonly CsvRecord[],
    batches: AsyncIterator<readonly CsvRecord[]>,
    header: CsvRecord,
    reader: RowReader,
  ): AsyncGenerator<Uint8Array> {
    const size = statSync(this.given.file).size
    let done = 0
    const add = (records: readonly CsvRecord[]): Iterable<Uint8Array> => {
      const rows: (string | null)[][] = []
      for (const record of records) {
        if (!checkRecord(record, header.fields, this.problems)) continue
        reader.check(record)
        rows.push([
          String(record.line),
          ...reader.positions.map((i) => (record.fields[i] === '' ? null : record.fields[i]!)),
        ])
      }
      done += records.length
      this.context.progress.report('reading the file', done, this.bytesRead / size)
      this.context.signal.throwIfAborted()
      return copyRows(rows)
    }
    yield* add(first)
    for (let next = await batches.next(); !next.done; next = await batches.next()) yield* add(next.value)
  }

  /** A table that is there: its columns' types hold. */
  private tableReader(header: CsvRecord, table: FactTable, dates: ReadonlyMap<string, string>): RowReader {
    const builtIn = table.name === PNL_ENTRIES
    const names = table.columns.map(({ name }) => name)
    const required = builtIn ? table.columns.filter(({ notNull }) => notNull).map(({ name }) => name) : names
    const { columns } = checkHeader(
      header,
      {
        required,
        optional: builtIn ? names.filter((name) => !required.includes(name)) : [],
        ignoreUnknown: this.given.ignore_columns,
      },
      this.problems,
    )
    const stored = columns.map((name) => table.columns.find((column) => column.name === name))
    const positions = stored.flatMap((column, i) => (column === undefined ? [] : [i]))
    return {
      positions,
      columns: () => positions.map((i) => stored[i]!),
      check: ({ line, fields }) => {
        for (const i of positions) this.checkValue(stored[i]!, fields[i]!, line, dates)
      },
    }
  }

  private checkValue(
    column: StoredColumn,
    value: string,
    line: number,
    dates: ReadonlyMap<string, string>,
  ): void {
    const { name, notNull } = column
    const place = this.problems.at(line)
    if (value === '' && (notNull || dates.has(name))) {
      const useCase = dates.get(name) ?? this.given.use_case ?? ''
      const what = name === 'scenario' ? 'scenario' : 'date'
      this.problems.add(problem('TIE-2409', { column: name, what, use_case: useCase }, place))
    } else if (!fitsType(value, column)) {
      this.problems.add(
        problem('TIE-2403', { value: excerpt(value), column: name, type: typeText(column) }, place),
      )
    }
  }

  /** A table that is to be made: the values decide the types, unless --types does. */
  private newTableReader(header: CsvRecord): RowReader {
    checkNames(header.fields, header.line, this.problems)
    const { length } = header.fields
    if (length > MAX_COLUMNS) {
      this.problems.add(
        problem('TIE-2416', { found: length, limit: MAX_COLUMNS }, this.problems.at(header.line)),
      )
    }
    for (const name of header.fields) {
      const why = unusableName(name)
      if (why !== undefined) {
        this.problems.add(problem('TIE-2406', { column: excerpt(name), why }, this.problems.at(header.line)))
      }
    }
    for (const name of this.overrides.keys()) {
      if (header.fields.includes(name)) continue
      this.problems.add(
        problem(
          'TIE-2405',
          { column: name, expected: header.fields.join(', '), suggestion: didYouMean(name, header.fields) },
          this.problems.at(header.line),
        ),
      )
    }
    const shapes = header.fields.map((name) => (this.overrides.has(name) ? undefined : new ColumnShape()))
    return {
      positions: header.fields.map((_, i) => i),
      columns: () => header.fields.map((name, i) => this.newColumn(name, shapes[i])),
      check: ({ line, fields }) => {
        fields.forEach((value, i) => {
          const shape = shapes[i]
          if (shape === undefined) this.checkOverride(header.fields[i]!, value, line)
          else if (value !== '') shape.add(value, line)
        })
      },
    }
  }

  private checkOverride(name: string, value: string, line: number): void {
    const override = this.overrides.get(name)!
    if (fitsType(value, override)) return
    const params = { value: excerpt(value), column: name, type: typeText(override) }
    this.problems.add(problem('TIE-2403', params, this.problems.at(line)))
  }

  private newColumn(name: string, shape: ColumnShape | undefined): NewColumn {
    const override = this.overrides.get(name)
    if (override !== undefined) return { name, type: override.type, typeSql: override.sql }
    const { type, misfits } = shape!.decide()
    for (const { line, value } of misfits) {
      const params = {
        value: excerpt(value),
        column: name,
        type: type === 'numeric' ? 'number' : type,
        suggestion: `If the column is meant as text: --types ${name}=text.`,
      }
      this.problems.add(problem('TIE-2403', params, this.problems.at(line)))
    }
    return { name, type }
  }

  private async stageParquet(
    existing: FactTable | undefined,
    dates: ReadonlyMap<string, string>,
  ): Promise<Staged> {
    const numeric = [...this.overrides].filter(([, { type }]) => type === 'numeric')
    const batches = readDuckRows(
      { path: this.given.file },
      new Map(numeric.map(([name, { sql }]) => [name, sql])),
    )
    const first = await batches.next()
    const columns = first.done ? [] : first.value.columns
    const header: CsvRecord = { line: 1, fields: columns.map(({ name }) => name) }
    const reader =
      existing === undefined ? this.newTableReader(header) : this.tableReader(header, existing, dates)
    this.problems.stop()
    await createStaging(this.tx, reader.positions.length)
    const rows = await this.tx.copyIn(STAGING, this.stagedDuckRows(batches, reader, existing !== undefined))
    const made = columns.map(({ name, type }): NewColumn => {
      const override = this.overrides.get(name)
      return override === undefined ? { name, type } : { name, type: override.type, typeSql: override.sql }
    })
    return { rows, columns: existing === undefined ? made : reader.columns() }
  }

  /** A new table takes the types of the file, so only a table that is there can refuse a value. */
  private async *stagedDuckRows(
    batches: AsyncIterable<DuckRows>,
    reader: RowReader,
    isThere: boolean,
  ): AsyncGenerator<Uint8Array> {
    let line = 0
    for await (const { rows } of batches) {
      const first = line
      for (const [i, row] of isThere ? rows.entries() : []) {
        reader.check({ line: first + i + 1, fields: row.map((value) => value ?? '') })
      }
      yield* copyRows(
        rows.map((row, i) => [String(first + i + 1), ...reader.positions.map((at) => row[at]!)]),
      )
      line += rows.length
      this.context.progress.report('reading the file', line)
      this.context.signal.throwIfAborted()
    }
  }
}

interface Staged {
  readonly rows: number
  readonly columns: readonly NewColumn[]
}

interface RowReader {
  /** Fields to store, in the order of the staging table. */
  readonly positions: readonly number[]
  /** What they are; for a new table decided only after the last row. */
  columns(): readonly NewColumn[]
  check(record: CsvRecord): void
}
