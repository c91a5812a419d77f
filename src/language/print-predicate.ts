/**
 * Tree to canonical text: the one spelling of a predicate, with the fewest parentheses, that parses back to
 * the same tree. Rules are shown, compared and exported in it. Raises RangeError for a tree that no text
 * can hold (`and` of nothing), which the schema refuses.
 */

import { printName, printText } from './lexer.js'
import type { Comparison, Literal, Predicate, Test } from './predicate.js'

const SYMBOLS: Readonly<Record<Comparison['op'], string>> = {
  eq: '=',
  ne: '!=',
  lt: '<',
  lte: '<=',
  gt: '>',
  gte: '>=',
}

export function printPredicate(predicate: Predicate): string {
  switch (predicate.op) {
    case 'and':
    case 'or':
      return printChain(predicate.op, predicate.args)
    case 'not':
      return printNot(predicate.arg)
    default:
      return printTest(predicate, '')
  }
}

export function printLiteral(literal: Literal): string {
  if ('text' in literal) return printText(literal.text)
  if ('number' in literal) return literal.number
  if ('date' in literal) return `date ${printText(literal.date)}`
  return String(literal.boolean)
}

function printChain(op: 'and' | 'or', args: readonly Predicate[]): string {
  if (args.length === 0) throw new RangeError(`"${op}" of nothing`)
  if (args.length === 1) return printPredicate(args[0]!)
  const inner = (arg: Predicate): boolean => arg.op === op || (op === 'and' && arg.op === 'or')
  return args.map((arg) => (inner(arg) ? `(${printPredicate(arg)})` : printPredicate(arg))).join(` ${op} `)
}

function printNot(arg: Predicate): string {
  switch (arg.op) {
    case 'and':
    case 'or':
      return `not (${printPredicate(arg)})`
    case 'between':
    case 'like':
    case 'is_null':
      return printTest(arg, 'not ')
    default:
      // `x not in (…)` is the op not_in, so the `not` of an `in` stands in front.
      return `not ${printPredicate(arg)}`
  }
}

function printTest(test: Test, not: '' | 'not '): string {
  const column = printName(test.column)
  switch (test.op) {
    case 'in':
    case 'not_in':
      return `${column} ${test.op === 'in' ? 'in' : 'not in'} (${test.values.map(printLiteral).join(', ')})`
    case 'between':
      return `${column} ${not}between ${printLiteral(test.low)} and ${printLiteral(test.high)}`
    case 'like':
      return `${column} ${not}like ${printText(test.pattern)}`
    case 'is_null':
      return `${column} is ${not}null`
    default:
      return `${column} ${SYMBOLS[test.op]} ${printLiteral(test.value)}`
  }
}
