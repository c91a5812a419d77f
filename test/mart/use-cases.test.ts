/**
 * Marts made of use cases: node by node the natural figures of a run, on the embedded database and on the server.
 *
 * @module-tag long
 */

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CliDatabase, cliDatabase, EXAMPLES, makeFolder, type Output } from '../support/cli.js'

const folder = makeFolder()
let tieout: CliDatabase
beforeAll(async () => {
  tieout = await cliDatabase(folder)
})
afterAll(async () => {
  await tieout.drop()
  folder.remove()
})

const ran = async (...args: readonly string[]): Promise<Output> => {
  const { exit, stdout, stderr } = await tieout.run(...args, '--json')
  expect(stderr, args.join(' ')).not.toContain('TIE-')
  return { exit, ...JSON.parse(stdout) }
}

interface Sample {
  readonly folder: string
  readonly structure: string
  readonly useCase: string
  readonly table: string | null
  readonly date: string
}
const SAMPLES: readonly Sample[] = [
  {
    folder: 'america-trading',
    structure: 'AMERICA',
    useCase: 'America Trading P&L',
    table: 'fact_pnl_gold',
    date: '2025-12-24',
  },
  {
    folder: 'project-sterling',
    structure: 'STERLING',
    useCase: 'Project Sterling',
    table: null,
    date: '2025-12-24',
  },
  {
    folder: 'cash-equity',
    structure: 'CASH_EQUITY',
    useCase: 'Cash Equity Trading',
    table: 'fact_pnl_use_case_3',
    date: '2025-12-24',
  },
  { folder: 'tour', structure: 'DESKS', useCase: 'Tour', table: 'fact_tour', date: '2025-12-24' },
]

async function loaded({ folder: from, structure, useCase, table }: Sample): Promise<void> {
  const file = (name: string): string => join(EXAMPLES, from, name)
  await ran('structures', 'import', structure, file('structure.csv'))
  if (table !== null) await ran('facts', 'import', file('facts.csv'), '--table', table)
  await ran('use-cases', 'apply', file('use-case.yaml'))
  if (table === null) await ran('facts', 'import', file('facts.csv'), '--use-case', useCase)
}

/** Figures of the mart by node, measure and scenario; nodes are found by their level path. */
function figuresOf({ columns, rows }: Output, paths: ReadonlyMap<string, string>, date: string) {
  const at = (name: string): number => columns.indexOf(name)
  const levels = columns.flatMap((name: string, i: number) => (/^LEVEL_\d+$/.test(name) ? [i] : []))
  const places = columns.flatMap((name: string, i: number) => (/^LEVEL_\d+_SORT$/.test(name) ? [i] : []))
  const measures = columns.flatMap((name: string) => (/^NATURAL_.*(?<!_STATUS)$/.test(name) ? [name] : []))
  const figures = new Map<string, string>()
  for (const row of rows as (string | null)[][]) {
    const dated = at('pnl_date') < 0 || row[at('pnl_date')] === date
    if (!dated || row[at('ROW_KIND')] === 'FORMULA') continue
    // Levels below a node repeat it, with its place.
    const path = levels.flatMap((level: number, i: number) =>
      i > 0 && row[level] === row[levels[i - 1]] && row[places[i]] === row[places[i - 1]] ? [] : [row[level]],
    )
    const node = paths.get(path.join(' > '))
    const scenario = at('scenario') < 0 ? 'ACTUAL' : row[at('scenario')]
    for (const measure of measures) {
      const key = [node, measure.slice('NATURAL_'.length), scenario].join('|')
      // The row of a node with nodes below it is its own facts; its total has those too.
      if (figures.has(key) && row[at('ROW_KIND')] === 'DETAIL') continue
      figures.set(key, row[at(measure)] ?? '0')
    }
  }
  return figures
}

const number = (text: string): string => text.replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '')

