import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Context } from '#tieout/books/operation'
import { newTenant, sharedTestBooks, type TestBooks } from '../support/books.js'
import {
  type CliDatabase,
  cliDatabase,
  contextOf,
  EXAMPLES,
  type Folder,
  makeFolder,
  type Output,
  perform,
} from '../support/cli.js'

const DATE = '2025-12-24'
const example = (name: string): string => join(EXAMPLES, 'adjustments', name)

/**
 * The sample's ten adjustments on its date, worked out by hand. Amounts of ACTUAL daily as each step leaves them:
 *
 *          T1        T2         T3        T4      T5      T6
 *  facts   1200      -300.5     80.25     2500    33.33   0 (null)
 *   1      1170      -292.9875  78.24375                            × 0.975 where CORE
 *   2      1157.655  -305.3325                                      − 12.345 where SWAPS and CORE
 *   3                                     1500                      T4: 2500 − 400 of PRIOR is above 1000
 *   4                           86.07     1650                      × 1.1; 86.068125 is 86.07 in cents
 *   5                                                     10.005    + 10.005, no PRIOR
 *   6      1170      -292.9875                                      takes back step 2
 *   7      1000      -250.5               1000                      from −250.5 to 1000
 *   8                                             16.66   5.00      ÷ 2; 16.665 is 16.66, 5.0025 is 5.00
 *   9                           78.24375  850                       takes back 7.82625 and 150 of step 4
 */
const STEPS = [
  // 1200 − 300.5 + 80.25 + 2500 + 33.33 + 0 = 3513.08; −30 + 7.5125 − 2.00625
  '1 FX haircut daily_pnl ACTUAL: 3 facts, 3513.08 -24.49375 3488.58625',
  // 2 × −12.345
  '2 Late fee daily_pnl ACTUAL: 2 facts, 3488.58625 -24.69 3463.89625',
  '3 Stale price daily_pnl ACTUAL: 1 facts, 3463.89625 -1000.00 2463.89625',
  // 86.07 − 78.24375 = 7.82625; 1650 − 1500
  '4 Gilts uplift daily_pnl ACTUAL: 2 facts, 2463.89625 157.82625 2621.7225',
  '5 New trades daily_pnl ACTUAL: 1 facts, 2621.7225 10.005 2631.7275',
  // 5000 + 100 − 40 + 9000 + 10.01 + 7 = 14077.01
  '5 New trades ytd_pnl ACTUAL: 1 facts, 14077.01 10.005 14087.015',
  '6 No late fee daily_pnl ACTUAL: 2 facts, 2631.7275 24.69 2656.4175',
  // 1000 − 1170 = −170; −250.5 + 292.9875 = 42.4875; 1000 − 1650 = −650
  '7 Limit daily_pnl ACTUAL: 6 facts, 2656.4175 -777.5125 1878.905',
  // 1150 − 310 + 70.25 + 400 + 30 = 1340.25; 1000 − 1150 = −150; −250.5 + 310 = 59.5
  '7 Limit daily_pnl PRIOR: 5 facts, 1340.25 -90.50 1249.75',
  // 16.66 − 33.33 = −16.67; 5 − 10.005 = −5.005
  '8 Half of equity daily_pnl ACTUAL: 2 facts, 1878.905 -21.675 1857.23',
  '9 No uplift daily_pnl ACTUAL: 2 facts, 1857.23 -157.82625 1699.40375',
  // T6: 7 + 10.005 = 17.005 becomes −17.005
  '10 Sign of ytd ytd_pnl ACTUAL: 1 facts, 14087.015 -34.01 14053.005',
  // 3800 + 400.5 − 50 + 6500 + 10
  '10 Sign of ytd ytd_pnl PRIOR: 0 facts, 10660.50 0.00 10660.50',
]

const stepLine = ({ no, name, column, scenario, hits, before, effect, after }: Output): string =>
  `${no} ${name} ${column} ${scenario}: ${hits} facts, ${before} ${effect} ${after}`

