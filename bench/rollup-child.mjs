// One process of the roll-up benchmark: `node rollup-child.mjs WHAT OPTIONS`, options as JSON, the answer as JSON on
// stdout. A process of its own, because its peak memory is part of the answer.
import { DuckDBInstance } from '@duckdb/node-api'
import { openRun } from '#tieout/books/runs'
import { DEFAULT_TENANT } from '#tieout/books/tenants'
import { KeptFrames } from '#tieout/engines/kept-frames'
import { saveResults } from '#tieout/rollup/store/results'
import { DATE } from './book.mjs'
import { answer, contextOf, drained, now, perform, timed, withBooks, withoutTrace } from './in-books.mjs'

const CODED = ['book', 'cc_id', 'region', 'scenario', 'strategy']
const AMOUNTS = ['m0', 'm1', 'm2', 'm3']
const [what, text] = process.argv.slice(2)
const options = JSON.parse(text)

const framesIn = (directory) =>
  new KeptFrames({ memoryBytes: 2 ** 30, directory, diskBytes: 2 ** 34, now: () => Date.now() })

const runOf = (context) => perform(context, 'runs create', { use_case: 'Bench', date: DATE })

/** The frame of each run: read, or kept in memory or on disk. */
const ACTIONS = {
  import: () =>
    withBooks(options.db, async (books) => {
      const context = contextOf(books)
      for (const [name, input] of options.operations) await perform(context, name, input)
    }),
  cold: () => withBooks(options.db, (books) => runOf(contextOf(books))),
  /** Reads and keeps, then finds in memory. */
  memory: () =>
    withBooks(options.db, async (books) => {
      const frames = framesIn(options.frames)
      await runOf(contextOf(books, frames))
      const run = await runOf(contextOf(books, frames))
      await frames.settle()
      return run
    }),
  disk: () => withBooks(options.db, (books) => runOf(contextOf(books, framesIn(options.frames)))),
  duckFloor: () => duckFloor(options.file),
  booksFloor: () => withBooks(options.db, booksFloor),
  store: () => withBooks(options.db, storeAndBareCopy),
}

/** What the engine needs to hand over the columns, and the tuples, to somebody who throws them away. */
async function duckFloor(file) {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const csv = file.endsWith('.csv')
  const from = csv ? `read_csv('${file}', header = true, all_varchar = true)` : `'${file}'`
  const where = csv ? `WHERE pnl_date = '${DATE}'` : `WHERE pnl_date = DATE '${DATE}'`
  const drain = async (sql) => {
    const result = await connection.stream(sql)
    for (;;) {
      const chunk = await result.fetchChunk()
      if (chunk === null || chunk.rowCount === 0) return
    }
  }
  const sums = AMOUNTS.map((name) => `sum(CAST(${name} AS DECIMAL(18,2)))`)
  return {
    facts: await timed(() => drain(`SELECT ${[...CODED, ...AMOUNTS]} FROM ${from} ${where}`)),
    tuples: !options.tuples
      ? null
      : await timed(() =>
          drain(`SELECT ${[...CODED, 'count(*)', ...sums]} FROM ${from} ${where} GROUP BY ${CODED}`),
        ),
  }
}

function booksFloor(books) {
  return books.transaction(DEFAULT_TENANT, async (tx) => {
    const sums = AMOUNTS.map((name) => `sum(${name})`)
    const from = `FROM fact_bench WHERE pnl_date = '${DATE}'`
    const facts = await timed(() => drained(tx, `SELECT ${[...CODED, ...AMOUNTS]} ${from}`))
    await tx.execute(`SELECT set_config('enable_sort', 'off', true), set_config('jit', 'off', true)`)
    const tuples = !options.tuples
      ? null
      : await timed(() => drained(tx, `SELECT ${[...CODED, 'count(*)', ...sums]} ${from} GROUP BY ${CODED}`))
    return { facts, tuples }
  })
}

/** The figures of a run stored once more, beside COPY of the same rows into a table without and with keys. */
async function storeAndBareCopy(books) {
  const context = contextOf(books)
  const figures = await books.transaction(DEFAULT_TENANT, (tx) =>
    tx.rows(
      `SELECT node_id, measure, scenario, "natural", direct, adjustment, adjusted, plug, fact_count::int AS fact_count, rule_no, rule
         FROM fact_calculated_results WHERE calculation_run_id = $1 ORDER BY ordinal`,
      [options.run],
    ),
  )
  const found = { save: [], plain: [], keyed: [] }
  for (let i = 0; i < 3; i++) {
    const id = context.newId()
    await openRun(books, DEFAULT_TENANT, {
      id,
      kind: 'rollup',
      use_case_id: options.useCase,
      pnl_date: DATE,
      run_name: 'store',
      executed_at: now(),
      triggered_by: 'bench',
      policy: 'most_specific',
      engine_version: '0',
      parameters: {},
    })
    await withoutTrace(books, async (tx) => {
      found.save.push(await timed(() => saveResults(tx, DEFAULT_TENANT, id, figures)))
      const chunks = []
      const rows = `SELECT * FROM fact_calculated_results WHERE calculation_run_id = '${id}' ORDER BY ordinal`
      await drained(tx, rows, chunks)
      await tx.asOwner(async () => {
        await tx.execute('CREATE TABLE bench_plain (LIKE fact_calculated_results)')
        await tx.execute('CREATE TABLE bench_keyed (LIKE fact_calculated_results INCLUDING ALL)')
        await tx.execute(
          'ALTER TABLE bench_keyed ADD FOREIGN KEY (tenant_id, calculation_run_id) REFERENCES calculation_runs (tenant_id, id)',
        )
        await tx.execute('GRANT ALL ON bench_plain, bench_keyed TO tieout_app')
      })
      found.plain.push(await timed(() => tx.copyIn('bench_plain', chunks)))
      found.keyed.push(await timed(() => tx.copyIn('bench_keyed', chunks)))
    })
  }
  return {
    figures: figures.length,
    save: Math.min(...found.save),
    plain: Math.min(...found.plain),
    keyed: Math.min(...found.keyed),
  }
}

answer(await ACTIONS[what]())
