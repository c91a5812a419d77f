/**
 * Facts in a Parquet, CSV or DuckDB file as a fact source, read in place in one pass, as they are or grouped by
 * DuckDB. Units beyond the exact range, and values that are no short texts, are read in other ways once they
 * are met.
 *
 * DuckDB's sum of decimals wraps in silence past 1.7e38 units. Only columns of at most 18 digits are grouped,
 * whose sum cannot come near in fewer than 10^20 facts; wider ones are read fact by fact.
 *
 * Raises what opening the file raises, TIE-2408 (floating-point money), TIE-2402.
 */

import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { refuse } from '../base/errors.js'
import { type ChunkedBlocks, type CodedBy, readChunks } from './duckdb-chunks.js'
import {
  type DuckColumn,
  type DuckFile,
  literal,
  type OpenDuckFile,
  openDuckFile,
  rowsOf,
} from './duckdb-file.js'
import { digestOfFacts } from './facts-digest.js'
import type { Frame } from './frame.js'
import { FrameBuilder } from './frame-builder.js'
import { type Sample, worthGrouping } from './grouping.js'
import type { FactSource, FrameRequest } from './source.js'

/** Opens the file as a fact source; `close` frees the engine. */
export async function openDuckSource(file: DuckFile): Promise<FactSource & { close(): void }> {
  const open = await openDuckFile(file)
  const source = new DuckSource(open, file)
  return {
    name: file.path,
    columns: open.columns.map(({ name, type }) => ({ name, type })),
    horizon: async () => null,
    read: (request) => source.read(request),
    countNulls: (column) => source.countNulls(column),
    identity: () => identityOf(file),
    close: open.close,
  }
}

/** Name, size, times and inode: a file that was written again, or put in the place of another, has others. */
async function identityOf({ path, table }: DuckFile): Promise<string | null> {
  const found = await stat(path, { bigint: true }).catch(() => undefined)
  if (found === undefined) return null
  const { size, mtimeNs, ctimeNs, ino, dev } = found
  return JSON.stringify([
    'file',
    resolve(path),
    table ?? null,
    ...[size, mtimeNs, ctimeNs, ino, dev].map(String),
  ])
}

/** Facts taken into the sample, from the beginning of what is in scope. */
const SAMPLED = 40_960
/** With fewer facts nothing is gained by grouping. */
const LEAST_FACTS = 100_000
/** Scales beyond this are read as they are: products of theirs have overflowed in DuckDB. */
const MAX_GROUPED_SCALE = 10

class DuckSource {
  private types = 0

  constructor(
    private readonly open: OpenDuckFile,
    private readonly file: DuckFile,
  ) {}

  async read(request: FrameRequest): Promise<Frame> {
    const { rows = 'either' } = request
    const columns = {
      coded: request.coded.map((name) => this.column(name)),
      amounts: request.amounts.map((name) => this.amountColumn(name)),
    }
    const where = this.where(request.where)
    const groups = columns.amounts.every(({ narrow, scale }) => narrow && scale <= MAX_GROUPED_SCALE)
    const grouped =
      groups && (rows === 'tuples' || (rows === 'either' && (await this.worthGrouping(columns.coded, where))))
    const query = new FactQuery(columns.coded, columns.amounts, `${this.open.relation} ${where}`, grouped)
    return (await this.readChunks(query, request)) ?? this.readText(query, request)
  }

  async countNulls(name: string): Promise<number> {
    const { sql } = this.column(name)
    const [row] = await this.rows(
      `SELECT count(*)::INTEGER AS n FROM ${this.open.relation} WHERE ${sql} IS NULL`,
    )
    return Number(row!.n)
  }

  private rows(sql: string): ReturnType<typeof rowsOf> {
    return rowsOf(this.open.connection, sql)
  }

  private column(name: string): DuckColumn {
    const column = this.open.columns.find((known) => known.name === name)
    if (column === undefined) throw new Error(`${this.file.path} has no column ${name}`)
    return column
  }

