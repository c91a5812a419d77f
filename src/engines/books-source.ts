/**
 * Facts in a table of the books, streamed out by COPY straight into a frame, as they are or grouped by the
 * database. Works on PGlite and on a server alike. Raises what the frame builder raises.
 */

import type { SqlValue, Tx } from '../books/books.js'
import { type FactTable, quoteIdentifier, type StoredColumn } from '../books/fact-tables.js'
import { CopyTextReader } from './copy-reader.js'
import type { Frame } from './frame.js'
import { FrameBuilder } from './frame-builder.js'
import { type Sample, worthGrouping } from './grouping.js'
import type { FactSource, FrameRequest } from './source.js'

/** `useCaseId` selects the rows of one use case in a table that several share. */
export function booksSource(tx: Tx, table: FactTable, useCaseId: string | undefined): FactSource {
  const source = new BooksSource(tx, table, useCaseId)
  return {
    name: table.name,
    columns: table.columns.map(({ name, type }) => ({ name, type })),
    read: (request) => source.read(request),
    horizon: () => source.horizon(),
    countNulls: (column, through) => source.countNulls(column, through),
    identity: () => source.identity(),
  }
}

class BooksSource {
  private readonly from: string

  constructor(
    private readonly tx: Tx,
    private readonly table: FactTable,
    private readonly useCaseId: string | undefined,
  ) {
    this.from = `public.${quoteIdentifier(table.physical)}`
  }

  async read(request: FrameRequest): Promise<Frame> {
    const { rows = 'either' } = request
    const group = rows === 'tuples' || (rows === 'either' && (await this.worthGrouping(request)))
    return group ? withHashing(this.tx, () => this.readTuples(request)) : this.readFacts(request)
  }

  async horizon(): Promise<bigint> {
    const [row] = await this.tx.rows<{ newest: bigint | null }>(
      `SELECT max(fact_seq) AS newest FROM ${this.from}`,
    )
    return row!.newest ?? 0n
  }

  async countNulls(name: string, through: bigint | null): Promise<number> {
    const column = this.column(name)
    if (column.notNull) return 0
    const isNull = `${quoteIdentifier(column.name)} IS NULL`
    const [row] = await this.tx.rows<{ n: bigint }>(
      `SELECT count(*) AS n FROM ${this.from} ${this.conditions([], through, [isNull])}`,
    )
    return Number(row!.n)
  }

  /**
   * The imports of the table and its newest fact. Imports have ids that are made once in the world, so a table of
   * the same name in another database, or in one that was made anew, is another; facts that came without an
   * import have no such mark.
   */
  async identity(): Promise<string | null> {
    const [imports] = await this.tx.rows<{ ids: string | null }>(
      `SELECT md5(string_agg(import_id::text, ',' ORDER BY import_id)) AS ids FROM fact_imports WHERE table_name = $1`,
      [this.table.name],
    )
    const [newest] = await this.tx.rows<{ fact: string | null }>(
      `SELECT import_id || ':' || import_line || ':' || fact_seq AS fact FROM ${this.from} ORDER BY fact_seq DESC LIMIT 1`,
    )
    if (newest === undefined || newest.fact === null) return null
    const { physical } = this.table
    return JSON.stringify(['table', physical, this.useCaseId ?? null, imports!.ids, newest.fact])
  }

  private readFacts(request: FrameRequest): Promise<Frame> {
    const { coded, amounts } = this.columnsOf(request)
    const list = [...coded.map(codedSql), ...amounts].join(', ') || 'NULL'
    const builder = new FrameBuilder(this.table.name, coded, request.amounts)
    return this.copy(`SELECT ${list} FROM ${this.from} ${this.scope(request)}`, builder, request)
  }

  private readTuples(request: FrameRequest): Promise<Frame> {
    const { coded, amounts } = this.columnsOf(request)
    const keys = coded.map(codedSql)
    const list = [...keys, 'count(*)', ...amounts.map((amount) => `sum(${amount})`)].join(', ')
    // Without keys there is one tuple even of no facts at all.
    const grouping = keys.length > 0 ? `GROUP BY ${keys.join(', ')}` : 'HAVING count(*) > 0'
    const builder = new FrameBuilder(this.table.name, coded, request.amounts, 'tuples')
    return this.copy(`SELECT ${list} FROM ${this.from} ${this.scope(request)} ${grouping}`, builder, request)
  }

  private async copy(query: string, builder: FrameBuilder, { onRows }: FrameRequest): Promise<Frame> {
    const reader = new CopyTextReader(builder)
    for await (const chunk of this.tx.copyOut(query)) {
      reader.push(chunk)
      onRows?.(builder.rows)
    }
    reader.end()
    return builder.finish()
  }

