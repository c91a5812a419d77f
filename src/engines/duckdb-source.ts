/**
 * Facts in a Parquet, CSV or DuckDB file as a fact source, read in place. Dimensions come coded (DuckDB enums),
 * amounts as whole units in doubles when their sum fits the exact range and as text beyond it.
 *
 * Raises what opening the file raises, TIE-2408 (floating-point money), TIE-2402.
 */

import { refuse } from '../base/errors.js'
import {
  type DuckColumn,
  type DuckFile,
  literal,
  type OpenDuckFile,
  openDuckFile,
  rowsOf,
} from './duckdb-file.js'
import { digestOfFacts } from './facts-digest.js'
import { BLOCK_ROWS, type Block, type Frame, type Units } from './frame.js'
import { FrameBuilder } from './frame-builder.js'
import type { FactSource, FrameRequest } from './source.js'

/** Sums below this many units leave room for the rounding of the estimate itself. */
const SAFE_ESTIMATE = 9.0e15

/** Opens the file as a fact source; `close` frees the engine. */
export async function openDuckSource(file: DuckFile): Promise<FactSource & { close(): void }> {
  const open = await openDuckFile(file)
  return { ...new DuckSource(open, file).source(), close: open.close }
}

class DuckSource {
  private types = 0

  constructor(
    private readonly open: OpenDuckFile,
    private readonly file: DuckFile,
  ) {}

  source(): FactSource {
    return {
      name: this.file.path,
      columns: this.open.columns.map(({ name, type }) => ({ name, type })),
      horizon: async () => null,
      read: (request) => this.read(request),
      countNulls: (column) => this.count(`${this.column(column).sql} IS NULL`),
    }
  }

  private column(name: string): DuckColumn {
    const column = this.open.columns.find((known) => known.name === name)
    if (column === undefined) throw new Error(`${this.file.path} has no column ${name}`)
    return column
  }

  private where(filters: FrameRequest['where']): string {
    if (filters.length === 0) return ''
    return `WHERE ${filters.map(({ column, equals }) => equalsSql(this.column(column), equals)).join(' AND ')}`
  }

  private async count(condition: string): Promise<number> {
    const [row] = await rowsOf(
      this.open.connection,
      `SELECT count(*)::INTEGER AS n FROM ${this.open.relation} WHERE ${condition}`,
    )
    return Number(row!.n)
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
      facts: rows,
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
    const [row] = await rowsOf(
      this.open.connection,
      `SELECT ${list.join(', ')} FROM ${this.open.relation} ${where}`,
    )
    // A value too wide for a BIGINT is far outside the range too, so the estimate decides that as well.
    return amounts.map(({ narrow }, i) => Number(row![`a${i}`]) < SAFE_ESTIMATE && narrow)
  }

  private async dictionary(column: DuckColumn, where: string): Promise<Dictionary> {
    const distinct = `SELECT DISTINCT CAST(${column.sql} AS VARCHAR) AS v FROM ${this.open.relation} ${where}`
    const rows = await rowsOf(
      this.open.connection,
      `SELECT v FROM (${distinct}) WHERE v IS NOT NULL ORDER BY v`,
    )
    const values = rows.map((row) => String(row.v))
    if (values.length === 0) return { type: undefined, values }
    this.types += 1
    const type = `codes_${this.types}`
    await this.open.connection.run(
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
    const result = await this.open.connection.stream(
      `SELECT ${[...list, '1'].join(', ')} FROM ${this.open.relation} ${where}`,
    )
    const blocks: { rows: number; counts: null; codes: Int32Array[]; amounts: Units[] }[] = []
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
    const result = await this.open.connection.stream(
      `SELECT ${[...list, "''"].join(', ')} FROM ${this.open.relation} ${where}`,
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
  counts: null,
  codes: Array.from({ length: coded }, () => new Int32Array(BLOCK_ROWS)),
  amounts: Array.from({ length: amounts }, (): Units => new Float64Array(BLOCK_ROWS)),
})
