/**
 * The verification list of attribution, executed: docs/reference/attribution-verification.md names a test for each item,
 * and here every name is looked up. What had no other place is tested here: bad input, what one tenant can learn of
 * another, and what no role may do.
 */

import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Context } from '#tieout/books/operation'
import { CATALOGUE } from '#tieout/surfaces/catalogue'
import { makeApp } from '#tieout/surfaces/http/http-app'
import { type EventFields, importEvents, purchase, refund } from '../support/attribution.js'
import { newTenant } from '../support/books.js'
import {
  codes,
  contextOf,
  type Folder,
  makeFolder,
  perform,
  REPOSITORY,
  refusal,
  refusedAndNothingStored,
} from '../support/cli.js'
import { type Ask, askOf, type HttpBed, hostOf, openHttp } from '../support/http.js'

let bed: HttpBed
let folder: Folder
beforeAll(async () => {
  bed = await openHttp()
  folder = makeFolder()
})
afterAll(async () => {
  folder?.remove()
  await bed?.close()
})

const fresh = async (): Promise<Context> => contextOf(bed.db.books, await newTenant(bed.db.books))

describe('the list', () => {
  const page = readFileSync(join(REPOSITORY, 'docs', 'reference', 'attribution-verification.md'), 'utf8')
  const rows = [...page.matchAll(/^\| (.+?) \| `(\S+)` \| (.+) \|$/gm)].map(([, item, file, tests]) => ({
    item: item!,
    file: file!,
    tests: tests!.split(' · '),
  }))

  test('names what there is: every test in its file', () => {
    expect(rows.length).toBeGreaterThan(40)
    const missing = rows.flatMap(({ file, tests }) => {
      const source = readFileSync(join(REPOSITORY, file), 'utf8')
      return tests.filter((name) => !source.includes(name)).map((name) => `${file}: ${name}`)
    })
    expect(missing).toEqual([])
  })

  test('has every kind of thing that was to be verified', () => {
    const headings = [...page.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading)
    expect(headings).toEqual([
      'Migrations',
      'Idempotency',
      'Foreign keys',
      'Checks',
      'Sum equality',
      'The ledger',
      'Immutability',
      'Isolation',
      'Contracts',
      'Indexes',
      'Two sessions',
      'Bad input',
    ])
  })
})

describe('bad input has its code, and nothing is stored', () => {
  const LATE = { channel: 'email', at: '2025-05-11T00:00:00Z' }
  const many = Array(1_000_000).fill({ channel: 'a', at: '2025-05-01T00:00:00Z' })
  const imported =
    (...events: readonly (EventFields | string)[]) =>
    (context: Context) =>
      importEvents(context, folder, events)
  const allocated = (model: string) => (context: Context) =>
    perform(context, 'attribution allocate', { model })

  test.each<[string, string, (context: Context) => Promise<unknown>]>([
    ['shares that are no numbers', 'TIE-4104', allocated('position?shape=custom&shares=NaN/0/1')],
    ['shares below 0', 'TIE-4104', allocated('position?shape=custom&shares=-10/60/50')],
    ['weights below 0', 'TIE-4104', allocated('custom?weights=email:-1')],
    ['a purchase below zero', 'TIE-4203', imported(purchase('p', { revenue_cents: -1 }))],
    ['a refund beyond the remainder', 'TIE-4211', imported(purchase('p'), refund('r', 'p', 10_001))],
    [
      'a refund in another currency',
      'TIE-4210',
      imported(purchase('p'), refund('r', 'p', 1, { currency: 'EUR' })),
    ],
    ['a touch after the event', 'TIE-4206', imported(purchase('p', { touches: [LATE] }))],
    ['an unknown model', 'TIE-4101', allocated('lineer')],
    ['an unknown version of a model', 'TIE-4102', allocated('linear@9')],
    ['a path of a million touches', 'TIE-3151', imported(purchase('p', { touches: many }))],
    [
      'a path of more touches than an event may have',
      'TIE-4207',
      imported(purchase('p', { touches: many.slice(0, 10_001) })),
    ],
  ])('%s: %s', async (_, code, work) => {
    const context = await fresh()
    await importEvents(context, folder, [purchase('there')])
    expect(codes(await refusedAndNothingStored(bed.db.books, () => work(context)))).toContain(code)
  })

  test.each([1, 2, 5])('NDJSON that is malformed in line %s of 5', async (bad) => {
    const context = await fresh()
    const lines = [1, 2, 3, 4, 5].map((line) => (line === bad ? '{"type":' : purchase(`p${line}`)))
    const problems = await refusedAndNothingStored(bed.db.books, () => importEvents(context, folder, lines))
    expect(problems.map(({ code, place }) => [code, place?.line])).toEqual([['TIE-4212', bad]])
  })

  test.each(['-0.00001', '1.00001', 'NULL'])('a ratio of %s, whatever program writes it', async (ratio) => {
    const context = await fresh()
    await importEvents(context, folder, [purchase('p')])
    await perform(context, 'attribution allocate', { model: 'linear' })
    const write = context.books.transaction(context.tenant, (tx) =>
      tx.execute(
        `INSERT INTO attribution_allocations
         VALUES (tieout_current_tenant(), 1, (SELECT model_version FROM attribution_allocation_sets), 'unknown', 9, ${ratio}, 0)`,
      ),
    )
    await expect(write).rejects.toMatchObject({ code: ratio === 'NULL' ? '23502' : '23514' })
  })
})

