/**
 * A fault at every single call that a run makes to the database: the state after it is the old one or the new one.
 *
 * @module-tag long
 */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Context } from '#tieout/books/operation'
import { failOrphans } from '#tieout/books/runs'
import type { MaintainedBooks } from '#tieout/books/transaction'
import { newTenant, openTestBooks, SERVER, type TestBooks } from '../support/books.js'
import { contextOf, type Folder, makeFolder, type Output, perform, tableCounts } from '../support/cli.js'
import { type FaultKind, faultyBooks, InjectedFault } from '../support/faulty-books.js'

let db: TestBooks
let folder: Folder
let context: Context
beforeAll(async () => {
  folder = makeFolder()
  db = await openTestBooks()
  context = contextOf(db.books, await newTenant(db.books))
  const structure = 'node_id,parent_node_id,node_name\nR,,Root\nA,R,Alpha\nB,R,Beta\n'
  await perform(context, 'structures import', { name: 'S', file: folder.write('s.csv', structure) })
  const facts = 'cc,pnl_date,book,amt\nA,2025-12-24,B1,10.00\nB,2025-12-24,B1,20.00\n,2025-12-24,B2,1.00\n'
  await perform(context, 'facts import', { file: folder.write('f.csv', facts), table: 'fact_faulted' })
  const yaml = `use_case: Faulted
structure: S
source: {table: fact_faulted, date: pnl_date, scenario: null}
measures: {daily: amt}
drivers: [{nodes: leaves, column: cc}]
rules: [{node: B, where: "book = 'B9'"}]
`
  await perform(context, 'use-cases apply', { file: folder.write('u.yaml', yaml) })
})
afterAll(async () => {
  await db?.close()
  folder.remove()
})

const WITHOUT_RUNS = ({ calculation_runs: _, ...counts }: Record<string, number>) => counts

/** What may be there afterwards: nothing, a FAILED header, or the whole run that verifies. */
async function stateAfter(before: Record<string, number>): Promise<'old' | 'failed' | 'new'> {
  // The next start finds what the process could not say itself any more.
  await failOrphans(db.books, context.tenant, context.now())
  const { runs } = await perform(context, 'runs list', { limit: 1 })
  const after = await tableCounts(db.books)
  if (after.calculation_runs === before.calculation_runs) {
    expect(after).toEqual(before)
    return 'old'
  }
  const [run] = runs as readonly Output[]
  if (run.status === 'FAILED') {
    expect(WITHOUT_RUNS(after)).toEqual(WITHOUT_RUNS(before))
    return 'failed'
  }
  expect(run.status).toBe('COMPLETED')
  expect(await perform(context, 'runs verify', { run: run.id })).toMatchObject({
    verdict: 'match',
    stale: [],
  })
  return 'new'
}

async function faultAtEveryCall(kind: FaultKind, input: object): Promise<Record<string, number>> {
  const found: Record<string, number> = {}
  for (let at = 1; ; at++) {
    const books = faultyBooks(db.books, at, kind, SERVER)
    const before = await tableCounts(db.books)
    const faulted = contextOf(books as unknown as MaintainedBooks, context.tenant)
    const outcome = await perform(faulted, 'runs create', {
      use_case: 'Faulted',
      date: '2025-12-24',
      ...input,
    }).then(
      () => 'completed',
      (error: Error & { code?: string }) => error,
    )
    if (books.calls.length < at) {
      // Every call has had its turn, and nothing was wrong this time.
      expect(outcome).toBe('completed')
      expect(at).toBeGreaterThan(10)
      return found
    }
    if (kind !== 'cut') expect(rootOf(outcome)).toBeInstanceOf(InjectedFault)
    const state = await stateAfter(before)
    found[state] = (found[state] ?? 0) + 1
    // What is kept was sealed and committed before the fault took the answer away.
    const sealed = books.calls.findIndex((call) => call.startsWith('execute UPDATE calculation_runs'))
    if (state === 'new') expect(books.calls.indexOf('commit', sealed)).toBeGreaterThan(sealed)
  }
}

function rootOf(error: unknown): unknown {
  let at = error
  while (at instanceof Error && at.cause !== undefined) at = at.cause
  return at
}

describe('a fault at the n-th call, for every n', () => {
  test.each(['before', 'after'] as const)('%s the call', { timeout: 120_000 }, async (kind) => {
    const found = await faultAtEveryCall(kind, { name: `fault ${kind}` })
    expect(found.old).toBeGreaterThan(0)
    expect(found.failed).toBeGreaterThan(0)
    expect(found.new).toBeGreaterThan(0)
  })

  test.skipIf(SERVER === undefined)('the connection cut', { timeout: 120_000 }, async () => {
    const found = await faultAtEveryCall('cut', { name: 'cut' })
    expect(found.old).toBeGreaterThan(0)
    expect(found.failed).toBeGreaterThan(0)
  })
})

describe('at once', () => {
  test('five runs of one use case and date: five runs, one digest', async () => {
    const made = await Promise.all(
      [1, 2, 3, 4, 5].map((n) =>
        perform(context, 'runs create', { use_case: 'Faulted', date: '2025-12-24', name: `at once ${n}` }),
      ),
    )
    expect(new Set(made.map(({ run_id }: Output) => run_id)).size).toBe(5)
    expect(new Set(made.map(({ result_digest }: Output) => result_digest)).size).toBe(1)
    for (const { run_id } of made)
      expect((await perform(context, 'runs verify', { run: run_id })).verdict).toBe('match')
  })

  test('a run while facts arrive and rules change has the one or the other, and verifies', async () => {
    const facts = folder.write('more.csv', 'cc,pnl_date,book,amt\nA,2025-12-24,B1,0.50\n')
    const [run] = await Promise.all([
      perform(context, 'runs create', { use_case: 'Faulted', date: '2025-12-24', name: 'in between' }),
      perform(context, 'facts import', { file: facts, table: 'fact_faulted' }),
      perform(context, 'rules add', { use_case: 'Faulted', node: 'A', formula: '5' }),
    ])
    expect((await perform(context, 'runs verify', { run: run.run_id })).verdict).toBe('match')
  })
})

describe('a cancelled run', () => {
  test('at every stage it reports: FAILED, nothing kept', async () => {
    const stages = new Set<string>()
    for (let at = 1; ; at++) {
      const controller = new AbortController()
      let reports = 0
      const cancelled = contextOf(db.books, context.tenant, {
        signal: controller.signal,
        progress: {
          report: (stage) => {
            reports += 1
            if (reports !== at) return
            stages.add(stage)
            controller.abort(new Error('interrupted'))
          },
        },
      })
      const before = await tableCounts(db.books)
      const outcome = await perform(cancelled, 'runs create', {
        use_case: 'Faulted',
        date: '2025-12-24',
      }).then(
        () => 'completed',
        (error: { code: string }) => error.code,
      )
      if (outcome === 'completed') break
      expect(outcome).toBe('TIE-2503')
      expect(await stateAfter(before)).toBe('failed')
    }
    expect([...stages]).toEqual(['reading facts', 'calculating', 'storing results'])
  })
})
