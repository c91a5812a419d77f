/** The operations that look at a hierarchy and its mapping and propose a configuration. */

import { z } from 'zod'
import { type ErrorCode, refuse } from '../../base/errors.js'
import { connectionVariable } from '../../books/connection.js'
import { namedFile, writableFile } from '../../books/named-file.js'
import { type Context, type Operation, operation } from '../../books/operation.js'
import { writeTextWhole } from '../../books/whole-file.js'
import { columnMappingSchema, joinPatternSchema } from '../config.js'
import { findingSchema } from './run.js'
import { configBinding, sourceBeside } from './schemas.js'

const input = z.object({
  source: z
    .string()
    .min(1)
    .optional()
    .describe('Folder of CSV and Parquet files, a DuckDB file or a postgres:// URL.'),
  connection: z
    .string()
    .min(1)
    .optional()
    .describe('A connection named in the environment, instead of a source.'),
  hierarchy_table: z.string().min(1).describe('Table of the nodes, such as SCHEMA.HIERARCHY.'),
  mapping_table: z.string().min(1).describe('Table that gives ids to nodes.'),
  account_segment: z
    .string()
    .min(1)
    .optional()
    .describe('Segment of the report, when the tables do not say.'),
  model: z
    .enum(['none', 'http', 'cortex'])
    .default('none')
    .describe('Language model to ask as well; it gets aggregates, and running its answer decides.'),
  model_connection: z.string().min(1).optional().describe('Connection of Snowflake Cortex.'),
})

/** A client neither names connections, which may be databases, nor has the server send anything to a model. */
const OF_THE_COMMAND_LINE = ['connection', 'model', 'model_connection']

const DISCOVERY_ERRORS: readonly ErrorCode[] = [
  'TIE-1301',
  'TIE-1612',
  'TIE-5003',
  'TIE-5023',
  'TIE-5025',
  'TIE-5060',
  'TIE-5061',
  'TIE-5062',
  'TIE-5063',
  'TIE-5064',
]

const discover = operation({
  name: 'mart discover',
  summary:
    'Look at a hierarchy and its mapping, say what they are, and propose a configuration that was run.',
  effect: 'read',
  input: input.extend({
    explain: z.boolean().default(false).describe('As prose.'),
    show_prompt: z.boolean().default(false).describe('Show what the model would be sent, and send nothing.'),
  }),
  output: z.object({
    hierarchy_type: z.string(),
    hierarchy_type_confidence: z.number().describe('0 to 1.'),
    levels: z.array(z.string()).readonly(),
    level_count: z.number(),
    node_count: z.number(),
    mapping_count: z.number(),
    join_pattern_suggestion: z
      .array(joinPatternSchema.extend({ groups: z.number(), reason: z.string().nullable() }))
      .readonly(),
    column_map_suggestion: z
      .array(
        columnMappingSchema.extend({
          is_alias: z.boolean(),
          overlap: z.number().describe('0 to 1: how many of its ids the column has.'),
          confidence: z.number().describe('0 to 1.'),
          typo_of: z.string().nullable(),
        }),
      )
      .readonly(),
    data_quality_issues: z
      .array(findingSchema.extend({ detail: z.record(z.string(), z.unknown()).optional() }))
      .readonly(),
    assumptions: z.array(z.string()).readonly(),
    proved: z.boolean().describe('The proposal was run and every check of mart validate holds.'),
    proof: z.object({
      comparisons: z
        .array(
          z.object({
            first: z.string(),
            second: z.string(),
            rows: z.number(),
            cells: z.number(),
            differences: z.number(),
          }),
        )
        .readonly(),
      failed_checks: z.array(z.string()).readonly(),
      problems: z
        .array(z.object({ code: z.string(), message: z.string(), remedy: z.string() }))
        .readonly()
        .describe('What the product refuses about the proposal.'),
    }),
    advice: z
      .object({ model: z.string(), accepted: z.boolean(), reason: z.string(), explanation: z.string() })
      .nullable()
      .describe('What a language model made of it.'),
    recommended_config: z.string().describe('YAML.'),
    explanation: z.array(z.string()).readonly().describe('Paragraphs.'),
    prompt: z.string().nullable().describe('What the model would be sent; then nothing else was done.'),
    explained: z.boolean(),
  }),
  errors: DISCOVERY_ERRORS,
  positional: [],
  http: {
    ...configBinding('discover', [...OF_THE_COMMAND_LINE, 'show_prompt']),
    role: 'reader',
  },
  violated: ({ proved, prompt }) => prompt === null && !proved,
  async run(context, given) {
    const location = locationOf(context, given)
    const model = await modelOf(context, given)
    const { discover: found, shownPrompt } = await import('../store/discover.js')
    if (given.show_prompt) {
      if (model === null)
        refuse('TIE-5062', { detail: 'there is no prompt without --model', how: 'Pass --model' })
      return { ...NOTHING, prompt: await shownPrompt(location, given, model), explained: false }
    }
    const { survey, proposal, proof, ...rest } = await found(
      location,
      given,
      context.books,
      context.tenant,
      model,
    )
    const { printConfigFile } = await import('../config-file.js')
    const { rounded } = await import('../discovery/profile.js')
    return {
      hierarchy_type: survey.type.type,
      hierarchy_type_confidence: survey.type.confidence,
      levels: survey.hierarchy.levels,
      level_count: survey.hierarchy.levels.length,
      node_count: survey.nodes.length,
      mapping_count: survey.rows.length,
      join_pattern_suggestion: proposal.config.join_patterns.map((pattern) => {
        const own = rest.patterns.find(({ name }) => name === pattern.name)
        return { ...pattern, groups: own?.groups ?? 0, reason: own?.reason ?? null }
      }),
      column_map_suggestion: proposal.config.dynamic_column_map.flatMap((mapping) => {
        const own = survey.map.placed.find(({ source }) => source.name === mapping.id_source)
        return [
          {
            ...mapping,
            overlap: rounded(own?.overlap ?? 0),
            confidence: own?.confidence ?? 0,
            typo_of: own?.typoOf ?? null,
          },
        ]
      }),
      data_quality_issues: rest.issues,
      assumptions: proposal.assumptions,
      proved: proof.valid,
      proof: {
        comparisons: proof.validation?.comparisons ?? [],
        failed_checks: (proof.validation?.checks ?? [])
          .filter(({ holds }) => !holds)
          .map(({ statement }) => statement),
        problems: proof.problems,
      },
      advice: rest.advice,
      recommended_config: printConfigFile(proposal.config),
      explanation: rest.prose,
      prompt: null,
      explained: given.explain,
    }
  },
})

