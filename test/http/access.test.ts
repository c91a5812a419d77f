/** Who may ask what on a server: keys, tokens, roles, tenants. Every way in which a credential fails, as a table. */

import { createServer, type Server } from 'node:http'
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Instant } from '#tieout/base/dates'
import { createApiKey, revokeApiKey } from '#tieout/books/api-keys'
import type { TenantId } from '#tieout/books/books'
import type { Role } from '#tieout/books/operation'
import { CATALOGUE } from '#tieout/surfaces/catalogue'
import { configuredAccess } from '#tieout/surfaces/http/configured-access'
import { makeApp } from '#tieout/surfaces/http/http-app'
import { resolveSettings, type Settings } from '#tieout/surfaces/settings'
import { newTenant } from '../support/books.js'
import { codes, contextOf, makeFolder, refusal, tableCounts } from '../support/cli.js'
import {
  type Ask,
  askOf,
  CSV,
  type HttpBed,
  hostOf,
  loadTour,
  makeRun,
  openHttp,
  TOUR,
} from '../support/http.js'

const SERVED = CATALOGUE.filter(({ http }) => http !== undefined)
const ROLES: readonly Role[] = ['reader', 'preparer', 'approver', 'admin']
const folder = makeFolder()
let bed: HttpBed
let alpha: TenantId
let beta: TenantId
/** The server with API keys. */
let server: Ask
const settingsOf = (flags: object): Promise<Settings> =>
  resolveSettings({ flags, environment: {}, directory: folder.path })
const serverWith = async (flags: object): Promise<Ask> => {
  const access = await configuredAccess(contextOf(bed.db.books), await settingsOf(flags))
  return askOf(makeApp(hostOf(bed.db, { access, complain: (line) => complaints.push(line) })))
}
const complaints: string[] = []

let made = 0
async function keyFor(
  tenant: TenantId,
  role: Role,
  more: { name?: string; expires_at?: string } = {},
): Promise<string> {
  made++
  return createApiKey(bed.db.books, tenant, {
    key_id: made.toString(16).padStart(16, '0'),
    secret: `${made}`.padStart(43, 'S'),
    name: more.name ?? `${role} ${made}`,
    role,
    created_at: '2025-01-01T00:00:00Z' as Instant,
    created_by: 'test',
    expires_at: (more.expires_at ?? null) as Instant | null,
  })
}
const by = (credential: string) => ({ authorization: `Bearer ${credential}` })
const as =
  (credential: string, to: Ask = server): Ask =>
  (method, path, sent = {}) =>
    to(method, path, { ...sent, headers: { ...sent.headers, ...by(credential) } })

beforeAll(async () => {
  bed = await openHttp()
  alpha = await newTenant(bed.db.books, 'Alpha')
  beta = await newTenant(bed.db.books, 'Beta')
  server = await serverWith({ auth: 'keys', hosts: 'tieout.example, 10.0.0.5' })
  await loadTour(as(await keyFor(alpha, 'preparer')))
  await loadTour(as(await keyFor(beta, 'preparer')))
})
afterAll(async () => {
  await bed?.close()
  folder.remove()
})

