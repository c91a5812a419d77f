/**
 * Prints a plan as one statement of a dialect: the same bytes for the same plan. Every name is quoted and every
 * literal escaped; what the dialect cannot say is listed beside the text instead of being left out of it.
 * Raises Error for a plan that is none (`with` inside a query, no outputs): a bug of whoever made it.
 */

import type { PlanDialect } from './dialects.js'
import type { Expr, NamedQuery, Output, Rel } from './plan.js'

export interface Printed {
  readonly sql: string
  /** What the engine would refuse or read otherwise, in order of the text; empty for a statement that can be run. */
  readonly unsupported: readonly string[]
}

/** How a table or an object of its own is called instead, as dbt's `ref()` and `source()`; undefined for the name. */
export type NameInstead = (parts: readonly string[]) => string | undefined

export function printPlan(plan: Rel, dialect: PlanDialect, instead: NameInstead = () => undefined): Printed {
  const printer = new Printer(dialect, instead)
  return { sql: printer.statement(plan), unsupported: printer.unsupported() }
}

/** One name or table name, with what is wrong with it in the dialect. */
export function printName(parts: readonly string[], dialect: PlanDialect): Printed {
  const printer = new Printer(dialect)
  return { sql: printer.table(parts), unsupported: printer.unsupported() }
}

interface Block {
  readonly outputs: readonly Output[] | undefined
  readonly isDistinct: boolean
  readonly from: string
  readonly where: readonly Expr[]
  readonly keys: readonly Output[] | undefined
  readonly having: Expr | undefined
}

const indented = (sql: string): string => sql.replaceAll('\n', '\n  ')

class Printer {
  private readonly problems = new Set<string>()

  constructor(
    private readonly dialect: PlanDialect,
    private readonly instead: NameInstead = () => undefined,
  ) {}

  unsupported(): readonly string[] {
    return [...this.problems]
  }

  statement(plan: Rel): string {
    if (plan.rel !== 'with') return this.query(plan)
    const queries = plan.queries.map((named) => this.named(named))
    return `WITH\n${queries.join(',\n')}\n${this.query(plan.body)}`
  }

  table(parts: readonly string[]): string {
    return parts.map((part) => this.name(part)).join('.')
  }

  private named({ name, query }: NamedQuery): string {
    return `${this.name(name)} AS (\n  ${this.indentQuery(query)}\n)`
  }

  private indentQuery(query: Rel): string {
    return indented(this.query(query))
  }

  private query(rel: Rel): string {
    if (rel.rel === 'union_all') return rel.inputs.map((input) => this.query(input)).join('\nUNION ALL\n')
    if (rel.rel === 'values') return this.values(rel)
    if (rel.rel === 'with') throw new Error('a query with named queries stands inside another')
    return this.select(this.block(rel))
  }

  /** Rows as a list, which is planned at once, or as selects where it is not known how the engine takes one. */
  private values({ columns, rows }: Extract<Rel, { rel: 'values' }>): string {
    const line = (row: readonly Expr[]): string =>
      `SELECT ${columns.map(({ name, type }, i) => `${this.expr({ op: 'cast', arg: row[i]!, type })} AS ${this.name(name)}`).join(', ')}`
    if (rows.length > 0 && this.dialect.listsRows) return this.listed(columns, rows)
    if (rows.length > 0) return rows.map(line).join('\nUNION ALL\n')
    const none = columns.map(({ type }): Expr => ({ op: 'null', type }))
    return `${line(none)}\nWHERE FALSE`
  }

  private listed(
    columns: Extract<Rel, { rel: 'values' }>['columns'],
    rows: readonly (readonly Expr[])[],
  ): string {
    const names = columns.map(({ name }) => this.name(name))
    const typed = columns.map(
      ({ type }, i) => `CAST("v".${names[i]} AS ${this.dialect.type(type)}) AS ${names[i]}`,
    )
    const lines = rows.map((row) => `(${row.map((cell) => this.expr(cell)).join(', ')})`)
    return `SELECT ${typed.join(', ')}\nFROM (VALUES\n  ${lines.join(',\n  ')}\n) AS "v"(${names.join(', ')})`
  }

  private block(rel: Rel): Block {
    switch (rel.rel) {
      case 'filter': {
        const inner = this.block(rel.input)
        if (inner.outputs !== undefined) throw new Error('a filter stands over a query without a name')
        return { ...inner, where: [...inner.where, rel.where] }
      }
      case 'project':
      case 'distinct':
      case 'aggregate': {
        const inner = this.block(rel.input)
        if (inner.outputs !== undefined) throw new Error('a query stands over a query without a name')
        if (rel.rel === 'aggregate')
          return {
            ...inner,
            outputs: [...rel.keys, ...rel.outputs],
            keys: rel.keys,
            having: rel.having,
          }
        return { ...inner, outputs: rel.outputs, isDistinct: rel.rel === 'distinct' }
      }
      case 'anti_join': {
        const from = this.joined('LEFT JOIN', rel.left, rel.right, rel.on)
        return { ...EMPTY, from, where: [{ op: 'is_null', arg: rel.partner }] }
      }
      default:
        return { ...EMPTY, from: this.from(rel) }
    }
  }

  private from(rel: Rel): string {
    if (rel.rel === 'scan')
      return `${this.instead(rel.table) ?? this.table(rel.table)} AS ${this.name(rel.as)}`
    if (rel.rel === 'ref') {
      const other = this.instead([rel.name])
      if (other === undefined && rel.name === rel.as) return this.name(rel.name)
      return `${other ?? this.name(rel.name)} AS ${this.name(rel.as)}`
    }
    if (rel.rel === 'join')
      return this.joined(rel.kind === 'left' ? 'LEFT JOIN' : 'JOIN', rel.left, rel.right, rel.on)
    throw new Error(`a ${rel.rel} stands where a table or a named query is expected`)
  }

