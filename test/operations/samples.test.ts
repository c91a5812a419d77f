import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Context } from '#tieout/books/operation'
import { sharedTestBooks, type TestBooks } from '../support/books.js'
import { contextOf, EXAMPLES, type Output, perform } from '../support/cli.js'

type Amounts = Record<string, Record<string, { natural: string; adjusted: string; plug: string }>>
interface Figures {
  readonly facts: Record<string, number>
  readonly values: Amounts
}
interface Expected {
  readonly date: string
  readonly use_cases: Record<
    string,
    {
      folder: string
      structure: string
      nodes: number
      table: string
      facts_in_file: number
      root: Figures & { node: string }
      unassigned: Figures
      rules: readonly (Figures & { rule: number; node: string; flavour: string; skipped: boolean })[]
      findings_at_least: readonly string[]
    }
  >
}

const expected = JSON.parse(readFileSync(join(EXAMPLES, 'expected.json'), 'utf8')) as Expected

/** The rows of a node as `expected.json` writes them. */
function figuresOf(rows: readonly Output[], node: string): Figures {
  const facts: Record<string, number> = {}
  const values: Amounts = {}
  for (const row of rows.filter(({ node_id }) => node_id === node)) {
    const { natural, adjusted, plug } = row
    facts[row.scenario] = row.fact_count
    values[row.scenario] = { ...values[row.scenario], [row.measure]: { natural, adjusted, plug } }
  }
  return { facts, values }
}

/** Result and input digests as they were before there were adjustments: runs without any keep them. */
const DIGESTS: Readonly<Record<string, readonly [string, string]>> = {
  'America Trading P&L': [
    'sha256:0221a5ebdf497910ab02a5423124c38ca0c88350806d8a2b5adfa78e99e1a092',
    'sha256:b9c7232ece7852adb525d4d053c2b180e68768cdc095808bec7e07b943c30a26',
  ],
  'Project Sterling': [
    'sha256:223e37661e63b13d73de00a27dc2b466be767e368cf3054786b6f3b33a39359c',
    'sha256:3eec577a5f2750763ea7a1a525b303c4eb5432a30fce16ac96abec8e82bebba4',
  ],
  'Cash Equity Trading': [
    'sha256:50241090c9d48f531bdfe1153e22fb81df642ea8d42040b4cd7fa48bd35c9bec',
    'sha256:9015839cd48d2f53c5e001e7b4f30bd8cb1ede34ff592dd208fd16fe29f90cec',
  ],
}

let db: TestBooks
let context: Context
beforeAll(async () => {
  db = await sharedTestBooks()
  context = contextOf(db.books, db.tenant)
})
afterAll(() => db?.close())

