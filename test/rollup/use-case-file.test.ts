import { describe, expect, test } from 'vitest'
import { bindUseCase, sourceOf } from '#tieout/rollup/bind-use-case'
import { type UseCase, useCaseDigests } from '#tieout/rollup/use-case'
import { printUseCaseFile, readUseCaseFile } from '#tieout/rollup/use-case-file'
import { refusalOf, said } from '../support/refusals.js'
import { columnsOf, treeOf } from '../support/roll-up.js'

const FILE = `# reviewed 2025-12-24
use_case: Random Book
description: "Line one\\nline two: with a colon"
structure: RB
source: {table: fact_rb, date: pnl_date, scenario: scenario}
measures: {daily: daily_amt, mtd: mtd_amt}
policy: top_down
scenarios: [ACTUAL, BUDGET]
drivers:
  - {nodes: leaves, column: cc, value: node_name}
  - {nodes: ["007", A], column: book}
rules:
  - {node: A, where: "book in ('B1','B2') and daily_amt > 1.10"}
  - {node: "007", where: "book = 'O''Brien'", scope: table, measure_name: mtd}
  - {node: B, formula: "sum(daily_amt where book = 'X') - 1.50", into: mtd, note: why}
  - node: R
    formula: >-
      natural(A) +
      [Desk B] / 2
`

const TREE = treeOf('R\n  A\n    007 Seven\n  B Desk B')
const COLUMNS = columnsOf(['cc', 'book', 'scenario', 'pnl_date', 'daily_amt', 'mtd_amt'], {
  pnl_date: 'date',
})

function read(text: string): UseCase {
  const { draft, placeOf } = readUseCaseFile(text, 'f.yaml')
  return bindUseCase(draft, { tree: TREE, source: sourceOf(draft, placeOf), columns: COLUMNS, placeOf })
}

const MINIMAL = `use_case: X
structure: S
source: {table: t, date: null, scenario: null}
measures: {daily: daily_amt}
`

describe('read, print, read', () => {
  test('gives the same use case', () => {
    const useCase = read(FILE)
    const again = read(printUseCaseFile(useCase))
    expect(again).toEqual(useCase)
    expect(useCaseDigests(again)).toEqual(useCaseDigests(useCase))
    expect(printUseCaseFile(again)).toBe(printUseCaseFile(useCase))
  })

  test.each([
    ['the least there can be', MINIMAL],
    ['a file as source', MINIMAL.replace('table: t', 'engine: duckdb, path: "/x/it\'s: here.parquet"')],
    [
      'names like numbers, dates and booleans',
      `${MINIMAL.replace('use_case: X', 'use_case: "2025-12-24"').replace('structure: S', 'structure: 1.10')}description: "true"\n`,
    ],
    [
      'a note that YAML might take for something else',
      `${MINIMAL}rules: [{node: A, formula: "1", note: "- {a: b} # c"}]\n`,
    ],
    ['a switch without where', `${MINIMAL}rules: [{node: A, measure_name: mtd_amt}]\n`],
    ['another scenario where the source has none', `${MINIMAL}scenarios: [BUDGET]\n`],
  ])('%s', (_, text) => {
    const useCase = read(text)
    expect(read(printUseCaseFile(useCase))).toEqual(useCase)
  })

  test('the scenario ACTUAL alone', () => {
    const text = `${MINIMAL.replace('scenario: null', 'scenario: scenario')}scenarios: [ACTUAL]\n`
    expect(read(printUseCaseFile(read(text)))).toEqual(read(text))
  })

  test('two scenarios where the source has none', () => {
    const text = `${MINIMAL}scenarios: [X, Y]\n`
    expect(read(printUseCaseFile(read(text)))).toEqual(read(text))
  })
})

describe('what stands in the file', () => {
  const draft = (text: string) => readUseCaseFile(text, 'f.yaml').draft

  test('numbers keep their text', () => {
    const { rules, use_case } = draft(`${MINIMAL.replace('use_case: X', 'use_case: 1.10')}rules:
  - {node: 007, formula: 0.10}
  - {node: 1e3, formula: 12345678901234567890}
  - {node: 0x1F, formula: -0}
  - {node: true, formula: 2025-12-24}
`)
    expect(use_case).toBe('1.10')
    expect(rules.map(({ node, formula }) => `${node} ${formula}`)).toEqual([
      '007 0.10',
      '1e3 12345678901234567890',
      '0x1F -0',
      'true 2025-12-24',
    ])
  })

  test('defaults', () => {
    expect(draft(MINIMAL)).toEqual({
      use_case: 'X',
      structure: 'S',
      source: { table: 't', date: null, scenario: null },
      measures: [{ name: 'daily', column: 'daily_amt' }],
      policy: 'most_specific',
      rules: [],
    })
  })

  test('measures keep their order, whatever their names', () => {
    const { measures } = draft(MINIMAL.replace('daily: daily_amt', 'daily: a, 2024: b, __proto__: c'))
    expect(measures.map(({ name, column }) => `${name}=${column}`)).toEqual([
      'daily=a',
      '2024=b',
      '__proto__=c',
    ])
  })

  test('null is said, never implied', async () => {
    const problems = await refusalOf(() => {
      const { draft: read, placeOf } = readUseCaseFile(
        MINIMAL.replace('{table: t, date: null, scenario: null}', '\n  table: t\n  date:\n  scenario: null'),
        'f.yaml',
      )
      sourceOf(read, placeOf)
    })
    expect(problems.map(({ code }) => code)).toEqual(['TIE-2312'])
  })
})

