/** The ledger: what is posted and reversed, what was known when, and the proof of its chain, also from a file alone. */

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { postEntries } from '#tieout/attribution/store/ledger'
import type { Instant } from '#tieout/base/dates'
import type { Context } from '#tieout/books/operation'
import { type EventFields, importEvents, purchase, refund, rowsOf } from '../support/attribution.js'
import { newTenant, openTestBooks, type TestBooks } from '../support/books.js'
import {
  codes,
  contextOf,
  type Folder,
  makeFolder,
  type Output,
  perform,
  REPOSITORY,
  refusal,
} from '../support/cli.js'

let db: TestBooks
let folder: Folder
let context: Context
let now: string
beforeAll(async () => {
  db = await openTestBooks()
  folder = makeFolder()
})
afterAll(async () => {
  folder?.remove()
  await db?.close()
})
beforeEach(async () => {
  now = '2025-07-01T00:00:00Z'
  context = contextOf(db.books, await newTenant(db.books), { now: () => now as Instant })
})

const LINEAR = 'linear@1.0.0+1ce4943f54342bc8'
const bring = (...events: readonly EventFields[]): Promise<Output> => importEvents(context, folder, events)
const allocate = (model = 'linear'): Promise<Output> => perform(context, 'attribution allocate', { model })
const post = (more: object = {}): Promise<Output> => perform(context, 'ledger post', { ...more })
const verify = (more: object = {}): Promise<Output> => perform(context, 'ledger verify', { ...more })
/** `{email: 5000, search: 5000}`. */
async function balance(more: object = {}): Promise<Record<string, number>> {
  const { channels } = await perform(context, 'ledger balance', { ...more })
  return Object.fromEntries(channels.map((one: Output) => [one.channel, Number(one.balance_cents)]))
}

