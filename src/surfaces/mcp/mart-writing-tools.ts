/**
 * The tools that make and extend configurations and write projects of them. A configuration begins with what discovery
 * finds in the tables, without its join patterns, since the arguments of the source document name no dimension.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { z } from 'zod'
import { refuse } from '../../base/errors.js'
import { DIALECT_NAMES } from '../../engines/plan/dialects.js'
import { configFile, type McpHost, perform, sourceOf } from './host.js'
import { configName, connectionId, table } from './mart-tools.js'
import { type Tool, tool } from './tool.js'

const configured = z.looseObject({
  project_name: z.string(),
  join_patterns: z.array(z.string()),
  dimensions: z.array(z.string()),
})
const word = z.string().min(1).max(255)

const create = tool({
  name: 'create_mart_config',
  description:
    'Make a configuration over a hierarchy and its mapping, with the dimensions and columns that discovery finds and without join patterns: add those by add_mart_join_pattern.',
  input: z.strictObject({
    project_name: configName.describe('Names the configuration and the objects of its pipeline.'),
    report_type: word.describe('GROSS, NET or what else the report is.'),
    hierarchy_table: table,
    mapping_table: table,
    account_segment: word.optional().describe('Segment of the accounts; all of them when not said.'),
    measure_prefix: word.optional().describe('Begins the names of measures; the report type when not said.'),
    has_sign_change: z.boolean().default(false),
    has_exclusions: z.boolean().default(false),
    has_group_filter_precedence: z.boolean().default(false),
    connection_id: connectionId
      .optional()
      .describe('Where the tables are; that of their discovery when not said.'),
  }),
  output: configured,
  operations: ['mart discover', 'mart import'],
  writes: true,
  async run(host, given, signal) {
    const { connection_id, hierarchy_table, mapping_table, measure_prefix, ...own } = given
    const source = placeOf(host, connection_id, hierarchy_table, mapping_table)
    const { account_segment } = own
    const input = { hierarchy_table, mapping_table, source, account_segment }
    const { recommended_config } = await perform(host, 'mart discover', input, signal)
    const config = {
      ...(parse(recommended_config as string) as object),
      ...own,
      account_segment: account_segment ?? null,
      measure_prefix: measure_prefix ?? own.report_type,
      join_patterns: [],
      // A URL may hold a password, and is found again by its connection.
      source: /^postgres(?:ql)?:/.test(source) ? null : source,
    }
    const folder = await mkdtemp(join(tmpdir(), 'tieout-mcp-'))
    try {
      const from = join(folder, 'mart.yaml')
      await writeFile(from, stringify(config))
      const file = configFile(host, own.project_name)
      return await perform(host, 'mart import', { from, file }, signal)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  },
})

/** The source of the connection, or of the one that discovery of the same tables was asked with. */
function placeOf(host: McpHost, connection: string | undefined, hierarchy: string, mapping: string): string {
  const known = connection ?? host.agent.discovered.get(JSON.stringify([hierarchy, mapping]))
  return (
    sourceOf(host, known) ??
    refuse('TIE-5025', { detail: 'no connection_id is given and the tables were not discovered before' })
  )
}

const addJoin = tool({
  name: 'add_mart_join_pattern',
  description: 'Add a join pattern, one UNION ALL branch, to a configuration.',
  input: z.strictObject({
    config_name: configName,
    name: word,
    join_keys: z.array(word).min(1).max(16).describe('Filter columns of DT_2.'),
    fact_keys: z.array(word).min(1).max(16).describe('Columns of the fact, one for each join key.'),
    filter: z.string().min(1).max(10_000).nullable().default(null).describe('Predicate over the fact.'),
  }),
  output: configured,
  operations: ['mart add-join'],
  writes: true,
  run: (host, { config_name, filter, ...pattern }, signal) =>
    perform(
      host,
      'mart add-join',
      { file: configFile(host, config_name), ...pattern, ...(filter === null ? {} : { filter }) },
      signal,
    ),
})

const dialect = z.enum(DIALECT_NAMES)
const files = z.array(z.looseObject({ file: z.string() })).readonly()
const inFolder = z
  .string()
  .min(1)
  .max(500)
  .refine((path) => !/^(?:[\\/]|[A-Za-z]:)|(?:^|[\\/])\.\.(?:[\\/]|$)/.test(path), {
    error: 'expected a folder beneath that of the configurations',
  })

const dbt = tool({
  name: 'generate_mart_dbt_project',
  description: 'Write a whole dbt project of a configuration, with the tests that hold now.',
  input: z.strictObject({
    config_name: configName,
    dbt_project_name: word,
    output_dir: inFolder.describe('Folder beneath that of the configurations.'),
    dialect: dialect.default('snowflake').describe('Whose SQL.'),
    connection_id: connectionId.optional(),
  }),
  output: z.looseObject({ project_name: z.string(), files }),
  operations: ['mart dbt'],
  writes: true,
  run: (host, { config_name, output_dir, connection_id, ...given }, signal) =>
    perform(
      host,
      'mart dbt',
      {
        ...given,
        file: configFile(host, config_name),
        out: join(host.marts, output_dir),
        source: sourceOf(host, connection_id),
      },
      signal,
    ),
})

const expectations = tool({
  name: 'generate_expectation_suite',
  description:
    'Give the checks of a configuration that hold now as a Great Expectations 1.x suite and as SQL.',
  input: z.strictObject({
    name: word.describe('Of the suite.'),
    hierarchy_project_id: configName,
    dialect: dialect.default('duckdb').describe('Whose SQL.'),
    connection_id: connectionId.optional(),
  }),
  output: z.looseObject({ project_name: z.string(), files }),
  operations: ['mart expectations'],
  writes: false,
  run: (host, { name, hierarchy_project_id, connection_id, dialect: sql }, signal) =>
    perform(
      host,
      'mart expectations',
      {
        name,
        dialect: sql,
        file: configFile(host, hierarchy_project_id),
        source: sourceOf(host, connection_id),
      },
      signal,
    ),
})

export const MART_WRITING_TOOLS: readonly Tool[] = [create, addJoin, dbt, expectations]
