/** Versions of allocations in the books: written, superseded, resumed, published, reviewed. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Instant } from '#tieout/base/dates'
import { parseDecimal } from '#tieout/base/decimal'
import type { Context } from '#tieout/books/operation'
import { failOrphans, type RunId } from '#tieout/books/runs'
import { computeLots } from '#tieout/lots/compute'
import { lotConfig } from '#tieout/lots/config'
import { type Issue, type ReviewSeverity, severityOf } from '#tieout/lots/review'
import { countAllocations, listAllocations, listAllocationsAsOf } from '#tieout/lots/store/allocations'
import { failComputation, listComputations } from '#tieout/lots/store/computation-log'
import {
  addSums,
  changedSymbols,
  NO_FACTS,
  readBalances,
  readFacts,
  sumFacts,
  sumsDigest,
} from '#tieout/lots/store/facts'
import { loadSnapshot, snapshotDates } from '#tieout/lots/store/historical-pnl'
import { newestArrival } from '#tieout/lots/store/imports'
import { listOpenLots, loadStates, newestPoints, pointsBefore, pointsOf } from '#tieout/lots/store/inventory'
import {
  assignReview,
  closeReview,
  listReviews,
  loadReview,
  reconcileReviews,
  reviewHistory,
} from '#tieout/lots/store/reviews'
import { listVersions, publications, publish, published, whileComputing } from '#tieout/lots/store/versions'
import { FactTable } from '#tieout/lots/symbol-facts'
import { newTenant, sharedTestBooks, type TestBooks } from '../support/books.js'
import { contextOf, type Folder, makeFolder, perform } from '../support/cli.js'
import { begin, compute, importTrades } from '../support/stored-lots.js'

let db: TestBooks
let folder: Folder
let context: Context
beforeAll(async () => {
  db = await sharedTestBooks()
  folder = makeFolder()
})
beforeEach(async () => {
  context = contextOf(db.books, await newTenant(db.books))
})
afterAll(async () => {
  folder?.remove()
  await db?.close()
})

const inBooks = <T>(work: Parameters<typeof db.books.transaction<T>>[1]): Promise<T> =>
  db.books.transaction(context.tenant, work)
const sql = <R extends object>(text: string): Promise<R[]> => inBooks((tx) => tx.rows<R>(text))
const AT = '2025-06-01T00:00:00Z' as Instant

/** Buys 0.5 @ 30000 and 0.3 @ 31000, sells 0.7 @ 32000; another symbol sells what it never had. */
const WORKED = [
  'b1,BTC-USD,buy,0.5,30000,0,2025-01-01T00:00:00Z,A,',
  'b2,BTC-USD,buy,0.3,31000,0,2025-01-02T00:00:00.000000001Z,A,',
  's1,BTC-USD,sell,0.7,32000,0,2025-01-03T00:00:00Z,A,',
  'd1,ADA-USD,buy,149.6,0.2010,0.0752,2025-01-01T00:00:00Z,B,',
  'd2,ADA-USD,sell,149.6,0.2014,0.0753,2025-01-02T00:00:00Z,B,',
  'x1,XRP-USD,sell,2,3,0.5,2025-01-02T00:00:00Z,B,',
]
const page = (version = 1) => inBooks((tx) => listAllocations(tx, { version }, undefined, 100))

