// The roll-up of the bench book as SQL over tables of small whole numbers in DuckDB's memory: three plans for the
// same figures. What they share (rule tables, the closure of the tree) is loaded before anything is timed.
import { BOOKS, ccCount, factNumbers, firstLeaf, REGIONS, STRATEGIES, structureRows } from './book.mjs'

const AMOUNTS = ['m0', 'm1', 'm2', 'm3']
/** Codes are 1 + number; 0 is the null, as in a frame. */
const CODES = ['cc', 'book', 'strategy', 'region']

const range = (count, from = 0) => Array.from({ length: count }, (_, i) => from + i)

async function load(connection, name, columns, rows) {
  await connection.run(`CREATE OR REPLACE TABLE ${name} (${columns})`)
  for (let at = 0; at < rows.length; at += 5000) {
    const values = rows.slice(at, at + 5000).map((row) => `(${row.map((v) => v ?? 'NULL').join()})`)
    await connection.run(`INSERT INTO ${name} VALUES ${values.join()}`)
  }
}

/** The table `f`, and what the plans join it to. */
export async function loadBook(connection, { facts, nodes, rules }) {
  const { scenario, cc, book, strategy, region, amounts } = factNumbers(nodes)
  await connection.run(`CREATE OR REPLACE TABLE f AS SELECT
    CAST(1 + ${scenario} AS UTINYINT) AS scenario, CAST(1 + ${cc} AS USMALLINT) AS cc,
    CAST(1 + ${book} AS UTINYINT) AS book, CAST(1 + ${strategy} AS UTINYINT) AS strategy,
    CAST(coalesce(1 + ${region}, 0) AS UTINYINT) AS region,
    ${amounts.map((units, m) => `${units} AS m${m}`).join()}
    FROM range(${facts}) AS r(i)`)
  // UNASSIGNED is one node more, under the root.
  const owners = range(ccCount(nodes)).map((i) => [1 + i, Math.min(nodes, firstLeaf(nodes) + i)])
  await load(connection, 'owner', 'cc USMALLINT, node INTEGER', owners)
  const parents = [...structureRows(nodes).map((row) => row.parent_node_id), 'N0'].map((id) =>
    id === null ? -1 : Number(id.slice(1)),
  )
  const closure = parents.flatMap((_, node) => {
    const above = []
    for (let at = node; at >= 0; at = parents[at]) above.push([at, node])
    return above
  })
  await load(connection, 'closure', 'ancestor INTEGER, node INTEGER', closure)
  await loadRules(connection, nodes, rules)
}

/** Searches are shared where rules ask for the same; each is the list of the codes it matches. */
async function loadRules(connection, nodes, rules) {
  const searches = new Map()
  const search = (key, make) => {
    if (!searches.has(key)) searches.set(key, { id: searches.size, make })
    return searches.get(key).id
  }
  const all = { book: range(BOOKS, 1), strategy: range(STRATEGIES, 1), region: range(REGIONS + 1) }
  const product = ({ book = all.book, strategy = all.strategy, region = all.region }) =>
    book.flatMap((b) => strategy.flatMap((s) => region.map((r) => [b, s, r])))
  const list = rules.map(({ kind, node, book, other, strategy, region, operand }) => {
    const cc = 1 + node - firstLeaf(nodes)
    const [s, b] = [1 + strategy, 1 + book]
    const one = [
      () => search(`n${node}`, () => ({ cc, codes: product({ book: [b, 1 + other], strategy: [s] }) })),
      () => search(`s!${s}`, () => ({ codes: product({}).filter(([, y, r]) => y !== s || r === 0) })),
      () => search(`n${node}`, () => ({ cc, codes: product({ region: [1 + region] }) })),
      () => search(`s${s}`, () => ({ codes: product({ strategy: [s] }) })),
      () => null,
    ][kind]()
    const two = kind === 3 ? search(`b${b}`, () => ({ codes: product({ book: [b] }) })) : null
    return [node, kind, one, two, kind === 4 ? operand : null]
  })
  await load(
    connection,
    'rule',
    'node INTEGER, kind INTEGER, one INTEGER, two INTEGER, operand INTEGER',
    list,
  )
  const made = [...searches.values()].map(({ id, make }) => ({ id, ...make() }))
  const codes = 'book UTINYINT, strategy UTINYINT, region UTINYINT'
  await load(
    connection,
    'leaf_match',
    `search INTEGER, cc USMALLINT, ${codes}`,
    made.flatMap(({ id, cc, codes }) => (cc === undefined ? [] : codes.map((row) => [id, cc, ...row]))),
  )
  await load(
    connection,
    'table_match',
    `search INTEGER, ${codes}`,
    made.flatMap(({ id, cc, codes }) => (cc === undefined ? codes.map((row) => [id, ...row]) : [])),
  )
  await load(connection, 'scenarios', 'scenario UTINYINT', [[1], [2]])
}