  /**
   * By a sample of whole pages, since the planner knows nothing of a table that nobody has analysed yet. Facts
   * that arrived together share pages and may be alike, so the estimate can be too low; then the read is slower
   * than it might be, and no less right.
   */
  private async worthGrouping(request: FrameRequest): Promise<boolean> {
    const [size] = await this.tx.rows<{ pages: bigint }>(
      `SELECT pg_relation_size($1::regclass) / current_setting('block_size')::int AS pages`,
      [this.from],
    )
    const pages = Number(size!.pages)
    if (pages < LEAST_PAGES) return false
    const percent = Math.max((SAMPLED_PAGES * 100) / pages, LEAST_PERCENT)
    const keys = this.columnsOf(request).coded.map(codedSql)
    const [found] = await this.tx.rows<{ sampled: number; distinct: number; single: number }>(
      `SELECT coalesce(sum(facts), 0)::int AS sampled, count(*)::int AS distinct,
              (count(*) FILTER (WHERE facts = 1))::int AS single
         FROM (SELECT count(*) AS facts FROM ${this.from} TABLESAMPLE SYSTEM (${percent}) REPEATABLE (0)
                ${this.scope(request)} ${keys.length > 0 ? `GROUP BY ${keys.join(', ')}` : ''}) AS tuples`,
    )
    const sample: Sample = { ...found!, facts: (found!.sampled * 100) / percent }
    return worthGrouping(sample)
  }

  private columnsOf({ coded, amounts }: FrameRequest): { coded: StoredColumn[]; amounts: string[] } {
    return {
      coded: coded.map((name) => this.column(name)),
      amounts: amounts.map((name) => quoteIdentifier(this.column(name).name)),
    }
  }

  private column(name: string): StoredColumn {
    const found = this.table.columns.find((known) => known.name === name)
    if (found === undefined) throw new Error(`${this.table.name} has no column ${name}`)
    return found
  }

  private scope({ where, through }: FrameRequest): string {
    return this.conditions(where, through, [])
  }

  /** COPY takes no parameters: names come from the catalogue, values are quoted here. */
  private conditions(where: FrameRequest['where'], through: bigint | null, more: readonly string[]): string {
    const list = [
      ...more,
      ...(through === null ? [] : [`fact_seq <= ${through}`]),
      ...where.map(
        ({ column, equals }) => `${quoteIdentifier(this.column(column).name)} = ${sqlText(equals)}`,
      ),
    ]
    if (this.table.sharedByUseCases) list.push(`use_case_id = ${sqlText(this.useCaseId ?? '')}`)
    return list.length === 0 ? '' : `WHERE ${list.join(' AND ')}`
  }
}

/** Smaller tables are read sooner than thought about. */
const LEAST_PAGES = 800
const SAMPLED_PAGES = 400
/** Of a large table, so that the facts of one date are among the sample. */
const LEAST_PERCENT = 1

/** What the planner must be told where it has no statistics: that the tuples are few, and hashing is right. */
const HASHING: readonly (readonly [setting: string, value: string])[] = [
  ['enable_sort', 'off'],
  ['work_mem', '64MB'],
  ['jit', 'off'],
]

async function withHashing<T>(tx: Tx, work: () => Promise<T>): Promise<T> {
  const names = HASHING.map(([name]) => name)
  const set = (values: readonly string[]): Promise<unknown> => {
    const list = names.map((_, i) => `set_config($${2 * i + 1}, $${2 * i + 2}, true)`)
    return tx.rows(
      `SELECT ${list.join(', ')}`,
      names.flatMap((name, i): SqlValue[] => [name, values[i]!]),
    )
  }
  const list = names.map((name) => `current_setting('${name}') AS ${name}`)
  const [before] = await tx.rows<Record<string, string>>(`SELECT ${list.join(', ')}`)
  await set(HASHING.map(([, value]) => value))
  const done = await work()
  await set(names.map((name) => before![name]!))
  return done
}

/** A number as its text, so that 1.5 and 1.50 stay the two values they are when facts are not grouped. */
const codedSql = ({ name, type }: StoredColumn): string =>
  type === 'boolean' || type === 'numeric' ? `${quoteIdentifier(name)}::text` : quoteIdentifier(name)

/** A text literal that reads the same whatever standard_conforming_strings says. */
export const sqlText = (text: string): string =>
  text.includes('\\')
    ? ` E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
    : `'${text.replaceAll("'", "''")}'`
