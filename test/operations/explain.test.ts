/** Why a figure is what it is: a small book with the arithmetic beside the figures, and what is refused. */

import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Context } from '#tieout/books/operation'
import { newTenant, openTestBooks, type TestBooks } from '../support/books.js'
import { checkCell } from '../support/check-explanation.js'
import {
  codes,
  contextOf,
  EXAMPLES,
  makeFolder,
  type Output,
  perform,
  refusal,
  refusedAndNothingStored,
} from '../support/cli.js'
import { randomNumbers } from '../support/random-book.js'

const DATE = '2025-12-24'
const STRUCTURE = `node_id,parent_node_id,node_name
FIRM,,Firm
RATES,FIRM,Rates
SWAPS,RATES,Swaps
GILTS,RATES,Gilts
EQUITY,FIRM,Equity
CASH,EQUITY,Cash
RATIO,FIRM,Ratio
ABOVE,FIRM,Above Ratio
`
// ABOVE's child comes from the line below, so that a sum meets the empty ratio.
const WHOLE_STRUCTURE = `${STRUCTURE.replace('RATIO,FIRM', 'RATIO,ABOVE')}`
const FACTS = `pnl_date,scenario,desk,kind,daily,fee
2025-12-24,ACTUAL,SWAPS,TRADE,120.50,1.00
2025-12-24,ACTUAL,SWAPS,FEE,-20.50,2.00
2025-12-24,ACTUAL,GILTS,TRADE,300.00,4.00
2025-12-24,ACTUAL,CASH,TRADE,75.25,8.00
2025-12-24,ACTUAL,CASH,FEE,-5.25,16.00
2025-12-24,ACTUAL,EQUITY,TRADE,30.00,32.00
2025-12-24,ACTUAL,RATIO,TRADE,9.00,64.00
2025-12-24,ACTUAL,nobody,TRADE,10.00,128.00
2025-12-24,PRIOR,SWAPS,TRADE,80.00,
2025-12-23,ACTUAL,SWAPS,TRADE,1000.00,1000.00
`
const RULES = `rules:
  - {node: SWAPS, where: "kind = 'TRADE'", note: Fees are booked centrally.}
  - {node: RATES, where: "desk = 'GILTS'"}
  - {node: CASH, where: "kind = 'FEE'", scope: table, measure_name: fee, into: daily}
  - {node: EQUITY, formula: "SWAPS - natural(CASH) * 2 + 0.5"}
  - {node: GILTS, formula: "sum(daily where kind = 'TRADE') + sum(fee)", into: fee}
  - {node: RATIO, formula: "GILTS / (natural(SWAPS) - 100)"}
`

const folder = makeFolder()
let db: TestBooks
let context: Context
let run: string
let rows: readonly Output[]

async function makeRun(name: string, source: string, more: object = {}): Promise<string> {
  const yaml = `use_case: ${name}
structure: WHY
source: ${source}
measures: {daily: daily, fee: fee}
drivers: [{nodes: all, column: desk, value: node_id}]
${RULES}`
  await perform(context, 'use-cases apply', { file: folder.write(`${name}.yaml`, yaml) })
  return (await perform(context, 'runs create', { use_case: name, date: DATE, ...more })).run_id
}

beforeAll(async () => {
  db = await openTestBooks()
  context = contextOf(db.books)
  await perform(context, 'structures import', { name: 'WHY', file: folder.write('s.csv', WHOLE_STRUCTURE) })
  await perform(context, 'facts import', { file: folder.write('f.csv', FACTS), table: 'fact_why' })
  run = await makeRun('Why', '{table: fact_why, date: pnl_date, scenario: scenario}')
  rows = (await perform(context, 'runs results', { run })).rows
})
afterAll(async () => {
  await db?.close()
  folder.remove()
})

const explain = (node: string, measure = 'daily', scenario?: string): Promise<Output> =>
  perform(context, 'runs explain', { run, node, measure, ...(scenario === undefined ? {} : { scenario }) })