describe('a computation', () => {
  test('is stored exactly, and the printed sums are right', async () => {
    await importTrades(context, folder, WORKED)
    expect(await compute(context, 1)).toMatchObject({ written: 4, superseded: 0 })
    const rows = await page()
    expect(
      rows.map((row) => [row.sell_order_id, row.buy_order_id, row.class, row.allocated_size, row.pnl]),
    ).toEqual([
      ['d2', 'd1', 'matched', '149.6', '-0.09066'],
      ['s1', 'b1', 'matched', '0.5', '1000'],
      ['s1', 'b2', 'matched', '0.2', '200'],
      ['x1', null, 'unmatched', '2', null],
    ])
    expect(rows[2]).toMatchObject({
      buy_executed_at: '2025-01-02T00:00:00.000000001Z',
      sell_executed_at: '2025-01-03T00:00:00Z',
      lot_side: 'long',
      cost_basis: '6200',
      net_proceeds: '6400',
    })
    expect(await sql('SELECT SUM(pnl_usd) FROM fifo_allocations WHERE allocation_version=1')).toEqual([
      { sum: '1199.90934' },
    ])
    expect(await inBooks((tx) => countAllocations(tx, 1))).toEqual({
      allocations: 4,
      unmatched: 1,
      pnl: '1199.90934',
    })
    const lots = await inBooks((tx) => listOpenLots(tx, { version: 1 }, undefined, 10))
    expect(lots).toMatchObject([
      { order_id: 'b2', remaining_size: '0.1', remaining_cost: '3100', side: 'long' },
    ])
    const after = { symbol: 'BTC-USD', allocation_no: 1 }
    const rest = await inBooks((tx) => listAllocations(tx, { version: 1 }, after, 1))
    expect(rest).toMatchObject([{ symbol: 'BTC-USD', allocation_no: 2 }])
    const filtered = { version: 1, class: 'matched', sell_order_id: 's1', buy_order_id: 'b2' } as const
    expect(await inBooks((tx) => listAllocations(tx, filtered, undefined, 9))).toHaveLength(1)
  })

  test('again writes nothing; a late trade rewrites its symbol alone and the earlier state can be listed', async () => {
    await importTrades(context, folder, WORKED)
    const first = await compute(context, 1)
    const before = await page()
    const second = await compute(context, 1)
    expect(second).toMatchObject({ written: 0, superseded: 0, digest: first.digest })
    expect(await page()).toEqual(before)
    await importTrades(context, folder, ['late,BTC-USD,buy,0.1,29000,0,2024-12-31T00:00:00Z,A,'])
    const third = await compute(context, 1)
    expect(third).toMatchObject({ written: 3, superseded: 2 })
    expect(third.digest).not.toBe(first.digest)
    const now = await page()
    expect(now.map(({ buy_order_id }) => buy_order_id)).toEqual(['d1', 'late', 'b1', 'b2', null])
    expect(new Set(now.map(({ batch_id }) => batch_id))).toEqual(new Set([first.batch, third.batch]))
    const asOf = (no: number) => inBooks((tx) => listAllocationsAsOf(tx, { version: 1 }, no, undefined, 100))
    expect(await asOf(first.computation_no)).toEqual(before)
    expect(await asOf(second.computation_no)).toEqual(before)
    expect(await asOf(third.computation_no)).toEqual(now)
    expect(await sql('SELECT DISTINCT superseded_by FROM fifo_allocations_superseded')).toEqual([
      { superseded_by: third.batch },
    ])
    const log = await inBooks((tx) => listComputations(tx, { version: 1 }))
    expect(
      log.map(({ status, rows_written, rows_superseded }) => [status, rows_written, rows_superseded]),
    ).toEqual([
      ['completed', 3, 2],
      ['completed', 0, 0],
      ['completed', 4, 0],
    ])
    expect(log[2]!.facts_digest).toBe(log[1]!.facts_digest)
    expect(log[1]!.facts_digest).not.toBe(log[0]!.facts_digest)
  })

  test('goes on from a point as if it had never stopped', async () => {
    await importTrades(context, folder, WORKED)
    await compute(context, 1)
    await importTrades(context, folder, [
      'b3,BTC-USD,buy,1,33000,1.5,2025-01-04T00:00:00Z,A,',
      's3,BTC-USD,sell,0.4,34000,0.3,2025-01-05T00:00:00Z,A,',
    ])
    const changed = await inBooks((tx) => changedSymbols(tx, { after: 6n, through: 8n }))
    expect(changed).toEqual([{ symbol: 'BTC-USD', from: '2025-01-04T00:00:00.000000000Z' }])
    const points = await inBooks((tx) => pointsBefore(tx, 1, changed))
    expect(points).toMatchObject([{ symbol: 'BTC-USD', point_no: 1, allocations: 2, open_lots: 1 }])
    const states = await inBooks((tx) => loadStates(tx, 1, points))
    expect(states.get('BTC-USD')).toMatchObject({
      through: { at: '2025-01-03T00:00:00.000000000Z', id: 's1' },
      lots: [{ order_id: 'b2', even: true }],
    })
    expect(await compute(context, 1, {}, points)).toMatchObject({ written: 2, superseded: 0 })
    await compute(context, 2)
    const plain = (rows: Awaited<ReturnType<typeof page>>) => rows.map(({ batch_id, ...row }) => row)
    expect(plain(await page(1))).toEqual(plain(await page(2)))
    const lots = (version: number) => inBooks((tx) => listOpenLots(tx, { version }, undefined, 10))
    expect(await lots(1)).toEqual(await lots(2))
    const digests = (version: number) =>
      inBooks(async (tx) => (await newestPoints(tx, version)).map(({ symbol, digest }) => [symbol, digest]))
    expect(await digests(1)).toEqual(await digests(2))
    const all = await inBooks((tx) => pointsOf(tx, 1, 'BTC-USD'))
    expect(all.map(({ point_no, allocations }) => [point_no, allocations])).toEqual([
      [1, 2],
      [2, 4],
    ])
    expect(await inBooks((tx) => pointsOf(tx, 1, 'BTC-USD', all[1]!.through!))).toEqual([all[0]])
  })

  test('has a version of its own configuration and no second one beside it', async () => {
    await compute(context, 1)
    await expect(compute(context, 1, { method: 'lifo' })).rejects.toMatchObject({
      code: 'TIE-3155',
      message: expect.stringContaining('method fifo there, lifo here'),
    })
    await compute(context, 2, { method: 'lifo' })
    const versions = await inBooks(listVersions)
    expect(versions.map(({ allocation_version, config }) => [allocation_version, config.method])).toEqual([
      [1, 'fifo'],
      [2, 'lifo'],
    ])
    await whileComputing(db.books, context.tenant, 1, async () => {
      await expect(compute(context, 1)).rejects.toMatchObject({ code: 'TIE-3156' })
      await compute(context, 2, { method: 'lifo' })
      const other = contextOf(db.books, await newTenant(db.books))
      await compute(other, 1)
    })
    await compute(context, 1)
  })

  test('that fails is in the log, also when its process died', async () => {
    await compute(context, 1)
    const failing = await begin(context, 1)
    const error = { message: 'disk full' }
    const failed = {
      batch_id: failing.batch,
      finished_at: AT,
      duration_ms: 5,
      failed_symbols: [{ symbol: 'X', code: 'TIE-3113', message: 'm' }],
      error,
    }
    expect(await failComputation(db.books, context.tenant, failed)).toBe(true)
    expect(await failComputation(db.books, context.tenant, failed)).toBe(false)
    const dead = await begin(context, 1)
    await failOrphans(db.books, context.tenant, AT)
    const log = await inBooks((tx) => listComputations(tx))
    expect(log.map(({ batch_id, status, error: why }) => [batch_id, status, why?.message])).toEqual([
      [dead.batch, 'failed', 'the process that made it ended'],
      [failing.batch, 'failed', 'disk full'],
      [expect.any(String), 'completed', undefined],
    ])
    expect(await inBooks((tx) => listComputations(tx, { before: log[1]!.computation_no, limit: 1 }))).toEqual(
      [log[2]],
    )
  })
})

