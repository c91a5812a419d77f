/**
 * A use case as a person or a program writes it, before anything is checked against a structure and a
 * source. All scalars are text; null is said, never implied. A stored use case can be written as a draft again,
 * which binds to the same use case. Raises nothing.
 */

import { z } from 'zod'
import { printFormula } from '../language/formula.js'
import { printPredicate } from '../language/predicate.js'
import type { Rule, UseCase } from './use-case.js'

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

export const ruleDraftSchema = z.strictObject({
  node: name.describe('The node whose value the rule decides.'),
  where: z
    .string()
    .optional()
    .describe("A predicate over fact columns: strategy = 'CORE' and book in ('B1','B2')."),
  scope: z
    .enum(['node', 'table'])
    .optional()
    .describe("The node's own facts (the default), or all facts in scope."),
  measure_name: name.optional().describe('A measure or numeric column to take the value from.'),
  formula: z.string().optional().describe('Arithmetic over nodes or queries: N2 - N10, sum(daily where …).'),
  into: name.optional().describe('The measure it sets; by default the first, or all.'),
  note: z.string().max(2000).optional().describe('Why, in your words.'),
})

const source = z.strictObject({
  engine: z.enum(['books', 'duckdb', 'snowflake']).optional(),
  connection: name.optional(),
  table: name.optional(),
  path: name.optional(),
  date: name.nullable().optional(),
  scenario: name.nullable().optional(),
})

export const useCaseDraftSchema = z.strictObject({
  use_case: name.describe('The name of the use case.'),
  description: z.string().max(2000).optional(),
  structure: name.describe('The structure whose nodes are reported.'),
  source: source.describe('Where the facts are, and which columns hold the COB date and the scenario.'),
  measures: z
    .preprocess(listed, z.array(z.strictObject({ name, column: name })))
    .describe('Standard measure → fact column, as an object or a list; the first is the default.'),
  policy: z.enum(['most_specific', 'top_down']).default('most_specific'),
  scenarios: z.array(name).min(1).max(20).optional(),
  drivers: z.array(driver).optional(),
  rules: z.array(ruleDraftSchema).max(100_000).default([]),
})

export type UseCaseDraft = z.output<typeof useCaseDraftSchema>
export type RuleDraft = UseCaseDraft['rules'][number]

export const draftOf = (useCase: UseCase): UseCaseDraft => ({
  use_case: useCase.name,
  ...(useCase.description === null ? {} : { description: useCase.description }),
  structure: useCase.structure,
  source: {
    engine: useCase.source.engine,
    ...(useCase.source.connection === undefined ? {} : { connection: useCase.source.connection }),
    ...(useCase.source.table === null ? {} : { table: useCase.source.table }),
    ...(useCase.source.path === null ? {} : { path: useCase.source.path }),
    date: useCase.source.date,
    scenario: useCase.source.scenario,
  },
  measures: [...useCase.measures],
  policy: useCase.policy,
  scenarios: [...useCase.scenarios],
  ...(useCase.drivers === null
    ? {}
    : {
        drivers: useCase.drivers.map(({ nodes, ...driver }) => ({
          ...driver,
          nodes: typeof nodes === 'string' ? nodes : [...nodes],
        })),
      }),
  rules: useCase.rules.map(ruleDraftOf),
})

export function ruleDraftOf(rule: Rule): RuleDraft {
  const note = rule.note === null ? {} : { note: rule.note }
  if (rule.flavour === 'arithmetic') {
    const into = rule.into === null ? {} : { into: rule.into }
    return { node: rule.node, formula: printFormula(rule.formula), ...into, ...note }
  }
  const where = rule.where === null ? {} : { where: printPredicate(rule.where) }
  const scope = rule.scope === 'node' ? {} : { scope: rule.scope }
  if (rule.flavour === 'filter') return { node: rule.node, ...where, ...scope, ...note }
  return { node: rule.node, ...where, ...scope, measure_name: rule.measure_name, into: rule.into, ...note }
}
