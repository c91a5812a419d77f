/** What the kill loops share: the command in a child that may be killed, checks that are counted, moments to kill at. */

import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

export const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))

/** mulberry32: the same moments for the same seed. */
let state = 1
export function random() {
  state = (state + 0x6d2b79f5) | 0
  let t = Math.imul(state ^ (state >>> 15), 1 | state)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
}

export const folder = mkdtempSync(join(tmpdir(), 'tieout-kill-'))
export const say = (text) => process.stdout.write(`${text}\n`)
export const tally = { passed: 0, failed: 0 }

export async function check(name, work) {
  try {
    const detail = await work()
    tally.passed += 1
    say(`✓ ${name}${detail === undefined ? '' : `: ${detail}`}`)
  } catch (error) {
    tally.failed += 1
    say(`✗ ${name}: ${error.message}`)
  }
}

export function expect(condition, message) {
  if (!condition) throw new Error(message)
}

/**
 * The command in a child; with `killAfter` it is killed when so many milliseconds have passed, with `killSaid` as soon as it
 * says anything. `saidAfter`: milliseconds until it did, undefined when it never did.
 */
export async function tieout(db, args, { killAfter, killSaid = false, env = {} } = {}) {
  const child = spawn(process.execPath, [CLI, '--db', db, ...args], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  let saidAfter
  const began = performance.now()
  child.stdout.on('data', (data) => {
    stdout += data
    saidAfter ??= performance.now() - began
    if (killSaid) child.kill('SIGKILL')
  })
  child.stderr.on('data', (data) => {
    stderr += data
  })
  const timer = killAfter === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfter)
  const [exit, signal] = await once(child, 'close')
  clearTimeout(timer)
  return { exit, signal, stdout, stderr, took: performance.now() - began, saidAfter, pid: child.pid }
}

export async function ok(db, args, options) {
  const ended = await tieout(db, args, options)
  expect(ended.exit === 0, `tieout ${args.join(' ')} ended with ${ended.exit}: ${ended.stderr}`)
  return ended
}

/** Numbers that a loop is given, or those of `defaults`; `server` where it is to run on one. Sets the seed. */
export function given(defaults) {
  const options = { seed: { type: 'string', default: '1' }, 'db-url': { type: 'string' } }
  for (const [name, value] of Object.entries(defaults)) {
    options[name] = { type: 'string', default: String(value) }
  }
  const { 'db-url': server, seed, ...numbers } = parseArgs({ options }).values
  state = Number(seed)
  return {
    server,
    ...Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, Number(value)])),
  }
}

/** A directory, or a fresh database of the server that is dropped afterwards; ends with the last line and the exit code. */
export async function onBooks(server, work) {
  const { db, drop } =
    server === undefined ? { db: join(folder, 'db'), drop: async () => {} } : await freshDatabase(server)
  try {
    await work(db)
  } catch (error) {
    tally.failed += 1
    say(`✗ ${error.stack}`)
  } finally {
    await drop()
    rmSync(folder, { recursive: true, force: true })
    say(`${tally.passed} passed, ${tally.failed} failed`)
    process.exitCode = tally.failed === 0 ? 0 : 1
  }
}

/** An empty database of the server, dropped with `drop`. */
async function freshDatabase(server) {
  const { default: pg } = await import('pg')
  const name = `tieout_kill_${randomBytes(6).toString('hex')}`
  const sql = async (text) => {
    const client = new pg.Client({ connectionString: server })
    await client.connect()
    await client.query(text)
    await client.end()
  }
  await sql(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`)
  const url = new URL(server)
  url.pathname = `/${name}`
  return { db: url.href, drop: () => sql(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) }
}

/**
 * Kills on both sides of the commit. `undisturbed` is done once and measured: what a command says, it says just after the
 * commit. Rounds are killed between its start and a little after that moment; every fifth, whenever it speaks. `round`
 * gives the arguments of a round, `count` what is there, having checked that it is whole; more of it is all of a round.
 * Fails when no kill left nothing, or none left everything.
 */
export async function killAround(db, name, { times, undisturbed, round, count }) {
  let { saidAfter: said } = await ok(db, undisturbed)
  let before = await count()
  const left = { nothing: 0, everything: 0, unkilled: 0 }
  for (const [i, at] of moments(times).entries()) {
    const killSaid = i % 5 === 4
    const killAfter = killSaid ? undefined : at * said * 1.15
    const when = killSaid ? 'as it speaks' : `after ${Math.round(killAfter)} of ${Math.round(said)} ms`
    await check(`${name}: kill ${i + 1} of ${times} ${when}`, async () => {
      const killed = await tieout(db, round(i), { killAfter, killSaid })
      const now = await count()
      const isThere = now > before
      before = now
      expect(isThere || killed.saidAfter === undefined, 'it said that it was done')
      // Work takes longer the more there is, so the newest measure counts.
      said = killed.saidAfter ?? said
      left[killed.signal !== 'SIGKILL' ? 'unkilled' : isThere ? 'everything' : 'nothing'] += 1
      return isThere ? 'everything is there' : 'nothing is there'
    })
  }
  const { nothing, everything, unkilled } = left
  await check(`${name}: kills on both sides of the commit`, () => {
    expect(nothing > 0 && everything > 0, `${nothing} before and ${everything} after it`)
    return `${nothing} before it, ${everything} after it; ${unkilled} ended before they were killed`
  })
}

/** Parts of a whole: one in each of `times` equal parts, at a random place in it, in random order. */
export const moments = (times) =>
  Array.from({ length: times }, (_, i) => ({ at: (i + random()) / times, place: random() }))
    .sort((one, other) => one.place - other.place)
    .map(({ at }) => at)
