/**
 * The value of a formula in exact decimals. Only division rounds, each one to DIVISION_SCALE places with
 * DIVISION_ROUNDING; it is never left to the order of other operations. A division by zero, or an operand
 * without a value, makes the cell empty, not 0, and says where. Raises RangeError for a constant that is
 * no decimal (a caller's bug).
 */

import {
  add,
  type Decimal,
  divide,
  multiply,
  negate,
  parseDecimal,
  type Rounding,
  subtract,
} from '../base/decimal.js'
import { type Arithmetic, type Formula, foldFormula, type LeafOf, type NodeValue } from './formula-tree.js'
import type { Predicate } from './predicate.js'

/** Digits after the point of every quotient. */
export const DIVISION_SCALE = 12
/** A quotient halfway between two such numbers goes to the even one. */
export const DIVISION_ROUNDING: Rounding = 'half_even'

export interface FormulaEnvironment {
  /** The node the rule stands at: bare, it means its natural value. */
  readonly self?: string
  natural(node: string): Decimal | undefined
  adjusted(node: string): Decimal | undefined
  sum(column: string, where: Predicate | undefined): Decimal
}

export type FormulaResult =
  | { readonly value: Decimal }
  /** `at` is the division. */
  | { readonly empty: 'division by zero'; readonly at: Arithmetic<string> }
  /** `at` is the node without a value. */
  | { readonly empty: 'operand is empty'; readonly at: NodeValue<string> }

/** The first empty operand, left to right, decides what the result says. */
export function evaluateFormula(formula: Formula, env: FormulaEnvironment): FormulaResult {
  return foldFormula<string, FormulaResult>(formula, {
    leaf: (leaf) => evaluateLeaf(leaf, env),
    minus: (_, arg) => ('value' in arg ? { value: negate(arg.value) } : arg),
    arithmetic(part, left, right) {
      if (!('value' in left)) return left
      if (!('value' in right)) return right
      return calculate(part, left.value, right.value)
    },
  })
}

function calculate(part: Arithmetic<string>, left: Decimal, right: Decimal): FormulaResult {
  switch (part.op) {
    case '+':
      return { value: add(left, right) }
    case '-':
      return { value: subtract(left, right) }
    case '*':
      return { value: multiply(left, right) }
    case '/':
      if (right.units === 0n) return { empty: 'division by zero', at: part }
      return { value: divide(left, right, DIVISION_SCALE, DIVISION_ROUNDING) }
  }
}

function evaluateLeaf(leaf: LeafOf<string>, env: FormulaEnvironment): FormulaResult {
  switch (leaf.op) {
    case 'const': {
      const value = parseDecimal(leaf.value)
      if (value === undefined) throw new RangeError(`"${leaf.value}" is no decimal`)
      return { value }
    }
    case 'sum':
      return { value: env.sum(leaf.column, leaf.where) }
    case 'node': {
      const isNatural = leaf.value === 'natural' || (leaf.value === 'bare' && leaf.node === env.self)
      const value = isNatural ? env.natural(leaf.node) : env.adjusted(leaf.node)
      return value === undefined ? { empty: 'operand is empty', at: leaf } : { value }
    }
  }
}