/**
 * node natural direct adjustment adjusted | plug = adjustment_plug + rule_plug, of ACTUAL daily:
 * SWAPS −200 + 50; GILTS 928.24375 − 2580.25, its rule leaves T3 of it; EQUITY 21.66 − 33.33, its rule is natural + 1.
 */
const CELLS = [
  // 3479.75 + 33.33; −1802.00625 − 11.67; 827.74375 + 34.33
  'FIRM 3513.08 0.00 -1813.67625 862.07375 | 2651.00625 = 1813.67625 + 837.33000',
  // 899.50 + 2580.25; −150 − 1652.00625; 749.50 + 78.24375
  'RATES 3479.75 0.00 -1802.00625 827.74375 | 2652.00625 = 1802.00625 + 850.00000',
  'SWAPS 899.50 899.50 -150.00 749.50 | 150.00 = 150.00 + 0.00',
  'GILTS 2580.25 2580.25 -1652.00625 78.24375 | 2502.00625 = 1652.00625 + 850.00000',
  'EQUITY 33.33 33.33 -11.67 34.33 | -1.00 = 11.67 + -12.67',
  'UNASSIGNED 0.00 0.00 0.00 0.00 | 0.00 = 0.00 + 0.00',
]

const cellLine = (row: Output): string =>
  `${row.node_id} ${row.natural} ${row.direct} ${row.adjustment} ${row.adjusted} | ${row.plug} = ${row.adjustment_plug} + ${row.rule_plug}`

let db: TestBooks
let folder: Folder
beforeAll(async () => {
  folder = makeFolder()
  db = await sharedTestBooks()
})
afterAll(async () => {
  await db?.close()
  folder.remove()
})

/** A tenant of its own with the sample's structure, facts and use case. */
async function sample(): Promise<Context> {
  const as = contextOf(db.books, await newTenant(db.books))
  await perform(as, 'structures import', { name: 'ADJUSTED', file: example('structure.csv') })
  await perform(as, 'facts import', { file: example('facts.csv'), table: 'fact_adjusted' })
  await perform(as, 'use-cases apply', { file: example('use-case.yaml') })
  return as
}

const addTo = (as: Context, file: string, more: object = {}): Promise<Output> =>
  perform(as, 'adjustments add', { use_case: 'Adjusted Desk', file, ...more })
const runOf = (as: Context, date = DATE): Promise<Output> =>
  perform(as, 'runs create', { use_case: 'Adjusted Desk', date })
const rowsOf = async (as: Context, run: string, more: object = {}): Promise<Output[]> =>
  (await perform(as, 'runs results', { run, ...more })).rows

let made = 0
const yaml = (...list: string[]): string =>
  folder.write(
    `a${++made}.yaml`,
    `adjustments:\n${list.map((one) => `  - {reason: because, owner: me, ${one}}\n`).join('')}`,
  )