describe('a cell is explained', () => {
  test('a filter: 120.50 of the rule, −20.50 in the tree only', async () => {
    const why = await explain('SWAPS')
    expect(why.cell).toMatchObject({
      node_id: 'SWAPS',
      path: [{ node_id: 'FIRM' }, { node_id: 'RATES' }, { node_id: 'SWAPS', node_name: 'Swaps' }],
      measure: 'daily',
      column: 'daily',
      scenario: 'ACTUAL',
    })
    // natural 120.50 − 20.50 = 100.00; adjusted 120.50; plug 100.00 − 120.50 = −20.50
    expect(why.figures).toEqual({
      natural: '100.00',
      direct: '100.00',
      adjustment: '0.00',
      adjusted: '120.50',
      plug: '-20.50',
      fact_count: 2,
    })
    expect(why.decided_by).toMatchObject({
      kind: 'rule',
      outcome: 'decides',
      rule: {
        no: 1,
        flavour: 'filter',
        scope: 'node',
        column: 'daily',
        text: "where kind = 'TRADE'",
        note: 'Fees are booked centrally.',
      },
    })
    expect(why.override).toEqual({
      tree_only: { rows: 1, amount: '-20.50' },
      rule_only: { rows: 0, amount: '0.00' },
      both: { rows: 1, tree_amount: '120.50', rule_amount: '120.50' },
    })
    // The rule above lost to this one.
    expect(why.lost).toMatchObject([
      { no: 2, node_id: 'RATES', outcome: 'skipped', reason: 'Swaps (SWAPS) below it has a rule of its own' },
    ])
    expect(why.plug_from).toBeNull()
    expect(why.note).toBeNull()
  })

  test('a measure switch over the whole table: fees 2 + 16 + … for 75.25 − 5.25', async () => {
    const why = await explain('CASH')
    // rule: FEE rows of the table, fee column: 2.00 (SWAPS) + 16.00 (CASH) = 18.00
    expect(why.figures).toEqual({
      natural: '70.00',
      direct: '70.00',
      adjustment: '0.00',
      adjusted: '18.00',
      plug: '52.00',
      fact_count: 2,
    })
    expect(why.override).toEqual({
      tree_only: { rows: 1, amount: '75.25' },
      rule_only: { rows: 1, amount: '2.00' },
      both: { rows: 1, tree_amount: '-5.25', rule_amount: '16.00' },
    })
    // 75.25 + −5.25 − 2.00 − 16.00 = 52.00
    expect(why.decided_by).toMatchObject({
      rule: { flavour: 'measure_switch', column: 'fee', scope: 'table' },
      outcome: 'shadowed',
      reason: expect.stringContaining('Equity (EQUITY) above it'),
    })
  })

  test('the other measure of a switched node: its rule is named with why it does not decide', async () => {
    const why = await explain('CASH', 'fee')
    expect(why.decided_by).toEqual({ kind: 'auto', text: "auto desk = 'CASH'" })
    expect(why.lost).toMatchObject([{ no: 3, outcome: 'other_measure', reason: 'it sets daily, not fee' }])
    expect(why.override).toBeNull()
  })

  test('arithmetic: every operand is a cell that can be explained in turn', async () => {
    const why = await explain('EQUITY')
    // 120.50 − 70.00 × 2 + 0.5 = −19.00; natural 30.00 + 70.00
    expect(why.figures).toMatchObject({
      natural: '100.00',
      direct: '30.00',
      adjusted: '-19.00',
      plug: '119.00',
    })
    expect(why.decided_by.formula).toEqual({
      text: 'SWAPS - natural(CASH) * 2 + 0.5',
      operands: [
        {
          text: 'SWAPS',
          kind: 'node',
          node_id: 'SWAPS',
          node_name: 'Swaps',
          value_of: 'adjusted',
          part: null,
          column: null,
          rows: null,
          value: '120.50',
        },
        {
          text: 'natural(CASH)',
          kind: 'node',
          node_id: 'CASH',
          node_name: 'Cash',
          value_of: 'natural',
          part: null,
          column: null,
          rows: null,
          value: '70.00',
        },
      ],
      evaluated: '120.50 - 70.00 * 2 + 0.5',
      value: '-19.00',
      division: null,
    })
    expect(why.lost).toMatchObject([{ no: 3, node_id: 'CASH', outcome: 'shadowed' }])
    expect(why.facts.parts.map(({ part }: Output) => part)).toEqual(['natural', 'direct'])
  })

  test('a formula over queries: each sum with its rows', async () => {
    const why = await explain('GILTS', 'fee')
    // trades 120.50 + 300.00 + 75.25 + 30.00 + 9.00 + 10.00 = 544.75; fees 1 + 2 + 4 + … + 128 = 255
    expect(why.decided_by.formula).toMatchObject({
      operands: [
        { part: 'sum:1', column: 'daily', rows: 6, value: '544.75' },
        { part: 'sum:2', column: 'fee', rows: 8, value: '255.00' },
      ],
      evaluated: '544.75 + 255.00',
      value: '799.75',
    })
  })

  test('a division by zero leaves the cell empty and says which operand was 0', async () => {
    const why = await explain('RATIO')
    // natural(SWAPS) = 100.00, so the denominator is 100.00 − 100
    expect(why.figures).toMatchObject({ natural: '9.00', adjusted: null, plug: null })
    expect(why.empty).toEqual({
      why: 'division by zero',
      at: 'GILTS / (natural(SWAPS) - 100)',
      denominator: 'natural(SWAPS) - 100',
    })
    expect(why.decided_by.formula).toMatchObject({
      evaluated: '300.00 / (100.00 - 100)',
      value: null,
      division: { scale: 12, rounding: 'half_even' },
    })
    const above = await explain('ABOVE')
    expect(above.empty).toEqual({
      why: 'children are empty',
      nodes: [{ node_id: 'RATIO', node_name: 'Ratio' }],
    })
    expect(above.plug_from).toEqual([{ node_id: 'RATIO', node_name: 'Ratio', plug: null }])
    // A natural value is never empty.
    expect(above.checks.map(({ text }: Output) => text)).toContain("direct + Σ children's natural = natural")
  })

  test('a sum of children: the plug is theirs', async () => {
    const why = await explain('RATES')
    // 120.50 + 300.00 = 420.50 against 400.00
    expect(why.figures).toMatchObject({ natural: '400.00', adjusted: '420.50', plug: '-20.50' })
    expect(why.natural).toMatchObject({
      direct: '0.00',
      children: [{ node_id: 'SWAPS' }, { node_id: 'GILTS' }],
    })
    expect(why.plug_from).toEqual([{ node_id: 'SWAPS', node_name: 'Swaps', plug: '-20.50' }])
    expect(why.lost).toMatchObject([{ no: 2, node_id: 'RATES', outcome: 'skipped' }])
  })

  test('what no node claims', async () => {
    const why = await explain('UNASSIGNED')
    expect(why.decided_by).toEqual({ kind: 'unassigned' })
    expect(why.figures).toMatchObject({ natural: '10.00', fact_count: 1 })
  })

  test('of another scenario; a missing amount counts as 0', async () => {
    const why = await explain('SWAPS', 'fee', 'PRIOR')
    expect(why.figures).toMatchObject({ natural: '0.00', adjusted: '0.00', fact_count: 1 })
    const { rows: facts } = await perform(context, 'runs facts', {
      run,
      node: 'SWAPS',
      measure: 'fee',
      scenario: 'PRIOR',
    })
    expect(facts).toMatchObject([{ amount: '0', values: [DATE, 'PRIOR', 'SWAPS', 'TRADE', '80.00', null] }])
  })

  test('every cell of the run, down to its facts', { tags: ['long'] }, async () => {
    const random = randomNumbers(3)
    for (const cell of rows) await checkCell(context, { run, rows, cell }, random)
  })
})

