// Lots in books, the whole way: a file imported, computed, stored and proved, beside what the database alone needs to
// hand the same rows over and take them in; then a few trades more. Each part in a process of its own.
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { child, onServer } from './child.mjs'
import { csvLines } from './lots-trades.mjs'

const CHILD = fileURLToPath(new URL('./lots-child.mjs', import.meta.url))
const SYMBOLS = 100
const MORE = 1000
const ms = (value) => `${Math.round(value)} ms`

export async function benchLotsInBooks({ facts: trades, dbUrl, sources }) {
  const directory = mkdtempSync(join(tmpdir(), 'tieout-bench-'))
  try {
    const files = { whole: join(directory, 'trades.csv'), more: join(directory, 'more.csv') }
    const write = (file, lines) => pipeline(Readable.from(lines), createWriteStream(file))
    await write(files.whole, csvLines(trades, SYMBOLS))
    await write(files.more, csvLines(MORE, SYMBOLS, { first: trades }))
    const places = sources.split(',')
    if (places.includes('embedded')) measure('embedded', files, join(directory, 'db'))
    if (places.includes('server') && dbUrl !== undefined)
      onServer(dbUrl, (db) => measure('server', files, db))
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function measure(place, files, db) {
  const whole = child(CHILD, 'whole', { db, file: files.whole })
  const floor = child(CHILD, 'floor', { db })
  const more = child(CHILD, 'more', { db, file: files.more })
  const spent = whole.import + whole.compute + whole.validate
  const { trade_records: trades, fifo_allocations: rows, fifo_inventory_snapshot: lots } = floor
  // Trades go in once and come out for the matching and for the proof.
  const moved = (kind) => trades[kind] + rows[kind] + lots[kind] + 2 * trades.out + rows.out + lots.out
  console.log(
    `${place}: ${trades.rows} trades, ${rows.rows} allocations, ${lots.rows} lots of points: import ${ms(whole.import)}, ` +
      `compute and store ${ms(whole.compute)}, validate ${ms(whole.validate)}, together ${ms(spent)}, peak ${whole.peakMb.toFixed(0)} MB`,
  )
  console.log(
    `  COPY in: trades ${ms(trades.plain)}, allocations ${ms(rows.plain)}, lots ${ms(lots.plain)}; with keys ${ms(trades.keyed)}, ${ms(rows.keyed)}, ${ms(lots.keyed)}; ` +
      `COPY out: ${ms(trades.out)}, ${ms(rows.out)}, ${ms(lots.out)}`,
  )
  console.log(
    `  the whole way is ${(spent / moved('plain')).toFixed(2)} × the same rows in and out, ${(spent / moved('keyed')).toFixed(2)} × with keys; ` +
      `import ${(whole.import / trades.keyed).toFixed(2)} ×, compute ${(whole.compute / (trades.out + rows.keyed + lots.keyed)).toFixed(2)} ×, ` +
      `validate ${(whole.validate / (trades.out + rows.out + lots.out)).toFixed(2)} ×`,
  )
  console.log(
    `  ${more.results.compute.trades} trades more: import ${ms(more.import)}, incremental ${ms(more.compute)} (${more.results.compute.rows_written} rows written)`,
  )
  if (whole.results.validate.violations.length > 0 || more.results.compute.mode !== 'incremental') {
    console.error(whole.results.validate.violations.slice(0, 5), more.results.compute.mode)
    process.exitCode = 1
  }
}
