import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Context } from '#tieout/books/operation'
import { newTenant, SERVER, sharedTestBooks, type TestBooks } from '../support/books.js'
import {
  codes,
  contextOf,
  type Folder,
  makeFolder,
  type Output,
  perform,
  refusal,
  refusedAndNothingStored,
} from '../support/cli.js'

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

const FACTS = `cc,pnl_date,book,strategy,amt,fee
A1,2025-12-24,B1,CORE,10.00,1.00
A2,2025-12-24,B1,ALGO,20.00,2.00
A2,2025-12-23,B2,ALGO,5.00,0.50
`
const YAML = `use_case: Desk
structure: DESK
source: {table: fact_desk, date: pnl_date, scenario: null}
measures: {daily: amt, fees: fee}
drivers:
  - {nodes: leaves, column: cc, value: node_id}
rules:
  - {node: A1, where: "strategy = 'CORE'", note: as agreed}
  - {node: A2, formula: "sum(fee where book = 'B1')", into: fees}
`

/** A tenant of its own with the use case Desk. */
async function desk(): Promise<Context> {
  const context = contextOf(db.books, await newTenant(db.books))
  await perform(context, 'structures import', {
    name: 'DESK',
    file: folder.write('s.csv', 'node_id,parent_node_id,node_name\nR,,Root\nA,R,Alpha\nA1,A,One\nA2,A,Two\n'),
  })
  await perform(context, 'facts import', { file: folder.write('f.csv', FACTS), table: 'fact_desk' })
  await perform(context, 'use-cases apply', { file: folder.write('u.yaml', YAML) })
  return context
}

const rulesOf = async (context: Context): Promise<string[]> =>
  (await perform(context, 'rules list', { use_case: 'Desk' })).rules.map(
    ({ no, node, rule }: Output) => `${no} ${node}: ${rule}`,
  )
const STORED = ["1 A1: where strategy = 'CORE'", "2 A2: fees = sum(fee where book = 'B1')"]