  private joined(kind: string, left: Rel, right: Rel, on: Expr): string {
    return `${this.from(left)}\n${kind} ${this.from(right)}\n  ON ${indented(this.expr(on))}`
  }

  private select({ outputs, isDistinct, from, where, keys, having }: Block): string {
    if (outputs === undefined || outputs.length === 0) throw new Error('a query has no outputs')
    const list = outputs.map(({ name, value }) => `  ${indented(this.output(name, value))}`)
    const lines = [`SELECT${isDistinct ? ' DISTINCT' : ''}`, list.join(',\n'), `FROM ${from}`]
    if (where.length > 0) lines.push(`WHERE ${where.map((part) => this.inAnd(part)).join('\n  AND ')}`)
    if (keys !== undefined && keys.length > 0)
      lines.push(`GROUP BY ${keys.map(({ value }) => this.expr(value)).join(', ')}`)
    if (having !== undefined) lines.push(`HAVING ${this.expr(having)}`)
    return lines.join('\n')
  }

  private output(name: string, value: Expr): string {
    const sql = this.expr(value)
    return value.op === 'column' && value.name === name ? sql : `${sql} AS ${this.name(name)}`
  }

  private inAnd(part: Expr): string {
    return part.op === 'and' ? part.args.map((arg) => this.inAnd(arg)).join('\n  AND ') : this.expr(part)
  }

  private name(name: string): string {
    const bytes = Buffer.byteLength(name)
    if (name === '') this.problems.add('an empty name')
    if (name.includes('\0')) this.problems.add('a name with a NUL character')
    if (bytes > this.dialect.longestName)
      this.problems.add(`the name "${name}" of ${bytes} bytes (${this.dialect.longestName} at most)`)
    return this.dialect.identifier(name)
  }

  private literal(value: string): string {
    const problem = this.dialect.unsupportedText(value)
    if (problem !== undefined) this.problems.add(problem)
    return this.dialect.text(value)
  }

  private list(args: readonly Expr[], separator: string): string {
    return args.map((arg) => this.expr(arg)).join(separator)
  }

  private expr(expr: Expr): string {
    switch (expr.op) {
      case 'column':
        return expr.of === null ? this.name(expr.name) : `${this.name(expr.of)}.${this.name(expr.name)}`
      case 'text':
        return this.literal(expr.value)
      case 'number':
        return expr.value.startsWith('-') ? `(${expr.value})` : expr.value
      case 'boolean':
        return expr.value ? 'TRUE' : 'FALSE'
      case 'null':
        return `CAST(NULL AS ${this.dialect.type(expr.type)})`
      case 'cast':
        return `CAST(${this.expr(expr.arg)} AS ${this.dialect.type(expr.type)})`
      case 'compare':
        return `${this.expr(expr.left)} ${expr.by} ${this.expr(expr.right)}`
      case 'and':
        return `(${this.list(expr.args, ' AND ')})`
      case 'or':
        return `(${this.list(expr.args, ' OR ')})`
      case 'concat':
        return `(${this.list(expr.args, ' || ')})`
      case 'coalesce':
        return `COALESCE(${this.list(expr.args, ', ')})`
      case 'not':
        return `(NOT ${this.expr(expr.arg)})`
      case 'is_null':
        return `(${this.expr(expr.arg)} IS NULL)`
      case 'md5':
      case 'upper':
      case 'abs':
        return `${expr.op.toUpperCase()}(${this.expr(expr.arg)})`
      case 'in':
        return `${this.expr(expr.arg)} IN (${this.list(expr.values, ', ')})`
      case 'like':
        return `${this.expr(expr.arg)} LIKE ${this.literal(expr.pattern)} ESCAPE ${this.dialect.likeEscape}`
      case 'replace':
        return `REPLACE(${this.expr(expr.arg)}, ${this.literal(expr.from)}, ${this.literal(expr.to)})`
      case 'add':
        return `(${this.expr(expr.left)} + ${this.expr(expr.right)})`
      case 'subtract':
        return `(${this.expr(expr.left)} - ${this.expr(expr.right)})`
      case 'multiply':
        return `(${this.expr(expr.left)} * ${this.expr(expr.right)})`
      case 'whole_quotient':
        return this.dialect.wholeQuotient(this.expr(expr.left), this.expr(expr.right))
      case 'remainder':
        return this.dialect.remainder(this.expr(expr.left), this.expr(expr.right))
      case 'case':
        return this.cases(expr)
      case 'sum':
      case 'min':
      case 'max':
        return `${expr.op.toUpperCase()}(${this.expr(expr.arg)})`
      case 'count_distinct':
        return `COUNT(DISTINCT ${this.expr(expr.arg)})`
      case 'count':
        return 'COUNT(*)'
      case 'dense_rank': {
        const within = expr.within.length === 0 ? '' : `PARTITION BY ${this.list(expr.within, ', ')} `
        return `DENSE_RANK() OVER (${within}ORDER BY ${this.dialect.byCodePoint(this.expr(expr.by))})`
      }
    }
  }

  private cases({ when, otherwise }: Extract<Expr, { op: 'case' }>): string {
    const branches = when.map(([test, value]) => `WHEN ${this.expr(test)} THEN ${this.expr(value)}`)
    const last = otherwise === null ? '' : ` ELSE ${this.expr(otherwise)}`
    return `CASE ${branches.join(' ')}${last} END`
  }
}

const EMPTY: Omit<Block, 'from'> = {
  outputs: undefined,
  isDistinct: false,
  where: [],
  keys: undefined,
  having: undefined,
}
