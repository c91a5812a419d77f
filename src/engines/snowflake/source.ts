/**
 * Facts of a table on a Snowflake account as a fact source: the account groups them by the coded columns and sums the
 * amounts, and only the tuples travel; fact by fact where each is asked for. The query is a plan in its dialect, the rows
 * go into the frame builder that every engine fills. What changes there changes the next reading: a table of another system
 * keeps no order of arrival.
 *
 * Raises what the account refuses, TIE-2408 (floating-point money), TIE-2402.
 */

import { refuse } from '../../base/errors.js'
import { tableParts } from '../../base/table-name.js'
import type { Frame } from '../frame.js'
import { FrameBuilder } from '../frame-builder.js'
import { SNOWFLAKE_PLAN } from '../plan/dialects.js'
import {
  cast,
  column,
  type Expr,
  equal,
  filter,
  isNull,
  output,
  project,
  type Rel,
  scan,
  sum,
  TEXT,
  text,
} from '../plan/plan.js'
import { printName, printPlan } from '../plan/print.js'
import type { FactColumn, FactSource, FrameRequest } from '../source.js'
import { type Account, query, type ResultColumn } from './account.js'

interface SnowflakeColumn extends FactColumn {
  readonly floating: boolean
}

/** `table` as people write it: DATABASE.SCHEMA.TABLE, or less where the connection says the rest. */
export async function openSnowflakeSource(account: Account, table: string): Promise<FactSource> {
  const { columns } = await query(account, {
    object: table,
    sql: `SELECT * FROM ${nameOfTable(account, table)} WHERE FALSE`,
  })
  const source = new SnowflakeSource(account, table, columns.map(columnOf))
  return {
    name: table,
    columns: source.columns.map(({ name, type }) => ({ name, type })),
    horizon: async () => null,
    read: (request) => source.read(request),
    countNulls: (name) => source.countNulls(name),
    identity: async () => null,
  }
}

/** As it stands after FROM. */
export const nameOfTable = (account: Account, table: string): string =>
  printName(partsOf(account, table), SNOWFLAKE_PLAN).sql

const partsOf = (account: Account, table: string): readonly string[] =>
  tableParts(table) ?? account.refuse(`${table} is no name of a table`)

function columnOf({ name, type }: ResultColumn): SnowflakeColumn {
  const kind = type.toLowerCase()
  if (kind === 'fixed' || kind === 'number') return { name, type: 'numeric', floating: false }
  if (kind === 'real' || kind === 'float' || kind === 'decfloat')
    return { name, type: 'numeric', floating: true }
  if (kind === 'date' || kind === 'boolean') return { name, type: kind, floating: false }
  return { name, type: 'text', floating: false }
}

class SnowflakeSource {
  constructor(
    private readonly account: Account,
    private readonly table: string,
    readonly columns: readonly SnowflakeColumn[],
  ) {}

  async read({ coded, amounts, where, rows = 'either', onRows }: FrameRequest): Promise<Frame> {
    const keys = coded.map((name) => this.column(name))
    const measures = amounts.map((name) => this.amount(name))
    const facts = filter(
      this.facts(),
      where.map(({ column: name, equals }) => equalTo(this.column(name), equals)),
    )
    const grouped = rows !== 'facts'
    const builder = new FrameBuilder(this.table, keys, amounts, grouped ? 'tuples' : 'facts')
    const numbers = builder.counts === undefined ? builder.amounts : [builder.counts, ...builder.amounts]
    const plan = grouped ? tuplesOf(facts, keys, measures) : factsOf(facts, keys, measures)
    for await (const part of await this.rows(plan)) {
      for (const row of part) {
        // Without keys there is one tuple even of no facts at all.
        if (grouped && row[keys.length] === '0') continue
        builder.beginRow()
        for (const [at, value] of row.entries()) {
          if (value === null) continue
          const bytes = Buffer.from(value, 'utf8')
          if (at < keys.length) builder.code(at, bytes, 0, bytes.length)
          else numbers[at - keys.length]?.read(bytes, 0, bytes.length, builder.row)
        }
      }
      onRows?.(builder.rows)
    }
    return builder.finish()
  }

  async countNulls(name: string): Promise<number> {
    const missing = filter(this.facts(), [isNull(columnExpr(this.column(name)))])
    for await (const [row] of await this.rows(tuplesOf(missing, [], []))) return Number(row![0])
    return this.account.refuse('it counts nothing')
  }

  private facts(): Rel {
    return scan(partsOf(this.account, this.table), 'f')
  }

  private async rows(plan: Rel): Promise<AsyncIterable<readonly (readonly (string | null)[])[]>> {
    const { sql, unsupported } = printPlan(plan, SNOWFLAKE_PLAN)
    if (unsupported.length > 0) this.account.refuse(unsupported.join('; '))
    return (await query(this.account, { object: this.table, sql })).parts
  }

  private column(name: string): SnowflakeColumn {
    const found = this.columns.find((known) => known.name === name)
    if (found === undefined) throw new Error(`${this.table} has no column ${name}`)
    return found
  }

  private amount(name: string): SnowflakeColumn {
    const found = this.column(name)
    if (found.floating) refuse('TIE-2408', { column: name, source: this.table })
    return found
  }
}

const columnExpr = ({ name }: FactColumn): Expr => column(name, 'f')
/** As text every value travels, and values are told apart. */
const asText = (of: FactColumn): Expr => (of.type === 'text' ? columnExpr(of) : cast(columnExpr(of), TEXT))

/** A date is compared as a date, so that the account can leave out what it has stored of others. */
const equalTo = (of: FactColumn, value: string): Expr =>
  of.type === 'date'
    ? equal(columnExpr(of), cast(text(value), { kind: 'date' }))
    : equal(asText(of), text(value))

/** A row for each combination of the keys: they, how many facts, and the sum of each amount. */
const tuplesOf = (facts: Rel, keys: readonly FactColumn[], amounts: readonly FactColumn[]): Rel => ({
  rel: 'aggregate',
  input: facts,
  keys: keys.map((key, i) => output(`K${i + 1}`, asText(key))),
  outputs: [
    output('FACTS', cast({ op: 'count' }, TEXT)),
    ...amounts.map((amount, i) => output(`A${i + 1}`, cast(sum(columnExpr(amount)), TEXT))),
  ],
})

/** A row for each fact; with a constant, for a query has at least one column. */
const factsOf = (facts: Rel, keys: readonly FactColumn[], amounts: readonly FactColumn[]): Rel =>
  project(facts, [
    ...keys.map((key, i) => output(`K${i + 1}`, asText(key))),
    ...amounts.map((amount, i) => output(`A${i + 1}`, cast(columnExpr(amount), TEXT))),
    output('FACT', text('1')),
  ])
