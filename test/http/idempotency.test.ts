/** One key, one effect: sent again, sent twice at once, sent after the process died at every point. */

import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { Books } from '#tieout/books/books'
import { keyLock } from '#tieout/books/idempotency'
import { operation } from '#tieout/books/operation'
import { CATALOGUE } from '#tieout/surfaces/catalogue'
import { withoutLogin } from '#tieout/surfaces/http/access'
import { makeApp } from '#tieout/surfaces/http/http-app'
import { newTenant } from '../support/books.js'
import { contextOf, tableCounts } from '../support/cli.js'
import {
  type Ask,
  askOf,
  CSV,
  type HttpBed,
  hostOf,
  loadTour,
  openHttp,
  TOUR,
  YAML,
} from '../support/http.js'

let bed: HttpBed
let ask: Ask
let key: string
const RUNS = '/api/v1/use-cases/Tour/runs'
beforeAll(async () => {
  bed = await openHttp()
  ask = bed.ask
  await loadTour(ask)
})
afterAll(() => bed?.close())
beforeEach(() => {
  key = randomUUID()
})

const keyed = (more: object = {}) => ({ 'idempotency-key': key, ...more })
const makeRun = (to: Ask = ask, name = 'Once', headers = {}) =>
  to('POST', RUNS, { json: { date: '2025-12-24', name }, headers: keyed(headers) })
const runsNamed = async (name: string): Promise<number> => {
  const { json } = await ask('GET', '/api/v1/runs?pnl_date=2025-12-24')
  return json.runs.filter(
    (run: { run_name: string; status: string }) => run.run_name === name && run.status === 'COMPLETED',
  ).length
}

describe('sent again', () => {
  test('the answer is given again, whole, and nothing is made', async () => {
    const first = await makeRun(ask, 'Twice')
    const before = await tableCounts(bed.db.books)
    const again = await makeRun(ask, 'Twice')
    expect([again.status, again.text]).toEqual([201, first.text])
    expect(again.headers.get('location')).toBe(first.headers.get('location'))
    expect(first.headers.get('idempotency-replayed')).toBeNull()
    expect(again.headers.get('idempotency-replayed')).toBe('true')
    expect(await tableCounts(bed.db.books)).toEqual(before)
    expect(await runsNamed('Twice')).toBe(1)
  })

  test('members in another order are the same request', async () => {
    const body = (text: string) =>
      ask('POST', RUNS, { body: text, headers: keyed({ 'content-type': 'application/json' }) })
    const first = await body('{"date":"2025-12-24","name":"Order"}')
    expect((await body('{ "name": "Order", "date": "2025-12-24" }')).text).toBe(first.text)
  })

  test('a file too: by its bytes', async () => {
    const send = (body: string) => ask('POST', '/api/v1/structures/KEYED', { headers: keyed(CSV), body })
    expect((await send(TOUR.structure)).json).toMatchObject({ version: 1, new: 5 })
    expect((await send(TOUR.structure)).json).toMatchObject({ version: 1, new: 5 })
    expect(await send(`${TOUR.structure}X,FIRM,Extra\n`)).toMatchObject({
      status: 422,
      json: { code: 'TIE-1614' },
    })
  })

  test.each<[string, () => Promise<unknown>]>([
    ['another body', () => makeRun(ask, 'Else')],
    [
      'another path',
      () =>
        ask('POST', '/api/v1/use-cases/Tuor/runs', {
          json: { date: '2025-12-24', name: 'Base' },
          headers: keyed(),
        }),
    ],
    [
      'another operation',
      () => ask('POST', '/api/v1/use-cases', { headers: keyed(YAML), body: TOUR.useCase }),
    ],
  ])('TIE-1614: %s', async (_, other) => {
    await makeRun(ask, 'Base')
    const before = await tableCounts(bed.db.books)
    expect(await other()).toMatchObject({ status: 422, json: { code: 'TIE-1614' } })
    expect(await tableCounts(bed.db.books)).toEqual(before)
  })

  test("another tenant's key is another key", async () => {
    const context = contextOf(bed.db.books, await newTenant(bed.db.books))
    const other = askOf(makeApp(hostOf(bed.db, { access: withoutLogin(context) })))
    await loadTour(other)
    const here = await makeRun(ask, 'Here')
    const there = await makeRun(other, 'There')
    expect([here.status, there.status]).toEqual([201, 201])
    expect(there.json.run_id).not.toBe(here.json.run_id)
  })

  test('what was refused is not kept: the key is free', async () => {
    const refused = await ask('POST', RUNS, { json: { date: '2025-02-30' }, headers: keyed() })
    expect(refused.status).toBe(400)
    expect(await makeRun(ask, 'After')).toMatchObject({ status: 201 })
  })

  test('a key that has expired is forgotten', async () => {
    const late = { ...hostOf(bed.db), limits: { ...hostOf(bed.db).limits, idempotencyHours: 0 } }
    const app = askOf(makeApp(late))
    const first = await makeRun(app, 'Expired')
    expect((await makeRun(app, 'Expired')).json.run_id).not.toBe(first.json.run_id)
  })

  test.each(['', 'a b', 'ä', 'x'.repeat(256)])('TIE-1613: %j is no key', async (bad) => {
    const header = encodeURIComponent(bad) === bad ? bad : Buffer.from(bad, 'utf8').toString('latin1')
    const answer = await ask('POST', RUNS, {
      json: { date: '2025-12-24' },
      headers: { 'idempotency-key': header },
    })
    expect(answer).toMatchObject({ status: 400, json: { code: 'TIE-1613' } })
  })
})