  private amountColumn(name: string): DuckColumn {
    const column = this.column(name)
    if (column.floating) refuse('TIE-2408', { column: name, source: this.file.path })
    return column
  }

  private where(filters: FrameRequest['where']): string {
    if (filters.length === 0) return ''
    return `WHERE ${filters.map(({ column, equals }) => equalsSql(this.column(column), equals)).join(' AND ')}`
  }

  /**
   * By the first facts in scope. Where they show only part of the values a column has in all facts they are more
   * alike than others, and the estimate is raised by as much. A CSV file is parsed whole for every question, so
   * none is asked.
   */
  private async worthGrouping(coded: readonly DuckColumn[], where: string): Promise<boolean> {
    if (this.open.costly) return false
    const scope = `${this.open.relation} ${where}`
    const keys = coded.map(({ sql }, i) => `${sql} AS k${i}`).join(', ') || '1 AS k0'
    const names = coded.map((_, i) => `k${i}`).join(', ') || 'k0'
    const values = coded.map((_, i) => `count(DISTINCT k${i}) AS d${i}`)
    const [first] = await this.rows(
      `WITH sample AS (SELECT ${keys} FROM ${scope} LIMIT ${SAMPLED}),
            tuples AS (SELECT count(*) AS facts FROM sample GROUP BY ${names})
       SELECT ${[
         `(SELECT count(*) FROM ${scope}) AS facts`,
         '(SELECT count(*) FROM tuples) AS tuples',
         '(SELECT count(*) FROM tuples WHERE facts = 1) AS single',
         'count(*) AS sampled',
         ...values,
       ].join(', ')} FROM sample`,
    )
    const sample: Sample = {
      facts: Number(first!.facts),
      sampled: Number(first!.sampled),
      distinct: Number(first!.tuples),
      single: Number(first!.single),
    }
    if (sample.facts < LEAST_FACTS || !worthGrouping(sample)) return false
    const [all] = await this.rows(
      `SELECT ${['count(*) AS facts', ...values].join(', ')} FROM (SELECT ${keys} FROM ${scope})`,
    )
    const unseen = coded.map((_, i) => Number(all![`d${i}`]) / Math.max(Number(first![`d${i}`]), 1))
    return worthGrouping(sample, Math.max(1, ...unseen))
  }

  /** Undefined where amounts do not fit doubles. */
  private async readChunks(query: FactQuery, { onRows }: FrameRequest): Promise<Frame | undefined> {
    const { connection } = this.open
    const coded: CodedBy[] = query.coded.map(() => ({ by: 'words' }))
    const types: (string | undefined)[] = query.coded.map(() => undefined)
    for (;;) {
      const columns = { coded, counted: query.grouped, amounts: query.amounts.length }
      const read = await readChunks(connection, query.unitsSql(types), columns, onRows).catch(
        // A number too wide for 64 bits; any other trouble comes again when the facts are read as text.
        () => ({ obstacle: 'inexact' as const }),
      )
      if (!('obstacle' in read)) return frameOf(query, read)
      if (read.obstacle === 'inexact') return undefined
      const { column } = read.obstacle
      const { type, values } = await this.enumOf(query, column)
      coded[column] = { by: 'enum', values }
      types[column] = type
    }
  }

  private async enumOf(query: FactQuery, column: number): Promise<{ type: string; values: string[] }> {
    const rows = await this.rows(query.valuesSql(column))
    this.types += 1
    const type = `codes_${this.types}`
    await this.open.connection.run(`CREATE TYPE ${type} AS ENUM (${query.valuesSql(column)})`)
    return { type, values: rows.map((row) => String(row.v)) }
  }

