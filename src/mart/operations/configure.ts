/**
 * The operations that make and edit a configuration file: each reads the file, changes one thing, checks the whole and
 * puts it in place at once.
 */

import { basename, dirname, join, resolve } from 'node:path'
import { z } from 'zod'
import { type ErrorCode, refuse } from '../../base/errors.js'
import { namedFile, writableFile } from '../../books/named-file.js'
import { type Context, type Operation, operation } from '../../books/operation.js'
import { textOfFile } from '../../books/text-file.js'
import { writeTextWhole } from '../../books/whole-file.js'
import type { SeenColumns } from '../config-create.js'
import type { Edited, ListName } from '../config-edit.js'
import type { WithUseCase } from '../store/from-use-case.js'
import { isPostgres } from '../store/source-tables.js'
import { findingSchema } from './run.js'
import { configBinding, configInput, martBinding, sourceBeside } from './schemas.js'

const word = z.string().min(1).max(255)
const output = z.object({
  project_name: z.string(),
  file: z.string(),
  join_patterns: z.array(z.string()),
  dimensions: z.array(z.string()),
  dynamic_column_map: z.array(z.string()),
})

const FILE = { pointer: '/file' }
const EDIT_ERRORS: readonly ErrorCode[] = [
  'TIE-1612',
  'TIE-2802',
  'TIE-5001',
  'TIE-5002',
  'TIE-5011',
  'TIE-5031',
]

const told = (file: string, { config }: Edited): z.output<typeof output> => ({
  project_name: config.project_name,
  file,
  join_patterns: config.join_patterns.map(({ name }) => name),
  dimensions: config.dimensions.map(({ alias }) => alias),
  dynamic_column_map: config.dynamic_column_map.map(({ id_source }) => id_source),
})

const table = word.optional()

const create = (withUseCase: WithUseCase): Operation =>
  operation({
    name: 'mart create',
    summary:
      'Make a mart configuration: of a use case with the tables it needs, or of tables that are there.',
    effect: 'read',
    books: { onlyWith: 'use_case' },
    input: z.object({
      file: z.string().min(1).describe('The YAML file to write.'),
      use_case: word
        .optional()
        .describe(
          'Name or id of a use case: its nodes, drivers, facts and formulas, as files beside the file.',
        ),
      project_name: word
        .optional()
        .describe('Names the objects of the pipeline; that of the use case when not said.'),
      report_type: word.optional().describe('GROSS, NET or what else the report is.'),
      hierarchy_table: table,
      mapping_table: table,
      fact_table: table,
      measures: z.array(word).max(16).default([]).describe('Columns of amounts.'),
      scale: z.coerce
        .number()
        .int()
        .min(0)
        .max(8)
        .default(2)
        .describe('Digits after the point that amounts have.'),
      grain: z.array(word).max(16).default([]).describe('Columns of the fact that stay, such as the period.'),
      levels: z.array(word).max(20).default([]).describe('Level columns; those of the source when not said.'),
      account_segment: word.optional(),
      measure_prefix: word.optional().describe('The report type when not said.'),
      has_sign_change: z.boolean().default(false),
      has_exclusions: z.boolean().default(false),
      has_group_filter_precedence: z.boolean().default(false),
      source: z.string().min(1).optional().describe('Where the tables are, from where the file will stand.'),
      overwrite: z.boolean().default(false).describe('Replace files that are there.'),
    }),
    output: output.extend({
      tables: z
        .array(z.object({ file: z.string(), rows: z.number() }))
        .readonly()
        .describe('Written for a use case.'),
      findings: z.array(findingSchema).readonly(),
    }),
    errors: [
      ...EDIT_ERRORS,
      'TIE-1101',
      'TIE-1102',
      'TIE-1104',
      'TIE-2407',
      'TIE-2408',
      'TIE-2801',
      'TIE-5003',
      'TIE-5023',
      'TIE-5025',
      'TIE-5032',
      'TIE-5033',
      'TIE-5034',
    ],
    positional: ['file'],
    words: ['measures', 'grain', 'levels'],
    http: configBinding('create'),
    async run(context, { file: asked, overwrite, use_case, ...given }) {
      const file = writableFile(context, asked, FILE)
      const existing = overwrite ? 'replace' : 'refuse'
      if (use_case !== undefined) {
        const { martOfUseCase } = await import('../store/from-use-case.js')
        const made = await withUseCase(context, use_case, (report) =>
          martOfUseCase(context, report, { file, project: given.project_name, existing }),
        )
        const tables = made.tables.map(({ file: path, rows }) => ({ file: beside(asked, path), rows }))
        return { ...told(asked, made.edited), tables, findings: made.findings }
      }
      const { newConfigText } = await import('../config-create.js')
      const { checkedConfig } = await import('../config-edit.js')
      const whole = wholeOf(given)
      const location = whole.source === undefined ? undefined : sourceFor(context, file, whole.source)
      const seen = location === undefined ? undefined : await columnsSeen(location, whole)
      // The command line says it from where the file will stand already.
      const source =
        location === undefined || context.filesUnder === undefined
          ? whole.source
          : sourceBeside(location, file)!
      const edited = checkedConfig(newConfigText({ ...whole, source }, seen), asked)
      await writeTextWhole({ file, existing, token: context.newId() }, edited.text)
      return { ...told(asked, edited), tables: [], findings: [] }
    },
  })

/** In the words of the request, whose folders may be links. */
const beside = (asked: string, path: string): string => join(dirname(asked), basename(path))

const NEEDED = ['project_name', 'report_type', 'hierarchy_table', 'mapping_table', 'fact_table'] as const
type Needed = Readonly<Record<(typeof NEEDED)[number], string>>
type Wanted = { readonly [K in keyof Needed]?: string | undefined } & { readonly measures: readonly string[] }

