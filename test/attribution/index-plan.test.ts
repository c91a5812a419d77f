/**
 * The reads of attribution against the plan of its indexes: what operations really ask is recorded, explained by the
 * database, and must go by the index that the plan names; from the index alone, where the plan says so.
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Books, SqlValue, Tx } from '#tieout/books/books'
import type { Context } from '#tieout/books/operation'
import { importEvents, purchase, refund } from '../support/attribution.js'
import { newTenant, openTestBooks, type TestBooks } from '../support/books.js'
import { contextOf, EXAMPLES, type Folder, makeFolder, perform, REPOSITORY } from '../support/cli.js'

interface Asked {
  readonly sql: string
  readonly values: readonly SqlValue[]
}

let db: TestBooks
let folder: Folder
let context: Context
beforeAll(async () => {
  db = await openTestBooks()
  folder = makeFolder()
  context = contextOf(db.books, await newTenant(db.books))
  await importEvents(context, folder, [purchase('p'), purchase('q'), refund('r', 'p', 100), '{dead'], {
    dead_letter: true,
  })
  await perform(context, 'attribution allocate', { model: 'linear' })
  await perform(context, 'ledger post')
  for (const kind of ['claims', 'settlements']) {
    await perform(context, `${kind} import`, { file: join(EXAMPLES, 'attribution', `${kind}.csv`) })
  }
  await perform(context, 'reconcile')
})
afterAll(async () => {
  folder?.remove()
  await db?.close()
})

/** Everything that an operation asks of the books. */
async function askedBy(name: string, input: Readonly<Record<string, unknown>>): Promise<Asked[]> {
  const asked: Asked[] = []
  const recording = (tx: Tx): Tx => ({
    ...tx,
    rows: (sql, values = []) => {
      asked.push({ sql, values })
      return tx.rows(sql, values)
    },
    execute: (sql, values) => tx.execute(sql, values),
    copyOut: (query) => tx.copyOut(query),
  })
  const books: Books = {
    ...db.books,
    transaction: (tenant, work) => db.books.transaction(tenant, (tx) => work(recording(tx))),
  }
  await perform({ ...context, books }, name, input)
  return asked
}

interface Node {
  readonly 'Node Type': string
  readonly 'Index Name'?: string
  readonly Plans?: readonly Node[]
}
const scansOf = (node: Node): string[] => [
  ...(node['Index Name'] === undefined
    ? []
    : [`${node['Node Type'] === 'Index Only Scan' ? 'only ' : ''}${node['Index Name']}`]),
  ...(node.Plans ?? []).flatMap(scansOf),
]

/** Of tables as small as these a scan is cheaper; what is asked here is whether the index can serve. */
const scans = (asked: readonly Asked[]): Promise<string[]> =>
  context.books.transaction(context.tenant, async (tx) => {
    for (const way of ['seqscan', 'bitmapscan', 'sort']) await tx.execute(`SET LOCAL enable_${way} = off`)
    const found: string[] = []
    for (const { sql, values } of asked) {
      const [row] = await tx.rows<{ 'QUERY PLAN': readonly { Plan: Node }[] }>(
        `EXPLAIN (FORMAT JSON) ${sql}`,
        values,
      )
      found.push(...scansOf(row!['QUERY PLAN'][0]!.Plan))
    }
    return found
  })

const PLAN = readFileSync(join(REPOSITORY, 'docs', 'reference', 'attribution-indexes.md'), 'utf8')

test.each<[index: string, operation: string, input: Readonly<Record<string, unknown>>]>([
  ['revenue_totals_are_one_of_a_currency', 'attribution realtime', {}],
  ['only ix_reconciliation_runs_started', 'reconciliation status', {}],
  ['ix_reconciliation_runs_started', 'reconciliation list', {}],
  ['only channel_totals_are_one_of_a_kind', 'attribution channels', { model: 'linear', from: '2025-05-01' }],
  ['channels_have_one_code', 'attribution channels', { model: 'linear' }],
  ['channels_have_one_code', 'channels list', {}],
  ['events_have_one_external_id', 'events show', { event: 'p' }],
  ['only touchpoints_have_one_position', 'events show', { event: 'p' }],
  // Both begin with tenant and number.
  ['events_have_one_id|events_have_one_revenue', 'events list', {}],
  ['only allocations_are_one_of_set_and_channel', 'attribution allocations', { event: 'p', model: 'linear' }],
  ['sets_hold_one_at_a_time', 'attribution allocations', { event: 'p', model: 'linear' }],
  ['sets_hold_one_at_a_time', 'export revenue', { model: 'linear' }],
  ['only events_are_verified_once', 'export revenue', { model: 'linear' }],
  ['entries_have_one_number', 'ledger list', {}],
  ['ix_dead_events_state', 'dead-events list', { state: 'pending' }],
  ['dead_events_have_one_id', 'dead-events list', {}],
])('%s serves %s', async (index, name, input) => {
  const file = join(folder.path, 'out.csv')
  const asked = await askedBy(name, name === 'export revenue' ? { ...input, file, overwrite: true } : input)
  expect(asked.length).toBeGreaterThan(0)
  const found = await scans(asked)
  const served = index.startsWith('only ') ? found : found.map((scan) => scan.replace('only ', ''))
  expect(served.filter((scan) => index.split('|').includes(scan))).not.toEqual([])
  const [planned] = index.replace('only ', '').split('|')
  const line = PLAN.split('\n').find((one) => one.includes(`\`${planned}\``))
  expect(line).toBeDefined()
  if (index.startsWith('only ')) expect(line).toContain('from the index alone')
})

test('what a reconciliation found is listed by its key', async () => {
  const { reconciliations } = await perform(context, 'reconciliation list')
  const asked = await askedBy('reconciliation show', { run: reconciliations[0].run_id, limit: 1 })
  expect((await scans(asked)).join()).toContain('reconciliation_findings_are_one_of_a_reference')
})
