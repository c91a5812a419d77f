/** Why a figure is what it is, in a terminal: whole screens of the tour, and `--all` through the command line. */

import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Context } from '#tieout/books/operation'
import { PRESENTATIONS } from '#tieout/surfaces/cli/present'
import { shellWord } from '#tieout/surfaces/cli/shell-word'
import { PLAIN } from '#tieout/surfaces/cli/style'
import { sharedTestBooks, type TestBooks } from '../support/books.js'
import { type CliDatabase, cliDatabase, contextOf, EXAMPLES, makeFolder, perform } from '../support/cli.js'

const folder = makeFolder()
const tour = (name: string): string => join(EXAMPLES, 'tour', name)
afterAll(() => folder.remove())

describe('a screen', () => {
  let db: TestBooks
  let context: Context
  let run: string
  beforeAll(async () => {
    db = await sharedTestBooks()
    context = contextOf(db.books, db.tenant)
    await perform(context, 'structures import', { name: 'DESKS', file: tour('structure.csv') })
    await perform(context, 'facts import', { file: tour('facts.csv'), table: 'fact_tour' })
    await perform(context, 'use-cases apply', { file: tour('use-case.yaml') })
    run = (await perform(context, 'runs create', { use_case: 'Tour', date: '2025-12-24', name: 'Flash' }))
      .run_id
  })
  afterAll(() => db?.close())

  /** As it is printed, with the run's id as RUN. */
  async function screen(operation: string, input: object): Promise<string[]> {
    const output = await perform(context, operation, { run, ...input })
    const text = PRESENTATIONS[operation]!.text!(output as never, PLAIN)
    return text.replaceAll(run.slice(0, 8), 'RUN').split('\n')
  }

  test('of an override', async () => {
    expect(await screen('runs explain', { node: 'SWAPS', measure: 'daily' })).toEqual([
      'Swaps (SWAPS) · daily · ACTUAL',
      'Firm › Rates › Swaps',
      'Tour, 2025-12-24, run RUN Flash, most_specific',
      '',
      '  natural   100.00   Σ daily of 2 facts',
      '  adjusted  120.50   by rule 1',
      '  plug      (20.50)  natural − adjusted',
      '',
      "◆ Rule 1 decided (filter): where kind = 'TRADE'",
      '  Fees are booked centrally.',
      '',
      'Fact by fact        facts  in the tree  by the rule',
      '  in the tree only      1      (20.50)',
      '  in the rule only      0                        –',
      '  in both               1      120.50       120.50',
      '  Σ                     2      100.00       120.50',
      '  100.00 − 120.50 = (20.50) plug',
      '',
      '✓ 9 identities are checked and hold; --json has each with both sides.',
      '  tieout runs facts RUN SWAPS daily --scenario ACTUAL --part tree_only  # 1 fact: what the tree counts and the rule does not',
      '  tieout runs facts RUN SWAPS daily --scenario ACTUAL --part both       # 1 fact: what both count',
      '  tieout runs facts RUN SWAPS daily --scenario ACTUAL                   # 2 facts: what the tree counts',
      '  tieout runs facts RUN SWAPS daily --scenario ACTUAL --part rule       # 1 fact: what the rule counts',
    ])
  })

  test('of a sum', async () => {
    const lines = await screen('runs explain', { node: 'FIRM', measure: 'daily' })
    expect(lines.slice(4, 18)).toEqual([
      '  natural   480.00   Σ daily of 6 facts',
      "  adjusted  430.50   own facts and the children's adjusted values",
      '  plug       49.50   natural − adjusted',
      '',
      'No rule of its own, and no facts are bound to it: the sum of its children.',
      '',
      'Made of                    facts  natural  adjusted     plug',
      '  own facts                    0       –         –',
      '  Rates (RATES)                3  400.00    420.50   (20.50)',
      "  Equity (EQUITY)              2   70.00         –    70.00   ◆ where kind = 'TRADES'",
      '  Unassigned (UNASSIGNED)      1   10.00     10.00',
      '  Σ                            6  480.00    430.50    49.50',
      '',
      '✓ 9 identities are checked and hold; --json has each with both sides.',
    ])
  })

  test('of its facts', async () => {
    const lines = await screen('runs facts', { node: 'SWAPS', measure: 'daily', limit: 1 })
    expect(lines[0]).toBe('Swaps (SWAPS) · daily · ACTUAL · natural: 2 facts, Σ 100.00')
    expect(lines[1]).toMatch(
      /^fact_seq +import_id +import_line +amount +pnl_date +scenario +desk +kind +daily$/,
    )
    expect(lines[3]).toMatch(/^ +1 +[0-9a-f]{8} +2 +120\.50 +2025-12-24 +ACTUAL +SWAPS +TRADE +120\.50$/)
    expect(lines[4]).toMatch(/^import [0-9a-f]{8}: .*facts\.csv, .* by tester$/)
    expect(lines[5]).toMatch(/^1 row of 2\. The next page: --cursor [\w-]+; all of them: --all --format csv$/)
  })
})

