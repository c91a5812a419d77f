/** The contract routes of revenue and reconciliation: their shape, their correlation id, their refusals; files over HTTP. */

import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { TenantId } from '#tieout/books/books'
import type { Role } from '#tieout/books/operation'
import { makeApp } from '#tieout/surfaces/http/http-app'
import { RateLimit } from '#tieout/surfaces/http/rate-limit'
import { purchase } from '../support/attribution.js'
import { newTenant } from '../support/books.js'
import { EXAMPLES, perform } from '../support/cli.js'
import { type Ask, askOf, type HttpBed, hostOf, openHttp } from '../support/http.js'

const REALTIME = '/api/attribution/revenue/realtime'
const STATUS = '/api/reconciliation/status'
const CORRELATED = { headers: { 'x-correlation-id': 'batch-7.1' } }
const example = (name: string): string => readFileSync(join(EXAMPLES, 'attribution', name), 'utf8')

let bed: HttpBed
beforeAll(async () => {
  bed = await openHttp()
  const post = (path: string, body: string, type: string) =>
    bed.ask('POST', path, { body, headers: { 'content-type': type, 'idempotency-key': randomUUID() } })
  const sent = [
    await post('/api/v1/events/imports', example('events.ndjson'), 'application/x-ndjson'),
    await post('/api/v1/claims/imports', example('claims.csv'), 'text/csv'),
    await post('/api/v1/settlements/imports', example('settlements.csv'), 'text/csv'),
  ]
  expect(sent.map(({ status, json }) => [status, json.new])).toEqual([
    [200, 3],
    [200, 4],
    [200, 3],
  ])
  await bed.ask('POST', '/api/v1/attribution/allocations', { json: { model: 'linear' } })
})
afterAll(() => bed?.close())

/** As the contract has them, written down here and not taken from the operations. */
const CENTS = z.string().regex(/^-?\d+$/)
const Realtime = z.strictObject({
  total_revenue: z
    .string()
    .regex(/^-?\d+(\.\d+)?$/)
    .nullable(),
  verified: z.boolean(),
  data_freshness_seconds: z.int().min(0).nullable(),
  tenant_id: z.guid(),
  currency: z.string().length(3).nullable(),
  currencies: z.array(
    z.strictObject({
      currency: z.string().length(3),
      minor_unit_digits: z.int(),
      revenue: z.string(),
      revenue_cents: CENTS,
      verified_cents: CENTS,
      unverified_cents: CENTS,
      posted_cents: CENTS,
      events: z.int(),
      verified_events: z.int(),
      entries: z.int(),
    }),
  ),
})
const Status = z.strictObject({
  state: z.enum(['idle', 'running', 'failed', 'completed']),
  last_run_at: z.iso.datetime().nullable(),
  tenant_id: z.guid(),
})

describe('the contract', () => {
  test('revenue at this moment', async () => {
    const { status, json, headers } = await bed.ask('GET', REALTIME, CORRELATED)
    expect(status).toBe(200)
    expect(Realtime.parse(json)).toMatchObject({ total_revenue: '124.99', currency: 'USD', verified: false })
    expect(headers.get('x-correlation-id')).toBe('batch-7.1')
  })

  test('the status of reconciliation, before and after one', async () => {
    const before = await bed.ask('GET', STATUS, CORRELATED)
    expect(Status.parse(before.json)).toMatchObject({ state: 'idle', last_run_at: null })
    const made = await bed.ask('POST', '/api/v1/reconciliations', {
      json: {},
      headers: { 'idempotency-key': randomUUID() },
    })
    expect([made.status, made.headers.get('location')]).toEqual([
      201,
      `/api/v1/reconciliations/${made.json.run_id}`,
    ])
    const after = await bed.ask('GET', STATUS, CORRELATED)
    expect(Status.parse(after.json)).toMatchObject({ state: 'completed' })
    expect(after.headers.get('x-correlation-id')).toBe('batch-7.1')
    const shown = await bed.ask('GET', made.headers.get('location')!)
    expect(shown.json.references).toHaveLength(5)
  })

  test.each([
    ['missing', {}],
    ['empty', { 'x-correlation-id': '' }],
    ['with a space', { 'x-correlation-id': 'a b' }],
    ['with markup', { 'x-correlation-id': '<script>' }],
    ['too long', { 'x-correlation-id': 'x'.repeat(101) }],
  ])(
    'a correlation id that is %s is refused, and not given back',
    async (_, headers: Record<string, string>) => {
      for (const path of [REALTIME, STATUS]) {
        const { status, json, headers: said } = await bed.ask('GET', path, { headers })
        expect([status, json.code, said.get('content-type')]).toEqual([
          400,
          'TIE-1620',
          'application/problem+json',
        ])
        expect(said.get('x-correlation-id')).toBeNull()
      }
    },
  )

  test('other routes ask for none', async () => {
    expect((await bed.ask('GET', '/api/v1/channels')).status).toBe(200)
  })
})

