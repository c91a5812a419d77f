/**
 * What a predicate means. Two-valued: every test of a null is false but `is null`, and `not` flips, so
 * `not x = 'A'` holds for a null where `x != 'A'` does not. Numbers compare exactly as decimals (1.50 is
 * 1.5), dates as days, text in code point order, false before true.
 *
 * Takes bound predicates. Raises RangeError for callers' bugs: a literal of another type than the column,
 * a column without a type, a numeric value that is no decimal.
 */

import { canonicalDecimal, compareDecimals, type Decimal, parseDecimal } from '../base/decimal.js'
import { compareText } from '../base/text.js'
import type { ColumnType } from './bind-predicate.js'
import { compileLike } from './like.js'
import type { Comparison, Literal, Predicate, Test } from './predicate.js'
import { printLiteral } from './print-predicate.js'

export type { Test } from './predicate.js'

export type ValueTest = (value: string | null) => boolean
export type ValueOf = (column: string) => string | null

/** One test as a function of the column's text form; null is a missing value. */
export function compileTest(test: Test, type: ColumnType): ValueTest {
  if (test.op === 'is_null') return (value) => value === null
  const holds = compilePresent(test, type)
  return (value) => value !== null && holds(value)
}

function compilePresent(
  test: Exclude<Test, { op: 'is_null' }>,
  type: ColumnType,
): (value: string) => boolean {
  switch (test.op) {
    case 'like':
      return compileLike(test.pattern)
    case 'in':
    case 'not_in': {
      const key =
        type === 'numeric' ? (text: string) => canonicalDecimal(numberOf(text)) : (text: string) => text
      const members = new Set(test.values.map((literal) => key(textOf(literal, type))))
      return test.op === 'in' ? (value) => members.has(key(value)) : (value) => !members.has(key(value))
    }
    case 'between': {
      const low = comparator(test.low, type)
      const high = comparator(test.high, type)
      return (value) => low(value) >= 0 && high(value) <= 0
    }
    default: {
      const compare = comparator(test.value, type)
      const accepts = ACCEPTS[test.op]
      return (value) => accepts(compare(value))
    }
  }
}

const ACCEPTS: Readonly<Record<Comparison['op'], (order: number) => boolean>> = {
  eq: (order) => order === 0,
  ne: (order) => order !== 0,
  lt: (order) => order < 0,
  lte: (order) => order <= 0,
  gt: (order) => order > 0,
  gte: (order) => order >= 0,
}

/** The value's place against the literal: below 0 before it, 0 equal, above 0 after it. */
function comparator(literal: Literal, type: ColumnType): (value: string) => number {
  const text = textOf(literal, type)
  if (type !== 'numeric') return (value) => compareText(value, text)
  const number = numberOf(text)
  return (value) => compareDecimals(numberOf(value), number)
}

function numberOf(text: string): Decimal {
  const value = parseDecimal(text)
  if (value === undefined) throw new RangeError(`"${text}" in a numeric column is no decimal`)
  return value
}

/** The literal in the text form of a column of its own type. */
function textOf(literal: Literal, type: ColumnType): string {
  if ('text' in literal && type === 'text') return literal.text
  if ('number' in literal && type === 'numeric') return literal.number
  if ('date' in literal && type === 'date') return literal.date
  if ('boolean' in literal && type === 'boolean') return String(literal.boolean)
  throw new RangeError(`${printLiteral(literal)} is not ${type}: bind the predicate first`)
}

/** The whole predicate as a function of a row. */
export function compilePredicate(
  predicate: Predicate,
  types: ReadonlyMap<string, ColumnType>,
): (read: ValueOf) => boolean {
  switch (predicate.op) {
    case 'and': {
      const args = predicate.args.map((arg) => compilePredicate(arg, types))
      return (read) => args.every((holds) => holds(read))
    }
    case 'or': {
      const args = predicate.args.map((arg) => compilePredicate(arg, types))
      return (read) => args.some((holds) => holds(read))
    }
    case 'not': {
      const holds = compilePredicate(predicate.arg, types)
      return (read) => !holds(read)
    }
    default: {
      const type = types.get(predicate.column)
      if (type === undefined) throw new RangeError(`column "${predicate.column}" has no type`)
      const holds = compileTest(predicate, type)
      return (read) => holds(read(predicate.column))
    }
  }
}

/** For one row; compile once for many. */
export const evaluate = (
  predicate: Predicate,
  read: ValueOf,
  types: ReadonlyMap<string, ColumnType>,
): boolean => compilePredicate(predicate, types)(read)

/** Every atomic test, in the order of the text, each occurrence by its own identity. */
export function atomicTests(predicate: Predicate): Test[] {
  const tests: Test[] = []
  const collect = (part: Predicate): void => {
    switch (part.op) {
      case 'and':
      case 'or':
        part.args.forEach(collect)
        break
      case 'not':
        collect(part.arg)
        break
      default:
        tests.push(part)
    }
  }
  collect(predicate)
  return tests
}
