// Marts: how long the pipeline of a 400-row mapping takes to generate (promise: under 100 ms), and the generated DuckDB
// pipeline beside one written by hand for this very report, over the same facts in memory, with a tenth, half and all of
// the facts: the same objects (promise: at most 1.2 ×), and one query for the last of them alone. All must give the same
// rows; otherwise it exits with 1.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { DuckDBInstance } from '@duckdb/node-api'
import { readConfigFile } from '#tieout/mart/config-file'
import { planPipeline, printPipeline } from '#tieout/mart/pipeline/pipeline'
import { withMart } from '#tieout/mart/store/load'

const SAMPLE = fileURLToPath(new URL('../examples/mart/gross', import.meta.url))
const median = (times) => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]
/** The round that other work on the machine disturbed least; both sides take turns. */
const least = (times) => Math.min(...times)
const ROUNDS = 15

async function generation() {
  const file = `${SAMPLE}/mart.yaml`
  const { config, placeOf } = readConfigFile(readFileSync(file, 'utf8'), file)
  return withMart(config, placeOf, SAMPLE, async ({ shape, data, tables }) => {
    const times = []
    for (let i = 0; i < 15; i++) {
      const began = performance.now()
      for (const dialect of ['snowflake']) printPipeline(planPipeline(shape, data.formulas), config, dialect)
      times.push(performance.now() - began)
    }
    const rows = tables.mapping.rows.length
    console.log(
      `generate: ${rows} mapping rows, ${data.formulas.length} formulas: first ${times[0].toFixed(1)} ms, median ${median(times).toFixed(1)} ms (promise < 100 ms)`,
    )
    return { shape, formulas: data.formulas, config }
  })
}

/** The sample's tables under their configured names, and facts multiplied to `count` with other periods and amounts. */
async function loaded(connection, count) {
  await connection.run(`ATTACH ':memory:' AS "ANALYTICS"; CREATE SCHEMA "ANALYTICS"."PUBLIC"`)
  const csv = (name) => `read_csv('${SAMPLE}/${name}.csv', all_varchar = true, nullstr = '')`
  for (const name of [
    'TBL_0_GROSS_LOS_REPORT_HIERARCHY',
    'TBL_0_GROSS_LOS_REPORT_HIERARCHY_MAPPING',
    'DIM_ACCOUNT',
    'DIM_PRODUCT',
    'DIM_DEDUCT',
  ])
    await connection.run(`CREATE TABLE "ANALYTICS"."PUBLIC"."${name}" AS SELECT * FROM ${csv(name)}`)
  await connection.run(`CREATE TABLE "ANALYTICS"."PUBLIC"."FACT_LEASE_OPERATIONS" AS
    SELECT f.* REPLACE (CAST(CAST(AMOUNT AS DECIMAL(18, 2)) + CAST(hash(n, FACT_ID) % 1000 AS INTEGER) / 100 AS DECIMAL(18, 2)) AS AMOUNT,
      CAST(VOLUME AS DECIMAL(18, 2)) AS VOLUME)
    FROM ${csv('FACT_LEASE_OPERATIONS')} AS f, range(${count}) AS r(n) LIMIT ${count}`)
}

const H = '"ANALYTICS"."PUBLIC"."TBL_0_GROSS_LOS_REPORT_HIERARCHY"'
const M = '"ANALYTICS"."PUBLIC"."TBL_0_GROSS_LOS_REPORT_HIERARCHY_MAPPING"'
const dimension = (name) => `"ANALYTICS"."PUBLIC"."${name}"`
const LEVELS = [1, 2, 3, 4]
const level = (i) => `nullif(LEVEL_${i}, 'N/A')`
const upTo = (i, each) => LEVELS.slice(0, i).map(each).toReversed().join(', ')

/** Facts summed up by what decides where they belong. */
const FACT_SUMS = `
  SELECT PERIOD, LEASE, FK_ACCOUNT_KEY AS account, FK_PRODUCT_KEY AS product, FK_DEDUCT_KEY AS deduct, ROYALTY_FILTER AS royalty,
    sum(AMOUNT) AS amount, sum(CAST(VOLUME AS DECIMAL(38, 2)) * CASE UNIT WHEN 'MCF' THEN 0.166667 ELSE 1 END) AS volume, count(*) AS facts
  FROM "ANALYTICS"."PUBLIC"."FACT_LEASE_OPERATIONS"
  WHERE FK_ACCOUNT_KEY IS NULL OR FK_ACCOUNT_KEY NOT IN (SELECT ACCOUNT_KEY FROM ${dimension('DIM_ACCOUNT')} WHERE ACCOUNT_SEGMENT <> 'GROSS')
  GROUP BY ALL`
