// Whole runs of the roll-up by stage, beside what the engine needs to deliver the same columns.
import { execFileSync, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DuckDBInstance } from '@duckdb/node-api'
import pg from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import { DATE, writeFacts, writeStructure, writeUseCase } from './book.mjs'

const CLI = fileURLToPath(new URL('../dist/cli.js', import.meta.url))
const COLUMNS = ['book', 'cc_id', 'region', 'scenario', 'strategy', 'm0', 'm1', 'm2', 'm3']

/** Runs the CLI in a process of its own: seconds and peak memory are those of a user's command. */
function tieout(db, ...args) {
  const script = `
    process.argv = [process.argv[0], ${JSON.stringify(CLI)}, ...${JSON.stringify([...args, '--db', db, '--json', '--quiet'])}]
    process.on('exit', () => process.stderr.write('\\nPEAK ' + process.resourceUsage().maxRSS))
    await import(${JSON.stringify(CLI)})`
  const began = performance.now()
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    maxBuffer: 1 << 30,
    encoding: 'utf8',
  })
  const seconds = (performance.now() - began) / 1000
  if (child.status !== 0) throw new Error(`tieout ${args.join(' ')}: exit ${child.status}\n${child.stderr}`)
  return {
    output: JSON.parse(child.stdout),
    seconds,
    peakMb: Number(/PEAK (\d+)/.exec(child.stderr)[1]) / 1024,
  }
}

export async function benchRollup({ facts, nodes, rules, dbUrl }) {
  const directory = mkdtempSync(join(tmpdir(), 'tieout-bench-'))
  const rows = []
  try {
    const structure = writeStructure(directory, nodes)
    const { csv, parquet } = await writeFacts(directory, { facts, nodes })
    const digests = new Set()
    const measure = async (label, db, floor) => {
      tieout(db, 'structures', 'import', 'BENCH', structure)
      const imported =
        label === 'Parquet in place' ? undefined : tieout(db, 'facts', 'import', csv, '--table', 'fact_bench')
      const source =
        label === 'Parquet in place'
          ? `{engine: duckdb, path: ${parquet}, date: pnl_date, scenario: scenario}`
          : '{table: fact_bench, date: pnl_date, scenario: scenario}'
      tieout(db, 'use-cases', 'apply', writeUseCase(directory, { name: 'Bench', source, nodes, rules }))
      const runs = [1, 2, 3].map(() => tieout(db, 'runs', 'create', '--use-case', 'Bench', '--date', DATE))
      const best = runs.reduce((a, b) => (a.output.duration_ms <= b.output.duration_ms ? a : b))
      const { stages, duration_ms, cells, result_digest } = best.output
      digests.add(result_digest)
      rows.push({
        source: label,
        'import s': imported === undefined ? '' : imported.seconds.toFixed(1),
        'read ms': stages.read_ms,
        'floor ms': Math.round(await floor(db)),
        'calculate ms': stages.calculate_ms,
        'store ms': stages.store_ms,
        'run ms': duration_ms,
        'command s': best.seconds.toFixed(2),
        'frame MB': (stages.frame_bytes / 1e6).toFixed(0),
        'peak MB': best.peakMb.toFixed(0),
        cells,
      })
    }
    await measure('Parquet in place', join(directory, 'parquet-db'), () => duckFloor(parquet))
    await measure('embedded (PGlite)', join(directory, 'embedded-db'), async () => Number.NaN)
    if (dbUrl !== undefined) {
      const name = `tieout_bench_${randomBytes(4).toString('hex')}`
      execFileSync('psql', [dbUrl, '-qc', `CREATE DATABASE ${name}`])
      const url = dbUrl.replace(/\/[^/]*$/, `/${name}`)
      try {
        tieout(url, 'migrate', 'up')
        await measure('PostgreSQL server', url, postgresFloor)
      } finally {
        execFileSync('psql', [dbUrl, '-qc', `DROP DATABASE ${name} WITH (FORCE)`])
      }
    }
    console.log(
      `${facts.toLocaleString('en-US')} facts, 2 scenarios, 4 measures, ${nodes} nodes, ${rules} rules; best of 3 runs`,
    )
    console.table(rows)
    console.log(
      'floor: what the engine alone needs to hand over the same columns (COPY to a reader that throws them away; DuckDB chunks)',
    )
    for (const row of rows)
      if (row['floor ms'] > 0)
        console.log(
          `${row.source}: read / floor = ${(row['read ms'] / row['floor ms']).toFixed(2)}, whole run / floor = ${(row['run ms'] / row['floor ms']).toFixed(2)}`,
        )
    console.log(
      digests.size === 1
        ? `one result digest: ${[...digests][0]}`
        : `DIGESTS DIFFER: ${[...digests].join(' ')}`,
    )
    if (digests.size !== 1) process.exitCode = 1
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

async function bestOf(times, work) {
  let best = Number.POSITIVE_INFINITY
  for (let i = 0; i < times; i++) {
    const began = performance.now()
    await work()
    best = Math.min(best, performance.now() - began)
  }
  return best
}

async function postgresFloor(url) {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const best = await bestOf(3, async () => {
    const stream = client.query(
      copyTo(`COPY (SELECT ${COLUMNS.join(', ')} FROM fact_bench WHERE pnl_date = '${DATE}') TO STDOUT`),
    )
    let bytes = 0
    for await (const chunk of stream) bytes += chunk.length
    return bytes
  })
  await client.end()
  return best
}

async function duckFloor(parquet) {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const best = await bestOf(3, async () => {
    const result = await connection.stream(
      `SELECT ${COLUMNS.join(', ')} FROM '${parquet}' WHERE pnl_date = DATE '${DATE}'`,
    )
    for (;;) {
      const chunk = await result.fetchChunk()
      if (chunk === null || chunk.rowCount === 0) return
    }
  })
  connection.closeSync()
  instance.closeSync()
  return best
}
