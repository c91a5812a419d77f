/** Keyset pages, and the tags by which a client knows what it has and what it changes. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { refuse } from '#tieout/base/errors'
import type { TenantId } from '#tieout/books/books'
import { makeCursor } from '#tieout/books/cursor'
import { operation } from '#tieout/books/operation'
import { positionOf } from '#tieout/books/page'
import { withoutLogin } from '#tieout/surfaces/http/access'
import { makeApp } from '#tieout/surfaces/http/http-app'
import { newTenant } from '../support/books.js'
import { contextOf } from '../support/cli.js'
import { type Ask, askOf, type HttpBed, hostOf, loadTour, makeRun, openHttp } from '../support/http.js'

let bed: HttpBed
let ask: Ask
/** The same server for another tenant, with the same use case. */
let other: Ask
let runs: string[]
beforeAll(async () => {
  bed = await openHttp()
  ask = bed.ask
  const context = contextOf(bed.db.books, await newTenant(bed.db.books, 'Other'))
  other = askOf(makeApp(hostOf(bed.db, { access: withoutLogin(context) })))
  await loadTour(ask)
  await loadTour(other)
  runs = []
  for (let i = 0; i < 7; i++)
    runs.unshift(await makeRun(ask, { date: `2025-12-2${i % 2 === 0 ? 4 : 3}`, name: `Run ${i}` }))
  for (let i = 0; i < 3; i++) await makeRun(other)
})
afterAll(() => bed?.close())

const ids = (json: { runs: { id: string }[] }): string[] => json.runs.map(({ id }) => id)

/** Follows Link until there is none. */
async function pages(path: string): Promise<{ json: never; link: string | null }[]> {
  const found = []
  for (let next: string | undefined = path; next !== undefined; ) {
    const { json, headers, status } = await ask('GET', next)
    expect(status).toBe(200)
    const link = headers.get('link')
    found.push({ json: json as never, link })
    expect(link === null).toBe(json.next_cursor === null)
    next = /^<([^>]+)>; rel="next"$/.exec(link ?? '')?.[1]
  }
  return found
}

describe('the list of runs', () => {
  test.each([1, 2, 3, 7, 100])('in pages of %d is the list, each run once, newest first', async (limit) => {
    const found = await pages(`/api/v1/runs?limit=${limit}`)
    expect(found.flatMap(({ json }) => ids(json))).toEqual(runs)
    expect(found).toHaveLength(Math.ceil(7 / limit))
    expect(found.map(({ json: { total } }) => total)).toEqual(found.map(() => 7))
  })

  test('keeps the filters on every page', async () => {
    const found = await pages('/api/v1/runs?limit=1&pnl_date=2025-12-23')
    expect(found.flatMap(({ json }) => ids(json))).toEqual(runs.filter((_, i) => i % 2 === 1))
  })

  test('a run made meanwhile moves no page', async () => {
    const first = await ask('GET', '/api/v1/runs?limit=2&pnl_date=2025-12-24')
    await makeRun(ask, { date: '2025-12-22' })
    const second = await ask(
      'GET',
      `/api/v1/runs?limit=2&pnl_date=2025-12-24&cursor=${first.json.next_cursor}`,
    )
    const wanted = runs.filter((_, i) => i % 2 === 0)
    expect([...ids(first.json), ...ids(second.json)]).toEqual(wanted.slice(0, 4))
  })

  test('with a filter is not cut at 100', async () => {
    const { json } = await ask('GET', '/api/v1/runs?pnl_date=2025-12-24')
    expect(json).toMatchObject({ total: 4, next_cursor: null })
  })
})

describe('the figures of a run', () => {
  test.each([1, 5, 12])('in pages of %d are the figures', async (limit) => {
    const { json: whole } = await ask('GET', `/api/v1/runs/${runs[0]}/results`)
    const found = await pages(`/api/v1/runs/${runs[0]}/results?limit=${limit}`)
    expect(found.flatMap(({ json: { rows } }) => rows)).toEqual(whole.rows)
    expect(whole.rows).toHaveLength(12)
    // Every variance stands on the page of its node.
    for (const { json } of found) {
      const { rows, variance } = json as { rows: { node_id: string }[]; variance: { node_id: string }[] }
      const nodes = new Set(rows.map(({ node_id }) => node_id))
      expect(variance.every(({ node_id }) => nodes.has(node_id))).toBe(true)
      expect(new Set(variance.map(({ node_id }) => node_id)).size).toBe(nodes.size)
    }
  })

  test('of one scenario too', async () => {
    const found = await pages(`/api/v1/runs/${runs[0]}/results?limit=4&scenario=PRIOR`)
    expect(found.flatMap(({ json: { rows } }) => rows)).toHaveLength(6)
  })
})

