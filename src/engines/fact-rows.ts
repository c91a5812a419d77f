/**
 * The facts behind a figure, asked of the engine that holds them: how many there are, what they sum to, and
 * the rows themselves page by page. The statements are written here once; an engine adds its dialect, its
 * relation and how its rows are told apart. Raises nothing of its own.
 *
 * Pages go by key, not by offset: each begins after the last position of the one before, so facts that arrive
 * meanwhile shift nothing.
 */

import { add, type Decimal, multiply, parseDecimal, ZERO } from '../base/decimal.js'
import type { FactColumn } from './source.js'
import { type BoundValue, type Dialect, type SqlColumn, Statement } from './sql-dialect.js'

/** A two-valued condition on a fact. */
export type Condition = (statement: Statement) => string

/** Facts for which some conditions hold and others do not, with the columns that count of them: one or two. */
export interface FactSet {
  readonly holds: readonly Condition[]
  readonly fails: readonly Condition[]
  readonly amounts: readonly string[]
}

/** The facts that are looked at at all. */
export interface FactScope {
  /** Only rows whose column equals the text; a null never equals. */
  readonly where: readonly { readonly column: string; readonly equals: string }[]
  /** Only facts that had arrived by then; null: all. */
  readonly through: bigint | null
}

export interface FactTotal {
  readonly rows: number
  /** By amount of the set; a missing amount counts as 0. */
  readonly amounts: readonly Decimal[]
}

export interface FactRow {
  /** Where the row stands among all of its source, as whole-number text. */
  readonly position: string
  /** The import that brought it and the line of its file; null where a source keeps none. */
  readonly import_id: string | null
  readonly import_line: number | null
  /** By column of the source. */
  readonly values: readonly (string | null)[]
  /** By amount of the set, plain decimal text. */
  readonly amounts: readonly string[]
}

export interface PageStart {
  /** The position before the page's first row; null: from the beginning. */
  readonly after: string | null
  readonly limit: number
}

export interface FactRows {
  /** As messages name it: the table or the file. */
  readonly name: string
  readonly columns: readonly FactColumn[]
  /** What a position is: the number of arrival in the books, else of the row in its file or table. */
  readonly position: PositionName
  totals(scope: FactScope, sets: readonly FactSet[]): Promise<readonly FactTotal[]>
  page(scope: FactScope, set: FactSet, start: PageStart): Promise<readonly FactRow[]>
}

export type PositionName = 'fact_seq' | 'file_row_number' | 'row_number' | 'rowid'

/** A part of an amount that the engine can add up exactly, and what its sum counts for. */
export interface Addend {
  readonly sql: string
  readonly factor: Decimal
}

/** What an engine brings. Every column it returns is text. */
export interface RowsEngine {
  readonly name: string
  readonly dialect: Dialect
  readonly columns: readonly SqlColumn[]
  readonly position: { readonly name: PositionName; readonly sql: string }
  /** SQL of the import's id and line; null where there are none. */
  readonly origin: { readonly id: string; readonly line: string } | null
  /** What stands after FROM. */
  readonly from: string
  /** Conditions of its own, such as whose facts they are. */
  own(statement: Statement): string[]
  addends(column: SqlColumn): Promise<readonly Addend[]>
  /** `SELECT list rest`, as rows in the order of the list. */
  query(
    list: readonly string[],
    rest: string,
    values: readonly BoundValue[],
  ): Promise<readonly (readonly (string | null)[])[]>
}

export function factRows(engine: RowsEngine): FactRows {
  return {
    name: engine.name,
    columns: engine.columns.map(({ name, type }) => ({ name, type })),
    position: engine.position.name,
    async totals(scope, sets) {
      const totals: FactTotal[] = []
      for (let from = 0; from < sets.length; from += SETS) {
        totals.push(...(await new TotalsQuery(engine, scope).run(sets.slice(from, from + SETS))))
      }
      return totals
    },
    page: (scope, set, start) => readPage(engine, scope, set, start),
  }
}

/** Sets of one statement: PostgreSQL takes 1,664 columns. */
const SETS = 400

const text = (sql: string): string => `CAST(${sql} AS text)`

function scopeSql(engine: RowsEngine, statement: Statement, { where, through }: FactScope): string[] {
  const equal = where.map(({ column: name, equals }) => {
    const column = statement.column(name)
    return `${engine.dialect.value(column)} = ${engine.dialect.literal(column, statement.bind(equals))}`
  })
  const arrived =
    through === null ? [] : [`${engine.position.sql} <= ${position(statement, through.toString())}`]
  return [...engine.own(statement), ...equal, ...arrived]
}

