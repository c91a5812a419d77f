/** Events allocated in bulk: what is written, what stays, what supersedes what; why each cent; comparisons. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Context } from '#tieout/books/operation'
import { type EventFields, importEvents, purchase, refund, rowsOf } from '../support/attribution.js'
import { newTenant, openTestBooks, type TestBooks } from '../support/books.js'
import { codes, contextOf, type Folder, makeFolder, type Output, perform, refusal } from '../support/cli.js'

let db: TestBooks
let folder: Folder
let context: Context
beforeAll(async () => {
  db = await openTestBooks()
  folder = makeFolder()
})
afterAll(async () => {
  folder?.remove()
  await db?.close()
})
beforeEach(async () => {
  context = contextOf(db.books, await newTenant(db.books))
})

const LINEAR = 'linear@1.0.0+1ce4943f54342bc8'
const bring = (...events: readonly EventFields[]): Promise<Output> => importEvents(context, folder, events)
const allocate = (model = 'linear@1', more: object = {}): Promise<Output> =>
  perform(context, 'attribution allocate', { model, ...more })
/** `{e1: {email: 6667, search: 3333}}` of the sets that hold. */
async function shares(
  more: EventFields = { model: 'linear@1' },
): Promise<Record<string, Record<string, number>>> {
  const { allocations } = await perform(context, 'attribution allocations', more)
  const found: Record<string, Record<string, number>> = {}
  for (const { external_event_id, channel, allocated_revenue_cents } of allocations) {
    found[external_event_id] ??= {}
    found[external_event_id]![channel] = Number(allocated_revenue_cents)
  }
  return found
}
const versions = (): Promise<Record<string, unknown>[]> =>
  rowsOf(
    context,
    'SELECT event_id, model_version, superseded_by FROM attribution_allocation_sets ORDER BY event_id, model_version',
  )
const touch = (channel: string, day: string) => ({ channel, at: `2025-05-${day}T00:00:00Z` })