describe("a controller's ten adjustments", () => {
  let as: Context
  let run: Output
  beforeAll(async () => {
    as = await sample()
    await addTo(as, example('adjustments.yaml'))
    run = await runOf(as)
  })

  test('come out step by step to the last digit', async () => {
    const { steps, totals } = await perform(as, 'runs adjustments', { run: run.run_id })
    expect(steps.map(stepLine)).toEqual(STEPS)
    expect(totals).toEqual([
      // 1699.40375 − 3513.08
      {
        scenario: 'ACTUAL',
        measure: 'daily',
        effect: '-1813.67625',
        root_adjustment: '-1813.67625',
        ties: true,
      },
      // 14053.005 − 14077.01
      { scenario: 'ACTUAL', measure: 'ytd', effect: '-24.005', root_adjustment: '-24.005', ties: true },
      { scenario: 'PRIOR', measure: 'daily', effect: '-90.50', root_adjustment: '-90.50', ties: true },
      { scenario: 'PRIOR', measure: 'ytd', effect: '0.00', root_adjustment: '0.00', ties: true },
    ])
  })

  test('stand between natural and adjusted, and the plug is split', async () => {
    const rows = await rowsOf(as, run.run_id, { measure: 'daily', scenario: 'ACTUAL' })
    expect(rows.map(cellLine)).toEqual(CELLS)
  })

  test('tie out: root plug = Σ overrides − adjustment', async () => {
    // Overrides: GILTS 928.24375 − 78.24375 = 850; EQUITY 21.66 − 34.33 = −12.67.
    expect(run.tie_out[0]).toEqual({
      scenario: 'ACTUAL',
      measure: 'daily',
      facts: '3513.08',
      root_natural: '3513.08',
      unassigned: '0.00',
      adjustment: '-1813.67625',
      root_plug: '2651.00625',
      overrides: '837.33',
    })
  })

  test('leave the facts and the naturals alone, and the run verifies', async () => {
    const checked = await perform(as, 'verify-hybrid-engine', {})
    expect(checked).toMatchObject({
      ok: true,
      use_cases: [{ match_percent: '100.00', stored_digest_ok: true }],
    })
    expect(await perform(as, 'runs verify', { run: run.run_id })).toMatchObject({
      verdict: 'match',
      stale: [],
    })
    const plain = await sample()
    const without = await runOf(plain)
    const naturals = (list: Output[]) =>
      list.map((r) => [r.node_id, r.measure, r.scenario, r.natural, r.direct])
    expect(naturals(await rowsOf(as, run.run_id))).toEqual(naturals(await rowsOf(plain, without.run_id)))
  })

  test('are findings of the run', () => {
    const found = run.findings.filter(({ code }: Output) => code.startsWith('ADJUSTMENT'))
    expect(
      found.map(({ code, severity, detail }: Output) => `${detail.adjustment} ${code} ${severity}`),
    ).toEqual([
      '1 ADJUSTMENT_APPLIED info',
      '2 ADJUSTMENT_APPLIED info',
      '3 ADJUSTMENT_APPLIED info',
      '4 ADJUSTMENT_APPLIED info',
      '5 ADJUSTMENT_APPLIED info',
      '6 ADJUSTMENT_REVERSED info',
      '7 ADJUSTMENT_APPLIED info',
      '8 ADJUSTMENT_APPLIED info',
      '9 ADJUSTMENT_REVERSED info',
      '10 ADJUSTMENT_APPLIED info',
    ])
    expect(found[0]).toMatchObject({
      measure: 'daily',
      scenario: 'ACTUAL',
      amount: '-24.49375',
      rows: 3,
      message: `Adjustment 1 "FX haircut", scale daily by 0.975, ACTUAL, where strategy = 'CORE': 3 facts of ACTUAL, daily_pnl by -24.49375.`,
    })
    expect(found[5].message).toBe(
      `Adjustment 6 "No late fee" takes back 'Late fee': 2 facts of ACTUAL, daily_pnl by 24.69.`,
    )
  })

  test('a dry run on the date shows the same steps and stores nothing', async () => {
    const other = await sample()
    const dry = await addTo(other, example('adjustments.yaml'), { date: DATE, dry_run: true })
    expect(dry).toMatchObject({ new: 11, dry_run: true, date: DATE })
    expect(dry.steps.map(stepLine)).toEqual(STEPS)
    expect((await perform(other, 'adjustments list', { use_case: 'Adjusted Desk' })).adjustments).toEqual([])
    expect((await runOf(other)).tie_out[0].adjustment).toBe('0.00')
  })
})

/** Each command is a process that opens the database; on a busy machine that takes seconds. */
const MINUTES = 300_000

