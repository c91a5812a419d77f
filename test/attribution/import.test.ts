/** Events into the books: what is stored, what is the same, what is refused, and what a feed leaves behind. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Context } from '#tieout/books/operation'
import { type EventFields, importEvents, purchase, refund, rowsOf } from '../support/attribution.js'
import { newTenant, sharedTestBooks, type TestBooks } from '../support/books.js'
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
let context: Context
beforeAll(async () => {
  db = await sharedTestBooks()
  folder = makeFolder()
})
afterAll(async () => {
  folder?.remove()
  await db?.close()
})
beforeEach(async () => {
  context = contextOf(db.books, await newTenant(db.books))
})
const bring = (...events: readonly (EventFields | string)[]): Promise<Output> =>
  importEvents(context, folder, events)

describe('what is stored', () => {
  test('a purchase with its path, a refund, a chargeback, a correction', async () => {
    const counts = await bring(
      refund('r1', 'p1', 2500),
      purchase('p1', { customer_id: 'ann', session_id: 's', correlation_id: 'c1' }),
      refund('r2', 'p1', -500, { type: 'chargeback' }),
      refund('k1', 'p1', 100, { type: 'correction' }),
    )
    expect(counts).toMatchObject({ new: 4, same: 0, refused: 0 })
    const { events } = await perform(context, 'events list')
    expect(
      events.map((e: Output) => [e.event_id, e.external_event_id, e.type, e.revenue_cents, e.refund_of]),
    ).toEqual([
      [1, 'r1', 'refund', '-2500', 'p1'],
      [2, 'p1', 'purchase', '10000', null],
      [3, 'r2', 'chargeback', '-500', 'p1'],
      [4, 'k1', 'correction', '100', 'p1'],
    ])
    const shown = await perform(context, 'events show', { event: 'p1' })
    expect(shown.event).toMatchObject({ customer_id: 'ann', session_id: 's', correlation_id: 'c1' })
    expect(shown.touches.map((t: Output) => `${t.position} ${t.channel} ${t.at}`)).toEqual([
      '1 email 2025-05-01T00:00:00Z',
      '2 search 2025-05-02T00:00:00Z',
      '3 email 2025-05-03T00:00:00Z',
    ])
    // 10000 − 2500 − 500 + 100
    expect(await rowsOf(context, 'SELECT currency, events, revenue_cents FROM mv_realtime_revenue')).toEqual([
      { currency: 'USD', events: 4n, revenue_cents: '7100' },
    ])
  })

  test('the same again is the same, wherever it comes from; a key without external id is the correlation id', async () => {
    const one = purchase('p1')
    const two = purchase('', { correlation_id: 'c1' })
    expect(await bring(one, two, one)).toMatchObject({ new: 2, same: 1 })
    expect(await bring(two, purchase('p2'), one)).toMatchObject({ new: 1, same: 2 })
    expect(await perform(context, 'events record', { events: [one] })).toMatchObject({
      new: 0,
      same: 1,
      import_id: null,
    })
    expect(await rowsOf(context, 'SELECT count(*) AS n FROM attribution_imports')).toEqual([{ n: 2n }])
  })

  test('a dry run counts and keeps nothing', async () => {
    expect(await importEvents(context, folder, [purchase('p1')], { dry_run: true })).toMatchObject({
      new: 1,
      dry_run: true,
    })
    expect(await rowsOf(context, 'SELECT count(*) AS n FROM attribution_events')).toEqual([{ n: 0n }])
  })

  test('of several currencies, each by itself', async () => {
    await bring(purchase('p1'), purchase('p2', { currency: 'EUR', revenue_cents: 1 }))
    expect(
      await rowsOf(context, 'SELECT currency, revenue_cents FROM mv_realtime_revenue ORDER BY 1'),
    ).toEqual([
      { currency: 'EUR', revenue_cents: '1' },
      { currency: 'USD', revenue_cents: '10000' },
    ])
  })
})

const touch = (channel: unknown, at: unknown): unknown => ({ channel, at })
const DAY = '2025-05-01T00:00:00Z'

describe('what is refused, with nothing stored', () => {
  test.each<[string, string, readonly (EventFields | string)[]]>([
    ['TIE-4201', 'no key', [purchase('')]],
    ['TIE-4201', 'no currency', [purchase('p', { currency: null })]],
    ['TIE-4201', 'a refund of nothing', [refund('r', '', 1)]],
    ['TIE-4202', 'cents with a point', [purchase('p', { revenue_cents: 1.5 })]],
    [
      'TIE-4202',
      'cents beyond all reason',
      [
        '{"external_event_id":"p","type":"purchase","occurred_at":"2025-05-10T12:00:00Z","revenue_cents":99999999999999999999,"currency":"USD"}',
      ],
    ],
    ['TIE-4203', 'a purchase below zero', [purchase('p', { revenue_cents: -1 })]],
    ['TIE-4203', 'a refund of zero', [purchase('p'), refund('r', 'p', 0)]],
    ['TIE-4204', 'an unknown type', [purchase('p', { type: 'purchse' })]],
    ['TIE-4205', 'a time without a zone', [purchase('p', { occurred_at: '2025-05-10T12:00:00' })]],
    [
      'TIE-4206',
      'a touch after the event',
      [purchase('p', { touches: [touch('a', '2025-05-11T00:00:00Z')] })],
    ],
    [
      'TIE-4206',
      'a refund with a path',
      [purchase('p'), refund('r', 'p', 1, { touches: [touch('a', DAY)] })],
    ],
    ['TIE-4207', 'too many touches', [purchase('p', { touches: Array(10_001).fill(touch('a', DAY)) })]],
    ['TIE-3151', 'a million touches', [purchase('p', { touches: Array(1_000_000).fill(touch('a', DAY)) })]],
    ['TIE-4208', 'the same key with other content', [purchase('p'), purchase('p', { revenue_cents: 2 })]],
    ['TIE-4209', 'a refund of what is not there', [refund('r', 'p', 1)]],
    ['TIE-4210', 'a refund of a refund', [purchase('p'), refund('r', 'p', 1), refund('s', 'r', 1)]],
    ['TIE-4210', 'a refund in another currency', [purchase('p'), refund('r', 'p', 1, { currency: 'EUR' })]],
    [
      'TIE-4211',
      'a refund beyond the remainder',
      [purchase('p'), refund('r', 'p', 9000), refund('s', 'p', 1001)],
    ],
    ['TIE-4212', 'no JSON', ['{"external_event_id":']],
    ['TIE-4212', 'a list', ['[1]']],
    ['TIE-4212', 'a touch that is none', [purchase('p', { touches: [7] })]],
    ['TIE-4213', 'an unknown field', [purchase('p', { revenue: 7 })]],
    ['TIE-4214', 'no currency code', [purchase('p', { currency: 'usd' })]],
    ['TIE-4220', 'an id that no index holds', [purchase('p'.repeat(501))]],
    ['TIE-2413', 'a NUL', [purchase('p\u0000')]],
    ['TIE-2410', 'an empty file', ['']],
  ])('%s: %s', async (code, _, events) => {
    const problems = await refusedAndNothingStored(db.books, () => bring(...events))
    expect(codes(problems)).toContain(code)
  })

  test('all problems at once, each with its line', async () => {
    const problems = await refusal(
      bring(purchase('a'), '{', purchase('b', { type: 'x', currency: '?' }), purchase('c')),
    )
    expect(problems.map(({ code, place }) => [code, place?.line])).toEqual([
      ['TIE-4212', 2],
      ['TIE-4204', 3],
      ['TIE-4214', 3],
    ])
  })

  test('what is there stays: other content, and refunds over several imports', async () => {
    await bring(purchase('p'), refund('r1', 'p', 6000))
    expect(codes(await refusal(bring(purchase('p', { revenue_cents: 1 }))))).toEqual(['TIE-4208'])
    expect(codes(await refusal(bring(refund('r2', 'p', 4001))))).toEqual(['TIE-4211'])
    expect(await bring(refund('r3', 'p', 4000))).toMatchObject({ new: 1 })
    expect(codes(await refusal(bring(refund('r4', 'p', 1))))).toEqual(['TIE-4211'])
  })

  test("another tenant's event is one that is not there", async () => {
    await bring(purchase('p'))
    const other = contextOf(db.books, await newTenant(db.books))
    const [hers] = await refusal(importEvents(other, folder, [refund('r', 'p', 1)]))
    const [nobodys] = await refusal(importEvents(other, folder, [refund('r', 'q', 1)]))
    expect(hers).toMatchObject({ code: 'TIE-4209' })
    expect(hers!.message.replace('"p"', '"q"')).toBe(nobodys!.message)
    expect(codes(await refusal(perform(other, 'events show', { event: 'p' })))).toEqual(['TIE-4215'])
    expect(codes(await refusal(perform(other, 'events show', { event: '1' })))).toEqual(['TIE-4215'])
    expect(await importEvents(other, folder, [purchase('p', { revenue_cents: 1 })])).toMatchObject({ new: 1 })
  })
})

describe('a feed that must not stop', () => {
  const feed = (...events: readonly (EventFields | string)[]): Promise<Output> =>
    importEvents(context, folder, events, { dead_letter: true })
  const dead = async (): Promise<Output[]> => (await perform(context, 'dead-events list')).dead_events

  test('stores what is good and keeps the rest, also what falls with another', async () => {
    const counts = await feed(
      purchase('p'),
      '{broken',
      refund('r1', 'p', 9000),
      refund('r2', 'p', 2000),
      refund('r3', 'p', 1000),
      purchase('bad', { currency: 'no' }),
      refund('r4', 'bad', 1),
    )
    expect(counts).toMatchObject({ new: 3, same: 0, refused: 4 })
    expect((await dead()).map((d) => [d.import_line, d.state, d.problems[0].code])).toEqual([
      [2, 'pending', 'TIE-4212'],
      [4, 'pending', 'TIE-4211'],
      [6, 'pending', 'TIE-4214'],
      [7, 'pending', 'TIE-4209'],
    ])
  })

  test('tried again it is counted, corrected it becomes an event, discarded it says why', async () => {
    await feed(refund('r', 'p', 1), '{x')
    await feed('{x')
    const [orphan, broken] = await dead()
    expect([orphan.attempts, broken.attempts]).toEqual([1, 2])
    const retry = (id: number, more = {}) =>
      perform(context, 'dead-events retry', { dead_event: id, ...more })
    expect(codes(await refusal(retry(orphan.dead_event_id)))).toEqual(['TIE-4209'])
    await bring(purchase('p'))
    expect((await retry(orphan.dead_event_id)).dead_event).toMatchObject({
      state: 'resolved',
      resolved_event_id: 2,
      raw_payload: null,
    })
    const discard = () =>
      perform(context, 'dead-events discard', { dead_event: broken.dead_event_id, note: 'a probe' })
    expect((await discard()).dead_event).toMatchObject({
      state: 'discarded',
      note: 'a probe',
      raw_payload: null,
    })
    expect(codes(await refusal(discard()))).toEqual(['TIE-4217'])
    expect(codes(await refusal(retry(99)))).toEqual(['TIE-4216'])
  })
})

describe('channels', () => {
  const channelsOf = async (event: string): Promise<string[]> =>
    (await perform(context, 'events show', { event })).touches.map((t: Output) => t.channel)

  test('stand for themselves until one is declared; then what is not declared is unknown', async () => {
    await bring(purchase('p'))
    expect(await channelsOf('p')).toEqual(['email', 'search', 'email'])
    await perform(context, 'channels add', { code: 'email', family: 'owned', paid: false })
    expect(await channelsOf('p')).toEqual(['email', 'unknown', 'email'])
    await perform(context, 'channels map', { code: 'search', to: 'email' })
    expect(await channelsOf('p')).toEqual(['email', 'email', 'email'])
    const { channels } = await perform(context, 'channels list')
    expect(channels.map((c: Output) => `${c.code} ${c.state} ${c.maps_to}`)).toEqual([
      'email active null',
      'search mapped email',
      'unknown active null',
    ])
  })

  test('map to one that stands for itself', async () => {
    await bring(purchase('p'))
    const map = (code: string, to: string) => perform(context, 'channels map', { code, to })
    expect(codes(await refusal(map('search', 'emial')))).toEqual(['TIE-4218'])
    expect(codes(await refusal(map('search', 'search')))).toEqual(['TIE-4219'])
    await map('search', 'email')
    expect(codes(await refusal(map('x', 'search')))).toEqual(['TIE-4219'])
    expect(codes(await refusal(map('email', 'unknown')))).toEqual(['TIE-4219'])
    expect(codes(await refusal(perform(context, 'channels add', { code: 'unknown' })))).toEqual(['TIE-4219'])
  })
})

describe('what is personal is detached', () => {
  /** All that must stay: money, digests, totals, the chain. */
  const kept = async () => [
    await rowsOf(
      context,
      `SELECT event_id, external_event_id, correlation_id, event_type, occurred_at, revenue_cents, currency, original_event_id,
         recorded_at, request_digest FROM attribution_events ORDER BY event_id`,
    ),
    await rowsOf(context, 'SELECT * FROM attribution_touchpoints ORDER BY event_id, position'),
    await rowsOf(context, 'SELECT * FROM attribution_allocation_sets ORDER BY event_id'),
    await rowsOf(context, 'SELECT * FROM attribution_channel_totals ORDER BY channel, occurred_on'),
    await rowsOf(context, 'SELECT * FROM attribution_revenue_totals'),
    await perform(context, 'ledger verify'),
  ]
  const personal = () =>
    rowsOf(
      context,
      `SELECT coalesce(external_event_id, correlation_id) AS key, customer_id, session_id, raw_payload IS NOT NULL AS raw
         FROM attribution_events WHERE num_nonnulls(customer_id, session_id, raw_payload) > 0 ORDER BY event_id`,
    )
  const EVENTS = [
    purchase('p', { customer_id: 'ann', session_id: 's1' }),
    purchase('q', { customer_id: 'ann', session_id: 's2' }),
    purchase('', { correlation_id: 'c', session_id: 's1' }),
    refund('r', 'p', 4000, { customer_id: 'ann' }),
  ]

  test.each<[string, object, number, readonly string[]]>([
    ['from the events of a customer', { customer: 'ann' }, 3, ['c']],
    ['from the events of a session', { session: 's1' }, 2, ['q', 'r']],
    ['from one event, by its external id', { event: 'p' }, 1, ['q', 'c', 'r']],
    ['from one event, by its correlation id', { event: 'c' }, 1, ['p', 'q', 'r']],
    ['from one event, by its number', { event: '2' }, 1, ['p', 'c', 'r']],
    ['from nobody', { session: 's3' }, 0, ['p', 'q', 'c', 'r']],
  ])('%s; money, digests, totals and the chain stay', async (_, whose, erased, left) => {
    await bring(...EVENTS)
    await perform(context, 'attribution allocate', { model: 'linear' })
    await perform(context, 'ledger post')
    const before = await kept()
    expect(await perform(context, 'events erase', { ...whose })).toEqual({ erased, dead_events: [] })
    expect(await kept()).toEqual(before)
    expect((await personal()).map(({ key }) => key)).toEqual(left)
    // Again there is nothing left to erase, the same events are still the same, and allocated again nothing changes.
    expect(await perform(context, 'events erase', { ...whose })).toEqual({ erased: 0, dead_events: [] })
    expect(await bring(...EVENTS)).toMatchObject({ new: 0, same: 4 })
    expect(await perform(context, 'attribution allocate', { model: 'linear' })).toMatchObject({
      new: 0,
      same: 4,
    })
  })

  test('and lists the pending dead events that still name it', async () => {
    const name = 'Zoë "Z" O\'Hara'
    await bring(purchase('p', { customer_id: name }))
    await importEvents(
      context,
      folder,
      [
        refund('r', 'p', 20_000, { customer_id: name }),
        purchase('q', { currency: 'no', customer_id: 'bob' }),
        `{broken ${name}`,
      ],
      { dead_letter: true },
    )
    const erase = () => perform(context, 'events erase', { customer: name })
    expect(await erase()).toEqual({ erased: 1, dead_events: [1, 3] })
    await perform(context, 'dead-events discard', { dead_event: 1, note: 'more than was paid' })
    expect(await erase()).toEqual({ erased: 0, dead_events: [3] })
    expect(await perform(context, 'events erase', { customer: "O'Har_" })).toEqual({
      erased: 0,
      dead_events: [],
    })
  })

  test('and says when and by whom; one of the three is asked for, of the own tenant', async () => {
    await bring(...EVENTS)
    await perform(context, 'events erase', { event: 'p' })
    const { event, touches } = await perform(context, 'events show', { event: 'p' })
    expect(event).toMatchObject({ customer_id: null, revenue_cents: '10000', erased_at: expect.any(String) })
    expect(touches).toHaveLength(3)
    const erase = (whose: object) => refusal(perform(context, 'events erase', { ...whose }))
    expect(codes(await erase({}))).toEqual(['TIE-4413'])
    expect(codes(await erase({ customer: 'ann', session: 's1' }))).toEqual(['TIE-4413'])
    expect(codes(await erase({ event: 'nobody' }))).toEqual(['TIE-4215'])
    const other = contextOf(db.books, await newTenant(db.books))
    expect(codes(await refusal(perform(other, 'events erase', { event: 'q' })))).toEqual(['TIE-4215'])
    expect(await perform(other, 'events erase', { customer: 'ann' })).toEqual({ erased: 0, dead_events: [] })
    expect(await personal()).toHaveLength(3)
  })
})
