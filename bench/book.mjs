// A seeded random book: structure, use case and facts. Facts come from a hash of the row number, so that any
// number of them is made in a second and is the same everywhere.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'

export const DATE = '2025-12-24'
const FANOUT = 7

/** Node i > 0 is under node ⌊(i − 1) / 7⌋. */
export const structureRows = (count) =>
  Array.from({ length: count }, (_, i) => ({
    node_id: `N${i}`,
    parent_node_id: i === 0 ? null : `N${Math.floor((i - 1) / FANOUT)}`,
    node_name: `Node ${i}`,
    rollup_driver: null,
    rollup_value_source: 'node_id',
  }))

export function writeStructure(directory, count) {
  const rows = structureRows(count).map(
    (row) => `${row.node_id},${row.parent_node_id ?? ''},${row.node_name}`,
  )
  const file = join(directory, 'structure.csv')
  writeFileSync(file, `node_id,parent_node_id,node_name\n${rows.join('\n')}\n`)
  return file
}

export const firstLeaf = (count) => Math.floor((count - 2) / FANOUT) + 1

export const BOOKS = 40
export const STRATEGIES = 12
export const REGIONS = 8
export const MEASURES = { daily: 'm0', mtd: 'm1', ytd: 'm2', pytd: 'm3' }
export const DRIVERS = [{ nodes: 'leaves', column: 'cc_id', value: 'node_id' }]
/** Values of cc_id; one in a hundred is no node's. */
export const ccCount = (nodes) => Math.ceil((nodes - firstLeaf(nodes)) * 1.01)

/** Rules of every flavour, on leaves spread over the tree; `kind` is what the plain plans go by. */
export function rulesOf({ nodes, rules }) {
  const leaf = (i) => firstLeaf(nodes) + ((i * 7919) % (nodes - firstLeaf(nodes)))
  const used = new Set()
  const list = []
  for (let i = 0; list.length < rules; i++) {
    const node = leaf(i)
    if (used.has(node)) continue
    used.add(node)
    const [book, other] = [i % BOOKS, (i + 3) % BOOKS]
    const [strategy, region] = [i % STRATEGIES, i % REGIONS]
    const kinds = [
      { where: `book in ('B${book}', 'B${other}') and strategy = 'S${strategy}'` },
      { where: `strategy != 'S${strategy}' or region is null`, scope: 'table' },
      { where: `region = 'R${region}'`, measure_name: 'm3', into: 'daily' },
      { formula: `sum(m0 where strategy = 'S${strategy}') + sum(m1 where book = 'B${book}')`, into: 'daily' },
      { formula: `natural(N${leaf(i + 1)}) - 2 * N${node}` },
    ]
    const kind = i % kinds.length
    const rule = { node: `N${node}`, ...kinds[kind] }
    list.push({ rule, kind, node, book, other, strategy, region, operand: leaf(i + 1) })
  }
  return list
}

export function writeUseCase(directory, { name, source, nodes, rules }) {
  const lines = rulesOf({ nodes, rules }).map(({ rule }) => `  - ${JSON.stringify(rule)}`)
  const file = join(directory, `${name}.yaml`)
  writeFileSync(
    file,
    `use_case: ${name}\nstructure: BENCH\nsource: ${source}\nmeasures: ${JSON.stringify(MEASURES)}\ndrivers: ${JSON.stringify(DRIVERS)}\nrules:\n${lines.join('\n')}\n`,
  )
  return file
}

/**
 * The hashes behind fact `i`: whole numbers from 0, a null region as null, amounts in cents. Of nearly as many
 * tuples as facts, or of a few thousand.
 */
export function factNumbers(nodes, shape = 'many') {
  const few = shape === 'few'
  const hash = (seed, modulo) => `(hash(i * 16 + ${seed}) % ${modulo})`
  return {
    scenario: '(i % 2)',
    cc: hash(1, few ? 50 : ccCount(nodes)),
    book: hash(2, few ? 4 : BOOKS),
    strategy: hash(3, few ? 3 : STRATEGIES),
    region: `(CASE WHEN ${hash(4, 50)} = 0 THEN NULL ELSE ${hash(4, few ? 2 : REGIONS)} END)`,
    amounts: [5, 6, 7, 8].map((seed) => `(CAST(${hash(seed, 2_000_000)} AS BIGINT) - 1000000)`),
  }
}

/** The facts as a source has them. */
export function factsQuery({ facts, nodes, shape }) {
  const { scenario, cc, book, strategy, region, amounts } = factNumbers(nodes, shape)
  const columns = [
    `DATE '${DATE}' AS pnl_date`,
    `CASE WHEN ${scenario} = 0 THEN 'ACTUAL' ELSE 'PRIOR' END AS scenario`,
    `'N' || (${firstLeaf(nodes)} + ${cc}) AS cc_id`,
    `'B' || ${book} AS book`,
    `'S' || ${strategy} AS strategy`,
    `'R' || ${region} AS region`,
    ...amounts.map((units, m) => `CAST(CAST(${units} AS DECIMAL(18,2)) / 100 AS DECIMAL(18,2)) AS m${m}`),
  ]
  return `SELECT ${columns.join(', ')} FROM range(${facts}) AS r(i)`
}

/** Facts of one date and two scenarios as CSV and Parquet. */
export async function writeFacts(directory, book) {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  await connection.run(`CREATE TABLE facts AS ${factsQuery(book)}`)
  const csv = join(directory, 'facts.csv')
  const parquet = join(directory, 'facts.parquet')
  await connection.run(`COPY facts TO '${csv}' (HEADER)`)
  await connection.run(`COPY facts TO '${parquet}'`)
  connection.closeSync()
  instance.closeSync()
  return { csv, parquet }
}
