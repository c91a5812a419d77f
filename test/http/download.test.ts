/** Files over HTTP, bundles and lots: the bytes of the command line, and nothing left behind. */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { verifyBundle } from '../support/bundles.js'
import { type Folder, makeFolder, perform } from '../support/cli.js'
import { type HttpBed, loadTour, makeRun, openHttp } from '../support/http.js'

let bed: HttpBed
let folder: Folder
let run: string
beforeAll(async () => {
  bed = await openHttp()
  folder = makeFolder()
  await loadTour(bed.ask)
  run = await makeRun(bed.ask)
})
afterAll(async () => {
  await bed?.db.close()
  folder.remove()
})

const bundle = (more: Readonly<Record<string, string>> = {}, of = run) =>
  bed.app.request(`/api/v1/runs/${of}/bundle`, { headers: { host: 'localhost', ...more } })
const left = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('tieout-download-'))

test('is the file that the command line writes, and verifies', async () => {
  const response = await bundle()
  const bytes = Buffer.from(await response.arrayBuffer())
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/zip'])
  expect(response.headers.get('content-length')).toBe(String(bytes.length))
  expect(response.headers.get('content-disposition')).toBe(`attachment; filename="${run}.zip"`)
  const file = join(folder.path, 'downloaded.zip')
  writeFileSync(file, bytes)
  const seal = JSON.parse(response.headers.get('etag')!)
  expect(verifyBundle(file, '--seal', seal)).toMatchObject({ status: 0, stderr: '' })
  const written = await perform(bed.host.context, 'export run', { run, file: join(folder.path, 'x.zip') })
  expect(written).toMatchObject({ seal, bytes: bytes.length })
})

test('a client that has it already gets 304', async () => {
  const seal = (await bundle()).headers.get('etag')!
  const again = await bundle({ 'if-none-match': seal })
  expect([again.status, await again.text()]).toEqual([304, ''])
})

test.each<[string, () => Promise<Response>, number, string]>([
  ['an unknown run', async () => bundle({}, 'ffffffff'), 404, 'TIE-1103'],
  ['a client that takes only JSON', async () => bundle({ accept: 'application/json' }), 406, 'TIE-1609'],
  [
    'a client that names a file of the server',
    async () =>
      bed.app.request(`/api/v1/runs/${run}/bundle?file=/tmp/x.zip`, { headers: { host: 'localhost' } }),
    400,
    'TIE-1611',
  ],
])('%s is refused', async (_, ask, status, code) => {
  const response = await ask()
  expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([status, code])
})

describe('lots of a version', () => {
  const MANY = 3000
  const exported = (query = '', more: Readonly<Record<string, string>> = {}) =>
    bed.app.request(`/api/v1/lots/export${query}`, { headers: { host: 'localhost', ...more } })
  beforeAll(async () => {
    const rows = Array.from({ length: MANY }, (_, i) => {
      const at = new Date(Date.UTC(2025, 0, 1) + i * 60_000).toISOString()
      return `t${i},BTC-USD,${i % 2 === 0 ? 'buy' : 'sell'},1,${100 + (i % 7)},0,${at}`
    })
    const text = ['order_id,symbol,side,size,price,fee,executed_at', ...rows, ''].join('\n')
    const { context } = bed.host
    await perform(context, 'trades import', { file: folder.write('many.csv', text) })
    await perform(context, 'lots compute', { version: 1, all_symbols: true })
  })

  test('are those of the published version, once there is one', async () => {
    const none = await exported()
    expect([none.status, ((await none.json()) as { code: string }).code]).toEqual([409, 'TIE-3175'])
    await perform(bed.host.context, 'lots publish', { version: 1 })
    const response = await exported()
    expect([response.status, (await response.text()).split('\r\n').length]).toEqual([200, MANY / 2 + 2])
  })

  test.each([
    ['', 'csv', 'text/csv; charset=utf-8', 'lots-1.csv', 'sell_order_id,'],
    ['as=csv', 'csv', 'text/csv; charset=utf-8', 'lots-1.csv', 'sell_order_id,'],
    ['as=form-8949', 'form-8949', 'text/csv; charset=utf-8', 'lots-1-form-8949.csv', 'part,term,'],
    ['as=beancount', 'beancount', 'text/plain; charset=utf-8', 'lots-1.beancount', 'option "booking'],
  ])('%s: the file of the command line, as what it is', async (query, as, type, name, begin) => {
    const response = await exported(`?version=1&${query}`)
    const text = await response.text()
    expect([response.status, response.headers.get('content-type')]).toEqual([200, type])
    expect(response.headers.get('content-disposition')).toBe(`attachment; filename="${name}"`)
    expect(text.startsWith(begin)).toBe(true)
    const file = join(folder.path, `${query}.out`)
    const { digest } = await perform(bed.host.context, 'lots export', { file, as, version: 1 })
    expect(text).toBe(readFileSync(file, 'utf8'))
    expect(response.headers.get('etag')).toBe(`"${digest}"`)
    const again = await exported(`?version=1&${query}`, { 'if-none-match': `"${digest}"` })
    expect([again.status, await again.text()]).toEqual([304, ''])
  })

  test.each([
    ['', 'text/csv', 200],
    ['?as=beancount', 'text/plain', 200],
    ['?as=beancount', 'text/*', 200],
    ['?as=beancount', 'text/csv', 406],
    ['', 'text/plain', 406],
    ['', 'application/json', 406],
    ['?as=qif', 'text/csv', 400],
    ['?overwrite=true', 'text/csv', 400],
    ['?file=/tmp/x', 'text/csv', 400],
  ])('lots/export%s for a client that takes %s: %i', async (query, accept, status) => {
    const response = await exported(query, { accept })
    await response.body?.cancel()
    expect(response.status).toBe(status)
  })
})

test('a client that hangs up leaves nothing; nor does any of the others', async () => {
  const response = await bundle()
  await response.body!.cancel()
  await expect.poll(left, { timeout: 10_000 }).toEqual([])
  expect(bed.complaints).toEqual([])
})
