/** Operations on use cases: apply a file, export it again, list, show. */

import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import { type Operation, operation } from '../../books/operation.js'
import { bindUseCase, sourceOf } from '../bind-use-case.js'
import { bindNodes } from '../bindings.js'
import { buildTree } from '../hierarchy.js'
import { resolutionFindings, resolveRules } from '../resolver.js'
import { ruleText } from '../rule-text.js'
import { withSource } from '../sources.js'
import { loadStructure } from '../store/structures.js'
import {
  findUseCase,
  listUseCases,
  loadUseCase,
  savedDigest,
  saveUseCase,
  useCaseDigest,
} from '../store/use-cases.js'
import type { UseCase } from '../use-case.js'
import { findingSchema } from './schemas.js'
import { textOfFile } from './text-file.js'

const apply = operation({
  name: 'use-cases apply',
  summary: 'Check a use case file and make it the current version of its use case.',
  effect: 'append',
  input: z.object({
    file: z.string().describe('The YAML file.'),
    dry_run: z.boolean().default(false).describe('Check, store nothing.'),
  }),
  output: z.object({
    use_case: z.string(),
    use_case_id: z.string(),
    version: z.number(),
    changed: z.boolean(),
    structure: z.string(),
    measures: z.array(z.string()),
    rules: z.number(),
    dry_run: z.boolean(),
    findings: z.array(findingSchema),
  }),
  errors: [
    'TIE-1101',
    'TIE-1104',
    'TIE-2201',
    'TIE-2202',
    'TIE-2203',
    'TIE-2204',
    'TIE-2205',
    'TIE-2206',
    'TIE-2207',
    'TIE-2208',
    'TIE-2209',
    'TIE-2210',
    'TIE-2211',
    'TIE-2301',
    'TIE-2302',
    'TIE-2303',
    'TIE-2304',
    'TIE-2305',
    'TIE-2306',
    'TIE-2307',
    'TIE-2308',
    'TIE-2309',
    'TIE-2310',
    'TIE-2311',
    'TIE-2312',
  ],
  positional: ['file'],
  async run({ books, tenant, who, newId }, { file, dry_run }) {
    // Loaded here, because the reader of YAML would slow the start of every other command.
    const { readUseCaseFile } = await import('../use-case-file.js')
    const { draft, placeOf } = readUseCaseFile(await textOfFile(file, 'TIE-2301'), file)
    const spec = sourceOf(draft, placeOf)
    // A path is taken from where the file stands, and kept whole.
    const source = spec.path === null ? spec : { ...spec, path: resolve(dirname(file), spec.path) }
    return books.transaction(tenant, async (tx) => {
      const structure = await loadStructure(tx, draft.structure)
      const tree = buildTree(structure.rows)
      const known = await findUseCase(tx, draft.use_case)
      const useCase = await withSource(tx, source, known?.id, async ({ columns }) =>
        bindUseCase(draft, { tree, source, columns, placeOf }),
      )
      const changed =
        known === undefined || (await savedDigest(tx, known.id, known.version)) !== useCaseDigest(useCase)
      const id = known?.id ?? newId()
      const version = changed ? (known?.version ?? 0) + 1 : known.version
      if (changed && !dry_run) await saveUseCase(tx, tenant, { id, version, useCase }, who)
      const resolution = resolveRules(
        tree,
        useCase.rules,
        useCase.measures,
        bindNodes(tree, useCase.drivers),
        useCase.policy,
      )
      return {
        use_case: useCase.name,
        use_case_id: id,
        version,
        changed,
        structure: useCase.structure,
        measures: useCase.measures.map(({ name }) => name),
        rules: useCase.rules.length,
        dry_run,
        findings: resolutionFindings(resolution.decisions),
      }
    })
  },
})

const exportFile = operation({
  name: 'use-cases export',
  summary: 'Write a use case as the YAML file that applying would give it again.',
  effect: 'read',
  input: z.object({ name: z.string().describe('Name or id of the use case.') }),
  output: z.object({ use_case: z.string(), version: z.number(), yaml: z.string() }),
  errors: ['TIE-1102'],
  positional: ['name'],
  http: { method: 'GET', path: '/api/v1/use-cases/{name}/export' },
  run: ({ books, tenant }, { name }) =>
    books.transaction(tenant, async (tx) => {
      const { useCase, version } = await loadUseCase(tx, name)
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
  input: z.object({ name: z.string().describe('Name or id of the use case.') }),
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
  positional: ['name'],
  http: { method: 'GET', path: '/api/v1/use-cases/{name}' },
  run: ({ books, tenant }, { name }) =>
    books.transaction(tenant, async (tx) => {
      const { id, version, useCase } = await loadUseCase(tx, name)
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