const position = (statement: Statement, value: string): string => `CAST(${statement.bind(value)} AS bigint)`

const whereSql = (conditions: readonly string[]): string =>
  conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`

/** Conditions and amounts are worked out once a row, however many sets share them. */
class TotalsQuery {
  private readonly statement: Statement
  private readonly inner: string[] = []
  private readonly flags = new Map<Condition, string>()
  private readonly addends = new Map<
    string,
    readonly { readonly alias: string; readonly factor: Decimal }[]
  >()

  constructor(
    private readonly engine: RowsEngine,
    private readonly scope: FactScope,
  ) {
    this.statement = new Statement(engine.dialect, engine.columns)
  }

  async run(sets: readonly FactSet[]): Promise<readonly FactTotal[]> {
    for (const name of new Set(sets.flatMap(({ amounts }) => amounts))) await this.amount(name)
    const outer = sets.map((set) => this.outer(set))
    const conditions = scopeSql(this.engine, this.statement, this.scope)
    const facts = `SELECT ${this.inner.join(', ') || '1 AS one'} FROM ${this.engine.from} ${whereSql(conditions)}`
    const list = outer.flatMap(({ list }) => list)
    const [row] = await this.engine.query(list, `FROM (${facts}) AS facts`, this.statement.values)
    const values = row![Symbol.iterator]()
    const next = (): string | null => values.next().value ?? null
    return outer.map(({ amounts }) => ({
      rows: Number(next()),
      amounts: amounts.map((addends) =>
        addends.reduce((sum, { factor }) => add(sum, multiply(parseDecimal(next() ?? '0')!, factor)), ZERO),
      ),
    }))
  }

  private outer({ holds, fails, amounts }: FactSet) {
    const tests = [
      ...holds.map((condition) => this.flag(condition)),
      ...fails.map((condition) => `NOT ${this.flag(condition)}`),
    ]
    const filter = tests.length === 0 ? '' : ` FILTER (WHERE ${tests.join(' AND ')})`
    const columns = amounts.map((name) => this.addends.get(name)!)
    const sums = columns.flat().map(({ alias }) => text(`sum(${alias})${filter}`))
    return { list: [text(`count(*)${filter}`), ...sums], amounts: columns }
  }

  private flag(condition: Condition): string {
    const known = this.flags.get(condition)
    if (known !== undefined) return known
    const alias = `p${this.flags.size}`
    this.inner.push(`${condition(this.statement)} AS ${alias}`)
    this.flags.set(condition, alias)
    return alias
  }

  private async amount(name: string): Promise<void> {
    const addends = await this.engine.addends(this.statement.column(name))
    const named = addends.map(({ sql, factor }, i) => {
      const alias = `a${this.addends.size}_${i}`
      this.inner.push(`${sql} AS ${alias}`)
      return { alias, factor }
    })
    this.addends.set(name, named)
  }
}

async function readPage(
  engine: RowsEngine,
  scope: FactScope,
  { holds, fails, amounts }: FactSet,
  { after, limit }: PageStart,
): Promise<readonly FactRow[]> {
  const statement = new Statement(engine.dialect, engine.columns)
  const { columns, origin } = engine
  const counted = amounts.map((name) => `coalesce(${text(statement.column(name).sql)}, '0')`)
  const list = [
    text(engine.position.sql),
    ...(origin === null ? ['NULL', 'NULL'] : [text(origin.id), text(origin.line)]),
    ...counted,
    ...columns.map(({ sql }) => text(sql)),
  ]
  const conditions = [
    ...scopeSql(engine, statement, scope),
    ...holds.map((condition) => condition(statement)),
    ...fails.map((condition) => `NOT ${condition(statement)}`),
    ...(after === null ? [] : [`${engine.position.sql} > ${position(statement, after)}`]),
  ]
  const rows = await engine.query(
    list,
    `FROM ${engine.from} ${whereSql(conditions)} ORDER BY ${engine.position.sql} LIMIT ${limit}`,
    statement.values,
  )
  return rows.map(([at, importId, line, ...rest]) => ({
    position: at!,
    import_id: importId ?? null,
    import_line: line === null || line === undefined ? null : Number(line),
    amounts: rest.slice(0, amounts.length) as string[],
    values: rest.slice(amounts.length),
  }))
}
