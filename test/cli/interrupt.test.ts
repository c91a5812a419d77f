import { existsSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SERVER } from '../support/books.js'
import { type CliDatabase, cliDatabase, type Folder, makeFolder, startCli } from '../support/cli.js'

const FACTS = 120_000

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

/** Sends the signal as soon as the lock shows that the database is being opened, or after a while on a server. */
async function interrupt(
  args: string[],
  after: number,
): Promise<{ exit: number | null; stderr: string; stdout: string }> {
  const started = startCli(['--db', database.db, ...args])
  const until = Date.now() + 20_000
  if (SERVER === undefined) while (!existsSync(`${database.db}.lock`) && Date.now() < until) await sleep(5)
  await sleep(after)
  started.child.kill('SIGINT')
  return started.ended
}
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

describe('Ctrl-C', () => {
  test('during runs create: 130, the run is FAILED and has nothing', async () => {
    let interrupted = 0
    for (const after of [300, 500]) {
      const out = await interrupt(['runs', 'create', '--use-case', 'Big', '--date', '2025-12-24'], after)
      // On a fast machine the run may have been sealed before.
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

describe.skipIf(SERVER !== undefined)('two processes on one directory', () => {
  test('the second is refused with 3 and told who has it; afterwards it works', async () => {
    const first = startCli(['--db', database.db, 'serve'], { env: { TIEOUT_PORT: '0' } })
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