describe('on the command line', { tags: ['long'] }, () => {
  let cli: CliDatabase
  beforeAll(async () => {
    cli = await cliDatabase(folder, 'adjustments')
    await cli.run('structures', 'import', 'ADJUSTED', example('structure.csv'))
    await cli.run('facts', 'import', example('facts.csv'), '--table', 'fact_adjusted')
    await cli.run('use-cases', 'apply', example('use-case.yaml'))
  }, MINUTES)
  afterAll(() => cli?.drop())

  const lines = (text: string): string[] => text.trimEnd().split('\n')

  test(
    'entered, listed, run and shown',
    async () => {
      const plain = await cli.run('runs', 'create', '--use-case', 'Adjusted Desk', '--date', DATE, '--json')
      const before = JSON.parse(plain.stdout).run_id
      const header = 'node_id,parent_node_id,node_name,depth,is_leaf,measure,scenario,natural,direct'
      expect((await cli.run('runs', 'results', before, '--format', 'csv')).stdout.split('\r\n')[0]).toBe(
        `${header},adjusted,plug,fact_count,rule`,
      )

      const added = await cli.run(
        'adjustments',
        'add',
        example('adjustments.yaml'),
        '--use-case',
        'Adjusted Desk',
        '--date',
        DATE,
      )
      expect(added).toMatchObject({ exit: 0, stderr: '' })
      expect(lines(added.stdout).slice(0, 3)).toEqual([
        '11 adjustments of Adjusted Desk entered:',
        `  1 FX haircut (2025-12-01 to 2025-12-31): scale daily by 0.975, ACTUAL, where strategy = 'CORE'`,
        `  2 Late fee: add -12.345 to daily, ACTUAL, where desk = 'SWAPS' and strategy = 'CORE'`,
      ])
      expect(added.stdout).toMatch(/^ 1 {2}FX haircut .* 3 +3,513\.08 +\(24\.49375\) +3,488\.58625$/m)

      const listed = await cli.run(
        'adjustments',
        'list',
        '--use-case',
        'Adjusted Desk',
        '--date',
        DATE,
        '--json',
      )
      const all: Output[] = JSON.parse(listed.stdout).adjustments
      expect(all).toHaveLength(10)
      expect(all.map(({ adjustment }) => adjustment)).toEqual([
        `scale daily by 0.975, ACTUAL, where strategy = 'CORE'`,
        `add -12.345 to daily, ACTUAL, where desk = 'SWAPS' and strategy = 'CORE'`,
        'cap daily at most 1500, ACTUAL, comparing daily by trade_id: difference > 1000',
        `scale daily by 1.1, ACTUAL, where desk = 'GILTS', rounded to 2 places`,
        'add 10.005 to daily and ytd, ACTUAL, comparing by trade_id: prior missing',
        `reverse 'Late fee'`,
        'cap daily at most 1000 and least -250.5',
        `scale daily by 0.5, ACTUAL, where desk = 'EQUITY', rounded to 2 places`,
        `reverse 'Gilts uplift'`,
        'scale ytd by -1, where strategy is null',
      ])
      expect(all[1].reversed_by).toEqual(['No late fee'])

      const run = await cli.run('runs', 'create', '--use-case', 'Adjusted Desk', '--date', DATE)
      expect(run.exit).toBe(0)
      expect(run.stdout).toContain(
        '✓ ACTUAL daily: Σ facts 3,513.08 = root natural 3,513.08; root plug 2,651.00625 = Σ overrides 837.33 − adjustment (1,813.67625)\n',
      )
      const id = /Run ([0-9a-f-]{36})/.exec(run.stdout)![1]!
      const tree = await cli.run('runs', 'results', id)
      expect(lines(tree.stdout)[0]).toMatch(
        /^ +facts +natural daily +adjustment +adjusted +plug +PRIOR +variance$/,
      )
      expect(lines(tree.stdout)[3]).toMatch(
        /Swaps \(SWAPS\) +2 +899\.50 +\(150\.00\) +749\.50 +150\.00 +749\.50 +–$/,
      )
      const csv = (await cli.run('runs', 'results', id, '--format', 'csv')).stdout.split('\r\n')
      expect(csv[0]).toBe(`${header},adjustment,adjusted,plug,fact_count,rule`)
      expect(csv[1]).toBe('FIRM,,Firm,0,false,daily,ACTUAL,3513.08,0.00,-1813.67625,862.07375,2651.00625,6,')
      const steps = await cli.run('runs', 'adjustments', id)
      expect(steps).toMatchObject({ exit: 0, stderr: '' })
      expect(steps.stdout).toContain(
        '✓ ACTUAL daily: Σ effects (1,813.67625) = root adjustment (1,813.67625)\n',
      )
      const rows = (await cli.run('runs', 'adjustments', id, '--format', 'csv')).stdout.split('\r\n')
      expect(rows[1]).toBe('1,FX haircut,daily_pnl,daily,ACTUAL,3,3513.08,-24.49375,3488.58625')
      expect((await cli.run('runs', 'verify', id)).exit).toBe(0)
      // The run from before is right about what it was calculated from, and says what has moved.
      const verified = await cli.run('runs', 'verify', before)
      expect(verified.exit).toBe(0)
      expect(verified.stdout).toContain('Inputs have moved since: adjustments.')
    },
    MINUTES,
  )

  test('refusals name the line and what was probably meant', async () => {
    const file = yaml('name: Typo, measures: [dialy], scale: 2')
    const refused = await cli.run('adjustments', 'add', file, '--use-case', 'Adjusted Desk')
    expect(refused.exit).toBe(4)
    expect(refused.stderr).toContain(`${file}:2:`)
    expect(refused.stderr).toContain('Did you mean "daily"?')
  })
})