const SUMMED = `sum(CASE WHEN is_volume THEN CAST(volume AS DECIMAL(38, 8)) ELSE CAST(amount AS DECIMAL(38, 8)) END) AS amount, sum(facts) AS facts`

/** VW_1, DT_2 and DT_3A as somebody who knows the report would write them: the same objects and rows, keys of totals apart. */
const OBJECTS_BY_HAND = [
  `CREATE OR REPLACE VIEW VW_BY_HAND AS
SELECT h.*, m.ID, CASE m.ID_SOURCE WHEN 'PRODUCT_CODE' THEN 'PROD' WHEN 'DEDUCT_CODE' THEN 'DEDUCT' ELSE 'ACCT' END AS kind
FROM ${H} h LEFT JOIN ${M} m ON m.FK_REPORT_KEY = h.XREF_HIERARCHY_KEY WHERE h.ACTIVE_FLAG = 'Y'`,
  `CREATE OR REPLACE TABLE DT_2_BY_HAND AS
WITH a AS (
  SELECT DISTINCT v.XREF_HIERARCHY_KEY AS node, d.ACCOUNT_KEY AS account FROM VW_BY_HAND v JOIN ${dimension('DIM_ACCOUNT')} d ON d.ACCOUNT_BILLING_CATEGORY_CODE = v.ID
  WHERE v.kind = 'ACCT' AND v.CALCULATION_FLAG = 'N' AND (d.ACCOUNT_SEGMENT IS NULL OR d.ACCOUNT_SEGMENT = 'GROSS')
), p AS (
  SELECT DISTINCT v.XREF_HIERARCHY_KEY AS node, d.PRODUCT_KEY AS product FROM VW_BY_HAND v JOIN ${dimension('DIM_PRODUCT')} d ON d.PRODUCT_CODE = v.ID
  WHERE v.kind = 'PROD' AND v.CALCULATION_FLAG = 'N'
), d AS (
  SELECT DISTINCT v.XREF_HIERARCHY_KEY AS node, d.DEDUCT_KEY AS deduct FROM VW_BY_HAND v JOIN ${dimension('DIM_DEDUCT')} d ON d.DEDUCT_CODE = v.ID
  WHERE v.kind = 'DEDUCT' AND v.CALCULATION_FLAG = 'N'
), kinds AS (
  SELECT XREF_HIERARCHY_KEY AS node, bool_or(kind = 'ACCT') AS has_a, bool_or(kind = 'PROD') AS has_p, bool_or(kind = 'DEDUCT') AS has_d
  FROM VW_BY_HAND WHERE ID IS NOT NULL AND CALCULATION_FLAG = 'N' GROUP BY node
), members AS (
  SELECT node, account, NULL AS product, NULL AS deduct FROM kinds JOIN a USING (node) WHERE has_a AND NOT has_p AND NOT has_d
  UNION ALL SELECT node, account, product, NULL FROM kinds JOIN a USING (node) JOIN p USING (node) WHERE has_a AND has_p AND NOT has_d
  UNION ALL SELECT node, NULL, product, deduct FROM kinds JOIN d USING (node) JOIN p USING (node) WHERE has_d AND has_p AND NOT has_a
  UNION ALL SELECT node, NULL, product, NULL FROM kinds JOIN p USING (node) WHERE has_p AND NOT has_a AND NOT has_d
)
SELECT 'NODE' AS ROW_KIND, XREF_HIERARCHY_KEY, NULL AS account, NULL AS product, NULL AS deduct, HIERARCHY_GROUP_NAME,
  ${LEVELS.map((i) => `coalesce(${upTo(i, level)}) AS LEVEL_${i}`).join(', ')},
  ${LEVELS.map(
    (i) =>
      `CAST(CASE ${LEVELS.slice(0, i)
        .toReversed()
        .map((k) => `WHEN LEVEL_${k} <> 'N/A' THEN LEVEL_${k}_SORT`)
        .join(' ')} END AS INTEGER) AS LEVEL_${i}_SORT`,
  ).join(', ')},
  ${LEVELS.map((i) => `CASE WHEN LEVEL_${i} <> 'N/A' THEN md5(concat_ws('|', 'TOTAL', ${LEVELS.slice(0, i).map((k) => `LEVEL_${k}`)})) END AS TOTAL_KEY_${i}`).join(', ')},
  ${LEVELS.map((i) => `CASE WHEN LEVEL_${i} <> 'N/A' AND ${i < 4 ? `LEVEL_${i + 1} <> 'N/A'` : 'false'} THEN 'Y' ELSE 'N' END AS HAS_BELOW_${i}`).join(', ')},
  CALCULATION_FLAG, VOLUME_FLAG, SIGN_CHANGE_FLAG, REMOVE_FROM_TOTALS, DO_NOT_EXPAND_FLAG, nullif(FORMULA_GROUP, '') AS FORMULA_GROUP
FROM ${H} WHERE ACTIVE_FLAG = 'Y'
UNION ALL BY NAME SELECT 'INCLUDE' AS ROW_KIND, node AS XREF_HIERARCHY_KEY, account, product, deduct FROM members`,
  `CREATE OR REPLACE TABLE BY_HAND AS
WITH f AS (${FACT_SUMS}),
nodes AS (SELECT XREF_HIERARCHY_KEY AS node, VOLUME_FLAG = 'Y' AS is_volume FROM DT_2_BY_HAND WHERE ROW_KIND = 'NODE'),
m AS (SELECT XREF_HIERARCHY_KEY AS node, account, product, deduct FROM DT_2_BY_HAND WHERE ROW_KIND = 'INCLUDE'),
c AS (
  SELECT m.node, f.* EXCLUDE (account, product, deduct) FROM m JOIN f USING (account) WHERE m.product IS NULL
  UNION ALL SELECT m.node, f.* EXCLUDE (account, product, deduct) FROM m JOIN f USING (account, product)
  UNION ALL SELECT m.node, f.* EXCLUDE (account, product, deduct) FROM m JOIN f USING (deduct, product)
  UNION ALL SELECT m.node, f.* EXCLUDE (account, product, deduct) FROM m JOIN f USING (product) WHERE m.account IS NULL AND m.deduct IS NULL AND royalty = 'Y'
)
SELECT node, PERIOD, LEASE, ${SUMMED} FROM c JOIN nodes USING (node) GROUP BY ALL`,
]

