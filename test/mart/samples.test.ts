/**
 * The sample marts as a user meets them: proved, exported and imported again, printed alike every time.
 *
 * @module-tag long
 */

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type CliDatabase, cliDatabase, EXAMPLES, makeFolder, REPOSITORY } from '../support/cli.js'

const folder = makeFolder()
let tieout: CliDatabase
beforeAll(async () => {
  tieout = await cliDatabase(folder)
})
afterAll(async () => {
  await tieout.drop()
  folder.remove()
})
const config = (name: string): string => join(EXAMPLES, 'mart', name, 'mart.yaml')

test('the samples are what the script makes', () => {
  execFileSync(process.execPath, [join(REPOSITORY, 'scripts/make-mart-samples.mjs'), '--check'], {
    stdio: 'pipe',
  })
})

test.each(['gross', 'net', 'midstream', 'balance', 'library'])(
  '%s is proved: every cell by DuckDB, PostgreSQL and the evaluator',
  async (name) => {
    const { exit, stdout } = await tieout.run('mart', 'validate', config(name), '--json')
    const found = JSON.parse(stdout)
    expect(found.comparisons.map(({ differences }: { differences: number }) => differences)).toEqual([0, 0])
    expect(found.comparisons[0].rows).toBeGreaterThan(80)
    expect(found.checks.filter(({ holds }: { holds: boolean }) => !holds)).toEqual([])
    expect(exit).toBe(0)
    const codes = found.findings.map(({ code }: { code: string }) => code)
    expect(codes).toEqual(expect.arrayContaining(['FACTS_IN_NO_NODE', 'DEAD_MAPPING_ROW']))
    const sizes = found.findings.map(({ amount }: { amount?: string }) => Math.abs(Number(amount ?? 0)))
    expect(
      sizes
        .slice(0, sizes.length - 1)
        .every((size: number, i: number) => size >= sizes[i + 1] || sizes[i + 1] === 0),
    ).toBe(true)
  },
)

test('cash flow of a lease and month is what its facts say', async () => {
  const { stdout } = await tieout.run('mart', 'run', config('gross'), '--format', 'csv')
  const [header, ...lines] = stdout
    .trimEnd()
    .split('\r\n')
    .map((line) => line.split(','))
  const at = (name: string): number => header!.indexOf(name)
  const figure = (title: string): number => {
    const row = lines.find(
      (line) =>
        line[at('LEVEL_2')] === title && line[at('PERIOD')] === '2025-03' && line[at('LEASE')] === 'LEASE 1',
    )
    return Math.round(Number(row![at('GROSS_AMOUNT')]) * 100)
  }
  expect(figure('Gross Profit')).toBe(figure('Total Revenue') - figure('Total Taxes and Deducts'))
  expect(figure('Operating Income')).toBe(figure('Gross Profit') - figure('Total Operating Expense'))
  expect(figure('Cash Flow')).toBe(figure('Operating Income') - figure('Total Capital'))
})

test('a configuration comes back from its own export, byte for byte', async () => {
  const first = (await tieout.run('mart', 'export', config('net'))).stdout
  const again = (await tieout.run('mart', 'export', folder.write('again.yaml', first))).stdout
  expect(again).toBe(first)
  expect(first).toContain('has_group_filter_precedence: true')
})

test.each(['snowflake', 'duckdb', 'postgres'])('%s is printed to files, twice the same', async (dialect) => {
  const out = join(folder.path, dialect)
  const again = join(folder.path, `${dialect}-again`)
  for (const to of [out, again])
    expect(
      await tieout.run('mart', 'generate', config('net'), '--dialect', dialect, '--out', to),
    ).toMatchObject({ exit: 0 })
  const script = readFileSync(join(out, 'pipeline.sql'), 'utf8')
  expect(readFileSync(join(again, 'pipeline.sql'), 'utf8')).toBe(script)
  for (const layer of ['01_VW_1', '02_DT_2', '03_DT_3A', '04_DT_3'])
    expect(script).toContain(readFileSync(join(out, `${layer}.sql`), 'utf8'))
})

test('Snowflake: lag downstream but for the leaf, the warehouse, and the refresh mode with its reason', async () => {
  const out = join(folder.path, 'lag')
  await tieout.run('mart', 'generate', config('net'), '--dialect', 'snowflake', '--out', out)
  const text = (name: string): string => readFileSync(join(out, `${name}.sql`), 'utf8')
  expect(text('01_VW_1')).toMatch(
    /^CREATE OR REPLACE VIEW "VW_1_UPSTREAM_NET_REPORT_HIERARCHY_TRANSLATED" AS/,
  )
  for (const name of ['02_DT_2', '03_DT_3A']) {
    expect(text(name)).toMatch(
      /CREATE OR REPLACE DYNAMIC TABLE "\w+"\n {2}TARGET_LAG = DOWNSTREAM\n {2}WAREHOUSE = "TRANSFORMING"\n {2}REFRESH_MODE = INCREMENTAL\n/,
    )
    expect(text(name).split('\n').slice(1).join('\n')).not.toMatch(
      /UNPIVOT|OVER \(|\bIN \(SELECT|EXISTS|= \(SELECT/,
    )
  }
  expect(text('04_DT_3')).toContain(
    '-- REFRESH_MODE FULL: DENSE_RANK without a partition looks at every row.\n',
  )
  expect(text('04_DT_3')).toContain(
    'TARGET_LAG = \'1 hour\'\n  WAREHOUSE = "TRANSFORMING"\n  REFRESH_MODE = FULL',
  )
})
