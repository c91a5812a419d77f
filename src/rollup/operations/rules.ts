/**
 * Operations on the rules of a use case: list, show, add, replace, remove, set. Every change is a new version
 * of the use case; rules are numbered in their order, so a rule's number holds for one version.
 */

import { z } from 'zod'
import { refuse } from '../../base/errors.js'
import type { Tx } from '../../books/books.js'
import { type Context, type Operation, operation } from '../../books/operation.js'
import { applyDraft } from '../apply-use-case.js'
import { sourceOf } from '../bind-use-case.js'
import { bindNodes } from '../bindings.js'
import { pointerOf } from '../edit-use-case.js'
import { buildTree } from '../hierarchy.js'
import { type Decision, resolveRules } from '../resolver.js'
import { ruleText } from '../rule-text.js'
import { loadStructure } from '../store/structures.js'
import { loadUseCase, type StoredUseCase } from '../store/use-cases.js'
import { draftOf, type RuleDraft, ruleDraftOf, ruleDraftSchema } from '../use-case-draft.js'
import type { Path } from '../use-case-file.js'
import { appliedSchema, BINDING_ERRORS } from './schemas.js'

const useCaseName = z.string().describe('Name or id of the use case.')
const ruleNo = z.coerce.number().int().min(1).describe('Number of the rule, from 1.')
const expected_version = z.coerce
  .number()
  .int()
  .min(1)
  .optional()
  .describe('Refuse unless the use case is still at this version.')
const dry_run = z.boolean().default(false).describe('Check, store nothing.')

const ruleSchema = z.object({
  no: z.number(),
  node: z.string(),
  flavour: z.string(),
  where: z.string().optional(),
  scope: z.string().optional(),
  measure_name: z.string().optional(),
  formula: z.string().optional(),
  into: z.string().optional(),
  note: z.string().nullable(),
  rule: z.string().describe('The rule in words.'),
  outcome: z.string().describe('decides, skipped or shadowed.'),
  reason: z.string(),
})

async function decidedRules(tx: Tx, { useCase }: StoredUseCase): Promise<z.output<typeof ruleSchema>[]> {
  const tree = buildTree((await loadStructure(tx, useCase.structure)).rows)
  const bindings = bindNodes(tree, useCase.drivers)
  const { decisions } = resolveRules(tree, useCase.rules, useCase.measures, bindings, useCase.policy)
  return decisions.map(shownRule)
}

const shownRule = ({ rule, outcome, reason }: Decision): z.output<typeof ruleSchema> => ({
  no: rule.no,
  flavour: rule.flavour,
  ...ruleDraftOf(rule),
  note: rule.note,
  rule: ruleText(rule),
  outcome,
  reason,
})

const list = operation({
  name: 'rules list',
  summary: 'The rules of a use case, each with what becomes of it under the policy.',
  effect: 'read',
  input: z.object({ use_case: useCaseName }),
  output: z.object({
    use_case: z.string(),
    version: z.number(),
    policy: z.string(),
    rules: z.array(ruleSchema),
  }),
  errors: ['TIE-1102'],
  positional: ['use_case'],
  http: { method: 'GET', path: '/api/v1/use-cases/{use_case}/rules' },
  run: ({ books, tenant }, { use_case }) =>
    books.transaction(tenant, async (tx) => {
      const stored = await loadUseCase(tx, use_case)
      const { useCase, version } = stored
      return {
        use_case: useCase.name,
        version,
        policy: useCase.policy,
        rules: await decidedRules(tx, stored),
      }
    }),
})

const show = operation({
  name: 'rules show',
  summary: 'One rule of a use case.',
  effect: 'read',
  input: z.object({ use_case: useCaseName, no: ruleNo }),
  output: ruleSchema.extend({ use_case: z.string(), version: z.number() }),
  errors: ['TIE-1102', 'TIE-2315'],
  positional: ['use_case', 'no'],
  http: { method: 'GET', path: '/api/v1/use-cases/{use_case}/rules/{no}' },
  run: ({ books, tenant }, { use_case, no }) =>
    books.transaction(tenant, async (tx) => {
      const stored = await loadUseCase(tx, use_case)
      const { useCase, version } = stored
      refuseMissing(stored, no)
      const rule = (await decidedRules(tx, stored))[no - 1]!
      return { use_case: useCase.name, version, ...rule }
    }),
})

function refuseMissing({ useCase }: StoredUseCase, no: number): void {
  const count = useCase.rules.length
  if (no > count) refuse('TIE-2315', { use_case: useCase.name, no, count })
}

interface Change {
  readonly rules: readonly RuleDraft[]
  /** Where in the request the rule of that index stands; undefined: it is as stored. */
  readonly at: (index: number) => Path | undefined
}