describe('what is refused', () => {
  const served = (role: Role, more: object = {}): Ask => {
    const { tenant } = bed.host.context
    const access = {
      answers: () => true,
      whoAsks: async (authorization: string | undefined) => {
        if (authorization === undefined) return bed.host.access.whoAsks(undefined)
        return { tenant, who: authorization, role }
      },
    }
    return askOf(makeApp(hostOf(bed.db, { access, complain: () => undefined, ...more })))
  }

  test('too many requests of one principal, and only of that one', async () => {
    let ms = 0
    const ask = served('reader', { rate: new RateLimit(2, () => ms) })
    const by = (who: string) =>
      ask('GET', REALTIME, { headers: { ...CORRELATED.headers, authorization: who } })
    expect([(await by('ann')).status, (await by('ann')).status]).toEqual([200, 200])
    const third = await by('ann')
    expect([third.status, third.json.code, third.headers.get('retry-after')]).toEqual([429, 'TIE-1621', '30'])
    expect(third.headers.get('x-correlation-id')).toBe('batch-7.1')
    expect((await by('bob')).status).toBe(200)
    ms = 29_999
    expect((await by('ann')).status).toBe(429)
    ms = 30_000
    expect((await by('ann')).status).toBe(200)
  })

  test('a role that may not, as a problem that names the correlation id', async () => {
    const ask = served('reader')
    const { status, json } = await ask('POST', '/api/v1/reconciliations', {
      json: {},
      headers: { authorization: 'ann', 'idempotency-key': randomUUID() },
    })
    expect([status, json.code]).toEqual([403, 'TIE-1403'])
  })

  test('nobody knows who asks; a bug', async () => {
    const refusing = await import('#tieout/surfaces/http/access')
    const login = refusing.withLogin([], async () => ({}) as never)
    const unknown = askOf(makeApp(hostOf(bed.db, { access: login })))
    const asked = await unknown('GET', STATUS, CORRELATED)
    expect([asked.status, asked.json.code, asked.headers.get('x-correlation-id')]).toEqual([
      401,
      'TIE-1402',
      'batch-7.1',
    ])
    const broken = { ...bed.host.context, books: {} as never }
    const ask = askOf(makeApp(hostOf(bed.db, { context: broken, complain: () => undefined })))
    for (const path of [REALTIME, STATUS]) {
      const { status, json, headers } = await ask('GET', path, CORRELATED)
      expect([status, json.code, headers.get('content-type')]).toEqual([
        500,
        'TIE-9001',
        'application/problem+json',
      ])
    }
  })

  test('a limit forgets those who asked longest ago, and 0 is none', () => {
    const limit = new RateLimit(1, () => 0)
    const tenant = 't' as TenantId
    for (let i = 0; i <= 10_000; i++) expect(limit.secondsToWait({ tenant, who: `${i}` })).toBe(0)
    expect(limit.secondsToWait({ tenant, who: '10000' })).toBe(60)
    expect(limit.secondsToWait({ tenant, who: '0' })).toBe(0)
    const none = new RateLimit(0, () => 0)
    expect([none.secondsToWait({ tenant, who: 'a' }), none.secondsToWait({ tenant, who: 'a' })]).toEqual([
      0, 0,
    ])
  })
})

describe('revenue as a file', () => {
  const left = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('tieout-download-'))

  test.each([
    ['csv', 'text/csv; charset=utf-8'],
    ['json', 'application/json'],
    ['xlsx', 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'],
  ])('%s is the file that the command line writes', async (as, type) => {
    const before = left()
    const path = `/api/export/revenue?as=${as}`
    const response = await bed.app.request(path, { headers: { host: 'localhost' } })
    expect([response.status, response.headers.get('content-type')]).toEqual([200, type])
    expect(response.headers.get('content-disposition')).toBe(`attachment; filename="revenue.${as}"`)
    const bytes = Buffer.from(await response.arrayBuffer())
    const file = join(tmpdir(), `tieout-${randomUUID()}`)
    const { digest } = await perform(bed.host.context, 'export revenue', { file, as, overwrite: true })
    expect(readFileSync(file).equals(bytes)).toBe(true)
    expect(response.headers.get('etag')).toBe(`"${digest}"`)
    const { rmSync } = await import('node:fs')
    rmSync(file)
    const again = await bed.ask('GET', path, { headers: { 'if-none-match': `"${digest}"` } })
    expect(again.status).toBe(304)
    expect(left()).toEqual(before)
  })
})

test('another tenant sees nothing of it', async () => {
  const other = await newTenant(bed.db.books)
  const host = hostOf(bed.db)
  const access = {
    answers: () => true,
    whoAsks: async () => ({ tenant: other, who: 'x', role: 'admin' as const }),
  }
  const ask = askOf(makeApp({ ...host, access }))
  expect((await ask('GET', REALTIME, CORRELATED)).json).toMatchObject({ tenant_id: other, currencies: [] })
  expect((await ask('GET', STATUS, CORRELATED)).json).toMatchObject({ tenant_id: other, state: 'idle' })
  await ask('POST', '/api/v1/events', {
    json: { events: [purchase('own')] },
    headers: { 'idempotency-key': randomUUID() },
  })
  expect((await ask('GET', REALTIME, CORRELATED)).json).toMatchObject({ total_revenue: '100.00' })
})
