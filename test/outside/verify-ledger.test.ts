/** The program that proves an exported ledger without Tieout agrees with `ledger verify`, on what is right and what is not. */

import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { importEvents, purchase, refund } from '../support/attribution.js'
import { newTenant, sharedTestBooks, type TestBooks } from '../support/books.js'
import { contextOf, type Folder, makeFolder, perform, REPOSITORY } from '../support/cli.js'

let db: TestBooks
let folder: Folder
beforeAll(async () => {
  db = await sharedTestBooks()
  folder = makeFolder()
})
afterAll(async () => {
  folder?.remove()
  await db?.close()
})

const verify = (...args: readonly string[]): Promise<{ code: number; stdout: string }> =>
  promisify(execFile)(process.execPath, [join(REPOSITORY, 'offline', 'verify-ledger.mjs'), ...args]).then(
    ({ stdout }) => ({ code: 0, stdout }),
    (error: { code: number; stdout: string }) => ({ code: error.code, stdout: error.stdout }),
  )

test('an export is proved from the file alone; what was changed or cut off is named', async () => {
  const context = contextOf(db.books, await newTenant(db.books))
  await importEvents(context, folder, [purchase('Zürich'), refund('r', 'Zürich', 1)])
  await perform(context, 'attribution allocate', { model: 'linear' })
  await perform(context, 'ledger post')
  await perform(context, 'channels map', { code: 'email', to: 'search' })
  await perform(context, 'attribution allocate', { model: 'linear' })
  await perform(context, 'ledger post')
  const file = join(folder.path, 'ledger.ndjson')
  const { head, entries } = await perform(context, 'ledger export', { file })
  expect(await verify(file, '--head', head)).toEqual({
    code: 0,
    stdout: `✓ ${entries} entries follow from the first, the last ${head}.\n`,
  })
  const text = readFileSync(file, 'utf8')
  const changed = folder.write('changed.ndjson', text.replace('"channel":"search"', '"channel":"email"'))
  expect(await verify(changed)).toEqual({
    code: 1,
    stdout: '✗ Entry 2 is the first bad one: its content is not that of its hash.\n',
  })
  const cut = folder.write('cut.ndjson', `${text.trimEnd().split('\n').slice(0, -1).join('\n')}\n`)
  expect((await verify(cut)).code).toBe(0)
  expect(await verify(cut, '--head', head)).toMatchObject({ code: 1, stdout: expect.stringContaining(head) })
  expect((await verify(join(folder.path, 'none'))).code).toBe(2)
  expect((await verify()).code).toBe(2)
})
