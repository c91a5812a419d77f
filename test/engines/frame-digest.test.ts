import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { FactColumn } from '#tieout/engines/source'
import { frameOf, type TextRow, text } from '../support/frames.js'

const digest = (rows: readonly TextRow[], coded: readonly FactColumn[] = [text('book')]): string =>
  frameOf(rows, coded, ['a']).digest

const ROWS: TextRow[] = [
  { book: 'B1', a: '1.5' },
  { book: 'B2', a: '-3' },
  { book: null, a: null },
]

describe('the digest of facts', () => {
  test.each<[string, TextRow[]]>([
    ['in another order', [ROWS[2]!, ROWS[0]!, ROWS[1]!]],
    ['typed with another scale', [{ book: 'B1', a: '1.500' }, { book: 'B2', a: '-3.0' }, ROWS[2]!]],
    ['with a sign', [{ book: 'B1', a: '+01.5' }, ROWS[1]!, { book: null, a: '-0' }]],
  ])('is the same %s', (_, rows) => expect(digest(rows)).toBe(digest(ROWS)))

  test.each<[string, TextRow[]]>([
    ['another amount', [{ book: 'B1', a: '1.6' }, ROWS[1]!, ROWS[2]!]],
    ['another sign', [{ book: 'B1', a: '-1.5' }, ROWS[1]!, ROWS[2]!]],
    ['another value', [{ book: 'B3', a: '1.5' }, ROWS[1]!, ROWS[2]!]],
    ['amounts swapped', [{ book: 'B1', a: '-3' }, { book: 'B2', a: '1.5' }, ROWS[2]!]],
    ['an empty text for a null', [ROWS[0]!, ROWS[1]!, { book: '', a: null }]],
    ['a row twice', [...ROWS, ROWS[0]!]],
    ['a row less', ROWS.slice(1)],
    ['no rows', []],
  ])('differs for %s', (_, rows) => expect(digest(rows)).not.toBe(digest(ROWS)))

  test('names and types of the columns are part of it', () => {
    const rows = [{ book: '1', a: '1' }]
    const other = [{ desk: '1', a: '1' }]
    expect(digest(rows)).not.toBe(digest(other, [text('desk')]))
    expect(digest(rows)).not.toBe(digest(rows, [{ name: 'book', type: 'numeric' }]))
  })

  test('a column within and beyond the exact range digests by its numbers alone', () => {
    // The 2^53 twice over makes both frames big; 1.5 has its tenths in one and not in the other.
    const big = '9007199254740993'
    expect(
      digest([
        { book: 'B', a: big },
        { book: 'C', a: '2.50' },
      ]),
    ).toBe(
      digest([
        { book: 'C', a: '2.5' },
        { book: 'B', a: `${big}.000` },
      ]),
    )
  })

  test('random rows: equal as a multiset ⇔ equal digest', () => {
    const row = fc.record({
      book: fc.constantFrom('B1', 'B2', '', null),
      a: fc.constantFrom('0', '1', '-1', '1.5', '4294967296', '9007199254740993', '-9007199254740993'),
    })
    const rows = fc.array(row, { maxLength: 5 })
    const key = (list: readonly TextRow[]) =>
      JSON.stringify(list.map((r) => JSON.stringify([r.book, r.a])).sort())
    fc.assert(
      fc.property(rows, rows, (x, y) => {
        expect(digest(x) === digest(y)).toBe(key(x) === key(y))
        expect(digest([...x].reverse())).toBe(digest(x))
      }),
      { numRuns: 60 },
    )
  })

  test.each([30, 400])('%i zeros after the point of a big amount do not matter', (zeros) => {
    const rows = (amount: string) => [
      { book: 'B', a: amount },
      { book: 'C', a: '1.5' },
    ]
    const big = '90071992547409930000'
    expect(digest(rows(`${big}.${'0'.repeat(zeros)}`))).toBe(digest(rows(big)))
  })

  test('2^64 − 1 and −1 are two amounts', () => {
    expect(digest([{ book: 'B', a: '18446744073709551615' }])).not.toBe(digest([{ book: 'B', a: '-1' }]))
  })

  test('the scale of a coded numeric column does not matter', () => {
    const coded: FactColumn[] = [{ name: 'book', type: 'numeric' }]
    expect(digest([{ book: '1.50', a: '1' }], coded)).toBe(digest([{ book: '1.5', a: '1' }], coded))
  })
})