describe('what is written', () => {
  test('every event gets a set that sums to it; again nothing changes', async () => {
    await bring(purchase('e1'), refund('r1', 'e1', 2500), purchase('e2', { touches: [] }))
    const first = await allocate()
    expect(first).toMatchObject({
      model: 'linear@1.0.0',
      model_version: LINEAR,
      events: 3,
      new: 3,
      same: 0,
      superseded: 0,
      // 10000 − 2500 + 10000
      revenue: [
        {
          currency: 'USD',
          events: 3,
          revenue_cents: '17500',
          allocated_cents: '17500',
          unknown_cents: '10000',
        },
      ],
    })
    expect(first.findings).toMatchObject([{ code: 'REVENUE_IN_UNKNOWN', rows: 1 }])
    // 10000 · 2/3 = 6666.67: the cent goes to the larger remainder. 2500 over 6667 and 3333: 1666.75 and 833.25.
    expect(await shares()).toEqual({
      e1: { email: 6667, search: 3333 },
      r1: { email: -1667, search: -833 },
      e2: { unknown: 10000 },
    })
    const again = await allocate()
    expect(again).toMatchObject({ events: 3, new: 0, same: 3, superseded: 0 })
    expect([again.result_digest, again.input_digest]).toEqual([first.result_digest, first.input_digest])
    expect(await versions()).toHaveLength(3)
    const runs = await rowsOf(context, 'SELECT status, kind, result_digest FROM calculation_runs')
    expect(runs).toEqual(
      [first, first].map(({ result_digest }) => ({
        status: 'COMPLETED',
        kind: 'attribution',
        result_digest,
      })),
    )
  })

  test('refunds, chargebacks and corrections that come later only add; all of it taken back leaves zero', async () => {
    await bring(purchase('e1'))
    await allocate()
    const first = await shares()
    await bring(refund('r1', 'e1', 3333), refund('c1', 'e1', 1, { type: 'chargeback' }))
    expect(await allocate()).toMatchObject({ new: 2, same: 1, superseded: 0 })
    await bring(refund('k1', 'e1', 100, { type: 'correction' }), refund('r2', 'e1', 6766))
    expect(await allocate()).toMatchObject({ new: 2, same: 3, superseded: 0 })
    const found = await shares()
    expect(found.e1).toEqual(first.e1)
    // What adds is split by the weights 2 : 1; then the refund takes all that is left.
    expect(found.k1).toEqual({ email: 67, search: 33 })
    const left = Object.values(found).reduce(
      (sum, { email, search }) => [sum[0]! + email!, sum[1]! + search!],
      [0, 0],
    )
    expect(left).toEqual([0, 0])
    expect((await versions()).every((set) => set.superseded_by === null)).toBe(true)
  })

  test('a mapping made later supersedes the sets it changes, with their refunds, and no others', async () => {
    await bring(
      purchase('e1'),
      refund('r1', 'e1', 3000),
      purchase('e2', { touches: [touch('search', '01')] }),
    )
    await allocate()
    await perform(context, 'channels map', { code: 'newsletter', to: 'search' })
    await perform(context, 'channels add', { code: 'email' })
    await perform(context, 'channels add', { code: 'search' })
    expect(await allocate()).toMatchObject({ new: 0, same: 3 })
    await perform(context, 'channels map', { code: 'email', to: 'search' })
    expect(await allocate()).toMatchObject({ new: 2, same: 1, superseded: 2 })
    expect(await versions()).toEqual([
      { event_id: 1n, model_version: LINEAR, superseded_by: `${LINEAR}.r2` },
      { event_id: 1n, model_version: `${LINEAR}.r2`, superseded_by: null },
      { event_id: 2n, model_version: LINEAR, superseded_by: `${LINEAR}.r2` },
      { event_id: 2n, model_version: `${LINEAR}.r2`, superseded_by: null },
      { event_id: 3n, model_version: LINEAR, superseded_by: null },
    ])
    expect(await shares()).toEqual({ e1: { search: 10000 }, r1: { search: -3000 }, e2: { search: 10000 } })
    // The old sets stay, by their version.
    expect(await shares({ model_version: LINEAR })).toMatchObject({
      e1: { email: 6667, search: 3333 },
      r1: { email: -2000, search: -1000 },
    })
    await bring(refund('r2', 'e1', 7000))
    expect(await allocate()).toMatchObject({ new: 1, same: 3, superseded: 0 })
    expect((await versions()).find(({ event_id }) => event_id === 4n)).toMatchObject({
      model_version: `${LINEAR}.r2`,
    })
    await perform(context, 'channels add', { code: 'email' })
    expect(await allocate()).toMatchObject({ new: 3, same: 1, superseded: 3 })
    expect((await versions())[2]).toMatchObject({ model_version: `${LINEAR}.r3`, superseded_by: null })
    expect(await shares()).toMatchObject({
      e1: { email: 6667, search: 3333 },
      r2: { email: -4667, search: -2333 },
    })
  })

  test('events by when they occurred, each with its refunds; a dry run keeps nothing', async () => {
    await bring(
      purchase('may'),
      purchase('june', { occurred_at: '2025-06-10T00:00:00Z' }),
      refund('r', 'may', 1, { occurred_at: '2025-07-01T00:00:00Z' }),
    )
    expect(await allocate('linear', { dry_run: true })).toMatchObject({ new: 3, run_id: null, dry_run: true })
    expect(await rowsOf(context, 'SELECT id FROM calculation_runs')).toEqual([])
    expect(await allocate('linear', { until: '2025-06-01' })).toMatchObject({ events: 2, new: 2 })
    expect(await allocate('linear', { since: '2025-06-01T00:00:00+02:00' })).toMatchObject({
      events: 1,
      new: 1,
    })
    expect(await allocate('linear')).toMatchObject({ events: 3, same: 3 })
    expect(Object.keys(await shares({ model: 'linear', since: '2025-06-01' }))).toEqual(['june', 'r'])
    expect(codes(await refusal(allocate('linear', { since: 'soon' })))).toEqual(['TIE-4405'])
  })

  test('the same digest whatever the order in which events arrived', async () => {
    const events = [purchase('e1'), purchase('e2', { touches: [touch('ads', '01')] }), refund('r1', 'e1', 77)]
    await bring(...events)
    const first = await allocate()
    context = contextOf(db.books, await newTenant(db.books))
    await bring(...events.toReversed())
    const second = await allocate()
    expect([second.result_digest, second.input_digest]).toEqual([first.result_digest, first.input_digest])
  })

  test('nothing to allocate is a run with nothing', async () => {
    expect(await allocate()).toMatchObject({ events: 0, new: 0, revenue: [], findings: [] })
    const none = await refusal(allocate('markov'))
    expect(codes(none)).toEqual(['TIE-4117', 'TIE-2502'])
    expect(await rowsOf(context, 'SELECT status FROM calculation_runs ORDER BY executed_at')).toEqual([
      { status: 'COMPLETED' },
      { status: 'FAILED' },
    ])
  })
})