/** Two driver columns that claim the same facts, direct facts above leaves, twins, nulls, and rules of every kind. */
const MIXED = {
  structure: [
    'node_id,parent_node_id,node_name',
    'R,,Root',
    'A,R,Twin',
    'B,R,Twin',
    'A1,A,N/A',
    'A2,A,Second',
    'C,R,Third',
    'C1,C,One',
    'D,R,Ratio',
    'E,R,Chain',
  ],
  facts: [
    'fact_id,pnl_date,scenario,desk,book,daily,mtd',
    '1,2025-12-24,ACTUAL,A1,b1,10.5,1',
    '2,2025-12-24,ACTUAL,A1,,0.25,2',
    '3,2025-12-24,ACTUAL,A2,b2,-3,4',
    '4,2025-12-24,ACTUAL,A,b3,7,8', // direct facts of a node with others below it
    '5,2025-12-24,ACTUAL,,b1,100,16', // by book alone
    '6,2025-12-24,ACTUAL,C1,b2,1000,32', // desk wins over book
    '7,2025-12-24,ACTUAL,nowhere,nothing,5,64', // of nobody
    '8,2025-12-24,PRIOR,A1,b1,2,128',
    '9,2025-12-24,PRIOR,,b2,3,256',
    '10,2025-12-23,ACTUAL,A1,b1,9999,512',
    '11,2025-12-24,ACTUAL,B,b2,11,1024',
    '12,2025-12-24,,A1,b1,77,2048', // of no scenario
  ],
  useCase: `
use_case: Mixed
structure: MIXED
source: {table: fact_mixed, date: pnl_date, scenario: scenario}
measures: {daily: daily, mtd: mtd}
drivers:
  - {nodes: [A, A1, A2, B, C1], column: desk, value: node_id}
  - {nodes: [b_one, b_two], column: book, value: node_id}
rules:
  - {node: D, formula: "(A1 + A2 * 2) / C1"}
  - {node: E, formula: "C - natural(A) * 0.5 - A2"}
  - {node: C, formula: "C1 - B"}
  - {node: A2, where: "book = 'b2'"}
  - {node: B, formula: "A1 * C1"}
`,
}

