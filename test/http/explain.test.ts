/** One figure over HTTP: its explanation, its facts page by page, node ids of every kind in the path. */

import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Ask, CSV, type HttpBed, loadTour, makeRun, openHttp, YAML } from '../support/http.js'
import { BOOK_DATE, randomBook } from '../support/random-book.js'

let bed: HttpBed
let ask: Ask
let run: string
beforeAll(async () => {
  bed = await openHttp()
  ask = bed.ask
  await loadTour(ask)
  run = await makeRun(ask)
})
afterAll(async () => {
  expect(bed?.complaints).toEqual([])
  await bed?.close()
})

test('a cell is explained', async () => {
  const { status, json } = await ask('GET', `/api/v1/runs/${run}/cells/SWAPS/daily`)
  expect(status).toBe(200)
  expect(json).toMatchObject({
    figures: { natural: '100.00', adjusted: '120.50', plug: '-20.50' },
    decided_by: { kind: 'rule', rule: { no: 1 } },
    override: { tree_only: { rows: 1, amount: '-20.50' } },
  })
  const prior = await ask('GET', `/api/v1/runs/${run}/cells/SWAPS/daily?scenario=PRIOR`)
  expect(prior.json).toMatchObject({ cell: { scenario: 'PRIOR' }, figures: { natural: '80.00' } })
})

test('its facts come in pages, each beside the whole', async () => {
  const amounts: string[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const query: string = cursor === '' ? '?limit=2' : `?limit=2&cursor=${cursor}`
    const { json } = await ask('GET', `/api/v1/runs/${run}/cells/FIRM/daily/facts${query}`)
    expect(json.total).toEqual({ rows: 6, amount: '480.00', rule_amount: null })
    amounts.push(...json.rows.map(({ amount }: { amount: string }) => amount))
    cursor = json.next_cursor
  }
  // 120.50 − 20.50 + 300.00 + 75.25 − 5.25 + 10.00 = 480.00
  expect(amounts).toEqual(['120.50', '-20.50', '300.00', '75.25', '-5.25', '10.00'])
})

test.each<[string, number, string]>([
  ['cells/SWAPZ/daily', 404, 'TIE-2601'],
  ['cells/SWAPS/dayly', 422, 'TIE-2303'],
  ['cells/SWAPS/daily?scenario=NONE', 404, 'TIE-2603'],
  ['cells/SWAPS/daily/facts?part=rules', 404, 'TIE-2604'],
  ['cells/SWAPS/daily/facts?cursor=AAAA', 400, 'TIE-1605'],
  ['cells/SWAPS/daily/facts?limit=0', 400, 'TIE-1611'],
  ['cells/SWAPS/daily/facts?limit=ten', 400, 'TIE-1611'],
  ['cells/SWAPS/daily/facts?page=2', 400, 'TIE-1611'],
  ["cells/SWAPS'%20OR%201=1/daily", 404, 'TIE-2601'],
])('%s: %i %s', async (path, status, code) => {
  const answer = await ask('GET', `/api/v1/runs/${run}/${path}`)
  expect([answer.status, answer.json.code]).toEqual([status, code])
})

test('node ids of every kind', { tags: ['long'] }, async () => {
  const book = randomBook(2, { facts: 200 })
  await ask('POST', '/api/v1/structures/RANDOM', { headers: CSV, body: book.structureCsv })
  await ask('POST', '/api/v1/fact-tables/fact_random/imports', { headers: CSV, body: book.factsCsv })
  const yaml = book.useCaseYaml('Random', '{"table": "fact_random"}', 'most_specific')
  expect(await ask('POST', '/api/v1/use-cases', { headers: YAML, body: yaml })).toMatchObject({ status: 201 })
  const made = await ask('POST', '/api/v1/use-cases/Random/runs', { json: { date: BOOK_DATE } })
  for (const { id, name } of book.nodes) {
    const path = `/api/v1/runs/${made.json.run_id}/cells/${encodeURIComponent(id)}/amt`
    const told = await ask('GET', path)
    expect(told.status, id).toBe(200)
    expect(told.json.cell).toMatchObject({ node_id: id, node_name: name })
    const { json } = await ask('GET', `${path}/facts?limit=10000`)
    expect(json.rows.length).toBe(told.json.figures.fact_count)
  }
})
