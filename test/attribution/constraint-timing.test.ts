/**
 * Totals and checks whatever a client does with the timing of constraints: SET CONSTRAINTS at the start, in the middle,
 * there and back, savepoints taken back, several sets in a transaction, one statement that writes two tables, a tenant
 * changed in the middle of a statement. What the totals should be is added up again from the rows.
 */

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Tx } from '#tieout/books/books'
import type { Context } from '#tieout/books/operation'
import { allocate, beginRun, importEvents, purchase, refund, rowsOf, setOf } from '../support/attribution.js'
import { newTenant, openTestBooks, type TestBooks } from '../support/books.js'
import { contextOf, type Folder, makeFolder } from '../support/cli.js'

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

const T = 'tieout_current_tenant()'

interface Bed {
  readonly context: Context
  /** In progress, for sets. */
  readonly run: string
  /** A reconciliation in progress, for what it verifies. */
  readonly reconciliation: string
}

/** p, q and y are purchases, r takes 40.00 of p back; p, q and r have sealed sets by `old`. */
async function bed(): Promise<Bed> {
  const context = contextOf(db.books, await newTenant(db.books))
  await importEvents(context, folder, [
    purchase('p'),
    refund('r', 'p', 4000),
    purchase('q', { occurred_at: '2025-05-11T00:00:00Z' }),
    purchase('y', { currency: 'JPY' }),
  ])
  await allocate(
    context,
    ...[
      setOf(1, { email: 6000, search: 4000 }, { model_version: 'old' }),
      setOf(2, { email: -3000, search: -1000 }, { model_version: 'old' }),
      setOf(3, { email: 1, search: 9999 }, { model_version: 'old' }),
    ],
  )
  const [run, reconciliation] = [await beginRun(context), await beginRun(context)]
  await context.books.transaction(context.tenant, (tx) =>
    tx.execute(`INSERT INTO reconciliation_runs VALUES (${T}, $1, 'running', now(), NULL)`, [reconciliation]),
  )
  return { context, run, reconciliation }
}

const EVENTS = [
  { id: 1, cents: 10_000, currency: 'USD' },
  { id: 2, cents: -4000, currency: 'USD' },
  { id: 3, cents: 10_000, currency: 'USD' },
  { id: 4, cents: 10_000, currency: 'JPY' },
] as const

const nextId = `(SELECT coalesce(max(allocation_id), 0) FROM attribution_allocations)`
const header = ({ run }: Bed, event: number, model: string): string => {
  const { cents, currency } = EVENTS[event]!
  return `INSERT INTO attribution_allocation_sets (tenant_id, event_id, model_version, run_id, revenue_cents, currency,
      input_digest, content_digest, computed_at)
    VALUES (${T}, ${EVENTS[event]!.id}, '${model}', '${run}', ${cents}, '${currency}', 'i', 'c', now())`
}
const parts = (event: number, model: string, share: number): string => {
  const { id, cents } = EVENTS[event]!
  const first = Math.trunc((cents * share) / 10)
  return `INSERT INTO attribution_allocations (tenant_id, event_id, model_version, channel, allocation_id, allocation_ratio,
      allocated_revenue_cents)
    SELECT ${T}, ${id}, '${model}', v.channel, ${nextId} + v.n, 0.5, v.cents
    FROM (VALUES ('email', 1, ${first}), ('search', 2, ${cents - first})) AS v (channel, n, cents)`
}
const of = (event: number, model: string): string =>
  `event_id = ${EVENTS[event]!.id} AND model_version = '${model}'`
