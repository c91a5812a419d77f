/** A sealed bundle over HTTP: the bytes of the command line, and nothing left behind. */

import { readdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
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

test('a client that hangs up leaves nothing; nor does any of the others', async () => {
  const response = await bundle()
  await response.body!.cancel()
  await expect.poll(left, { timeout: 10_000 }).toEqual([])
  expect(bed.complaints).toEqual([])
})