describe('facts', () => {
  const SPLIT = 'id,symbol,ratio,at\np,BTC-USD,3:1,2025-01-02T00:00:00Z\n'
  const TRANSFER = 'id,symbol,size,from_account,to_account,at\nt,BTC-USD,0.5,A,B,2025-01-02T12:00:00.5Z\n'

  test('are read as they stood at an arrival, corrected and cancelled', async () => {
    await importTrades(context, folder, WORKED)
    await perform(context, 'splits import', { file: folder.write('s.csv', SPLIT) })
    await perform(context, 'transfers import', { file: folder.write('t.csv', TRANSFER) })
    await importTrades(context, folder, [
      'b1x,BTC-USD,buy,0.6,30000,0,2025-01-01T00:00:00Z,A,b1',
      'c,,,,,,,,x1',
    ])
    const ids = (scope: Parameters<typeof readFacts>[1]) =>
      inBooks(async (tx) => {
        const found: string[] = []
        await readFacts(tx, scope, (fact) => found.push(fact.is === 'trade' ? fact.order_id : fact.id))
        return found.sort()
      })
    expect(await ids({ through: 6n })).toEqual(['b1', 'b2', 'd1', 'd2', 's1', 'x1'])
    expect(await ids({ through: 10n })).toEqual(['b1x', 'b2', 'd1', 'd2', 'p', 's1', 't'])
    expect(await ids({ through: 10n, symbols: [{ symbol: 'BTC-USD', after: null }] })).toEqual([
      'b1x',
      'b2',
      'p',
      's1',
      't',
    ])
    const after = { at: '2025-01-02T00:00:00.000000001Z', rank: 1, venue_sequence: null, id: 'b2' }
    expect(await ids({ through: 10n, symbols: [{ symbol: 'BTC-USD', after }] })).toEqual(['s1', 't'])
    expect(await inBooks((tx) => changedSymbols(tx, { after: 8n, through: 10n }))).toEqual([
      { symbol: 'BTC-USD', from: '2025-01-01T00:00:00.000000000Z' },
      { symbol: 'XRP-USD', from: '2025-01-02T00:00:00.000000000Z' },
    ])
    expect(await inBooks(newestArrival)).toBe(10n)
  })

  test('come back exactly as the file said them', async () => {
    const text = [
      'order_id,symbol,side,size,price,fee,executed_at,placed_at,account,strategy,fee_currency,venue_sequence,lot_ids,bracket',
      `"a\\b\tc",X-Y,buy,1e-7,12345678901234567890.5,-0.1,2025-01-01T00:00:00.123456789Z,0001-01-01T00:00:00Z,"q ""x""",s,Y,0042,"l1;l,2;""3"," k 1"`,
    ].join('\n')
    await perform(context, 'trades import', { file: folder.write('exact.csv', text) })
    const found: unknown[] = []
    await inBooks((tx) => readFacts(tx, { through: 1n }, (fact) => found.push(fact)))
    expect(found).toEqual([
      {
        is: 'trade',
        order_id: 'a\\b\tc',
        symbol: 'X-Y',
        side: 'buy',
        size: parseDecimal('0.0000001'),
        price: parseDecimal('12345678901234567890.5'),
        fee: parseDecimal('-0.1'),
        fee_currency: 'Y',
        executed_at: '2025-01-01T00:00:00.123456789Z',
        placed_at: '0001-01-01T00:00:00.000000000Z',
        account: 'q "x"',
        strategy: 's',
        venue_sequence: '42',
        lot_ids: ['l1', 'l,2', '"3'],
        bracket: 'k 1',
        replaces: null,
      },
    ])
  })

  test('have one digest in whatever order they arrived, added up import by import', async () => {
    await importTrades(context, folder, WORKED)
    const whole = await inBooks((tx) => sumFacts(tx, { after: 0n, through: 6n }))
    const parts = await inBooks(async (tx) => {
      const one = await sumFacts(tx, { after: 0n, through: 2n })
      return addSums(addSums(NO_FACTS, one), await sumFacts(tx, { after: 2n, through: 6n }))
    })
    expect(parts).toEqual(whole)
    const other = contextOf(db.books, await newTenant(db.books))
    for (const line of [...WORKED].reverse()) await importTrades(other, folder, [line])
    const shuffled = await db.books.transaction(other.tenant, (tx) =>
      sumFacts(tx, { after: 0n, through: 6n }),
    )
    expect(sumsDigest(shuffled)).toBe(sumsDigest(whole))
    expect(sumsDigest(whole)).not.toBe(sumsDigest(NO_FACTS))
  })

  test('of balances and older systems are read too', async () => {
    const file = folder.write('k.csv', 'id,account,symbol,size,at\nk,A,X,-1.50,2025-01-01T00:00:00Z\n')
    await perform(context, 'balances import', { file })
    expect(await inBooks((tx) => readBalances(tx, 1n))).toEqual([
      {
        is: 'balance',
        id: 'k',
        account: 'A',
        symbol: 'X',
        size: parseDecimal('-1.5'),
        at: '2025-01-01T00:00:00.000000000Z',
      },
    ])
    expect(await inBooks((tx) => readBalances(tx, 0n))).toEqual([])
    const old = folder.write('h.csv', 'order_id,pnl_usd\ns2,1.5\ns1,\n')
    await perform(context, 'historical-pnl import', { file: old, date: '2025-11-19' })
    const dates = await inBooks(snapshotDates)
    expect(dates).toEqual(['2025-11-19'])
    expect(await inBooks((tx) => loadSnapshot(tx, dates[0]!))).toEqual([
      { order_id: 's1', symbol: null, parent_id: null, pnl_usd: null },
      { order_id: 's2', symbol: null, parent_id: null, pnl_usd: '1.5' },
    ])
  })

  test('of a stored state give what the same facts give in memory', async () => {
    await importTrades(context, folder, WORKED)
    const { digest } = await compute(context, 1)
    const config = lotConfig({})
    const table = new FactTable(config)
    await inBooks((tx) => readFacts(tx, { through: 6n }, (fact) => table.add(fact)))
    expect(computeLots(table.bySymbol, config).digest).toBe(digest)
  })
})

