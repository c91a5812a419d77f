/**
 * Kills the product at random moments and looks at what is left:
 * `node test/faults/kill-loop.mjs [--times 50] [--facts 200000] [--seed 1] [--db-url postgres://…]`.
 * Without --db-url on a directory; with it on a fresh database of that server, which is dropped afterwards.
 * Run `npm run build` before. The last line is `N passed, N failed`; exit code 1 when any failed.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openBooks } from '#tieout/books/open'
import { DEFAULT_TENANT } from '#tieout/books/tenants'
import { buildTree } from '#tieout/rollup/hierarchy'
import { resultDigest } from '#tieout/rollup/result-digest'
import { loadResults } from '#tieout/rollup/store/results'
import { loadStructure } from '#tieout/rollup/store/structures'
import { CLI, check, expect, folder, given, moments, ok, onBooks, random, say, tieout } from './killing.mjs'

const { server, times: TIMES, facts: FACTS } = given({ times: 50, facts: 200_000 })
const NODES = 400

async function writeFacts(file, count) {
  const out = createWriteStream(file)
  out.write('cc_id,book,pnl_date,scenario,daily,mtd\n')
  let text = ''
  for (let i = 0; i < count; i++) {
    const [daily, mtd] = [(i * 7919) % 1_000_003, (i * 104_729) % 10_000_019]
    text += `N${i % NODES},B${i % 37},2025-12-24,${i % 2 === 0 ? 'ACTUAL' : 'PRIOR'},${daily}.${String(i % 100).padStart(2, '0')},${mtd}.25\n`
    if (text.length > 1 << 20) {
      if (!out.write(text)) await once(out, 'drain')
      text = ''
    }
  }
  out.end(text)
  await once(out, 'close')
}

function writeDefinitions() {
  const nodes = Array.from({ length: NODES }, (_, i) => `N${i},G${i % 20},Node ${i}`)
  const groups = Array.from({ length: 20 }, (_, i) => `G${i},ROOT,Group ${i}`)
  writeFileSync(
    join(folder, 'structure.csv'),
    `node_id,parent_node_id,node_name\nROOT,,Root\n${[...groups, ...nodes].join('\n')}\n`,
  )
  writeFileSync(
    join(folder, 'use-case.yaml'),
    `use_case: Kill
structure: KILL
source: {table: fact_kill, date: pnl_date, scenario: scenario}
measures: {daily: daily, mtd: mtd}
drivers: [{nodes: leaves, column: cc_id, value: node_id}]
rules:
  - {node: N5, where: "book in ('B1', 'B2')"}
  - {node: G3, formula: "G4 - natural(G5)"}
  - {node: N7, where: "book = 'NOWHERE'"}
`,
  )
}

/** Everything that must hold of the books, whatever happened to the process before. */
async function examine(db, expectedDigest, expectedFacts, verified) {
  const books = await openBooks({ db, command: 'kill-loop', migrate: 'never' })
  try {
    return await books.transaction(DEFAULT_TENANT, async (tx) => {
      const runs = await tx.rows('SELECT id, status, result_digest FROM calculation_runs')
      const left = await tx.rows(
        `SELECT r.id FROM calculation_runs r WHERE status <> 'COMPLETED' AND (
           EXISTS (SELECT FROM fact_calculated_results c WHERE c.calculation_run_id = r.id)
           OR EXISTS (SELECT FROM run_findings f WHERE f.run_id = r.id))`,
      )
      expect(
        left.length === 0,
        `runs that are not COMPLETED have results or findings: ${left.map(({ id }) => id)}`,
      )
      const [facts] = await tx.rows('SELECT count(*) AS n FROM fact_kill')
      expect(facts.n === BigInt(expectedFacts), `${facts.n} facts, not ${expectedFacts}`)
      const tree = buildTree((await loadStructure(tx, 'KILL')).rows)
      for (const { id, result_digest } of runs.filter(({ status }) => status === 'COMPLETED')) {
        expect(result_digest === expectedDigest, `run ${id} is sealed with another digest`)
        if (verified.has(id)) continue
        const stored = resultDigest(await loadResults(tx, id, tree))
        expect(stored === expectedDigest, `the stored rows of run ${id} do not give its digest`)
        verified.add(id)
      }
      return runs
    })
  } finally {
    await books.close()
  }
}

/** The runs as the next command lists them. On a server a session of a killed client ends a moment later. */
async function listed(db) {
  for (let attempt = 0; ; attempt++) {
    const { stdout } = await ok(db, ['runs', 'list', '--limit', '10000', '--json'])
    const { runs } = JSON.parse(stdout)
    const open = runs.filter(({ status }) => status === 'IN_PROGRESS')
    if (open.length === 0) return runs
    expect(server !== undefined && attempt < 5, `${open.length} runs are still IN_PROGRESS`)
    await sleep(500)
  }
}