describe('sent at once', () => {
  test('one is carried out; the others hear that it is, or get its answer', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => makeRun(ask, 'Race')))
    expect(await runsNamed('Race')).toBe(1)
    const made = answers.filter(({ status }) => status === 201)
    expect(made.filter(({ headers }) => headers.get('idempotency-replayed') === null)).toHaveLength(1)
    expect(new Set(made.map(({ json }) => json.run_id)).size).toBe(1)
    for (const { status, json } of answers.filter((one) => one.status !== 201)) {
      expect([status, json.code]).toEqual([409, 'TIE-1615'])
    }
    expect((await makeRun(ask, 'Race')).json).toEqual(made[0]!.json)
  })

  test('TIE-1615: while another process holds the key', async () => {
    await bed.db.books.whileHolding(keyLock(bed.db.tenant, key), async () => {
      expect(await makeRun(ask, 'Held')).toMatchObject({ status: 409, json: { code: 'TIE-1615' } })
    })
    expect(await makeRun(ask, 'Held')).toMatchObject({ status: 201 })
  })
})

/**
 * A process that dies before its n-th transaction: from there on nothing reaches the database. The request is sent
 * again to a server that lives.
 */
function dyingBefore(n: number): { readonly ask: Ask; readonly transactions: () => number } {
  let count = 0
  const { books } = bed.db
  const dying: Books = {
    kind: books.kind,
    location: books.location,
    close: () => books.close(),
    whileHolding: (lock, work) => books.whileHolding(lock, work),
    transaction: (tenant, work) => {
      count++
      if (count >= n) return Promise.reject(new Error('the process is dead'))
      return books.transaction(tenant, work)
    },
  }
  const host = hostOf(bed.db, {
    context: contextOf(dying as never, bed.db.tenant),
    complain: () => undefined,
  })
  return { ask: askOf(makeApp(host)), transactions: () => count }
}

describe('the process dies', () => {
  test('before each of its transactions: sent again, there is one completed run, and one answer', {
    tags: ['long'],
  }, async () => {
    const whole = dyingBefore(Number.POSITIVE_INFINITY)
    await makeRun(whole.ask, 'Counted')
    const outcomes: string[] = []
    for (let n = 1; n <= whole.transactions(); n++) {
      key = randomUUID()
      const name = `Died before ${n}`
      expect((await makeRun(dyingBefore(n).ask, name)).status).toBe(500)
      const again = await makeRun(ask, name)
      expect(again.status).toBe(201)
      outcomes.push(again.headers.get('idempotency-replayed') === 'true' ? 'recovered' : 'made anew')
      expect(await runsNamed(name)).toBe(1)
      expect((await makeRun(ask, name)).text).toBe(again.text)
      expect((await ask('GET', `/api/v1/runs/${again.json.run_id}`)).json.run_name).toBe(name)
    }
    // The key's claim, the inputs, the header and the results can be lost; what is sealed is recovered.
    expect(outcomes).toContain('recovered')
    expect(outcomes.slice(0, 4)).toEqual(['made anew', 'made anew', 'made anew', 'made anew'])
    expect(outcomes.at(-1)).toBe('recovered')
  })

  test('after the one transaction of an import: the answer was kept with it', async () => {
    const send = (to: Ask) =>
      to('POST', `/api/v1/structures/${key}`, { headers: keyed(CSV), body: TOUR.structure })
    // 1 claims the key, 2 imports, 3 would keep the answer.
    expect((await send(dyingBefore(3).ask)).status).toBe(500)
    const again = await send(ask)
    expect(again).toMatchObject({ status: 201, json: { version: 1, new: 5, same: 0 } })
    expect(again.headers.get('idempotency-replayed')).toBe('true')
  })

  test('TIE-1616: after one of several transactions of an operation that cannot tell what it made', async () => {
    let made = 0
    const twice = operation({
      name: 'make twice',
      summary: 'Two transactions.',
      effect: 'append',
      input: z.object({}),
      output: z.object({ made: z.number() }),
      errors: [],
      positional: [],
      http: { method: 'POST', path: '/twice' },
      run: async ({ books, tenant, newId }) => {
        for (let i = 0; i < 2; i++) {
          await books.transaction(tenant, (tx) =>
            tx.execute(
              `INSERT INTO calculation_runs (tenant_id, id, kind, run_name, executed_at, triggered_by, engine_version)
               VALUES ($1, $2, 'lots', 'twice', now(), 'me', '0')`,
              [tenant, newId()],
            ),
          )
          made++
          if (i === 0 && made === 1) throw new Error('the process is dead')
        }
        return { made }
      },
    })
    const to = askOf(makeApp(hostOf(bed.db, { operations: [twice], complain: () => undefined })))
    expect((await to('POST', '/twice', { headers: keyed() })).status).toBe(500)
    expect(await to('POST', '/twice', { headers: keyed() })).toMatchObject({
      status: 409,
      json: { code: 'TIE-1616' },
    })
    expect(made).toBe(1)
  })
})

test('every operation that makes something over several transactions can tell what it made', () => {
  // One transaction keeps its answer with its effect; these have several.
  const several = CATALOGUE.filter(({ recover }) => recover !== undefined).map(({ name }) => name)
  expect(several.sort()).toEqual(['attribution allocate', 'lots compute', 'runs create'])
})

test('nothing of this was a bug', () => expect(bed.complaints).toEqual([]))
