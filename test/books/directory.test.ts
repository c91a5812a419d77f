/** @module-tag long */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Instant } from '#tieout/base/dates'
import { lockDirectory } from '#tieout/books/lock'
import { openBooks } from '#tieout/books/open'
import { openPglite } from '#tieout/books/pglite'
import { failOrphans } from '#tieout/books/runs'
import { DEFAULT_TENANT } from '#tieout/books/tenants'

const HOLDER = fileURLToPath(new URL('./hold-directory.mjs', import.meta.url))

let root: string
let directory: string
let made = 0
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'tieout-books-'))
})
afterAll(() => rmSync(root, { recursive: true, force: true }))
beforeEach(() => {
  directory = join(root, `db${++made}`)
})

const open = (at = directory) => openPglite({ directory: at, command: 'test' })
const lockFile = () => `${directory}.lock`

async function hold(mode: 'stay' | 'close'): Promise<ChildProcess> {
  const child = spawn(process.execPath, [HOLDER, directory, mode], { stdio: ['ignore', 'pipe', 'inherit'] })
  await Promise.race([once(child.stdout!, 'data'), once(child, 'exit')])
  return child
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const exited = once(child, 'exit')
  child.kill(signal)
  await exited
}

test('what is committed is there after reopening; nothing is left beside the directory', async () => {
  const books = await open()
  await books.transaction(DEFAULT_TENANT, (tx) =>
    tx.execute(
      `INSERT INTO calculation_runs (tenant_id, id, kind, run_name, executed_at, triggered_by, engine_version)
       VALUES (tieout_current_tenant(), gen_random_uuid(), 'lots', 'kept', now(), 'me', '0')`,
    ),
  )
  await books.close()
  await books.close()
  await expect(books.transaction(DEFAULT_TENANT, async () => {})).rejects.toThrow('the books are closed')
  const again = await open()
  const rows = await again.transaction(DEFAULT_TENANT, (tx) =>
    tx.rows('SELECT run_name FROM calculation_runs'),
  )
  expect(rows).toEqual([{ run_name: 'kept' }])
  await again.close()
  expect(readdirSync(root).filter((name) => name.startsWith(`db${made}`))).toEqual([`db${made}`])
})

test('a transaction inside another is told rather than waiting forever', async () => {
  const books = await open('memory://')
  const nested = books.transaction(DEFAULT_TENANT, () => books.transaction(DEFAULT_TENANT, async () => 1))
  await expect(nested).rejects.toThrow('inside another')
  expect(await books.transaction(DEFAULT_TENANT, async () => 2)).toBe(2)
  await books.close()
})

test('a second opening in this process is refused, by another name of the directory as well', async () => {
  const books = await open()
  await expect(open()).rejects.toMatchObject({ code: 'TIE-1202' })
  symlinkSync(directory, `${directory}-link`)
  await expect(open(`${directory}-link`)).rejects.toMatchObject({ code: 'TIE-1202' })
  await books.close()
  await (await open()).close()
})

test('a process that is done with the books ends by itself', { tags: ['long'] }, async () => {
  const child = await hold('close')
  if (child.exitCode === null) await once(child, 'exit')
  expect(child.exitCode).toBe(0)
  expect(existsSync(lockFile())).toBe(false)
})

test('another process that has it is named; once it is killed the directory opens and its run is FAILED', async () => {
  const child = await hold('stay')
  try {
    await expect(open()).rejects.toMatchObject({
      code: 'TIE-1201',
      message: expect.stringContaining(`process ${child.pid} (holder)`),
    })
  } finally {
    await end(child, 'SIGKILL')
  }
  expect(existsSync(lockFile())).toBe(true)
  const books = await open()
  expect(await failOrphans(books, DEFAULT_TENANT, '2025-12-24T00:00:00Z' as Instant)).toHaveLength(1)
  const runs = await books.transaction(DEFAULT_TENANT, (tx) =>
    tx.rows('SELECT run_name, status FROM calculation_runs'),
  )
  expect(runs).toEqual([{ run_name: 'cut short', status: 'FAILED' }])
  await books.close()
})

test('the lock of a process id that was given to another process since is no lock', {
  tags: ['long'],
}, async () => {
  const child = await hold('stay')
  const holder = JSON.parse(readFileSync(lockFile(), 'utf8'))
  await end(child, 'SIGKILL')
  // The process id of this test runner's parent surely lives, but did not start then.
  writeFileSync(lockFile(), JSON.stringify({ ...holder, pid: process.ppid }))
  await (await open()).close()
})

