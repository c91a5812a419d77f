/**
 * Facts in a Parquet, CSV or DuckDB file, read in place by DuckDB. Dimensions come coded (DuckDB enums),
 * amounts as whole units in doubles when their sum fits the exact range and as text beyond it.
 *
 * The file named is the only one DuckDB may touch: external access is off otherwise and its configuration
 * locked. Raises TIE-2407 (unreadable file), TIE-2408 (floating-point money), TIE-2402.
 */

import { existsSync } from 'node:fs'
import { extname } from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import { refuse } from '../base/errors.js'
import { BLOCK_ROWS, type Block, digestOfFacts, type Frame, type Units } from './frame.js'
import { FrameBuilder } from './frame-builder.js'
import type { FactColumn, FactSource, FrameRequest, SampleRequest } from './source.js'

interface DuckColumn extends FactColumn {
  readonly floating: boolean
  /** Digits after the point, for numeric columns that are exact. */
  readonly scale: number
  /** True when units fit a BIGINT as typed, so they can be scaled in the engine. */
  readonly narrow: boolean
  /** The column as SQL that yields its typed value. */
  readonly sql: string
}

/** Sums below this many units leave room for the rounding of the estimate itself. */
const SAFE_ESTIMATE = 9.0e15

export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`

export interface DuckFile {
  readonly path: string
  /** The table of a .duckdb file. */
  readonly table?: string
}

/** Opens the file as a fact source; `close` frees the engine. */
export async function openDuckSource(file: DuckFile): Promise<FactSource & { close(): void }> {
  const { DuckDBInstance } = await import('@duckdb/node-api')
  if (!existsSync(file.path)) refuse('TIE-1005', { file: file.path, detail: 'there is no such file' })
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const close = (): void => {
    connection.closeSync()
    instance.closeSync()
  }
  try {
    const relation = await openRelation(connection, file)
    const columns = await columnsOf(connection, relation, extname(file.path) === '.csv')
    return { ...new DuckSource(connection, file, relation, columns).source(), close }
  } catch (error) {
    close()
    if (error instanceof Error && error.name !== 'Refusal') {
      refuse('TIE-2407', {
        file: file.path,
        detail: firstLine(error.message),
        kind: extname(file.path).slice(1),
      })
    }
    throw error
  }
}

const firstLine = (text: string): string => text.split('\n')[0]!

async function openRelation(connection: DuckDBConnection, { path, table }: DuckFile): Promise<string> {
  const kind = extname(path)
  if (kind === '.duckdb' || kind === '.db') {
    await connection.run(`ATTACH ${literal(path)} AS facts (READ_ONLY)`)
    await lock(connection)
    return `facts.${quoted(table ?? 'facts')}`
  }
  await connection.run(`SET allowed_paths = [${literal(path)}]`)
  await lock(connection)
  // Untyped CSV reading turns decimals into doubles: everything is read as text and typed by what it holds.
  return kind === '.csv'
    ? `read_csv(${literal(path)}, header = true, all_varchar = true)`
    : `read_parquet(${literal(path)})`
}

async function lock(connection: DuckDBConnection): Promise<void> {
  await connection.run('SET enable_external_access = false')
  await connection.run('SET lock_configuration = true')
}

async function columnsOf(
  connection: DuckDBConnection,
  relation: string,
  untyped: boolean,
): Promise<DuckColumn[]> {
  const described = await rowsOf(connection, `DESCRIBE SELECT * FROM ${relation}`)
  const columns = described.map((row) => columnOf(String(row.column_name), String(row.column_type)))
  return untyped ? typedByContent(connection, relation, columns) : columns
}

function columnOf(name: string, type: string): DuckColumn {
  const base = { name, floating: false, scale: 0, narrow: false, sql: quoted(name) }
  const decimal = /^DECIMAL\((\d+),(\d+)\)$/.exec(type)
  if (decimal)
    return { ...base, type: 'numeric', scale: Number(decimal[2]), narrow: Number(decimal[1]) <= 18 }
  if (/^U?(TINY|SMALL)?INT(EGER)?$|^BIGINT$|^U(TINY|SMALL)INT$|^UINTEGER$/.test(type))
    return { ...base, type: 'numeric', narrow: true }
  if (type === 'HUGEINT' || type === 'UBIGINT' || type === 'UHUGEINT') return { ...base, type: 'numeric' }
  if (type === 'DOUBLE' || type === 'FLOAT') return { ...base, type: 'numeric', floating: true }
  if (type === 'DATE') return { ...base, type: 'date' }
  if (type === 'BOOLEAN') return { ...base, type: 'boolean' }
  return { ...base, type: 'text' }
}

/** The rule of `facts import`, in SQL: every non-empty value a plain decimal → numeric, an ISO date → date. */
async function typedByContent(
  connection: DuckDBConnection,
  relation: string,
  columns: readonly DuckColumn[],
): Promise<DuckColumn[]> {
  const tests = columns.flatMap(({ sql }, i) => [
    `bool_and(regexp_full_match(${sql}, '[+-]?(0|[1-9][0-9]*)(\\.[0-9]+)?')) AS n${i}`,
    `bool_and(regexp_full_match(${sql}, '[0-9]{4}-[0-9]{2}-[0-9]{2}') AND try_cast(${sql} AS DATE) IS NOT NULL) AS d${i}`,
    `max(length(split_part(${sql}, '.', 2))) AS s${i}`,
    `max(length(${sql})) AS l${i}`,
  ])
  const [found] = await rowsOf(connection, `SELECT ${tests.join(', ')} FROM ${relation}`)
  return columns.map((column, i) => {
    const scale = Number(found![`s${i}`] ?? 0)
    if (found![`n${i}`] === true && scale <= 10) {
      const narrow = Number(found![`l${i}`]) <= 17 && scale <= 9
      return {
        ...column,
        type: 'numeric',
        scale,
        narrow,
        sql: `CAST(${column.sql} AS DECIMAL(${narrow ? 18 : 38},${scale}))`,
      }
    }
    return found![`d${i}`] === true ? { ...column, type: 'date', sql: `CAST(${column.sql} AS DATE)` } : column
  })
}

type Row = Readonly<Record<string, unknown>>

async function rowsOf(connection: DuckDBConnection, sql: string): Promise<readonly Row[]> {
  const result = await connection.runAndReadAll(sql)
  return result.getRowObjectsJS() as unknown as readonly Row[]
}

/**
 * The rows of a Parquet or DuckDB file as text, in batches, for an import into the books. `numeric` gives
 * columns an exact type of their own (`numeric(18,2)`), which is how floating-point money is taken in.
 */
export async function* readDuckRows(
  file: DuckFile,
  numeric: ReadonlyMap<string, string>,
): AsyncGenerator<{
  readonly columns: readonly FactColumn[]
  readonly rows: readonly (readonly (string | null)[])[]
}> {
  const { DuckDBInstance } = await import('@duckdb/node-api')
  if (!existsSync(file.path)) refuse('TIE-1005', { file: file.path, detail: 'there is no such file' })
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  try {
    const relation = await openRelation(connection, file)
    const columns = await columnsOf(connection, relation, false)
    for (const { name, floating } of columns) {
      if (floating && !numeric.has(name)) refuse('TIE-2408', { column: name, source: file.path })
    }
    const list = columns.map(
      ({ name, sql }) =>
        `CAST(${numeric.has(name) ? `CAST(${sql} AS ${numeric.get(name)})` : sql} AS VARCHAR)`,
    )
    const result = await connection.stream(`SELECT ${list.join(', ')} FROM ${relation}`)
    const described = columns.map(({ name, type }) => ({ name, type }))
    yield { columns: described, rows: [] }
    for (;;) {
      const chunk = await result.fetchChunk()
      if (chunk === null || chunk.rowCount === 0) return
      yield { columns: described, rows: chunk.getRows() as (string | null)[][] }
    }
  } catch (error) {
    if (error instanceof Error && error.name !== 'Refusal') {
      refuse('TIE-2407', {
        file: file.path,
        detail: firstLine(error.message),
        kind: extname(file.path).slice(1),
      })
    }
    throw error
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

class DuckSource {
  private types = 0

  constructor(
    private readonly connection: DuckDBConnection,
    private readonly file: DuckFile,
    private readonly relation: string,
    private readonly columns: readonly DuckColumn[],
  ) {}

  source(): FactSource {
    return {
      name: this.file.path,
      columns: this.columns.map(({ name, type }) => ({ name, type })),
      horizon: async () => null,
      read: (request) => this.read(request),
      countNulls: (column) => this.count(`${this.column(column).sql} IS NULL`),
      sample: (request) => this.sample(request),
    }
  }

  private column(name: string): DuckColumn {
    const column = this.columns.find((known) => known.name === name)
    if (column === undefined) throw new Error(`${this.file.path} has no column ${name}`)
    return column
  }

  private where(filters: FrameRequest['where']): string {
    if (filters.length === 0) return ''
    return `WHERE ${filters.map(({ column, equals }) => equalsSql(this.column(column), equals)).join(' AND ')}`
  }

  private async count(condition: string): Promise<number> {
    const [row] = await rowsOf(
      this.connection,
      `SELECT count(*)::INTEGER AS n FROM ${this.relation} WHERE ${condition}`,
    )
    return Number(row!.n)
  }

  private async sample({
    columns,
    where,
    limit,
  }: SampleRequest): Promise<readonly Record<string, string | null>[]> {
    const list = columns
      .map((name) => `CAST(${this.column(name).sql} AS VARCHAR) AS ${quoted(name)}`)
      .join(', ')
    const rows = await rowsOf(
      this.connection,
      `SELECT ${list} FROM ${this.relation} ${this.where(where)} LIMIT ${limit}`,
    )
    return rows as readonly Record<string, string | null>[]
  }

  private async read(request: FrameRequest): Promise<Frame> {
    const coded = request.coded.map((name) => this.column(name))
    const amounts = request.amounts.map((name) => this.amountColumn(name))
    const where = this.where(request.where)
    const exact = await this.exactAmounts(amounts, where)
    if (exact.includes(false)) return this.readAsText(coded, amounts, where, request)
    const dictionaries = await Promise.all(coded.map((column) => this.dictionary(column, where)))
    const list = [
      ...coded.map((column, i) => codeSql(column, dictionaries[i]!)),
      ...amounts.map(
        ({ sql, scale }) => `coalesce(CAST(CAST(${sql} * ${10n ** BigInt(scale)} AS BIGINT) AS DOUBLE), 0)`,
      ),
    ]
    const blocks = await this.blocks(list, coded.length, where, request)
    const codedColumns = coded.map(({ name, type }, i) => ({
      name,
      type,
      dictionary: [null, ...dictionaries[i]!.values],
    }))
    const amountColumns = amounts.map(({ name, scale }) => ({ name, scale, range: 'exact' as const }))
    const rows = blocks.reduce((sum, block) => sum + block.rows, 0)
    return {
      coded: codedColumns,
      amounts: amountColumns,
      blocks,
      rows,
      digest: digestOfFacts(codedColumns, amountColumns, blocks),
    }
  }

  private amountColumn(name: string): DuckColumn {
    const column = this.column(name)
    if (column.floating) refuse('TIE-2408', { column: name, source: this.file.path })
    return column
  }

  /** Whether Σ|units| of each amount stays inside the exact range. */
  private async exactAmounts(amounts: readonly DuckColumn[], where: string): Promise<boolean[]> {
    if (amounts.length === 0) return []
    const list = amounts.map(
      ({ sql, scale }, i) => `coalesce(sum(abs(CAST(${sql} AS DOUBLE))), 0) * 1e${scale} AS a${i}`,
    )
    const [row] = await rowsOf(this.connection, `SELECT ${list.join(', ')} FROM ${this.relation} ${where}`)
    // A value too wide for a BIGINT is far outside the range too, so the estimate decides that as well.
    return amounts.map(({ narrow }, i) => Number(row![`a${i}`]) < SAFE_ESTIMATE && narrow)
  }

  private async dictionary(column: DuckColumn, where: string): Promise<Dictionary> {
    const distinct = `SELECT DISTINCT CAST(${column.sql} AS VARCHAR) AS v FROM ${this.relation} ${where}`
    const rows = await rowsOf(this.connection, `SELECT v FROM (${distinct}) WHERE v IS NOT NULL ORDER BY v`)
    const values = rows.map((row) => String(row.v))
    if (values.length === 0) return { type: undefined, values }
    this.types += 1
    const type = `codes_${this.types}`
    await this.connection.run(
      `CREATE TYPE ${type} AS ENUM (SELECT v FROM (${distinct}) WHERE v IS NOT NULL ORDER BY v)`,
    )
    return { type, values }
  }

  private async blocks(
    list: readonly string[],
    coded: number,
    where: string,
    { onRows }: FrameRequest,
  ): Promise<Block[]> {
    const result = await this.connection.stream(
      `SELECT ${[...list, '1'].join(', ')} FROM ${this.relation} ${where}`,
    )
    const blocks: { rows: number; codes: Int32Array[]; amounts: Units[] }[] = []
    let total = 0
    for (;;) {
      const chunk = await result.fetchChunk()
      if (chunk === null || chunk.rowCount === 0) return blocks
      for (let from = 0; from < chunk.rowCount; ) {
        if (blocks.length === 0 || blocks.at(-1)!.rows === BLOCK_ROWS)
          blocks.push(emptyBlock(coded, list.length - coded))
        const block = blocks.at(-1)!
        const take = Math.min(chunk.rowCount - from, BLOCK_ROWS - block.rows)
        for (let column = 0; column < list.length; column++) {
          const target =
            column < coded ? block.codes[column]! : (block.amounts[column - coded] as Float64Array)
          const { items } = chunk.getColumnVector(column) as unknown as { items: Int32Array }
          target.set(items.subarray(from, from + take), block.rows)
        }
        block.rows += take
        from += take
        total += take
      }
      onRows?.(total)
    }
  }

  /** Beyond the exact range amounts come as text and the builder keeps them as bigint. */
  private async readAsText(
    coded: readonly DuckColumn[],
    amounts: readonly DuckColumn[],
    where: string,
    { onRows }: FrameRequest,
  ): Promise<Frame> {
    const builder = new FrameBuilder(
      this.file.path,
      coded,
      amounts.map(({ name }) => name),
    )
    const list = [...coded, ...amounts].map(({ sql }) => `CAST(${sql} AS VARCHAR)`)
    const result = await this.connection.stream(
      `SELECT ${[...list, "''"].join(', ')} FROM ${this.relation} ${where}`,
    )
    for (;;) {
      const chunk = await result.fetchChunk()
      if (chunk === null || chunk.rowCount === 0) return builder.finish()
      const columns = list.map((_, column) => chunk.getColumnValues(column) as (string | null)[])
      for (let row = 0; row < chunk.rowCount; row++) {
        builder.beginRow()
        columns.forEach((values, column) => {
          const value = values[row]
          if (value === null || value === undefined) return
          const bytes = Buffer.from(value, 'utf8')
          if (column < coded.length) builder.code(column, bytes, 0, bytes.length)
          else builder.amount(column - coded.length, bytes, 0, bytes.length)
        })
        builder.endRow()
      }
      onRows?.(builder.rows)
    }
  }
}

/** A date is compared as a date, so that a Parquet file's statistics can skip row groups. */
const equalsSql = ({ sql, type }: DuckColumn, value: string): string =>
  type === 'date' ? `${sql} = CAST(${literal(value)} AS DATE)` : `CAST(${sql} AS VARCHAR) = ${literal(value)}`

interface Dictionary {
  readonly type: string | undefined
  readonly values: readonly string[]
}

const codeSql = ({ sql }: DuckColumn, { type }: Dictionary): string =>
  type === undefined
    ? 'CAST(0 AS INTEGER)'
    : `CAST(coalesce(enum_code(CAST(CAST(${sql} AS VARCHAR) AS ${type})) + 1, 0) AS INTEGER)`

const emptyBlock = (coded: number, amounts: number) => ({
  rows: 0,
  codes: Array.from({ length: coded }, () => new Int32Array(BLOCK_ROWS)),
  amounts: Array.from({ length: amounts }, (): Units => new Float64Array(BLOCK_ROWS)),
})

/** Rows of a query over the file, which the caller writes around the relation it is given. */
export async function queryDuckFile(
  file: DuckFile,
  sql: (relation: string) => string,
): Promise<readonly Row[]> {
  const { DuckDBInstance } = await import('@duckdb/node-api')
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  try {
    const relation = await openRelation(connection, file)
    const columns = await columnsOf(connection, relation, extname(file.path) === '.csv')
    const typed = columns.map(({ name, sql: value }) => `${value} AS ${quoted(name)}`).join(', ')
    return await rowsOf(connection, sql(`(SELECT ${typed} FROM ${relation})`))
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}