describe('rules, one by one', () => {
  test('added, replaced and removed, each as the next version; earlier versions keep theirs', async () => {
    const context = await desk()
    expect(await rulesOf(context)).toEqual(STORED)
    const added = await perform(context, 'rules add', { use_case: 'Desk', node: 'A', formula: 'A1 * 2' })
    expect(added).toMatchObject({ version: 2, changed: true, no: 3, rules: 3 })
    expect(await perform(context, 'rules show', { use_case: 'Desk', no: 3 })).toMatchObject({
      node: 'A',
      formula: 'A1 * 2',
      flavour: 'arithmetic',
      outcome: 'decides',
    })
    await perform(context, 'rules replace', { use_case: 'Desk', no: 3, node: 'A', formula: 'A1 * 3' })
    const removed = await perform(context, 'rules remove', { use_case: 'Desk', no: 1 })
    expect(removed).toMatchObject({ version: 4, rules: 2 })
    // What follows a removed rule moves up.
    expect(await rulesOf(context)).toEqual(["1 A2: fees = sum(fee where book = 'B1')", '2 A: = A1 * 3'])
    const versions = await db.books.transaction(context.tenant, (tx) =>
      tx.rows<{ v: number; n: bigint }>(
        'SELECT use_case_version AS v, count(*) AS n FROM metadata_rules GROUP BY 1 ORDER BY 1',
      ),
    )
    expect(versions.map(({ v, n }) => [v, Number(n)])).toEqual([
      [1, 2],
      [2, 3],
      [3, 3],
      [4, 2],
    ])
  })

  test('set all at once; a dry run and the same again make no version', async () => {
    const context = await desk()
    const rules = [{ node: 'A1', where: "book = 'B1'" }]
    expect(await perform(context, 'rules set', { use_case: 'Desk', rules, dry_run: true })).toMatchObject({
      version: 2,
      dry_run: true,
    })
    expect(await rulesOf(context)).toEqual(STORED)
    expect(await perform(context, 'rules set', { use_case: 'Desk', rules })).toMatchObject({ version: 2 })
    expect(await perform(context, 'rules set', { use_case: 'Desk', rules })).toMatchObject({
      version: 2,
      changed: false,
    })
    expect(await rulesOf(context)).toEqual(["1 A1: where book = 'B1'"])
  })

  test('a note belongs to its rule through every edit', async () => {
    const context = await desk()
    await perform(context, 'rules add', { use_case: 'Desk', node: 'A', formula: 'A1', note: 'why not' })
    const { rules } = await perform(context, 'rules list', { use_case: 'Desk' })
    expect(rules.map(({ note }: Output) => note)).toEqual(['as agreed', null, 'why not'])
  })

  const refused: readonly (readonly [name: string, input: object, expected: string])[] = [
    ['rules add', { node: 'A9', where: "book = 'B1'" }, 'TIE-2306 /node'],
    ['rules add', { node: 'A', where: "bok = 'B1'" }, 'TIE-2202 /where'],
    ['rules add', { node: 'A', where: "book = 'B1" }, 'TIE-2208 /where'],
    ['rules add', { node: 'A', formula: 'A + 1', scope: 'table' }, 'TIE-2310 '],
    ['rules add', { node: 'A1', where: "book = 'B1'" }, 'TIE-2308 '],
    ['rules add', { node: 'A', formula: 'R' }, 'TIE-2309 '],
    [
      'rules add',
      { node: 'A', where: "book = 'B1'", measure_name: 'fee', into: 'monthly' },
      'TIE-2303 /into',
    ],
    ['rules replace', { no: 3, node: 'A', formula: 'A1' }, 'TIE-2315 '],
    ['rules replace', { no: 2, node: 'A', formula: 'A7' }, 'TIE-2204 /formula'],
    ['rules remove', { no: 9 }, 'TIE-2315 '],
    ['rules show', { no: 9 }, 'TIE-2315 '],
    [
      'rules set',
      {
        rules: [
          { node: 'A1', formula: 'A2' },
          { node: 'A2', where: 'amt > ' },
        ],
      },
      'TIE-2201 /rules/1/where',
    ],
    ['rules add', { node: 'A', formula: 'A1', expected_version: 7 }, 'TIE-1205 '],
    ['use-cases update', { measures: { daily: 'amount' } }, 'TIE-2304 /measures/daily'],
    ['use-cases update', { structure: 'DESKS' }, 'TIE-1101 '],
    ['use-cases update', { source: { table: 'fact_desk', date: 'pnl_date' } }, 'TIE-2312 /source'],
    ['use-cases update', { remove_rules: [{ node: 'A2', into: 'daily' }] }, 'TIE-2314 /remove_rules/0'],
    ['use-cases update', { set_rules: [{ node: 'A1', where: 'x = 1' }] }, 'TIE-2202 /set_rules/0/where'],
    ['use-cases update', { drivers: [{ nodes: ['A1', 'A1'], column: 'cc' }] }, 'TIE-2307 /drivers'],
    ['use-cases update', { policy: 'top_down', expected_version: 4 }, 'TIE-1205 '],
  ]
  test.each(refused)('%s %j: %s', async (name, input, expected) => {
    const context = await desk()
    const [first] = await refusedAndNothingStored(db.books, () =>
      perform(context, name, { use_case: 'Desk', ...input }),
    )
    expect(`${first!.code} ${first!.place?.pointer ?? ''}`).toBe(expected)
  })
})