describe('a use case of two driver columns', () => {
  const results = new Map<string, string>()
  let made: Output
  let mart: Output
  beforeAll(async () => {
    const rows = [...MIXED.structure, 'b1,R,By book', 'b2,C,By book too']
    await ran('structures', 'import', 'MIXED', folder.write('mixed.csv', `${rows.join('\n')}\n`))
    await ran(
      ...['facts', 'import', folder.write('mixed-facts.csv', `${MIXED.facts.join('\n')}\n`)],
      ...['--table', 'fact_mixed'],
    )
    const yaml = MIXED.useCase.replace('[b_one, b_two]', '[b1, b2]')
    await ran('use-cases', 'apply', folder.write('mixed.yaml', yaml))
    made = await ran('mart', 'create', join(folder.path, 'mixed-mart.yaml'), '--use-case', 'Mixed')
    const run = await ran('runs', 'create', '--use-case', 'Mixed', '--date', '2025-12-24', '--name', 'x')
    for (const row of (await ran('runs', 'results', run.run_id)).rows) {
      results.set([row.node_id, row.measure, row.scenario].join('|'), number(row.natural))
    }
    mart = await ran('mart', 'run', join(folder.path, 'mixed-mart.yaml'))
  })

  test('natural figures, those of UNASSIGNED and of the root too', () => {
    const paths = new Map(
      Object.entries({
        Root: 'R',
        'Root > Twin (A)': 'A',
        'Root > Twin (B)': 'B',
        'Root > Twin (A) > N/A (A1)': 'A1',
        'Root > Twin (A) > Second': 'A2',
        'Root > Third': 'C',
        'Root > Third > One': 'C1',
        'Root > Third > By book too': 'b2',
        'Root > By book': 'b1',
        'Root > Unassigned': 'UNASSIGNED',
      }),
    )
    const figures = figuresOf(mart, paths, '2025-12-24')
    const expected = new Map([...results].filter(([, figure]) => figure !== '0'))
    expect(new Map([...figures].map(([key, figure]) => [key, number(figure)]))).toEqual(expected)
    // 10.5 + 0.25 − 3 + 7 + 100 + 1000 + 5 + 11
    expect([results.get('R|daily|ACTUAL'), results.get('UNASSIGNED|daily|ACTUAL')]).toEqual(['1130.75', '5'])
    expect(results.get('b1|daily|ACTUAL')).toBe('100')
    expect(made.findings.find(({ code }: Output) => code === 'FACTS_LEFT_OUT')).toMatchObject({ rows: 1 })
  })

  test('formulas are what their rules make, where they can be said', async () => {
    const reasons = made.findings.flatMap(({ code, node_id, message }: Output) =>
      code === 'RULE_NOT_IN_MART' ? [`${node_id}: ${message.split(': ')[1].split('. It says')[0]}`] : [],
    )
    expect(reasons).toEqual([
      'D: it reads A2, whose own rule is left out',
      'E: it reads C, whose own rule is left out',
      'C: it reads B, whose own rule is left out',
      'A2: it selects facts, and a formula reads figures',
      'B: it multiplies nodes with one another',
    ])
    const rules = `
  - {node: D, formula: "(A1 + natural(A2) * 2) / C1"}
  - {node: E, formula: "C - natural(A) * 0.5 - A2 / 4"}
  - {node: C, formula: "C1 - B"}
`
    const yaml = MIXED.useCase
      .replace('[b_one, b_two]', '[b1, b2]')
      .replace(/rules:[\s\S]*/, `rules:${rules}`)
    await ran('use-cases', 'apply', folder.write('mixed.yaml', yaml))
    const again = await ran(
      'mart',
      'create',
      join(folder.path, 'mixed-mart.yaml'),
      '--use-case',
      'Mixed',
      '--overwrite',
    )
    expect(again.findings.map(({ node_id }: Output) => node_id)).toEqual(['E', undefined])
    const run = await ran('runs', 'create', '--use-case', 'Mixed', '--date', '2025-12-24', '--name', 'y')
    const found = await ran('mart', 'run', join(folder.path, 'mixed-mart.yaml'))
    const at = (name: string): number => found.columns.indexOf(name)
    const formulas = found.rows.filter(
      (row: string[]) => row[at('ROW_KIND')] === 'FORMULA' && row[at('pnl_date')] === '2025-12-24',
    )
    const cells = new Map<string, string>(
      (await ran('runs', 'results', run.run_id)).rows.map((row: Output) => [
        [row.node_id, row.measure, row.scenario].join('|'),
        number(row.adjusted ?? ''),
      ]),
    )
    for (const row of formulas)
      for (const measure of ['daily', 'mtd']) {
        const [node] = row[at('LEVEL_1')].split(' by rule ')
        const key = [node, measure, row[at('scenario')]].join('|')
        const figure = row[at(`NATURAL_${measure}`)]
        // PRIOR has no facts of C1, by which D divides: empty on both sides.
        expect([key, figure === null ? '' : number(figure)]).toEqual([key, cells.get(key)])
      }
    expect(formulas.length).toBeGreaterThanOrEqual(3)
    // (10.75 − 3 × 2) ÷ 1000
    expect(cells.get('D|daily|ACTUAL')).toBe('0.00475')
    const proof = await ran('mart', 'validate', join(folder.path, 'mixed-mart.yaml'))
    expect([proof.exit, proof.valid]).toEqual([0, true])
  })

  test('a node that claims by the first and the third column, and another by the second, is refused', async () => {
    const drivers = `drivers:
  - {nodes: [A1], column: desk, value: node_id}
  - {nodes: [b1], column: book, value: node_id}
  - {nodes: [A1], column: fact_id, value: node_name}
rules: []
`
    const yaml = MIXED.useCase
      .replace(/drivers:[\s\S]*/, drivers)
      .replace('use_case: Mixed', 'use_case: Tangled')
    await ran('use-cases', 'apply', folder.write('tangled.yaml', yaml))
    const { exit, stderr } = await tieout.run(
      'mart',
      'create',
      join(folder.path, 'no.yaml'),
      '--use-case',
      'Tangled',
    )
    expect(exit).not.toBe(0)
    expect(stderr).toContain('TIE-5033')
    expect(stderr).toContain('A1 claims facts by desk and fact_id, and b1 by book between them')
    expect(existsSync(join(folder.path, 'no.yaml'))).toBe(false)
  })
})

