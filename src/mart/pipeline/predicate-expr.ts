/**
 * A parsed predicate as an expression of the plan. What a column is compared as follows from the literal, so that the
 * same text gives the same SQL whether or not the tables can be looked at. Every test of a null is false, and `not`
 * flips it, as in the language. Raises nothing.
 */

import { cast, coalesce, compare, type Expr, number, TEXT, text } from '../../engines/plan/plan.js'
import type { Comparison, Literal, Predicate, Test } from '../../language/predicate.js'

export type ColumnOf = (name: string) => Expr

const SYMBOLS = { eq: '=', ne: '<>', lt: '<', lte: '<=', gt: '>', gte: '>=' } as const satisfies Record<
  Comparison['op'],
  string
>
/** Room for the digits of any number compared with. */
const NUMBER = { kind: 'decimal', scale: 12 } as const

export function predicateExpr(predicate: Predicate, columnOf: ColumnOf): Expr {
  switch (predicate.op) {
    case 'and':
    case 'or':
      return { op: predicate.op, args: predicate.args.map((arg) => predicateExpr(arg, columnOf)) }
    case 'not':
      return { op: 'not', arg: predicateExpr(predicate.arg, columnOf) }
    default:
      return testExpr(predicate, columnOf(predicate.column))
  }
}

function testExpr(test: Test, value: Expr): Expr {
  switch (test.op) {
    case 'is_null':
      return { op: 'is_null', arg: value }
    case 'in':
      return falseForNull({ op: 'or', args: test.values.map((literal) => compareWith(value, '=', literal)) })
    case 'not_in': {
      const args = test.values.map((literal) => compareWith(value, '<>', literal))
      return falseForNull({ op: 'and', args })
    }
    case 'between':
      return falseForNull({
        op: 'and',
        args: [compareWith(value, '>=', test.low), compareWith(value, '<=', test.high)],
      })
    case 'like':
      return falseForNull({ op: 'like', arg: cast(value, TEXT), pattern: test.pattern })
    default:
      return falseForNull(compareWith(value, SYMBOLS[test.op], test.value))
  }
}

function compareWith(value: Expr, by: (typeof SYMBOLS)[Comparison['op']], literal: Literal): Expr {
  if ('text' in literal) return compare(cast(value, TEXT), by, text(literal.text))
  if ('number' in literal) return compare(cast(value, NUMBER), by, number(literal.number))
  if ('date' in literal) {
    const date = { kind: 'date' } as const
    return compare(cast(value, date), by, cast(text(literal.date), date))
  }
  return compare(cast(value, { kind: 'boolean' }), by, { op: 'boolean', value: literal.boolean })
}

const falseForNull = (condition: Expr): Expr => coalesce(condition, { op: 'boolean', value: false })
