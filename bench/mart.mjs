// Marts: how long the pipeline of a 400-row mapping takes to generate (promise: under 100 ms), and the generated DuckDB
// pipeline beside an equivalent written by hand for this very report, over the same facts in memory (promise: at most
// 1.2 ×), with a tenth, half and all of the facts. Both must give the same figures; otherwise it exits with 1.
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

/** As somebody who knows the report would write DT_3A: one query, members of each group joined to the facts. */
const byHand = (name) => `CREATE OR REPLACE TABLE "${name}" AS
WITH m AS (
  SELECT FK_REPORT_KEY AS node, ID_SOURCE AS source, ID AS id FROM "ANALYTICS"."PUBLIC"."TBL_0_GROSS_LOS_REPORT_HIERARCHY_MAPPING"
), live AS (
  SELECT XREF_HIERARCHY_KEY AS node, VOLUME_FLAG = 'Y' AS is_volume FROM "ANALYTICS"."PUBLIC"."TBL_0_GROSS_LOS_REPORT_HIERARCHY" WHERE ACTIVE_FLAG = 'Y' AND CALCULATION_FLAG = 'N'
), a AS (
  SELECT DISTINCT m.node, d.ACCOUNT_KEY AS account FROM m JOIN "ANALYTICS"."PUBLIC"."DIM_ACCOUNT" d ON d.ACCOUNT_BILLING_CATEGORY_CODE = m.id
  WHERE m.source LIKE 'BILLING%' AND (d.ACCOUNT_SEGMENT IS NULL OR d.ACCOUNT_SEGMENT = 'GROSS')
), p AS (
  SELECT DISTINCT m.node, d.PRODUCT_KEY AS product FROM m JOIN "ANALYTICS"."PUBLIC"."DIM_PRODUCT" d ON d.PRODUCT_CODE = m.id WHERE m.source = 'PRODUCT_CODE'
), d AS (
  SELECT DISTINCT m.node, d.DEDUCT_KEY AS deduct FROM m JOIN "ANALYTICS"."PUBLIC"."DIM_DEDUCT" d ON d.DEDUCT_CODE = m.id WHERE m.source = 'DEDUCT_CODE'
), kinds AS (
  SELECT node, bool_or(source LIKE 'BILLING%') AS has_a, bool_or(source = 'PRODUCT_CODE') AS has_p, bool_or(source = 'DEDUCT_CODE') AS has_d FROM m GROUP BY node
), f AS (
  SELECT PERIOD, LEASE, FK_ACCOUNT_KEY AS account, FK_PRODUCT_KEY AS product, FK_DEDUCT_KEY AS deduct, ROYALTY_FILTER AS royalty,
    sum(AMOUNT) AS amount, sum(CAST(VOLUME AS DECIMAL(38, 2)) * CASE UNIT WHEN 'MCF' THEN 0.166667 ELSE 1 END) AS volume, count(*) AS facts
  FROM "ANALYTICS"."PUBLIC"."FACT_LEASE_OPERATIONS"
  WHERE FK_ACCOUNT_KEY IS NULL OR FK_ACCOUNT_KEY NOT IN (SELECT ACCOUNT_KEY FROM "ANALYTICS"."PUBLIC"."DIM_ACCOUNT" WHERE ACCOUNT_SEGMENT <> 'GROSS')
  GROUP BY ALL
), c AS (
  SELECT k.node, f.* FROM kinds k JOIN a USING (node) JOIN f USING (account) WHERE has_a AND NOT has_p AND NOT has_d
  UNION ALL SELECT k.node, f.* FROM kinds k JOIN a USING (node) JOIN p USING (node) JOIN f USING (account, product) WHERE has_a AND has_p AND NOT has_d
  UNION ALL SELECT k.node, f.* FROM kinds k JOIN d USING (node) JOIN p USING (node) JOIN f USING (deduct, product) WHERE has_d AND has_p AND NOT has_a
  UNION ALL SELECT k.node, f.* FROM kinds k JOIN p USING (node) JOIN f USING (product) WHERE has_p AND NOT has_a AND NOT has_d AND royalty = 'Y'
)
SELECT c.node, PERIOD, LEASE, sum(CASE WHEN is_volume THEN CAST(volume AS DECIMAL(38, 8)) ELSE CAST(amount AS DECIMAL(38, 8)) END) AS amount, sum(facts) AS facts
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
  const [generated, hand] = [[], []]
  for (let i = 0; i < ROUNDS; i++) {
    generated.push(await timed(upTo3a))
    hand.push(await timed([byHand('BY_HAND')]))
  }
  const mart = await timed([objects.at(-1).ddl])
  const dt3a = objects.find(({ layer }) => layer === 'DT_3A').object_name
  const differing = await connection.runAndReadAll(`SELECT count(*) FROM (
    SELECT XREF_HIERARCHY_KEY AS node, PERIOD, LEASE, CAST(GROSS_AMOUNT AS DECIMAL(38, 8)) AS amount FROM "${dt3a}"
    UNION ALL SELECT node, PERIOD, LEASE, -CAST(amount AS DECIMAL(38, 8)) FROM BY_HAND)
    GROUP BY node, PERIOD, LEASE HAVING coalesce(sum(amount), 0) <> 0`)
  connection.closeSync()
  instance.closeSync()
  const differences = differing.currentRowCount
  const ratio = least(generated) / least(hand)
  console.log(
    `${count.toLocaleString('en-US')} facts: VW_1 to DT_3A generated ${least(generated).toFixed(0)} ms, by hand ${least(hand).toFixed(0)} ms, ${ratio.toFixed(2)} × (promise ≤ 1.2); DT_3 ${mart.toFixed(0)} ms; ${differences} slices differ`,
  )
  if (differences > 0) process.exitCode = 1
  return least(generated)
}

export async function benchMart({ facts }) {
  const mart = await generation()
  await beside(Math.round(facts / 10), mart)
  const half = await beside(Math.round(facts / 2), mart)
  const whole = await beside(facts, mart)
  console.log(`twice the facts: ${(whole / half).toFixed(2)} × the time`)
}
