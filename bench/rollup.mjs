// Whole runs of the roll-up by stage, for each place that facts can be in: cold, beside what its engine needs to
// hand over the same columns or their tuples; again from the kept frame; and what storing the figures costs beside
// COPY of the same rows. Two books: one where nearly every fact is a tuple of its own, one of few tuples.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeFacts, writeStructure, writeUseCase } from './book.mjs'
import { onServer, child as run } from './child.mjs'

const CHILD = fileURLToPath(new URL('./rollup-child.mjs', import.meta.url))
const TIMES = 3

const child = (what, options) => run(CHILD, what, options)
const best = (runs, by) => runs.reduce((a, b) => (by(a) <= by(b) ? a : b))
const ms = Math.round
const ratio = (value, floor) => (value / floor).toFixed(2)

export async function benchRollup({ facts, nodes, rules, dbUrl, sources, shapes }) {
  for (const shape of shapes.split(',')) {
    const directory = mkdtempSync(join(tmpdir(), 'tieout-bench-'))
    try {
      const files = await writeFacts(directory, { facts, nodes, shape })
      const structure = writeStructure(directory, nodes)
      const bench = { directory, files, structure, facts, nodes, rules, shape }
      const found = []
      for (const source of sources.split(',')) {
        if (source === 'server') {
          if (dbUrl !== undefined) found.push(onServer(dbUrl, (db) => measure(bench, source, db)))
        } else found.push(measure(bench, source, join(directory, `${source}-db`)))
      }
      report(bench, found)
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  }
}

function measure({ directory, files, structure, facts, nodes, rules, shape }, source, db) {
  const file = source === 'parquet' || source === 'csv' ? files[source] : undefined
  const spec =
    file === undefined
      ? '{table: fact_bench, date: pnl_date, scenario: scenario}'
      : `{engine: duckdb, path: ${file}, date: pnl_date, scenario: scenario}`
  const useCase = writeUseCase(directory, { name: 'Bench', source: spec, nodes, rules })
  const began = performance.now()
  child('import', {
    db,
    operations: [
      ['structures import', { name: 'BENCH', file: structure }],
      ...(file === undefined ? [['facts import', { file: files.csv, table: 'fact_bench' }]] : []),
      ['use-cases apply', { file: useCase }],
    ],
  })
  const setUp = (performance.now() - began) / 1000
  const cold = best(
    Array.from({ length: TIMES }, () => child('cold', { db })),
    ({ stages }) => stages.read_ms,
  )
  // Grouping facts that are nearly all of their own is not what an engine would do to be quick.
  const times = shape === 'few' ? TIMES : facts > 2_000_000 ? 0 : 1
  const floors = Array.from({ length: TIMES }, (_, i) =>
    file === undefined
      ? child('booksFloor', { db, tuples: i < times })
      : child('duckFloor', { file, tuples: i < times }),
  )
  const least = (of) => Math.min(...floors.map((one) => one[of] ?? Number.POSITIVE_INFINITY))
  const floor = { facts: least('facts'), tuples: least('tuples') }
  const frames = join(directory, `${source}-frames`)
  mkdirSync(frames)
  const memory = child('memory', { db, frames })
  const disk = child('disk', { db, frames })
  const store = child('store', { db, run: cold.run_id, useCase: null })
  return { source, setUp, cold, floor, memory, disk, store }
}

function report({ facts, nodes, rules, shape }, found) {
  console.log(
    `\n${facts.toLocaleString('en-US')} facts of ${shape === 'few' ? 'few tuples' : 'nearly as many tuples'}, 2 scenarios, 4 measures, ${nodes} nodes, ${rules} rules; best of ${TIMES} processes`,
  )
  console.table(
    found.map(({ source, setUp, cold, floor, memory, disk }) => {
      const least = Math.min(floor.facts, floor.tuples)
      return {
        source,
        'set up s': setUp.toFixed(1),
        'floor facts': ms(floor.facts),
        'floor tuples': Number.isFinite(floor.tuples) ? ms(floor.tuples) : '',
        'read ms': cold.stages.read_ms,
        'read/floor': ratio(cold.stages.read_ms, least),
        'run ms': cold.duration_ms,
        'run/floor': ratio(cold.duration_ms, least),
        'kept: memory': memory.stages.read_ms,
        'kept: disk': disk.stages.read_ms,
        'calculate ms': cold.stages.calculate_ms,
        'store ms': cold.stages.store_ms,
        'frame MB': (cold.stages.frame_bytes / 1e6).toFixed(0),
        'peak MB': ms(cold.peakMb),
      }
    }),
  )
  console.table(
    found.map(({ source, store }) => ({
      source,
      figures: store.figures,
      'save ms': ms(store.save),
      'bare COPY ms': ms(store.plain),
      'save/COPY': ratio(store.save, store.plain),
      'COPY with keys ms': ms(store.keyed),
      'save/COPY with keys': ratio(store.save, store.keyed),
    })),
  )
  console.log(
    'floor: what the engine alone needs, in a process as new, to hand over the columns, or their tuples, to a reader that throws them away;\nCOPY with keys: into a table with the same primary key, index and foreign key',
  )
  const kept = found.map(({ memory, disk }) => `${memory.stages.frame}/${disk.stages.frame}`)
  console.log(`kept frames came from ${[...new Set(kept)].join(', ')}`)
  const digests = new Set(
    found.flatMap(({ cold, memory, disk }) => [cold, memory, disk].map((run) => run.result_digest)),
  )
  console.log(
    digests.size === 1
      ? `one result digest: ${[...digests][0]}`
      : `DIGESTS DIFFER: ${[...digests].join(' ')}`,
  )
  if (digests.size !== 1) process.exitCode = 1
}
