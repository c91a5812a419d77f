/**
 * A bound predicate as a condition in SQL, for the engine that holds the facts. Two-valued like the language
 * itself: every test of a null is false, so a condition is true or false and never null, and `not` flips it.
 * It shares no code with `evaluate`: the two are held against each other by a test.
 *
 * Takes bound predicates. Raises RangeError for a literal of another type than its column, as `evaluate` does,
 * and Error for a column that the statement does not have.
 */

import {
  compareDecimals,
  type Decimal,
  decimal,
  formatDecimal,
  normalize,
  parseDecimal,
  pow10,
} from '../base/decimal.js'
import type { SqlColumn, Statement } from '../engines/sql-dialect.js'
import type { Comparison, Literal, Predicate, Test } from './predicate.js'

export function sqlPredicate(predicate: Predicate, statement: Statement): string {
  switch (predicate.op) {
    case 'and':
    case 'or': {
      const args = predicate.args.map((arg) => sqlPredicate(arg, statement))
      return `(${args.join(predicate.op === 'and' ? ' AND ' : ' OR ')})`
    }
    case 'not':
      return `(NOT ${sqlPredicate(predicate.arg, statement)})`
    default:
      return new TestPrinter(statement, statement.column(predicate.column)).print(predicate)
  }
}

type Symbol = '=' | '<>' | '<' | '<=' | '>' | '>='
const SYMBOLS: Readonly<Record<Comparison['op'], Symbol>> = {
  eq: '=',
  ne: '<>',
  lt: '<',
  lte: '<=',
  gt: '>',
  gte: '>=',
}

class TestPrinter {
  constructor(
    private readonly statement: Statement,
    private readonly column: SqlColumn,
  ) {}

  print(test: Test): string {
    switch (test.op) {
      case 'is_null':
        return `(${this.column.sql} IS NULL)`
      case 'in':
        return this.among(test.values)
      case 'not_in':
        return `(${this.present()} AND NOT ${this.among(test.values)})`
      case 'between':
        return `(${this.compare('>=', test.low)} AND ${this.compare('<=', test.high)})`
      case 'like': {
        const { dialect } = this.statement
        return falseForNull(dialect.like(dialect.value(this.column), this.statement.bind(test.pattern)))
      }
      default:
        return this.compare(SYMBOLS[test.op], test.value)
    }
  }

  private present(): string {
    return `(${this.column.sql} IS NOT NULL)`
  }

  private compare(symbol: Symbol, literal: Literal): string {
    const text = textOf(literal, this.column)
    const { digits } = this.statement.dialect
    if (this.column.type !== 'numeric' || this.column.floating || digits === null)
      return this.order(symbol, text)
    return this.compareNumber(symbol, parseDecimal(text)!, digits)
  }

  /**
   * A number of any digits against a column of few: the column's values are whole units, so the literal goes
   * to the units below it when it lies between two, and beyond the largest number there is nothing to compare.
   */
  private compareNumber(symbol: Symbol, number: Decimal, digits: number): string {
    const below = unitsBelow(number, this.column.scale!)
    const limit = pow10(digits)
    if (below.units >= limit || below.units <= -limit) {
      const isAbove = below.units > 0n
      const holds = symbol === '<>' || (isAbove ? symbol.startsWith('<') : symbol.startsWith('>'))
      return holds ? this.present() : 'FALSE'
    }
    const text = formatDecimal(below)
    if (compareDecimals(below, number) === 0) return this.order(symbol, text)
    if (symbol === '=') return 'FALSE'
    if (symbol === '<>') return this.present()
    return this.order(symbol.startsWith('<') ? '<=' : '>', text)
  }

  private order(symbol: Symbol, text: string): string {
    const { dialect } = this.statement
    const literal = dialect.literal(this.column, this.statement.bind(text))
    return falseForNull(`${dialect.value(this.column)} ${symbol} ${literal}`)
  }

  private among(literals: readonly Literal[]): string {
    const texts = literals.map((literal) => textOf(literal, this.column)).filter((text) => this.canBe(text))
    if (texts.length === 0) return 'FALSE'
    return falseForNull(this.statement.dialect.among(this.column, this.statement.bind(texts)))
  }

  /** Whether a value of the column can equal the literal: a number of more digits than the column has can't. */
  private canBe(text: string): boolean {
    const { digits } = this.statement.dialect
    if (this.column.type !== 'numeric' || this.column.floating || digits === null) return true
    const number = parseDecimal(text)!
    const below = unitsBelow(number, this.column.scale!)
    const limit = pow10(digits)
    return compareDecimals(below, number) === 0 && below.units < limit && below.units > -limit
  }
}

const falseForNull = (condition: string): string => `coalesce(${condition}, FALSE)`

/** The greatest number of so many digits after the point that is not above the given one. */
function unitsBelow(number: Decimal, scale: number): Decimal {
  const { units, scale: own } = normalize(number)
  if (own <= scale) return decimal(units * pow10(scale - own), scale)
  const divisor = pow10(own - scale)
  const quotient = units / divisor
  return decimal(units < 0n && units % divisor !== 0n ? quotient - 1n : quotient, scale)
}

/** The literal as the text that is bound, of the column's own type. */
function textOf(literal: Literal, { name, type }: SqlColumn): string {
  const [kind, value] = Object.entries(literal)[0] as [string, string | boolean]
  if (kind !== (type === 'numeric' ? 'number' : type))
    throw new RangeError(`the ${kind} for column "${name}" is not ${type}: bind the predicate first`)
  return String(value)
}
