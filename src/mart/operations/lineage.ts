/** The operation that traces a cell of a mart to mapping rows and facts. */

import { z } from 'zod'
import { type Operation, operation } from '../../books/operation.js'
import {
  configBinding,
  configInput,
  LOAD_ERRORS,
  namedConfigOf,
  neededSource,
  sourceInput,
} from './schemas.js'

const check = z.object({ check: z.string(), statement: z.string(), holds: z.boolean() })
const cell = z.string().nullable()

const cellSchema = z
  .object({
    node: z.string(),
    kind: z.string().describe('DETAIL, TOTAL or FORMULA.'),
    measure: z.string(),
    value: cell.describe('As DT_3 has it.'),
    making: z.enum(['sum', 'computed']).describe('Of facts, or of figures that are summed up already.'),
    nodes: z
      .array(
        z.object({
          node: z.string(),
          name: z.string(),
          weight: z.string().describe('How often it counts.'),
          mapping_rows: z
            .array(
              z.object({
                row: z.number(),
                id_source: z.string(),
                id: z.string(),
                excluded: z.boolean(),
                column: z.string(),
              }),
            )
            .readonly(),
          fact_filter: cell.describe(
            'Its facts as a predicate over the fact table; null when it is too long.',
          ),
          facts: z.number(),
          amount: cell.describe('What they add to the cell.'),
        }),
      )
      .readonly(),
    get operands() {
      return z
        .array(z.object({ op: z.string(), operand: z.string(), value: cell, cell: cellSchema.nullable() }))
        .readonly()
        .describe('Of a computed cell, each with its own lineage.')
    },
    fact_count: z.number(),
    facts: z
      .array(z.object({ row: z.number(), node: z.string(), value: cell, fact: z.record(z.string(), cell) }))
      .readonly(),
    checks: z.array(check).readonly(),
  })
  .meta({ id: 'MartCell' })

const lineage = operation({
  name: 'mart lineage',
  summary: 'Trace a cell of a mart to mapping rows, the filter of its facts, and the facts, which sum to it.',
  effect: 'read',
  input: z.object({
    file: configInput,
    source: sourceInput,
    node: z.string().min(1).describe('Key, name, or path of levels with " > " between them; or a formula.'),
    slice: z
      .record(z.string(), z.string())
      .default({})
      .describe('Values of the grain, such as {PERIOD: 2025-03}; what is not said is summed over.'),
    measure: z.string().min(1).optional().describe('The first one when not said.'),
    limit: z.coerce.number().int().min(0).max(10_000).default(100).describe('Facts listed at most.'),
  }),
  output: cellSchema,
  errors: [...LOAD_ERRORS, 'TIE-5019', 'TIE-5065', 'TIE-5066'],
  positional: ['file'],
  http: { ...configBinding('lineage'), role: 'reader' },
  violated: ({ checks }) => checks.some(({ holds }) => !holds),
  async run(context, { file, source, ...asked }) {
    const { found, path } = await namedConfigOf(context, file)
    const { withMart } = await import('../store/load.js')
    const { lineageOf } = await import('../store/lineage.js')
    const location = neededSource(context, found, path, source)
    return withMart(found.config, found.placeOf, location, (mart) => lineageOf(mart, asked))
  },
})

export const martLineageOperations: readonly Operation[] = [lineage]