describe('a credential', () => {
  const RUNS = '/api/v1/runs'
  test.each<[string, () => Promise<string | undefined>, string]>([
    ['missing', async () => undefined, 'TIE-1402'],
    ['empty', async () => '', 'TIE-1402'],
    ['of another scheme', async () => 'Basic dGllb3V0OnRpZW91dA==', 'TIE-1402'],
    ['too long', async () => `Bearer ${'x'.repeat(8001)}`, 'TIE-1402'],
    ['of no form', async () => 'Bearer secret', 'TIE-1405'],
    [
      'of a key that is not there',
      async () => `Bearer tieout_${'f'.repeat(16)}_${'S'.repeat(43)}`,
      'TIE-1405',
    ],
    ['with another secret', async () => `Bearer ${(await keyFor(alpha, 'admin')).slice(0, -1)}x`, 'TIE-1405'],
    [
      'with the secret of another key',
      async () => {
        const [one, two] = [await keyFor(alpha, 'reader'), await keyFor(beta, 'admin')]
        return `Bearer ${two.slice(0, 24)}${one.slice(24)}`
      },
      'TIE-1405',
    ],
    [
      'that has expired',
      async () => `Bearer ${await keyFor(alpha, 'admin', { expires_at: '2025-01-02T00:00:00Z' })}`,
      'TIE-1405',
    ],
    [
      'that is revoked',
      async () => {
        const key = await keyFor(alpha, 'admin')
        await revokeApiKey(bed.db.books, alpha, {
          key_id: key.slice(7, 23),
          at: '2025-01-02T00:00:00Z' as Instant,
          by: 'test',
        })
        return `Bearer ${key}`
      },
      'TIE-1405',
    ],
    ['with SQL in it', async () => `Bearer tieout_0000000000000001_' OR 1=1 --`, 'TIE-1402'],
  ])('%s: 401', async (_, credential, code) => {
    const authorization = await credential()
    const answer = await server(
      'GET',
      RUNS,
      authorization === undefined ? {} : { headers: { authorization } },
    )
    expect(answer).toMatchObject({ status: 401, json: { code } })
    expect(answer.headers.get('www-authenticate')).toBe(
      code === 'TIE-1405' ? 'Bearer realm="tieout", error="invalid_token"' : 'Bearer realm="tieout"',
    )
  })

  test('that holds is taken, whatever the case of its scheme', async () => {
    const key = await keyFor(alpha, 'reader', { expires_at: '9999-01-01T00:00:00Z' })
    for (const scheme of ['Bearer', 'bearer', 'BEARER']) {
      expect((await server('GET', RUNS, { headers: { authorization: `${scheme} ${key}` } })).status).toBe(200)
    }
  })

  test('is needed for everything but the pages about the routes', async () => {
    for (const path of ['/', '/openapi.json', '/errors/TIE-1402'])
      expect((await server('GET', path)).status).toBe(200)
    for (const path of [RUNS, '/api/v1/jobs/x', '/api/v1/jobs/x/events'])
      expect((await server('GET', path)).status).toBe(401)
  })

  test('is looked at before the body', async () => {
    const answer = await server('POST', '/api/v1/structures/X', { headers: CSV, body: 'x'.repeat(1000) })
    expect(answer.status).toBe(401)
  })

  test('names who made what', async () => {
    const run = await makeRun(as(await keyFor(alpha, 'preparer', { name: 'Ada' })))
    expect((await as(await keyFor(alpha, 'reader'))('GET', `/api/v1/runs/${run}`)).json.triggered_by).toBe(
      'Ada',
    )
  })
})

describe('roles', () => {
  const MAY: Readonly<Record<string, readonly Role[]>> = {
    reader: ROLES,
    preparer: ['preparer', 'admin'],
    approver: ['approver', 'admin'],
    admin: ['admin'],
  }
  /** What asks for another role than its effect on the books does: marts are files of the server. */
  const OWN: Readonly<Record<string, Role>> = {
    'runs sign-off': 'approver',
    'lots publish': 'approver',
    'mart create': 'preparer',
    'mart suggest': 'preparer',
    'mart import': 'preparer',
    'mart add-dimension': 'preparer',
    'mart add-join': 'preparer',
    'mart add-column': 'preparer',
  }
  const neededBy = ({ name, effect }: (typeof CATALOGUE)[number]): string =>
    OWN[name] ?? { read: 'reader', append: 'preparer', purge: 'admin' }[effect]

  test.each(SERVED.map((operation): [string, (typeof CATALOGUE)[number]] => [operation.name, operation]))(
    '%s',
    async (_, operation) => {
      const { method, path } = operation.http!
      const needed = neededBy(operation)
      for (const role of ROLES) {
        const ask = as(await keyFor(alpha, role))
        // Nothing of the name is there, so what is let in is refused for another reason.
        const { status, json } = await ask(method, path.replaceAll(/\{\w+\}/g, 'none'))
        expect([role, status === 403 ? json.code : 'let in']).toEqual([
          role,
          MAY[needed]!.includes(role) ? 'let in' : 'TIE-1403',
        ])
      }
    },
  )

  test('TIE-1403 says what is needed', async () => {
    const { json } = await as(await keyFor(alpha, 'reader'))('DELETE', '/api/v1/admin/use-case/Tour')
    expect(json).toMatchObject({ status: 403, code: 'TIE-1403', problems: [{ remedy: 'It needs admin.' }] })
  })

  test('a reader cancels no job', async () => {
    expect((await as(await keyFor(alpha, 'reader'))('DELETE', '/api/v1/jobs/x')).json.code).toBe('TIE-1403')
  })
})

