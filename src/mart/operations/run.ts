/** The operation that runs a mart over its tables. */

import { z } from 'zod'
import { digestOf } from '../../base/digest.js'
import { type Operation, operation } from '../../books/operation.js'
import { cursorInput, nextCursor, pageOf, positionOf } from '../../books/page.js'
import { martFindings } from '../mart-findings.js'
import { configInput, configOf, LOAD_ERRORS, martBinding, neededSource, sourceInput } from './schemas.js'

export const findingSchema = z.object({
  code: z.string(),
  severity: z.enum(['info', 'warning', 'error']),
  message: z.string(),
  suggestion: z.string(),
  node_id: z.string().optional(),
  measure: z.string().optional(),
  amount: z.string().optional().describe('The money behind it.'),
  rows: z.number().optional(),
})

const HTTP_ROWS = 1_000

const run = operation({
  name: 'mart run',
  summary: 'Run the pipeline of a mart over its tables by DuckDB and give the rows of DT_3.',
  effect: 'read',
  input: z.object({
    file: configInput,
    source: sourceInput,
    limit: z
      .number()
      .int()
      .min(1)
      .max(10_000)
      .optional()
      .describe('Rows of a page; over HTTP 1,000 when not said, otherwise all.'),
    cursor: cursorInput,
  }),
  output: z.object({
    project_name: z.string(),
    stages: z.array(z.object({ layer: z.string(), object: z.string(), rows: z.number() })).readonly(),
    findings: z.array(findingSchema).readonly(),
    columns: z.array(z.string()).readonly(),
    rows: z.array(z.array(z.string().nullable()).readonly()).readonly(),
    next_cursor: nextCursor,
  }),
  errors: [...LOAD_ERRORS, 'TIE-1605', 'TIE-5019'],
  positional: ['file'],
  http: martBinding('run'),
  async run(context, { file, source, limit: asked, cursor }) {
    const found = await configOf(file)
    const { withMart } = await import('../store/load.js')
    const { runOnDuckDB } = await import('../store/run-duckdb.js')
    const location = neededSource(context, found, file, source)
    return withMart(found.config, found.placeOf, location, async (mart) => {
      const { columns, rows, stages } = await runOnDuckDB(mart)
      const findings = martFindings(found.config, columns, rows)
      // The mart is run for every page; a cursor holds only while it gives the same rows.
      const scope = ['mart run', context.tenant, digestOf(rows)]
      const from = positionOf(scope, cursor, z.number().int()) ?? 0
      const limit = asked ?? (context.filesUnder === undefined ? rows.length : HTTP_ROWS)
      const numbered = rows.slice(from, from + limit + 1).map((row, i) => ({ row, after: from + i + 1 }))
      const page = pageOf(numbered, limit, scope, ({ after }) => after)
      return {
        project_name: found.config.project_name,
        stages,
        findings,
        columns,
        rows: page.rows.map(({ row }) => row),
        next_cursor: page.next_cursor,
      }
    })
  },
})

export const martRunOperations: readonly Operation[] = [run]
