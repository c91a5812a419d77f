/**
 * The example workflow of the source document, its calls as they are printed there, by a client of the protocol; and the
 * same steps by the command line.
 *
 * @module-tag long
 */

import { copyFileSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { CLI, type CliDatabase, cliDatabase, EXAMPLES, makeFolder } from '../support/cli.js'

const PRINTED = `
# 1. Discover hierarchy pattern using AI
result = discover_hierarchy_pattern(
    hierarchy_table="ANALYTICS.PUBLIC.TBL_0_GROSS_LOS_REPORT_HIERARCHY_",
    mapping_table="ANALYTICS.PUBLIC.TBL_0_GROSS_LOS_REPORT_HIERARCHY_MAPPING",
    connection_id="snowflake-prod"
)
# Returns: suggested config, data quality issues, join patterns

# 2. Create configuration (or use AI suggestion)
create_mart_config(
    project_name="upstream_gross",
    report_type="GROSS",
    hierarchy_table="ANALYTICS.PUBLIC.TBL_0_GROSS_LOS_REPORT_HIERARCHY_",
    mapping_table="ANALYTICS.PUBLIC.TBL_0_GROSS_LOS_REPORT_HIERARCHY_MAPPING",
    account_segment="GROSS",
    has_group_filter_precedence=True
)

# 3. Add join patterns
add_mart_join_pattern(
    config_name="upstream_gross",
    name="account",
    join_keys=["LOS_ACCOUNT_ID_FILTER"],
    fact_keys=["FK_ACCOUNT_KEY"]
)
add_mart_join_pattern(
    config_name="upstream_gross",
    name="deduct_product",
    join_keys=["LOS_DEDUCT_CODE_FILTER", "LOS_PRODUCT_CODE_FILTER"],
    fact_keys=["FK_DEDUCT_KEY", "FK_PRODUCT_KEY"]
)
add_mart_join_pattern(
    config_name="upstream_gross",
    name="royalty",
    join_keys=["LOS_PRODUCT_CODE_FILTER"],
    fact_keys=["FK_PRODUCT_KEY"],
    filter="ROYALTY_FILTER = 'Y'"
)

# 4. Generate pipeline
generate_mart_pipeline(
    config_name="upstream_gross",
    output_format="ddl"
)

# 5. Or generate as dbt project
generate_mart_dbt_project(
    config_name="upstream_gross",
    dbt_project_name="upstream_gross_marts",
    output_dir="./dbt_projects"
)

# 6. Validate against source data
validate_mart_pipeline(
    config_name="upstream_gross",
    connection_id="snowflake-prod"
)
`

/** Calls with keyword arguments, whose values are JSON but for True and False. */
const CALLS = [...PRINTED.matchAll(/^(?:result = )?(\w+)\(\n([\s\S]*?)^\)/gm)].map(([, name, given]) => {
  const json = given!
    .replaceAll(/^\s*(\w+)=/gm, '"$1": ')
    .replaceAll(/\bTrue\b/g, 'true')
    .replaceAll(/\bFalse\b/g, 'false')
  return { name: name!, given: JSON.parse(`{${json}}`) as Record<string, unknown> }
})

const folder = makeFolder()
const marts = makeFolder()
const tables = makeFolder()
let database: CliDatabase
beforeAll(async () => {
  database = await cliDatabase(folder)
  const from = join(EXAMPLES, 'mart', 'gross')
  const named = 'TBL_0_GROSS_LOS_REPORT_HIERARCHY'
  for (const file of readdirSync(from).filter((one) => one.endsWith('.csv') && !one.startsWith(named)))
    copyFileSync(join(from, file), join(tables.path, file))
  copyFileSync(join(from, `${named}.csv`), join(tables.path, `${named}_.csv`))
  tables.write(
    `${named}_MAPPING.csv`,
    ofThreePatterns(readFileSync(join(from, `${named}_MAPPING.csv`), 'utf8')),
  )
})
afterAll(async () => {
  await database.drop()
  for (const each of [folder, marts, tables]) each.remove()
})

/** The workflow has three patterns: groups of accounts with products, which need a fourth one, are left out. */
function ofThreePatterns(text: string): string {
  const [header, ...lines] = text.trimEnd().split(/\r?\n/)
  const at = (name: string): number => header!.split(',').indexOf(name)
  const places = ['FK_REPORT_KEY', 'GROUP_FILTER_PRECEDENCE', 'FILTER_GROUP_1', 'FILTER_GROUP_2'].map(at)
  const groupOf = (cells: readonly string[]): string => places.map((i) => cells[i]).join('|')
  const sources = new Map<string, Set<string>>()
  const rows = lines.map((line) => line.split(','))
  for (const cells of rows) {
    const group = sources.get(groupOf(cells)) ?? new Set()
    sources.set(groupOf(cells), group.add(cells[at('ID_SOURCE')]!))
  }
  const needsFourth = (cells: readonly string[]): boolean => {
    const own = [...sources.get(groupOf(cells))!]
    return own.includes('PRODUCT_CODE') && own.some((source) => source.startsWith('BILLING'))
  }
  const kept = rows.filter((cells) => !needsFourth(cells))
  expect(kept.length).toBeGreaterThan(300)
  expect(kept.length).toBeLessThan(rows.length)
  return `${[header, ...kept.map((cells) => cells.join(','))].join('\n')}\n`
}

test('every call as it is printed, and the mart is proved', async () => {
  expect(CALLS.map(({ name }) => name)).toEqual([
    'discover_hierarchy_pattern',
    'create_mart_config',
    'add_mart_join_pattern',
    'add_mart_join_pattern',
    'add_mart_join_pattern',
    'generate_mart_pipeline',
    'generate_mart_dbt_project',
    'validate_mart_pipeline',
  ])
  await database.release()
  const client = new Client({ name: 'workflow', version: '1' })
  await client.connect(
    new StdioClientTransport({
      command: process.execPath,
      args: [CLI, '--db', database.db, 'mcp', '--marts', marts.path, '--allow-writes'],
      env: {
        PATH: process.env.PATH ?? '',
        HOME: folder.path,
        TIEOUT_FRAMES: 'none',
        TIEOUT_CONNECTION_SNOWFLAKE_PROD: tables.path,
      },
      stderr: 'ignore',
    }),
  )
  // biome-ignore lint/suspicious/noExplicitAny: the result of whatever tool was called.
  const results: any[] = []
  try {
    for (const { name, given } of CALLS) {
      const answer = await client.callTool({ name, arguments: given })
      expect(answer.isError, `${name}: ${JSON.stringify(answer.content)}`).not.toBe(true)
      results.push((answer.structuredContent as { result: unknown }).result)
    }
  } finally {
    await client.close()
  }
  const [discovered, created, , , joined, printed, , proof] = results
  expect(discovered.data_quality_issues.length).toBeGreaterThan(0)
  expect(discovered.join_pattern_suggestion.map(({ name }: { name: string }) => name).sort()).toEqual(
    ['account', 'deduct_product', 'royalty'].sort(),
  )
  expect(created).toMatchObject({ project_name: 'upstream_gross', join_patterns: [] })
  expect(joined.join_patterns).toEqual(['account', 'deduct_product', 'royalty'])
  expect(printed.objects.map(({ layer }: { layer: string }) => layer)).toEqual([
    'VW_1',
    'DT_2',
    'DT_3A',
    'DT_3',
  ])
  expect(readFileSync(join(marts.path, 'dbt_projects', 'dbt_project.yml'), 'utf8')).toContain(
    'name: upstream_gross_marts',
  )
  expect(proof).toMatchObject({ valid: true, comparisons: [{ differences: 0 }, { differences: 0 }] })
})

test('the same steps by the command line', async () => {
  const ran = async (...args: string[]) => {
    const { exit, stdout, stderr } = await database.runWith(
      { TIEOUT_CONNECTION_SNOWFLAKE_PROD: tables.path },
      ...args,
    )
    expect(stderr, args.join(' ')).not.toContain('TIE-')
    return { exit, stdout }
  }
  const [discovery, creation, ...rest] = CALLS.map(({ given }) => given)
  const named = [
    ...['--hierarchy-table', String(discovery!.hierarchy_table)],
    ...['--mapping-table', String(discovery!.mapping_table)],
  ]
  await ran('mart', 'discover', ...named, '--connection', String(discovery!.connection_id))
  const file = join(marts.path, 'by-hand.yaml')
  await ran(
    ...[
      'mart',
      'create',
      file,
      '--project-name',
      String(creation!.project_name),
      '--report-type',
      'GROSS',
      ...named,
    ],
    ...['--account-segment', 'GROSS', '--has-group-filter-precedence', '--source', tables.path],
    ...['--fact-table', 'FACT_LEASE_OPERATIONS', '--measures', 'AMOUNT', '--grain', 'PERIOD', 'LEASE'],
  )
  for (const [alias, table, key, column, segment] of [
    ['ACCT', 'DIM_ACCOUNT', 'ACCOUNT_KEY', 'LOS_ACCOUNT_ID_FILTER', 'ACCOUNT_SEGMENT'],
    ['PROD', 'DIM_PRODUCT', 'PRODUCT_KEY', 'LOS_PRODUCT_CODE_FILTER', ''],
    ['DEDUCT', 'DIM_DEDUCT', 'DEDUCT_KEY', 'LOS_DEDUCT_CODE_FILTER', ''],
  ] as const)
    await ran(
      ...['mart', 'add-dimension', file, alias, '--table', table, '--key', key, '--filter-column', column],
      ...(segment === '' ? [] : ['--segment-column', segment]),
    )
  for (const [source, place] of [
    ['BILLING_CATEGORY_CODE', 'ACCT.ACCOUNT_BILLING_CATEGORY_CODE'],
    ['BILLING_CATEGRY_CODE', 'ACCT.ACCOUNT_BILLING_CATEGORY_CODE'],
    ['PRODUCT_CODE', 'PROD.PRODUCT_CODE'],
    ['DEDUCT_CODE', 'DEDUCT.DEDUCT_CODE'],
  ] as const)
    await ran('mart', 'add-column', file, source, place)
  for (const { name, join_keys, fact_keys, filter } of rest.slice(0, 3))
    await ran(
      ...['mart', 'add-join', file, String(name), '--join-keys', ...(join_keys as string[])],
      ...[
        '--fact-keys',
        ...(fact_keys as string[]),
        ...(filter === undefined ? [] : ['--filter', String(filter)]),
      ],
    )
  const out = join(folder.path, 'out')
  await ran('mart', 'generate', file, '--dialect', 'snowflake', '--out', out)
  expect(readFileSync(join(out, 'pipeline.sql'), 'utf8')).toContain('DT_3_UPSTREAM_GROSS_MART')
  await ran(
    'mart',
    'dbt',
    file,
    '--dbt-project-name',
    'upstream_gross_marts',
    '--out',
    join(folder.path, 'dbt'),
  )
  expect(existsSync(join(folder.path, 'dbt', 'dbt_project.yml'))).toBe(true)
  const { exit, stdout } = await ran('mart', 'validate', file, '--json')
  expect([exit, JSON.parse(stdout).valid]).toEqual([0, true])
})
