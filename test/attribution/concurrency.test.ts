/** Two sessions at once, on a real server: no interleaving breaks a sum, a remainder or the chain. */

import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { postEntries } from '#tieout/attribution/store/ledger'
import { openBooks } from '#tieout/books/open'
import type { Context } from '#tieout/books/operation'
import type { RunId } from '#tieout/books/runs'
import type { MaintainedBooks } from '#tieout/books/transaction'
import {
  AT,
  allocate,
  beginRun,
  importEvents,
  purchase,
  refund,
  rowsOf,
  setOf,
} from '../support/attribution.js'
import { createDatabase, newTenant, SERVER, type TestDatabase } from '../support/books.js'
import { contextOf, type Folder, makeFolder, perform } from '../support/cli.js'

describe.skipIf(!SERVER)('two sessions', () => {
  let database: TestDatabase
  let books: MaintainedBooks
  let folder: Folder
  let context: Context
  let run: RunId
  const sessions: pg.Client[] = []
  beforeAll(async () => {
    database = await createDatabase(SERVER!)
    books = await openBooks({ db: database.url, command: 'test', migrate: 'auto' })
    folder = makeFolder()
    context = contextOf(books, await newTenant(books))
    run = await beginRun(context)
    for (let i = 0; i < 2; i++) {
      const client = new pg.Client({ connectionString: database.url })
      await client.connect()
      sessions.push(client)
    }
  })
  afterAll(async () => {
    for (const client of sessions) await client.end()
    await books?.close()
    await database?.drop()
    folder?.remove()
  })

  const begin = async (client: pg.Client, isolation = 'READ COMMITTED'): Promise<void> => {
    await client.query(`BEGIN ISOLATION LEVEL ${isolation}`)
    await client.query(
      `SELECT set_config('app.current_tenant_id', '${context.tenant}', true), set_config('role', 'tieout_app', true)`,
    )
  }
  const header = (event: number, cents: number): string =>
    `INSERT INTO attribution_allocation_sets (tenant_id, event_id, model_version, run_id, revenue_cents, currency,
       input_digest, content_digest, computed_at)
     VALUES (tieout_current_tenant(), ${event}, 'm', '${run}', ${cents}, 'USD', 'i', 'c', now())`
  const part = (event: number, channel: string, cents: number, id: number): string =>
    `INSERT INTO attribution_allocations
     VALUES (tieout_current_tenant(), ${event}, 'm', '${channel}', ${id}, 0.5, ${cents})`
  /** The statements of both, in turns: the second of a pair may wait for the first to end. */
  async function interleaved(one: readonly string[], two: readonly string[]): Promise<string[]> {
    const outcomes: string[] = []
    const lanes = [one, two].map((statements, i) => async () => {
      const client = sessions[i]!
      await begin(client)
      try {
        for (const sql of statements) {
          await client.query(sql)
          await wait(20)
        }
        await client.query('COMMIT')
        outcomes[i] = 'committed'
      } catch (error) {
        await client.query('ROLLBACK')
        outcomes[i] = (error as { code: string }).code
      }
    })
    await Promise.all(lanes.map((lane) => lane()))
    return outcomes
  }
  const sums = (event: number) =>
    rowsOf(
      context,
      `SELECT sum(allocated_revenue_cents)::text AS sum FROM attribution_allocations WHERE event_id = ${event} AND model_version = 'm'`,
    )
  const newEvent = async (id: string): Promise<number> => {
    await importEvents(context, folder, [purchase(id)])
    return (await perform(context, 'events show', { event: id })).event.event_id
  }

  test('that allocate one event to disjoint channels: one wins', async () => {
    const event = await newEvent('disjoint')
    const outcomes = await interleaved(
      [header(event, 10_000), part(event, 'email', 10_000, 1001)],
      [header(event, 10_000), part(event, 'search', 10_000, 1002)],
    )
    expect(outcomes.sort()).toEqual(['23505', 'committed'])
    expect(await sums(event)).toEqual([{ sum: '10000' }])
  })

  test('that each move one cent of a set: it is sealed for both', async () => {
    const event = await newEvent('moved')
    await interleaved(
      [header(event, 10_000), part(event, 'email', 5000, 1011), part(event, 'search', 5000, 1012)],
      [],
    )
    const move = (channel: string): string =>
      `UPDATE attribution_allocations SET allocated_revenue_cents = allocated_revenue_cents + 1 WHERE event_id = ${event} AND channel = '${channel}'`
    expect(await interleaved([move('email')], [move('search')])).toEqual(['55000', '55000'])
    expect(
      await interleaved(
        [part(event, 'x', 0, 1013)],
        [`DELETE FROM attribution_allocations WHERE event_id = ${event}`],
      ),
    ).toEqual(['55000', '55000'])
    expect(await sums(event)).toEqual([{ sum: '10000' }])
  })

  test('that write sets of many events at once, in every order', async () => {
    const first = await newEvent('many-0')
    await importEvents(
      context,
      folder,
      Array.from({ length: 40 }, (_, i) => purchase(`many-${i + 1}`)),
    )
    const sets = Array.from({ length: 41 }, (_, i) => setOf(first + i, { email: 3333, search: 6667 }))
    const outcomes = await Promise.allSettled([
      allocate(context, ...sets),
      allocate(context, ...[...sets].reverse()),
      allocate(context, ...sets.slice(10, 30)),
    ])
    const written = outcomes.flatMap((one) => (one.status === 'fulfilled' ? [one.value.new] : []))
    expect(written.reduce((sum, n) => sum + n, 0)).toBe(41)
    const [row] = await rowsOf(context, 'SELECT bool_and(is_balanced) AS balanced FROM mv_allocation_summary')
    expect(row).toEqual({ balanced: true })
  })

  test('that refund one purchase: not more than its revenue', async () => {
    const event = await newEvent('refunded')
    const [imported] = await rowsOf(context, 'SELECT import_id FROM attribution_imports LIMIT 1')
    const adjust = (id: number): string =>
      `INSERT INTO attribution_events (tenant_id, event_id, import_id, import_line, external_event_id, event_type,
         occurred_at, revenue_cents, currency, original_event_id, recorded_at, request_digest)
       VALUES (tieout_current_tenant(), ${id}, '${imported!.import_id}', 1, 'r${id}', 'refund', now(), -6000, 'USD', ${event}, now(), 'd')`
    expect((await interleaved([adjust(5001)], [adjust(5002)])).sort()).toEqual(['23514', 'committed'])
    const both = await Promise.allSettled(
      ['x', 'y'].map((id) => importEvents(context, folder, [refund(`late-${id}`, 'refunded', 3000)])),
    )
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  })

  test('that post to the ledger: one chain', async () => {
    const allocations = await rowsOf(
      context,
      `SELECT allocation_id, allocated_revenue_cents AS cents, external_event_id AS event, channel, model_version
         FROM attribution_allocations JOIN attribution_events USING (tenant_id, event_id) ORDER BY 1 LIMIT 20`,
    )
    const postings = allocations.map(({ allocation_id, cents, event, channel, model_version }) => ({
      allocation_id: allocation_id as bigint,
      reverses: null,
      amount_cents: cents as bigint,
      currency: 'USD',
      posted_at: AT,
      posted_by: 'me',
      effective_date: '2025-06-01',
      verification: 'unverified' as const,
      event: event as string,
      channel: channel as string,
      model_version: model_version as string,
    }))
    const post = (part: typeof postings) => books.transaction(context.tenant, (tx) => postEntries(tx, part))
    await Promise.all([post(postings.slice(0, 10)), post(postings.slice(10))])
    expect(await perform(context, 'ledger verify')).toMatchObject({ entries: 20, violation: null })
  })

  test('that allocate by one model: one does it, and the other is told or finds it done', async () => {
    const own = contextOf(books, await newTenant(books))
    const bring = Array.from({ length: 300 }, (_, i) => purchase(`p${i}`))
    await importEvents(own, folder, [...bring, refund('r', 'p7', 4000)])
    const by = (model: string) =>
      perform(own, 'attribution allocate', { model }).catch((error: { problems: { code: string }[] }) => {
        expect(error.problems.map(({ code }) => code)).toEqual(['TIE-4401'])
      })
    await Promise.all([by('linear'), by('linear'), by('first'), by('last')])
    expect(await rowsOf(own, 'SELECT count(*) AS n FROM attribution_allocation_sets')).toEqual([{ n: 903n }])
    expect(await perform(own, 'attribution allocate', { model: 'linear' })).toMatchObject({
      new: 0,
      same: 301,
    })
    const post = () => perform(own, 'ledger post', { model: 'linear' })
    const posted = await Promise.all([post(), post(), post()])
    // 300 purchases and a refund over two channels, once.
    expect(posted.map((one) => one.posted).sort()).toEqual([0, 0, 602])
    expect(await perform(own, 'ledger verify')).toMatchObject({ entries: 602, violation: null })
  })

  test('a transaction that cannot see what others committed is refused', async () => {
    const event = await newEvent('stale')
    const client = sessions[0]!
    await begin(client, 'REPEATABLE READ')
    await client.query(header(event, 10_000))
    await client.query(part(event, 'email', 10_000, 900_021))
    await expect(client.query('COMMIT')).rejects.toMatchObject({ code: '55000' })
  })
})