describe('use-cases update', () => {
  test('changes what is named and leaves the rest', async () => {
    const context = await desk()
    const changed = await perform(context, 'use-cases update', {
      use_case: 'Desk',
      policy: 'top_down',
      description: 'The desk, top down.',
      measures: { daily: 'amt', fees: 'fee', gross: 'amt' },
      set_rules: [
        { node: 'A1', where: "strategy = 'ALGO'" },
        { node: 'A', formula: 'A1 + 1', into: 'gross' },
      ],
      remove_rules: [{ node: 'A2', into: 'fees' }],
    })
    expect(changed).toMatchObject({ version: 2, status: 'ACTIVE', measures: ['daily', 'fees', 'gross'] })
    expect(await rulesOf(context)).toEqual(["1 A1: where strategy = 'ALGO'", '2 A: gross = A1 + 1'])
    expect(await perform(context, 'use-cases show', { use_case: 'Desk' })).toMatchObject({
      policy: 'top_down',
      description: 'The desk, top down.',
      structure: 'DESK',
    })
    await perform(context, 'use-cases update', { use_case: 'Desk', description: null })
    expect(await perform(context, 'use-cases show', { use_case: 'Desk' })).toMatchObject({
      description: null,
    })
  })

  test('an archived use case takes no runs until it is active again', async () => {
    const context = await desk()
    const run = () => perform(context, 'runs create', { use_case: 'Desk', date: '2025-12-24' })
    expect(
      await perform(context, 'use-cases update', { use_case: 'Desk', status: 'ARCHIVED' }),
    ).toMatchObject({
      version: 1,
      changed: false,
      status: 'ARCHIVED',
    })
    expect(codes(await refusal(run()))).toEqual(['TIE-2313'])
    await perform(context, 'use-cases update', { use_case: 'Desk', status: 'ACTIVE' })
    expect((await run()).status).toBe('COMPLETED')
  })

  test('what an exported file says is what the edits made', async () => {
    const context = await desk()
    await perform(context, 'rules add', { use_case: 'Desk', node: 'A', formula: 'A1 - natural(A2)' })
    const { yaml } = await perform(context, 'use-cases export', { use_case: 'Desk' })
    const again = await perform(context, 'use-cases apply', { file: folder.write('again.yaml', yaml) })
    expect(again).toMatchObject({ version: 2, changed: false })
  })

  test.skipIf(SERVER === undefined)(
    'two edits of one version at once: one wins, the other is told',
    async () => {
      const context = await desk()
      const edit = (formula: string) =>
        perform(context, 'rules add', { use_case: 'Desk', node: 'A', formula, expected_version: 1 }).then(
          () => 'stored',
          (error: { code: string }) => error.code,
        )
      const outcomes = await Promise.all([edit('A1 * 2'), edit('A1 * 3'), edit('A1 * 4')])
      expect(outcomes.sort()).toEqual(['TIE-1205', 'TIE-1205', 'stored'])
    },
  )
})

describe('what a rule can be written with', () => {
  test('nodes with bindings and rules', async () => {
    const { nodes } = await perform(await desk(), 'use-cases hierarchy', { use_case: 'Desk' })
    expect(
      nodes.map(({ node_id, depth, is_leaf, bindings, rules }: Output) =>
        [node_id, depth, is_leaf, JSON.stringify(bindings), rules.map(({ no }: Output) => no).join()].join(
          ' ',
        ),
      ),
    ).toEqual([
      'R 0 false [] ',
      'A 1 false [] ',
      'A1 2 true [{"rollup_driver":"cc","value":"A1"}] 1',
      'A2 2 true [{"rollup_driver":"cc","value":"A2"}] 2',
      'UNASSIGNED 1 false [] ',
    ])
  })

  test('fields with types and roles', async () => {
    const { fields } = await perform(await desk(), 'use-cases fields', { use_case: 'Desk' })
    expect(fields.map(({ name, type, roles }: Output) => `${name} ${type} ${roles.join()}`)).toEqual([
      'cc text driver',
      'pnl_date date date',
      'book text ',
      'strategy text ',
      'amt numeric measure daily',
      'fee numeric measure fees',
    ])
  })

  test('values with their facts, filtered and limited', async () => {
    const context = await desk()
    const values = async (input: object): Promise<string[]> => {
      const found = await perform(context, 'use-cases values', { use_case: 'Desk', ...input })
      return [
        ...found.values.map(({ value, facts }: Output) => `${value} ${facts}`),
        ...(found.more ? ['…'] : []),
      ]
    }
    expect(await values({ field: 'strategy' })).toEqual(['ALGO 2', 'CORE 1'])
    expect(await values({ field: 'strategy', date: '2025-12-24' })).toEqual(['ALGO 1', 'CORE 1'])
    expect(await values({ field: 'strategy', contains: 'OR' })).toEqual(['CORE 1'])
    expect(await values({ field: 'strategy', contains: "%' OR 1=1 --" })).toEqual([])
    expect(await values({ field: 'amt', limit: 2 })).toEqual(['10.00 1', '20.00 1', '…'])
    const asked = (input: object) => refusal(values(input))
    expect(codes(await asked({ field: 'strat' }))).toEqual(['TIE-2304'])
    expect(codes(await asked({ field: 'book', date: '24.12.2025' }))).toEqual(['TIE-2501'])
  })
})