const sold = (bed: Bed, id: number): string[] => [
  `INSERT INTO reconciliation_findings VALUES (${T}, '${bed.reconciliation}', 'ads', 's${id}', 'matched', 5, 'EUR', NULL,
     5, 'EUR', NULL)`,
  // The outer statement's triggers come first: what it verifies is not counted yet.
  `WITH sale AS (
     INSERT INTO attribution_events (tenant_id, event_id, import_id, import_line, external_event_id, event_type, occurred_at,
       revenue_cents, currency, recorded_at, request_digest)
     SELECT ${T}, ${id}, import_id, 1, 's${id}', 'purchase', now(), 5, 'EUR', now(), 'd' FROM attribution_imports)
   INSERT INTO verified_events VALUES (${T}, ${id}, '${bed.reconciliation}', 'ads', 's${id}')`,
]
const posted = `INSERT INTO revenue_ledger (tenant_id, entry_no, allocation_id, amount_cents, currency, posted_at, posted_by,
    effective_date, verification, previous_hash, entry_hash)
  SELECT ${T}, (SELECT coalesce(max(entry_no), 0) + 1 FROM revenue_ledger), a.allocation_id, a.allocated_revenue_cents,
    s.currency, now(), 'me', '2025-06-01', 'unverified',
    coalesce((SELECT entry_hash FROM revenue_ledger ORDER BY entry_no DESC LIMIT 1), repeat('0', 64)), repeat('a', 64)
  FROM attribution_allocations a JOIN attribution_allocation_sets s USING (tenant_id, event_id, model_version)
  WHERE NOT EXISTS (SELECT FROM revenue_ledger l WHERE l.allocation_id = a.allocation_id)
  ORDER BY a.allocation_id LIMIT 1`

type Step =
  | {
      readonly is: 'write' | 'in one'
      readonly event: number
      readonly model: string
      readonly share: number
    }
  | {
      readonly is: 'shift' | 'replace'
      readonly event: number
      readonly model: string
      readonly share: number
    }
  | { readonly is: 'rechannel' | 'lose' | 'end'; readonly event: number; readonly model: string }
  | { readonly is: 'end and add'; readonly event: number; readonly model: string }
  | { readonly is: 'timing'; readonly sql: string }
  | { readonly is: 'savepoint'; readonly sql: string }
  | { readonly is: 'sell'; readonly id: number }
  | { readonly is: 'post' }

function sqlOf(bed: Bed, step: Step): readonly string[] {
  switch (step.is) {
    case 'write':
      return [header(bed, step.event, step.model), parts(step.event, step.model, step.share)]
    case 'in one':
      return [
        `WITH header AS (${header(bed, step.event, step.model)}) ${parts(step.event, step.model, step.share)}`,
      ]
    case 'shift':
      return [
        `UPDATE attribution_allocations SET allocated_revenue_cents = allocated_revenue_cents
           + CASE channel WHEN 'email' THEN ${step.share} ELSE -${step.share} END WHERE ${of(step.event, step.model)}`,
      ]
    case 'replace':
      return [
        `DELETE FROM attribution_allocations WHERE ${of(step.event, step.model)}`,
        parts(step.event, step.model, step.share),
      ]
    case 'rechannel':
      return [
        `UPDATE attribution_allocations SET channel = 'unknown' WHERE ${of(step.event, step.model)} AND channel = 'search'`,
      ]
    case 'lose':
      return [`DELETE FROM attribution_allocations WHERE ${of(step.event, step.model)} AND channel = 'email'`]
    case 'end':
      return [
        `UPDATE attribution_allocation_sets SET superseded_by = 'a', superseded_at = now() WHERE ${of(step.event, step.model)}`,
      ]
    case 'end and add':
      return [
        `WITH ended AS (UPDATE attribution_allocation_sets SET superseded_by = 'a', superseded_at = now()
           WHERE ${of(step.event, step.model)})
         INSERT INTO attribution_allocations VALUES (${T}, ${EVENTS[step.event]!.id}, '${step.model}', 'unknown',
           ${nextId} + 1, 0, 0)`,
      ]
    case 'sell':
      return sold(bed, step.id)
    case 'post':
      return [posted]
    default:
      return [step.sql]
  }
}

/** Each step by itself: one that is refused is taken back alone. What was done in the end. */
async function run(bed: Bed, steps: readonly Step[]): Promise<{ end: string; refused: string[] }> {
  const refused: string[] = []
  const attempt = async (tx: Tx, step: Step): Promise<void> => {
    // A savepoint of the client's stays open behind the step.
    if (step.is !== 'savepoint') await tx.execute('SAVEPOINT step')
    try {
      for (const sql of sqlOf(bed, step)) await tx.execute(sql)
      if (step.is !== 'savepoint') await tx.execute('RELEASE SAVEPOINT step')
    } catch (error) {
      refused.push(`${step.is}: ${(error as { code: string }).code}`)
      if (step.is === 'savepoint') throw error
      await tx.execute('ROLLBACK TO SAVEPOINT step')
      await tx.execute('RELEASE SAVEPOINT step')
    }
  }
  try {
    await bed.context.books.transaction(bed.context.tenant, async (tx) => {
      for (const step of steps) await attempt(tx, step)
    })
    return { end: 'committed', refused }
  } catch (error) {
    return { end: (error as { code: string }).code, refused }
  }
}