describe('facts', () => {
  test('name their import and its line', async () => {
    const page = await perform(context, 'runs facts', { run, node: 'SWAPS', measure: 'daily' })
    expect(page).toMatchObject({
      part: 'natural',
      position: 'fact_seq',
      total: { rows: 2, amount: '100.00', rule_amount: null },
      columns: ['pnl_date', 'scenario', 'desk', 'kind', 'daily', 'fee'],
      imports: [{ file_name: expect.stringContaining('f.csv'), imported_by: 'tester' }],
      next_cursor: null,
    })
    expect(page.rows.map(({ import_line, amount }: Output) => [import_line, amount])).toEqual([
      [2, '120.50'],
      [3, '-20.50'],
    ])
  })

  test('that came after the run are not its', async () => {
    const late = `pnl_date,scenario,desk,kind,daily,fee\n${DATE},ACTUAL,SWAPS,TRADE,7777.00,7777.00\n`
    await perform(context, 'facts import', { file: folder.write('late.csv', late), table: 'fact_why' })
    const why = await explain('SWAPS')
    expect(why.figures.natural).toBe('100.00')
    expect(why.facts.parts.find(({ part }: Output) => part === 'natural').rows).toBe(2)
    const page = await perform(context, 'runs facts', { run, node: 'SWAPS', measure: 'daily', limit: 1 })
    const rest = await perform(context, 'runs facts', {
      run,
      node: 'SWAPS',
      measure: 'daily',
      cursor: page.next_cursor,
    })
    expect([...page.rows, ...rest.rows].map(({ amount }: Output) => amount)).toEqual(['120.50', '-20.50'])
  })

  test('of a use case that has been changed since are those of its version then', async () => {
    const source = '{table: fact_why, date: pnl_date, scenario: scenario}'
    const before = await makeRun('Changing', source)
    const yaml = `use_case: Changing\nstructure: WHY\nsource: ${source}\nmeasures: {daily: fee}\ndrivers: [{nodes: all, column: desk}]\n`
    await perform(context, 'use-cases apply', { file: folder.write('changed.yaml', yaml) })
    const why = await perform(context, 'runs explain', { run: before, node: 'SWAPS', measure: 'daily' })
    expect(why).toMatchObject({ cell: { column: 'daily' }, decided_by: { rule: { no: 1 } } })
  })

  test('under top_down the filter above decides, and the one below ends there', async () => {
    const top = await makeRun('Top down', '{table: fact_why, date: pnl_date, scenario: scenario}', {
      policy: 'top_down',
    })
    const why = await perform(context, 'runs explain', { run: top, node: 'RATES', measure: 'daily' })
    expect(why).toMatchObject({
      policy: 'top_down',
      figures: { adjusted: '300.00' },
      decided_by: { rule: { no: 2 } },
      lost: [{ no: 1, node_id: 'SWAPS', outcome: 'shadowed' }],
    })
  })
})