describe('the published version', () => {
  const publishNow = (version: number, note?: string) =>
    inBooks((tx) =>
      publish(tx, context.tenant, {
        allocation_version: version,
        published_at: AT,
        published_by: 'me',
        note,
      }),
    )

  test('is switched, switched back, and its history kept', async () => {
    await importTrades(context, folder, WORKED)
    expect(await inBooks(published)).toBeUndefined()
    await expect(publishNow(1)).rejects.toMatchObject({ code: 'TIE-3154' })
    const first = await compute(context, 1)
    await compute(context, 2, { method: 'lifo' })
    await publishNow(1)
    await publishNow(2, 'year end')
    await publishNow(1)
    expect(await inBooks(published)).toMatchObject({
      publication_no: 3,
      allocation_version: 1,
      batch_id: first.batch,
    })
    const history = await inBooks((tx) => publications(tx))
    expect(history.map((one) => [one.publication_no, one.allocation_version, one.note])).toEqual([
      [3, 1, null],
      [2, 2, 'year end'],
      [1, 1, null],
    ])
  })

  test('needs a computation that completed', async () => {
    await compute(context, 1)
    await db.books.transaction(context.tenant, (tx) =>
      tx.execute(
        `INSERT INTO lot_versions (tenant_id, allocation_version, config, config_digest, created_at, created_by)
         VALUES ($1, 7, '{}', 'd', now(), 'me')`,
        [context.tenant],
      ),
    )
    await begin(context, 7)
    await expect(publishNow(7)).rejects.toMatchObject({ code: 'TIE-3157' })
  })
})