async function killRuns(db) {
  const create = ['runs', 'create', '--use-case', 'Kill', '--date', '2025-12-24', '--json']
  const first = await ok(db, create)
  const digest = JSON.parse(first.stdout).result_digest
  const verified = new Set()
  const outcomes = { before: 0, FAILED: 0, COMPLETED: 0 }
  let known = (await listed(db)).length
  // Spread over the whole life of the command, at a random moment within each part, the parts in random order.
  let whole = 0
  for (const [i, at] of moments(TIMES).entries()) {
    // How long the command takes moves with the load of the machine, so it is measured again and again.
    if (i % 5 === 0) {
      whole = (await ok(db, create)).took
      known = (await listed(db)).length
    }
    const killAfter = at * whole * 1.02
    await check(
      `kill ${i + 1} of ${TIMES} after ${Math.round(killAfter)} of ${Math.round(whole)} ms`,
      async () => {
        const killed = await tieout(db, create, { killAfter })
        const runs = await listed(db)
        await examine(db, digest, FACTS, verified)
        expect(runs.length <= known + 1, `${runs.length - known} runs came of one command`)
        const outcome = runs.length === known ? 'before' : runs[0].status
        known = runs.length
        outcomes[outcome] += 1
        // A run whose id was told is kept.
        if (killed.exit === 0) {
          const { run_id } = JSON.parse(killed.stdout)
          const told = runs.find(({ id }) => id === run_id)
          expect(
            told?.status === 'COMPLETED',
            `run ${run_id} was acknowledged and is ${told?.status ?? 'gone'}`,
          )
        }
        return outcome === 'before' ? 'no run yet' : outcome
      },
    )
  }
  say(`  ${outcomes.before} before the run, ${outcomes.FAILED} FAILED, ${outcomes.COMPLETED} COMPLETED`)
  if (TIMES >= 20) {
    // Kills that all fall before the run, or after it, would prove nothing.
    await check('kills fell into the work of a run', async () => {
      expect(outcomes.FAILED > 0, 'none did')
    })
  }
  await check('the last run verifies by a new calculation', async () => {
    const { stdout } = await ok(db, create)
    const { run_id } = JSON.parse(stdout)
    await ok(db, ['runs', 'verify', run_id])
  })
}

async function killImport(db) {
  const args = ['facts', 'import', 'more.csv', '--table', 'fact_more', '--json']
  await writeFacts(join(folder, 'more.csv'), FACTS)
  await check('kill -9 during facts import', async () => {
    // Late enough to be in the middle of it: a dry run shows how long it takes.
    const { took } = await ok(db, [...args, '--dry-run'])
    const killed = await tieout(db, args, { killAfter: took * (0.4 + 0.4 * random()) })
    expect(killed.signal === 'SIGKILL', 'it was too quick to be killed')
    await listed(db)
    const { tables } = JSON.parse((await ok(db, ['facts', 'tables', '--json'])).stdout)
    expect(!tables.some(({ table }) => table === 'fact_more'), 'a part of the import is there')
    const again = JSON.parse((await ok(db, args)).stdout)
    expect(again.new === FACTS && again.created, `the import afterwards says ${again.new} new`)
  })
}

async function killCreation() {
  const env = { XDG_CACHE_HOME: join(folder, 'cache') }
  for (const [name, template] of [
    ['from nothing', false],
    ['from the template', true],
  ]) {
    await check(`kill -9 during creation of a directory ${name}`, async () => {
      if (template) await ok(join(folder, 'fills-the-cache'), ['structures', 'list'], { env })
      const measured = template
        ? (await ok(join(folder, `measured-${template}`), ['structures', 'list'], { env })).took
        : 4000
      const db = join(folder, `new-${template}`)
      const killed = tieout(db, ['structures', 'list'], { env, killAfter: measured * 1.5 + 20_000 })
      // The marker is there exactly while the directory is made.
      while (!existsSync(`${db}.creating`)) await sleep(2)
      await sleep(measured * 0.3 * random())
      const holder = JSON.parse(readFileSync(`${db}.lock`, 'utf8'))
      process.kill(holder.pid, 'SIGKILL')
      expect((await killed).signal === 'SIGKILL', 'it was too quick to be killed')
      const marked = existsSync(`${db}.creating`)
      const { stdout } = await ok(db, ['migrate', 'status', '--json'], { env })
      const { migrations } = JSON.parse(stdout)
      expect(
        migrations.length > 0 && migrations.every((one) => one.state === 'applied'),
        `the directory has ${stdout}`,
      )
      expect(
        !existsSync(`${db}.creating`) && !existsSync(`${db}.lock`),
        'files are left beside the directory',
      )
      return marked ? 'it was begun again' : 'it had just been done'
    })
  }
}

async function twoProcesses(db) {
  await check('a second process on the directory is refused and told the pid of the first', async () => {
    const first = spawn(process.execPath, [CLI, '--db', db, 'serve'], {
      cwd: folder,
      env: { ...process.env, TIEOUT_PORT: '0' },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const closed = once(first, 'close')
    try {
      await Promise.race([once(first.stderr, 'data'), closed])
      expect(first.exitCode === null, 'the first one ended by itself')
      const second = await tieout(db, ['runs', 'list'])
      expect(second.exit === 3, `the second one ended with ${second.exit}`)
      expect(second.stderr.includes(`process ${first.pid}`), `it said ${second.stderr}`)
    } finally {
      first.kill('SIGKILL')
      await closed
    }
    await ok(db, ['runs', 'list'])
  })
}

await onBooks(server, async (db) => {
  writeDefinitions()
  await writeFacts(join(folder, 'facts.csv'), FACTS)
  await ok(db, ['migrate', 'up'])
  await ok(db, ['structures', 'import', 'KILL', 'structure.csv'])
  await ok(db, ['facts', 'import', 'facts.csv', '--table', 'fact_kill'])
  await ok(db, ['use-cases', 'apply', 'use-case.yaml'])
  await killRuns(db)
  await killImport(db)
  if (server === undefined) {
    await killCreation()
    await twoProcesses(db)
  }
})