test('a run over adjusted facts: the figures with their adjustment, the facts as they were imported', async () => {
  const sample = (name: string): string => join(EXAMPLES, 'adjustments', name)
  await perform(context, 'structures import', { name: 'ADJUSTED', file: sample('structure.csv') })
  await perform(context, 'facts import', { file: sample('facts.csv'), table: 'fact_adjusted' })
  await perform(context, 'use-cases apply', { file: sample('use-case.yaml') })
  await perform(context, 'adjustments add', {
    file: sample('adjustments.yaml'),
    use_case: 'Adjusted Desk',
  })
  const { run_id } = await perform(context, 'runs create', { use_case: 'Adjusted Desk', date: DATE })
  const told = (node: string, measure = 'daily'): Promise<Output> =>
    perform(context, 'runs explain', { run: run_id, node, measure })
  const rates = await told('RATES')
  // 3,479.75 − 1,802.00625 = 1,677.74375 without the rule on Gilts, which takes 2,502.00625 − 1,652.00625 = 850.00
  expect(rates).toMatchObject({
    figures: { natural: '3479.75', adjustment: '-1802.00625', adjusted: '827.74375', plug: '2652.00625' },
    note: expect.stringContaining('Facts were adjusted before this run'),
  })
  expect(rates.checks.map(({ text }: Output) => text)).toContain(
    "direct + own adjustment + Σ children's adjusted = adjusted",
  )
  const gilts = await told('GILTS')
  expect(gilts.facts.parts.find(({ part }: Output) => part === 'natural').amount).toBe('2580.25')
  expect(gilts.checks.map(({ text }: Output) => text)).not.toContain('Σ facts of the rule = adjusted')
  // A formula over nodes stands on stored figures, so it is checked as ever: 33.33 + 1.
  expect((await told('EQUITY')).decided_by.formula).toMatchObject({ evaluated: '33.33 + 1', value: '34.33' })
  const { rows: all } = await perform(context, 'runs results', { run: run_id })
  for (const { node_id, measure, scenario, adjustment } of all) {
    const one = await perform(context, 'runs explain', { run: run_id, node: node_id, measure, scenario })
    expect(one.figures.adjustment).toBe(adjustment)
  }
})

