/** What a rule can be written with: the nodes of a use case's hierarchy, its fields, and their values. */

import { z } from 'zod'
import { refuse } from '../../base/errors.js'
import { didYouMean } from '../../base/text.js'
import { type Operation, operation } from '../../books/operation.js'
import { bindNodes } from '../bindings.js'
import { distinctValues } from '../distinct-values.js'
import { buildTree, UNASSIGNED } from '../hierarchy.js'
import { ruleText } from '../rule-text.js'
import { withSource } from '../sources.js'
import { loadStructure } from '../store/structures.js'
import { loadUseCase } from '../store/use-cases.js'
import { sourceName, type UseCase } from '../use-case.js'
import { dateOf } from './schemas.js'

const useCaseName = z.string().describe('Name or id of the use case.')

const hierarchy = operation({
  name: 'use-cases hierarchy',
  summary: 'The nodes of a use case in the order of the tree, with what binds facts to them and their rules.',
  effect: 'read',
  input: z.object({ use_case: useCaseName }),
  output: z.object({
    use_case: z.string(),
    version: z.number(),
    structure: z.string(),
    structure_version: z.number(),
    nodes: z.array(
      z.object({
        node_id: z.string(),
        parent_node_id: z.string().nullable(),
        node_name: z.string(),
        depth: z.number(),
        is_leaf: z.boolean(),
        bindings: z.array(z.object({ rollup_driver: z.string(), value: z.string() })),
        rules: z.array(z.object({ no: z.number(), rule: z.string() })),
      }),
    ),
  }),
  errors: ['TIE-1101', 'TIE-1102'],
  positional: ['use_case'],
  http: { method: 'GET', path: '/api/v1/use-cases/{use_case}/hierarchy' },
  run: ({ books, tenant }, { use_case }) =>
    books.transaction(tenant, async (tx) => {
      const { useCase, version } = await loadUseCase(tx, use_case)
      const structure = await loadStructure(tx, useCase.structure)
      const tree = buildTree(structure.rows)
      const bindings = grouped(bindNodes(tree, useCase.drivers).bindings, ({ node }) => node)
      const rules = grouped(useCase.rules, ({ node }) => node)
      return {
        use_case: useCase.name,
        version,
        structure: structure.name,
        structure_version: structure.version,
        nodes: tree.nodes.map((node, position) => ({
          node_id: node.node_id,
          parent_node_id: node.parent_node_id,
          node_name: node.node_name,
          depth: node.depth,
          is_leaf: node.isLeaf && node.node_id !== UNASSIGNED,
          bindings: (bindings.get(position) ?? []).map(({ column, value }) => ({
            rollup_driver: column,
            value,
          })),
          rules: (rules.get(node.node_id) ?? []).map((rule) => ({ no: rule.no, rule: ruleText(rule) })),
        })),
      }
    }),
})

function grouped<T, K>(items: readonly T[], keyOf: (item: T) => K): ReadonlyMap<K, readonly T[]> {
  const groups = new Map<K, T[]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [item])
    else group.push(item)
  }
  return groups
}

const fields = operation({
  name: 'use-cases fields',
  summary: 'The columns of the fact source that rules can name, with their types and roles.',
  effect: 'read',
  input: z.object({ use_case: useCaseName }),
  output: z.object({
    use_case: z.string(),
    source: z.string(),
    fields: z.array(z.object({ name: z.string(), type: z.string(), roles: z.array(z.string()) })),
  }),
  errors: ['TIE-1102', 'TIE-1104', 'TIE-2417', 'TIE-2418', 'TIE-5064'],
  positional: ['use_case'],
  http: { method: 'GET', path: '/api/v1/use-cases/{use_case}/fields' },
  run: (context, { use_case }) =>
    context.books.transaction(context.tenant, async (tx) => {
      const { id, useCase } = await loadUseCase(tx, use_case)
      const tree = buildTree((await loadStructure(tx, useCase.structure)).rows)
      const drivers = bindNodes(tree, useCase.drivers).columns
      const columns = await withSource(context, tx, useCase.source, id, async (source) => source.columns)
      return {
        use_case: useCase.name,
        source: sourceName(useCase.source),
        fields: columns.map(({ name, type }) => ({ name, type, roles: rolesOf(name, useCase, drivers) })),
      }
    }),
})

/** `date`, `scenario`, `driver`, `measure daily`. */
const rolesOf = (column: string, { source, measures }: UseCase, drivers: readonly string[]): string[] => [
  ...(column === source.date ? ['date'] : []),
  ...(column === source.scenario ? ['scenario'] : []),
  ...(drivers.includes(column) ? ['driver'] : []),
  ...measures.filter((measure) => measure.column === column).map(({ name }) => `measure ${name}`),
]

const values = operation({
  name: 'use-cases values',
  summary: 'The distinct values of a field with their number of facts, most frequent first.',
  effect: 'read',
  input: z.object({
    use_case: useCaseName,
    field: z.string().describe('A column of the fact source.'),
    date: z.string().optional().describe('Only facts of this COB date.'),
    contains: z.string().max(200).optional().describe('Only values that contain this text.'),
    limit: z.coerce.number().int().min(1).max(1000).default(100).describe('At most so many.'),
  }),
  output: z.object({
    field: z.string(),
    type: z.string(),
    values: z.array(z.object({ value: z.string().nullable(), facts: z.number() })),
    more: z.boolean().describe('There are values beyond the limit.'),
  }),
  errors: ['TIE-1102', 'TIE-1104', 'TIE-2304', 'TIE-2417', 'TIE-2418', 'TIE-2501', 'TIE-5064'],
  positional: ['use_case', 'field'],
  http: { method: 'GET', path: '/api/v1/use-cases/{use_case}/fields/{field}/values' },
  run: (context, { use_case, field, date, contains, limit }) =>
    context.books.transaction(context.tenant, async (tx) => {
      const { id, useCase } = await loadUseCase(tx, use_case)
      const day = date === undefined ? undefined : dateOf(date)
      const columns = await withSource(context, tx, useCase.source, id, async (source) => source.columns)
      const column = columns.find(({ name }) => name === field)
      if (column === undefined) {
        const known = columns.map(({ name }) => name)
        refuse('TIE-2304', {
          source: sourceName(useCase.source),
          column: field,
          role: 'the field asked for',
          known: known.join(', '),
          suggestion: didYouMean(field, known),
        })
      }
      const found = await distinctValues(context, tx, {
        useCase,
        useCaseId: id,
        field,
        date: day,
        contains,
        limit: limit + 1,
      })
      return { field, type: column.type, values: found.slice(0, limit), more: found.length > limit }
    }),
})

export const useCaseFieldOperations: readonly Operation[] = [hierarchy, fields, values]