describe('files that are none', () => {
  const check = async (text: string, expected: readonly unknown[]): Promise<void> =>
    expect((await refusalOf(() => readUseCaseFile(text, 'f.yaml'))).map(said)).toEqual(expected)

  test.each<[string, string, unknown[]]>([
    ['no YAML', `${MINIMAL}rules: [`, [expect.stringMatching(/^TIE-2301@\d /)]],
    ['a key twice', `${MINIMAL}use_case: Y\n`, [expect.stringMatching(/^TIE-2301@5 .*unique/)]],
    ['two documents', `${MINIMAL}---\n${MINIMAL}`, [expect.stringMatching(/^TIE-2301@/)]],
    ['nothing', '', [expect.stringMatching(/^TIE-2302@1 the file: /)]],
    ['a list', '- a\n', [expect.stringMatching(/^TIE-2302@1 the file: /)]],
    [
      'missing keys',
      'use_case: X\n',
      [
        'TIE-2302@1 structure: is missing.',
        'TIE-2302@1 source: is missing.',
        'TIE-2302@1 measures: is missing.',
      ],
    ],
    [
      'unknown keys, each in its line',
      `${MINIMAL.replace('table: t', 'tabel: t')}polcy: top_down
rules:
  - node: A
    wher: x
`,
      [
        'TIE-2302@3 source: unknown key "tabel"; known are engine, table, path, date, scenario.',
        'TIE-2302@8 rules.0: unknown key "wher"; known are node, where, scope, measure_name, formula, into, note.',
        'TIE-2302@5 the file: unknown key "polcy"; known are use_case, description, structure, source, measures, policy, scenarios, drivers, rules.',
      ],
    ],
    [
      'another policy',
      `${MINIMAL}policy: bottom_up\n`,
      ['TIE-2302@5 policy: expected most_specific or top_down.'],
    ],
    [
      'another scope',
      `${MINIMAL}rules:\n  - {node: A,\n     scope: all}\n`,
      ['TIE-2302@7 rules.0.scope: expected node or table.'],
    ],
    [
      'drivers of nothing',
      `${MINIMAL}drivers: [{nodes: some, column: cc}]\n`,
      ['TIE-2302@5 drivers.0.nodes: expected leaves, all or a list of node ids.'],
    ],
    [
      'an alias for a text',
      `${MINIMAL.replace('use_case: X', 'use_case: &x X')}description: *x\n`,
      ['TIE-2302@5 The alias *x is not taken: write the value out.'],
    ],
    [
      'an alias for a list',
      `${MINIMAL}drivers: &d [{nodes: all, column: cc}]\nrules: *d\n`,
      ['TIE-2302@6 The alias *d is not taken: write the value out.'],
    ],
    [
      'a merge key',
      `${MINIMAL.replace('source: {', 'source: {<<: &s {}, ')}`,
      [expect.stringMatching(/^TIE-2302@3 source: unknown key "<<"/)],
    ],
  ])('%s', (_, text, expected) => check(text, expected))

  test('a suggestion and the column go with it', async () => {
    const [problem] = await refusalOf(() => readUseCaseFile(`${MINIMAL}polcy: top_down\n`, 'f.yaml'))
    expect(problem!.remedy).toContain('Did you mean "policy"?')
    expect(problem!.place).toEqual({ file: 'f.yaml', line: 5, column: 8 })
  })

  test('an alias for the measures', async () => {
    const problems = await refusalOf(() =>
      readUseCaseFile(
        `x: &m {daily: a}\n${MINIMAL.replace('{daily: daily_amt}', '*m')}`.replace(
          'x: &m {daily: a}',
          'description: &m d',
        ),
        'f.yaml',
      ),
    )
    expect(problems).not.toEqual([])
  })

  test('a value of another type is not missing', () =>
    check(MINIMAL.replace('structure: S', 'structure: [S]'), ['TIE-2302@2 structure: expected text.']))

  test('a list 20,000 deep is refused', async () => {
    const problems = await refusalOf(() => readUseCaseFile(`a: ${'['.repeat(20_000)}`, 'f.yaml'))
    expect(problems[0]!.code).toBe('TIE-2301')
  })
})
