import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Tx } from '#tieout/books/books'
import type { Context } from '#tieout/books/operation'
import { newTenant, openTestBooks, type TestBooks } from '../support/books.js'
import { codes, contextOf, type Folder, makeFolder, perform, refusal, tableCounts } from '../support/cli.js'

let db: TestBooks
let context: Context
let folder: Folder
beforeAll(async () => {
  folder = makeFolder()
  db = await openTestBooks()
  context = contextOf(db.books, await newTenant(db.books))
  await perform(context, 'structures import', {
    name: 'S',
    file: folder.write('s.csv', 'node_id,parent_node_id,node_name\nR,,Root\nA,R,Alpha\nB,R,Beta\n'),
  })
})
afterAll(async () => {
  await db?.close()
  folder.remove()
})

const useCase = (name: string, source: string, measure: string): string =>
  folder.write(
    `${name}.yaml`,
    `use_case: ${name}
structure: S
source: ${source}
measures: {daily: ${measure}}
drivers:
  - {nodes: leaves, column: category_code, value: node_id}
rules:
  - {node: B, where: "category_code = 'B'"}
`,
  )

const ENTRIES = '{table: fact_pnl_entries, date: pnl_date, scenario: scenario}'
const FACTS =
  'pnl_date,scenario,category_code,daily_amount\n2025-12-24,ACTUAL,A,1.10\n2025-12-24,ACTUAL,B,2.20\n2025-12-24,PRIOR,B,3.30\n'

async function entriesUseCase(name: string): Promise<string> {
  const { use_case_id } = await perform(context, 'use-cases apply', {
    file: useCase(name, ENTRIES, 'daily_amount'),
  })
  await perform(context, 'facts import', { file: folder.write(`${name}.csv`, FACTS), use_case: name })
  return use_case_id
}

describe('use-cases purge', () => {
  test('counts what it removes, leaves the rest and is logged', async () => {
    await entriesUseCase('Kept')
    await perform(context, 'runs create', { use_case: 'Kept', date: '2025-12-24' })
    const before = await tableCounts(db.books)
    const id = await entriesUseCase('Gone')
    await perform(context, 'runs create', { use_case: 'Gone', date: '2025-12-24' })
    await perform(context, 'runs create', { use_case: 'Gone', date: '2025-12-24', name: 'Adjusted v2' })

    // One rule, two runs, three facts: 1 + 0 + 2 + 3 = 6.
    expect(await perform(context, 'use-cases purge', { use_case: 'Gone' })).toEqual({
      deleted_use_case: id,
      rules_purged: 1,
      legacy_runs_purged: 0,
      calculation_runs_purged: 2,
      facts_purged: 3,
      total_items_deleted: 6,
      message: 'Use case Gone is deleted with 1 rule, 2 runs and 3 facts.',
    })
    // Every table, those that later migrations add too, is as if the use case had never been.
    expect(await tableCounts(db.books)).toEqual({ ...before, purge_log: before.purge_log! + 1 })
    const [entry] = await db.books.transaction(context.tenant, (tx) =>
      tx.rows<{ purged_by: string; use_case: string; summary: { total_items_deleted: number } }>(
        'SELECT purged_by, use_case, summary FROM purge_log',
      ),
    )
    expect(entry).toMatchObject({
      purged_by: 'tester',
      use_case: 'Gone',
      summary: { total_items_deleted: 6 },
    })
    expect(codes(await refusal(perform(context, 'use-cases purge', { use_case: 'Gone' })))).toEqual([
      'TIE-1102',
    ])
  })

  test('facts of a registered table belong to the table and stay', async () => {
    await perform(context, 'facts import', {
      file: folder.write('table.csv', 'pnl_date,category_code,amt\n2025-12-24,A,5.00\n'),
      table: 'fact_table',
    })
    await perform(context, 'use-cases apply', {
      file: useCase('Tabled', '{table: fact_table, date: pnl_date, scenario: null}', 'amt'),
    })
    const { facts_purged, message } = await perform(context, 'use-cases purge', { use_case: 'Tabled' })
    expect(facts_purged).toBe(0)
    expect(message).toContain('The facts of its source stay.')
    expect((await perform(context, 'facts tables')).tables).toContainEqual(
      expect.objectContaining({ table: 'fact_table', rows: 1 }),
    )
  })

  test('while a run is in progress nothing goes', async () => {
    const id = await entriesUseCase('Busy')
    await db.books.transaction(context.tenant, (tx) =>
      tx.execute(
        `INSERT INTO calculation_runs (tenant_id, id, kind, use_case_id, run_name, executed_at, triggered_by, engine_version)
         VALUES ($1, $2, 'rollup', $3, 'r', now(), 'me', '0')`,
        [context.tenant, context.newId(), id],
      ),
    )
    const before = await tableCounts(db.books)
    expect(codes(await refusal(perform(context, 'use-cases purge', { use_case: 'Busy' })))).toEqual([
      'TIE-1206',
    ])
    expect(await tableCounts(db.books)).toEqual(before)
  })

  test("another tenant's use case is not there", async () => {
    await entriesUseCase('Mine')
    const stranger = contextOf(db.books, await newTenant(db.books))
    expect(codes(await refusal(perform(stranger, 'use-cases purge', { use_case: 'Mine' })))).toEqual([
      'TIE-1102',
    ])
  })
})

describe('tieout_purger', () => {
  const asPurger = (sql: string) =>
    db.books.transaction(context.tenant, (tx: Tx) => tx.asPurger(() => tx.execute(sql)))

  test.each([
    'UPDATE calculation_runs SET run_name = run_name',
    'UPDATE fact_pnl_entries SET daily_amount = 0',
    'INSERT INTO use_cases DEFAULT VALUES',
    'DELETE FROM purge_log',
    'DELETE FROM structure_versions',
    'TRUNCATE fact_pnl_entries',
  ])('may delete, and nothing else: %s', async (sql) => {
    await expect(asPurger(sql)).rejects.toThrow(/permission denied/)
  })

  test('sees its tenant alone', async () => {
    const stranger = await newTenant(db.books)
    const gone = await db.books.transaction(stranger, (tx) =>
      tx.asPurger(() => tx.execute('DELETE FROM calculation_runs')),
    )
    expect(gone).toBe(0)
  })

  test('is no role to take from another', async () => {
    await expect(
      db.books.transaction(context.tenant, (tx) => tx.asOwner(() => tx.asPurger(async () => 0))),
    ).rejects.toThrow('tieout_owner cannot become tieout_purger')
  })
})