describe('what one tenant can learn of another', () => {
  let own: Context
  let hers: Context
  let ask: Ask
  /** What is hers, and what is nobody's, of the same form. */
  let pairs: Readonly<Record<string, readonly [string, string]>>
  beforeAll(async () => {
    ;[own, hers] = [await fresh(), await fresh()]
    await importEvents(
      hers,
      folder,
      [purchase('hers', { customer_id: 'ann' }), refund('hers-r', 'hers', 1), ...DEAD],
      {
        dead_letter: true,
      },
    )
    await perform(hers, 'channels add', { code: 'hers-channel' })
    const allocation = await perform(hers, 'attribution allocate', { model: 'shapley' })
    await perform(hers, 'ledger post')
    const { run_id } = await perform(hers, 'reconcile')
    pairs = {
      event: ['hers', 'none'],
      run: [run_id, randomUUID()],
      id: [allocation.run_id, randomUUID()],
      dead_event: ['13', '97'],
      code: ['hers-channel', 'none-channel'],
      weights: [
        allocation.model_version,
        allocation.model_version.replace(/.$/, (end: string) => (end === '0' ? '1' : '0')),
      ],
    }
    const access = {
      answers: () => true,
      whoAsks: async () => ({ tenant: own.tenant, who: 'x', role: 'admin' as const }),
    }
    ask = askOf(makeApp({ ...hostOf(bed.db), access }))
  })

  const DEAD = Array.from({ length: 13 }, (_, i) => `{dead ${i}`)
  const BODIES: Readonly<Record<string, (id: string) => object>> = {
    'channels map': (id) => ({ to: id }),
    'dead-events discard': () => ({ note: 'x' }),
  }

  /** The answer without what was asked for, and without the run that was made of it. */
  async function answer(method: string, path: string, json: object | undefined, id: string): Promise<string> {
    const { status, text } = await ask(method, path, {
      ...(json === undefined ? {} : { json }),
      headers: {
        'x-correlation-id': 'c',
        'x-request-id': 'r',
        ...(method === 'GET' ? {} : { 'idempotency-key': randomUUID() }),
      },
    })
    const names = [id, encodeURIComponent(id)].map(
      (one) => new RegExp(`\\b${one.replaceAll(/[.+]/g, '[.+]')}\\b`, 'g'),
    )
    const told = names.reduce((said, name) => said.replaceAll(name, 'ID'), text)
    return `${status} ${told.replaceAll(/Run [0-9a-f-]{36}|"instance":"[^"]*"/g, '')}`
  }

  const routes = CATALOGUE.flatMap(({ name, http }) => {
    const place = http?.path.match(/\{(\w+)\}/)?.[1]
    const isOurs =
      /^(?:events|attribution|ledger|channels|dead-events|reconcil|claims|settlements|export revenue|runs show)/.test(
        name,
      )
    return isOurs && place !== undefined && place !== 'model'
      ? [[name, http!.method, http!.path, place] as const]
      : []
  })
  test('every route that names something was found', () => {
    expect(routes.map(([name]) => name).sort()).toEqual(
      expect.arrayContaining([
        'attribution explain',
        'channels map',
        'dead-events discard',
        'dead-events retry',
        'events show',
        'reconciliation show',
      ]),
    )
  })

  test.each(routes)('%s: what is hers is what is not there', async (name, method, path, place) => {
    const ids = pairs[place]!
    const answers = []
    for (const id of ids)
      answers.push(
        await answer(
          method,
          path.replace(`{${place}}`, encodeURIComponent(id)),
          method === 'GET' ? undefined : (BODIES[name]?.(id) ?? {}),
          id,
        ),
      )
    expect(answers[0]).toBe(answers[1])
    expect(answers[0]).toMatch(/^404 /)
    expect(answers[0]).not.toContain(hers.tenant)
  })

  test.each<[string, string, (id: string) => string, (id: string) => object | undefined]>([
    ['event', 'GET', (id) => `/api/v1/ledger/entries?event=${id}`, () => undefined],
    ['event', 'GET', (id) => `/api/v1/attribution/allocations?model=shapley&event=${id}`, () => undefined],
    ['event', 'POST', () => '/api/v1/events/erasures', (id) => ({ event: id })],
    ['event', 'POST', () => '/api/v1/events', (id) => ({ events: [refund('mine', id, 1)] })],
    ['weights', 'POST', () => '/api/v1/attribution/allocations', (id) => ({ model: 'shapley', weights: id })],
    [
      'weights',
      'GET',
      (id) => `/api/v1/attribution/allocations?model_version=${encodeURIComponent(id)}`,
      () => undefined,
    ],
    ['code', 'GET', (id) => `/api/v1/attribution/allocations?model=shapley&channel=${id}`, () => undefined],
  ])('by %s: %s %s', async (place, method, path, json) => {
    const [hersAsked, nobodysAsked] = pairs[place]!
    const first = await answer(method, path(hersAsked), json(hersAsked), hersAsked)
    const second = await answer(method, path(nobodysAsked), json(nobodysAsked), nobodysAsked)
    expect(first).toBe(second)
  })

  test('keys, numbers and totals are each tenant’s own', async () => {
    const third = await fresh()
    expect(await importEvents(third, folder, [purchase('hers', { revenue_cents: 5 })])).toMatchObject({
      new: 1,
      same: 0,
    })
    expect((await perform(third, 'events show', { event: 'hers' })).event.event_id).toBe(1)
    expect(await perform(third, 'attribution realtime')).toMatchObject({ total_revenue: '0.05' })
    expect(
      (await perform(third, 'channels list')).channels.map(({ code }: { code: string }) => code),
    ).not.toContain('hers-channel')
    expect(await perform(third, 'ledger verify')).toMatchObject({ entries: 0 })
  })

  test('no row can name what is hers: every foreign key between tables of tenants has the tenant in it', async () => {
    const loose = await bed.db.books.maintain((session) =>
      session.rows(
        `SELECT c.conrelid::regclass::text || '.' || c.conname AS key FROM pg_constraint c
          WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace
            AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.confrelid AND a.attname = 'tenant_id')
            AND NOT EXISTS (
              SELECT FROM unnest(c.conkey, c.confkey) AS k (own, other)
              JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.own AND a.attname = 'tenant_id'
              JOIN pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = k.other AND b.attname = 'tenant_id')`,
      ),
    )
    expect(loose).toEqual([])
  })

  test('no function tells: those with other rights are for triggers, or ask for a secret', async () => {
    const callable = await bed.db.books.maintain((session) =>
      session.rows<{ name: string }>(
        `SELECT p.proname::text AS name FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef
           AND p.prorettype <> 'trigger'::regtype AND has_function_privilege('tieout_app', p.oid, 'EXECUTE')`,
      ),
    )
    expect(callable).toEqual([{ name: 'tieout_find_api_key' }])
  })
})