/** The totals, and what they are when they are added up from the rows. */
async function totals({ context }: Bed) {
  const kept = await rowsOf(
    context,
    `SELECT model, currency, occurred_on, channel, allocated_revenue_cents::text AS cents, allocations::text AS n
       FROM attribution_channel_totals WHERE allocated_revenue_cents <> 0 OR allocations <> 0 ORDER BY 1, 2, 3, 4`,
  )
  const added = await rowsOf(
    context,
    `SELECT s.model, s.currency, (e.occurred_at AT TIME ZONE 'UTC')::date AS occurred_on, a.channel,
        sum(a.allocated_revenue_cents)::text AS cents, count(*)::text AS n
       FROM attribution_allocation_sets s JOIN attribution_allocations a USING (tenant_id, event_id, model_version)
       JOIN attribution_events e USING (tenant_id, event_id) WHERE s.superseded_by IS NULL
      GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4`,
  )
  const revenue = await rowsOf(
    context,
    `SELECT currency, events::text AS events, revenue_cents::text AS cents, verified_events::text AS verified,
       verified_cents::text AS verified_cents, entries::text AS entries, posted_cents::text AS posted
       FROM attribution_revenue_totals ORDER BY 1`,
  )
  const earned = await rowsOf(
    context,
    `SELECT e.currency, count(*)::text AS events, sum(e.revenue_cents)::text AS cents, count(v.event_id)::text AS verified,
       coalesce(sum(e.revenue_cents) FILTER (WHERE v.event_id IS NOT NULL), 0)::text AS verified_cents,
       coalesce(max(l.entries), 0)::text AS entries, coalesce(max(l.posted), 0)::text AS posted
     FROM attribution_events e LEFT JOIN verified_events v USING (tenant_id, event_id)
     LEFT JOIN (SELECT currency, count(*) AS entries, sum(amount_cents) AS posted FROM revenue_ledger GROUP BY 1) l
       ON l.currency = e.currency
     GROUP BY e.currency ORDER BY 1`,
  )
  const unbalanced = await rowsOf(
    context,
    'SELECT * FROM mv_allocation_summary WHERE is_balanced IS NOT TRUE',
  )
  return {
    kept: { channels: kept, revenue, unbalanced },
    added: { channels: added, revenue: earned, unbalanced: [] },
  }
}
async function tieOut(bed: Bed): Promise<void> {
  const { kept, added } = await totals(bed)
  expect(kept).toEqual(added)
}

/** Sealed or checked, there already, not summing up, no such set. */
const REFUSED = /: (?:55000|23505|23514|23503)$/
const immediate: Step = { is: 'timing', sql: 'SET CONSTRAINTS ALL IMMEDIATE' }
const deferred: Step = { is: 'timing', sql: 'SET CONSTRAINTS ALL DEFERRED' }
const named = (when: string): Step => ({
  is: 'timing',
  sql: `SET CONSTRAINTS allocations_sum_to_event ${when}`,
})
const save: Step = { is: 'savepoint', sql: 'SAVEPOINT mine' }
const back: Step = { is: 'savepoint', sql: 'ROLLBACK TO SAVEPOINT mine' }
const write = (event: number, model: string, share = 3): Step => ({ is: 'write', event, model, share })
const step = (is: 'shift' | 'replace', event: number, model: string, share = 3): Step => ({
  is,
  event,
  model,
  share,
})
const one = (is: 'rechannel' | 'lose' | 'end' | 'end and add', event: number, model: string): Step => ({
  is,
  event,
  model,
})

