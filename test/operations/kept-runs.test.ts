/** Runs over kept frames: the second run of a date reads nothing, what has changed is read, a proof reads anew. */

import { rmSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Context } from '#tieout/books/operation'
import { type FoundFacts, KeptFrames } from '#tieout/engines/kept-frames'
import { openTestBooks, sharedTestBooks, type TestBooks } from '../support/books.js'
import { contextOf, type Folder, makeFolder, type Output, perform } from '../support/cli.js'

const FACTS =
  'day,cc,book,daily\n2025-12-24,A,X,1.50\n2025-12-24,B,X,2\n2025-12-24,B,Y,4\n,B,Y,99\n2025-12-23,A,X,7\n'
const STRUCTURE = 'node_id,parent_node_id,node_name\nR,,Root\nA,R,A\nB,R,B\n'
const useCase = (source: string, where: string) => `use_case: Kept
structure: K
source: ${source}
measures: {daily: daily}
drivers: [{nodes: leaves, column: cc, value: node_id}]
rules: [{node: A, where: "${where}", scope: table}]
`

let db: TestBooks
let folder: Folder
beforeAll(async () => {
  db = await sharedTestBooks()
  folder = makeFolder()
})
afterAll(async () => {
  await db?.close()
  folder?.remove()
})

const framesIn = (directory: string | null): KeptFrames =>
  new KeptFrames({
    memoryBytes: 1e8,
    directory,
    diskBytes: 1e8,
    leastOnDisk: 0,
    now: () => 1_766_534_400_000,
  })

async function applied(context: Context, source: string, where = "book = 'X'"): Promise<void> {
  await perform(context, 'use-cases apply', { file: folder.write('use-case.yaml', useCase(source, where)) })
}

const runOf = (context: Context): Promise<Output> =>
  perform(context, 'runs create', { use_case: 'Kept', date: '2025-12-24' })

test.each(['books', 'file'] as const)('of a use case over %s', async (kind) => {
  const directory = `${folder.path}/frames-${kind}`
  const frames = framesIn(directory)
  const context = contextOf(db.books, db.tenant, { frames })
  const table = `fact_kept_${kind}`
  const facts = folder.write(`${table}.csv`, FACTS)
  const source =
    kind === 'books'
      ? `{table: ${table}, date: day, scenario: null}`
      : `{engine: duckdb, path: ${facts}, date: day, scenario: null}`
  await perform(context, 'structures import', { name: 'K', file: folder.write('k.csv', STRUCTURE) })
  if (kind === 'books') await perform(context, 'facts import', { file: facts, table })
  await applied(context, source)

  const first = await runOf(context)
  const second = await runOf(context)
  await frames.settle()
  // Another process finds it on disk; one that keeps none reads.
  const third = await runOf({ ...context, frames: framesIn(directory) })
  const fourth = await runOf({ ...context, frames: undefined })
  expect([first, second, third, fourth].map(({ stages }) => stages.frame)).toEqual([
    'read',
    'memory',
    'disk',
    'read',
  ])
  for (const run of [second, third, fourth]) {
    expect([run.result_digest, run.input_digest, run.findings]).toEqual([
      first.result_digest,
      first.input_digest,
      first.findings,
    ])
  }
  // The fact without a date is told whether the frame is kept or not.
  expect(first.findings.map(({ code }: { code: string }) => code)).toContain('FACTS_WITHOUT_DATE')

  // A rule over other columns needs another frame; one over the same or fewer does not.
  await applied(context, source, "cc = 'B'")
  expect((await runOf(context)).stages.frame).toBe('memory')
  expect((await perform(context, 'runs verify', { run: first.run_id })).verdict).toBe('match')

  // More facts: in the books by an import, in the file by writing it again.
  const changed = FACTS.replace('2025-12-24,A,X,1.50', '2025-12-24,A,X,1.51')
  const more =
    kind === 'books'
      ? folder.write('more.csv', changed.replace('\n,B,Y,99', ''))
      : folder.write(`${table}.csv`, changed)
  if (kind === 'books') await perform(context, 'facts import', { file: more, table })
  const after = await runOf(context)
  expect(after.stages.frame).toBe('read')
  expect(after.result_digest).not.toBe(first.result_digest)
  await frames.settle()
  rmSync(directory, { recursive: true })
})

test('the same file in other books is another source', { tags: ['long'] }, async () => {
  const frames = framesIn(null)
  const origins: string[] = []
  for (const books of [await openTestBooks(), await openTestBooks()]) {
    const context = contextOf(books.books, undefined, { frames })
    await perform(context, 'structures import', { name: 'K', file: folder.write('k.csv', STRUCTURE) })
    await perform(context, 'facts import', { file: folder.write('f.csv', FACTS), table: 'fact_kept' })
    await applied(context, '{table: fact_kept, date: day, scenario: null}')
    origins.push((await runOf(context)).stages.frame, (await runOf(context)).stages.frame)
    await books.close()
  }
  expect(origins).toEqual(['read', 'memory', 'read', 'memory'])
})

test('a proof does not believe what is kept', async () => {
  /** Keeps the facts but for one cent. */
  class Liar extends KeptFrames {
    override async find(...asked: Parameters<KeptFrames['find']>): Promise<FoundFacts | undefined> {
      const found = await super.find(...asked)
      if (found === undefined) return undefined
      const blocks = found.frame.blocks.map((block) => ({
        ...block,
        amounts: block.amounts.map((units) =>
          (units as Float64Array).map((unit, i) => (i === 0 ? unit + 1 : unit)),
        ),
      }))
      return { ...found, frame: { ...found.frame, blocks } }
    }
  }
  const frames = new Liar({ memoryBytes: 1e8, directory: null, diskBytes: 0, now: () => 0 })
  const context = contextOf(db.books, db.tenant, { frames })
  await perform(context, 'structures import', { name: 'K', file: folder.write('k.csv', STRUCTURE) })
  await perform(context, 'facts import', { file: folder.write('l.csv', FACTS), table: 'fact_liar' })
  await applied(context, '{table: fact_liar, date: day, scenario: null}')
  const right = await runOf(context)
  const wrong = await runOf(context)
  expect(wrong.result_digest).not.toBe(right.result_digest)
  expect((await perform(context, 'runs verify', { run: right.run_id })).verdict).toBe('match')
  expect((await perform(context, 'runs verify', { run: wrong.run_id })).verdict).toBe('mismatch')
})
