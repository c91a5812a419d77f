/**
 * Kills allocations and postings at random moments and looks at what is left:
 * `node test/faults/kill-attribution.mjs [--times 20] [--events 4000] [--seed 1] [--db-url postgres://…]`.
 * Without --db-url on a directory; with it on a fresh database of that server, which is dropped afterwards.
 * Run `npm run build` before. The last line is `N passed, N failed`; exit code 1 when any failed.
 */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openBooks } from '#tieout/books/open'
import { DEFAULT_TENANT } from '#tieout/books/tenants'
import { check, expect, folder, given, killAround, ok, onBooks, random, tieout } from './killing.mjs'

const { server, times: TIMES, events: EVENTS } = given({ times: 20, events: 4_000 })

function writeEvents(file) {
  const lines = []
  for (let i = 0; i < EVENTS; i++) {
    const touches = Array.from({ length: 1 + Math.floor(random() * 4) }, (_, k) => ({
      channel: `c${Math.floor(random() * 6)}`,
      at: `2025-05-0${k + 1}T00:00:00Z`,
    }))
    const event = { type: 'purchase', occurred_at: '2025-06-01T00:00:00Z', currency: 'USD' }
    const revenue_cents = 100 + Math.floor(random() * 10_000)
    lines.push({ external_event_id: `e${i}`, ...event, revenue_cents, touches })
    if (i % 5 === 0) {
      const back = 1 + Math.floor(random() * revenue_cents)
      const refund = { ...event, type: 'refund', revenue_cents: back, refund_of: `e${i}` }
      lines.push({ external_event_id: `r${i}`, ...refund })
    }
  }
  writeFileSync(join(folder, file), lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
}

/** Whether every set is whole, and how many sets and entries there are. */
async function stateOf(db) {
  const books = await openBooks({ db, command: 'kill-attribution', migrate: 'never' })
  try {
    return await books.transaction(DEFAULT_TENANT, async (tx) => {
      const [half] = await tx.rows(
        `SELECT count(*) AS n FROM attribution_allocation_sets s JOIN calculation_runs r ON r.id = s.run_id
          WHERE r.status <> 'COMPLETED'`,
      )
      expect(half.n === 0n, `${half.n} sets are of runs that are not completed`)
      const [odd] = await tx.rows(
        'SELECT count(*) AS n FROM mv_allocation_summary WHERE is_balanced IS NOT TRUE',
      )
      expect(odd.n === 0n, `${odd.n} sets do not sum to their event`)
      const [twice] = await tx.rows(
        `SELECT count(*) AS n FROM (SELECT FROM attribution_allocation_sets WHERE superseded_by IS NULL
          GROUP BY model, event_id HAVING count(*) > 1) x`,
      )
      expect(twice.n === 0n, `${twice.n} events hold two sets by one model`)
      const [untrue] = await tx.rows(
        `SELECT count(*) AS n FROM (
           SELECT s.model, a.channel, sum(a.allocated_revenue_cents) AS cents FROM attribution_allocation_sets s
             JOIN attribution_allocations a USING (tenant_id, event_id, model_version) WHERE superseded_by IS NULL GROUP BY 1, 2
         ) x FULL JOIN (
           SELECT model, channel, sum(allocated_revenue_cents) AS cents FROM attribution_channel_totals GROUP BY 1, 2
         ) t USING (model, channel) WHERE x.cents IS DISTINCT FROM t.cents`,
      )
      expect(untrue.n === 0n, `${untrue.n} totals of channels are not what their allocations sum to`)
      const models = await tx.rows(
        `SELECT model, count(*)::text AS sets FROM attribution_allocation_sets WHERE superseded_by IS NULL GROUP BY 1 ORDER BY 1`,
      )
      const [{ events, earned, posted, entries }] = await tx.rows(
        `SELECT (SELECT count(*) FROM attribution_events) AS events,
           (SELECT sum(revenue_cents)::text FROM attribution_events) AS earned,
           coalesce((SELECT sum(amount_cents)::text FROM revenue_ledger), '0') AS posted,
           (SELECT count(*) FROM revenue_ledger) AS entries`,
      )
      for (const { model, sets } of models)
        expect(sets === String(events), `${model} has ${sets} sets of ${events} events`)
      expect(entries === 0n || posted === earned, `${posted} of ${earned} cents are posted`)
      const open = await tx.rows(`SELECT id FROM calculation_runs WHERE status = 'IN_PROGRESS'`)
      return { models: models.length, entries, open: open.length }
    })
  } finally {
    await books.close()
  }
}

/** As the next command finds it. On a server a session of a killed client ends a moment later. */
async function settled(db) {
  for (let attempt = 0; ; attempt++) {
    await ok(db, ['channels', 'list'])
    const state = await stateOf(db)
    if (state.open === 0) return state
    expect(server !== undefined && attempt < 10, `${state.open} runs are still in progress`)
    await sleep(500)
  }
}

/** Every kill is of work not done before: another look-back window is another model. */
const allocate = (days) => ['attribution', 'allocate', '--model', `linear?lookback=${days}`]

const killAllocations = (db) =>
  killAround(db, 'allocation', {
    times: TIMES,
    undisturbed: allocate(1000),
    round: (i) => allocate(i + 1),
    count: async () => (await settled(db)).models,
  })

async function killPostings(db) {
  const post = (days) => ['ledger', 'post', '--model', `linear?lookback=${days}`, '--replace']
  const days = (i) => 2000 + i
  for (let i = 0; i <= TIMES + 1; i++) await ok(db, allocate(days(i)))
  // The first one has nothing to reverse, as all others have.
  await ok(db, post(days(TIMES + 1)))
  await killAround(db, 'posting', {
    times: TIMES,
    undisturbed: post(days(TIMES)),
    round: (i) => post(days(i)),
    async count() {
      await ok(db, ['ledger', 'verify'])
      return (await settled(db)).entries
    },
  })
}

async function twoAtOnce(db) {
  await check('of two allocations by one model at once one does it, the other is told', async () => {
    const args = ['attribution', 'allocate', '--model', 'first']
    const ended = await Promise.all([tieout(db, args), tieout(db, args)])
    const exits = ended.map(({ exit }) => exit).sort()
    const told = ended.find(({ exit }) => exit !== 0)
    expect(exits[0] === 0, `they ended with ${exits}: ${told?.stderr}`)
    const code = server === undefined ? 'TIE-1201' : 'TIE-4401'
    expect(exits[1] === 0 || told.stderr.includes(code), `${told?.stderr}`)
    await settled(db)
    return exits[1] === 0 ? 'one after the other' : 'a conflict'
  })
}

await onBooks(server, async (db) => {
  writeEvents('events.ndjson')
  await ok(db, ['migrate', 'up'])
  await ok(db, ['events', 'import', 'events.ndjson'])
  await killAllocations(db)
  await killPostings(db)
  await twoAtOnce(db)
})
