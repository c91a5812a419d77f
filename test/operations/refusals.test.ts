/** Refusals that no other file comes across, one row each, and that nothing is stored by them. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openBooks } from '#tieout/books/open'
import { runCommandLine } from '#tieout/surfaces/cli/command-line'
import { openTestBooks, type TestBooks } from '../support/books.js'
import { codes, contextOf, makeFolder, perform, REPOSITORY, refusedAndNothingStored } from '../support/cli.js'

const folder = makeFolder()
let db: TestBooks

beforeAll(async () => {
  db = await openTestBooks()
})
afterAll(async () => {
  await db.close()
  folder.remove()
})

const HEADER = 'node_id,parent_node_id,node_name\n'
const structure = (rows: string) => folder.write(`s${rows.length}.csv`, HEADER + rows)

describe('operations', () => {
  test.each<[string, string, string, () => Record<string, unknown>]>([
    ['TIE-1007', 'a name with NUL', 'use-cases show', () => ({ use_case: 'a\0b' })],
    ['TIE-1107', 'nothing to verify', 'verify-hybrid-engine', () => ({})],
    [
      'TIE-2108',
      'an id that no index has room for',
      'structures import',
      () => ({ name: 'L', file: structure(`R,,Root\n${'x'.repeat(1001)},R,Long\n`) }),
    ],
    [
      'TIE-2416',
      'more columns than a table has room for',
      'facts import',
      () => {
        const names = Array.from({ length: 1501 }, (_, i) => `c${i}`).join(',')
        return { file: folder.write('wide.csv', `${names}\n`), table: 'fact_wide' }
      },
    ],
  ])('%s: %s', async (code, _, operation, input) => {
    const context = contextOf(db.books)
    expect(
      codes(await refusedAndNothingStored(db.books, () => perform(context, operation, input()))),
    ).toContain(code)
  })

  test('TIE-1109: a version that is not there', async () => {
    const context = contextOf(db.books)
    await perform(context, 'structures import', { name: 'V', file: structure('R,,Root\n') })
    const show = () => perform(context, 'structures show', { name: 'V', structure_version: 2 })
    expect(codes(await refusedAndNothingStored(db.books, show))).toEqual(['TIE-1109'])
  })

  test.each(['reading facts', 'calculating', 'storing results'])(
    'TIE-2503: interrupted while %s, the run is FAILED and has nothing',
    async (stage) => {
      const interrupt = new AbortController()
      const progress = {
        report: (reached: string) => {
          if (reached === stage) interrupt.abort()
        },
      }
      const plain = contextOf(db.books)
      const facts = folder.write('f.csv', 'cc,pnl_date,amt\nR,2025-12-24,1.50\n')
      await perform(plain, 'structures import', { name: 'I', file: structure('R,,Root\n') })
      await perform(plain, 'facts import', { file: facts, table: 'fact_interrupted' })
      const yaml =
        'use_case: I\nstructure: I\nsource: {table: fact_interrupted, date: pnl_date, scenario: null}\n' +
        'measures: {m: amt}\ndrivers: [{nodes: all, column: cc}]\n'
      await perform(plain, 'use-cases apply', { file: folder.write('i.yaml', yaml) })
      const context = contextOf(db.books, undefined, { progress, signal: interrupt.signal })
      const run = perform(context, 'runs create', { use_case: 'I', date: '2025-12-24' })
      await expect(run).rejects.toThrow('TIE-2503')
      const { runs } = await perform(plain, 'runs list', { use_case: 'I' })
      expect(await perform(plain, 'runs show', { run: runs[0].id })).toMatchObject({
        status: 'FAILED',
        results_count: 0,
        findings: [],
        error: { message: 'interrupted' },
      })
    },
  )
})

describe('the command line', () => {
  const inProcess = async (argv: readonly string[], newId = (): string => crypto.randomUUID()) => {
    let stderr = ''
    const exit = await runCommandLine(
      {
        variables: {},
        directory: folder.path,
        packageDirectory: REPOSITORY,
        version: '1.2.3',
        pid: process.pid,
        stdout: { isTerminal: false, write: () => undefined },
        stderr: {
          isTerminal: false,
          write: (text) => {
            stderr += text
          },
        },
        now: () => new Date().toISOString() as never,
        newId,
        newSecret: () => 's',
        stdin: { isTerminal: false, readLine: async () => undefined },
        openBooks,
        elapsed: () => performance.now(),
        signal: new AbortController().signal,
      },
      argv,
    )
    return { exit, stderr }
  }

  test('TIE-1307: migrate down is asked for twice', async () => {
    const { exit, stderr } = await inProcess(['migrate', 'down', '--db', 'memory://'])
    expect(exit).toBe(2)
    expect(stderr).toContain('TIE-1307')
    expect(stderr).toContain('--yes')
  })

  test('TIE-9001: what nobody thought of is a bug, says so, and shows its stack only when asked', async () => {
    const broken = (): string => {
      throw new Error('out of ids')
    }
    const command = ['tenants', 'create', 'x', '--db', 'memory://']
    const { exit, stderr } = await inProcess(command, broken)
    expect(exit).toBe(70)
    expect(stderr).toContain('TIE-9001 Internal error: out of ids')
    expect(stderr).not.toContain('    at ')
    expect((await inProcess([...command, '--debug'], broken)).stderr).toContain('    at ')
  })
})
