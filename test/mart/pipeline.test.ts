/**
 * The pipeline against the evaluator on random marts, and what must not matter: the order of rows and columns, and
 * what names and values are made of.
 *
 * @module-tag long
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestBooks, type TestBooks } from '../support/books.js'
import { contextOf, makeFolder, type Output, perform } from '../support/cli.js'
import {
  account,
  baseConfig,
  csvOf,
  fact,
  mapped,
  node,
  product,
  type SmallMart,
  twoNodes,
  writeMart,
} from '../support/marts.js'

const folder = makeFolder()
let db: TestBooks
beforeAll(async () => {
  db = await openTestBooks()
})
afterAll(async () => {
  await db.close()
  folder.remove()
})
const validated = (small: SmallMart): Promise<Output> =>
  perform(contextOf(db.books), 'mart validate', { file: writeMart(folder, small) })
const expectProved = (out: Output): void => {
  expect(out.comparisons.flatMap(({ examples }: Output) => examples)).toEqual([])
  expect(out.checks.filter(({ holds }: Output) => !holds)).toEqual([])
  expect(out.valid).toBe(true)
}

test('membership: dimensions AND, ids OR, groups OR, exclusions taken away, nulls nowhere', async () => {
  const base = twoNodes()
  const [a1, royalty] = [{ FK_PRODUCT: 'p1' }, { FK_PRODUCT: 'p1', ROYALTY: 'Y' }]
  const small: SmallMart = {
    ...base,
    hierarchy: [
      node('AND', ['X', 'and']),
      node('OR', ['X', 'or']),
      node('LESS', ['X', 'less']),
      node('ROY', ['X', 'royalty'], { SIGN_CHANGE_FLAG: 'Y' }),
      node('DEAD', ['X', 'dead']),
      node('VOL', ['X', 'volume'], { VOLUME_FLAG: 'Y', REMOVE_FROM_TOTALS: 'Y' }),
    ],
    mapping: [
      mapped('AND', 'ACCOUNT_CODE', '4000'),
      mapped('AND', 'ACCOUNT_CODE', '5000'),
      mapped('AND', 'PRODUCT_CODE', 'OIL'),
      mapped('OR', 'ACCOUNT_CODE', '4000'),
      mapped('OR', 'ACCOUNT_CODE', '4000', { FILTER_GROUP_1: 'again' }),
      mapped('OR', 'ACCOUNT_CODE', '5000', { GROUP_FILTER_PRECEDENCE: '2' }),
      mapped('LESS', 'ACCOUNT_CODE', '4000'),
      mapped('LESS', 'PRODUCT_CODE', 'GAS', { EXCLUSION_FLAG: 'Y' }),
      mapped('ROY', 'PRODUCT_CODE', 'OIL'),
      // A product that is none does not make the group one of accounts.
      mapped('DEAD', 'ACCOUNT_CODE', '4000'),
      mapped('DEAD', 'PRODUCT_CODE', 'COAL'),
      mapped('VOL', 'ACCOUNT_CODE', '4000'),
    ],
    facts: [
      fact('a1', '1.00', { ...a1, VOLUME: '6.00', UNIT: 'MCF' }),
      fact('a1', '2.00', { FK_PRODUCT: 'p2', VOLUME: '1.00', UNIT: 'BBL' }),
      fact('a1', '4.00'),
      fact('a2', '8.00', a1),
      fact('a2', '16.00'),
      fact(null, '32.00', royalty),
      fact(null, '64.00'),
      fact('a1', '128.00', { PERIOD: null }),
    ],
  }
  const out = await perform(contextOf(db.books), 'mart run', { file: writeMart(folder, small) })
  const at = (name: string): number => out.columns.indexOf(name)
  const shown = out.rows.map((row: string[]) =>
    [row[at('LEVEL_2')], row[at('ROW_KIND')], row[at('PERIOD')], row[at('GROSS_AMOUNT')]].join(' '),
  )
  expect(shown.sort()).toEqual(
    [
      'X TOTAL  260.00', // 128 + 128 + … of the slice without a period
      'X TOTAL 2025-01 13.00', // 9 + 31 + 5 − 32
      'and DETAIL 2025-01 9.00', // 1 + 8
      'less DETAIL  128.00',
      'less DETAIL 2025-01 5.00', // 1 + 4: not 2, of gas; the fact without a product stays
      'or DETAIL  128.00',
      'or DETAIL 2025-01 31.00', // 1 + 2 + 4 + 8 + 16, each once
      'royalty DETAIL 2025-01 -32.00',
      'volume DETAIL  ',
      'volume DETAIL 2025-01 2.0002', // 6 × 0.1667 + 1
    ].map((line) => line.replace('260.00', '256.00')),
  )
  expectProved(await validated(small))
})

test('segments: accounts of another one are no part of the ledger', async () => {
  const base = twoNodes()
  const accounts = [
    account('a1', '4000', 'GROSS'),
    account('a2', '5000', 'NET'),
    account('a4', '4000', 'NET'),
  ]
  const facts = [...base.facts, fact('a4', '1000.00'), fact(null, '7.00')]
  const out = await validated({ ...base, accounts, facts, config: { account_segment: 'GROSS' } })
  expectProved(out)
  expect(out.checks.map(({ statement }: Output) => statement)).toContain(
    'AMOUNT: Σ nodes 100.00 − claimed again 0.00 + unmapped 7.00 = ledger 107.00',
  )
})

test('rows and columns in another order give the same bytes', async () => {
  const base: SmallMart = {
    ...twoNodes(),
    config: {
      formulas: [
        { result: 'Sum', operand: 'A', operator: 'SUM' },
        { result: 'Sum', operand: 'B', operator: 'SUM' },
        { result: 'Ratio', operand: 'Sum', operator: 'ADD' },
        { result: 'Ratio', operand: 'B', operator: 'DIVIDE' },
      ],
    },
  }
  const printed = async (small: SmallMart, turned: boolean): Promise<string[]> => {
    const file = writeMart(folder, small)
    if (turned)
      for (const [name, rows] of [
        ['MAPPING', small.mapping],
        ['HIERARCHY', small.hierarchy],
        ['FACTS', small.facts],
      ] as const)
        folder.write(`${name}.csv`, csvOf(rows, Object.keys(rows[0]!).reverse()))
    const texts: string[] = []
    for (const dialect of ['duckdb', 'postgres', 'snowflake']) {
      await perform(contextOf(db.books), 'mart generate', { file, dialect, out: join(folder.path, 'out') })
      texts.push(readFileSync(join(folder.path, 'out', 'pipeline.sql'), 'utf8'))
    }
    return [...texts, JSON.stringify((await perform(contextOf(db.books), 'mart run', { file })).rows)]
  }
  const first = await printed(base, false)
  const turned = await printed(
    {
      ...base,
      mapping: base.mapping.toReversed(),
      hierarchy: base.hierarchy.toReversed(),
      facts: base.facts.toReversed(),
      config: { formulas: (base.config!.formulas as unknown[]).toReversed() },
    },
    true,
  )
  expect(turned).toEqual(first)
})

const HOSTILE = [
  `x"; DROP TABLE "FACTS"; --`,
  `O'Brien''s`,
  'a.b|c~0~N',
  'naïve 日本語 🦆',
  '\\" E\'\\\\',
  '%_\\',
  ' lead and trail ',
  'N/A?',
  '$1 {{y}} :z ?',
]

test.each(HOSTILE)('hostile text through every field: %s', async (text) => {
  const config = baseConfig() as Output
  const named = (name: string): string => `"${`${name} ${text}`.replaceAll('"', '""')}"`
  const column = (name: string): string => `${name} ${text}`
  const base = twoNodes()
  const key = (name: string): string => `${name}${text}`
  const rename = (rows: readonly Record<string, string | null>[], names: readonly string[]) =>
    rows.map((row) =>
      Object.fromEntries(
        Object.entries(row).map(([name, value]) => [names.includes(name) ? column(name) : name, value]),
      ),
    )
  const small: SmallMart = {
    ...base,
    hierarchy: rename(
      [
        node(key('A'), [key('R'), key('x')], { ROLE: text } as never),
        node(key('B'), [key('R'), 'y'], { SIGN_CHANGE_FLAG: 'Y' }),
      ],
      ['LEVEL_2'],
    ),
    mapping: [
      mapped(key('A'), key('S'), key('4000'), { FILTER_GROUP_1: text }),
      mapped(key('B'), key('S'), '5000'),
      mapped(key('A'), 'PRODUCT_CODE', key('GAS'), { EXCLUSION_FLAG: 'Y' }),
    ],
    accounts: rename([account(key('a1'), key('4000')), account('a2', '5000')], ['ACCOUNT_CODE']),
    products: [product('p1', 'OIL'), product('p2', key('GAS'))],
    facts: rename(
      [
        fact(key('a1'), '60.10', { PERIOD: text, ROYALTY: text }),
        fact(key('a1'), '5.00', { FK_PRODUCT: 'p2' }),
        fact('a2', '40.00'),
      ],
      ['PERIOD', 'ROYALTY', 'AMOUNT'],
    ),
    config: {
      project_name: text.slice(0, 14),
      measure_prefix: text,
      dynamic_column_map: [
        { id_source: key('S'), physical_column: `ACCT.${named('ACCOUNT_CODE')}` },
        { id_source: 'PRODUCT_CODE', physical_column: 'PROD.PRODUCT_CODE' },
      ],
      join_patterns: [
        {
          ...config.join_patterns[0],
          name: text,
          filter: `${named('ROYALTY')} is null or ${named('ROYALTY')} = '${text.replaceAll("'", "''")}' or ${named('ROYALTY')} like '\\%'`,
        },
        ...config.join_patterns.slice(1, 2),
      ],
      hierarchy: { ...config.hierarchy, levels: ['LEVEL_1', column('LEVEL_2'), 'LEVEL_3'] },
      fact: {
        ...config.fact,
        grain: [column('PERIOD')],
        measures: [{ ...config.fact.measures[0], name: text, column: column('AMOUNT') }],
      },
      formulas: [
        { result: `total ${text}`, operand: key('A'), operator: 'SUM' },
        { result: `total ${text}`, operand: key('B'), operator: 'SUM' },
        { result: `ratio ${text}`, operand: `total ${text}`, operator: 'ADD' },
        { result: `ratio ${text}`, operand: key('R'), operator: 'DIVIDE' },
      ],
    },
  }
  const out = await validated(small)
  expectProved(out)
  expect(out.comparisons[0].rows).toBeGreaterThan(5)
  const exported = await perform(contextOf(db.books), 'mart export', { file: join(folder.path, 'mart.yaml') })
  const again = await perform(contextOf(db.books), 'mart export', {
    file: folder.write('again.yaml', exported.yaml),
  })
  expect(again.yaml).toBe(exported.yaml)
})

const pick = <T>(...values: readonly T[]) => fc.constantFrom(...values)
const randomMart = fc.record({
  hierarchy: fc
    .array(
      fc.record({
        path: fc.tuple(pick('P', 'Q'), pick('r', 's', 'N/A'), pick('t', 'N/A')),
        sign: pick('Y', 'N'),
        volume: pick('N', 'N', 'Y'),
        removed: pick('N', 'N', 'Y'),
        active: pick('Y', 'Y', 'Y', 'N'),
      }),
      { minLength: 1, maxLength: 8 },
    )
    .map((nodes) =>
      nodes.map(({ path, sign, volume, removed, active }, i) =>
        node(`N${i}`, path, {
          LEVEL_2: path[1],
          LEVEL_3: path[2],
          SIGN_CHANGE_FLAG: sign,
          VOLUME_FLAG: volume,
          REMOVE_FROM_TOTALS: removed,
          ACTIVE_FLAG: active,
        }),
      ),
    ),
  mapping: fc.array(
    fc.record({
      node: fc.nat(7),
      place: pick(
        ['ACCOUNT_CODE', '4000'],
        ['ACCOUNT_CODE', '5000'],
        ['ACCOUNT_CODE', 'none'],
        ['PRODUCT_CODE', 'OIL'],
        ['PRODUCT_CODE', 'GAS'],
      ),
      group: pick('1', '2', null),
      filter: pick(null, 'x'),
      excluded: pick('N', 'N', 'N', 'Y'),
    }),
    { maxLength: 25 },
  ),
  accounts: fc.constant([
    account('a1', '4000'),
    account('a2', '5000'),
    account('a3', '5000', 'NET'),
    account('a4', '4000', 'GROSS'),
  ]),
  products: fc.constant([product('p1', 'OIL'), product('p2', 'GAS'), product('p3', 'OIL')]),
  facts: fc.array(
    fc
      .tuple(
        pick('a1', 'a2', 'a3', 'a4', 'lost', null),
        pick('p1', 'p2', 'p3', null),
        fc.integer({ min: -999_999, max: 999_999 }),
        pick('2025-01', '2025-02', null),
        pick('Y', null),
      )
      .map(([key, FK_PRODUCT, cents, PERIOD, ROYALTY]) =>
        fact(key, (cents / 100).toFixed(2), {
          FK_PRODUCT,
          PERIOD,
          ROYALTY,
          VOLUME: cents % 2 === 0 ? '3.00' : null,
          UNIT: cents % 3 === 0 ? 'MCF' : 'BBL',
        }),
      ),
    { minLength: 1, maxLength: 30 },
  ),
  config: pick('GROSS', null).map((account_segment) => ({ account_segment })),
})

const withFormulas = (small: typeof randomMart extends fc.Arbitrary<infer T> ? T : never): SmallMart => {
  const last = small.hierarchy
    .filter(({ ACTIVE_FLAG }) => ACTIVE_FLAG === 'Y')
    .map(({ XREF_HIERARCHY_KEY }) => XREF_HIERARCHY_KEY!)
  const mapping = small.mapping.map(({ node: n, place, group, filter, excluded }) =>
    mapped(`N${n % small.hierarchy.length}`, place[0], place[1], {
      GROUP_FILTER_PRECEDENCE: group,
      FILTER_GROUP_1: filter,
      EXCLUSION_FLAG: excluded,
    }),
  )
  const [a, b] = [last[0], last.at(-1)]
  const formulas =
    a === undefined
      ? []
      : [
          { result: 'F1', operand: a, operator: 'ADD', constant: '0.25' },
          ...(a === b ? [] : [{ result: 'F1', operand: b, operator: 'SUBTRACT' }]),
          { result: 'F2', operand: 'F1', operator: 'ADD' },
          { result: 'F2', operand: a, operator: 'DIVIDE' },
          { result: 'F3', operand: 'F2', operator: 'MULTIPLY' },
          { result: 'F3', operand: b, operator: 'MULTIPLY' },
          { result: 'F3', constant: '7', operator: 'DIVIDE' },
        ]
  return { ...small, mapping, config: { ...small.config, formulas } }
}

const agree = (numRuns: number): Promise<void> =>
  fc.assert(
    fc.asyncProperty(randomMart, async (small) => {
      expectProved(await validated(withFormulas(small)))
    }),
    { numRuns, seed: 20251224 },
  )

test('random marts: DuckDB, PostgreSQL and the evaluator agree in every cell', () => agree(6))

test('many random marts', { tags: ['long'] }, () => agree(40))