describe.each(SAMPLES)('$useCase', (sample) => {
  let made: Output
  let results: Output
  const config = join(folder.path, sample.folder)
  beforeAll(async () => {
    await loaded(sample)
    const { mkdirSync } = await import('node:fs')
    mkdirSync(config)
    made = await ran('mart', 'create', join(config, 'mart.yaml'), '--use-case', sample.useCase)
    const run = await ran(
      'runs',
      'create',
      '--use-case',
      sample.useCase,
      '--date',
      sample.date,
      '--name',
      'x',
    )
    results = await ran('runs', 'results', run.run_id)
  })

  test('every natural figure of a run is the figure of its node in the mart', async () => {
    const mart = await ran('mart', 'run', join(config, 'mart.yaml'))
    const names = new Map<string, string>()
    const paths = new Map<string, string>()
    for (const { node_id, parent_node_id, node_name } of results.rows) {
      const path = parent_node_id === null ? node_name : `${names.get(parent_node_id)} > ${node_name}`
      names.set(node_id, path)
      paths.set(path, node_id)
    }
    const figures = figuresOf(mart, paths, sample.date)
    const expected = results.rows.map((row: Output) => [
      [row.node_id, row.measure, row.scenario].join('|'),
      number(row.natural),
    ])
    expect(expected.length).toBeGreaterThan(10)
    const found = expected.map(([key]: [string]) => [key, number(figures.get(key) ?? '0')])
    expect(found).toEqual(expected)
    expect([...figures.keys()].filter((key) => !expected.some(([known]: [string]) => known === key))).toEqual(
      [],
    )
    expect(expected.filter(([, figure]: [string, string]) => figure !== '0').length).toBeGreaterThan(5)
  })

  test('it is proved, and no fact is without a node', async () => {
    const proof = await ran('mart', 'validate', join(config, 'mart.yaml'))
    expect(proof.checks.filter(({ holds }: Output) => !holds)).toEqual([])
    expect(proof).toMatchObject({
      exit: 0,
      valid: true,
      comparisons: [{ differences: 0 }, { differences: 0 }],
    })
    expect(proof.findings.map(({ code }: Output) => code)).not.toContain('FACTS_IN_NO_NODE')
  })

  test('a rule that is a formula here gives its adjusted figure; every other is told of', async () => {
    const useCase = await ran('use-cases', 'show', sample.useCase)
    const yaml = readFileSync(join(config, 'mart.yaml'), 'utf8')
    const said = useCase.rules.filter(({ rule_no, no = rule_no }: Output) => yaml.includes(`by rule ${no}\n`))
    expect(said.length + made.findings.length).toBe(useCase.rules.length)
    const mart = await ran('mart', 'run', join(config, 'mart.yaml'))
    const at = (name: string): number => mart.columns.indexOf(name)
    for (const row of mart.rows.filter((one: string[]) => one[at('ROW_KIND')] === 'FORMULA')) {
      if (at('pnl_date') >= 0 && row[at('pnl_date')] !== sample.date) continue
      const [node] = row[at('LEVEL_1')].split(' by rule ')
      const scenario = at('scenario') < 0 ? 'ACTUAL' : row[at('scenario')]
      for (const cell of results.rows.filter(
        (one: Output) => one.node_id === node && one.scenario === scenario,
      ))
        expect(number(row[at(`NATURAL_${cell.measure}`)]), `${node} ${cell.measure}`).toBe(
          number(cell.adjusted),
        )
    }
  })
})

test('without a use case and without tables there is nothing to make', async () => {
  const { exit, stderr } = await tieout.run(
    'mart',
    'create',
    join(folder.path, 'nothing.yaml'),
    '--report-type',
    'X',
  )
  expect([exit, stderr.includes('TIE-5034'), stderr.includes('no project_name')]).toEqual([2, true, true])
})