/** Binds the use case with other rules and stores it as the next version. */
async function changeRules(
  context: Context,
  input: {
    readonly use_case: string
    readonly expected_version?: number | undefined
    readonly dry_run: boolean
  },
  change: (stored: StoredUseCase) => Change,
) {
  return context.books.transaction(context.tenant, async (tx) => {
    const stored = await loadUseCase(tx, input.use_case)
    const { rules, at } = change(stored)
    const draft = { ...draftOf(stored.useCase), rules: [...rules] }
    const placeOf = (path: Path) => {
      const [list, index, ...rest] = path
      const base = list === 'rules' && typeof index === 'number' ? at(index) : undefined
      return base === undefined ? {} : { pointer: pointerOf([...base, ...rest]) }
    }
    const source = sourceOf(draft, placeOf)
    return applyDraft(
      context,
      tx,
      { draft, source, placeOf },
      {
        dry_run: input.dry_run,
        // What was read above is what is changed, whoever else is at it.
        expected_version: input.expected_version ?? stored.version,
      },
    )
  })
}

const ruleOf = ({ node, where, scope, measure_name, formula, into, note }: RuleDraft): RuleDraft =>
  Object.fromEntries(
    Object.entries({ node, where, scope, measure_name, formula, into, note }).filter(
      ([, value]) => value !== undefined,
    ),
  ) as RuleDraft

const changed = appliedSchema.extend({ no: z.number().describe('Number of the rule.') })

const add = operation({
  name: 'rules add',
  summary: 'Add a rule to a use case, as its next version.',
  effect: 'append',
  input: z.object({ use_case: useCaseName, ...ruleDraftSchema.shape, expected_version, dry_run }),
  output: changed,
  errors: ['TIE-1102', 'TIE-1205', ...BINDING_ERRORS],
  positional: ['use_case', 'node'],
  http: {
    method: 'POST',
    path: '/api/v1/use-cases/{use_case}/rules',
    location: '/api/v1/use-cases/{use_case}/rules/{no}',
  },
  async run(context, input) {
    const applied = await changeRules(context, input, ({ useCase }) => ({
      rules: [...useCase.rules.map(ruleDraftOf), ruleOf(input)],
      at: (index) => (index === useCase.rules.length ? [] : undefined),
    }))
    return { ...applied, no: applied.rules }
  },
})

const replace = operation({
  name: 'rules replace',
  summary: 'Put another rule in the place of one, as the next version of the use case.',
  effect: 'append',
  input: z.object({ use_case: useCaseName, no: ruleNo, ...ruleDraftSchema.shape, expected_version, dry_run }),
  output: changed,
  errors: ['TIE-1102', 'TIE-1205', 'TIE-2315', ...BINDING_ERRORS],
  positional: ['use_case', 'no', 'node'],
  http: { method: 'PUT', path: '/api/v1/use-cases/{use_case}/rules/{no}' },
  async run(context, input) {
    const applied = await changeRules(context, input, (stored) => {
      refuseMissing(stored, input.no)
      const rules = stored.useCase.rules.map(ruleDraftOf)
      return {
        rules: rules.map((rule, i) => (i === input.no - 1 ? ruleOf(input) : rule)),
        at: (index) => (index === input.no - 1 ? [] : undefined),
      }
    })
    return { ...applied, no: input.no }
  },
})

const remove = operation({
  name: 'rules remove',
  summary: 'Take a rule out of a use case, as its next version; earlier versions keep it.',
  effect: 'append',
  input: z.object({ use_case: useCaseName, no: ruleNo, expected_version, dry_run }),
  output: appliedSchema,
  errors: ['TIE-1102', 'TIE-1205', 'TIE-2315', ...BINDING_ERRORS],
  positional: ['use_case', 'no'],
  http: { method: 'DELETE', path: '/api/v1/use-cases/{use_case}/rules/{no}' },
  run: (context, input) =>
    changeRules(context, input, (stored) => {
      refuseMissing(stored, input.no)
      const rules = stored.useCase.rules.map(ruleDraftOf)
      return { rules: rules.filter((_, i) => i !== input.no - 1), at: () => undefined }
    }),
})

const set = operation({
  name: 'rules set',
  summary: 'Give a use case these rules in place of all it has, as its next version.',
  effect: 'append',
  input: z.object({
    use_case: useCaseName,
    rules: z.array(ruleDraftSchema).max(100_000).describe('All rules, in their order.'),
    expected_version,
    dry_run,
  }),
  output: appliedSchema,
  errors: ['TIE-1102', 'TIE-1205', ...BINDING_ERRORS],
  positional: ['use_case'],
  http: { method: 'PUT', path: '/api/v1/use-cases/{use_case}/rules' },
  run: (context, input) =>
    changeRules(context, input, () => ({ rules: input.rules, at: (index) => ['rules', index] })),
})

export const ruleOperations: readonly Operation[] = [list, show, add, replace, remove, set]