describe('posting', () => {
  test('each allocation once; a refund is entries of its own; parts of zero are not posted', async () => {
    await bring(purchase('e1'), refund('r1', 'e1', 1))
    await allocate()
    // e1: 6667 and 3333. r1: the cent goes to email, search has 0.
    expect(await post()).toMatchObject({
      model: 'linear@1.0.0+1ce4943f54342bc8',
      posted: 3,
      reversed: 0,
      entries: 3,
      amounts: [{ currency: 'USD', posted_cents: '9999', reversed_cents: '0' }],
    })
    const { head } = await verify()
    expect(await post()).toMatchObject({ posted: 0, reversed: 0, entries: 3, head })
    await bring(refund('r2', 'e1', 9999))
    await allocate()
    expect(await post()).toMatchObject({ posted: 2, reversed: 0 })
    expect(await balance()).toEqual({ email: 0, search: 0 })
    expect(await verify()).toMatchObject({ entries: 5, violation: null })
    const { entries } = await perform(context, 'ledger list', { event: 'r1' })
    expect(entries).toMatchObject([
      {
        entry_no: 3,
        event: 'r1',
        channel: 'email',
        amount_cents: '-1',
        effective_date: '2025-05-20',
        posted_at: '2025-07-01T00:00:00Z',
        verification: 'unverified',
        reverses: null,
      },
    ])
  })

  test('a set that was superseded is reversed in its period, and what was known then can be asked', async () => {
    await bring(purchase('e1'), purchase('e2', { occurred_at: '2025-06-10T00:00:00Z' }))
    await allocate()
    await post()
    await perform(context, 'channels add', { code: 'search' })
    await perform(context, 'channels map', { code: 'email', to: 'search' })
    await allocate()
    now = '2025-08-01T00:00:00Z'
    expect(await post()).toMatchObject({
      posted: 2,
      reversed: 4,
      amounts: [{ currency: 'USD', posted_cents: '20000', reversed_cents: '-20000' }],
    })
    const may = { from: '2025-05-01', to: '2025-05-31' }
    expect(await balance(may)).toEqual({ email: 0, search: 10000 })
    expect(await balance({ ...may, as_known_at: '2025-07-15' })).toEqual({ email: 6667, search: 3333 })
    expect(await balance({ ...may, as_known_at: '2025-06-30' })).toEqual({})
    expect(await balance()).toEqual({ email: 0, search: 20000 })
    expect(await post()).toMatchObject({ posted: 0, reversed: 0 })
    expect(await verify()).toMatchObject({ entries: 10, violation: null })
    const { entries } = await perform(context, 'ledger list', { channel: 'email', ...may })
    expect(
      entries.map(({ entry_no, reverses, amount_cents }: Output) => [entry_no, reverses, amount_cents]),
    ).toEqual([
      [1, null, '6667'],
      [5, 1, '-6667'],
    ])
    // What reads need: earned and posted.
    expect(await rowsOf(context, 'SELECT revenue_cents, posted_cents FROM mv_realtime_revenue')).toEqual([
      { revenue_cents: '20000', posted_cents: '20000' },
    ])
  })

  test('by one model: another is refused, or replaces it', async () => {
    await bring(purchase('e1'))
    expect(codes(await refusal(post()))).toEqual(['TIE-4411'])
    await allocate('linear')
    await allocate('first')
    expect(await refusal(post())).toMatchObject([
      { code: 'TIE-4411', message: expect.stringContaining('first@1.0.0+') },
    ])
    await post({ model: 'linear' })
    expect(codes(await refusal(post({ model: 'first' })))).toEqual(['TIE-4406'])
    expect(await post({ model: 'first', replace: true })).toMatchObject({ posted: 1, reversed: 2 })
    expect(await balance()).toEqual({ email: 10000, search: 0 })
    // The ledger's own model needs no naming.
    expect(await post()).toMatchObject({ posted: 0, reversed: 0 })
    expect(await verify()).toMatchObject({ entries: 5, violation: null })
  })

  test('back to a model that was replaced: its sets are made again, and posted afresh', async () => {
    await bring(purchase('e1'), refund('r1', 'e1', 4000), purchase('e2', { currency: 'EUR' }))
    await allocate('linear')
    await allocate('first')
    await post({ model: 'linear' })
    const totals = async () => [
      await rowsOf(context, 'SELECT * FROM attribution_revenue_totals ORDER BY currency'),
      await rowsOf(
        context,
        'SELECT * FROM attribution_channel_totals WHERE allocations > 0 ORDER BY model, currency, occurred_on, channel',
      ),
    ]
    const [linear, before] = [await balance(), await totals()]
    now = '2025-08-01T00:00:00Z'
    await post({ model: 'first', replace: true })
    const first = await balance()
    // Since then: a refund that linear has not allocated yet, and a purchase that it has.
    await bring(refund('r2', 'e1', 1000), purchase('e3', { revenue_cents: 0 }))
    await allocate('linear')
    now = '2025-09-01T00:00:00Z'
    expect(await post({ model: 'linear', replace: true })).toMatchObject({
      model: LINEAR,
      // e1 with its two refunds, and e2; e3 was never posted.
      revised: 4,
      reversed: 3,
      posted: 8,
      amounts: [
        { currency: 'EUR', posted_cents: '10000', reversed_cents: '-10000' },
        { currency: 'USD', posted_cents: '5000', reversed_cents: '-6000' },
      ],
    })
    // r2 took 667 and 333.
    expect(await balance()).toEqual({ email: linear.email! - 667, search: linear.search! - 333 })
    // What was known before stays what was known.
    expect(await balance({ as_known_at: '2025-07-15' })).toEqual(linear)
    expect(await balance({ as_known_at: '2025-08-15' })).toEqual(first)
    expect(
      await rowsOf(
        context,
        `SELECT event_id, model_version, superseded_by FROM attribution_allocation_sets WHERE model = '${LINEAR}'
          ORDER BY event_id, model_version`,
      ),
    ).toEqual([
      ...[1n, 2n, 3n].flatMap((event_id) => [
        { event_id, model_version: LINEAR, superseded_by: `${LINEAR}.r2` },
        { event_id, model_version: `${LINEAR}.r2`, superseded_by: null },
      ]),
      { event_id: 4n, model_version: LINEAR, superseded_by: `${LINEAR}.r2` },
      { event_id: 4n, model_version: `${LINEAR}.r2`, superseded_by: null },
      { event_id: 5n, model_version: LINEAR, superseded_by: null },
    ])
    // The sets say what they said: allocated again nothing changes, and every cent is explained.
    expect(await allocate('linear')).toMatchObject({ new: 0, same: 5 })
    const { sets } = await perform(context, 'attribution explain', { event: 'r1', model: 'linear' })
    expect(sets).toMatchObject([
      { model_version: `${LINEAR}.r2`, inputs_changed: false, left_over_cents: '1' },
    ])
    expect(
      await rowsOf(context, 'SELECT * FROM mv_allocation_summary WHERE is_balanced IS NOT TRUE'),
    ).toEqual([])
    // An allocation is posted once, and what is posted and not reversed is what holds.
    expect(
      await rowsOf(
        context,
        `SELECT count(*) AS n FROM revenue_ledger WHERE allocation_id IS NOT NULL GROUP BY allocation_id HAVING count(*) > 1`,
      ),
    ).toEqual([])
    expect(await post()).toMatchObject({ posted: 0, reversed: 0, revised: 0 })
    const file = join(folder.path, 'again.ndjson')
    const { head } = await perform(context, 'ledger export', { file })
    // 6, then 6 reversed and 3, then 3 reversed and 8.
    expect(await verify({ head })).toMatchObject({ entries: 26, violation: null })
    expect(await verify({ file, head })).toMatchObject({ entries: 26, violation: null })
    expect(
      execFileSync('node', [join(REPOSITORY, 'offline', 'verify-ledger.mjs'), file], { encoding: 'utf8' }),
    ).toContain('26 entries follow')
    // Views and totals: as before but for the refund and the purchase since.
    expect(
      await rowsOf(
        context,
        `SELECT channel, sum(amount_cents)::text AS cents FROM v_posted_revenue WHERE currency = 'USD' GROUP BY 1 ORDER BY 1`,
      ),
    ).toEqual([
      { channel: 'email', cents: String(linear.email! - 667) },
      { channel: 'search', cents: String(linear.search! - 333) },
    ])
    const [revenue, channels] = await totals()
    expect(revenue).toMatchObject([
      { currency: 'EUR', revenue_cents: '10000', posted_cents: '10000' },
      { currency: 'USD', revenue_cents: '5000', posted_cents: '5000', events: 4n },
    ])
    // Nothing of a channel is counted twice for being allocated again.
    const byDay = (rows: Record<string, unknown>[]) =>
      rows.map((one) =>
        [
          one.model,
          one.currency,
          one.occurred_on,
          one.channel,
          one.allocated_revenue_cents,
          one.allocations,
        ].join(' '),
      )
    expect(byDay(channels!).filter((one) => one.includes('2025-05-10 search'))).toEqual([
      `${LINEAR} EUR 2025-05-10 search 3333 1`,
      // e1, and the zero of e3.
      `${LINEAR} USD 2025-05-10 search 3333 2`,
    ])
    expect(byDay(before[1]!).filter((one) => one.includes('EUR'))).toEqual(
      byDay(channels!).filter((one) => one.includes('EUR')),
    )
    // And there and back once more.
    await post({ model: 'first', replace: true })
    expect(await post({ model: 'linear', replace: true })).toMatchObject({ revised: 4, posted: 8 })
    expect(await balance()).toEqual({ email: linear.email! - 667, search: linear.search! - 333 })
    const runs = await rowsOf(
      context,
      `SELECT run_name, status FROM calculation_runs WHERE run_name LIKE 'Posting%'`,
    )
    expect(runs).toEqual(
      Array(3).fill({
        run_name: expect.stringMatching(/^Posting by (?:linear|first)@1.0.0 again$/),
        status: 'COMPLETED',
      }),
    )
  })

  test('back to a model that is being allocated by: told, and nothing is posted', async () => {
    await bring(purchase('e1'))
    await allocate('linear')
    await allocate('first')
    await post({ model: 'linear' })
    await post({ model: 'first', replace: true })
    const before = await balance()
    const held = db.books.whileHolding(`attribution:${context.tenant}:${LINEAR}`, () =>
      refusal(post({ model: 'linear', replace: true })),
    )
    expect(codes((await held)!)).toEqual(['TIE-4401'])
    expect(await balance()).toEqual(before)
    const stopped = { ...context, signal: AbortSignal.abort() }
    expect(codes(await refusal(perform(stopped, 'ledger post', { model: 'linear', replace: true })))).toEqual(
      ['TIE-2503'],
    )
    expect(await balance()).toEqual(before)
    expect(await post({ model: 'linear', replace: true })).toMatchObject({
      revised: 1,
      posted: 2,
      reversed: 1,
    })
  })

  test('weights learned, replaced and come back to keep their version', async () => {
    await bring(purchase('e1'))
    const { model_version } = await allocate('shapley')
    await allocate('linear')
    await post({ model: 'shapley' })
    await post({ model: 'linear', replace: true })
    await post({ model: 'shapley', replace: true })
    expect(
      await rowsOf(
        context,
        `SELECT model_version FROM attribution_allocation_sets WHERE superseded_by IS NULL AND model LIKE 'shapley%'`,
      ),
    ).toEqual([{ model_version: `${model_version}.r2` }])
    expect(await allocate('shapley')).toMatchObject({ new: 0, same: 1 })
    expect(
      (await perform(context, 'attribution explain', { event: 'e1', model: 'shapley' })).sets,
    ).toMatchObject([{ inputs_changed: false }])
  })

  test('an entry says whether its event was verified when it was posted', async () => {
    await bring(purchase('e1'), purchase('e2'))
    await allocate()
    await post()
    const settled = (name: string, ...rows: string[]) =>
      perform(context, 'settlements import', {
        file: folder.write(
          `${name}.csv`,
          `platform,reference,amount_cents,currency,occurred_on\n${rows.join('\n')}\n`,
        ),
      })
    await settled('one', 'ads,e1,10000,USD,2025-06-01', 'ads,r2,-4000,USD,2025-06-01')
    await perform(context, 'reconcile')
    await bring(refund('r1', 'e1', 4000), refund('r2', 'e2', 4000))
    await allocate()
    await perform(context, 'reconcile')
    await post()
    const shown = async () =>
      (await perform(context, 'ledger list')).entries.map(
        ({ event, verification, reverses }: Output) =>
          `${event} ${verification}${reverses === null ? '' : ' reversed'}`,
      )
    expect(await shown()).toEqual([
      ...['e1', 'e1', 'e2', 'e2'].map((event) => `${event} unverified`),
      // r1 was settled by nobody; e1 was, but is a reference of its own.
      ...['r1', 'r1'].map((event) => `${event} unverified`),
      ...['r2', 'r2'].map((event) => `${event} verified`),
    ])
    // Another model: reversals and postings of what is verified now say so, whatever their first entries said.
    await allocate('first')
    await post({ model: 'first', replace: true })
    expect((await shown()).slice(8)).toEqual([
      ...['e1', 'e1'].map((event) => `${event} verified reversed`),
      ...['e2', 'e2', 'r1', 'r1'].map((event) => `${event} unverified reversed`),
      ...['r2', 'r2'].map((event) => `${event} verified reversed`),
      'e1 verified',
      'r1 unverified',
      'e2 unverified',
      'r2 verified',
    ])
    // As it is known now, and what is verified at this moment: 10000 of e1 less 4000 of r2.
    expect(
      await rowsOf(
        context,
        `SELECT verification, sum(amount_cents)::text AS cents FROM v_posted_revenue GROUP BY 1 ORDER BY 1`,
      ),
    ).toEqual([
      { verification: 'unverified', cents: '6000' },
      { verification: 'verified', cents: '6000' },
    ])
    expect((await perform(context, 'attribution realtime')).currencies).toMatchObject([
      { verified_cents: '6000', unverified_cents: '6000', posted_cents: '12000' },
    ])
    expect(await verify()).toMatchObject({ entries: 20, violation: null })
  })

  test.each([
    ['verified, and is not', 'e1', 'verified'],
    ['unverified, and is not', 'e2', 'unverified'],
  ])('the database takes no entry that says it is %s', async (_, event, verification) => {
    await bring(purchase('e1'), purchase('e2'))
    await allocate('first')
    await perform(context, 'settlements import', {
      file: folder.write(
        'e2.csv',
        'platform,reference,amount_cents,currency,occurred_on\nads,e2,10000,USD,2025-06-01\n',
      ),
    })
    await perform(context, 'reconcile')
    const posting = {
      allocation_id: event === 'e1' ? 1n : 2n,
      reverses: null,
      amount_cents: 10_000n,
      currency: 'USD',
      posted_at: now,
      posted_by: 'me',
      effective_date: '2025-05-10',
      verification: verification as 'verified',
      event,
      channel: 'email',
      model_version: 'x',
    }
    await expect(
      context.books.transaction(context.tenant, (tx) => postEntries(tx, [posting])),
    ).rejects.toMatchObject({ constraint: 'entries_say_what_is_verified' })
  })

  test('dates and cursors that are none', async () => {
    expect(codes(await refusal(balance({ from: '2025-02-30' })))).toEqual(['TIE-4405'])
    expect(codes(await refusal(balance({ as_known_at: 'now' })))).toEqual(['TIE-4405'])
    expect(codes(await refusal(perform(context, 'ledger list', { cursor: 'x' })))).toEqual(['TIE-1605'])
  })
})