test.each(['tieout_app', 'tieout_owner', 'tieout_purger', 'tieout_superseder'] as const)(
  '%s changes no sealed set, no entry and no event, and is told',
  async (role) => {
    const context = await fresh()
    await importEvents(context, folder, [purchase('p')])
    await perform(context, 'attribution allocate', { model: 'linear' })
    await perform(context, 'ledger post')
    for (const sql of [
      `UPDATE attribution_allocation_sets SET content_digest = 'x'`,
      `UPDATE attribution_allocation_sets SET run_id = gen_random_uuid()`,
      'UPDATE attribution_allocations SET allocated_revenue_cents = allocated_revenue_cents',
      'UPDATE revenue_ledger SET amount_cents = amount_cents',
      `UPDATE attribution_events SET revenue_cents = revenue_cents`,
      ...[
        'attribution_allocation_sets',
        'attribution_allocations',
        'revenue_ledger',
        'attribution_events',
      ].flatMap((table) => [`DELETE FROM ${table}`, `TRUNCATE ${table} CASCADE`]),
    ]) {
      const work = context.books.transaction(context.tenant, (tx) => {
        const as = {
          tieout_owner: 'asOwner',
          tieout_purger: 'asPurger',
          tieout_superseder: 'asSuperseder',
        } as const
        return role === 'tieout_app' ? tx.execute(sql) : tx[as[role]](() => tx.execute(sql))
      })
      await expect(work, sql).rejects.toMatchObject({
        code: expect.stringMatching(/^(?:42501|55000|23503)$/),
      })
    }
    expect(await refusal(perform(context, 'events show', { event: 'q' }))).toMatchObject([
      { code: 'TIE-4215' },
    ])
  },
)