describe('TIE-1605: a cursor of elsewhere is as wrong as a broken one', () => {
  const scope = ['t', 'runs list']
  test.each<[string, () => Promise<string>]>([
    ['of another tenant', async () => (await other('GET', '/api/v1/runs?limit=1')).json.next_cursor],
    [
      'of other filters',
      async () => (await ask('GET', '/api/v1/runs?limit=1&pnl_date=2025-12-24')).json.next_cursor,
    ],
    [
      'of another operation',
      async () => (await ask('GET', `/api/v1/runs/${runs[0]}/results?limit=1`)).json.next_cursor,
    ],
    ['cut short', async () => (await ask('GET', '/api/v1/runs?limit=1')).json.next_cursor.slice(0, -3)],
    ['no base64', async () => '%25%25'],
    ['no JSON', async () => Buffer.from('{"p":').toString('base64url')],
    ['a list', async () => Buffer.from('[]').toString('base64url')],
    ['empty', async () => ''],
    ['long', async () => 'A'.repeat(5000)],
    ['deep', async () => Buffer.from('['.repeat(2000)).toString('base64url')],
    [
      'made up',
      async () => makeCursor(scope, JSON.stringify({ executed_at: '2025-12-24T00:00:00Z', id: runs[0]! })),
    ],
  ])('%s', async (_, cursor) => {
    const answer = await ask('GET', `/api/v1/runs?limit=1&cursor=${await cursor()}`)
    expect(answer).toMatchObject({
      status: 400,
      json: { code: 'TIE-1605', detail: 'The cursor does not belong to this list.' },
    })
  })

  test('a position that was never one is refused by its form', () => {
    const position = z.object({ executed_at: z.iso.datetime(), id: z.uuid() })
    for (const forged of ['{"executed_at":"x\'; DROP TABLE tenants; --","id":"y"}', '{', '']) {
      expect(() => positionOf(scope, makeCursor(scope, forged), position)).toThrow('TIE-1605')
    }
  })
})

describe('ETags', () => {
  test('every GET has one; 304 to who has it, weak or in a list; not to who has another', async () => {
    for (const path of [
      '/api/v1/structures',
      `/api/v1/runs/${runs[0]}`,
      '/api/v1/use-cases/Tour',
      '/openapi.json',
    ]) {
      const first = await ask('GET', path)
      const etag = first.headers.get('etag')!
      expect(etag).toMatch(/^"[^"]+"$/)
      expect((await ask('GET', path)).headers.get('etag')).toBe(etag)
      for (const has of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
        const again = await ask('GET', path, { headers: { 'if-none-match': has } })
        expect([has, again.status, again.text]).toEqual([has, 304, ''])
        expect(again.headers.get('etag')).toBe(etag)
      }
      expect((await ask('GET', path, { headers: { 'if-none-match': '"x"' } })).status).toBe(200)
    }
  })

  test('of what has a version begins with it', async () => {
    expect((await ask('GET', '/api/v1/use-cases/Tour')).headers.get('etag')).toMatch(/^"v1-[0-9a-f]{40}"$/)
  })
})

