/** @module-tag long */

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDatabase, SERVER } from '../support/books.js'
import { type Folder, makeFolder } from '../support/cli.js'
import { facts, shuffled, writeInputs, writeParquet } from './inputs.mjs'

const SCRIPT = fileURLToPath(new URL('./digest-of.mjs', import.meta.url))
const run = promisify(execFile)

interface Digests {
  readonly result: string
  /** Of the run on adjusted facts. */
  readonly adjusted: string
  readonly steps: readonly unknown[][]
  readonly hierarchy: string
  readonly facts: number
  readonly order: string
}

async function digests(
  folder: string,
  source: 'books' | 'place',
  environment: Record<string, string> = {},
  db = 'memory://',
): Promise<Digests> {
  const { stdout } = await run(process.execPath, [SCRIPT, folder, source, db], {
    env: { ...process.env, ...environment },
  })
  return JSON.parse(stdout) as Digests
}

let inOrder: Folder
let inDisorder: Folder
let expected: Digests
beforeAll(async () => {
  inOrder = makeFolder()
  inDisorder = makeFolder()
  writeInputs(inOrder.path)
  writeInputs(inDisorder.path, shuffled(facts(), 11))
  await Promise.all([writeParquet(inOrder.path), writeParquet(inDisorder.path)])
  expected = await digests(inOrder.path, 'books')
})
afterAll(() => {
  inOrder.remove()
  inDisorder.remove()
})

// Written down, so that a change of the figures or of their digest does not go by unseen.
const RECORDED = 'sha256:7d1aeebb87bd4602b69534103a4b68b06d7431b7404f319940515fbcd7b84773'
const RECORDED_ADJUSTED = 'sha256:65af78d992206d2546b397a4fd0466d45f90f42066c9676cdb623bfbc9bef7de'

test('the digest is the one that was recorded', () => {
  expect(expected.result).toBe(RECORDED)
  expect(expected.facts).toBeGreaterThan(2500)
  expect(expected.adjusted).toBe(RECORDED_ADJUSTED)
  // Those of the day: A, B, C and D, each with something to do.
  expect([...new Set(expected.steps.map(([no]) => no))]).toEqual([1, 2, 3, 4])
  for (const [, , , hits] of expected.steps) expect(hits).toBeGreaterThan(0)
})

test.each<[string, Record<string, string>]>([
  ['Tokyo, Japanese', { TZ: 'Asia/Tokyo', LANG: 'ja_JP.UTF-8', LC_ALL: 'ja_JP.UTF-8' }],
  ['New York, Turkish', { TZ: 'America/New_York', LANG: 'tr_TR.UTF-8', LC_ALL: 'tr_TR.UTF-8' }],
])('under %s, the rows in disorder', async (_, environment) => {
  expect(await digests(inDisorder.path, 'books', environment)).toEqual(expected)
})

test.each<[string, Record<string, string>]>([
  ['Tokyo', { TZ: 'Asia/Tokyo', LC_ALL: 'C' }],
  ['Kiritimati, Swedish', { TZ: 'Pacific/Kiritimati', LC_ALL: 'sv_SE.UTF-8' }],
])('from Parquet in place, in disorder, under %s', async (_, environment) => {
  expect(await digests(inDisorder.path, 'place', environment)).toEqual(expected)
})

test.skipIf(SERVER === undefined)(
  'on a PostgreSQL server, from books and from Parquet in place',
  async () => {
    for (const source of ['books', 'place'] as const) {
      const { url, drop } = await createDatabase(SERVER!)
      try {
        expect(await digests(inDisorder.path, source, { TZ: 'America/New_York' }, url)).toEqual(expected)
      } finally {
        await drop()
      }
    }
  },
)
