/** Events allocated in bulk: what is written, what stays, what supersedes what; refunds to the cent. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Context } from '#tieout/books/operation'
import { type EventFields, importEvents, purchase, refund, rowsOf } from '../support/attribution.js'
import { newTenant, openTestBooks, type TestBooks } from '../support/books.js'
import { contextOf, type Folder, makeFolder, type Output, perform } from '../support/cli.js'

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

const bring = (...events: readonly EventFields[]): Promise<Output> => importEvents(context, folder, events)
const allocate = (model = 'linear@1', more: object = {}): Promise<Output> =>
  perform(context, 'attribution allocate', { model, ...more })
/** `{e1: {email: 6667, search: 3333}}` of the sets that hold. */
async function shares(
  model = 'linear@1',
  more: object = {},
): Promise<Record<string, Record<string, number>>> {
  const { allocations } = await perform(context, 'attribution allocations', { model, ...more })
  const found: Record<string, Record<string, number>> = {}
  for (const { external_event_id, channel, allocated_revenue_cents } of allocations) {
    found[external_event_id] ??= {}
    found[external_event_id]![channel] = Number(allocated_revenue_cents)
  }
  return found
}

describe('what is written', () => {
  test('every event gets a set that sums to it; again nothing changes', async () => {
    await bring(purchase('e1'), refund('r1', 'e1', 2500), purchase('e2', { touches: [] }))
    const first = await allocate()
    expect(first).toMatchObject({
      model: 'linear@1.0.0',
      model_version: 'linear@1.0.0+1ce4943f54342bc8',
      events: 3,
      new: 3,
      same: 0,
      superseded: 0,
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
    // 10000 · 2/3 = 6666.67 and 3333.33: the cent goes to the larger remainder. 2500 over 6667 and 3333: 1666.75, 833.25.
    expect(await shares()).toEqual({
      e1: { email: 6667, search: 3333 },
      r1: { email: -1667, search: -833 },
      e2: { unknown: 10000 },
    })
    const again = await allocate()
    expect(again).toMatchObject({ events: 3, new: 0, same: 3, superseded: 0 })
    expect(again.result_digest).toBe(first.result_digest)
    expect(again.input_digest).toBe(first.input_digest)
    expect(await rowsOf(context, 'SELECT count(*) AS n FROM attribution_allocation_sets')).toEqual([
      { n: 3n },
    ])
    expect(
      await rowsOf(context, `SELECT status, kind, result_digest FROM calculation_runs ORDER BY executed_at`),
    ).toEqual([
      { status: 'COMPLETED', kind: 'attribution', result_digest: first.result_digest },
      { status: 'COMPLETED', kind: 'attribution', result_digest: first.result_digest },
    ])
  })
})