describe('reviews', () => {
  const issue = (key: string, severity: ReviewSeverity = 'low', amount = '5.50'): Issue => ({
    key,
    code: 'OVERSELL',
    symbol: 'X',
    order_id: key,
    account: null,
    amount,
    message: `sell ${key}`,
    detail: { size: '1' },
    severity,
  })
  let batch: RunId
  beforeEach(async () => {
    batch = (await compute(context, 1)).batch
  })
  const found = (...issues: readonly Issue[]) =>
    inBooks((tx) =>
      reconcileReviews(tx, context.tenant, { version: 1, batch, at: AT, who: 'engine' }, issues),
    )
  const reviews = () => inBooks((tx) => listReviews(tx, { version: 1 }, 0, 100))
  const states = async () =>
    (await reviews()).map(({ issue_key, status, severity, cause_present }) => [
      issue_key,
      status,
      severity,
      cause_present,
    ])
  const history = async (review: number) =>
    (await inBooks((tx) => reviewHistory(tx, review))).map(
      ({ who, event, to_status }) => `${who} ${event} ${to_status}`,
    )

  test('open, escalate, are worked on, end, and reopen when the cause is back', async () => {
    expect(await found(issue('a'), issue('b'))).toEqual({ opened: 2, escalated: 0, resolved: 0, reopened: 0 })
    expect(await found(issue('a', 'high', '50000'), issue('b'))).toMatchObject({ opened: 0, escalated: 1 })
    const [a, b] = await reviews()
    expect(a).toMatchObject({ severity: 'high', amount: '50000', status: 'pending', detail: { size: '1' } })
    const act = { at: AT, who: 'ann' }
    await inBooks((tx) => assignReview(tx, context.tenant, { ...act, review: a!.review_id, assignee: 'bob' }))
    const ended = await inBooks((tx) =>
      closeReview(tx, context.tenant, {
        ...act,
        review: a!.review_id,
        status: 'resolved',
        resolution: 'deposit',
      }),
    )
    expect(ended).toMatchObject({ status: 'resolved', resolution: 'deposit', assignee: 'bob', closed_at: AT })
    await inBooks((tx) =>
      closeReview(tx, context.tenant, {
        ...act,
        review: b!.review_id,
        status: 'dismissed',
        resolution: 'known',
      }),
    )
    // What was dismissed stays so while its cause stays; what was resolved and is still there comes back.
    expect(await found(issue('a', 'high', '50000'), issue('b'))).toMatchObject({ reopened: 1 })
    expect(await states()).toEqual([
      ['a', 'pending', 'high', true],
      ['b', 'dismissed', 'low', true],
    ])
    expect(await found()).toMatchObject({ resolved: 1 })
    expect(await states()).toEqual([
      ['a', 'resolved', 'high', false],
      ['b', 'dismissed', 'low', false],
    ])
    expect(await found(issue('a', 'low'), issue('b'))).toMatchObject({ reopened: 2, opened: 0 })
    expect(await history(a!.review_id)).toEqual([
      'engine opened pending',
      'engine escalated pending',
      'ann assigned in_progress',
      'ann resolved resolved',
      'engine reopened pending',
      'engine resolved_by_itself resolved',
      'engine reopened pending',
      'engine eased pending',
    ])
    expect(await history(b!.review_id)).toEqual([
      'engine opened pending',
      'ann assigned in_progress',
      'ann dismissed dismissed',
      'engine reopened pending',
    ])
    expect((await inBooks((tx) => loadReview(tx, a!.review_id))).resolution).toBeNull()
  })

  test('are found by state, and refuse what their state does not allow', async () => {
    await found(issue('a'), issue('b', 'critical'))
    const filter = { severity: 'critical', status: 'pending' } as const
    const [critical] = await inBooks((tx) => listReviews(tx, filter, 0, 10))
    expect(critical).toMatchObject({ issue_key: 'b' })
    expect(await inBooks((tx) => listReviews(tx, {}, critical!.review_id, 10))).toEqual([])
    await found()
    const review = critical!.review_id
    const act = { at: AT, who: 'ann', review }
    await expect(
      inBooks((tx) => assignReview(tx, context.tenant, { ...act, assignee: 'x' })),
    ).rejects.toMatchObject({
      code: 'TIE-3159',
      message: `TIE-3159: Review ${review} is resolved and cannot be assigned.`,
    })
    await expect(
      inBooks((tx) =>
        closeReview(tx, context.tenant, { ...act, review: 0, status: 'resolved', resolution: 'x' }),
      ),
    ).rejects.toMatchObject({ code: 'TIE-3158' })
  })

  test.each([
    ['99.99', 0, 'low'],
    ['-100', 0, 'medium'],
    ['100', 6, 'medium'],
    ['100', 7, 'high'],
    ['10000', 30, 'critical'],
    ['100000', 0, 'critical'],
    ['0', 30, 'high'],
  ] as const)('of %s after %i days are %s', (value, days, severity) => {
    expect(severityOf(parseDecimal(value)!, days)).toBe(severity)
  })
})
