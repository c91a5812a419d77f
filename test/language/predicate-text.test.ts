import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Predicate, parsePredicate, predicateSchema, printPredicate } from '#tieout/language/predicate'
import * as any from './arbitraries.js'
import { frameAt, marked, placesOf, problemsOf, said } from './check.js'

const parsed = (text: string): Predicate => {
  const result = parsePredicate(text)
  if (!result.ok) throw new Error(said(result.problems[0]))
  return result.predicate
}

describe('predicate text means', () => {
  const a = { op: 'eq', column: 'a', value: { number: '1' } }
  const b = { op: 'eq', column: 'b', value: { number: '2' } }
  const c = { op: 'eq', column: 'c', value: { number: '3' } }
  test.each<[string, unknown]>([
    ["strategy = 'CORE'", { op: 'eq', column: 'strategy', value: { text: 'CORE' } }],
    ['a != 1', { op: 'ne', column: 'a', value: { number: '1' } }],
    ['a <> 1', { op: 'ne', column: 'a', value: { number: '1' } }],
    ['a < -1.50', { op: 'lt', column: 'a', value: { number: '-1.50' } }],
    ['a <= .5', { op: 'lte', column: 'a', value: { number: '.5' } }],
    ['a>1', { op: 'gt', column: 'a', value: { number: '1' } }],
    ["d >= DATE '2025-12-24'", { op: 'gte', column: 'd', value: { date: '2025-12-24' } }],
    ['flag = True', { op: 'eq', column: 'flag', value: { boolean: true } }],
    ['flag = false', { op: 'eq', column: 'flag', value: { boolean: false } }],
    ["a in ('x', 'y')", { op: 'in', column: 'a', values: [{ text: 'x' }, { text: 'y' }] }],
    ['a not in (1)', { op: 'not_in', column: 'a', values: [{ number: '1' }] }],
    ['not a in (1)', { op: 'not', arg: { op: 'in', column: 'a', values: [{ number: '1' }] } }],
    ['a between 1 and 2', { op: 'between', column: 'a', low: { number: '1' }, high: { number: '2' } }],
    ["a not like 'x%'", { op: 'not', arg: { op: 'like', column: 'a', pattern: 'x%' } }],
    ['a is null', { op: 'is_null', column: 'a' }],
    ['a IS NOT NULL', { op: 'not', arg: { op: 'is_null', column: 'a' } }],
    ["name = 'O''Brien'", { op: 'eq', column: 'name', value: { text: "O'Brien" } }],
    ['"my ""col""" is null', { op: 'is_null', column: 'my "col"' }],
    ["date = date '2025-12-24'", { op: 'eq', column: 'date', value: { date: '2025-12-24' } }],
    ['a = 1 and b = 2 and c = 3', { op: 'and', args: [a, b, c] }],
    ['a = 1 and (b = 2 and c = 3)', { op: 'and', args: [a, { op: 'and', args: [b, c] }] }],
    ['a = 1 or b = 2 and c = 3', { op: 'or', args: [a, { op: 'and', args: [b, c] }] }],
    ['(a = 1 or b = 2) and c = 3', { op: 'and', args: [{ op: 'or', args: [a, b] }, c] }],
    ['not a = 1 and b = 2', { op: 'and', args: [{ op: 'not', arg: a }, b] }],
    ['not (a = 1 and b = 2)', { op: 'not', arg: { op: 'and', args: [a, b] } }],
    ['((a = 1))', a],
  ])('%s', (text, tree) => expect(parsed(text)).toEqual(tree))
})

describe('predicates are printed in one spelling', () => {
  test.each([
    ["  STRATEGY='CORE'  AND(x<>1)", "STRATEGY = 'CORE' and x != 1"],
    ['not (a is null)', 'a is not null'],
    ['not (a between 1 and 2)', 'a not between 1 and 2'],
    ['not (a in (1))', 'not a in (1)'],
    ['((a = 1 or b = 2)) and not not c = 3', '(a = 1 or b = 2) and not not c = 3'],
    ['"plain" = 1 and "in" = 2 and "1st" = 3', 'plain = 1 and "in" = 2 and "1st" = 3'],
    ['straße = 1', 'straße = 1'],
  ])('%s → %s', (text, canonical) => {
    expect(printPredicate(parsed(text))).toBe(canonical)
    expect(printPredicate(parsed(canonical))).toBe(canonical)
  })

  test('every tree is read back as itself', () => {
    fc.assert(
      fc.property(any.predicate, (tree) => {
        expect(parsed(printPredicate(tree))).toEqual(tree)
        expect(predicateSchema.parse(JSON.parse(JSON.stringify(tree)))).toEqual(tree)
      }),
      { numRuns: 1000 },
    )
  })

  test.each(any.HOSTILE)('%j is data as a text, a pattern and a column', (text) => {
    const column = text === '' ? 'c' : text
    const tree: Predicate = {
      op: 'or',
      args: [
        { op: 'in', column, values: [{ text }, { text: `${text}x` }] },
        { op: 'not', arg: { op: 'like', column, pattern: text } },
      ],
    }
    expect(parsed(printPredicate(tree))).toEqual(tree)
  })

  test('parts are found by their offsets', () => {
    const text = "a = 1 and not b in ('x', 'y')"
    const result = parsePredicate(text)
    if (!result.ok) throw new Error('refused')
    expect([...result.offsets.values()].sort((x, y) => x - y)).toEqual([0, 0, 4, 10, 14, 20, 25])
    expect(result.offsets.get(result.predicate)).toBe(0)
  })
})

