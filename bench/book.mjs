// A seeded random book: structure, use case and facts. Facts come from a hash of the row number, so that any
// number of them is made in a second and is the same everywhere.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'

export const DATE = '2025-12-24'
const FANOUT = 7

/** A tree of `count` nodes, each node i > 0 under node ⌊(i − 1) / 7⌋. */
export function writeStructure(directory, count) {
  const rows = Array.from(
    { length: count },
    (_, i) => `N${i},${i === 0 ? '' : `N${Math.floor((i - 1) / FANOUT)}`},Node ${i}`,
  )
  const file = join(directory, 'structure.csv')
  writeFileSync(file, `node_id,parent_node_id,node_name\n${rows.join('\n')}\n`)
  return file
}

const firstLeaf = (count) => Math.floor((count - 2) / FANOUT) + 1

/** Rules of every flavour, on leaves spread over the tree. */
export function writeUseCase(directory, { name, source, nodes, rules }) {
  const leaf = (i) => firstLeaf(nodes) + ((i * 7919) % (nodes - firstLeaf(nodes)))
  const used = new Set()
  const lines = []
  for (let i = 0; lines.length < rules; i++) {
    const node = leaf(i)
    if (used.has(node)) continue
    used.add(node)
    const book = `B${i % 40}`
    const text = [
      `where: "book in ('${book}', 'B${(i + 3) % 40}') and strategy = 'S${i % 12}'"`,
      `where: "strategy != 'S${i % 12}' or region is null", scope: table`,
      `where: "region = 'R${i % 8}'", measure_name: m3, into: daily`,
      `formula: "sum(m0 where strategy = 'S${i % 12}') + sum(m1 where book = '${book}')", into: daily`,
      `formula: "natural(N${leaf(i + 1)}) - 2 * N${node}"`,
    ][i % 5]
    lines.push(`  - {node: N${node}, ${text}}`)
  }
  const file = join(directory, `${name}.yaml`)
  writeFileSync(
    file,
    `use_case: ${name}\nstructure: BENCH\nsource: ${source}\nmeasures: {daily: m0, mtd: m1, ytd: m2, pytd: m3}\ndrivers:\n  - {nodes: leaves, column: cc_id, value: node_id}\nrules:\n${lines.join('\n')}\n`,
  )
  return file
}

/** Facts of one date and two scenarios as CSV and Parquet: of nearly as many tuples, or of a few thousand. */
export async function writeFacts(directory, { facts, nodes, shape = 'many' }) {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const hash = (seed, modulo) => `(hash(i * 16 + ${seed}) % ${modulo})`
  const few = shape === 'few'
  const leaves = few ? 50 : nodes - firstLeaf(nodes)
  const amount = (seed) => `CAST(CAST(${hash(seed, 2_000_000)} AS BIGINT) - 1000000 AS DECIMAL(18,2)) / 100`
  await connection.run(`CREATE TABLE facts AS SELECT
      DATE '${DATE}' AS pnl_date,
      CASE WHEN i % 2 = 0 THEN 'ACTUAL' ELSE 'PRIOR' END AS scenario,
      'N' || (${firstLeaf(nodes)} + ${hash(1, Math.ceil(leaves * 1.01))}) AS cc_id,
      'B' || ${hash(2, few ? 4 : 40)} AS book,
      'S' || ${hash(3, few ? 3 : 12)} AS strategy,
      CASE WHEN ${hash(4, 50)} = 0 THEN NULL ELSE 'R' || ${hash(4, few ? 2 : 8)} END AS region,
      ${[5, 6, 7, 8].map((seed, m) => `CAST(${amount(seed)} AS DECIMAL(18,2)) AS m${m}`).join(',\n      ')}
    FROM range(${facts}) AS r(i)`)
  const csv = join(directory, 'facts.csv')
  const parquet = join(directory, 'facts.parquet')
  await connection.run(`COPY facts TO '${csv}' (HEADER)`)
  await connection.run(`COPY facts TO '${parquet}'`)
  connection.closeSync()
  instance.closeSync()
  return { csv, parquet }
}
