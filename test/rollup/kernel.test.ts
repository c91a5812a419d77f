import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatDecimal } from '#tieout/base/decimal'
import type { FactColumn } from '#tieout/engines/source'
import { bindPredicate, type Predicate, parsePredicate } from '#tieout/language/predicate'
import type { Search } from '#tieout/rollup/kernel'
import { type BaseInput, RollUpBase } from '#tieout/rollup/roll-up-base'
import { frameOf, type TextRow } from '../support/frames.js'
import { treeOf } from '../support/roll-up.js'

const CODED: FactColumn[] = [
  { name: 'cc', type: 'text' },
  { name: 'book', type: 'text' },
  { name: 'size', type: 'numeric' },
  { name: 'scenario', type: 'text' },
]
const TYPES = new Map(CODED.map(({ name, type }) => [name, type]))
const TREE = treeOf('R\n  A\n    A1\n    A2\n  B\n    B1')
const IDS = TREE.nodes.map(({ node_id }) => node_id)

interface Row extends TextRow {
  readonly cc: string | null
  readonly book: string | null
  readonly size: string | null
  readonly scenario: string | null
  readonly amt: string | null
}

/** A test in the language with what it means on one row; small numbers, so JS may compare. */
const TESTS: readonly (readonly [string, (row: Row) => boolean])[] = [
  ["book = 'X'", ({ book }) => book === 'X'],
  ["book != 'X'", ({ book }) => book !== null && book !== 'X'],
  ["book in ('X', 'Y')", ({ book }) => book === 'X' || book === 'Y'],
  ["book not in ('Y')", ({ book }) => book !== null && book !== 'Y'],
  ["book like '%Z%'", ({ book }) => book?.includes('Z') ?? false],
  ['book is null', ({ book }) => book === null],
  ['size > 1', ({ size }) => size !== null && Number(size) > 1],
  ['size = 1.5', ({ size }) => size !== null && Number(size) === 1.5],
  ['size between 0 and 1.5', ({ size }) => size !== null && Number(size) >= 0 && Number(size) <= 1.5],
  ["cc = 'A1'", ({ cc }) => cc === 'A1'],
  ["scenario = 'ACTUAL'", ({ scenario }) => scenario === 'ACTUAL'],
]

interface Meaning {
  readonly text: string
  readonly holds: (row: Row) => boolean
}

const meanings: fc.Arbitrary<Meaning> = fc.letrec<{ tree: Meaning }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(...TESTS).map(([text, holds]) => ({ text, holds })),
    tie('tree').map(({ text, holds }) => ({ text: `not (${text})`, holds: (row: Row) => !holds(row) })),
    fc.tuple(tie('tree'), tie('tree')).map(([a, b]) => ({
      text: `(${a.text}) and (${b.text})`,
      holds: (row: Row) => a.holds(row) && b.holds(row),
    })),
    fc.tuple(tie('tree'), tie('tree')).map(([a, b]) => ({
      text: `(${a.text}) or (${b.text})`,
      holds: (row: Row) => a.holds(row) || b.holds(row),
    })),
  ),
})).tree

function predicate(text: string): Predicate {
  const parsed = parsePredicate(text)
  const bound = parsed.ok ? bindPredicate(parsed.predicate, TYPES, parsed) : parsed
  if (!bound.ok) throw new Error(text)
  return bound.predicate
}

const rows: fc.Arbitrary<Row[]> = fc.array(
  fc.record({
    cc: fc.constantFrom('R', 'A', 'A1', 'A2', 'B1', 'elsewhere', null),
    book: fc.constantFrom('X', 'Y', 'ZZ', null),
    size: fc.constantFrom('0', '1', '1.0', '1.5', '1.50', '2', '-1', null),
    scenario: fc.constantFrom('ACTUAL', 'PRIOR', null),
    amt: fc.oneof(
      fc.integer({ min: -999, max: 999 }).map((n) => (n / 100).toFixed(2)),
      fc.constantFrom('9007199254740991', '-9007199254740992.5', null),
    ),
  }),
  { maxLength: 25 },
)

/** A base that has looked for everything announced, in one pass. */
function baseOf(input: BaseInput): RollUpBase {
  const base = new RollUpBase(input)
  base.find(input.announced)
  return base
}