  /** Beyond the exact range amounts come as text and the builder keeps them as bigint. */
  private async readText(query: FactQuery, { amounts, onRows }: FrameRequest): Promise<Frame> {
    const rows = query.grouped ? 'tuples' : 'facts'
    const builder = new FrameBuilder(this.file.path, query.coded, amounts, rows)
    const numbers = builder.counts === undefined ? builder.amounts : [builder.counts, ...builder.amounts]
    const result = await this.open.connection.stream(query.textSql())
    for (;;) {
      const chunk = await result.fetchChunk()
      if (chunk === null || chunk.rowCount === 0) return builder.finish()
      const columns = [...query.coded, ...numbers].map(
        (_, column) => chunk.getColumnValues(column) as (string | null)[],
      )
      for (let row = 0; row < chunk.rowCount; row++) {
        builder.beginRow()
        columns.forEach((values, column) => {
          const value = values[row]
          if (value === null || value === undefined) return
          const bytes = Buffer.from(value, 'utf8')
          if (column < query.coded.length) builder.code(column, bytes, 0, bytes.length)
          else numbers[column - query.coded.length]!.read(bytes, 0, bytes.length, builder.row)
        })
      }
      onRows?.(builder.rows)
    }
  }
}

/** The facts in scope, or their tuples, as SQL in each of the forms they are read in. */
class FactQuery {
  constructor(
    readonly coded: readonly DuckColumn[],
    readonly amounts: readonly DuckColumn[],
    private readonly scope: string,
    readonly grouped: boolean,
  ) {}

  /** Units as 64-bit numbers, coded columns as text or as the enum given. */
  unitsSql(types: readonly (string | undefined)[]): string {
    const units = this.amounts.map(({ sql, scale }) => {
      const sum = this.grouped ? `sum(${sql})` : sql
      return scale === 0 ? `CAST(${sum} AS BIGINT)` : `CAST(${sum} AS DECIMAL(18,${scale}))`
    })
    return this.select(
      this.coded.map((column, i) =>
        types[i] === undefined
          ? textSql(column)
          : `CAST(enum_code(CAST(${textSql(column)} AS ${types[i]})) AS INTEGER)`,
      ),
      units,
    )
  }

  textSql(): string {
    const sums = this.amounts.map(({ sql }) => `CAST(${this.grouped ? `sum(${sql})` : sql} AS VARCHAR)`)
    return this.select(this.coded.map(textSql), sums, 'VARCHAR')
  }

  /** Every value of a coded column, as `v`. */
  valuesSql(column: number): string {
    const distinct = `SELECT DISTINCT ${textSql(this.coded[column]!)} AS v FROM ${this.scope}`
    return `SELECT v FROM (${distinct}) WHERE v IS NOT NULL ORDER BY v`
  }

  private select(coded: readonly string[], amounts: readonly string[], countType = 'BIGINT'): string {
    if (!this.grouped) return `SELECT ${[...coded, ...amounts, '1'].join(', ')} FROM ${this.scope}`
    const list = [...coded, `CAST(count(*) AS ${countType})`, ...amounts].join(', ')
    // Without keys there is one tuple even of no facts at all.
    const grouping = coded.length > 0 ? `GROUP BY ${coded.join(', ')}` : 'HAVING count(*) > 0'
    return `SELECT ${list} FROM ${this.scope} ${grouping}`
  }
}

function frameOf({ coded, amounts }: FactQuery, { blocks, dictionaries, rows, facts }: ChunkedBlocks): Frame {
  const codedColumns = coded.map(({ name, type }, i) => ({ name, type, dictionary: dictionaries[i]! }))
  const amountColumns = amounts.map(({ name, scale }) => ({ name, scale, range: 'exact' as const }))
  const digest = digestOfFacts(codedColumns, amountColumns, blocks)
  return { coded: codedColumns, amounts: amountColumns, blocks, rows, facts, digest }
}

/** A date is compared as a date, so that a Parquet file's statistics can skip row groups. */
const equalsSql = ({ sql, type }: DuckColumn, value: string): string =>
  type === 'date' ? `${sql} = CAST(${literal(value)} AS DATE)` : `CAST(${sql} AS VARCHAR) = ${literal(value)}`

const textSql = ({ sql }: DuckColumn): string => `CAST(${sql} AS VARCHAR)`
