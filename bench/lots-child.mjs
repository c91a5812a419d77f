// One process of the benchmark of lots in books: `node lots-child.mjs WHAT OPTIONS`.
import { answer, contextOf, drained, perform, timed, withBooks, withoutTrace } from './in-books.mjs'

const [what, text] = process.argv.slice(2)
const options = JSON.parse(text)

const ACTIONS = { whole, more, floor }

/** A file of trades imported, computed, and proved. */
function whole(books) {
  return inTurn(books, [
    ['import', 'trades import', { file: options.file }],
    ['compute', 'lots compute', { version: 1, all_symbols: true }],
    ['validate', 'lots validate', { version: 1 }],
  ])
}

/** More trades behind them: imported, and the version gone on with. */
function more(books) {
  return inTurn(books, [
    ['import', 'trades import', { file: options.file }],
    ['compute', 'lots compute', { version: 1, all_symbols: true, incremental: true }],
  ])
}

async function inTurn(books, operations) {
  const context = contextOf(books)
  const found = { results: {} }
  for (const [part, name, input] of operations) {
    found[part] = await timed(async () => {
      found.results[part] = await perform(context, name, input)
    })
  }
  return found
}

const TABLES = ['trade_records', 'fifo_allocations', 'fifo_inventory_snapshot']
/** Without what the database fills in by itself. */
const columnsOf = async (tx, table) =>
  (
    await tx.rows(
      `SELECT quote_ident(attname) AS name FROM pg_attribute
        WHERE attrelid = '${table}'::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
        ORDER BY attnum`,
    )
  ).map(({ name }) => name)

/**
 * What the database needs to hand over the rows of each table, and to take them in: without keys, and with the same
 * keys, indexes, checks and foreign keys.
 */
async function floor(books) {
  const found = {}
  for (const table of TABLES) {
    await withoutTrace(books, async (tx) => {
      const columns = await columnsOf(tx, table)
      const query = `SELECT ${columns} FROM ${table}`
      const chunks = []
      const out = Math.min(
        await timed(() => drained(tx, query)),
        await timed(() => drained(tx, query, chunks)),
      )
      await tx.asOwner(async () => {
        await tx.execute(`CREATE TABLE bench_plain (LIKE ${table})`)
        await tx.execute(`CREATE TABLE bench_keyed (LIKE ${table} INCLUDING ALL)`)
        const references = await tx.rows(
          `SELECT pg_get_constraintdef(oid) AS said FROM pg_constraint WHERE conrelid = '${table}'::regclass AND contype = 'f'`,
        )
        for (const { said } of references) await tx.execute(`ALTER TABLE bench_keyed ADD ${said}`)
        await tx.execute('GRANT ALL ON bench_plain, bench_keyed TO tieout_app')
      })
      const plain = await timed(() => tx.copyIn(`bench_plain (${columns})`, chunks))
      const keyed = await timed(async () => {
        await tx.copyIn(`bench_keyed (${columns})`, chunks)
        await tx.execute('SET CONSTRAINTS ALL IMMEDIATE')
      })
      const [{ rows }] = await tx.rows('SELECT count(*)::int AS rows FROM bench_plain')
      found[table] = { rows, out, plain, keyed }
    })
  }
  return found
}

answer(await withBooks(options.db, ACTIONS[what]))