describe('totals and sums, whenever constraints are checked', () => {
  test.each<[string, readonly Step[], string]>([
    ['checked early, and more written', [write(0, 'a'), immediate, deferred, write(2, 'a')], 'committed'],
    ['checked early twice', [write(0, 'a'), immediate, immediate, deferred, immediate], 'committed'],
    [
      'by name, there and back',
      [named('IMMEDIATE'), named('DEFERRED'), write(0, 'a'), named('IMMEDIATE')],
      'committed',
    ],
    ['checked early, and changed', [write(0, 'a'), immediate, step('shift', 0, 'a', 7)], 'committed'],
    [
      'checked early, and replaced',
      [write(0, 'a'), immediate, deferred, step('replace', 0, 'a', 9)],
      'committed',
    ],
    [
      'checked early, and moved to another channel',
      [write(0, 'a'), immediate, one('rechannel', 0, 'a')],
      'committed',
    ],
    [
      'checked early, and a part lost',
      [write(0, 'a'), immediate, deferred, one('lose', 0, 'a')],
      'committed',
    ],
    ['a part lost', [write(0, 'a'), one('lose', 0, 'a')], '23514'],
    ['at once from the beginning', [immediate, write(0, 'a'), deferred, write(0, 'b')], 'committed'],
    [
      'one statement for header and parts, at once',
      [immediate, { is: 'in one', event: 0, model: 'a', share: 4 }],
      'committed',
    ],
    [
      'checked, and taken back to before',
      [save, write(0, 'a'), immediate, back, deferred, write(2, 'a')],
      'committed',
    ],
    [
      'checked behind a savepoint, taken back',
      [write(0, 'a'), save, immediate, write(2, 'a'), back],
      'committed',
    ],
    [
      'several sets and an old one ended',
      [write(0, 'a'), immediate, deferred, one('end', 0, 'old'), write(2, 'a')],
      'committed',
    ],
    [
      'an old one ended first',
      [one('end', 0, 'old'), write(0, 'a'), immediate, deferred, write(3, 'a')],
      'committed',
    ],
    [
      'one that is being written is not ended',
      [write(0, 'a'), write(0, 'b'), one('end', 0, 'b')],
      'committed',
    ],
    [
      'nor in the statement that adds to it',
      [write(0, 'a'), write(0, 'b'), one('end and add', 0, 'b')],
      'committed',
    ],
    ['nor added to, when it is sealed', [write(0, 'a'), one('end and add', 0, 'old')], 'committed'],
    [
      'a refund before its purchase',
      [immediate, deferred, write(1, 'a'), write(0, 'a'), immediate],
      'committed',
    ],
    [
      'sold, verified and posted, at once',
      [immediate, { is: 'sell', id: 71 }, { is: 'post' }, { is: 'post' }],
      'committed',
    ],
    [
      'sold and taken back',
      [save, { is: 'sell', id: 71 }, back, { is: 'sell', id: 72 }, immediate],
      'committed',
    ],
  ])('%s', async (_, steps, end) => {
    const made = await bed()
    const done = await run(made, steps)
    expect(done.end).toBe(end)
    expect(done.refused.filter((one) => !REFUSED.test(one))).toEqual([])
    await tieOut(made)
  })

  test('what was checked early takes nothing more, unless the check is taken back', async () => {
    const checked = [write(0, 'a'), immediate, deferred]
    const made = await bed()
    const more = [write(2, 'a'), step('shift', 0, 'a'), step('replace', 0, 'a'), one('lose', 0, 'a')]
    expect(await run(made, [...checked, ...more])).toEqual({
      end: 'committed',
      refused: ['write: 55000', 'shift: 55000', 'replace: 55000', 'lose: 55000'],
    })
    expect(await run(made, [save, write(2, 'b'), immediate, back, deferred, write(3, 'b')])).toEqual({
      end: 'committed',
      refused: [],
    })
    await tieOut(made)
    // One note stays, of the last transaction; the next one takes it away.
    const notes = await db.books.transaction(made.context.tenant, (tx) =>
      tx.asOwner(() => tx.rows('SELECT count(*) AS n FROM attribution_checked_sums')),
    )
    expect(notes).toEqual([{ n: 1n }])
  })

  test('a set that is being written is refused its end, and one that is sealed has it', async () => {
    const made = await bed()
    expect((await run(made, [write(0, 'a'), write(0, 'b'), one('end', 0, 'b')])).refused).toEqual([
      'end: 55000',
    ])
    expect((await run(made, [one('end', 0, 'b')])).refused).toEqual([])
    await tieOut(made)
  })

  test('in any order of anything', { tags: ['long'] }, async () => {
    const event = fc.integer({ min: 0, max: 3 })
    const model = fc.constantFrom('a', 'b', 'old')
    const share = fc.integer({ min: 0, max: 10 })
    const steps = fc.array(
      fc.oneof(
        {
          weight: 4,
          arbitrary: fc.record({
            is: fc.constantFrom('write' as const, 'in one' as const),
            event,
            model,
            share,
          }),
        },
        {
          weight: 2,
          arbitrary: fc.record({
            is: fc.constantFrom('shift' as const, 'replace' as const),
            event,
            model,
            share,
          }),
        },
        {
          weight: 2,
          arbitrary: fc.record({
            is: fc.constantFrom('rechannel' as const, 'end' as const, 'end and add' as const),
            event,
            model,
          }),
        },
        { weight: 4, arbitrary: fc.constantFrom(immediate, deferred, named('IMMEDIATE'), named('DEFERRED')) },
        {
          weight: 1,
          arbitrary: fc.record({ is: fc.constant('sell' as const), id: fc.integer({ min: 80, max: 83 }) }),
        },
        { weight: 1, arbitrary: fc.constant({ is: 'post' as const }) },
        { weight: 1, arbitrary: fc.constant(save) },
        { weight: 1, arbitrary: fc.constant(back) },
      ),
      { minLength: 3, maxLength: 14 },
    )
    let committed = 0
    await fc.assert(
      fc.asyncProperty(steps, async (random) => {
        const made = await bed()
        const { end, refused } = await run(made, [save, ...random])
        expect(refused.filter((one) => !REFUSED.test(one))).toEqual([])
        if (end === 'committed') committed += 1
        await tieOut(made)
      }),
      { numRuns: 40, seed: 7 },
    )
    expect(committed).toBeGreaterThan(10)
  })
})

