/**
 * Random events under every model through import and allocation, in batches, with refunds, chargebacks and corrections in
 * random partial sequences; then SQL of its own looks at every cent:
 * `node test/attribution/random-events.mjs [--events 100000] [--batches 4] [--seed 1] [--db-url postgres://…]`.
 * Without --db-url on a directory; with it on a fresh database of that server, which is dropped afterwards.
 * Run `npm run build` before. The last line is `N passed, N failed`; exit code 1 when any failed.
 */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openBooks } from '#tieout/books/open'
import { DEFAULT_TENANT } from '#tieout/books/tenants'
import { check, expect, folder, given, ok, onBooks, random, say } from '../faults/killing.mjs'

const { server, events: EVENTS, batches: BATCHES } = given({ events: 100_000, batches: 4 })

const MODELS = [
  'first',
  'last',
  'last-non-direct?direct=c0',
  'linear?lookback=20',
  'position?shape=W',
  'position?shape=Z&transform=exposure',
  'time-decay?half-life=3',
  'custom?weights=c0:3,c1:1.5',
  'markov',
  'shapley?transform=first',
]
const LEARNED = /markov|shapley/
const CURRENCIES = ['USD', 'EUR', 'JPY']
const MILESTONES = ['lead', 'opportunity', 'lead+opportunity']
const upTo = (n) => Math.floor(random() * n)

/** Purchases, each with what becomes of it in this batch or a later one; what is left of all of them by currency. */
class Lives {
  batches = Array.from({ length: BATCHES }, () => [])
  left = new Map(CURRENCIES.map((currency) => [currency, 0n]))
  /** Purchases that are taken back whole. */
  emptied = 0
  sent = 0

  constructor(events) {
    for (let i = 0; this.sent < events; i++) this.begin(`p${i}`)
  }

  begin(id) {
    const currency = CURRENCIES[upTo(3)]
    const revenue_cents = upTo(4) === 0 ? upTo(30) : upTo(5_000_000)
    const touches = Array.from({ length: upTo(7) }, () => ({
      channel: `c${upTo(8)}`,
      at: `2025-05-${String(1 + upTo(31)).padStart(2, '0')}T0${upTo(10)}:00:00Z`,
      ...(upTo(6) === 0 ? { milestone: MILESTONES[upTo(3)] } : {}),
    }))
    const event = { occurred_at: '2025-06-01T00:00:00Z', currency }
    let batch = upTo(BATCHES)
    this.send(batch, { external_event_id: id, type: 'purchase', ...event, revenue_cents, touches })
    let left = revenue_cents
    const changes = upTo(3) === 0 ? 0 : upTo(4)
    const isEmptied = upTo(3) === 0
    for (let k = 0; k <= changes; k++) {
      const isLast = k === changes
      if (isLast && !isEmptied) break
      const cents = !isLast && upTo(6) === 0 ? 1 + upTo(1000) : -(isLast ? left : 1 + upTo(left))
      if (cents === 0 || left + cents < 0) continue
      left += cents
      batch += upTo(BATCHES - batch)
      const type = cents > 0 ? 'correction' : ['refund', 'chargeback', 'correction'][upTo(3)]
      this.send(batch, {
        external_event_id: `${id}-${k}`,
        type,
        ...event,
        revenue_cents: cents,
        refund_of: id,
      })
    }
    if (isEmptied) this.emptied += 1
    this.left.set(currency, this.left.get(currency) + BigInt(left))
  }

  send(batch, event) {
    this.batches[batch].push(event)
    this.sent += 1
  }
}

const CSV = ['external_event_id', 'type', 'occurred_at', 'revenue_cents', 'currency', 'refund_of', 'touches']
const cell = ({ channel, at, milestone }) =>
  `${channel}@${at}${milestone === undefined ? '' : `#${milestone}`}`
const csvRow = (event) =>
  CSV.map((name) => (name === 'touches' ? (event.touches ?? []).map(cell).join(' > ') : (event[name] ?? '')))

/** One batch is NDJSON, the next CSV. */
function writeBatch(events, number) {
  const file = `batch-${number}.${number % 2 === 0 ? 'ndjson' : 'csv'}`
  const lines =
    number % 2 === 0 ? events.map((event) => JSON.stringify(event)) : [CSV, ...events.map(csvRow)].map(String)
  writeFileSync(join(folder, file), `${lines.join('\n')}\n`)
  return file
}

async function bring(db, batch, number) {
  const file = writeBatch(batch, number)
  const imported = JSON.parse((await ok(db, ['events', 'import', file, '--json'])).stdout)
  expect(imported.new === batch.length, `${imported.new} of ${batch.length} events of ${file} are new`)
  for (const model of MODELS) {
    const { stdout, took } = await ok(db, ['attribution', 'allocate', '--model', model, '--json'])
    const found = JSON.parse(stdout)
    const wanted = number === 0 || LEARNED.test(model) ? 'full' : 'incremental'
    expect(found.mode === wanted, `the allocation by ${model} of batch ${number} was ${found.mode}`)
    expect(LEARNED.test(model) || found.new === batch.length, `${found.new} sets by ${model} are new`)
    say(
      `  batch ${number}, ${model}: ${found.mode}, ${found.new} of ${found.events} sets, ${Math.round(took)} ms`,
    )
  }
}

