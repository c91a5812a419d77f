/**
 * Formula rows against arithmetic by hand, through the pipeline that DuckDB runs; and what formulas are refused for.
 * A is 100.00, B is 40.00, Z has no facts, N is 0.00.
 */

import { afterAll, beforeAll, expect, test } from 'vitest'
import { sharedTestBooks, type TestBooks } from '../support/books.js'
import { contextOf, makeFolder, perform, refusal } from '../support/cli.js'
import { fact, mapped, node, type SmallMart, twoNodes, writeMart } from '../support/marts.js'

const folder = makeFolder()
let db: TestBooks
beforeAll(async () => {
  db = await sharedTestBooks()
})
afterAll(async () => {
  await db.close()
  folder.remove()
})

type Row = readonly [operand: string | null, operator: string, constant?: string]
const term = (result: string, [operand, operator, constant]: Row) => ({
  result,
  operand,
  operator,
  constant: constant ?? null,
})

const mart = (more: Partial<SmallMart> = {}): SmallMart => {
  const base = twoNodes()
  return {
    ...base,
    hierarchy: [
      ...base.hierarchy,
      node('Z', ['Other', 'Zeta']),
      node('N', ['Other', 'Nil']),
      ...(more.hierarchy ?? []),
    ],
    mapping: [...base.mapping, mapped('N', 'ACCOUNT_CODE', '6000')],
    facts: [...base.facts, fact('a3', '5.00'), fact('a3', '-5.00')],
    config: { ...more.config },
  }
}

async function figuresOf(small: SmallMart): Promise<Record<string, string>> {
  const out = await perform(contextOf(db.books, db.tenant), 'mart run', { file: writeMart(folder, small) })
  const at = (name: string): number => out.columns.indexOf(name)
  return Object.fromEntries(
    out.rows.map((row: (string | null)[]) => [
      row[at('XREF_HIERARCHY_KEY')] ?? row[at('LEVEL_3')],
      `${row[at('GROSS_AMOUNT')] ?? row[at('GROSS_AMOUNT_STATUS')]} ${row[at('ROW_KIND')]} ${row[at('FORMULA_LEVEL')] ?? ''}${row[at('ADDITIVE_FLAG')]}`,
    ]),
  )
}

const FORMULAS: readonly (readonly [name: string, rows: readonly Row[], expected: string])[] = [
  [
    '100 + 40',
    [
      ['A', 'SUM'],
      ['B', 'SUM'],
    ],
    '140.00 FORMULA 1Y',
  ],
  [
    '100 + 40, added',
    [
      ['A', 'ADD'],
      ['B', 'plus'],
    ],
    '140.00 FORMULA 2Y',
  ],
  [
    '100 − 40',
    [
      ['A', 'ADD'],
      ['B', 'SUBTRACT'],
    ],
    '60.00 FORMULA 2Y',
  ],
  ['−40', [['B', 'MINUS']], '-40.00 FORMULA 2Y'],
  ['the total of Revenue: 100 + 40', [['Revenue', 'SUM']], '140.00 FORMULA 1Y'],
  ['100 × 0.05', [['A', 'MULTIPLY', '0.05']], '5.00 FORMULA 2Y'],
  ['100 ÷ 8: a decimal weight', [['A', 'DIVIDE', '8']], '12.50 FORMULA 2Y'],
  ['100 ÷ 3: no decimal weight', [['A', 'DIVIDE', '3']], '33.333333333333 FORMULA 2N'],
  [
    '200 ÷ 3, rounded to even at the twelfth digit',
    [
      ['A', 'ADD', '2'],
      [null, 'DIVIDE', '3'],
    ],
    '66.666666666667 FORMULA 2N',
  ],
  [
    '40 ÷ 100',
    [
      ['B', 'ADD'],
      ['A', 'DIVIDE'],
    ],
    '0.40 FORMULA 2N',
  ],
  [
    '(100 + 40) ÷ 100',
    [
      ['A', 'ADD'],
      ['B', 'ADD'],
      ['A', 'DIVIDE'],
    ],
    '1.40 FORMULA 2N',
  ],
  [
    '100 × 40',
    [
      ['A', 'MULTIPLY'],
      ['B', 'MULTIPLY'],
    ],
    '4000.00 FORMULA 2N',
  ],
  [
    '−(40 ÷ 100)',
    [
      ['B', 'SUBTRACT'],
      ['A', 'DIVIDE'],
    ],
    '-0.40 FORMULA 2N',
  ],
  [
    '(100 + 40) ÷ 2',
    [
      ['A', 'AVERAGE'],
      ['B', 'MEAN'],
    ],
    '70.00 FORMULA 2N',
  ],
  [
    '100 + 0.5 × 40',
    [
      ['A', 'ADD'],
      ['B', 'ADD', '0.5'],
    ],
    '120.00 FORMULA 2Y',
  ],
  [
    '100 + 7, which is not additive',
    [
      ['A', 'ADD'],
      [null, 'ADD', '7'],
    ],
    '107.00 FORMULA 2N',
  ],
  [
    '100 ÷ 0 is no figure',
    [
      ['A', 'ADD'],
      ['N', 'DIVIDE'],
    ],
    'DIVISION_BY_ZERO FORMULA 2N',
  ],
  [
    '100 ÷ what has no facts is none',
    [
      ['A', 'ADD'],
      ['Z', 'DIVIDE'],
    ],
    'MISSING_OPERAND FORMULA 2N',
  ],
  [
    'a sum with what has no facts',
    [
      ['A', 'ADD'],
      ['Z', 'ADD'],
    ],
    '100.00 FORMULA 2Y',
  ],
  [
    '1 ÷ 100 000 000 000 ÷ 2: half to even',
    [
      ['A', 'ADD', '0.000000005'],
      [null, 'DIVIDE', '1000000'],
    ],
    '0.00 FORMULA 2N',
  ],
]