describe('tenants', () => {
  test('what is of another is not there: the same answer as for what nobody has', async () => {
    const a = as(await keyFor(alpha, 'admin'))
    const b = as(await keyFor(beta, 'admin'))
    const run = await makeRun(a)
    const { json: useCases } = await a('GET', '/api/v1/use-cases')
    await a('POST', '/api/v1/structures/ALPHA_ONLY', { headers: CSV, body: TOUR.structure })
    const nobody = '00000000-0000-4000-8000-000000000000'
    const counts = await tableCounts(bed.db.books)
    const asked: [string, (id: string) => string, string, object?][] = [
      ['GET', (id) => `/api/v1/runs/${id}`, run],
      ['GET', (id) => `/api/v1/runs/${id.slice(0, 8)}`, run],
      ['GET', (id) => `/api/v1/runs/${id}/results`, run],
      ['GET', (id) => `/api/v1/runs/${id}/verify`, run],
      ['GET', (id) => `/api/v1/runs/${id}/compare/${id}`, run],
      ['POST', (id) => `/api/v1/runs/${id}/sign-offs`, run, {}],
      ['GET', (id) => `/api/v1/use-cases/${id}`, useCases.use_cases[0].use_case_id],
      ['GET', (id) => `/api/v1/runs?use_case_id=${id}`, useCases.use_cases[0].use_case_id],
      [
        'POST',
        (id) => `/api/v1/use-cases/${id}/runs`,
        useCases.use_cases[0].use_case_id,
        { date: '2025-12-24' },
      ],
      ['DELETE', (id) => `/api/v1/admin/use-case/${id}`, useCases.use_cases[0].use_case_id],
    ]
    for (const [method, path, id, json] of asked) {
      const sent = { headers: { 'x-request-id': 'same' }, ...(json === undefined ? {} : { json }) }
      const theirs = await b(method, path(id), sent)
      const none = await b(method, path(nobody), sent)
      expect([path(''), theirs.status]).toEqual([path(''), 404])
      const plain = (text: string, given: string) =>
        text.replaceAll(given, 'ID').replaceAll(given.slice(0, 8), 'ID')
      expect(plain(theirs.text, id)).toBe(plain(none.text, nobody))
    }
    const structures = await b('GET', '/api/v1/structures')
    expect(structures.text).not.toContain('ALPHA_ONLY')
    // Nor does a near miss name it.
    expect((await b('GET', '/api/v1/structures/ALPHA_ONLX')).text).not.toContain('ALPHA_ONLY')
    expect(await tableCounts(bed.db.books)).toEqual(counts)
  })

  test('each has its own lists', async () => {
    const before = await as(await keyFor(beta, 'reader'))('GET', '/api/v1/runs')
    await makeRun(as(await keyFor(alpha, 'preparer')))
    expect((await as(await keyFor(beta, 'reader'))('GET', '/api/v1/runs')).text).toBe(before.text)
  })
})

describe('hosts', () => {
  test.each([
    ['tieout.example', 200],
    ['TIEOUT.example:8443', 200],
    ['10.0.0.5', 200],
    ['localhost:4173', 200],
    ['evil.example', 403],
    ['tieout.example.evil.example', 403],
    ['', 403],
  ])('%s: %d', async (host, status) => {
    const key = await keyFor(alpha, 'reader')
    expect((await as(key)('GET', '/api/v1/runs', { headers: { host } })).status).toBe(status)
  })

  test('no page of elsewhere reads anything, and no header lets it', async () => {
    const ask = as(await keyFor(alpha, 'reader'))
    const answer = await ask('GET', '/api/v1/runs', { headers: { origin: 'https://evil.example' } })
    expect(answer).toMatchObject({ status: 403, json: { code: 'TIE-1401' } })
    const own = await ask('GET', '/api/v1/runs', { headers: { origin: 'https://tieout.example' } })
    expect([own.status, own.headers.get('access-control-allow-origin')]).toEqual([200, null])
  })
})

