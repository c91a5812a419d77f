/** The operation that says what an edit of a hierarchy or a mapping would change. */

import { z } from 'zod'
import { namedFile } from '../../books/named-file.js'
import { type Operation, operation } from '../../books/operation.js'
import { DIALECT_NAMES } from '../../engines/plan/dialects.js'
import {
  configBinding,
  configInput,
  LOAD_ERRORS,
  namedConfigOf,
  neededSource,
  sourceInput,
} from './schemas.js'

const cell = z.string().nullable()

const plan = operation({
  name: 'mart plan',
  summary:
    'Say what an edited hierarchy or mapping would change: figures, statements, keys. Nothing is written.',
  effect: 'read',
  input: z.object({
    file: configInput,
    source: sourceInput,
    edit: z.string().min(1).optional().describe('An edited copy of the hierarchy or the mapping, as CSV.'),
    to: z.string().min(1).optional().describe('Another source, with the tables as they will be.'),
    dialect: z.enum(DIALECT_NAMES).default('snowflake').describe('Whose statements are compared.'),
    limit: z.coerce.number().int().min(0).max(100_000).default(1000).describe('Figures listed at most.'),
  }),
  output: z.object({
    project_name: z.string(),
    edited: cell.describe('The table that the file stands for.'),
    figures_moved: z.number(),
    moves: z
      .array(
        z.object({
          change: z.enum(['moved', 'added', 'gone']),
          surrogate_key: z.string(),
          row_kind: z.string(),
          node: z.string(),
          slice: z.record(z.string(), cell),
          measure: z.string(),
          before: cell,
          after: cell,
          by: z.string(),
        }),
      )
      .readonly()
      .describe('The largest first.'),
    keys: z.object({
      survive: z.number().describe('Rows of nodes, totals and formulas that keep their key.'),
      added: z.array(z.string()).readonly(),
      gone: z.array(z.string()).readonly(),
      ranks_moved: z.number().describe('Rows that keep their key and not their NODE_RANK.'),
    }),
    ddl: z
      .array(z.object({ object_name: z.string(), layer: z.string(), diff: z.array(z.string()).readonly() }))
      .readonly()
      .describe('Lines removed (-) and added (+); empty where the statement stays.'),
  }),
  errors: [...LOAD_ERRORS, 'TIE-1005', 'TIE-2410', 'TIE-2412', 'TIE-5019', 'TIE-5067', 'TIE-5070'],
  positional: ['file'],
  http: { ...configBinding('plan'), role: 'reader' },
  async run(context, { file, source, limit, ...change }) {
    const { found, path } = await namedConfigOf(context, file)
    const named = (name: 'edit' | 'to'): string | undefined =>
      context.filesUnder === undefined || change[name] === undefined
        ? change[name]
        : namedFile(context, change[name], '', { pointer: `/${name}` })
    const { planOf } = await import('../store/plan.js')
    const location = neededSource(context, found, path, source)
    const { moves, ...rest } = await planOf(found.config, found.placeOf, location, {
      ...change,
      edit: named('edit'),
      to: named('to'),
    })
    return {
      project_name: found.config.project_name,
      figures_moved: moves.length,
      moves: moves.slice(0, limit),
      ...rest,
    }
  },
})

export const martPlanOperations: readonly Operation[] = [plan]
