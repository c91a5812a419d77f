/** The ledger: what is posted and reversed, what was known when, and the proof of its chain, also from a file alone. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Instant } from '#tieout/base/dates'
import type { Context } from '#tieout/books/operation'
import { type EventFields, importEvents, purchase, refund, rowsOf } from '../support/attribution.js'
import { newTenant, openTestBooks, type TestBooks } from '../support/books.js'
import { codes, contextOf, type Folder, makeFolder, type Output, perform, refusal } from '../support/cli.js'

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

  test('by one model: another is refused, or replaces it; the first cannot come back', async () => {
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
    expect(codes(await refusal(post({ model: 'linear', replace: true })))).toEqual(['TIE-4407'])
    // The ledger's own model needs no naming.
    expect(await post()).toMatchObject({ posted: 0, reversed: 0 })
    expect(await verify()).toMatchObject({ entries: 5, violation: null })
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