describe('validity', () => {
  test.each([
    // Both ends are inclusive.
    ['valid_from: 2025-12-24', true],
    ['valid_to: 2025-12-24', true],
    ['valid_from: 2025-12-25', false],
    ['valid_to: 2025-12-23', false],
    ['valid_from: null, valid_to: null', true],
  ])('%s: in force on the 24th %s', async (dates, inForce) => {
    const as = await sample()
    await addTo(as, yaml(`name: A, measures: [daily], add: 1, ${dates}`))
    const run = await runOf(as)
    // Six facts of ACTUAL, a null among them.
    expect(run.tie_out[0].adjustment).toBe(inForce ? '6.00' : '0.00')
    expect((await perform(as, 'runs results', { run: run.run_id })).has_adjustments).toBe(inForce)
    expect((await perform(as, 'runs adjustments', { run: run.run_id })).steps).toHaveLength(inForce ? 2 : 0)
  })

  test('a reversal holds within its own dates, and only while what it reverses does', async () => {
    const as = await sample()
    const facts = (date: string) =>
      `pnl_date,scenario,trade_id,desk,strategy,daily_pnl,ytd_pnl\n${date},ACTUAL,T1,SWAPS,CORE,5,5\n`
    for (const date of ['2025-12-20', '2026-01-02'])
      await perform(as, 'facts import', {
        file: folder.write(`${date}.csv`, facts(date)),
        table: 'fact_adjusted',
      })
    await addTo(
      as,
      yaml(
        'name: A, measures: [daily], add: 1, valid_to: 2025-12-31',
        'name: B, reverses: A, valid_from: 2025-12-21',
      ),
    )
    const on = async (date: string) => {
      const run = await runOf(as, date)
      const { steps } = await perform(as, 'runs adjustments', { run: run.run_id })
      return [run.tie_out[0].adjustment, steps.filter(({ scenario }: Output) => scenario === 'ACTUAL').length]
    }
    expect(await on('2025-12-20')).toEqual(['1', 1])
    expect(await on('2025-12-24')).toEqual(['0.00', 2])
    // Nothing is in force: the run is as it would be without adjustments.
    expect(await on('2026-01-02')).toEqual(['0', 0])
  })

  test('a reversed reversal brings the adjustment back', async () => {
    const as = await sample()
    await addTo(
      as,
      yaml('name: A, measures: [daily], scale: 3', 'name: B, reverses: A', 'name: C, reverses: B'),
    )
    const run = await runOf(as)
    // 2 × 3513.08
    expect(run.tie_out[0].adjustment).toBe('7026.16')
  })
})