function wholeOf<T extends Wanted>(given: T): T & Needed {
  const missing = [
    ...NEEDED.filter((name) => given[name] === undefined),
    ...(given.measures.length === 0 ? ['measures'] : []),
  ]
  if (missing.length > 0) refuse('TIE-5034', { missing: `there is no ${missing.join(', no ')}` })
  return given as T & Needed
}

/** On the command line from where the file will stand; over HTTP beneath the server's directory. */
function sourceFor(context: Context, file: string, source: string): string {
  if (context.filesUnder !== undefined) return namedFile(context, source, '', { pointer: '/source' })
  return isPostgres(source) ? source : resolve(dirname(file), source)
}

async function columnsSeen(
  location: string,
  { hierarchy_table, mapping_table, fact_table }: Needed,
): Promise<SeenColumns> {
  const { openMartSource } = await import('../store/source.js')
  const { tableParts } = await import('../../base/table-name.js')
  const tables = [hierarchy_table, mapping_table, fact_table].map((name) => tableParts(name) ?? [name])
  const opened = await openMartSource(location, tables)
  try {
    const names = async (i: number) => (await opened.columns(tables[i]!)).map(({ name }) => name)
    return { hierarchy: await names(0), mapping: await names(1) }
  } finally {
    opened.close()
  }
}

async function added(
  context: Context,
  file: string,
  list: ListName,
  entry: Readonly<Record<string, unknown>>,
): Promise<z.output<typeof output>> {
  const { withEntry } = await import('../config-edit.js')
  const path = context.filesUnder === undefined ? file : namedFile(context, file, '', FILE)
  const edited = withEntry(await textOfFile(path, 'TIE-5001'), file, list, entry)
  await writeTextWhole({ file: path, existing: 'replace', token: context.newId() }, edited.text)
  return told(file, edited)
}

const addDimension = operation({
  name: 'mart add-dimension',
  summary: 'Add a dimension, which join keys and physical columns name, to a mart configuration.',
  effect: 'read',
  books: 'none',
  input: z.object({
    file: configInput,
    alias: word.describe('Stands before the column in physical_column.'),
    table: word,
    key: word.describe('What the fact holds.'),
    filter_column: word.describe('Its column of DT_2, as join_keys name it.'),
    segment_column: word.optional().describe('Compared with account_segment.'),
  }),
  output,
  errors: EDIT_ERRORS,
  positional: ['file', 'alias'],
  http: configBinding('add-dimension'),
  run: (context, { file, ...entry }) => added(context, file, 'dimensions', entry),
})

const addJoin = operation({
  name: 'mart add-join',
  summary: 'Add a join pattern, one UNION ALL branch, to a mart configuration.',
  effect: 'read',
  books: 'none',
  input: z.object({
    file: configInput,
    name: word.describe('Of the branch.'),
    join_keys: z.array(word).min(1).describe('Filter columns of DT_2.'),
    fact_keys: z.array(word).min(1).describe('Columns of the fact, one for each join key.'),
    filter: z
      .string()
      .min(1)
      .optional()
      .describe('Predicate over columns of the fact, then of the hierarchy.'),
  }),
  output,
  errors: [...EDIT_ERRORS, 'TIE-2201'],
  positional: ['file', 'name'],
  http: configBinding('add-join'),
  words: ['join_keys', 'fact_keys'],
  run: (context, { file, ...entry }) => added(context, file, 'join_patterns', entry),
})

const addColumn = operation({
  name: 'mart add-column',
  summary: 'Add what an ID_SOURCE of the mapping stands for to a mart configuration.',
  effect: 'read',
  books: 'none',
  input: z.object({
    file: configInput,
    id_source: word.describe('As the mapping has it.'),
    physical_column: word.describe('ALIAS.COLUMN of a dimension.'),
    is_alias: z.boolean().default(false).describe('A spelling that corrects a typo.'),
  }),
  output,
  errors: EDIT_ERRORS,
  positional: ['file', 'id_source', 'physical_column'],
  http: configBinding('add-column'),
  run: (context, { file, is_alias, ...entry }) =>
    added(context, file, 'dynamic_column_map', { ...entry, ...(is_alias ? { is_alias } : {}) }),
})

const importConfig = operation({
  name: 'mart import',
  summary: 'Check a mart configuration in YAML or JSON and keep it as a file with every value said.',
  effect: 'read',
  books: 'none',
  input: z.object({
    from: z.string().min(1).describe('The YAML or JSON to read.'),
    file: z.string().min(1).describe('The YAML file to write.'),
    overwrite: z.boolean().default(false).describe('Replace the file when there is one.'),
  }),
  output,
  errors: [...EDIT_ERRORS, 'TIE-2801'],
  positional: ['from', 'file'],
  http: { ...martBinding('import'), upload: 'from', beneath: ['file'], role: 'preparer' },
  async run(context, { from, file, overwrite }) {
    const { checkedConfig } = await import('../config-edit.js')
    const { printConfigFile } = await import('../config-file.js')
    const path = writableFile(context, file, { parameter: 'file' })
    const { config } = checkedConfig(await textOfFile(from, 'TIE-5001'), from)
    const existing = overwrite ? 'replace' : 'refuse'
    await writeTextWhole({ file: path, existing, token: context.newId() }, printConfigFile(config))
    return told(file, { config, text: '' })
  },
})

/** `withUseCase` finds use cases, which are another part's. */
export const martConfigureOperations = (withUseCase: WithUseCase): readonly Operation[] => [
  create(withUseCase),
  addDimension,
  addJoin,
  addColumn,
  importConfig,
]
