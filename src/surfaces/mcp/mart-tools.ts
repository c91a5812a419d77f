/** The tools of marts by the names and arguments of the source document, as adapters over operations. */

import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { Refusal, refuse } from '../../base/errors.js'
import { connectionVariable } from '../../books/connection.js'
import { DIALECT_NAMES } from '../../engines/plan/dialects.js'
import { isAccount } from '../../engines/snowflake/account.js'
import { configFile, type McpHost, perform, sourceOf } from './host.js'
import { type Tool, tool } from './tool.js'

export const configName = z
  .string()
  .regex(/^[\w-]{1,100}$/, { error: 'expected letters, digits, _ and -' })
  .describe('Name of a configuration: a file of the folder that the server was started with.')
export const connectionId = z
  .string()
  .min(1)
  .max(100)
  .describe('A connection named in the environment: where the tables are.')
export const table = z.string().min(1).max(600).describe('Fully qualified name of a table.')
const findings = z.array(z.looseObject({ code: z.string(), message: z.string() })).readonly()
const problems = z
  .array(z.looseObject({ code: z.string(), message: z.string(), remedy: z.string() }))
  .readonly()

const discovery = z.looseObject({
  hierarchy_type: z.string(),
  level_count: z.number(),
  node_count: z.number(),
  mapping_count: z.number(),
  join_pattern_suggestion: z.array(z.looseObject({ name: z.string() })).readonly(),
  column_map_suggestion: z.array(z.looseObject({ id_source: z.string() })).readonly(),
  data_quality_issues: findings,
  recommended_config: z.string(),
  proved: z.boolean(),
  explanation: z.array(z.string()).readonly(),
})

/** A model is asked only when one was chosen by configure_cortex_agent. */
const modelOf = ({ agent }: McpHost) =>
  agent.connection === null ? {} : { model: 'cortex', model_connection: agent.connection }

const discover = tool({
  name: 'discover_hierarchy_pattern',
  description:
    'Look at a hierarchy and its mapping: type, levels, join patterns, column map, data quality issues, and a configuration that was run. Asks a language model only after configure_cortex_agent.',
  input: z.strictObject({ hierarchy_table: table, mapping_table: table, connection_id: connectionId }),
  output: discovery,
  operations: ['mart discover'],
  writes: false,
  run(host, { hierarchy_table, mapping_table, connection_id }, signal) {
    const source = sourceOf(host, connection_id)
    host.agent.discovered.set(JSON.stringify([hierarchy_table, mapping_table]), connection_id)
    return perform(
      host,
      'mart discover',
      { hierarchy_table, mapping_table, source, ...modelOf(host) },
      signal,
    )
  },
})

const suggest = tool({
  name: 'suggest_mart_config',
  description: 'Write the configuration that discovery proposes, when running it proves it.',
  input: z.strictObject({
    config_name: configName,
    hierarchy_table: table,
    mapping_table: table,
    connection_id: connectionId,
    report_type: z.string().min(1).optional(),
    account_segment: z.string().min(1).optional(),
  }),
  output: z.looseObject({ file: z.string(), proved: z.boolean(), recommended_config: z.string() }),
  operations: ['mart suggest'],
  writes: true,
  run: (host, { config_name, connection_id, ...given }, signal) =>
    perform(
      host,
      'mart suggest',
      {
        ...given,
        ...modelOf(host),
        project_name: config_name,
        source: sourceOf(host, connection_id),
        out: configFile(host, config_name),
      },
      signal,
    ),
})

const printed = z.object({
  project_name: z.string(),
  dialect: z.string(),
  formulas: z.number(),
  objects: z
    .array(z.object({ layer: z.string(), object_name: z.string(), object_type: z.string(), ddl: z.string() }))
    .readonly(),
})

const written = z.object({
  project_name: z.string(),
  dialect: z.string(),
  formulas: z.number(),
  objects: z.array(
    z.object({ layer: z.string(), object_name: z.string(), object_type: z.string(), file: z.string() }),
  ),
})

/** The statements, by way of files that are removed again. */
async function statements(
  host: McpHost,
  config_name: string,
  dialect: string,
  source: string | undefined,
  signal: AbortSignal,
): Promise<z.output<typeof printed>> {
  const out = await mkdtemp(join(tmpdir(), 'tieout-mcp-'))
  try {
    const input = { file: configFile(host, config_name), dialect, out, source }
    const made = written.parse(await perform(host, 'mart generate', input, signal))
    const objects = await Promise.all(
      made.objects.map(async ({ file, layer, object_name, object_type }) => ({
        layer,
        object_name,
        object_type,
        ddl: await readFile(file, 'utf8'),
      })),
    )
    return { project_name: made.project_name, dialect: made.dialect, formulas: made.formulas, objects }
  } finally {
    await rm(out, { recursive: true, force: true })
  }
}