describe('digests', () => {
  test('a run without adjustments has the digests it always had, and none of adjustments', async () => {
    const as = await sample()
    const plain = await runOf(as)
    const shown = await perform(as, 'runs show', { run: plain.run_id })
    expect(Object.keys(shown.digests).sort()).toEqual(['facts', 'hierarchy', 'mapping', 'policy', 'rules'])
    expect(shown.parameters.adjustments_through).toBe(0)
    // Entered, but for another day: nothing of the run changes but the number it has seen.
    await addTo(as, yaml('name: A, measures: [daily], scale: 2, valid_to: 2025-12-01'))
    const again = await runOf(as)
    expect([again.result_digest, again.input_digest]).toEqual([plain.result_digest, plain.input_digest])
    const now = await perform(as, 'runs show', { run: again.run_id })
    expect(now.parameters.adjustments_through).toBe(1)
    expect((await perform(as, 'runs verify', { run: plain.run_id })).stale).toEqual([])
  })

  test('one that changes nothing has the figures of a run without', async () => {
    const as = await sample()
    const plain = await runOf(as)
    await addTo(as, yaml('name: A, measures: [daily], scale: 1'))
    const same = await runOf(as)
    expect(same.result_digest).toBe(plain.result_digest)
    expect(same.input_digest).not.toBe(plain.input_digest)
    expect((await perform(as, 'runs verify', { run: plain.run_id })).stale).toEqual(['adjustments'])
  })

  test('an adjustment and its reversal: the figures are those of a run without', async () => {
    const as = await sample()
    const plain = await runOf(as)
    await addTo(as, yaml('name: A, measures: [daily, ytd], scale: 0.33333'))
    const adjusted = await runOf(as)
    expect(adjusted.result_digest).not.toBe(plain.result_digest)
    await addTo(as, yaml('name: B, reverses: A'))
    expect((await runOf(as)).result_digest).toBe(plain.result_digest)
    // Every one of them still verifies with what it had seen.
    for (const { run_id } of [plain, adjusted])
      expect(await perform(as, 'runs verify', { run: run_id })).toMatchObject({
        verdict: 'match',
        stale: ['adjustments'],
      })
  })
})

describe('what is noticed', () => {
  test('one that matches nothing says what was probably meant', async () => {
    const as = await sample()
    await addTo(as, yaml(`name: A, where: "strategy = 'COER'", measures: [daily], scale: 2`))
    const { findings } = await runOf(as)
    expect(findings.find(({ code }: Output) => code === 'ADJUSTMENT_MATCHES_NOTHING')).toMatchObject({
      severity: 'warning',
      rows: 0,
      suggestion: "Did you mean strategy = 'CORE'?",
      detail: { adjustment: '1', name: 'A' },
    })
  })

  test('the amount a rule without facts replaced is that of the adjusted facts', async () => {
    const as = await sample()
    const rule = folder.write(
      'nothing.yaml',
      `use_case: Adjusted Desk
structure: ADJUSTED
source: {table: fact_adjusted, date: pnl_date, scenario: scenario}
measures: {daily: daily_pnl, ytd: ytd_pnl}
drivers: [{nodes: leaves, column: desk, value: node_id}]
rules: [{node: RATES, where: "strategy = 'none'"}, {node: EQUITY, where: "strategy = 'none'"}]
`,
    )
    await perform(as, 'use-cases apply', { file: rule })
    await addTo(as, yaml('name: A, measures: [daily], add: 1, scenario: ACTUAL'))
    const { findings } = await runOf(as)
    const replaced = findings.flatMap(({ code, node_id, amount }: Output) =>
      code === 'RULE_MATCHES_NOTHING' ? [`${node_id} ${amount}`] : [],
    )
    // RATES: 1201 − 299.5 + 81.25 + 2501; EQUITY: 34.33 + 1, its own facts.
    expect(replaced).toEqual(['RATES 3483.75', 'EQUITY 35.33'])
  })
})
