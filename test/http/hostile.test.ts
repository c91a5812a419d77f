/**
 * Hostile text and wrong values through every place of every route: coded, no bug, no other tenant's row.
 *
 * @module-tag long
 */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CATALOGUE } from '#tieout/surfaces/catalogue'
import { problemSchema } from '#tieout/surfaces/http/problem-document'
import { type Route, type RouteInput, routesOf } from '#tieout/surfaces/http/routes'
import { CSV, type HttpAnswer, type HttpBed, loadTour, makeRun, openHttp } from '../support/http.js'

const TEXTS: readonly string[] = [
  '',
  ' ',
  '\0',
  '\ud800',
  '\uFFFF',
  '../../etc/passwd',
  '..%2f..%2fetc%2fpasswd',
  "'; DROP TABLE tenants; --",
  "' OR '1'='1",
  '"; SELECT 1; --',
  '$1',
  '$$; SELECT 1 $$',
  '{{7*7}}',
  '<script>alert(1)</script>',
  '%s%n%x',
  '\r\nX-Injected: yes',
  '\u202eevil',
  '🎄'.repeat(50),
  'x'.repeat(3000),
  '-1',
  '1e400',
  'NaN',
  '99999999999999999999',
  '__proto__',
  'constructor',
  'null',
  '{"$gt":""}',
  '2025-02-30',
  '0001-01-01',
  '\\',
]
const VALUES: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e300,
  [],
  {},
  [[]],
  [null],
  { a: { b: { c: [] } } },
  { toString: 1, __proto__: null },
]

let bed: HttpBed
let run: string
beforeAll(async () => {
  bed = await openHttp()
  await loadTour(bed.ask)
  run = await makeRun(bed.ask)
})
afterAll(() => bed?.close())

/** Values that hold, so that the one that is tried decides. */
const GOOD: Readonly<Record<string, string>> = {
  use_case: 'Tour',
  name: 'DESKS',
  structure: 'DESKS',
  date: '2025-12-24',
  pnl_date: '2025-12-24',
  node: 'SWAPS',
  measure: 'daily',
  no: '1',
  field: 'desk',
  table: 'fact_tour',
}
const goodOf = ({ name }: RouteInput): string => (['run', 'other'].includes(name) ? run : (GOOD[name] ?? 'x'))

interface Tried {
  readonly path: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string>>
  readonly body: Readonly<Record<string, unknown>>
}

async function send({ binding, upload, body }: Route, tried: Tried): Promise<HttpAnswer> {
  const path = binding.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encoded(tried.path[name]!))
  const query = Object.entries(tried.query).map(([name, value]) => `${name}=${encoded(value)}`)
  const url = `${path}${query.length > 0 ? `?${query.join('&')}` : ''}`
  if (upload !== undefined) return bed.ask(binding.method, url, { headers: CSV, body: 'a,b\n1,2\n' })
  return bed.ask(binding.method, url, body.length > 0 ? { json: tried.body } : {})
}

/** Half a character has no encoding of its own. */
const encoded = (text: string): string => {
  try {
    return encodeURIComponent(text)
  } catch {
    return '%ED%A0%80'
  }
}

function expectCoded({ status, headers, text, json }: HttpAnswer, what: string): void {
  expect([what, status < 500 ? 'coded' : text]).toEqual([what, 'coded'])
  expect(headers.get('x-injected')).toBeNull()
  expect(headers.get('location') ?? '').not.toMatch(/[\r\n]/)
  if (status >= 400) expect(problemSchema.strict().safeParse(json).error).toBeUndefined()
  expect(text).not.toMatch(/\n\s+at |node_modules|tieout-upload-/)
}

const routes = routesOf(CATALOGUE).filter(({ operation }) => operation.effect !== 'purge')

describe.each(
  routes.map((route): [string, Route] => [`${route.binding.method} ${route.binding.path}`, route]),
)('%s', (_, route) => {
  const baseOf = (): Tried => ({
    path: Object.fromEntries(route.path.map((input) => [input.name, goodOf(input)])),
    query: Object.fromEntries(
      route.query.filter(({ required }) => required).map((input) => [input.name, goodOf(input)]),
    ),
    body: Object.fromEntries(
      route.body.filter(({ required }) => required).map((input) => [input.name, goodOf(input)]),
    ),
  })
  const places = [
    ...route.path.map(({ name }) => ['path', name] as const),
    ...route.query.map(({ name }) => ['query', name] as const),
    ...route.body.map(({ name }) => ['body', name] as const),
  ]

  test.skipIf(places.length === 0)('hostile text in each of its inputs', async () => {
    for (const [place, name] of places) {
      for (const text of TEXTS) {
        // An empty segment is another path.
        if (place === 'path' && text === '') continue
        const base = baseOf()
        const answer = await send(route, { ...base, [place]: { ...base[place], [name]: text } })
        expectCoded(answer, `${place} ${name} ${JSON.stringify(text.slice(0, 40))}`)
      }
    }
    expect(bed.complaints).toEqual([])
  })

  test.skipIf(route.body.length === 0)('wrong values in each member of its body', async () => {
    for (const { name } of route.body) {
      for (const value of VALUES) {
        const base = baseOf()
        const answer = await send(route, { ...base, body: { ...base.body, [name]: value } })
        expectCoded(answer, `${name} ${JSON.stringify(value)}`)
      }
    }
    expect(bed.complaints).toEqual([])
  })
})

test.each([
  '/api/v1/runs/%',
  '/api/v1/runs/%zz',
  '/api/v1/runs/%ff%fe',
  '/api//v1/runs',
  '/api/v1/runs/',
  '//evil.example/x',
  '/api/v1/use-cases/a%2Fb',
])('the path %s is coded', async (path) => expectCoded(await bed.ask('GET', `http://localhost${path}`), path))

test('what was there is there still', async () => {
  expect((await bed.ask('GET', `/api/v1/runs/${run}/verify`)).json.verdict).toBe('match')
})