describe('what is read', () => {
  const read = async (model = 'linear', more: object = {}): Promise<unknown[]> => {
    const found = await allocate(model, more)
    return [found.mode, found.computed, found.events, found.new]
  }

  test('only what came since, with the families it belongs to, while nothing else has changed', async () => {
    await bring(purchase('e1'), purchase('e2'), refund('r1', 'e1', 10))
    expect(await read()).toEqual(['full', 3, 3, 3])
    expect(await read()).toEqual(['incremental', 0, 3, 0])
    await bring(purchase('e3'), refund('r2', 'e1', 5))
    // e3, and e1 with both of its refunds.
    expect(await read('linear', { dry_run: true })).toEqual(['incremental', 4, 5, 2])
    expect(await read()).toEqual(['incremental', 4, 5, 2])
    expect(await read('linear', { full: true })).toEqual(['full', 5, 5, 0])
    expect(await read()).toEqual(['incremental', 0, 5, 0])
    // Other parameters are another model, which has no point.
    expect(await read('linear?lookback=30')).toEqual(['full', 5, 5, 5])
  })

  test('everything when the taxonomy takes codes for something else; a code that was only seen decides nothing', async () => {
    await bring(purchase('e1'))
    await read()
    await bring(purchase('e2', { touches: [touch('ads', '01')] }))
    expect(await read()).toEqual(['incremental', 1, 2, 1])
    await perform(context, 'channels add', { code: 'email' })
    expect(await read()).toEqual(['full', 2, 2, 2])
    expect(await read()).toEqual(['incremental', 0, 2, 0])
    // A family alone changes no split.
    await perform(context, 'channels add', { code: 'email', family: 'owned' })
    expect(await read()).toEqual(['incremental', 0, 2, 0])
  })

  test('everything after only some were allocated on another taxonomy, also when it is the old one again', async () => {
    const june = { occurred_at: '2025-06-10T00:00:00Z' }
    await bring(purchase('may'), purchase('june', june))
    await perform(context, 'channels add', { code: 'email' })
    await perform(context, 'channels add', { code: 'search' })
    await read()
    // On the same taxonomy what a filter allocates is allocated.
    await bring(purchase('more', june))
    expect(await read('linear', { since: '2025-06-01' })).toEqual(['full', 2, 2, 1])
    expect(await read()).toEqual(['incremental', 1, 3, 0])
    await perform(context, 'channels map', { code: 'search', to: 'email' })
    expect(await read('linear', { since: '2025-06-01' })).toEqual(['full', 2, 2, 2])
    await perform(context, 'channels add', { code: 'search' })
    expect(await read()).toEqual(['full', 3, 3, 2])
    expect(await shares({ model: 'linear' })).toMatchObject({ june: { email: 6667, search: 3333 } })
  })

  test('of a model that learns everything, and by stored weights what came since', async () => {
    await bring(purchase('e1'))
    const { model_version: weights } = await allocate('shapley')
    expect(await read('shapley', { weights })).toEqual(['incremental', 0, 1, 0])
    await bring(purchase('e2', { touches: [touch('email', '01')] }))
    expect(await read('shapley', { weights })).toEqual(['incremental', 1, 2, 1])
    expect(await read('shapley')).toEqual(['full', 2, 2, 2])
    expect(await read('shapley', { weights })).toEqual(['full', 2, 2, 2])
  })
})