describe('a tenant that is changed in the middle of a statement', () => {
  const elsewhere = (tenant: string): string => `set_config('app.current_tenant_id', '${tenant}', true)`

  test.each<[string, (bed: Bed, other: string) => readonly string[]]>([
    [
      'ends a set',
      (made, other) => [
        header(made, 0, 'a'),
        parts(0, 'a', 3),
        `UPDATE attribution_allocation_sets SET superseded_by = 'a', superseded_at = now()
          WHERE ${of(0, 'old')} AND ${elsewhere(other)} <> ''`,
      ],
    ],
    [
      'ends a set, and only then changes',
      (made, other) => [
        header(made, 0, 'a'),
        parts(0, 'a', 3),
        `UPDATE attribution_allocation_sets SET superseded_by = 'a', superseded_at = now() WHERE ${of(0, 'old')}
         RETURNING ${elsewhere(other)}`,
      ],
    ],
    [
      'adds allocations',
      (made, other) => [header(made, 0, 'a'), `${parts(0, 'a', 3)} WHERE ${elsewhere(other)} <> ''`],
    ],
    [
      'deletes allocations',
      (made, other) => [
        header(made, 0, 'a'),
        parts(0, 'a', 3),
        `DELETE FROM attribution_allocations WHERE model_version = 'a' AND ${elsewhere(other)} <> ''`,
      ],
    ],
    [
      'records an event',
      (_, other) => [
        `INSERT INTO attribution_events (tenant_id, event_id, import_id, import_line, external_event_id, event_type,
           occurred_at, revenue_cents, currency, recorded_at, request_digest)
         SELECT ${T}, 90, import_id, 1, 's', 'purchase', now(), 5, 'EUR', now(), 'd' FROM attribution_imports
         WHERE ${elsewhere(other)} <> ''`,
      ],
    ],
    ['posts', (_, other) => [posted.replace('WHERE NOT', `WHERE ${elsewhere(other)} <> '' AND NOT`)]],
  ])('%s, is refused', async (_, sql) => {
    const [made, other] = [await bed(), await newTenant(db.books)]
    const { context } = made
    const work = context.books.transaction(context.tenant, async (tx) => {
      for (const statement of sql(made, other)) await tx.execute(statement)
      await tx.rows(`SELECT ${elsewhere(context.tenant)}`)
    })
    await expect(work).rejects.toMatchObject({ code: expect.stringMatching(/^(?:55000|42501|23503|23514)$/) })
    await tieOut(made)
  })
})
