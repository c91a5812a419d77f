/**
 * Typed predicates over the columns of a fact source: the condition of a filter rule, of a `sum(… where …)`,
 * of a fact adjustment. The tree is plain data, stored as JSON; the text is how people read and write it.
 * Never SQL: a text is data until `bindPredicate` has checked it against the source's real columns.
 *
 * This module is the door: the tree, and what can be done with it.
 */

export { bindPredicate, type ColumnType } from './bind-predicate.js'
export type { LanguageProblem, LanguageProblems } from './language.js'
export { type ParsedPredicate, parsePredicate } from './parse-predicate.js'
export { predicateSchema } from './predicate-schema.js'
export { printLiteral, printPredicate } from './print-predicate.js'

/** A number is plain decimal text, never a JS number; a date is `YYYY-MM-DD`. */
export type Literal =
  | { readonly text: string }
  | { readonly number: string }
  | { readonly date: string }
  | { readonly boolean: boolean }

export interface Comparison {
  readonly op: 'eq' | 'ne' | 'lt' | 'lte' | 'gt' | 'gte'
  readonly column: string
  readonly value: Literal
}

/** At least one value. */
export interface Membership {
  readonly op: 'in' | 'not_in'
  readonly column: string
  readonly values: readonly Literal[]
}

/** Both ends belong to the range; low above high holds for nothing. */
export interface Between {
  readonly op: 'between'
  readonly column: string
  readonly low: Literal
  readonly high: Literal
}

/** `%` any characters, `_` one, `\` takes the next one as itself. */
export interface Like {
  readonly op: 'like'
  readonly column: string
  readonly pattern: string
}

export interface IsNull {
  readonly op: 'is_null'
  readonly column: string
}

/** One atomic test of one column. */
export type Test = Comparison | Membership | Between | Like | IsNull

/** At least two arguments. `a and (b and c)` keeps its inner `and`; `a and b and c` is one of three. */
export interface Junction {
  readonly op: 'and' | 'or'
  readonly args: readonly Predicate[]
}

export interface Negation {
  readonly op: 'not'
  readonly arg: Predicate
}

export type Predicate = Junction | Negation | Test