describe('models that learn', () => {
  test('go by a table of weights that is stored; new purchases make another, and its sets supersede', async () => {
    await bring(purchase('e1'), refund('r1', 'e1', 500))
    const first = await allocate('shapley')
    expect(first.findings.map(({ code }: Output) => code)).toEqual(['LEARNED_WITHOUT_NULLS'])
    // Σ over one path of two channels: half each.
    expect(await shares({ model: 'shapley' })).toMatchObject({ e1: { email: 5000, search: 5000 } })
    const [table] = await rowsOf(
      context,
      'SELECT model_version, table_digest, weights FROM attribution_weight_tables',
    )
    expect(table).toEqual({
      model_version: first.model_version,
      table_digest: first.table_digest,
      weights: [
        { channel: 'email', weight: '500000000000000000' },
        { channel: 'search', weight: '500000000000000000' },
      ],
    })
    expect(await allocate('shapley')).toMatchObject({ new: 0, same: 2, model_version: first.model_version })
    await bring(purchase('e2', { touches: [touch('email', '01')] }))
    // By the old weights only the new purchase is new.
    expect(await allocate('shapley', { weights: first.model_version })).toMatchObject({ new: 1, same: 2 })
    const second = await allocate('shapley')
    expect(second).toMatchObject({ new: 3, same: 0, superseded: 3 })
    expect(second.model_version).not.toBe(first.model_version)
    // email 1 + 1/2, search 1/2.
    expect(await shares({ model: 'shapley' })).toMatchObject({ e1: { email: 7500, search: 2500 } })
    // Back to the old weights: their version is taken, so it is the next revision.
    expect(await allocate('shapley', { weights: first.model_version })).toMatchObject({
      new: 3,
      superseded: 3,
    })
    expect(
      await rowsOf(
        context,
        `SELECT DISTINCT model_version AS v FROM attribution_allocation_sets
      WHERE superseded_by IS NULL`,
      ),
    ).toEqual([{ v: `${first.model_version}.r2` }])
  })

  test('weights that are not there, and of a model that learns none', async () => {
    await bring(purchase('e1'))
    const { model_version } = await allocate('markov')
    const [lost] = await refusal(allocate('markov', { weights: `${model_version}0` }))
    expect(lost).toMatchObject({
      code: 'TIE-4403',
      remedy: expect.stringContaining(`Did you mean "${model_version}"?`),
    })
    expect(codes(await refusal(allocate('shapley', { weights: model_version })))).toContain('TIE-4403')
    expect(codes(await refusal(allocate('linear', { weights: model_version })))).toEqual(['TIE-4409'])
  })
})

describe('why this cent', () => {
  const explain = (event: string, more: object = {}): Promise<Output> =>
    perform(context, 'attribution explain', { event, ...more })

  test('touches, exact weights, the steps; a refund by what remained', async () => {
    await bring(
      purchase('e1', {
        touches: [touch('ads', '01'), touch('email', '08'), touch('email', '09'), touch('search', '09')],
      }),
      refund('r1', 'e1', 1000),
    )
    await allocate('linear?lookback=7&transform=exposure')
    const { sets } = await explain('e1')
    expect(sets).toHaveLength(1)
    expect(sets[0]).toMatchObject({
      model: 'linear@1.0.0?transform=exposure&lookback=7',
      split_by: 'weights',
      inputs_changed: false,
      left_over_cents: '0',
    })
    expect(sets[0].touches.map(({ why_not }: Output) => why_not)).toEqual([
      'before the look-back window of 7 days',
      'one with the next touch, of email too',
      null,
      null,
    ])
    const refunded = await explain('r1', { channel: 'search' })
    expect(refunded.sets[0]).toMatchObject({ split_by: 'remaining', touches: [] })
    expect(refunded.sets[0].steps).toEqual([
      {
        channel: 'search',
        remaining_cents: '5000',
        share: '1/2',
        exact_cents: '-500',
        whole_cents: '-500',
        remainder: '0',
        rank: 2,
        extra_cent: false,
        allocated_revenue_cents: '-500',
      },
    ])
    expect(await refusal(explain('r1', { channel: 'serch' }))).toMatchObject([
      { code: 'TIE-4410', remedy: expect.stringContaining('Did you mean "search"?') },
    ])
    expect(codes(await refusal(explain('e1', { model: 'first' })))).toEqual(['TIE-4404'])
    expect(codes(await refusal(explain('e9')))).toEqual(['TIE-4215'])
    await perform(context, 'channels map', { code: 'email', to: 'search' })
    expect((await explain('e1')).sets[0]).toMatchObject({ inputs_changed: true, steps: [], touches: [] })
  })

  test.each([
    'linear',
    'first',
    'last-non-direct',
    'position?shape=Z',
    'time-decay',
    'markov',
    'shapley',
    'custom?weights=email:1',
  ])('of %s: the steps give what is stored', async (model) => {
    await bring(
      purchase('e1', {
        revenue_cents: 9999,
        touches: [...'abcab'].map((code, i) => touch(code, `0${i + 1}`)),
      }),
      refund('r1', 'e1', 1234),
      refund('k1', 'e1', 5, { type: 'correction' }),
      refund('r2', 'e1', 4321),
    )
    await allocate(model)
    for (const event of ['e1', 'r1', 'k1', 'r2']) {
      const { sets } = await explain(event)
      const cents = (rows: Output[]) =>
        rows.map(({ channel, allocated_revenue_cents }) => [channel, allocated_revenue_cents])
      // Channels that a touch gave no weight have no row of the purchase, and 0 of what adjusts it.
      expect(cents(sets[0].steps)).toEqual(cents(sets[0].allocations))
    }
  })
})