/** Σ over each set, whether it holds or not, beside the revenue of its event. */
const WRONG_SUMS = `SELECT count(*) AS n FROM (
  SELECT s.event_id, s.model_version FROM attribution_allocation_sets s
    JOIN attribution_events e USING (tenant_id, event_id)
    LEFT JOIN attribution_allocations a ON (a.tenant_id, a.event_id, a.model_version) = (s.tenant_id, s.event_id, s.model_version)
   GROUP BY s.event_id, s.model_version, e.revenue_cents
  HAVING sum(a.allocated_revenue_cents) IS DISTINCT FROM e.revenue_cents) x`

/** What each purchase with all that adjusts it leaves each channel, by every model. */
const LEFT = `CREATE TEMPORARY TABLE remaining AS
  SELECT s.model, coalesce(e.original_event_id, e.event_id) AS purchase, a.channel, sum(a.allocated_revenue_cents) AS cents
    FROM attribution_allocation_sets s
    JOIN attribution_events e USING (tenant_id, event_id)
    JOIN attribution_allocations a ON (a.tenant_id, a.event_id, a.model_version) = (s.tenant_id, s.event_id, s.model_version)
   WHERE s.superseded_by IS NULL GROUP BY 1, 2, 3`

async function lookAtEveryCent(db, lives) {
  const books = await openBooks({ db, command: 'random-events', migrate: 'never' })
  const asked = (work) => books.transaction(DEFAULT_TENANT, work)
  const none = (name, sql) =>
    check(name, async () => {
      const [{ n }] = await asked((tx) => tx.rows(sql))
      expect(n === 0n, `${n} are not`)
    })
  try {
    await check('every event has one set that holds by every model', async () => {
      const models = await asked((tx) =>
        tx.rows(`SELECT model, count(*) AS sets, count(DISTINCT event_id) AS events FROM attribution_allocation_sets
                  WHERE superseded_by IS NULL GROUP BY 1`),
      )
      expect(models.length === MODELS.length, `there are sets by ${models.length} models`)
      const wanted = BigInt(lives.sent)
      const odd = models.find(({ sets, events }) => sets !== wanted || events !== wanted)
      expect(odd === undefined, `${odd?.sets} sets of ${odd?.events} events by ${odd?.model}, not ${wanted}`)
      const [{ n }] = await asked((tx) => tx.rows('SELECT count(*) AS n FROM attribution_allocation_sets'))
      return `${lives.sent} events, ${models.length} models, ${n} sets`
    })
    await none('every set sums to the revenue of its event, superseded ones too', WRONG_SUMS)
    await none(
      'every ratio is a share, and those of a set sum to 1',
      `SELECT count(*) AS n FROM (SELECT FROM attribution_allocations GROUP BY event_id, model_version
        HAVING sum(allocation_ratio) <> 1 OR min(allocation_ratio) < 0) x`,
    )
    await check('no channel of a purchase is below zero; those taken back whole are at zero in each', () =>
      asked(async (tx) => {
        await tx.execute(LEFT)
        const [{ below }] = await tx.rows('SELECT count(*) AS below FROM remaining WHERE cents < 0')
        expect(below === 0n, `${below} are below`)
        const [{ purchases, residue }] = await tx.rows(
          `SELECT count(DISTINCT r.purchase) AS purchases, count(*) FILTER (WHERE r.cents <> 0) AS residue FROM remaining r
            WHERE r.purchase IN (SELECT p.event_id FROM attribution_events p
              LEFT JOIN attribution_events a ON a.tenant_id = p.tenant_id AND a.original_event_id = p.event_id
             WHERE p.original_event_id IS NULL GROUP BY p.event_id, p.revenue_cents
            HAVING p.revenue_cents + coalesce(sum(a.revenue_cents), 0) = 0)`,
        )
        expect(residue === 0n, `${residue} are not at zero`)
        expect(
          purchases >= BigInt(lives.emptied),
          `${purchases} purchases of ${lives.emptied} are taken back whole`,
        )
        return `${purchases} purchases`
      }),
    )
    await check('what is left of every currency is what the sender counted, by every model', async () => {
      const sums = await asked((tx) =>
        tx.rows(`SELECT s.model, s.currency, sum(a.allocated_revenue_cents)::text AS cents FROM attribution_allocation_sets s
                  JOIN attribution_allocations a USING (tenant_id, event_id, model_version)
                  WHERE s.superseded_by IS NULL GROUP BY 1, 2`),
      )
      expect(sums.length === MODELS.length * CURRENCIES.length, `there are ${sums.length} sums`)
      for (const { model, currency, cents } of sums)
        expect(BigInt(cents) === lives.left.get(currency), `${cents} ${currency} by ${model}`)
    })
  } finally {
    await books.close()
  }
}

await onBooks(server, async (db) => {
  const lives = new Lives(EVENTS)
  await ok(db, ['migrate', 'up'])
  for (const [number, batch] of lives.batches.entries())
    await check(`batch ${number} of ${batch.length} events`, () => bring(db, batch, number))
  await lookAtEveryCent(db, lives)
  for (const model of MODELS.filter((one) => !LEARNED.test(one)))
    await check(`everything again by ${model} comes out as it is stored`, async () => {
      const again = async (...more) =>
        JSON.parse(
          (await ok(db, ['attribution', 'allocate', '--model', model, '--dry-run', '--json', ...more]))
            .stdout,
        )
      const [full, kept] = [await again('--full'), await again()]
      expect(full.mode === 'full' && full.new === 0, `${full.new} sets are new`)
      expect(
        full.result_digest === kept.result_digest && full.input_digest === kept.input_digest,
        'other digests',
      )
      expect(JSON.stringify(full.revenue) === JSON.stringify(kept.revenue), 'other sums')
    })
})