/** DT_3A alone, without the objects before it: one query, members of each group joined to the facts. */
const QUERY_BY_HAND = `CREATE OR REPLACE TABLE QUERY_BY_HAND AS
WITH m AS (
  SELECT FK_REPORT_KEY AS node, ID_SOURCE AS source, ID AS id FROM ${M}
), live AS (
  SELECT XREF_HIERARCHY_KEY AS node, VOLUME_FLAG = 'Y' AS is_volume FROM ${H} WHERE ACTIVE_FLAG = 'Y' AND CALCULATION_FLAG = 'N'
), a AS (
  SELECT DISTINCT m.node, d.ACCOUNT_KEY AS account FROM m JOIN ${dimension('DIM_ACCOUNT')} d ON d.ACCOUNT_BILLING_CATEGORY_CODE = m.id
  WHERE m.source LIKE 'BILLING%' AND (d.ACCOUNT_SEGMENT IS NULL OR d.ACCOUNT_SEGMENT = 'GROSS')
), p AS (
  SELECT DISTINCT m.node, d.PRODUCT_KEY AS product FROM m JOIN ${dimension('DIM_PRODUCT')} d ON d.PRODUCT_CODE = m.id WHERE m.source = 'PRODUCT_CODE'
), d AS (
  SELECT DISTINCT m.node, d.DEDUCT_KEY AS deduct FROM m JOIN ${dimension('DIM_DEDUCT')} d ON d.DEDUCT_CODE = m.id WHERE m.source = 'DEDUCT_CODE'
), kinds AS (
  SELECT node, bool_or(source LIKE 'BILLING%') AS has_a, bool_or(source = 'PRODUCT_CODE') AS has_p, bool_or(source = 'DEDUCT_CODE') AS has_d FROM m GROUP BY node
), f AS (${FACT_SUMS}
), c AS (
  SELECT k.node, f.* FROM kinds k JOIN a USING (node) JOIN f USING (account) WHERE has_a AND NOT has_p AND NOT has_d
  UNION ALL SELECT k.node, f.* FROM kinds k JOIN a USING (node) JOIN p USING (node) JOIN f USING (account, product) WHERE has_a AND has_p AND NOT has_d
  UNION ALL SELECT k.node, f.* FROM kinds k JOIN d USING (node) JOIN p USING (node) JOIN f USING (deduct, product) WHERE has_d AND has_p AND NOT has_a
  UNION ALL SELECT k.node, f.* FROM kinds k JOIN p USING (node) JOIN f USING (product) WHERE has_p AND NOT has_a AND NOT has_d AND royalty = 'Y'
)
SELECT c.node, PERIOD, LEASE, ${SUMMED}
FROM c JOIN live USING (node) GROUP BY ALL`

