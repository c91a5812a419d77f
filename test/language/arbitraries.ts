/** Random trees of both languages, with names and texts as hostile as data can be. */

import fc from 'fast-check'
import type { FormulaOf, NodeName } from '#tieout/language/formula'
import type { Literal, Predicate } from '#tieout/language/predicate'

/** Texts that would matter if any of them were ever read as syntax. */
export const HOSTILE = [
  "O'Brien",
  "''",
  '"',
  '""',
  ']]',
  "'; drop table fact_rb; --",
  "x' or '1'='1",
  'line\nbreak\r\n',
  'nul\u0000inside',
  'tab\t',
  'back\\slash',
  '100%_',
  'Zürich €',
  '日本',
  '🦄',
  'e\u0301',
  '\ud800',
  '',
  ' ',
  'and',
  'NOT',
  'null',
  'date',
  'where',
  '{column}',
  '$1',
  '__proto__',
]

export const anyText = fc.oneof(
  fc.constantFrom(...HOSTILE),
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.string({ unit: fc.constantFrom('a', 'b', '%', '_', "'", '\\'), maxLength: 8 }),
)
const anyName = fc
  .oneof(fc.constantFrom('cc_id', 'strategy', 'process_2', 'straße'), anyText)
  .filter((name) => name !== '')

export const unsigned = fc
  .tuple(fc.stringMatching(/^\d{1,12}$/), fc.stringMatching(/^\d{0,6}$/))
  .map(([whole, fraction]) => (fraction === '' ? whole : `${whole}.${fraction}`))
const number = fc.tuple(fc.constantFrom('', '-'), unsigned).map(([sign, digits]) => sign + digits)
export const day = fc
  .date({ min: new Date('1970-01-01'), max: new Date('2100-12-31'), noInvalidDate: true })
  .map((date) => date.toISOString().slice(0, 10))

const literal: fc.Arbitrary<Literal> = fc.oneof(
  anyText.map((text) => ({ text })),
  number.map((number) => ({ number })),
  day.map((date) => ({ date })),
  fc.boolean().map((boolean) => ({ boolean })),
)

export const test: fc.Arbitrary<Predicate> = fc.oneof(
  fc.record({ op: fc.constantFrom('eq', 'ne', 'lt', 'lte', 'gt', 'gte'), column: anyName, value: literal }),
  fc.record({
    op: fc.constantFrom('in', 'not_in'),
    column: anyName,
    values: fc.array(literal, { minLength: 1, maxLength: 4 }),
  }),
  fc.record({ op: fc.constant('between' as const), column: anyName, low: literal, high: literal }),
  fc.record({ op: fc.constant('like' as const), column: anyName, pattern: anyText }),
  fc.record({ op: fc.constant('is_null' as const), column: anyName }),
)

/** Trees over the given tests. */
export const predicateOver = (tests: fc.Arbitrary<Predicate>): fc.Arbitrary<Predicate> =>
  fc.letrec<{ tree: Predicate }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4, depthIdentifier: 'predicate' },
      tests,
      fc.record({ op: fc.constant('not' as const), arg: tie('tree') }),
      fc.record({
        op: fc.constantFrom('and', 'or'),
        args: fc.array(tie('tree'), { minLength: 2, maxLength: 3 }),
      }),
    ),
  })).tree

export const predicate = predicateOver(test)

const node: fc.Arbitrary<NodeName> = fc.oneof(
  anyName.map((id) => ({ id })),
  anyName.map((name) => ({ name })),
)

export const formulaOver = <N>(leaf: fc.Arbitrary<FormulaOf<N>>): fc.Arbitrary<FormulaOf<N>> =>
  fc.letrec<{ tree: FormulaOf<N> }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 5, depthIdentifier: 'formula' },
      leaf,
      fc.record({ op: fc.constant('neg' as const), arg: tie('tree') }),
      fc.record({ op: fc.constantFrom('+', '-', '*', '/'), left: tie('tree'), right: tie('tree') }),
    ),
  })).tree

export const formula: fc.Arbitrary<FormulaOf<NodeName>> = formulaOver<NodeName>(
  fc.oneof(
    unsigned.map((value) => ({ op: 'const' as const, value })),
    fc.record({
      op: fc.constant('node' as const),
      node,
      value: fc.constantFrom('bare', 'natural', 'adjusted'),
    }),
    fc.record({ op: fc.constant('sum' as const), column: anyName }),
    fc.record({ op: fc.constant('sum' as const), column: anyName, where: predicate }),
  ),
)