describe('the command line', () => {
  let database: CliDatabase
  let run: string
  beforeAll(async () => {
    database = await cliDatabase(folder)
    // A column may have the name of one that is added.
    const facts = folder.write(
      'f.csv',
      'pnl_date,desk,amount\n2025-12-24,SWAPS,1.25\n2025-12-24,SWAPS,=2+3\n'.replace('=2+3', '2.50'),
    )
    const yaml =
      'use_case: T\nstructure: DESKS\nsource: {table: fact_t, date: pnl_date, scenario: null}\nmeasures: {daily: amount}\ndrivers: [{nodes: all, column: desk}]\n'
    await database.run('structures', 'import', 'DESKS', tour('structure.csv'))
    await database.run('facts', 'import', facts, '--table', 'fact_t')
    await database.run('use-cases', 'apply', folder.write('t.yaml', yaml))
    run = JSON.parse(
      (await database.run('runs', 'create', '--use-case', 'T', '--date', '2025-12-24', '--json')).stdout,
    ).run_id
  })
  afterAll(() => database?.drop())

  test('--all prints every page, one header', async () => {
    const { exit, stdout } = await database.run(
      'runs',
      'facts',
      run,
      'FIRM',
      'daily',
      '--all',
      '--limit',
      '1',
    )
    expect(exit).toBe(0)
    const [header, ...lines] = stdout.split('\r\n')
    expect(header).toBe('fact_seq,import_id,import_line,amount_,pnl_date,desk,amount')
    expect(lines).toEqual([
      expect.stringMatching(/^1,[0-9a-f-]{36},2,1\.25,2025-12-24,SWAPS,1\.25$/),
      expect.stringMatching(/^2,[0-9a-f-]{36},3,2\.50,2025-12-24,SWAPS,2\.50$/),
      '',
    ])
    const rows = await database.run('runs', 'facts', run, 'FIRM', 'daily', '--all', '--format', 'ndjson')
    expect(
      rows.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).amount_),
    ).toEqual(['1.25', '2.50'])
  })

  test('--all is rows, never one document', async () => {
    const { exit, stdout, stderr } = await database.run(
      'runs',
      'facts',
      run,
      'FIRM',
      'daily',
      '--all',
      '--json',
    )
    expect([exit, stdout]).toEqual([2, ''])
    expect(stderr).toContain('--all prints rows')
  })
})

test.each([
  ['SWAPS', 'SWAPS'],
  ['a b', "'a b'"],
  ["it's", "'it'\\''s'"],
  ['$(rm)', "'$(rm)'"],
  ['', "''"],
  ['esc\u001b[2J', "'esc·[2J'"],
])('%j in a command that is shown to be copied', (text, word) => expect(shellWord(text)).toBe(word))
