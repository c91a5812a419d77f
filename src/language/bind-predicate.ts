/**
 * Checks a predicate against the real columns of its source and gives every literal the column's type. The
 * text '1.50' against a numeric column is the number, '2025-12-24' against a date column the date; a number
 * against a text column is refused, because 101 and '0101' would be guesses.
 *
 * Raises (as results, all at once): TIE-2202, TIE-2203, TIE-2209, TIE-2210, TIE-2211.
 */

import { parseDate } from '../base/dates.js'
import { formatDecimal, parseDecimal } from '../base/decimal.js'
import type { ColumnType } from '../engines/source.js'
import { type LanguageProblems, type Located, listOf, MAX_NUMBER, ProblemList } from './language.js'
import { printText } from './lexer.js'
import { parsePredicate } from './parse-predicate.js'
import type { Like, Literal, Predicate, Test } from './predicate.js'
import { printLiteral, printPredicate } from './print-predicate.js'

export type { ColumnType }
export type Columns = ReadonlyMap<string, ColumnType>

type Part = Predicate | Literal
type Problems = Pick<ProblemList<Part>, 'add' | 'nearest'>

export interface BoundPredicate {
  readonly ok: true
  readonly predicate: Predicate
}

/** `source` is the parsed text; without it (a stored tree) the carets stand in the canonical text. */
export function bindPredicate(
  predicate: Predicate,
  columns: Columns,
  source?: Located<Part>,
): BoundPredicate | LanguageProblems {
  if (source === undefined) {
    const text = printPredicate(predicate)
    const again = parsePredicate(text)
    return again.ok
      ? bindPredicate(again.predicate, columns, again)
      : bindPredicate(predicate, columns, { text, offsets: new Map() })
  }
  const problems = new ProblemList(source)
  const bound = bindParts(predicate, columns, problems)
  return problems.result() ?? { ok: true, predicate: bound }
}

/** For a predicate inside a formula: adds to the formula's problems. */
export function bindParts(predicate: Predicate, columns: Columns, problems: Problems): Predicate {
  switch (predicate.op) {
    case 'and':
    case 'or':
      return { op: predicate.op, args: predicate.args.map((arg) => bindParts(arg, columns, problems)) }
    case 'not':
      return { op: 'not', arg: bindParts(predicate.arg, columns, problems) }
    default:
      return bindTest(predicate, columns, problems)
  }
}

function bindTest(test: Test, columns: Columns, problems: Problems): Test {
  const { column } = test
  const type = columns.get(column)
  if (type === undefined) {
    const suggestion = problems.nearest(column, columns.keys())
    problems.add('TIE-2202', { column, known: listOf(columns.keys()), suggestion }, test)
    return test
  }
  const bind = (literal: Literal): Literal => bindLiteral(literal, { column, type }, problems)
  switch (test.op) {
    case 'in':
    case 'not_in':
      return { ...test, values: test.values.map(bind) }
    case 'between':
      return { ...test, low: bind(test.low), high: bind(test.high) }
    case 'like':
      checkLike(test, type, problems)
      return test
    case 'is_null':
      return test
    default:
      return { ...test, value: bind(test.value) }
  }
}

function checkLike(test: Like, type: ColumnType, problems: Problems): void {
  if (type !== 'text') problems.add('TIE-2209', { column: test.column, type }, test)
  // An odd number of backslashes at the end: the last one escapes nothing. PostgreSQL refuses it too.
  const last = /\\*$/.exec(test.pattern)![0]
  if (last.length % 2 === 1) problems.add('TIE-2210', { pattern: printText(test.pattern) }, test)
}

interface TypedColumn {
  readonly column: string
  readonly type: ColumnType
}

function bindLiteral(literal: Literal, { column, type }: TypedColumn, problems: Problems): Literal {
  const bound = coerce(literal, type)
  if (bound !== undefined) return bound
  if ('text' in literal && type === 'date' && /^\d{4}-\d{2}-\d{2}$/.test(literal.text)) {
    problems.add('TIE-2211', { literal: printLiteral(literal) }, literal)
    return literal
  }
  const params = { literal: printLiteral(literal), kind: kindOf(literal), column, type }
  problems.add('TIE-2203', { ...params, example: exampleOf(literal, type) }, literal)
  return literal
}

/** The literal as the column's type; undefined when it is not one. */
function coerce(literal: Literal, type: ColumnType): Literal | undefined {
  switch (type) {
    case 'text':
      return 'text' in literal ? literal : undefined
    case 'numeric':
      return 'number' in literal ? literal : 'text' in literal ? numberOf(literal.text) : undefined
    case 'date':
      return 'date' in literal ? literal : 'text' in literal ? dateOf(literal.text) : undefined
    case 'boolean':
      return 'boolean' in literal ? literal : 'text' in literal ? booleanOf(literal.text) : undefined
  }
}

function numberOf(text: string): Literal | undefined {
  const value = text.length > MAX_NUMBER ? undefined : parseDecimal(text)
  return value && { number: formatDecimal(value) }
}

const dateOf = (text: string): Literal | undefined => (parseDate(text) ? { date: text } : undefined)

const booleanOf = (text: string): Literal | undefined =>
  text === 'true' || text === 'false' ? { boolean: text === 'true' } : undefined

const kindOf = (literal: Literal): string => Object.keys(literal)[0]!

/** What the author most likely meant, written as it should be. */
function exampleOf(literal: Literal, type: ColumnType): string {
  switch (type) {
    case 'text':
      return 'number' in literal
        ? printText(literal.number)
        : printText('date' in literal ? literal.date : printLiteral(literal))
    case 'numeric':
      return 'a plain decimal such as -1234.50'
    case 'date':
      return "a date such as date '2025-12-24'"
    case 'boolean':
      return 'true or false'
  }
}
