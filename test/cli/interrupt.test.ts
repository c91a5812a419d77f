/** @module-tag long */

import { existsSync } from 'node:fs'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SERVER } from '../support/books.js'
import { type CliDatabase, cliDatabase, type Ended, type Folder, makeFolder } from '../support/cli.js'

const FACTS = 80_000

let folder: Folder
let database: CliDatabase
let big: string
const expectOk = async (...args: string[]) => expect(await database.run(...args)).toMatchObject({ exit: 0 })

beforeAll(async () => {
  folder = makeFolder()
  database = await cliDatabase(folder)
  const rows = Array.from(
    { length: FACTS },
    (_, i) => `N${i % 20},B${i % 37},2025-12-24,${(i * 7919) % 1000}.25\n`,
  )
  big = folder.write('big.csv', `cc,book,pnl_date,amt\n${rows.join('')}`)
  const nodes = Array.from({ length: 20 }, (_, i) => `N${i},R,n\n`).join('')
  const structure = folder.write('s.csv', `node_id,parent_node_id,node_name\nR,,R\n${nodes}`)
  await expectOk('structures', 'import', 'BIG', structure)
  await expectOk('facts', 'import', big, '--table', 'fact_big')
  const yaml =
    'use_case: Big\nstructure: BIG\nsource: {table: fact_big, date: pnl_date, scenario: null}\nmeasures: {m: amt}\ndrivers: [{nodes: leaves, column: cc, value: node_id}]\n'
  await expectOk('use-cases', 'apply', folder.write('u.yaml', yaml))
})
afterAll(async () => {
  await database?.drop()
  folder.remove()
})

const json = async (...args: string[]) => JSON.parse((await database.run(...args, '--json')).stdout)

/** Whether the command has the database: before, Ctrl-C ends it the way it ends any program. */
async function connected(): Promise<boolean> {
  if (SERVER === undefined) return existsSync(`${database.db}.lock`)
  const client = new pg.Client({ connectionString: database.db })
  await client.connect()
  const { rowCount } = await client.query(
    'SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
  )
  await client.end()
  return rowCount !== 0
}

/** Ctrl-C, `after` milliseconds from when the command has the database; a server answers at once, a directory is opened first. */
async function interrupt(args: string[], after: number): Promise<Ended> {
  const started = await database.start(args)
  while (started.child.exitCode === null && !(await connected())) await sleep(5)
  await sleep(SERVER === undefined ? after : after / 6)
  started.child.kill('SIGINT')
  return started.ended
}
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

describe('Ctrl-C', () => {
  test('during runs create: 130, the run is FAILED and has nothing', async () => {
    let interrupted = 0
    // On a machine where the run is sealed by then, sooner.
    for (const after of [350, 150, 50]) {
      if (interrupted > 0) break
      const out = await interrupt(['runs', 'create', '--use-case', 'Big', '--date', '2025-12-24'], after)
      if (out.exit === 0) continue
      interrupted += 1
      expect(out).toMatchObject({ exit: 130, stdout: '' })
      expect(out.stderr).toMatch(/TIE-250[34]/)
    }
    const { runs } = await json('runs', 'list')
    for (const { id, status } of runs) {
      expect(['COMPLETED', 'FAILED']).toContain(status)
      if (status === 'COMPLETED') continue
      const shown = await json('runs', 'show', id)
      expect(shown).toMatchObject({ results_count: 0, findings: [], error: { message: 'interrupted' } })
    }
    expect(interrupted).toBeGreaterThan(0)
  })

  test('during a big import: 130, nothing stored, and the same import works afterwards', async () => {
    const args = ['facts', 'import', big, '--table', 'fact_again']
    const out = await interrupt(args, 400)
    expect(out).toMatchObject({ exit: 130, stdout: '' })
    expect(out.stderr).toContain('TIE-2504')
    expect((await json('facts', 'tables')).tables.map(({ table }: { table: string }) => table)).not.toContain(
      'fact_again',
    )
    expect(await json(...args)).toMatchObject({ new: FACTS, created: true })
  })
})

describe.skipIf(SERVER === undefined)('Ctrl-C while the server is at one statement', () => {
  test('has it given up: 130, and the run says so', async () => {
    const other = new pg.Client({ connectionString: database.db })
    await other.connect()
    try {
      await other.query('BEGIN; LOCK TABLE fact_big')
      const started = await database.start(['runs', 'create', '--use-case', 'Big', '--date', '2025-12-24'])
      const isWaiting = async () =>
        (
          await other.query(
            'SELECT 1 FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())',
          )
        ).rowCount !== 0
      while (started.child.exitCode === null && !(await isWaiting())) await sleep(5)
      started.child.kill('SIGINT')
      const out = await started.ended
      expect(out).toMatchObject({ exit: 130, stdout: '' })
      expect(out.stderr).toContain('TIE-2503')
    } finally {
      await other.end()
    }
  })
})

describe.skipIf(SERVER !== undefined)('two processes on one directory', () => {
  test('the second is refused with 3 and told who has it; afterwards it works', async () => {
    const first = await database.start(['serve'], { env: { TIEOUT_PORT: '0' } })
    try {
      await first.said('Serving on')
      const second = await database.run('runs', 'list')
      expect(second).toMatchObject({ exit: 3, stdout: '' })
      expect(second.stderr).toContain('TIE-1201')
      expect(second.stderr).toContain(`process ${first.pid} (tieout serve)`)
    } finally {
      first.child.kill('SIGTERM')
    }
    expect(await first.ended).toMatchObject({ exit: 0 })
    expect(await database.run('runs', 'list')).toMatchObject({ exit: 0 })
  })
})