const sums = AMOUNTS.map((m) => `CAST(sum(${m}) AS BIGINT) AS ${m}`).join()
const table = (name, query) => `CREATE OR REPLACE TEMP TABLE ${name} AS ${query}`

const direct = (from) => table('by_cc', `SELECT cc, scenario, ${sums} FROM ${from} GROUP BY cc, scenario`)
const byCodes = (from) =>
  table(
    'by_codes',
    `SELECT scenario, book, strategy, region, ${sums} FROM ${from} GROUP BY scenario, book, strategy, region`,
  )
const leaves = (from) =>
  table(
    'leaf_found',
    `SELECT search, scenario, ${sums} FROM ${from} JOIN leaf_match USING (${CODES.join()}) GROUP BY search, scenario`,
  )

const pick = (amount, at) =>
  `CASE kind WHEN 2 THEN ${at === 0 ? 'coalesce(a.m3, 0)' : 'NULL'}
    WHEN 3 THEN ${at === 0 ? 'coalesce(a.m0, 0) + coalesce(b.m1, 0)' : 'NULL'}
    WHEN 4 THEN coalesce(x.${amount}, 0) - 2 * coalesce(own.${amount}, 0)
    ELSE coalesce(a.${amount}, 0) END AS v${at}`

/** Naturals by the closure of the tree, rules over them, adjusted values by the closure again: rules are on leaves. */
const upTheTree = table(
  'figures',
  `WITH
    direct AS (SELECT node, scenario, ${sums} FROM by_cc JOIN owner USING (cc) GROUP BY node, scenario),
    naturals AS (SELECT ancestor AS node, scenario, ${sums} FROM closure JOIN direct USING (node) GROUP BY ancestor, scenario),
    found AS (
      SELECT * FROM leaf_found UNION ALL
      SELECT search, scenario, ${sums} FROM by_codes JOIN table_match USING (book, strategy, region) GROUP BY search, scenario),
    decided AS (
      SELECT rule.node, scenarios.scenario, ${AMOUNTS.map(pick).join()}
      FROM rule CROSS JOIN scenarios
      LEFT JOIN found a ON a.search = rule.one AND a.scenario = scenarios.scenario
      LEFT JOIN found b ON b.search = rule.two AND b.scenario = scenarios.scenario
      LEFT JOIN naturals x ON x.node = rule.operand AND x.scenario = scenarios.scenario
      LEFT JOIN naturals own ON own.node = rule.node AND own.scenario = scenarios.scenario),
    part AS (
      SELECT node, scenario, ${AMOUNTS.map((m, i) => `coalesce(v${i}, ${m}, 0) AS ${m}`).join()}
      FROM direct FULL JOIN decided USING (node, scenario)),
    adjusted AS (SELECT ancestor AS node, scenario, ${sums} FROM closure JOIN part USING (node) GROUP BY ancestor, scenario)
  SELECT node, scenario, ${AMOUNTS.map((m, i) => `coalesce(n.${m}, 0) AS n${i}, a.${m} AS a${i}`).join()}
  FROM adjusted a LEFT JOIN naturals n USING (node, scenario)`,
)

/** Each plan is a list of statements; the last leaves the table `figures`. */
export const PLANS = {
  'distinct tuples, rule table, closure': [
    table('tuples', `SELECT scenario, ${CODES.join()}, ${sums} FROM f GROUP BY scenario, ${CODES.join()}`),
    direct('tuples'),
    byCodes('tuples'),
    leaves('tuples'),
    upTheTree,
  ],
  'a grouping for nodes, one for rules over the table, a join for rules of nodes': [
    direct('f'),
    byCodes('f'),
    leaves('f'),
    upTheTree,
  ],
  'both groupings in one scan (grouping sets), a join for rules of nodes': [
    table(
      'two_groupings',
      `SELECT grouping(cc) AS part, cc, scenario, book, strategy, region, ${sums} FROM f
       GROUP BY GROUPING SETS ((cc, scenario), (scenario, book, strategy, region))`,
    ),
    table('by_cc', 'SELECT * FROM two_groupings WHERE part = 0'),
    table('by_codes', 'SELECT * FROM two_groupings WHERE part = 1'),
    leaves('f'),
    upTheTree,
  ],
}
