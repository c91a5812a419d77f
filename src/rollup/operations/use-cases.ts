/** Operations on use cases: apply a file, export it again, list, show. */

import { dirname } from 'node:path'
import { z } from 'zod'
import { namedFile } from '../../books/named-file.js'
import { type Operation, operation } from '../../books/operation.js'
import { textOfFile } from '../../books/text-file.js'
import { applyDraft } from '../apply-use-case.js'
import { sourceOf } from '../bind-use-case.js'
import { bindNodes } from '../bindings.js'
import { buildTree } from '../hierarchy.js'
import { resolveRules } from '../resolver.js'
import { ruleText } from '../rule-text.js'
import { loadStructure } from '../store/structures.js'
import { listUseCases, loadUseCase } from '../store/use-cases.js'
import type { UseCase } from '../use-case.js'
import { appliedSchema, BINDING_ERRORS, YAML_UPLOAD } from './schemas.js'

const apply = operation({
  name: 'use-cases apply',
  summary: 'Check a use case file and make it the current version of its use case.',
  effect: 'append',
  input: z.object({
    file: z.string().describe('The YAML file.'),
    dry_run: z.boolean().default(false).describe('Check, store nothing.'),
  }),
  output: appliedSchema,
  errors: ['TIE-1612', 'TIE-2301', ...BINDING_ERRORS],
  positional: ['file'],
  http: {
    method: 'POST',
    path: '/api/v1/use-cases',
    ...YAML_UPLOAD,
    location: '/api/v1/use-cases/{use_case_id}',
  },
  async run(context, { file, dry_run }) {
    // Loaded here, because the reader of YAML would slow the start of every other command.
    const { readUseCaseFile } = await import('../use-case-file.js')
    const { draft, placeOf } = readUseCaseFile(await textOfFile(file, 'TIE-2301'), file)
    const spec = sourceOf(draft, placeOf)
    // A path is taken from where the file stands, and kept whole.
    const source =
      spec.path === null
        ? spec
        : { ...spec, path: namedFile(context, spec.path, dirname(file), placeOf(['source', 'path'])) }
    return context.books.transaction(context.tenant, (tx) =>
      applyDraft(context, tx, { draft, source, placeOf }, { dry_run, expected_version: undefined }),
    )
  },
})

const exportFile = operation({
  name: 'use-cases export',
  summary: 'Write a use case as the YAML file that applying would give it again.',
  effect: 'read',
  input: z.object({ use_case: z.string().describe('Name or id of the use case.') }),
  output: z.object({ use_case: z.string(), version: z.number(), yaml: z.string() }),
  errors: ['TIE-1102'],
  positional: ['use_case'],
  http: { method: 'GET', path: '/api/v1/use-cases/{use_case}/export' },
  run: ({ books, tenant }, { use_case }) =>
    books.transaction(tenant, async (tx) => {
      const { useCase, version } = await loadUseCase(tx, use_case)
      const { printUseCaseFile } = await import('../use-case-file.js')
      return { use_case: useCase.name, version, yaml: printUseCaseFile(useCase) }
    }),
})

const summary = z.object({
  use_case_id: z.string(),
  name: z.string(),
  status: z.string(),
  version: z.number(),
  atlas_structure_id: z.string(),
  input_table_name: z.string(),
  measure_mapping: z.record(z.string(), z.string()),
  policy: z.string(),
})

const list = operation({
  name: 'use-cases list',
  summary: 'List the use cases.',
  effect: 'read',
  input: z.object({}),
  output: z.object({ use_cases: z.array(summary) }),
  errors: [],
  positional: [],
  http: { method: 'GET', path: '/api/v1/use-cases' },
  run: ({ books, tenant }) =>
    books.transaction(tenant, async (tx) => ({ use_cases: await listUseCases(tx) })),
})

const show = operation({
  name: 'use-cases show',
  summary: 'Show a use case: its mapping, and each rule with what becomes of it under the policy.',
  effect: 'read',
  input: z.object({ use_case: z.string().describe('Name or id of the use case.') }),
  output: z.object({
    use_case_id: z.string(),
    name: z.string(),
    description: z.string().nullable(),
    version: z.number(),
    structure: z.string(),
    source: z.object({
      engine: z.string(),
      table: z.string().nullable(),
      path: z.string().nullable(),
      date: z.string().nullable(),
      scenario: z.string().nullable(),
    }),
    measures: z.array(z.object({ name: z.string(), column: z.string() })),
    policy: z.string(),
    scenarios: z.array(z.string()),
    rules: z.array(
      z.object({
        no: z.number(),
        node: z.string(),
        flavour: z.string(),
        rule: z.string(),
        note: z.string().nullable(),
        outcome: z.string(),
        reason: z.string(),
      }),
    ),
  }),
  errors: ['TIE-1102'],
  positional: ['use_case'],
  http: { method: 'GET', path: '/api/v1/use-cases/{use_case}' },
  run: ({ books, tenant }, { use_case }) =>
    books.transaction(tenant, async (tx) => {
      const { id, version, useCase } = await loadUseCase(tx, use_case)
      const tree = buildTree((await loadStructure(tx, useCase.structure)).rows)
      return { use_case_id: id, version, ...described(useCase), rules: decided(useCase, tree) }
    }),
})

const described = ({ name, description, structure, source, measures, policy, scenarios }: UseCase) => ({
  name,
  description,
  structure,
  source,
  measures: [...measures],
  policy,
  scenarios: [...scenarios],
})

const decided = (useCase: UseCase, tree: ReturnType<typeof buildTree>) =>
  resolveRules(
    tree,
    useCase.rules,
    useCase.measures,
    bindNodes(tree, useCase.drivers),
    useCase.policy,
  ).decisions.map(({ rule, outcome, reason }) => ({
    no: rule.no,
    node: rule.node,
    flavour: rule.flavour,
    rule: ruleText(rule),
    note: rule.note,
    outcome,
    reason,
  }))

export const useCaseOperations: readonly Operation[] = [apply, exportFile, list, show]
