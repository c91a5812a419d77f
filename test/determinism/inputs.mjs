/** The inputs of the determinism tests: names that sort differently by locale, amounts of many digits. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

const NAMES = [
  'a',
  'B',
  'ä',
  'Z',
  'z',
  'é',
  'É',
  'ß',
  'I',
  'i',
  'ı',
  '漢',
  '😀',
  'ﬁ',
  '10',
  '9',
  'A-1',
  'A_1',
]
const FACTS = 3000

/** A linear congruential generator: the same numbers everywhere. */
export function numbers(seed) {
  let state = BigInt(seed)
  return (below) => {
    state = (state * 6364136223846793005n + 1442695040888963407n) & ((1n << 64n) - 1n)
    return Number((state >> 33n) % BigInt(below))
  }
}

export function shuffled(list, seed) {
  const random = numbers(seed)
  const all = [...list]
  for (let i = all.length - 1; i > 0; i--) {
    const j = random(i + 1)
    ;[all[i], all[j]] = [all[j], all[i]]
  }
  return all
}

export const HEADER = 'cc,book,pnl_date,scenario,amt,qty'

export function facts() {
  const random = numbers(7)
  return Array.from({ length: FACTS }, () => {
    const cc = random(20) === 0 ? 'nobody' : NAMES[random(NAMES.length)]
    const amount = `${random(2) === 0 ? '-' : ''}${random(10_000_000)}.${String(random(10_000)).padStart(4, '0')}`
    const day = random(10) === 0 ? '2025-12-23' : '2025-12-24'
    const book = random(15) === 0 ? '' : `B${random(9)}`
    return [cc, book, day, random(2) === 0 ? 'ACTUAL' : 'PRIOR', amount, random(1000)].join(',')
  })
}

/** Writes everything but facts.parquet. */
export function writeInputs(folder, rows = facts()) {
  const nodes = NAMES.map((name) => `${name},ROOT,${name}`)
  writeFileSync(
    join(folder, 'structure.csv'),
    `node_id,parent_node_id,node_name\nROOT,,Root\n${nodes.join('\n')}\n`,
  )
  writeFileSync(join(folder, 'adjustments.yaml'), ADJUSTMENTS)
  writeFileSync(join(folder, 'facts.csv'), `${HEADER}\n${rows.join('\n')}\n`)
  for (const [name, source] of [
    ['books', '{table: fact_det, date: pnl_date, scenario: scenario}'],
    ['place', '{engine: duckdb, path: facts.parquet, date: pnl_date, scenario: scenario}'],
  ]) {
    writeFileSync(
      join(folder, `${name}.yaml`),
      `use_case: Determinism
structure: DET
source: ${source}
measures: {amt: amt, qty: qty}
drivers: [{nodes: leaves, column: cc, value: node_id}]
rules:
  - {node: ä, where: "book in ('B1','B2') or amt < -100.5"}
  - {node: Z, where: "qty >= 500", scope: table, measure_name: qty, into: amt}
  - {node: z, formula: "natural(a) / 7 - B * 1.1"}
  - {node: 漢, formula: "sum(amt where book = 'B3') + sum(qty)", into: amt}
`,
    )
  }
}

/** In force on the day alone, on its last day, and only on the day before. */
const ADJUSTMENTS = `adjustments:
  - {name: A, where: "book in ('B1','B2') or amt < -100.5", measures: [amt], scale: 0.97531, reason: r, owner: o,
     valid_from: 2025-12-24, valid_to: 2025-12-24}
  - {name: B, compare: {key: [cc, book], measure: amt, absolute_difference: "> 1000000"}, scenario: ACTUAL,
     measures: [amt, qty], add: 0.005, round: 2, reason: r, owner: o, valid_to: 2025-12-24}
  - {name: C, measures: [amt], cap: {at_most: 9000000, at_least: -9000000}, reason: r, owner: o}
  - {name: D, reverses: A, reason: r, owner: o}
  - {name: E, measures: [amt], scale: 2, reason: r, owner: o, valid_to: 2025-12-23}
`

/** facts.parquet by DuckDB, with exact decimals. */
export async function writeParquet(folder) {
  const { DuckDBInstance } = await import('@duckdb/node-api')
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const [from, to] = ['facts.csv', 'facts.parquet'].map((name) => join(folder, name))
  await connection.run(
    `COPY (SELECT cc, nullif(book, '') AS book, CAST(pnl_date AS DATE) AS pnl_date, scenario,
       CAST(amt AS DECIMAL(18,4)) AS amt, CAST(qty AS INTEGER) AS qty
       FROM read_csv('${from}', header = true, all_varchar = true)) TO '${to}' (FORMAT parquet)`,
  )
  connection.closeSync()
  instance.closeSync()
}
