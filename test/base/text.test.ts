import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { caretFrame, compareText, didYouMean, editDistance, nearest, plural } from '#tieout/base/text'

/** Without half a surrogate pair, which UTF-8 cannot hold. */
const isWellFormed = (t: string): boolean => Buffer.from(t).toString() === t

describe('code point order', () => {
  test.each([
    ['a', 'b'],
    ['a', 'aa'],
    ['', 'a'],
    ['Z', 'a'],
    ['\uffff', '🦄'], // by UTF-16 units it would be the other way round
    ['\ue000', '\u{10000}'],
    ['é', '日'],
    ['🦄', '🦅'],
  ])('%j before %j', (a, b) => {
    expect(compareText(a, b)).toBeLessThan(0)
    expect(compareText(b, a)).toBeGreaterThan(0)
    expect(compareText(a, a)).toBe(0)
  })

  test('is the order of UTF-8 bytes', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 4 }),
      fc.string({
        unit: fc.constantFrom('a', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{10ffff}'),
        maxLength: 3,
      }),
    )
    fc.assert(
      fc.property(text.filter(isWellFormed), text.filter(isWellFormed), (a, b) => {
        expect(Math.sign(compareText(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)))
      }),
      { numRuns: 3000 },
    )
  })
})

describe('near misses', () => {
  test.each([
    ['', '', 0],
    ['', 'abc', 3],
    ['CORE', 'CORE', 0],
    ['CORE', 'CROE', 1], // neighbours swapped
    ['CORE', 'COR', 1],
    ['CORE', 'SCORE', 1],
    ['CORE', 'CARE', 1],
    ['kitten', 'sitting', 3],
  ])('%s → %s takes %i edits', (a, b, edits) =>
    expect([editDistance(a, b), editDistance(b, a)]).toEqual([edits, edits]),
  )

  const NAMES = ['pnl_daily', 'pnl_commission', 'pnl_trade', 'strategy', 'cc_id']
  test.each<[string, string[]]>([
    ['pnl_dayly', ['pnl_daily']],
    ['STRATEGY', ['strategy']],
    ['stratgy', ['strategy']],
    ['ccid', ['cc_id']],
    ['elephant', []],
    ['', []],
    ['x'.repeat(81), []],
  ])('%s → %j', (wrong, found) => expect(nearest(wrong, NAMES)).toEqual(found))

  test('best first, then by code point, at most as many as asked', () => {
    expect(nearest('abcd', ['abce', 'abcD', 'abcc', 'abcf', 'xbcd'])).toEqual(['abcD', 'abcc', 'abce'])
    expect(nearest('abcd', ['abce', 'abcD'], 1)).toEqual(['abcD'])
  })

  test('as a question, or nothing', () => {
    expect(didYouMean('cc', ['cc1', 'cc2'])).toBe('Did you mean "cc1" or "cc2"?')
    expect(didYouMean('zzz', NAMES)).toBe('')
  })
})

describe('a caret beneath the place', () => {
  test.each<[string, number, string]>([
    ["book = 'B1'", 0, "book = 'B1'\n^"],
    ["book = 'B1'", 7, "book = 'B1'\n       ^"],
    ['end', 3, 'end\n   ^'],
    ['end', 99, 'end\n   ^'],
    ['', 0, '\n^'],
    ['one\ntwo', 2, 'one\n  ^'],
    ['one\ntwo', 3, 'one\n   ^'],
    ['one\ntwo', 4, 'two\n^'],
    ['one\ntwo\nthree', 6, 'two\n  ^'],
    ['a\n\nb', 2, '\n^'],
  ])('%j at %i', (text, offset, frame) => expect(caretFrame(text, offset)).toBe(frame))

  test('a long line is shown around the caret', () => {
    const [line, caret] = caretFrame(`${'a'.repeat(200)}X${'b'.repeat(200)}`, 200).split('\n')
    expect(line).toHaveLength(120)
    expect(line![caret!.indexOf('^')]).toBe('X')
  })

  test('the first character may be a newline', () => {
    expect(caretFrame('\nabc', 0)).toBe('\n^')
  })

  test('every other place of every text has a frame of one line and one caret', () => {
    const text = fc.string({ unit: fc.constantFrom('a', '\n', ' '), maxLength: 12 })
    fc.assert(
      fc.property(text, fc.nat(15), (t, offset) => {
        fc.pre(!(offset === 0 && t.startsWith('\n')))
        const [line, caret, ...more] = caretFrame(t, offset).split('\n')
        expect(more).toEqual([])
        expect(caret).toMatch(/^ *\^$/)
        expect(t.split('\n')).toContain(line)
      }),
    )
  })
})

test.each<[number | bigint, string]>([
  [0, '0 facts'],
  [1, '1 fact'],
  [1n, '1 fact'],
  [2, '2 facts'],
  [1_000_000, '1,000,000 facts'],
])('%d is %s', (count, text) => expect(plural(count, 'fact')).toBe(text))