describe('text that is no predicate is refused where it stands (^)', () => {
  test.each([
    ['^', 'TIE-2201', 'Expected a column, found the end of the text.'],
    ['a = ^', 'TIE-2201', 'found the end of the text'],
    ['a = ^CORE', 'TIE-2201', "Text stands in single quotes: 'CORE'."],
    ['a = ^"CORE"', 'TIE-2201', "Text stands in single quotes: 'CORE'."],
    ['a = ^null', 'TIE-2201', 'A missing value is tested with: is null.'],
    ['a =^= 1', 'TIE-2201', 'Equality is written with one =.'],
    ['a = ^1e5', 'TIE-2201', 'without an exponent'],
    ['a = ^5.', 'TIE-2201', 'plain decimals'],
    ['a = ^+5', 'TIE-2201', 'found +'],
    ['a = ^‘CORE’', 'TIE-2201', 'straight quotes'],
    ['a = 1 ^&& b = 2', 'TIE-2201', 'Write and.'],
    ['a = 1 ^; drop table x', 'TIE-2201', 'Expected and, or or the end of the text, found ;.'],
    ['a = 1 ^-- comment', 'TIE-2201', 'found -'],
    ['a = 1 ^b = 2', 'TIE-2201', 'found b'],
    ["^'a' = 1", 'TIE-2201', "Expected a column, found 'a'."],
    ['^in = 1', 'TIE-2201', 'written "in", in double quotes'],
    ['^"" = 1', 'TIE-2201', 'Expected a column, found "".'],
    ['a ^1', 'TIE-2201', 'Expected a test of a: = != < <= > >= in between like is, found 1.'],
    ['a not ^= 1', 'TIE-2201', 'Expected a test of a: in between like is, found =.'],
    ['a in (^)', 'TIE-2201', 'found )'],
    ['a in (1 ^2)', 'TIE-2201', 'Expected , or ), found 2.'],
    ['a between 1 ^, 2', 'TIE-2201', 'Expected and, found ,.'],
    ['a like ^5', 'TIE-2201', "Expected a pattern such as 'a%', found 5."],
    ['a is ^5', 'TIE-2201', 'Expected null or not null, found 5.'],
    ['(a = 1^', 'TIE-2201', 'Expected and, or or ), found the end of the text.'],
    ['a = 1\n and ^[b] = 2', 'TIE-2201', 'found [b]'],
    ["a = ^'open", 'TIE-2208', "The text that starts here is not closed by '."],
    ["a = ^'it''s", 'TIE-2208', 'written twice'],
    ['^"a = 1', 'TIE-2208', 'The quoted name that starts here is not closed by ".'],
    ["d = ^date '2025-02-30'", 'TIE-2211', "date '2025-02-30' is no day of the calendar."],
    ["d = ^date 'soon'", 'TIE-2211', 'YYYY-MM-DD'],
  ])('%s', (row, code, words) => {
    const { text, offset } = marked(row)
    const [problem, ...more] = problemsOf(parsePredicate(text))
    expect(more).toEqual([])
    expect(problem).toMatchObject({ code, offset, frame: frameAt(text, offset) })
    expect(said(problem!)).toContain(words)
    expect(said(problem!)).not.toMatch(/[{}]|undefined/)
  })

  test('the frame shows the line with its caret', () => {
    const [problem] = problemsOf(parsePredicate('a = 1\nand b = CORE'))
    expect(problem!.frame).toBe('and b = CORE\n        ^')
  })

  const DEEP = 100_000 / 2
  test.each<[string, string, string]>([
    ['parentheses', `${'('.repeat(DEEP - 10)}a = 1${')'.repeat(DEEP - 10)}`, 'TIE-2207@65'],
    ['open parentheses', '('.repeat(100_000), 'TIE-2207@65'],
    ['nots', `${'not '.repeat(20_000)}a = 1`, 'TIE-2207@260'],
    ['65 parentheses', `${'('.repeat(65)}a = 1${')'.repeat(65)}`, 'TIE-2207@65'],
    ['text', `a = '${'x'.repeat(100_000)}'`, 'TIE-2207@100000'],
    ['values', `a in (${'1,'.repeat(10_000)}1)`, 'TIE-2207@20007'],
    ['number', `a = ${'1'.repeat(101)}`, 'TIE-2207@4'],
  ])('too many %s', (_, text, place) => expect(placesOf(parsePredicate(text))).toEqual([place]))

  test('10,000 values, 64 parentheses and 100 digits are allowed', () => {
    for (const text of [
      `a in (${'1,'.repeat(9_999)}1)`,
      `${'('.repeat(64)}a = 1${')'.repeat(64)}`,
      `a = ${'1'.repeat(100)}`,
    ]) {
      expect(parsePredicate(text).ok).toBe(true)
    }
  })

  test('a tree deeper than 64 is refused though its parentheses are not', () => {
    const opened = 'a = 1 or a = 1 and ('
    const row = (levels: number): string => `${opened.repeat(levels)}a = 1${')'.repeat(levels)}`
    expect(parsePredicate(row(31)).ok).toBe(true)
    expect(placesOf(parsePredicate(row(32)))).toEqual([`TIE-2207@${row(32).indexOf('a = 1)')}`])
  })

  test('any text is a predicate or a problem, never a crash', () => {
    const pieces = fc.constantFrom(
      'a',
      ' and ',
      ' not ',
      '(',
      ')',
      ' in ',
      ',',
      "'",
      '"',
      '[',
      '1',
      '=',
      '-',
      '\n',
      ' is null',
    )
    const texts = fc.oneof(
      fc.array(pieces, { maxLength: 20 }).map((all) => all.join('')),
      fc.string({ unit: 'binary' }),
    )
    fc.assert(
      fc.property(texts, (text) => {
        const result = parsePredicate(text)
        if (result.ok) expect(parsed(printPredicate(result.predicate))).toEqual(result.predicate)
        else expect(result.problems[0].offset).toBeLessThanOrEqual(text.length)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('the schema refuses', () => {
  const leaf = { op: 'is_null', column: 'a' }
  const nots = (count: number): unknown =>
    Array.from({ length: count }).reduce<unknown>((arg) => ({ op: 'not', arg }), leaf)
  test.each<[string, unknown]>([
    ['another op', { op: 'regex', column: 'a', pattern: 'x' }],
    ['an extra member', { ...leaf, sql: '1=1' }],
    ['a JS number', { op: 'eq', column: 'a', value: { number: 1 } }],
    ['an exponent', { op: 'eq', column: 'a', value: { number: '1e5' } }],
    ['a plus sign', { op: 'eq', column: 'a', value: { number: '+5' } }],
    ['101 digits', { op: 'eq', column: 'a', value: { number: '1'.repeat(101) } }],
    ['a day that is none', { op: 'eq', column: 'a', value: { date: '2025-02-30' } }],
    ['a literal of two types', { op: 'eq', column: 'a', value: { text: 'x', number: '1' } }],
    ['a column without a name', { op: 'is_null', column: '' }],
    ['an empty list', { op: 'in', column: 'a', values: [] }],
    [
      '10,001 values',
      { op: 'in', column: 'a', values: Array.from({ length: 10_001 }, () => ({ number: '1' })) },
    ],
    ['an and of one', { op: 'and', args: [leaf] }],
    ['65 levels', nots(64)],
    ['100,000 levels', nots(100_000)],
    ['a text beyond 100,000 characters', { op: 'like', column: 'a', pattern: 'x'.repeat(100_000) }],
  ])('%s', (_, value) => expect(predicateSchema.safeParse(value).success).toBe(false))

  test('but not 64 levels, or 100 digits with a sign; both can be printed and parsed', () => {
    const deep = predicateSchema.parse(nots(63))
    expect(parsed(printPredicate(deep))).toEqual(deep)
    const long = predicateSchema.parse({ op: 'eq', column: 'a', value: { number: `-${'1'.repeat(100)}` } })
    expect(parsed(printPredicate(long))).toEqual(long)
  })
})