test('two models compared: differences by channel sum to zero in each currency', async () => {
  await bring(purchase('e1'), purchase('e2', { currency: 'EUR' }), refund('r1', 'e1', 99), purchase('e3'))
  await allocate('linear', { until: '2025-06-01' })
  await allocate('first')
  await bring(purchase('e4', { touches: [touch('ads', '01')] }))
  await allocate('first')
  const { channels, ...found } = await perform(context, 'attribution compare', {
    models: ['linear', 'first'],
  })
  expect(found).toMatchObject({
    models: ['linear@1.0.0', 'first@1.0.0'],
    events: 4,
    only_left: 0,
    only_right: 1,
  })
  expect(channels).toEqual([
    { channel: 'email', currency: 'EUR', left_cents: '6667', right_cents: '10000', difference_cents: '3333' },
    { channel: 'search', currency: 'EUR', left_cents: '3333', right_cents: '0', difference_cents: '-3333' },
    {
      channel: 'email',
      currency: 'USD',
      left_cents: '13268',
      right_cents: '19901',
      difference_cents: '6633',
    },
    { channel: 'search', currency: 'USD', left_cents: '6633', right_cents: '0', difference_cents: '-6633' },
  ])
})

test('allocations in pages, by event, channel and currency', async () => {
  await bring(purchase('e1'), purchase('e2'), purchase('e3', { currency: 'EUR' }))
  await allocate()
  const list = (more: object) => perform(context, 'attribution allocations', { model: 'linear', ...more })
  const first = await list({ limit: 3 })
  const rest = await list({ limit: 3, cursor: first.next_cursor })
  const all = [...first.allocations, ...rest.allocations]
  expect(all.map(({ external_event_id, channel }: Output) => `${external_event_id} ${channel}`)).toEqual(
    ['e1', 'e2', 'e3'].flatMap((event) => [`${event} email`, `${event} search`]),
  )
  expect(rest.next_cursor).toBeNull()
  expect((await list({ event: 'e2', channel: 'search', currency: 'USD' })).allocations).toHaveLength(1)
  expect((await list({ currency: 'EUR' })).allocations).toHaveLength(2)
  expect(codes(await refusal(perform(context, 'attribution allocations')))).toEqual(['TIE-4412'])
})

test('a set that comes out otherwise though nothing changed is not taken for another', async () => {
  await bring(purchase('e1'))
  await allocate()
  await db.books.maintain((session) =>
    session.script(
      `ALTER TABLE attribution_allocation_sets DISABLE TRIGGER USER;
       UPDATE attribution_allocation_sets SET content_digest = 'odd' WHERE tenant_id = '${context.tenant}';
       ALTER TABLE attribution_allocation_sets ENABLE TRIGGER USER`,
    ),
  )
  // Nothing it was made of has changed, so it is not looked at unless it is asked for, or something adjusts its event.
  expect(await allocate()).toMatchObject({ mode: 'incremental', computed: 0 })
  expect(codes(await refusal(allocate('linear', { full: true })))).toEqual(['TIE-4402', 'TIE-2502'])
  await bring(refund('r1', 'e1', 1))
  expect(codes(await refusal(allocate()))).toEqual(['TIE-4402', 'TIE-2502'])
})

test('interrupted: the run is FAILED and nothing was written', async () => {
  await bring(purchase('e1'))
  const interrupted = new AbortController()
  const stopping = {
    ...context,
    signal: interrupted.signal,
    progress: { report: () => interrupted.abort() },
  }
  expect(codes(await refusal(perform(stopping, 'attribution allocate', { model: 'linear' })))).toEqual([
    'TIE-2503',
  ])
  expect(await versions()).toEqual([])
  expect(await rowsOf(context, `SELECT status, error->>'message' AS why FROM calculation_runs`)).toEqual([
    { status: 'FAILED', why: 'interrupted' },
  ])
  expect(await allocate()).toMatchObject({ new: 1 })
})

test('by one session at a time', async () => {
  await bring(purchase('e1'))
  const held = db.books.whileHolding(`attribution:${context.tenant}:${LINEAR}`, () => refusal(allocate()))
  expect(codes((await held)!)).toEqual(['TIE-4401'])
})
