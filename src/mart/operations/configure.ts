/**
 * The operations that make and edit a configuration file: each reads the file, changes one thing, checks the whole and
 * puts it in place at once.
 */

import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import type { ErrorCode } from '../../base/errors.js'
import { type Context, type Operation, operation } from '../../books/operation.js'
import { textOfFile } from '../../books/text-file.js'
import type { Edited, ListName } from '../config-edit.js'
import { replaceFile } from '../store/replace-file.js'
import { configInput } from './schemas.js'

const word = z.string().min(1).max(255)
const output = z.object({
  project_name: z.string(),
  file: z.string(),
  join_patterns: z.array(z.string()),
  dimensions: z.array(z.string()),
  dynamic_column_map: z.array(z.string()),
})

const EDIT_ERRORS: readonly ErrorCode[] = ['TIE-2802', 'TIE-5001', 'TIE-5002', 'TIE-5011', 'TIE-5031']

const told = (file: string, { config }: Edited): z.output<typeof output> => ({
  project_name: config.project_name,
  file,
  join_patterns: config.join_patterns.map(({ name }) => name),
  dimensions: config.dimensions.map(({ alias }) => alias),
  dynamic_column_map: config.dynamic_column_map.map(({ id_source }) => id_source),
})

const create = operation({
  name: 'mart create',
  summary: 'Make a mart configuration; with a source, its levels and columns are those of the tables.',
  effect: 'read',
  books: 'none',
  input: z.object({
    file: z.string().min(1).describe('The YAML file to write.'),
    project_name: word.describe('Names the objects of the pipeline.'),
    report_type: word.describe('GROSS, NET or what else the report is.'),
    hierarchy_table: word,
    mapping_table: word,
    fact_table: word,
    measures: z.array(word).min(1).max(16).describe('Columns of amounts.'),
    scale: z.number().int().min(0).max(8).default(2).describe('Digits after the point that amounts have.'),
    grain: z.array(word).max(16).default([]).describe('Columns of the fact that stay, such as the period.'),
    levels: z.array(word).max(20).default([]).describe('Level columns; those of the source when not said.'),
    account_segment: word.optional(),
    measure_prefix: word.optional().describe('The report type when not said.'),
    has_sign_change: z.boolean().default(false),
    has_exclusions: z.boolean().default(false),
    has_group_filter_precedence: z.boolean().default(false),
    source: z.string().min(1).optional().describe('Where the tables are, from where the file will stand.'),
    overwrite: z.boolean().default(false).describe('Replace the file when there is one.'),
  }),
  output,
  errors: [...EDIT_ERRORS, 'TIE-2801', 'TIE-5003', 'TIE-5023', 'TIE-5025', 'TIE-5032'],
  positional: ['file'],
  words: ['measures', 'grain', 'levels'],
  async run(context, { file, overwrite, ...given }) {
    const { newConfigText } = await import('../config-create.js')
    const { checkedConfig } = await import('../config-edit.js')
    const seen = given.source === undefined ? undefined : await columnsSeen(file, given.source, given)
    const edited = checkedConfig(newConfigText(given, seen), file)
    const existing = overwrite ? 'replace' : 'refuse'
    await replaceFile(file, edited.text, { token: context.newId(), existing })
    return told(file, edited)
  },
})

async function columnsSeen(
  file: string,
  source: string,
  {
    hierarchy_table,
    mapping_table,
    fact_table,
  }: { hierarchy_table: string; mapping_table: string; fact_table: string },
) {
  const { openMartSource } = await import('../store/source.js')
  const { tableParts } = await import('../table-name.js')
  const location = /^postgres(?:ql)?:\/\//.test(source) ? source : resolve(dirname(file), source)
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
  const edited = withEntry(await textOfFile(file, 'TIE-5001'), file, list, entry)
  await replaceFile(file, edited.text, { token: context.newId(), existing: 'replace' })
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
  async run(context, { from, file, overwrite }) {
    const { checkedConfig } = await import('../config-edit.js')
    const { printConfigFile } = await import('../config-file.js')
    const { config } = checkedConfig(await textOfFile(from, 'TIE-5001'), from)
    const existing = overwrite ? 'replace' : 'refuse'
    await replaceFile(file, printConfigFile(config), { token: context.newId(), existing })
    return told(file, { config, text: '' })
  },
})

export const martConfigureOperations: readonly Operation[] = [
  create,
  addDimension,
  addJoin,
  addColumn,
  importConfig,
]