async function beside(count, { shape, formulas, config }) {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  await loaded(connection, count)
  const objects = printPipeline(planPipeline(shape, formulas), config, 'duckdb')
  const timed = async (statements) => {
    const began = performance.now()
    for (const sql of statements) await connection.run(sql)
    return performance.now() - began
  }
  const upTo3a = objects.filter(({ layer }) => layer !== 'DT_3').map(({ ddl }) => ddl)
  const took = { generated: [], objects: [], query: [] }
  for (let i = 0; i < ROUNDS; i++) {
    took.generated.push(await timed(upTo3a))
    took.objects.push(await timed(OBJECTS_BY_HAND))
    took.query.push(await timed([QUERY_BY_HAND]))
  }
  const mart = await timed([objects.at(-1).ddl])
  const name = (layer) => objects.find((one) => one.layer === layer).object_name
  const rows = async (sql) => (await connection.runAndReadAll(sql)).currentRowCount
  let differences = 0
  for (const table of ['BY_HAND', 'QUERY_BY_HAND'])
    differences += await rows(`SELECT count(*) FROM (
      SELECT XREF_HIERARCHY_KEY AS node, PERIOD, LEASE, CAST(GROSS_AMOUNT AS DECIMAL(38, 8)) AS amount FROM "${name('DT_3A')}"
      UNION ALL SELECT node, PERIOD, LEASE, -CAST(amount AS DECIMAL(38, 8)) FROM ${table})
      GROUP BY node, PERIOD, LEASE HAVING coalesce(sum(amount), 0) <> 0`)
  const generatedRows = `SELECT * EXCLUDE (GROUP_KEY, TOTAL_KEY_1, TOTAL_KEY_2, TOTAL_KEY_3, TOTAL_KEY_4) FROM "${name('DT_2')}"`
  const rowsByHand = 'SELECT * EXCLUDE (TOTAL_KEY_1, TOTAL_KEY_2, TOTAL_KEY_3, TOTAL_KEY_4) FROM DT_2_BY_HAND'
  differences += await rows(`(${generatedRows} EXCEPT ALL ${rowsByHand})`)
  differences += await rows(`(${rowsByHand} EXCEPT ALL ${generatedRows})`)
  connection.closeSync()
  instance.closeSync()
  const [generated, same, query] = [took.generated, took.objects, took.query].map(least)
  const ratio = (by) => (generated / by).toFixed(2)
  console.log(
    `${count.toLocaleString('en-US')} facts: VW_1, DT_2 and DT_3A generated ${generated.toFixed(0)} ms; the same by hand ${same.toFixed(0)} ms, ${ratio(same)} × (promise ≤ 1.2); ` +
      `by hand one query without VW_1 and DT_2 ${query.toFixed(0)} ms, ${ratio(query)} ×; DT_3 ${mart.toFixed(0)} ms; ${differences} rows differ`,
  )
  if (differences > 0) process.exitCode = 1
  return generated
}

export async function benchMart({ facts }) {
  const mart = await generation()
  await beside(Math.round(facts / 10), mart)
  const half = await beside(Math.round(facts / 2), mart)
  const whole = await beside(facts, mart)
  console.log(`twice the facts: ${(whole / half).toFixed(2)} × the time`)
}