describe('the chain', () => {
  test('a channel, an event or a version that was changed behind an entry is found', async () => {
    await bring(purchase('e1'))
    await allocate()
    await post()
    await db.books.maintain((session) =>
      session.script(
        `ALTER TABLE attribution_events DISABLE TRIGGER USER;
         UPDATE attribution_events SET external_event_id = 'other' WHERE tenant_id = '${context.tenant}';
         ALTER TABLE attribution_events ENABLE TRIGGER USER`,
      ),
    )
    expect((await verify()).violation).toEqual({ entry_no: 1, what: 'its content is not that of its hash' })
  })

  test('is exported with all that it covers, and proved from the file; every change of it is found', async () => {
    await bring(purchase('Zürich "1"'), refund('r1', 'Zürich "1"', 1))
    await allocate()
    await post()
    await perform(context, 'channels map', { code: 'email', to: 'search' })
    await allocate()
    await post()
    const file = join(folder.path, 'ledger.ndjson')
    const written = await perform(context, 'ledger export', { file })
    const { head, entries } = await verify()
    expect(written).toMatchObject({ entries, head })
    expect(codes(await refusal(perform(context, 'ledger export', { file })))).toEqual(['TIE-2801'])
    expect(await verify({ file, head })).toEqual({ entries, head, violation: null })
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
    expect(lines).toHaveLength(entries)
    const proofOf = (changed: readonly string[], more: object = {}) =>
      verify({ file: folder.write('changed.ndjson', `${changed.join('\n')}\n`), ...more })
    for (const [i, line] of lines.entries()) {
      const entry = JSON.parse(line)
      for (const name of Object.keys(entry)) {
        const value = entry[name]
        const changed = {
          ...entry,
          [name]: value === null ? (name === 'reverses' ? 1 : 'x') : other(name, value),
        }
        if (name === 'allocation_id' && value === null) changed[name] = 77
        const text = lines.map((one, j) => (j === i ? JSON.stringify(changed) : one))
        expect((await proofOf(text)).violation?.entry_no, `${name} of ${line}`).toBe(
          name === 'entry_no' ? changed.entry_no : i + 1,
        )
      }
    }
    expect((await proofOf([lines[0]!, lines[2]!])).violation).toEqual({
      entry_no: 3,
      what: 'entry 2 is missing',
    })
    expect((await proofOf(lines.slice(0, -1))).violation).toBeNull()
    expect((await proofOf(lines.slice(0, -1), { head })).violation).toEqual({
      entry_no: entries,
      what: `no entry has the hash ${head}`,
    })
    const [more, less] = [JSON.parse(lines[1]!), JSON.parse(lines[1]!)]
    more.note = 'x'
    delete less.channel
    for (const bad of ['{', '[]', JSON.stringify(more), JSON.stringify(less)])
      expect(await refusal(proofOf([lines[0]!, bad]))).toMatchObject([
        { code: 'TIE-4408', place: { line: 2 } },
      ])
  })

  const other = (name: string, value: unknown): unknown =>
    typeof value === 'number'
      ? value + 1
      : name === 'amount_cents'
        ? String(BigInt(value as string) + 1n)
        : name === 'posted_at'
          ? '2025-07-01T00:00:00.000001Z'
          : `${value}x`
})
