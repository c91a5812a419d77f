import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Frame } from '#tieout/engines/frame'
import type { FactColumn } from '#tieout/engines/source'
import {
  type CodedRow,
  codedRows,
  frameOf,
  grouped,
  type TextRow,
  text,
  withRows,
} from '../support/frames.js'

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

  test('random rows: equal counts and sums by combination ⇔ equal digest', { tags: ['long'] }, () => {
    const rows = fc.array(ROW, { maxLength: 5 })
    /** By book: how many facts, and their sum in tenths. */
    const seen = (list: readonly TextRow[]): string => {
      const books = new Map<string, [number, bigint]>()
      for (const { book, a } of list) {
        const [facts, sum] = books.get(String([book])) ?? [0, 0n]
        books.set(String([book]), [facts + 1, sum + tenths(a!)])
      }
      return [...books].map(String).sort().join(' ')
    }
    fc.assert(
      fc.property(rows, rows, (x, y) => {
        expect(digest(x) === digest(y)).toBe(seen(x) === seen(y))
        expect(digest([...x].reverse())).toBe(digest(x))
      }),
      { numRuns: 200 },
    )
  })

  test('two facts of one book are their number and their sum', () => {
    // 1.5 + -3 = -1 + -0.5
    const rows = (x: string, y: string) => [
      { book: 'B1', a: x },
      { book: 'B1', a: y },
    ]
    expect(digest(rows('1.5', '-3'))).toBe(digest(rows('-1', '-0.5')))
    expect(digest(rows('1.5', '-3'))).not.toBe(digest([{ book: 'B1', a: '-1.5' }]))
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

const ROW = fc.record({
  // '' and null print alike in `seen`, so one of them is left out.
  book: fc.constantFrom('B1', 'B2', 'B3', null),
  a: fc.constantFrom('0', '1', '-1', '1.5', '4294967296', '9007199254740993', '-9007199254740993'),
})

const tenths = (amount: string): bigint => {
  const [whole, fraction = '0'] = amount.split('.')
  return BigInt(whole!) * 10n + BigInt(fraction)
}

describe('the digest of tuples is that of their facts', () => {
  const CODED = [text('book'), text('desk'), { name: 'size', type: 'numeric' } as const]
  const facts = fc.array(
    fc.record({
      book: fc.constantFrom('B1', 'B2', null),
      desk: fc.constantFrom('D1', 'D2', ''),
      size: fc.constantFrom('1', '1.0', '2', null),
      a: fc.integer({ min: -999_999, max: 999_999 }).map((n) => (n / 100).toFixed(2)),
      b: fc.bigInt({ min: -(10n ** 13n), max: 10n ** 13n }).map(String),
    }),
    { maxLength: 30 },
  )
  const raw = (rows: readonly TextRow[]) => frameOf(rows, CODED, ['a', 'b'])

  test('grouped, in part or in whole, in any order, in doubles or as bigint', () => {
    fc.assert(
      fc.property(facts, fc.nat(30), fc.boolean(), (rows, cut, whole) => {
        const frame = raw(rows)
        const all = codedRows(frame)
        const parts = whole ? grouped(all) : [...grouped(all.slice(cut)), ...grouped(all.slice(0, cut))]
        for (const range of ['exact', 'big'] as const) {
          const other = withRows(frame, parts.reverse(), range)
          expect([other.digest, other.facts]).toEqual([frame.digest, frame.facts])
        }
      }),
      { numRuns: 100 },
    )
  })

  test('at another scale', () => {
    fc.assert(
      fc.property(facts, fc.integer({ min: 1, max: 30 }), (rows, zeros) => {
        const longer = rows.map((row) => ({ ...row, a: `${row.a}${'0'.repeat(zeros)}` }))
        expect(raw(longer).digest).toBe(raw(rows).digest)
      }),
      { numRuns: 50 },
    )
  })

  test('one count, unit or code that is another makes another digest', () => {
    const some = facts.filter((rows) => rows.length > 0)
    fc.assert(
      fc.property(
        some,
        fc.nat(),
        fc.constantFrom('count', 'unit', 'code'),
        fc.constantFrom(1, -1, 2 ** 21, 10 ** 9),
        (rows, at, what, by) => {
          const frame = raw(rows)
          const tuples = grouped(codedRows(frame))
          const chosen = tuples[at % tuples.length]!
          // A book that no fact has.
          const unseen = frame.coded[0]!.dictionary.length
          const changed: CodedRow = {
            codes: what === 'code' ? [unseen, ...chosen.codes.slice(1)] : chosen.codes,
            count: what === 'count' ? chosen.count + Math.abs(by) : chosen.count,
            units: what === 'unit' ? [chosen.units[0]! + BigInt(by), chosen.units[1]!] : chosen.units,
          }
          const [book, ...others] = frame.coded
          const wider: Frame = {
            ...frame,
            coded: [{ ...book!, dictionary: [...book!.dictionary, 'B9'] }, ...others],
          }
          const now = withRows(
            wider,
            tuples.map((row) => (row === chosen ? changed : row)),
            'big',
          )
          expect(now.digest).not.toBe(frame.digest)
        },
      ),
      { numRuns: 150 },
    )
  })

  test('large amounts beside small ones, and more columns than one pass takes', () => {
    // Units of 2^52, which are taken in halves; 0.01 beside them must still be seen.
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
    const rows = (last: string) => [
      Object.fromEntries([['book', 'B1'], ...names.map((name) => [name, '1.50']), ['g', last]]),
      Object.fromEntries([['book', 'B2'], ...names.map((name) => [name, '45035996273704.96'])]),
    ]
    const digests = ['0.00', '0.01', '45035996273704.95', '45035996273704.96', '-45035996273704.96'].map(
      (last) => frameOf(rows(last) as TextRow[], [text('book')], names),
    )
    expect(new Set(digests.map((frame) => frame.digest)).size).toBe(5)
    for (const frame of digests) {
      const big = withRows(frame, codedRows(frame), 'big')
      expect(big.digest).toBe(frame.digest)
    }
  })

  test('a dictionary that no small table holds', () => {
    const rows = Array.from({ length: 40_000 }, (_, i) => ({ book: `B${i}`, desk: `D${i % 3}`, a: '1' }))
    const frame = frameOf(rows, [text('book'), text('desk')], ['a'])
    const backwards = frameOf([...rows].reverse(), [text('book'), text('desk')], ['a'])
    expect(backwards.digest).toBe(frame.digest)
    const swapped = rows.map((row, i) => (i === 7 ? { ...row, desk: 'D2' } : row))
    expect(frameOf(swapped, [text('book'), text('desk')], ['a']).digest).not.toBe(frame.digest)
  })
})