describe('If-Match is the version that the change was made from', () => {
  const note = { version: 3, text: 'a' }
  const output = z.object({ version: z.number(), text: z.string() })
  const show = operation({
    name: 'note show',
    summary: 'Show.',
    effect: 'read',
    input: z.object({}),
    output,
    errors: [],
    positional: [],
    http: { method: 'GET', path: '/note' },
    run: async () => note,
  })
  const change = operation({
    name: 'note change',
    summary: 'Change.',
    effect: 'append',
    input: z.object({ text: z.string(), expected_version: z.number().optional() }),
    output,
    errors: [],
    positional: [],
    http: { method: 'PUT', path: '/note' },
    run: async (_, { text, expected_version }) => {
      if (expected_version !== undefined && expected_version !== note.version) refuse('TIE-1606', {})
      note.version += 1
      note.text = text
      return note
    },
  })
  const appFor = async (tenant: TenantId) =>
    askOf(
      makeApp(
        hostOf(bed.db, {
          operations: [show, change],
          access: withoutLogin(contextOf(bed.db.books, tenant)),
        }),
      ),
    )
  const put = (to: Ask, tag: string) =>
    to('PUT', '/note', { json: { text: 'b' }, headers: { 'if-match': tag } })

  test('what stands is changed, what has moved is not', async () => {
    const here = await appFor('00000000-0000-0000-0000-000000000001' as TenantId)
    const etag = (await here('GET', '/note')).headers.get('etag')!
    expect(etag).toMatch(/^"v3-/)
    expect((await put(here, etag)).status).toBe(200)
    expect(await put(here, etag)).toMatchObject({ status: 412, json: { code: 'TIE-1606' } })
    expect((await put(here, '*')).status).toBe(200)
  })

  test.each([
    ['without quotes', 'v3-1', 400, 'TIE-1607'],
    ['weak', 'W/"v3-1"', 400, 'TIE-1607'],
    ['several', '"v3-1", "v4-1"', 400, 'TIE-1607'],
    ['empty', '', 400, 'TIE-1607'],
    ['of what has no version', '"9f86d081884c7d659a2feaa0c55ad015"', 412, 'TIE-1606'],
    ['an endless version', `"v${'9'.repeat(400)}-${'0'.repeat(40)}"`, 412, 'TIE-1606'],
  ])('%s', async (_, tag, status, code) => {
    const here = await appFor('00000000-0000-0000-0000-000000000001' as TenantId)
    expect(await put(here, tag)).toMatchObject({ status, json: { code } })
  })

  test("another tenant's tag is another state's, even of the same version", async () => {
    const there = await appFor('00000000-0000-0000-0000-000000000002' as TenantId)
    const etag = (await there('GET', '/note')).headers.get('etag')!
    const here = await appFor('00000000-0000-0000-0000-000000000001' as TenantId)
    expect(await put(here, etag)).toMatchObject({ status: 412, json: { code: 'TIE-1606' } })
  })
})

describe('edits of a use case', () => {
  const tagOf = async (to: Ask, path = '/api/v1/use-cases/Tour') =>
    (await to('GET', path)).headers.get('etag')!
  const edit = (to: Ask, tag: string, policy: string) =>
    to('PATCH', '/api/v1/use-cases/Tour', { json: { policy }, headers: { 'if-match': tag } })
  const addRule = (to: Ask, tag: string) =>
    to('POST', '/api/v1/use-cases/Tour/rules', {
      json: { node: 'GILTS', where: "kind = 'FEE'" },
      headers: { 'if-match': tag },
    })

  test('are made to the version that was read, or not at all', async () => {
    const seen = await tagOf(ask)
    expect(await edit(ask, seen, 'top_down')).toMatchObject({ status: 200, json: { changed: true } })
    expect(await edit(ask, seen, 'most_specific')).toMatchObject({ status: 412, json: { code: 'TIE-1205' } })
    expect((await ask('GET', '/api/v1/use-cases/Tour')).json.policy).toBe('top_down')
    expect(await edit(ask, '*', 'most_specific')).toMatchObject({ status: 200 })
  })

  test('the tag of the rules is one of the same version', async () => {
    const rules = await tagOf(ask, '/api/v1/use-cases/Tour/rules')
    const added = await addRule(ask, rules)
    expect(added).toMatchObject({ status: 201, json: { rules: 3 } })
    expect(await addRule(ask, rules)).toMatchObject({ status: 412, json: { code: 'TIE-1205' } })
  })

  test('two at once: one is made', async () => {
    const seen = await tagOf(ask)
    const now = (await ask('GET', '/api/v1/use-cases/Tour')).json.policy
    const wanted = now === 'top_down' ? 'most_specific' : 'top_down'
    const both = await Promise.all([edit(ask, seen, wanted), edit(ask, seen, wanted)])
    expect(both.map(({ status }) => status).sort()).toEqual([200, 412])
  })

  test("by another tenant's tag are not made", async () => {
    expect(await edit(ask, await tagOf(other), 'top_down')).toMatchObject({
      status: 412,
      json: { code: 'TIE-1606' },
    })
  })
})

test('nothing of this was a bug', () => expect(bed.complaints).toEqual([]))