describe('is refused', () => {
  test.each<[string, string, object]>([
    ['TIE-1103', 'runs explain', { run: '00000000-0000-4000-8000-000000000000' }],
    ['TIE-2601', 'runs explain', { node: 'SWAPZ' }],
    ['TIE-2601', 'runs facts', { node: '' }],
    ['TIE-2601', 'runs facts', { node: 'x'.repeat(5000) }],
    ['TIE-1007', 'runs facts', { node: 'a\0b' }],
    ['TIE-2303', 'runs explain', { measure: 'dayly' }],
    ['TIE-2603', 'runs explain', { scenario: 'ACTUALS' }],
    ['TIE-2604', 'runs facts', { part: 'everything' }],
    ['TIE-2604', 'runs facts', { part: 'sum:1' }],
    ['TIE-2604', 'runs facts', { node: 'RATES', part: 'rule' }],
    ['TIE-2604', 'runs facts', { node: 'GILTS', measure: 'fee', part: 'sum:3' }],
    ['TIE-1605', 'runs facts', { cursor: 'next' }],
    ['TIE-1605', 'runs facts', { cursor: "' or 1=1 --" }],
  ])('%s by %s of %o', async (code, operation, input) => {
    const whole = { run, node: 'SWAPS', measure: 'daily', ...input }
    const problems = await refusedAndNothingStored(db.books, () => perform(context, operation, whole))
    expect(codes(problems)).toEqual([code])
  })

  test.each<[object, string]>([
    [{ node: 'SWAPZ' }, 'Did you mean Swaps (SWAPS)?'],
    [{ node: 'Swaps' }, 'It is the name of Swaps (SWAPS); write the id.'],
    [{ measure: 'dayly' }, 'Did you mean "daily"?'],
    [{ scenario: 'PRIOUR' }, 'Did you mean "PRIOR"?'],
  ])('%o with what was meant', async (input, meant) => {
    const [problem] = await refusal(
      perform(context, 'runs explain', { run, node: 'SWAPS', measure: 'daily', ...input }),
    )
    expect(problem!.remedy).toContain(meant)
  })

  test('a part names those there are', async () => {
    const [problem] = await refusal(
      perform(context, 'runs facts', { run, node: 'RATES', measure: 'daily', part: 'rule' }),
    )
    expect(`${problem!.message} ${problem!.remedy}`).toMatch(/it has natural, direct\..*No rule of its own/)
  })

  test('TIE-1605: a cursor of another cell, part, run or tenant, or with another position', async () => {
    const name = { run, node: 'FIRM', measure: 'daily' }
    const { next_cursor } = await perform(context, 'runs facts', { ...name, limit: 2 })
    const other = await makeRun('Other', '{table: fact_why, date: pnl_date, scenario: scenario}')
    for (const wrong of [
      { node: 'RATES' },
      { measure: 'fee' },
      { part: 'direct' },
      { run: other },
      { scenario: 'PRIOR' },
    ]) {
      const problems = await refusal(
        perform(context, 'runs facts', { ...name, ...wrong, cursor: next_cursor }),
      )
      expect(codes(problems), JSON.stringify(wrong)).toEqual(['TIE-1605'])
    }
    // The digest is no secret: one made for a position that is no number is refused as well.
    const forged = Buffer.from(next_cursor, 'base64url').toString('utf8').slice(0, 32)
    const cursor = Buffer.from(`${forged}1); DROP TABLE tenants`, 'utf8').toString('base64url')
    expect(codes(await refusal(perform(context, 'runs facts', { ...name, cursor })))).toEqual(['TIE-1605'])
    const stranger = contextOf(db.books, await newTenant(db.books))
    expect(codes(await refusal(perform(stranger, 'runs facts', { ...name, cursor: next_cursor })))).toEqual([
      'TIE-1103',
    ])
  })

  test('TIE-2605: a run that found no facts', async () => {
    const empty = await perform(context, 'runs create', { use_case: 'Why', date: '1999-01-01' })
    const problems = await refusal(
      perform(context, 'runs explain', { run: empty.run_id, node: 'SWAPS', measure: 'daily' }),
    )
    expect(codes(problems)).toEqual(['TIE-2605'])
  })

  test('TIE-1106: a run that failed', async () => {
    const interrupt = new AbortController()
    const progress = { report: () => interrupt.abort() }
    const stopped = contextOf(db.books, undefined, { progress, signal: interrupt.signal })
    await refusal(perform(stopped, 'runs create', { use_case: 'Why', date: DATE }))
    const { runs } = await perform(context, 'runs list', { use_case: 'Why' })
    const problems = await refusal(
      perform(context, 'runs explain', { run: runs[0].id, node: 'SWAPS', measure: 'daily' }),
    )
    expect(codes(problems)).toEqual(['TIE-1106'])
  })
})

