/**
 * A use case as a person or a program writes it, before anything is checked against a structure and a
 * source. All scalars are text; null is said, never implied.
 */

import { z } from 'zod'

const name = z.string().min(1).max(200)

/** An object of JSON as a list, which keeps its order whatever the names are. */
const listed = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.entries(value).map(([measure, column]) => ({ name: measure, column: column as unknown }))
    : value

const driver = z.strictObject({
  nodes: z.union([z.enum(['leaves', 'all']), z.array(z.string()).min(1)]),
  column: name,
  value: z.enum(['node_id', 'node_name']).default('node_id'),
})

const rule = z.strictObject({
  node: name,
  where: z.string().optional(),
  scope: z.enum(['node', 'table']).optional(),
  measure_name: name.optional(),
  formula: z.string().optional(),
  into: name.optional(),
  note: z.string().max(2000).optional(),
})

export const useCaseDraftSchema = z.strictObject({
  use_case: name.describe('The name of the use case.'),
  description: z.string().max(2000).optional(),
  structure: name.describe('The structure whose nodes are reported.'),
  source: z
    .strictObject({
      engine: z.enum(['books', 'duckdb']).optional(),
      table: name.optional(),
      path: name.optional(),
      date: name.nullable().optional(),
      scenario: name.nullable().optional(),
    })
    .describe('Where the facts are, and which columns hold the COB date and the scenario.'),
  measures: z
    .preprocess(listed, z.array(z.strictObject({ name, column: name })))
    .describe('Standard measure → fact column, as an object or a list; the first is the default.'),
  policy: z.enum(['most_specific', 'top_down']).default('most_specific'),
  scenarios: z.array(name).min(1).max(20).optional(),
  drivers: z.array(driver).optional(),
  rules: z.array(rule).max(100_000).default([]),
})

export type UseCaseDraft = z.output<typeof useCaseDraftSchema>
export type RuleDraft = UseCaseDraft['rules'][number]
