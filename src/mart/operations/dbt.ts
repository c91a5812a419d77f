/** The operations that write a mart for other tools: a dbt project, and checks for Great Expectations and plain SQL. */

import { isAbsolute, relative, resolve } from 'node:path'
import { z } from 'zod'
import { problem, refuse, refuseAll } from '../../base/errors.js'
import { type Operation, operation } from '../../books/operation.js'
import { DIALECT_NAMES, type DialectName } from '../../engines/plan/dialects.js'
import type { WrittenFile } from '../checks/write-checks.js'
import type { DbtTable } from '../dbt/sources.js'
import type { LoadedMart } from '../store/load.js'
import { configInput, configOf, LOAD_ERRORS, martBinding, neededSource, sourceInput } from './schemas.js'

const dialectInput = z.enum(DIALECT_NAMES).default('duckdb').describe('Whose SQL.')
const checkOutput = z.object({ check: z.string(), layer: z.string(), statement: z.string() })
const leftOut = z
  .array(z.object({ check: z.string(), statement: z.string(), rows: z.number() }))
  .readonly()
  .describe('Checks that do not hold now, with the rows that break them: they are not written.')

const filesOutput = z.array(
  z.object({
    file: z.string(),
    bytes: z.number(),
    text: z.string().optional().describe('Where none is written.'),
  }),
)
const filesTold = (files: readonly WrittenFile[], out: string | undefined) =>
  files.map(({ path, text }) => ({
    file: path,
    bytes: Buffer.byteLength(text),
    ...(out === undefined ? { text } : {}),
  }))

const dbt = operation({
  name: 'mart dbt',
  summary: 'Write a whole dbt project of a mart, with the tests that hold now; exit 1 when some do not.',
  effect: 'read',
  input: z.object({
    file: configInput,
    out: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Folder of the project; files of the same names are replaced. They come with the answer when not said.',
      ),
    dbt_project_name: z.string().min(1).max(100).optional().describe('The project name when not said.'),
    dialect: dialectInput,
    source: sourceInput,
  }),
  output: z.object({
    project_name: z.string(),
    dialect: z.string(),
    out: z.string().nullable(),
    files: filesOutput,
    checks: z.array(checkOutput),
    left_out: leftOut,
  }),
  errors: [...LOAD_ERRORS, 'TIE-2802', 'TIE-5019', 'TIE-5030'],
  positional: ['file'],
  http: martBinding('dbt', ['out']),
  violated: ({ left_out }) => left_out.length > 0,
  async run(context, { file, out, dbt_project_name, dialect, source }) {
    const found = await configOf(file)
    const location = neededSource(context, found, file, source)
    const { withMart, tablesOf } = await import('../store/load.js')
    const { runOnDuckDB } = await import('../store/run-duckdb.js')
    const { runChecks } = await import('../store/run-checks.js')
    const { dbtProject } = await import('../dbt/project.js')
    const { planPipeline } = await import('../pipeline/pipeline.js')
    const { writeFiles } = await import('../store/write-files.js')
    return withMart(found.config, found.placeOf, location, async (mart) => {
      const { columns } = await runOnDuckDB(mart)
      const { checks, left_out } = await runChecks(mart)
      const tables = await Promise.all(tablesOf(found.config).map((parts) => tableOf(mart, parts, dialect)))
      const { shape, data } = mart
      const { files, unsupported } = dbtProject({
        projectName: dbt_project_name ?? found.config.project_name,
        dialect,
        shape,
        formulas: data.formulas,
        objects: planPipeline(shape, data.formulas),
        columns,
        checks,
        tables,
        location: out === undefined ? '.' : fromFolder(out, location),
      })
      refuseAll(unsupported.map(({ object, what }) => problem('TIE-5022', { dialect, what, object })))
      if (out !== undefined) await writeFiles(out, files)
      return {
        project_name: found.config.project_name,
        dialect,
        out: out ?? null,
        files: filesTold(files, out),
        checks: checks.map(({ name: check, layer, statement }) => ({ check, layer, statement })),
        left_out,
      }
    })
  },
})

/** With slashes, so that the project is the same wherever both folders move together. */
function fromFolder(out: string, location: string): string {
  const path = relative(resolve(out), resolve(location)) || '.'
  return (isAbsolute(path) ? resolve(location) : path).replaceAll('\\', '/')
}

/** How dbt finds a table. Raises TIE-5030. */
export async function tableOf(
  { source }: LoadedMart,
  parts: readonly string[],
  dialect: DialectName,
): Promise<DbtTable> {
  if (dialect !== 'duckdb') return { parts, place: null }
  const place = source.placeOf(parts) ?? refuse('TIE-5030', { source: 'a PostgreSQL database' })
  if (place.kind === 'table') return { parts, place }
  if (!place.isCsv) return { parts, place: { kind: 'parquet', file: place.file } }
  const columns = (await source.columns(parts)).map(({ name }) => name)
  return { parts, place: { kind: 'csv', file: place.file, columns } }
}

const expectations = operation({
  name: 'mart expectations',
  summary:
    'Write the checks of a mart that hold now as a Great Expectations 1.x suite and as SQL; exit 1 when some do not.',
  effect: 'read',
  input: z.object({
    file: configInput,
    out: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Folder of the files; those of the same names are replaced. They come with the answer when not said.',
      ),
    name: z
      .string()
      .min(1)
      .max(100)
      .optional()
      .describe('Of the suite; the project name and _suite when not said.'),
    dialect: dialectInput,
    source: sourceInput,
  }),
  output: z.object({
    project_name: z.string(),
    dialect: z.string(),
    suite: z.string().describe('The file of the suite, over DT_3.'),
    files: filesOutput,
    checks: z.array(checkOutput),
    left_out: leftOut,
  }),
  errors: [...LOAD_ERRORS, 'TIE-2802', 'TIE-5019'],
  positional: ['file'],
  http: martBinding('expectations', ['out']),
  violated: ({ left_out }) => left_out.length > 0,
  async run(context, { file, out, name, dialect, source }) {
    const found = await configOf(file)
    const location = neededSource(context, found, file, source)
    const { withMart } = await import('../store/load.js')
    const { runOnDuckDB } = await import('../store/run-duckdb.js')
    const { runChecks } = await import('../store/run-checks.js')
    const { expectationSuite, sqlChecks, unsupportedBy } = await import('../checks/write-checks.js')
    const { writeFiles } = await import('../store/write-files.js')
    return withMart(found.config, found.placeOf, location, async (mart) => {
      await runOnDuckDB(mart)
      const { checks, left_out } = await runChecks(mart)
      refuseAll(
        unsupportedBy(checks, dialect).map((what) =>
          problem('TIE-5022', { dialect, what, object: 'a check' }),
        ),
      )
      const suiteName = name ?? `${found.config.project_name}_suite`
      const suite = { path: 'suite.json', text: expectationSuite(checks, suiteName, dialect) }
      const files = [suite, ...sqlChecks(checks, dialect)]
      if (out !== undefined) await writeFiles(out, files)
      return {
        project_name: found.config.project_name,
        dialect,
        suite: suite.path,
        files: filesTold(files, out),
        checks: checks.map(({ name: check, layer, statement }) => ({ check, layer, statement })),
        left_out,
      }
    })
  },
})

export const martToolOperations: readonly Operation[] = [dbt, expectations]