/** Cents and tenths by BigInt, row by row. */
const hundredths = (text: string | null): bigint => {
  const [whole, fraction = ''] = (text ?? '0').split('.')
  return BigInt(`${whole}${fraction.padEnd(2, '0')}`)
}

test('random frames, bindings and predicates: the sums of a row-by-row evaluator', () => {
  const searched = fc.array(fc.tuple(fc.option(fc.constantFrom(...IDS)), fc.option(meanings)), {
    maxLength: 6,
  })
  // R is bound or not; A1 is bound by cc, and by book too when X is bound to it.
  const bound = fc.record({
    ids: fc.subarray(['R', 'A', 'A1', 'A2', 'B1']),
    book: fc.option(fc.constantFrom('A2', 'B')),
  })
  const purposes = fc.constantFrom('run' as const, 'edits' as const)
  fc.assert(
    fc.property(
      rows,
      searched,
      bound,
      fc.boolean(),
      purposes,
      (facts, asked, { ids, book }, withScenario, purpose) => {
        const position = (id: string): number => TREE.positions.get(id)!
        const bindings = {
          columns: ['cc', ...(book === null ? [] : ['book'])],
          bindings: [
            ...ids.map((id) => ({ column: 'cc', value: id, node: position(id) })),
            ...(book === null ? [] : [{ column: 'book', value: 'X', node: position(book) }]),
          ],
        }
        const searches = asked.map(
          ([node, meaning]): Search => ({
            node: node === null ? null : position(node),
            where: meaning === null ? null : predicate(meaning.text),
          }),
        )
        const frame = frameOf(facts, CODED, ['amt'])
        const result = baseOf({
          frame,
          tree: TREE,
          bindings,
          scenarioColumn: withScenario ? 'scenario' : null,
          announced: searches,
          purpose,
        })
        const nodeOf = (row: Row): number => {
          if (row.cc !== null && ids.includes(row.cc)) return position(row.cc)
          return book !== null && row.book === 'X' ? position(book) : position('UNASSIGNED')
        }
        const expectSum = (
          found: { facts: number; amounts: readonly { units: bigint; scale: number }[] },
          chosen: Row[],
        ) => {
          expect(found.facts).toBe(chosen.length)
          const { units, scale } = found.amounts[0]!
          const sum = chosen.reduce((total, { amt }) => total + hundredths(amt), 0n)
          expect(units * 10n ** BigInt(2 - scale)).toBe(sum)
        }
        result.scenarios.forEach((label, code) => {
          const inScope = withScenario ? facts.filter(({ scenario }) => scenario === label) : facts
          result.direct(code).forEach((sums, node) => {
            expectSum(
              sums,
              inScope.filter((row) => nodeOf(row) === node),
            )
          })
          searches.forEach((search, i) => {
            const { node } = search
            const holds = asked[i]![1]?.holds ?? (() => true)
            const under = (at: number): boolean => node === null || (at >= node && at < TREE.nodes[node]!.end)
            expectSum(
              result.search(code, search),
              inScope.filter((row) => under(nodeOf(row)) && holds(row)),
            )
          })
        })
        const twice = facts.filter(
          (row) =>
            book !== null && row.book === 'X' && row.cc !== null && ids.includes(row.cc) && row.cc !== book,
        )
        expect(result.overlaps.map((o) => [o.column, o.other, o.rows])).toEqual(
          twice.length === 0 ? [] : [['cc', 'book', twice.length]],
        )
      },
    ),
    { numRuns: 150 },
  )
})

test('facts are grouped by what rules can tell apart', () => {
  const facts = Array.from({ length: 1000 }, (_, i) => ({
    cc: i % 2 === 0 ? 'A1' : 'B1',
    book: `book ${i % 100}`,
    size: '1',
    scenario: 'ACTUAL',
    amt: '0.01',
  }))
  const where = predicate("book = 'book 7'")
  const search = { node: null, where }
  const result = baseOf({
    frame: frameOf(facts, CODED, ['amt']),
    tree: TREE,
    bindings: { columns: ['cc'], bindings: [{ column: 'cc', value: 'A1', node: 2 }] },
    scenarioColumn: null,
    announced: [search],
    purpose: 'run',
  })
  // A hundred books are two classes: book 7 and the others.
  expect(result.groups).toBe(2)
  const found = result.search(0, search)
  expect([found.facts, formatDecimal(found.amounts[0]!)]).toEqual([10, '0.10'])
})