test('the lock of another host is never taken, however old', async () => {
  const holder = {
    pid: 1,
    started: '',
    host: `not-${hostname()}`,
    command: 'start',
    since: '2001-01-01T00:00:00Z',
    token: 't',
  }
  writeFileSync(lockFile(), JSON.stringify(holder))
  await expect(open()).rejects.toMatchObject({
    code: 'TIE-1201',
    message: expect.stringContaining(holder.host),
  })
})

test('a dead reaper does not keep the dead holder alive', { tags: ['long'] }, async () => {
  const child = await hold('close')
  if (child.exitCode === null) await once(child, 'exit')
  const dead = { pid: child.pid, started: 'x:1', host: hostname(), command: 'c', since: 's', token: 'first' }
  writeFileSync(lockFile(), JSON.stringify(dead))
  writeFileSync(`${lockFile()}.first`, JSON.stringify({ ...dead, token: 'second' }))
  const lock = await lockDirectory(directory, 'test', new Date())
  expect(JSON.parse(readFileSync(lockFile(), 'utf8')).pid).toBe(process.pid)
  lock.release()
  expect(readdirSync(root).filter((name) => name.startsWith(`db${made}.`))).toEqual([])
})

test('of many processes that find a dead holder one wins', async () => {
  const holder = {
    pid: 2 ** 22 + 1,
    started: 'x:1',
    host: hostname(),
    command: 'c',
    since: 's',
    token: 'dead',
  }
  writeFileSync(lockFile(), JSON.stringify(holder))
  const script = `
    import { lockDirectory } from '#tieout/books/lock'
    await new Promise((go) => process.stdin.once('data', go))
    const got = await lockDirectory(process.argv[1], 'racer', new Date()).then(() => 'won', (error) => error.code)
    process.stdout.write(got)
    setTimeout(() => process.exit(0), 1500)`
  const racers = Array.from({ length: 6 }, () =>
    spawn(process.execPath, ['--input-type=module', '-e', script, directory], {
      stdio: ['pipe', 'pipe', 'inherit'],
    }),
  )
  await Promise.all(racers.map((racer) => once(racer, 'spawn')))
  const answers = racers.map(async (racer) => String((await once(racer.stdout!, 'data'))[0]))
  for (const racer of racers) racer.stdin!.write('go\n')
  expect((await Promise.all(answers)).sort()).toEqual([...Array(5).fill('TIE-1201'), 'won'])
  await Promise.all(racers.map((racer) => racer.exitCode ?? once(racer, 'exit')))
})

test('a creation that was cut short begins again', async () => {
  mkdirSync(directory)
  writeFileSync(join(directory, 'PG_VERSION'), '18\n')
  writeFileSync(join(directory, 'half'), '')
  writeFileSync(`${directory}.creating`, '')
  const books = await open()
  const tenants = await books.transaction(DEFAULT_TENANT, (tx) => tx.rows('SELECT name FROM tenants'))
  expect(tenants).toEqual([{ name: 'default' }])
  await books.close()
  expect(existsSync(`${directory}.creating`)).toBe(false)
  expect(existsSync(join(directory, 'half'))).toBe(false)
})

test.each([
  ['notes.txt', 'mine', 'holds other files'],
  ['PG_VERSION', '15\n', 'PostgreSQL 15'],
])('a directory with %s of another owner is left alone', async (name, content, said) => {
  mkdirSync(directory)
  writeFileSync(join(directory, name), content)
  await expect(open()).rejects.toMatchObject({ code: 'TIE-1309', message: expect.stringContaining(said) })
  expect(readdirSync(directory)).toEqual([name])
  expect(existsSync(lockFile())).toBe(false)
})

test('a damaged template is made again, an unwritable cache does no harm', { tags: ['long'] }, async () => {
  const cacheDirectory = join(root, 'cache')
  await (await openPglite({ directory, cacheDirectory, command: 'test' })).close()
  const [template] = readdirSync(cacheDirectory)
  writeFileSync(join(cacheDirectory, template!), 'no archive')
  const books = await openPglite({ directory: `${directory}-2`, cacheDirectory, command: 'test' })
  expect(await books.transaction(DEFAULT_TENANT, (tx) => tx.rows('SELECT 1 AS one'))).toEqual([{ one: 1 }])
  await books.close()
  expect(readFileSync(join(cacheDirectory, template!)).length).toBeGreaterThan(1_000_000)
  writeFileSync(join(root, 'file'), '')
  await (
    await openPglite({ directory: `${directory}-3`, cacheDirectory: join(root, 'file'), command: 'test' })
  ).close()
})

test.each(['', 'mysql://u:secret@h/d', 'http://h'])('%j is no database', async (db) => {
  const opened = openBooks({ db, command: 'test', migrate: 'auto' })
  await expect(opened).rejects.toMatchObject({
    code: 'TIE-1006',
    message: expect.not.stringContaining('secret'),
  })
})
