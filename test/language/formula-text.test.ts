import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { foldFormula, parseFormula, printFormula, type UnboundFormula } from '#tieout/language/formula'
import * as any from './arbitraries.js'
import { frameAt, marked, placesOf, problemsOf, said } from './check.js'

const parsed = (text: string): UnboundFormula => {
  const result = parseFormula(text)
  if (!result.ok) throw new Error(said(result.problems[0]))
  return result.formula
}

describe('formula text means', () => {
  const node = (id: string, value = 'bare') => ({ op: 'node', node: { id }, value })
  test.each<[string, unknown]>([
    ['NODE_3 - NODE_4', { op: '-', left: node('NODE_3'), right: node('NODE_4') }],
    ['natural(X)', node('X', 'natural')],
    ['ADJUSTED("N-1")', node('N-1', 'adjusted')],
    ['[Core Products]', { op: 'node', node: { name: 'Core Products' }, value: 'bare' }],
    ['natural([a]]b])', { op: 'node', node: { name: 'a]b' }, value: 'natural' }],
    ['natural', node('natural')],
    ['1.50', { op: 'const', value: '1.50' }],
    ['-3', { op: 'neg', arg: { op: 'const', value: '3' } }],
    ['sum(daily_amt)', { op: 'sum', column: 'daily_amt' }],
    [
      "sum(daily_amt where strategy = 'X')",
      { op: 'sum', column: 'daily_amt', where: { op: 'eq', column: 'strategy', value: { text: 'X' } } },
    ],
    ['A - B - C', { op: '-', left: { op: '-', left: node('A'), right: node('B') }, right: node('C') }],
    ['A - B * C', { op: '-', left: node('A'), right: { op: '*', left: node('B'), right: node('C') } }],
    ['-A * B', { op: '*', left: { op: 'neg', arg: node('A') }, right: node('B') }],
  ])('%s', (text, tree) => expect(parsed(text)).toEqual(tree))
})

describe('formulas are printed in one spelling', () => {
  test.each([
    ['A-(B+C)', 'A - (B + C)'],
    ['(A-B)+C', 'A - B + C'],
    ['A/(B*C)', 'A / (B * C)'],
    ['(A/B)*C', 'A / B * C'],
    ['-(A+B)*-C', '-(A + B) * -C'],
    ['- - A', '--A'],
    ['"N1" + "101" + "N-1"', 'N1 + "101" + "N-1"'],
    ['Natural ( "A" )', 'natural(A)'],
    ["SUM( x WHERE(a=1)AND b='y' )", "sum(x where a = 1 and b = 'y')"],
  ])('%s → %s', (text, canonical) => {
    expect(printFormula(parsed(text))).toBe(canonical)
    expect(printFormula(parsed(canonical))).toBe(canonical)
  })

  test('every tree is read back as itself', () => {
    fc.assert(
      fc.property(any.formula, (tree) => void expect(parsed(printFormula(tree))).toEqual(tree)),
      { numRuns: 1000 },
    )
  })

  test.each(any.HOSTILE.filter((text) => text !== ''))('%j is data as an id and a name', (text) => {
    const tree: UnboundFormula = {
      op: '/',
      left: { op: 'node', node: { id: text }, value: 'bare' },
      right: { op: 'node', node: { name: text }, value: 'adjusted' },
    }
    expect(parsed(printFormula(tree))).toEqual(tree)
  })

  test('a flat sum of 5,000 operands', () => {
    const text = Array.from({ length: 5_000 }, (_, i) => `N${i}`).join(' + ')
    const tree = parsed(text)
    expect(printFormula(tree)).toBe(text)
    const count = foldFormula(tree, {
      leaf: () => 1,
      minus: (_, n: number) => n,
      arithmetic: (_, a, b) => a + b,
    })
    expect(count).toBe(5_000)
  })
})

describe('text that is no formula is refused where it stands (^)', () => {
  test.each([
    [
      '^',
      'TIE-2201',
      'Expected a node, a number, natural(…), adjusted(…), sum(…) or (, found the end of the text.',
    ],
    ['A + ^', 'TIE-2201', 'found the end of the text'],
    ['A ^B', 'TIE-2201', 'Expected + - * / or the end of the text, found B.'],
    ['A ^= B', 'TIE-2201', 'found ='],
    ["A + ^'B'", 'TIE-2201', 'double quotes: "B"'],
    ['A + ^and', 'TIE-2201', 'double quotes: "and"'],
    ['A + ^+B', 'TIE-2201', 'found +'],
    ['^naturl(A)', 'TIE-2201', 'Did you mean "natural"?'],
    ['natural(A ^+ B)', 'TIE-2201', 'Expected ), found +.'],
    ['natural(^101)', 'TIE-2201', 'double quotes: "101"'],
    ['natural(^)', 'TIE-2201', 'Expected a node, found ).'],
    ['sum(^)', 'TIE-2201', 'Expected a column, found ).'],
    ['sum(x ^= 1)', 'TIE-2201', 'Expected where or ), found =.'],
    ['sum(x where a = ^B)', 'TIE-2201', "single quotes: 'B'"],
    ['sum(x where a = 1^', 'TIE-2201', 'Expected and, or or )'],
    ['(A + B^', 'TIE-2201', 'Expected + - * / or )'],
    ['A * ^1e5', 'TIE-2201', 'without an exponent'],
    ['^[Core', 'TIE-2208', 'The name in brackets that starts here is not closed by ].'],
    ["sum(x where d = ^date '2025-13-01')", 'TIE-2211', 'is no day of the calendar'],
  ])('%s', (row, code, words) => {
    const { text, offset } = marked(row)
    const [problem, ...more] = problemsOf(parseFormula(text))
    expect(more).toEqual([])
    expect(problem).toMatchObject({ code, offset, frame: frameAt(text, offset) })
    expect(said(problem!)).toContain(words)
  })

  test.each<[string, string, string]>([
    ['parentheses', '('.repeat(100_000), 'TIE-2207@65'],
    ['minus signs', `${'-'.repeat(99_999)}A`, 'TIE-2207@65'],
    ['characters', 'A + '.repeat(25_001), 'TIE-2207@100000'],
    ['parentheses in all', `${'('.repeat(60)}sum(x where ${'('.repeat(5)}a = 1`, 'TIE-2207@76'],
    ['factors', Array.from({ length: 101 }, () => 'A').join('*'), 'TIE-2207@199'],
  ])('too many %s', (_, text, place) => expect(placesOf(parseFormula(text))).toEqual([place]))

  test('weighted sums and quotients are not long products', () => {
    expect(parseFormula(Array.from({ length: 2_000 }, (_, i) => `0.5 * N${i}`).join(' + ')).ok).toBe(true)
    expect(parseFormula(Array.from({ length: 2_000 }, (_, i) => `N${i}`).join(' / ')).ok).toBe(true)
  })
})
