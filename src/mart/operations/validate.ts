/** The operations that prove a mart and write its configuration again. */

import { z } from 'zod'
import { refuse } from '../../base/errors.js'
import { connectionVariable } from '../../books/connection.js'
import { type Context, type Operation, operation } from '../../books/operation.js'
import { isAccount } from '../../engines/snowflake/account.js'
import type { MartConfig } from '../config.js'
import type { SnowflakeEngine } from '../store/validate.js'
import { findingSchema } from './run.js'
import { configInput, configOf, LOAD_ERRORS, martBinding, neededSource, sourceInput } from './schemas.js'

const cell = z.string().nullable()

const validate = operation({
  name: 'mart validate',
  summary:
    'Prove a mart: DuckDB, PostgreSQL and an evaluator of its own agree in every cell; exit 1 when not.',
  effect: 'read',
  input: z.object({
    file: configInput,
    source: sourceInput,
    snowflake: z
      .string()
      .min(1)
      .max(100)
      .optional()
      .describe(
        'Connection of a Snowflake account that runs it too; `snowflake.connection` of the file when not said.',
      ),
  }),
  output: z.object({
    project_name: z.string(),
    valid: z.boolean(),
    stages: z.array(z.object({ layer: z.string(), object: z.string(), rows: z.number() })).readonly(),
    comparisons: z
      .array(
        z.object({
          first: z.string(),
          second: z.string(),
          rows: z.number(),
          cells: z.number(),
          differences: z.number(),
          examples: z
            .array(z.object({ surrogate_key: z.string(), column: z.string(), first: cell, second: cell }))
            .readonly(),
        }),
      )
      .readonly(),
    checks: z.array(z.object({ check: z.string(), statement: z.string(), holds: z.boolean() })).readonly(),
    findings: z.array(findingSchema).readonly().describe('The most money first.'),
    not_run: z
      .array(z.string())
      .readonly()
      .describe('Engines that the configuration names and why they were left out.'),
  }),
  errors: [...LOAD_ERRORS, 'TIE-5019', 'TIE-5064', 'TIE-5071', 'TIE-5072'],
  positional: ['file'],
  http: martBinding('validate', ['snowflake']),
  violated: ({ valid }) => !valid,
  async run(context, { file, source, snowflake }) {
    const { books, tenant } = context
    const found = await configOf(file)
    const { engine, notRun } = accountOf(context, found.config, snowflake)
    const { withMart } = await import('../store/load.js')
    const { validateMart } = await import('../store/validate.js')
    const location = neededSource(context, found, file, source)
    return withMart(found.config, found.placeOf, location, async (mart) => ({
      project_name: found.config.project_name,
      ...(await validateMart(mart, books, tenant, engine)),
      not_run: notRun,
    }))
  },
})

interface AccountChoice {
  readonly engine?: SnowflakeEngine
  readonly notRun: readonly string[]
}

/** The account that is asked for must be there; one that the file alone names may be missing on this machine. */
function accountOf(context: Context, config: MartConfig, asked: string | undefined): AccountChoice {
  const id = asked ?? config.snowflake.connection
  if (id === null) return { notRun: [] }
  if (context.filesUnder !== undefined)
    return { notRun: [`Snowflake by ${id}: a server sends facts nowhere`] }
  const connection = context.connection?.(id)
  const variable = connectionVariable(id)
  if (connection !== undefined && isAccount(connection))
    return { engine: { id, connection, signal: context.signal }, notRun: [] }
  if (asked !== undefined) refuse('TIE-5064', { connection: id, variable })
  return { notRun: [`Snowflake by ${id}: ${variable} is not https:// of an account`] }
}

const exportConfig = operation({
  name: 'mart export',
  summary: 'Write a mart configuration as YAML with every value said, defaults too.',
  effect: 'read',
  input: z.object({ file: configInput }),
  output: z.object({ project_name: z.string(), yaml: z.string() }),
  errors: ['TIE-5001', 'TIE-5002'],
  positional: ['file'],
  http: martBinding('export'),
  async run(_, { file }) {
    const { config } = await configOf(file)
    const { printConfigFile } = await import('../config-file.js')
    return { project_name: config.project_name, yaml: printConfigFile(config) }
  },
})

export const martValidateOperations: readonly Operation[] = [validate, exportConfig]