describe('a file read in place', () => {
  const path = join(folder.path, 'place.csv')
  const name = { node: 'SWAPS', measure: 'daily' }
  let placed: string
  const write = (text: string): void => writeFileSync(path, text)
  beforeAll(async () => {
    write(FACTS)
    placed = await makeRun('Place', `{engine: duckdb, path: ${path}, date: pnl_date, scenario: scenario}`)
  })

  test('is explained like a table', async () => {
    const why = await perform(context, 'runs explain', { run: placed, ...name })
    expect(why).toMatchObject({
      figures: { adjusted: '120.50' },
      override: { tree_only: { rows: 1, amount: '-20.50' } },
    })
    const page = await perform(context, 'runs facts', { run: placed, ...name })
    expect(page).toMatchObject({
      position: 'row_number',
      rows: [{ position: '1', import_id: null }, { position: '2' }],
    })
  })

  test.each<[string, string, string]>([
    ['an amount was changed', FACTS.replace('120.50', '120.51'), 'TIE-2602'],
    ['a fact was added', `${FACTS}2025-12-24,ACTUAL,SWAPS,TRADE,0.00,0.00\n`, 'TIE-2602'],
    ['a column is gone', FACTS.replaceAll('kind', 'sort'), 'TIE-2602'],
    ['a measure is text now', FACTS.replace('300.00', 'n/a'), 'TIE-2602'],
    ['a tested column is a number now', FACTS.replaceAll(/TRADE|FEE/g, '1'), 'TIE-2602'],
    ['it is empty', '', 'TIE-2602'],
  ])('%s: the figures stand, the facts are refused', async (_, content, code) => {
    write(content)
    const why = await perform(context, 'runs explain', { run: placed, ...name })
    expect(why.figures).toEqual({
      natural: '100.00',
      direct: '100.00',
      adjustment: '0.00',
      adjusted: '120.50',
      plug: '-20.50',
      fact_count: 2,
    })
    expect(why).toMatchObject({ override: null, facts: { parts: [] } })
    expect(why.facts.unavailable).not.toBe('')
    const problems = await refusedAndNothingStored(db.books, () =>
      perform(context, 'runs facts', { run: placed, ...name }),
    )
    expect(codes(problems)).toEqual([code])
    // A formula over queries has no operands without its facts; one over nodes has them all.
    const sums = await perform(context, 'runs explain', { run: placed, node: 'GILTS', measure: 'fee' })
    expect(sums.decided_by.formula).toMatchObject({
      evaluated: null,
      value: null,
      operands: [{ value: null }, { value: null }],
    })
    const nodes = await perform(context, 'runs explain', { run: placed, node: 'EQUITY', measure: 'daily' })
    expect(nodes.decided_by.formula.value).toBe('-19.00')
  })

  test('that is gone', async () => {
    rmSync(path)
    const why = await perform(context, 'runs explain', { run: placed, ...name })
    expect(why.facts.unavailable).toContain('there is no such file')
    expect(codes(await refusal(perform(context, 'runs facts', { run: placed, ...name })))).toEqual([
      'TIE-1005',
    ])
  })
})
