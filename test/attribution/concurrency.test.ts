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

  describe('in every interleaving', () => {
    /** All merges of two lists of `n` statements: which session is next. */
    const merges = (one: number, two: number): number[][] =>
      one + two === 0
        ? [[]]
        : [
            ...(one > 0 ? merges(one - 1, two).map((rest) => [0, ...rest]) : []),
            ...(two > 0 ? merges(one, two - 1).map((rest) => [1, ...rest]) : []),
          ]

    /** Statements in the order of `turns`; one that waits for the other session is left waiting while that goes on. */
    async function inTurns(lists: readonly [readonly string[], readonly string[]], turns: readonly number[]) {
      const outcomes = ['', '']
      const lanes = [Promise.resolve(), Promise.resolve()]
      const next = [0, 0]
      const send = (lane: number, sql: string) => {
        const client = sessions[lane]!
        lanes[lane] = lanes[lane]!.then(async () => {
          if (outcomes[lane] !== '') return
          try {
            await client.query(sql)
            if (sql === 'COMMIT') outcomes[lane] = 'committed'
          } catch (error) {
            await client.query('ROLLBACK')
            outcomes[lane] = (error as { code: string }).code
          }
        })
      }
      for (const client of sessions) await begin(client)
      for (const lane of turns) {
        send(lane, lists[lane]![next[lane]!++]!)
        await Promise.race([lanes[lane], wait(15)])
      }
      await Promise.all(lanes)
      return outcomes.sort()
    }

    const balanced = () =>
      rowsOf(
        context,
        'SELECT event_id, model_version FROM mv_allocation_summary WHERE is_balanced IS NOT TRUE',
      )
    const turnsOf3 = merges(3, 3)

    test('two computations of one event over disjoint channels: one wins, and it sums', async () => {
      for (const [i, turns] of turnsOf3.entries()) {
        const event = await newEvent(`turn-${i}`)
        const by = (channel: string, id: number) =>
          [header(event, 10_000), part(event, channel, 10_000, id), 'COMMIT'] as const
        expect(await inTurns([by('email', 20_000 + 2 * i), by('search', 20_001 + 2 * i)], turns)).toEqual([
          '23505',
          'committed',
        ])
        expect(await sums(event)).toEqual([{ sum: '10000' }])
      }
      expect(await balanced()).toEqual([])
    })

    test('a cent more and a cent more, of a set that one of them writes', async () => {
      for (const [i, turns] of merges(4, 2).entries()) {
        const event = await newEvent(`cent-${i}`)
        const write = [
          header(event, 10_000),
          part(event, 'email', 5000, 30_000 + 2 * i),
          part(event, 'search', 5000, 30_001 + 2 * i),
          'COMMIT',
        ] as const
        const more = `UPDATE attribution_allocations SET allocated_revenue_cents = allocated_revenue_cents + 1 WHERE event_id = ${event} AND channel = 'email'`
        // What it does not see it does not change; what it sees is sealed.
        const outcomes = await inTurns([write, [more, 'COMMIT']], turns)
        expect(outcomes).toContain('committed')
        expect(await sums(event)).toEqual([{ sum: '10000' }])
      }
      expect(await balanced()).toEqual([])
    })

    test('two that replace one set, and two refunds: one of each at most', async () => {
      const [imported] = await rowsOf(context, 'SELECT import_id FROM attribution_imports LIMIT 1')
      for (const [i, turns] of turnsOf3.entries()) {
        const event = await newEvent(`edit-${i}`)
        await allocate(context, setOf(event, { email: 10_000 }, { model_version: 'm' }))
        const replace = (version: string, id: number) => [
          `WITH ended AS (UPDATE attribution_allocation_sets SET superseded_by = '${version}', superseded_at = now()
             WHERE event_id = ${event} AND model_version = 'm' AND superseded_by IS NULL RETURNING event_id)
           INSERT INTO attribution_allocation_sets (tenant_id, event_id, model_version, run_id, revenue_cents, currency,
             input_digest, content_digest, computed_at)
           SELECT tieout_current_tenant(), event_id, '${version}', '${run}', 10000, 'USD', 'i', 'c', now() FROM ended`,
          `INSERT INTO attribution_allocations SELECT tenant_id, event_id, model_version, 'search', ${id}, 1, 10000
             FROM attribution_allocation_sets WHERE event_id = ${event} AND model_version = '${version}'`,
          'COMMIT',
        ]
        await inTurns([replace('m2', 40_000 + 2 * i), replace('m3', 40_001 + 2 * i)], turns)
        expect(
          await rowsOf(
            context,
            `SELECT count(*) AS n FROM attribution_allocation_sets WHERE event_id = ${event} AND superseded_by IS NULL`,
          ),
        ).toEqual([{ n: 1n }])
        const back = (id: number) => [
          `INSERT INTO attribution_events (tenant_id, event_id, import_id, import_line, external_event_id, event_type,
             occurred_at, revenue_cents, currency, original_event_id, recorded_at, request_digest)
           VALUES (tieout_current_tenant(), ${id}, '${imported!.import_id}', 1, 'r${id}', 'refund', now(), -6000, 'USD', ${event}, now(), 'd')`,
          'SET CONSTRAINTS ALL IMMEDIATE',
          'COMMIT',
        ]
        expect(await inTurns([back(event + 1), back(event + 2)], turns)).toEqual(['23514', 'committed'])
      }
      expect(await balanced()).toEqual([])
      expect(
        await rowsOf(
          context,
          `SELECT t.channel FROM (SELECT channel, sum(allocated_revenue_cents) AS cents FROM attribution_channel_totals GROUP BY 1) t
             JOIN (SELECT channel, sum(allocated_revenue_cents) AS cents FROM attribution_allocations
               JOIN attribution_allocation_sets USING (tenant_id, event_id, model_version) WHERE superseded_by IS NULL GROUP BY 1) a
             USING (channel) WHERE t.cents <> a.cents`,
        ),
      ).toEqual([])
    })
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
