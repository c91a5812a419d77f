/** The operation that runs a mart over its tables. */

import { z } from 'zod'
import { type Operation, operation } from '../../books/operation.js'
import { martFindings } from '../mart-findings.js'
import { configInput, configOf, LOAD_ERRORS, neededSource, sourceInput } from './schemas.js'

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

const run = operation({
  name: 'mart run',
  summary: 'Run the pipeline of a mart over its tables by DuckDB and give the rows of DT_3.',
  effect: 'read',
  input: z.object({ file: configInput, source: sourceInput }),
  output: z.object({
    project_name: z.string(),
    stages: z.array(z.object({ layer: z.string(), object: z.string(), rows: z.number() })).readonly(),
    findings: z.array(findingSchema).readonly(),
    columns: z.array(z.string()).readonly(),
    rows: z.array(z.array(z.string().nullable()).readonly()).readonly(),
  }),
  errors: [...LOAD_ERRORS, 'TIE-5019'],
  positional: ['file'],
  async run(_, { file, source }) {
    const found = await configOf(file)
    const { withMart } = await import('../store/load.js')
    const { runOnDuckDB } = await import('../store/run-duckdb.js')
    const location = neededSource(found, file, source)
    return withMart(found.config, found.placeOf, location, async (mart) => {
      const { columns, rows, stages } = await runOnDuckDB(mart)
      const findings = martFindings(found.config, columns, rows)
      return { project_name: found.config.project_name, stages, findings, columns, rows }
    })
  },
})

export const martRunOperations: readonly Operation[] = [run]
