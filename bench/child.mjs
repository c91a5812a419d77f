// Running one action of a benchmark in a process of its own, and a database that lasts as long as one.
import { execFileSync, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'

/** `node FILE WHAT OPTIONS`, options as JSON, the answer as JSON. */
export function child(file, what, options) {
  const run = spawnSync(process.execPath, [file, what, JSON.stringify(options)], {
    maxBuffer: 1 << 30,
    encoding: 'utf8',
  })
  if (run.status !== 0) throw new Error(`${what}: exit ${run.status}\n${run.stderr}`)
  return JSON.parse(run.stdout)
}

export function onServer(dbUrl, work) {
  const name = `tieout_bench_${randomBytes(4).toString('hex')}`
  execFileSync('psql', [dbUrl, '-qc', `CREATE DATABASE ${name}`])
  try {
    return work(dbUrl.replace(/\/[^/]*$/, `/${name}`))
  } finally {
    execFileSync('psql', [dbUrl, '-qc', `DROP DATABASE ${name} WITH (FORCE)`])
  }
}