describe('settings that do not fit are refused at the start', () => {
  test.each<[string, object, string]>([
    ['a server without a login', { host: '0.0.0.0' }, 'TIE-1406'],
    ['a name without a login', { host: 'tieout.example' }, 'TIE-1406'],
    ['another way', { auth: 'basic' }, 'TIE-1407'],
    ['tokens without an issuer', { auth: 'jwt', jwks: 'https://i.example/jwks' }, 'TIE-1407'],
    [
      'keys over an open line',
      { auth: 'jwt', jwks: 'http://i.example/jwks', issuer: 'i', audience: 'a' },
      'TIE-1407',
    ],
    ['keys over no line', { auth: 'jwt', jwks: 'ftp://i.example', issuer: 'i', audience: 'a' }, 'TIE-1407'],
    ['no such file', { auth: 'jwt', jwks: '/nowhere/jwks.json', issuer: 'i', audience: 'a' }, 'TIE-1407'],
  ])('%s', async (_, flags, code) => {
    const settings = await settingsOf(flags)
    expect(codes(await refusal(configuredAccess(contextOf(bed.db.books), settings)))).toEqual([code])
  })
})

describe('tokens', () => {
  const ISSUER = 'https://issuer.example'
  const AUDIENCE = 'tieout'
  const pairs: Record<string, Awaited<ReturnType<typeof generateKeyPair>>> = {}
  let ask: Ask
  let jwks: string
  beforeAll(async () => {
    const keys = []
    for (const alg of ['RS256', 'ES256', 'EdDSA']) {
      pairs[alg] = await generateKeyPair(alg, { extractable: true })
      keys.push({ ...(await exportJWK(pairs[alg].publicKey)), kid: alg, alg, use: 'sig' })
    }
    jwks = folder.write('jwks.json', JSON.stringify({ keys }))
    ask = await serverWith({ auth: 'jwt', jwks, issuer: ISSUER, audience: AUDIENCE })
  })

  const now = (): number => Math.floor(Date.now() / 1000)
  const claims = (more: JWTPayload = {}): JWTPayload => ({
    sub: 'ada@example.com',
    tenant: 'Alpha',
    role: 'preparer',
    iss: ISSUER,
    aud: AUDIENCE,
    exp: now() + 60,
    ...more,
  })
  const signed = (payload: JWTPayload = claims(), alg = 'ES256', kid = alg, key = pairs[alg]!.privateKey) =>
    new SignJWT(payload).setProtectedHeader({ alg, kid }).sign(key)
  const without = (name: string): JWTPayload => {
    const { [name]: _, ...rest } = claims()
    return rest
  }

  test.each(['RS256', 'ES256', 'EdDSA'])('of %s hold', async (alg) => {
    expect(
      (await as(await signed(claims(), alg), ask)('GET', '/api/v1/use-cases')).json.use_cases,
    ).toHaveLength(1)
  })

  test('say who, whose data and which role', async () => {
    const token = await signed()
    const run = await makeRun(as(token, ask))
    expect((await as(token, ask)('GET', `/api/v1/runs/${run}`)).json.triggered_by).toBe('ada@example.com')
    expect(
      (await as(await signed(claims({ tenant: 'Beta' })), ask)('GET', `/api/v1/runs/${run}`)).status,
    ).toBe(404)
    expect(
      (await as(await signed(claims({ role: 'reader' })), ask)('DELETE', '/api/v1/admin/use-case/Tour')).json
        .code,
    ).toBe('TIE-1403')
  })

  test.each<[string, () => Promise<string>, number, string]>([
    ['unsigned', async () => new UnsecuredJWT(claims()).encode(), 401, 'TIE-1405'],
    [
      'signed with a public key as a shared secret',
      async () => {
        const secret = new TextEncoder().encode(JSON.stringify(await exportJWK(pairs.RS256!.publicKey)))
        return new SignJWT(claims()).setProtectedHeader({ alg: 'HS256', kid: 'RS256' }).sign(secret)
      },
      401,
      'TIE-1405',
    ],
    ['of a key of nobody', async () => signed(claims(), 'ES256', 'other'), 401, 'TIE-1405'],
    [
      'signed by another key under a known name',
      async () => signed(claims(), 'ES256', 'ES256', (await generateKeyPair('ES256')).privateKey),
      401,
      'TIE-1405',
    ],
    ['of another issuer', () => signed(claims({ iss: 'https://other.example' })), 401, 'TIE-1405'],
    ['for another audience', () => signed(claims({ aud: 'other' })), 401, 'TIE-1405'],
    ['that has expired', () => signed(claims({ exp: now() - 60 })), 401, 'TIE-1405'],
    ['that never expires', () => signed(without('exp')), 401, 'TIE-1405'],
    ['of tomorrow', () => signed(claims({ nbf: now() + 86_400 })), 401, 'TIE-1405'],
    [
      'changed',
      async () => {
        const [head, , tail] = (await signed()).split('.')
        const body = Buffer.from(JSON.stringify(claims({ role: 'admin' }))).toString('base64url')
        return `${head}.${body}.${tail}`
      },
      401,
      'TIE-1405',
    ],
    ['that is an API key', () => keyFor(alpha, 'admin'), 401, 'TIE-1405'],
    ['cut short', async () => (await signed()).slice(0, -10), 401, 'TIE-1405'],
    ['without a tenant', () => signed(without('tenant')), 403, 'TIE-1408'],
    ['of a tenant that is not there', () => signed(claims({ tenant: 'Alphb' })), 403, 'TIE-1408'],
    ['of several tenants', () => signed(claims({ tenant: ['Alpha', 'Beta'] })), 403, 'TIE-1408'],
    ['without a role', () => signed(without('role')), 403, 'TIE-1408'],
    ['of an unknown role', () => signed(claims({ role: 'owner' })), 403, 'TIE-1408'],
    ['of nobody', () => signed(without('sub')), 403, 'TIE-1408'],
    ['of a name too long', () => signed(claims({ sub: 'x'.repeat(101) })), 403, 'TIE-1408'],
  ])('%s do not', async (_, token, status, code) => {
    const answer = await as(await token(), ask)('GET', '/api/v1/runs')
    expect(answer).toMatchObject({ status, json: { code } })
    // A wrong tenant gets no near miss.
    expect(answer.text).not.toContain('Alpha')
  })

  test('TIE-1412: keys that cannot be fetched are no reason to let anybody in, nor the fault of who asks', async () => {
    let answers: 'keys' | 'nothing' = 'keys'
    const { readFileSync } = await import('node:fs')
    const issuer: Server = createServer((_, response) => {
      response.statusCode = answers === 'keys' ? 200 : 500
      response.end(answers === 'keys' ? readFileSync(jwks) : 'no')
    })
    await new Promise<void>((resolve) => issuer.listen(0, '127.0.0.1', resolve))
    const { port } = issuer.address() as { port: number }
    const flags = { auth: 'jwt', jwks: `http://127.0.0.1:${port}/jwks`, issuer: ISSUER, audience: AUDIENCE }
    const good = await serverWith(flags)
    expect((await as(await signed(), good)('GET', '/api/v1/runs')).status).toBe(200)
    answers = 'nothing'
    const bad = await serverWith(flags)
    expect(await as(await signed(), bad)('GET', '/api/v1/runs')).toMatchObject({
      status: 503,
      json: { code: 'TIE-1412' },
    })
    await new Promise((resolve) => issuer.close(resolve))
    const gone = await serverWith(flags)
    expect(await as(await signed(), gone)('GET', '/api/v1/runs')).toMatchObject({
      status: 503,
      json: { code: 'TIE-1412' },
    })
  })
})

