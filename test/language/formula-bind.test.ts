import { describe, expect, test } from 'vitest'
import {
  bindFormula,
  type Formula,
  formulaReferences,
  formulaSums,
  parseFormula,
  printFormula,
} from '#tieout/language/formula'
import type { ColumnType } from '#tieout/language/predicate'
import { frameAt, marked, placesOf, problemsOf, said } from './check.js'

const SCOPE = {
  nodes: new Map([
    ['NODE_1', { name: 'Cash Equity' }],
    ['NODE_2', { name: 'Core Products' }],
    ['NODE_3', { name: 'Commissions' }],
    ['NODE_4', { name: 'Commissions' }],
    ['101', { name: 'Desk 101' }],
  ]),
  columns: new Map<string, ColumnType>([
    ['daily_amt', 'numeric'],
    ['daily', 'text'],
    ['strategy', 'text'],
    ['pnl_date', 'date'],
  ]),
  measures: new Map([
    ['daily', 'daily_amt'],
    ['mtd', 'mtd_amt'],
    ['memo', 'strategy'],
  ]),
}

const bind = (text: string) => {
  const parsed = parseFormula(text)
  if (!parsed.ok) throw new Error(said(parsed.problems[0]))
  return bindFormula(parsed.formula, SCOPE, parsed)
}
const bound = (text: string): Formula => {
  const result = bind(text)
  if (!result.ok) throw new Error(said(result.problems[0]))
  return result.formula
}

test.each([
  ['[Core Products] - natural([Cash Equity])', 'NODE_2 - natural(NODE_1)'],
  ['"101" * 0.5 + NODE_3', '"101" * 0.5 + NODE_3'],
  ['sum(daily_amt)', 'sum(daily_amt)'],
  ['-sum(daily)', '-sum(daily_amt)'],
  ["sum(daily where pnl_date > '2025-12-24')", "sum(daily_amt where pnl_date > date '2025-12-24')"],
])('%s stands for %s', (text, expected) => expect(printFormula(bound(text))).toBe(expected))

describe('names that stand for nothing are refused where they are (^)', () => {
  test.each([
    ['NODE_1 - ^NODE_9', 'TIE-2204', 'The structure has no node "NODE_9".'],
    ['^NODE1 * 2', 'TIE-2204', 'Did you mean "NODE_1"'],
    ['^"Core Products"', 'TIE-2204', 'A name stands in brackets: [Core Products].'],
    ['^Commissions', 'TIE-2204', 'It is the name of NODE_3, NODE_4'],
    ['^[Core Product]', 'TIE-2204', 'no node [Core Product]. '],
    ['^[Core Product]', 'TIE-2204', 'Did you mean "Core Products"?'],
    ['^[101]', 'TIE-2204', 'It is an id: write "101".'],
    ['^[Commissions]', 'TIE-2205', 'The name [Commissions] belongs to several nodes: NODE_3, NODE_4.'],
    ['^sum(strategy)', 'TIE-2206', 'sum(strategy): "strategy" is a text column.'],
    ['^sum(dayly)', 'TIE-2206', 'Did you mean "daily"?'],
    ['^sum(mtd)', 'TIE-2206', 'a measure whose column "mtd_amt" is missing'],
    ['^sum(memo)', 'TIE-2206', 'a measure whose column "strategy" is text'],
    ["sum(daily where ^stratgy = 'X')", 'TIE-2202', 'Did you mean "strategy"?'],
    ['sum(daily where strategy = ^1)', 'TIE-2203', "Write '1'."],
  ])('%s', (row, code, words) => {
    const { text, offset } = marked(row)
    const [problem, ...more] = problemsOf(bind(text))
    expect(more).toEqual([])
    expect(problem).toMatchObject({ code, offset, frame: frameAt(text, offset) })
    expect(said(problem!)).toContain(words)
    expect(said(problem!)).not.toMatch(/[{}]|undefined/)
  })

  test('all problems at once, in the order of the text', () => {
    expect(placesOf(bind('A + [Commissions] - sum(nope where x = 1)'))).toEqual([
      'TIE-2204@0',
      'TIE-2205@4',
      'TIE-2206@20',
      'TIE-2202@35',
    ])
  })

  test('a tree without its text gets carets in the canonical text', () => {
    const parsed = parseFormula('NODE_1-NODE_9')
    const [problem] = problemsOf(parsed.ok ? bindFormula(parsed.formula, SCOPE) : parsed)
    expect(problem!.frame).toBe('NODE_1 - NODE_9\n         ^')
  })

  test('20,000 unknown nodes among 5,000 are told in good time', () => {
    const nodes = new Map(Array.from({ length: 5_000 }, (_, i) => [`NODE_${i}`, { name: `Node ${i}` }]))
    const parsed = parseFormula(Array.from({ length: 20_000 }, () => 'X9').join('+'))
    expect(
      problemsOf(parsed.ok ? bindFormula(parsed.formula, { ...SCOPE, nodes }, parsed) : parsed),
    ).toHaveLength(20_000)
  })
})

test('references and sums are listed in the order of the text', () => {
  const formula = bound('NODE_2 - natural(NODE_1) + NODE_2 * sum(daily) - adjusted(NODE_2) + sum(daily)')
  expect(formulaReferences(formula).map(({ node, value }) => `${value} ${node}`)).toEqual([
    'bare NODE_2',
    'natural NODE_1',
    'adjusted NODE_2',
  ])
  expect(formulaSums(formula)).toHaveLength(2)
})
