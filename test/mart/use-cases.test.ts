/**
 * Marts made of use cases: node by node the natural figures of a run, on the embedded database and on the server.
 *
 * @module-tag long
 */

import { readFileSync } from 'node:fs'
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