describe('sign-off', () => {
  const sign = (ask: Ask, run: string, json: object = {}) =>
    ask('POST', `/api/v1/runs/${run}/sign-offs`, { json })

  test('by somebody else than who prepared, once each; shown with the run', async () => {
    const run = await makeRun(as(await keyFor(alpha, 'preparer', { name: 'Ada' })))
    const [bob, cyd] = [
      as(await keyFor(alpha, 'approver', { name: 'Bob' })),
      as(await keyFor(alpha, 'admin', { name: 'Cyd' })),
    ]
    const signed = await sign(bob, run.slice(0, 8), { note: 'Compared with the desk sheets.' })
    expect(signed).toMatchObject({
      status: 201,
      json: { run_id: run, sign_offs: [{ signed_by: 'Bob', note: 'Compared with the desk sheets.' }] },
    })
    expect(signed.headers.get('location')).toBe(`/api/v1/runs/${run}`)
    expect(await sign(bob, run)).toMatchObject({ status: 409, json: { code: 'TIE-1409' } })
    expect(
      (await sign(cyd, run)).json.sign_offs.map(({ signed_by }: { signed_by: string }) => signed_by),
    ).toEqual(['Bob', 'Cyd'])
    expect((await bob('GET', `/api/v1/runs/${run}`)).json.sign_offs).toHaveLength(2)
  })

  test('TIE-1404: not by who prepared it, also as admin or by another key', async () => {
    const run = await makeRun(as(await keyFor(alpha, 'preparer', { name: 'Dora' })))
    for (const role of ['approver', 'admin'] as const) {
      const dora = as(await keyFor(alpha, role, { name: 'Dora' }))
      expect(await sign(dora, run)).toMatchObject({ status: 403, json: { code: 'TIE-1404' } })
    }
    expect((await sign(as(await keyFor(alpha, 'preparer', { name: 'Eve' })), run)).json.code).toBe('TIE-1403')
  })

  test('TIE-1410: of a completed run only', async () => {
    const run = await openRun()
    const bob = as(await keyFor(alpha, 'approver', { name: 'Bob' }))
    expect(await sign(bob, run)).toMatchObject({ status: 409, json: { code: 'TIE-1410' } })
  })

  async function openRun(): Promise<string> {
    const id = '0f0f0f0f-0000-4000-8000-000000000001'
    await bed.db.books.transaction(alpha, (tx) =>
      tx.execute(
        `INSERT INTO calculation_runs (tenant_id, id, kind, run_name, executed_at, triggered_by, engine_version)
         VALUES ($1, $2, 'rollup', 'left', now(), 'Ada', '0')`,
        [alpha, id],
      ),
    )
    return id
  }

  test('leaves the run as it was: its digest, its verification', async () => {
    const ada = as(await keyFor(alpha, 'preparer', { name: 'Ada' }))
    const run = await makeRun(ada)
    const before = (await ada('GET', `/api/v1/runs/${run}`)).json.result_digest
    await sign(as(await keyFor(alpha, 'approver', { name: 'Bob' })), run)
    expect((await ada('GET', `/api/v1/runs/${run}`)).json.result_digest).toBe(before)
    expect((await ada('GET', `/api/v1/runs/${run}/verify`)).json.verdict).toBe('match')
  })

  test('goes with a purge, like the run', async () => {
    const admin = as(await keyFor(beta, 'admin', { name: 'Zoe' }))
    const run = await makeRun(as(await keyFor(beta, 'preparer', { name: 'Yan' })))
    expect((await sign(admin, run)).status).toBe(201)
    expect(await admin('DELETE', '/api/v1/admin/use-case/Tour')).toMatchObject({ status: 200 })
    expect((await admin('GET', `/api/v1/runs/${run}`)).status).toBe(404)
  })
})

test('runs that a dead process left open are marked when their tenant first asks', async () => {
  const tenant = await newTenant(bed.db.books, 'Gamma')
  const id = '0f0f0f0f-0000-4000-8000-000000000002'
  await bed.db.books.transaction(tenant, (tx) =>
    tx.execute(
      `INSERT INTO calculation_runs (tenant_id, id, kind, run_name, executed_at, triggered_by, engine_version)
       VALUES ($1, $2, 'rollup', 'left', now(), 'Ada', '0')`,
      [tenant, id],
    ),
  )
  const { json } = await as(await keyFor(tenant, 'reader'))('GET', '/api/v1/runs')
  expect(json.runs).toMatchObject([{ id, status: 'FAILED' }])
})

test('no bug, and no secret in a log', () => expect(complaints).toEqual([]))
