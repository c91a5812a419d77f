/**
 * Kills computations of lots at random moments and looks at what is left:
 * `node test/faults/kill-lots.mjs [--times 50] [--trades 20000] [--seed 1] [--db-url postgres://…]`.
 * Without --db-url on a directory; with it on a fresh database of that server, which is dropped afterwards.
 * Run `npm run build` before. The last line is `N passed, N failed`; exit code 1 when any failed.
 */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openBooks } from '#tieout/books/open'
import { DEFAULT_TENANT } from '#tieout/books/tenants'
import { check, expect, folder, given, moments, ok, onBooks, random, say, tieout } from './killing.mjs'

const { server, times: TIMES, trades: TRADES } = given({ times: 50, trades: 20_000 })

function writeTrades(file) {
  const lines = ['order_id,symbol,side,size,price,fee,executed_at']
  for (let i = 0; i < TRADES; i++) {
    const side = i % 40 < 10 || random() < 0.45 ? 'buy' : 'sell'
    const second = new Date(Date.UTC(2025, 0, 1) + i * 1000).toISOString()
    const [size, price, fee] = [random() * 10 + 0.001, random() * 100 + 1, random()].map((n) => n.toFixed(4))
    lines.push(`o${i},C${i % 7}-USD,${side},${size},${price},${fee},${second}`)
  }
  writeFileSync(join(folder, file), `${lines.join('\n')}\n`)
}

/** Rows of each version with their sum, and what the log and the publications say. */
async function stateOf(db) {
  const books = await openBooks({ db, command: 'kill-lots', migrate: 'never' })
  try {
    return await books.transaction(DEFAULT_TENANT, async (tx) => {
      const [half] = await tx.rows(
        `SELECT count(*) AS n FROM fifo_allocations a JOIN calculation_runs r ON r.id = a.batch_id
          WHERE r.status <> 'COMPLETED'`,
      )
      expect(half.n === 0n, `${half.n} rows are of computations that are not completed`)
      const versions = await tx.rows(
        `SELECT allocation_version AS version, count(*) AS rows, sum(pnl)::text AS pnl,
            md5(string_agg(a::text, '|' ORDER BY symbol, allocation_no)) AS digest
           FROM fifo_allocations a GROUP BY 1 ORDER BY 1`,
      )
      const log = await tx.rows('SELECT status, error FROM fifo_computation_log ORDER BY computation_no')
      const publications = await tx.rows('SELECT allocation_version, batch_id FROM lot_publications')
      return { versions, log, publications }
    })
  } finally {
    await books.close()
  }
}

/** As the next command finds it. On a server a session of a killed client ends a moment later. */
async function settled(db) {
  for (let attempt = 0; ; attempt++) {
    await ok(db, ['lots', 'versions'])
    const state = await stateOf(db)
    const open = state.log.filter(({ status }) => status === 'in_progress')
    if (open.length === 0) return state
    expect(server !== undefined && attempt < 5, `${open.length} computations are still in progress`)
    await sleep(500)
  }
}

async function killComputations(db) {
  const compute = (method) => [
    'lots',
    'compute',
    ...['--version', '2', '--all-symbols', '--force', '--method', method],
  ]
  await ok(db, ['lots', 'compute', '--version', '1', '--all-symbols'])
  await ok(db, ['lots', 'publish', '--version', '1'])
  // Kills before there is anything to end say nothing: a command that only reads takes as long to begin.
  const { took: opening } = await ok(db, ['lots', 'versions'])
  let { took: whole } = await ok(db, compute('lifo'))
  let last = await settled(db)
  const published = JSON.stringify([last.versions[0], last.publications].map(String))
  const digests = { lifo: last.versions[1].pnl }
  await ok(db, compute('hifo'))
  last = await settled(db)
  digests.hifo = last.versions[1].pnl
  expect(digests.hifo !== digests.lifo, 'both methods give one P&L, so nothing would be seen')
  let method = 'hifo'
  const outcomes = { before: 0, failed: 0, completed: 0 }
  for (const [i, at] of moments(TIMES).entries()) {
    const other = method === 'hifo' ? 'lifo' : 'hifo'
    const killAfter = opening + at * (whole * 1.02 - opening)
    await check(
      `kill ${i + 1} of ${TIMES} after ${Math.round(killAfter)} of ${Math.round(whole)} ms`,
      async () => {
        const killed = await tieout(db, compute(other), { killAfter })
        const now = await settled(db)
        const added = now.log.slice(last.log.length)
        expect(added.length <= 1, `${added.length} computations came of one command`)
        const outcome = added[0]?.status ?? 'before'
        outcomes[outcome] += 1
        expect(
          JSON.stringify([now.versions[0], now.publications].map(String)) === published,
          'the published version is another',
        )
        expect(now.versions[0].digest === last.versions[0].digest, 'rows of the published version are others')
        if (outcome === 'completed') method = other
        else {
          expect(killed.exit !== 0, 'it said that it was done')
          expect(now.versions[1].digest === last.versions[1].digest, 'a computation that failed changed rows')
          if (outcome === 'failed') expect(added[0].error !== null, 'the log does not say why')
        }
        expect(now.versions[1].pnl === digests[method], 'the P&L is of neither method')
        last = now
        return outcome === 'before' ? 'nothing begun yet' : outcome
      },
    )
    if (i % 10 === 9) whole = (await ok(db, compute(method))).took
    if (i % 10 === 9) last = await settled(db)
  }
  say(`  ${outcomes.before} before it began, ${outcomes.failed} failed, ${outcomes.completed} completed`)
  if (TIMES >= 20) {
    // Kills that all fall before the work, or after it, would prove nothing.
    await check('kills fell into the work of a computation', async () => {
      expect(outcomes.failed > 0, 'none did')
    })
  }
  for (const version of ['1', '2']) {
    await check(`version ${version} is proved from its facts afterwards`, async () => {
      await ok(db, ['lots', 'validate', '--version', version])
    })
  }
}

async function twoAtOnce(db) {
  await check('of two computations of one version at once one wins, the other is told', async () => {
    const args = ['lots', 'compute', '--version', '3', '--all-symbols']
    const ended = await Promise.all([tieout(db, args), tieout(db, args)])
    const exits = ended.map(({ exit }) => exit).sort()
    const told = ended.find(({ exit }) => exit !== 0)
    expect(exits[0] === 0, `they ended with ${exits}: ${told?.stderr}`)
    expect(
      exits[1] === 0 || told.stderr.includes(server === undefined ? 'TIE-1201' : 'TIE-3156'),
      `${told?.stderr}`,
    )
    await ok(db, ['lots', 'validate', '--version', '3'])
    return exits[1] === 0 ? 'one after the other' : 'a conflict'
  })
}

await onBooks(server, async (db) => {
  writeTrades('trades.csv')
  await ok(db, ['migrate', 'up'])
  await ok(db, ['trades', 'import', 'trades.csv'])
  await killComputations(db)
  await twoAtOnce(db)
})
