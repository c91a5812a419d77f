/**
 * Random events in random batches: an allocation of what came since leaves the books and says what one of everything
 * does. Between batches the taxonomy may change, and sometimes only some of the events are allocated.
 */

import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Context } from '#tieout/books/operation'
import { type EventFields, importEvents, rowsOf } from '../support/attribution.js'
import { newTenant, openTestBooks, type TestBooks } from '../support/books.js'
import { contextOf, type Folder, makeFolder, type Output, perform } from '../support/cli.js'

let db: TestBooks
let folder: Folder
beforeAll(async () => {
  db = await openTestBooks()
  folder = makeFolder()
})
afterAll(async () => {
  folder?.remove()
  await db?.close()
})

const MODELS = ['linear?lookback=20', 'position?shape=W', 'time-decay?half-life=3']
const CODES = ['a', 'b', 'c', 'é']

const day = (n: number, month = '05') => `2025-${month}-${String(n).padStart(2, '0')}T00:00:00Z`
const drawnPurchase = fc.record({
  cents: fc.integer({ min: 0, max: 50_000 }),
  currency: fc.constantFrom('USD', 'EUR'),
  occurred: fc.integer({ min: 1, max: 28 }),
  touches: fc.array(
    fc.record({
      channel: fc.constantFrom(...CODES),
      at: fc.integer({ min: 1, max: 31 }).map((n) => day(n)),
      milestone: fc.constantFrom(null, null, 'lead', 'opportunity', 'lead+opportunity'),
    }),
    { maxLength: 5 },
  ),
})
const drawnBatch = fc.record({
  purchases: fc.array(drawnPurchase, { maxLength: 4 }),
  /** Of purchases by their place among all until now, taking back this part of what is left, in thousandths. */
  adjustments: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 1100 })), { maxLength: 4 }),
  /** A code that is declared or mapped before the events are allocated. */
  taxonomy: fc.option(fc.tuple(fc.constantFrom(...CODES), fc.boolean()), { freq: 4 }),
  isFiltered: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
})

/** What is left of each purchase, by the arithmetic of whoever sends the events. */
class Sender {
  private readonly left: { readonly currency: string; cents: number }[] = []
  private sent = 0

  events({
    purchases,
    adjustments,
  }: Pick<ReturnType<typeof batch>, 'purchases' | 'adjustments'>): EventFields[] {
    const events: EventFields[] = purchases.map(({ cents, currency, occurred, touches }) => {
      this.left.push({ currency, cents })
      const external_event_id = `p${this.left.length}`
      const what = { type: 'purchase', occurred_at: day(occurred, '06'), revenue_cents: cents, currency }
      return { external_event_id, ...what, touches }
    })
    for (const [place, part] of adjustments) {
      const number = place % Math.max(1, this.left.length)
      const of = this.left[number]
      if (of === undefined) continue
      const cents = part > 1000 ? part - 1000 : -Math.ceil((of.cents * part) / 1000)
      if (cents === 0) continue
      of.cents += cents
      events.push({
        external_event_id: `k${++this.sent}`,
        type: 'correction',
        occurred_at: day(1, '07'),
        revenue_cents: cents,
        currency: of.currency,
        refund_of: `p${number + 1}`,
      })
    }
    return events
  }
}
const batch = () => fc.sample(drawnBatch, 1)[0]!

const changeTaxonomy = (context: Context, [code, isMapped]: readonly [string, boolean]): Promise<Output> =>
  isMapped && code !== 'a'
    ? perform(context, 'channels add', { code: 'a' }).then(() =>
        perform(context, 'channels map', { code, to: 'a' }),
      )
    : perform(context, 'channels add', { code })

/** The sets that hold, whatever run wrote them and how often they were revised. */
const setsOf = (context: Context): Promise<Record<string, unknown>[]> =>
  rowsOf(
    context,
    `SELECT s.model, e.external_event_id, s.input_digest, s.content_digest,
       (SELECT string_agg(a.channel || ' ' || a.allocated_revenue_cents, ', ' ORDER BY a.channel)
          FROM attribution_allocations a
         WHERE (a.tenant_id, a.event_id, a.model_version) = (s.tenant_id, s.event_id, s.model_version)) AS parts
     FROM attribution_allocation_sets s JOIN attribution_events e USING (tenant_id, event_id)
     WHERE s.superseded_by IS NULL ORDER BY 1, 2`,
  )

const told = ({
  run_id,
  duration_ms,
  dry_run,
  mode,
  computed,
  new: fresh,
  same,
  superseded,
  ...found
}: Output) => found

const allocate = (context: Context, model: string, more: object = {}): Promise<Output> =>
  perform(context, 'attribution allocate', { model, ...more })

async function comesToTheSame(batches: readonly ReturnType<typeof batch>[]): Promise<string[]> {
  const going = contextOf(db.books, await newTenant(db.books))
  const anew = contextOf(db.books, await newTenant(db.books))
  const sender = new Sender()
  const modes: string[] = []
  for (const { taxonomy, isFiltered, ...drawn } of batches) {
    const events = sender.events(drawn)
    for (const context of [going, anew]) {
      if (events.length > 0) await importEvents(context, folder, events)
      if (taxonomy !== null) await changeTaxonomy(context, taxonomy)
    }
    for (const model of MODELS) {
      if (isFiltered) await allocate(going, model, { since: '2025-06-10' })
      const found = await allocate(going, model)
      modes.push(found.mode)
      const full = await allocate(going, model, { full: true, dry_run: true })
      expect(full).toMatchObject({ mode: 'full', new: 0, same: found.events })
      expect(told(found)).toEqual(told(full))
      expect(told(await allocate(anew, model, { full: true }))).toEqual(told(found))
    }
  }
  const learned = await Promise.all(
    [going, anew].map((context) => allocate(context, 'shapley').then(told, () => 'nothing to learn from')),
  )
  expect(learned[0]).toEqual(learned[1])
  expect(await setsOf(going)).toEqual(await setsOf(anew))
  return modes
}

const sample = (seed: number, numRuns: number) =>
  fc.sample(fc.array(drawnBatch, { minLength: 3, maxLength: 6 }), { seed, numRuns })

test('incremental and full come to the same', { tags: ['long'] }, async () => {
  const modes: string[] = []
  for (const batches of sample(1, 1)) modes.push(...(await comesToTheSame(batches)))
  expect(new Set(modes)).toEqual(new Set(['full', 'incremental']))
})

test.each(Array.from({ length: 12 }, (_, i) => i + 2))(
  'incremental and full come to the same, seed %i',
  { tags: ['long'] },
  async (seed) => {
    for (const batches of sample(seed, 2)) await comesToTheSame(batches)
  },
)