test('each formula is what it is by hand', async () => {
  const formulas = FORMULAS.flatMap(([name, rows]) => rows.map((row) => term(name, row)))
  const figures = await figuresOf(mart({ config: { formulas } }))
  expect(FORMULAS.map(([name]) => [name, figures[name]])).toEqual(
    FORMULAS.map(([name, , expected]) => [name, expected]),
  )
})

test('two parameters, the columns of the hierarchy, and formulas of formulas', async () => {
  const calculated = (key: string, name: string, more: Record<string, string>) =>
    node(key, ['Calculations', name], { CALCULATION_FLAG: 'Y', ...more })
  const hierarchy = [
    calculated('T', 'Gross', {
      FORMULA_GROUP: 'Gross',
      ARITHMETIC_LOGIC: 'SUBTRACT',
      FORMULA_PARAM_REF: 'Alpha',
      FORMULA_PARAM2_REF: 'B',
      FORMULA_PRECEDENCE: '3',
    }),
    // −60, for the sign of a calculated node is turned like any other's.
    calculated('S', 'Flipped', {
      ARITHMETIC_LOGIC: 'SUM',
      FORMULA_PARAM_REF: 'Gross',
      SIGN_CHANGE_FLAG: 'Y',
    }),
    calculated('M', 'Margin', {
      ARITHMETIC_LOGIC: 'DIVIDE',
      FORMULA_PARAM_REF: 'Flipped',
      FORMULA_PARAM2_REF: 'A',
    }),
  ]
  const formulas = [
    { formula_group: 'Half', logic: 'DIVIDE', param_ref: 'Margin Twice', constant: '4' },
    {
      formula_group: 'Margin Twice',
      logic: 'MULTIPLY',
      param_ref: 'M',
      constant: '2',
      precedence_level: null,
    },
  ]
  const figures = await figuresOf(mart({ hierarchy, config: { formulas: [] } }))
  expect(figures).toMatchObject({
    T: '60.00 FORMULA 3Y',
    S: '-60.00 FORMULA 4Y',
    M: '-0.60 FORMULA 5N',
  })
  const deep = await refusal(figuresOf(mart({ hierarchy, config: { formulas } })))
  expect(deep.map(({ code }) => code)).toEqual(['TIE-5017', 'TIE-5017'])
}, 20_000)

test.each<[string, string, readonly Record<string, unknown>[]]>([
  ['TIE-5012', 'formula of "R" names "Alpa"', [term('R', ['Alpa', 'SUM'])]],
  ['TIE-5013', 'the node D1, the node D2', [term('R', ['Double', 'SUM'])]],
  ['TIE-5014', 'X → Y → X', [term('X', ['Y', 'SUM']), term('Y', ['X', 'SUM'])]],
  ['TIE-5015', '"POWER"', [term('R', ['A', 'POWER'])]],
  ['TIE-5016', 'only sums of nodes are at 1', [{ ...term('R', ['A', 'ADD']), precedence: '1' }]],
  [
    'TIE-5016',
    'a result has one',
    [
      { ...term('R', ['A', 'ADD']), precedence: '2' },
      { ...term('R', ['B', 'ADD']), precedence: '3' },
    ],
  ],
  ['TIE-5018', 'divides nothing', [term('R', ['A', 'DIVIDE'])]],
  ['TIE-5018', 'divides by the constant 0', [term('R', ['A', 'DIVIDE', '0'])]],
  ['TIE-5018', 'has a term of nothing', [term('R', [null, 'ADD'])]],
  ['TIE-5018', 'twice', [term('R', ['A', 'ADD']), term('R', ['A', 'ADD'])]],
])('%s: %s', async (code, said, formulas) => {
  const hierarchy = [node('D1', ['Revenue', 'Double']), node('D2', ['Other', 'Double'])]
  const problems = await refusal(figuresOf(mart({ hierarchy, config: { formulas } })))
  expect(problems[0]!.code).toBe(code)
  expect(problems[0]!.message).toContain(said)
})

test('a name that is nearly right is suggested, and all problems are told at once', async () => {
  const formulas = [term('R', ['Alpa', 'SUM']), term('S', ['B', 'DIVDE'])]
  const problems = await refusal(figuresOf(mart({ config: { formulas } })))
  expect(problems.map(({ code, remedy }) => [code, /Did you mean (.*)\?/.exec(remedy)?.[1]])).toEqual([
    ['TIE-5012', '"Alpha"'],
    ['TIE-5015', '"DIVIDE"'],
  ])
})