const NOTHING = {
  hierarchy_type: '',
  hierarchy_type_confidence: 0,
  levels: [],
  level_count: 0,
  node_count: 0,
  mapping_count: 0,
  join_pattern_suggestion: [],
  column_map_suggestion: [],
  data_quality_issues: [],
  assumptions: [],
  proved: false,
  proof: { comparisons: [], failed_checks: [], problems: [] },
  advice: null,
  recommended_config: '',
  explanation: [],
}

const suggest = operation({
  name: 'mart suggest',
  summary: 'Write the configuration that discovery proposes, when running it proves it.',
  effect: 'read',
  input: input.extend({
    project_name: z.string().min(1).optional().describe('Begins the names of the four objects.'),
    report_type: z.string().min(1).optional().describe('Such as GROSS or NET.'),
    out: z.string().min(1).describe('The YAML file to write; one of that name is replaced.'),
  }),
  output: z.object({
    file: z.string(),
    project_name: z.string(),
    proved: z.boolean(),
    recommended_config: z.string().describe('YAML, as it was written.'),
    explanation: z.array(z.string()).readonly(),
  }),
  errors: [...DISCOVERY_ERRORS, 'TIE-2802', 'TIE-5069'],
  positional: ['out'],
  http: configBinding('suggest', OF_THE_COMMAND_LINE),
  async run(context, given) {
    const file = writableFile(context, given.out, { pointer: '/out' })
    const location = locationOf(context, given)
    const model = await modelOf(context, given)
    const { discover: found } = await import('../store/discover.js')
    const { printConfigFile } = await import('../config-file.js')
    const { proposal, proof, prose } = await found(location, given, context.books, context.tenant, model)
    if (!proof.valid) {
      const detail = proof.problems[0]?.message ?? 'its checks do not hold'
      refuse('TIE-5069', { file: given.out, detail })
    }
    const config = { ...proposal.config, source: sourceBeside(location, file) }
    const yaml = printConfigFile(config)
    await writeTextWhole({ file, existing: 'replace', token: context.newId() }, yaml)
    const { project_name } = config
    return { file: given.out, project_name, proved: true, recommended_config: yaml, explanation: prose }
  },
})

interface Where {
  readonly source?: string | undefined
  readonly connection?: string | undefined
}

export function locationOf(context: Context, { source, connection }: Where): string {
  if (source !== undefined)
    return context.filesUnder === undefined ? source : namedFile(context, source, '', { pointer: '/source' })
  if (connection === undefined) refuse('TIE-5025', { detail: 'neither --source nor --connection says where' })
  const found = context.connection?.(connection)
  if (found === undefined) refuse('TIE-5064', { connection, variable: connectionVariable(connection) })
  if (/^https?:/.test(found.location))
    refuse('TIE-5025', {
      detail: `${connection} is a Snowflake account, whose tables are not read here: export them as Parquet`,
    })
  return found.location
}

interface ModelChoice {
  /** Nobody who asks over HTTP has one asked. */
  readonly model?: 'none' | 'http' | 'cortex'
  readonly model_connection?: string | undefined
  readonly connection?: string | undefined
}

async function modelOf(context: Context, { model, model_connection, connection }: ModelChoice) {
  if (model === undefined || model === 'none') return null
  const { languageModel: endpoint, signal } = context
  if (model === 'cortex') {
    const { cortexModel, CORTEX_MODEL } = await import('../store/model/cortex-model.js')
    const id = model_connection ?? connection ?? 'snowflake'
    const name = endpoint === undefined || endpoint.model === 'default' ? CORTEX_MODEL : endpoint.model
    return cortexModel(id, name, context.connection?.(id), signal)
  }
  if (endpoint === undefined)
    refuse('TIE-5062', {
      detail: 'model_url is not set',
      how: 'Set TIEOUT_MODEL_URL, TIEOUT_MODEL_NAME and TIEOUT_MODEL_KEY',
    })
  const { httpModel } = await import('../store/model/http-model.js')
  return httpModel(endpoint, signal)
}

export const martDiscoverOperations: readonly Operation[] = [discover, suggest]
