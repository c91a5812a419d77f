/**
 * Random purchases under every model through the database, with refunds, chargebacks and corrections that arrive in random
 * parts over several imports: every cent is somewhere, no channel falls below zero, and what was taken back whole is zero.
 */

import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type EventFields, importEvents, rowsOf } from '../support/attribution.js'
import { newTenant, sharedTestBooks, type TestBooks } from '../support/books.js'
import { contextOf, type Folder, makeFolder, perform } from '../support/cli.js'

const MODELS = [
  'first',
  'last',
  'last-non-direct?direct=a',
  'linear?lookback=20',
  'position?shape=W',
  'time-decay?half-life=3&transform=exposure',
  'custom?weights=a:3,b:1.5',
  'markov',
  'shapley?transform=first',
]
const EVENTS = 60

let db: TestBooks
let folder: Folder
beforeAll(async () => {
  db = await sharedTestBooks()
  folder = makeFolder()
})
afterAll(async () => {
  folder?.remove()
  await db?.close()
})

const drawn = fc.record({
  cents: fc.oneof(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 5_000_000 })),
  currency: fc.constantFrom('USD', 'EUR', 'JPY'),
  touches: fc.array(
    fc.record({ channel: fc.constantFrom('a', 'b', 'c', 'é', 'B'), day: fc.integer({ min: 1, max: 31 }) }),
    { maxLength: 6 },
  ),
  /** Each takes this part of what is left, in thousandths; above 1000 something is added. */
  changes: fc.array(fc.integer({ min: 1, max: 1100 }), { maxLength: 5 }),
  isEmptied: fc.boolean(),
})

/** The purchase first, then what becomes of it. */
function lifeOf(id: string, { cents, currency, touches, changes, isEmptied }: ReturnType<typeof lifeDrawn>) {
  const events: EventFields[] = [
    {
      external_event_id: id,
      type: 'purchase',
      occurred_at: '2025-06-01T00:00:00Z',
      revenue_cents: cents,
      currency,
      touches: touches.map(({ channel, day }) => ({
        channel,
        at: `2025-05-${String(day).padStart(2, '0')}T00:00:00Z`,
      })),
    },
  ]
  let left = cents
  for (const [i, change] of [...changes, ...(isEmptied ? [1000] : [])].entries()) {
    const amount = change > 1000 ? change - 1000 : -Math.ceil((left * change) / 1000)
    if (amount === 0) continue
    left += amount
    const type = amount > 0 ? 'correction' : (['refund', 'chargeback', 'correction'] as const)[i % 3]
    events.push({
      external_event_id: `${id}-${i}`,
      type,
      occurred_at: '2025-06-02T00:00:00Z',
      revenue_cents: amount,
      currency,
      refund_of: id,
    })
  }
  return { events, left }
}
const lifeDrawn = () => fc.sample(drawn, 1)[0]!

async function throughTheDatabase(seed: number): Promise<void> {
  const context = contextOf(db.books, await newTenant(db.books))
  const lives = fc.sample(drawn, { numRuns: EVENTS, seed }).map((value, i) => lifeOf(`p${i}`, value))
  const waves = 3
  for (let wave = 0; wave < waves; wave++) {
    const arriving = lives.flatMap(({ events }) =>
      events.filter((_, place) => Math.min(place, waves - 1) === wave),
    )
    if (arriving.length > 0) await importEvents(context, folder, arriving)
    for (const model of MODELS) {
      const found = await perform(context, 'attribution allocate', { model })
      for (const { revenue_cents, allocated_cents } of found.revenue)
        expect(allocated_cents).toBe(revenue_cents)
      // What does not learn only adds.
      if (!/markov|shapley/.test(model)) expect(found.superseded).toBe(0)
    }
  }
  const sums = await rowsOf(
    context,
    `SELECT s.model, coalesce(o.external_event_id, e.external_event_id) AS purchase, a.channel,
       sum(a.allocated_revenue_cents)::text AS cents
     FROM attribution_allocation_sets s
     JOIN attribution_allocations a USING (tenant_id, event_id, model_version)
     JOIN attribution_events e USING (tenant_id, event_id)
     LEFT JOIN attribution_events o ON o.tenant_id = e.tenant_id AND o.event_id = e.original_event_id
     WHERE s.superseded_by IS NULL GROUP BY 1, 2, 3`,
  )
  const totals = new Map<string, bigint>()
  for (const { model, purchase, cents } of sums) {
    const channel = BigInt(cents as string)
    expect(channel >= 0n, `${purchase} by ${model}`).toBe(true)
    const key = `${model} ${purchase}`
    totals.set(key, (totals.get(key) ?? 0n) + channel)
  }
  // As the product never summed it: what is left of each purchase, by every model.
  const models = [...new Set(sums.map(({ model }) => String(model)))]
  expect(models).toHaveLength(MODELS.length)
  for (const model of models)
    for (const [i, { left }] of lives.entries())
      expect(totals.get(`${model} p${i}`), `p${i} by ${model}`).toBe(BigInt(left))
  await perform(context, 'ledger post', { model: MODELS[3]! })
  await perform(context, 'ledger post', { model: 'markov', replace: true })
  const { channels } = await perform(context, 'ledger balance')
  const posted = channels.reduce(
    (sum: bigint, one: { balance_cents: string }) => sum + BigInt(one.balance_cents),
    0n,
  )
  expect(posted).toBe(lives.reduce((sum, { left }) => sum + BigInt(left), 0n))
  expect(await perform(context, 'ledger verify')).toMatchObject({ violation: null })
}

test('every cent is somewhere', { tags: ['long'] }, () => throughTheDatabase(1))
test.each(Array.from({ length: 8 }, (_, i) => i + 2))(
  'every cent is somewhere, seed %i',
  { tags: ['long'] },
  (seed) => throughTheDatabase(seed),
)