describe.each(Object.entries(expected.use_cases))('%s', (name, sample) => {
  const file = (part: string): string => join(EXAMPLES, sample.folder, part)
  let run: Output
  let rows: readonly Output[]

  beforeAll(async () => {
    const structure = await perform(context, 'structures import', {
      name: sample.structure,
      file: file('structure.csv'),
    })
    expect(structure).toMatchObject({ nodes: sample.nodes, new: sample.nodes, refused: 0, version: 1 })
    const builtIn = sample.table === 'fact_pnl_entries'
    const facts = { file: file('facts.csv'), ...(builtIn ? { use_case: name } : { table: sample.table }) }
    if (!builtIn) await perform(context, 'facts import', facts)
    await perform(context, 'use-cases apply', { file: file('use-case.yaml') })
    if (builtIn) await perform(context, 'facts import', facts)
    run = await perform(context, 'runs create', { use_case: name, date: expected.date })
    rows = (await perform(context, 'runs results', { run: run.run_id })).rows
  })

  test('every figure that the sample states is what comes out', async () => {
    const { node, ...root } = sample.root
    expect(figuresOf(rows, node)).toEqual(root)
    expect(figuresOf(rows, 'UNASSIGNED')).toEqual(sample.unassigned)
    for (const rule of sample.rules) {
      expect(figuresOf(rows, rule.node), `rule ${rule.rule}`).toEqual({
        facts: rule.facts,
        values: rule.values,
      })
    }
  })

  test('the digests are those that were recorded', () => {
    expect([run.result_digest, run.input_digest]).toEqual(DIGESTS[name])
  })

  test('findings and outcomes of rules are as stated', async () => {
    const found = run.findings.map(({ code }: Output) => code)
    expect(found).toEqual(expect.arrayContaining([...sample.findings_at_least]))
    const shown = await perform(context, 'use-cases show', { use_case: name })
    expect(
      shown.rules.map(({ no, node, outcome }: Output) => ({ no, node, skipped: outcome === 'skipped' })),
    ).toEqual(sample.rules.map(({ rule, node, skipped }) => ({ no: rule, node, skipped })))
    // Findings are kept with the run, not only told once.
    const kept = await perform(context, 'runs show', { run: run.run_id })
    expect(kept.findings).toEqual(run.findings)
  })

  test('it ties out: the facts are the root, the root plug is the sum of the overrides', () => {
    expect(run.tie_out.length).toBeGreaterThan(0)
    for (const row of run.tie_out) {
      expect(row.facts).toBe(row.root_natural)
      expect(row.root_plug).toBe(row.overrides)
    }
  })

  test('a second import and application of the same files changes nothing', async () => {
    const same = await perform(context, 'structures import', {
      name: sample.structure,
      file: file('structure.csv'),
    })
    expect(same).toMatchObject({ version: 1, new: 0, same: sample.nodes, changed: 0, removed: 0 })
    const facts = await perform(context, 'facts import', {
      file: file('facts.csv'),
      ...(sample.table === 'fact_pnl_entries' ? { use_case: name } : { table: sample.table }),
    })
    expect(facts).toMatchObject({ new: 0, same: sample.facts_in_file, refused: 0, import_id: null })
    const applied = await perform(context, 'use-cases apply', { file: file('use-case.yaml') })
    expect(applied).toMatchObject({ changed: false, version: 1 })
    const again = await perform(context, 'runs create', { use_case: name, date: expected.date })
    expect(again.result_digest).toBe(run.result_digest)
    expect(again.input_digest).toBe(run.input_digest)
  })

  test('the independent roll-up agrees, and the run verifies', async () => {
    const checked = await perform(context, 'verify-hybrid-engine', { use_case: name })
    expect(checked).toMatchObject({ ok: true, use_cases: [{ match_percent: '100.00', differences: [] }] })
    expect(await perform(context, 'runs verify', { run: run.run_id })).toMatchObject({
      verdict: 'match',
      stale: [],
    })
  })
})

test('the misspelt rule of Cash Equity says what was probably meant', async () => {
  const { runs } = await perform(context, 'runs list', { use_case: 'Cash Equity Trading' })
  const { findings } = await perform(context, 'runs show', { run: runs[0].id })
  const nothing = findings.find(({ code }: Output) => code === 'RULE_MATCHES_NOTHING')
  expect(nothing).toMatchObject({
    node_id: 'CE_FACIL',
    suggestion: expect.stringContaining("strategy = 'FACILITATION'"),
  })
})

test('a run with top_down shows the rule that most_specific skips', async () => {
  const run = await perform(context, 'runs create', {
    use_case: 'Project Sterling',
    date: expected.date,
    policy: 'top_down',
  })
  expect(run.policy).toBe('top_down')
  expect(run.findings.map(({ code }: Output) => code)).not.toContain('RULE_SKIPPED')
  const { rows } = await perform(context, 'runs results', {
    run: run.run_id,
    measure: 'daily',
    scenario: 'ACTUAL',
  })
  const bank = rows.find(({ node_id }: Output) => node_id === 'LE_UK')
  expect(bank.rule).toContain('UK and Ireland')
})
