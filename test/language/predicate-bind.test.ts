import { describe, expect, test } from 'vitest'
import { bindPredicate, type ColumnType, parsePredicate, printPredicate } from '#tieout/language/predicate'
import { frameAt, marked, placesOf, problemsOf, said } from './check.js'

const COLUMNS = new Map<string, ColumnType>([
  ['cc_id', 'text'],
  ['strategy', 'text'],
  ['daily_amt', 'numeric'],
  ['pnl_date', 'date'],
  ['is_new', 'boolean'],
])

const bind = (text: string) => {
  const parsed = parsePredicate(text)
  if (!parsed.ok) throw new Error(said(parsed.problems[0]))
  return bindPredicate(parsed.predicate, COLUMNS, parsed)
}

describe('literals take the type of their column', () => {
  test.each([
    ["cc_id = '101'", "cc_id = '101'"],
    ["daily_amt = '1.50'", 'daily_amt = 1.50'],
    ["daily_amt = '+.5'", 'daily_amt = 0.5'],
    ["daily_amt in ('-1', 2)", 'daily_amt in (-1, 2)'],
    ["pnl_date = '2025-12-24'", "pnl_date = date '2025-12-24'"],
    [
      "pnl_date between '2025-01-01' and date '2025-12-24'",
      "pnl_date between date '2025-01-01' and date '2025-12-24'",
    ],
    ["is_new = 'true' or is_new = false", 'is_new = true or is_new = false'],
    ['daily_amt between 5 and 1', 'daily_amt between 5 and 1'],
    ['not (is_new is null and daily_amt > 0)', 'not (is_new is null and daily_amt > 0)'],
  ])('%s → %s', (text, bound) => {
    const result = bind(text)
    expect(result.ok && printPredicate(result.predicate)).toBe(bound)
  })
})

describe('what does not fit its column is refused where it stands (^)', () => {
  test.each([
    ['^strategie = 1', 'TIE-2202', 'Did you mean "strategy"?'],
    ['^zzz is null', 'TIE-2202', 'cc_id, strategy, daily_amt, pnl_date, is_new'],
    ['cc_id = ^101', 'TIE-2203', '101 is a number; the column "cc_id" is text. Write \'101\'.'],
    ['cc_id = ^true', 'TIE-2203', "Write 'true'."],
    ["cc_id < ^date '2025-12-24'", 'TIE-2203', "Write '2025-12-24'."],
    ["daily_amt = ^'abc'", 'TIE-2203', '\'abc\' is a text; the column "daily_amt" is numeric.'],
    ["daily_amt = ^'1e5'", 'TIE-2203', 'a plain decimal such as -1234.50'],
    ["daily_amt in (1, ^'1,000', 2)", 'TIE-2203', "'1,000' is a text"],
    ['pnl_date = ^20251224', 'TIE-2203', "Write a date such as date '2025-12-24'."],
    ["pnl_date = ^'24.12.2025'", 'TIE-2203', "Write a date such as date '2025-12-24'."],
    ["pnl_date = ^'2025-02-30'", 'TIE-2211', "'2025-02-30' is no day of the calendar."],
    ["is_new = ^'yes'", 'TIE-2203', 'Write true or false.'],
    ["not (^daily_amt like '1%')", 'TIE-2209', 'the column "daily_amt" is numeric'],
    ["^strategy like 'a\\'", 'TIE-2210', 'escapes nothing'],
  ])('%s', (row, code, words) => {
    const { text, offset } = marked(row)
    const [problem, ...more] = problemsOf(bind(text))
    expect(more).toEqual([])
    expect(problem).toMatchObject({ code, offset, frame: frameAt(text, offset) })
    expect(said(problem!)).toContain(words)
    expect(said(problem!)).not.toMatch(/[{}]|undefined/)
  })

  test('all problems at once, in the order of the text', () => {
    const text = "daily_amt in ('a', 1, 'b') and strateggy = 'x' and cc_id between 1 and 2"
    expect(placesOf(bind(text))).toEqual([
      'TIE-2203@14',
      'TIE-2203@22',
      'TIE-2202@31',
      'TIE-2203@65',
      'TIE-2203@71',
    ])
  })

  test('a stored tree without its text gets carets in the canonical text', () => {
    const tree = {
      op: 'not',
      arg: { op: 'in', column: 'cc_id', values: [{ text: 'a' }, { number: '7' }] },
    } as const
    const [problem] = problemsOf(bindPredicate(tree, COLUMNS))
    expect(problem!.frame).toBe("not cc_id in ('a', 7)\n                   ^")
  })

  test('10,000 wrong values are told in good time', () => {
    const text = `cc_id in (${Array.from({ length: 10_000 }, (_, i) => i).join(',')})`
    expect(problemsOf(bind(text))).toHaveLength(10_000)
  })
})