const dialectInput = z.enum(DIALECT_NAMES).default('snowflake').describe('Whose SQL.')

const pipeline = tool({
  name: 'generate_mart_pipeline',
  description: 'Print the four objects VW_1, DT_2, DT_3A and DT_3 of a configuration.',
  input: z.strictObject({
    config_name: configName,
    output_format: z
      .enum(['ddl'])
      .default('ddl')
      .describe('Statements; generate_mart_dbt_project writes models.'),
    dialect: dialectInput,
    connection_id: connectionId.optional(),
  }),
  output: printed,
  operations: ['mart generate'],
  writes: false,
  run: (host, { config_name, dialect, connection_id }, signal) =>
    statements(host, config_name, dialect, sourceOf(host, connection_id), signal),
})

const object = tool({
  name: 'generate_mart_object',
  description: 'Print one object of a configuration.',
  input: z.strictObject({
    config_name: configName,
    layer: z.enum(['VW_1', 'DT_2', 'DT_3A', 'DT_3']),
    dialect: dialectInput,
    connection_id: connectionId.optional(),
  }),
  output: printed,
  operations: ['mart generate'],
  writes: false,
  async run(host, { config_name, layer, dialect, connection_id }, signal) {
    const all = await statements(host, config_name, dialect, sourceOf(host, connection_id), signal)
    return { ...all, objects: all.objects.filter((one) => one.layer === layer) }
  },
})

const validateConfig = tool({
  name: 'validate_mart_config',
  description: 'Check a configuration against its tables without running it; all problems at once.',
  input: z.strictObject({ config_name: configName, connection_id: connectionId.optional() }),
  output: z.object({ valid: z.boolean(), problems }),
  operations: ['mart generate'],
  writes: false,
  async run(host, { config_name, connection_id }, signal) {
    try {
      await statements(host, config_name, 'duckdb', sourceOf(host, connection_id), signal)
      return { valid: true, problems: [] }
    } catch (error) {
      if (!(error instanceof Refusal) || error.code === 'TIE-1005') throw error
      return { valid: false, problems: error.problems }
    }
  },
})

/** A Snowflake account runs the mart as well; its tables are those that the configuration names. */
function placesOf(host: McpHost, id: string | undefined) {
  const connection = id === undefined ? undefined : host.context.connection?.(id)
  return connection !== undefined && isAccount(connection)
    ? { snowflake: id }
    : { source: sourceOf(host, id) }
}

const validatePipeline = tool({
  name: 'validate_mart_pipeline',
  description:
    'Run a configuration by DuckDB, by PostgreSQL and by an evaluator of its own over the tables and compare every cell.',
  input: z.strictObject({ config_name: configName, connection_id: connectionId.optional() }),
  output: z.looseObject({
    project_name: z.string(),
    valid: z.boolean(),
    comparisons: z.array(z.looseObject({ differences: z.number() })).readonly(),
    checks: z.array(z.looseObject({ statement: z.string(), holds: z.boolean() })).readonly(),
    findings,
  }),
  operations: ['mart validate'],
  writes: false,
  run: (host, { config_name, connection_id }, signal) =>
    perform(
      host,
      'mart validate',
      { file: configFile(host, config_name), ...placesOf(host, connection_id) },
      signal,
    ),
})

const exportConfig = tool({
  name: 'export_mart_config',
  description: 'Give a configuration as YAML with every value said, defaults too.',
  input: z.strictObject({ config_name: configName }),
  output: z.looseObject({ project_name: z.string(), yaml: z.string() }),
  operations: ['mart export'],
  writes: false,
  run: (host, { config_name }, signal) =>
    perform(host, 'mart export', { file: configFile(host, config_name) }, signal),
})

const configureAgent = tool({
  name: 'configure_cortex_agent',
  description:
    'Choose the Snowflake connection whose language model discovery asks as well, from now on. It is sent aggregates, never rows.',
  input: z.strictObject({
    connection_id: connectionId.nullable().describe('Null for none, as at the start.'),
  }),
  output: z.object({ connection_id: z.string().nullable(), sends: z.string() }),
  operations: ['mart discover'],
  // What leaves this machine changes by it.
  writes: true,
  async run(host, { connection_id }) {
    if (connection_id !== null && host.context.connection?.(connection_id) === undefined)
      refuse('TIE-5064', { connection: connection_id, variable: connectionVariable(connection_id) })
    host.agent.connection = connection_id
    return {
      connection_id,
      sends:
        connection_id === null
          ? 'nothing'
          : 'names of tables, columns, levels and code systems, and counts; tieout mart discover --show-prompt shows all of it',
    }
  },
})

export const MART_TOOLS: readonly Tool[] = [
  discover,
  suggest,
  pipeline,
  object,
  validateConfig,
  validatePipeline,
  exportConfig,
  configureAgent,
]
