/** What edits of a use case would change: a trial over several edits, and the preview of one rule. Nothing is stored. */

import { z } from 'zod'
import { type Decimal, formatDecimal, subtract } from '../../base/decimal.js'
import { Refusal } from '../../base/errors.js'
import type { Finding } from '../../base/finding.js'
import { type Operation, operation } from '../../books/operation.js'
import type { Cell } from '../calculate.js'
import { editsSchema } from '../edit-use-case.js'
import { figuresOf } from '../figures.js'
import type { Calculated } from '../inputs.js'
import { resultDigest } from '../result-digest.js'
import { cellsOfNode, previewRule } from '../rule-preview.js'
import { ruleText } from '../rule-text.js'
import { type ChangedCell, changedCells, type Trial, tryEdits } from '../trial.js'
import { POLICIES, type Rule } from '../use-case.js'
import { ruleDraftSchema } from '../use-case-draft.js'
import { amount, BINDING_ERRORS, cobDate, dateOf, findingSchema } from './schemas.js'

const side = z.object({
  natural: amount.nullable(),
  adjusted: amount.nullable(),
  plug: amount.nullable(),
  rule: z.string().nullable(),
})

const changedCell = z.object({
  node_id: z.string(),
  parent_node_id: z.string().nullable(),
  node_name: z.string(),
  depth: z.number(),
  measure: z.string(),
  scenario: z.string(),
  before: side.nullable().describe('Null: there is no such cell.'),
  after: side.nullable(),
  difference: amount.nullable().describe('Adjusted after − before; null where either is empty.'),
})

const whatIf = operation({
  name: 'whatif',
  summary: 'A trial of edits that are not saved: every figure that would change, before and after.',
  effect: 'read',
  input: z.object({
    use_case: z.string().describe('Name or id of the use case.'),
    date: cobDate,
    edits: editsSchema.describe('What to change, as use-cases update takes it: YAML or JSON, or @FILE.'),
    run_policy: z
      .enum(POLICIES as ['most_specific', 'top_down'])
      .optional()
      .describe("Precedence of rules on both sides; by default each side's own."),
  }),
  output: z.object({
    trial: z.literal(true),
    use_case: z.string(),
    version: z.number().describe('The version that was edited.'),
    pnl_date: z.string(),
    facts: z.number(),
    frame: z.enum(['memory', 'disk', 'read']).describe('Whether the facts were kept, or read.'),
    policy: z.object({ before: z.string(), after: z.string() }),
    result_digest: z.object({ before: z.string(), after: z.string() }),
    cells: z.number(),
    changed: z.number(),
    rows: z.array(changedCell),
    findings: z.array(findingSchema).describe('Of the edited use case.'),
    new_findings: z.number().describe('Of these, so many are not there before: the first ones.'),
  }),
  errors: ['TIE-1102', 'TIE-1612', 'TIE-2314', 'TIE-2501', ...BINDING_ERRORS],
  positional: ['use_case'],
  http: { method: 'POST', path: '/api/v1/use-cases/{use_case}/whatif' },
  run: (context, { use_case, date, edits, run_policy }) =>
    context.books.transaction(context.tenant, async (tx) => {
      const request = { use_case, pnl_date: dateOf(date), edits, policy: run_policy }
      const trial = await tryEdits(context, tx, request)
      const rows = changedCells(trial).map((cell) => shownCell(trial, cell))
      const { before, after } = trial
      const { fresh, known } = findingsOf(trial)
      return {
        trial: true as const,
        use_case: before.inputs.useCase.name,
        version: before.inputs.useCaseVersion,
        pnl_date: after.inputs.date,
        facts: after.frame.facts,
        frame: trial.from,
        policy: { before: before.inputs.policy, after: after.inputs.policy },
        result_digest: { before: digestOf(before), after: digestOf(after) },
        cells: after.calculation.cells.length,
        changed: rows.length,
        rows,
        findings: [...fresh, ...known],
        new_findings: fresh.length,
      }
    }),
})

/** Those that the edits brought come first. */
function findingsOf({ before, after }: Trial): { readonly fresh: Finding[]; readonly known: Finding[] } {
  const earlier = new Set(before.calculation.findings.map(identityOf))
  const isKnown = (finding: Finding): boolean => earlier.has(identityOf(finding))
  const { findings } = after.calculation
  return { fresh: findings.filter((finding) => !isKnown(finding)), known: findings.filter(isKnown) }
}

/** Rules are renumbered by edits, so the message is no part of it. */
const identityOf = ({ message: _, ...finding }: Finding): string => JSON.stringify(finding)

const digestOf = ({ calculation, inputs, frame }: Calculated): string =>
  resultDigest(figuresOf(calculation, inputs.tree, inputs.useCase, frame))

function shownCell({ before, after }: Trial, changed: ChangedCell): z.output<typeof changedCell> {
  const [{ inputs }, cell] = changed.after === undefined ? [before, changed.before!] : [after, changed.after]
  const node = inputs.tree.nodes[cell.node]!
  const [a, b] = [changed.before?.adjusted, changed.after?.adjusted]
  return {
    node_id: node.node_id,
    parent_node_id: node.parent_node_id,
    node_name: node.node_name,
    depth: node.depth,
    measure: inputs.useCase.measures[cell.measure]!.name,
    scenario: cell.scenario,
    before: changed.before === undefined ? null : shownSide(changed.before),
    after: changed.after === undefined ? null : shownSide(changed.after),
    difference: a === undefined || b === undefined ? null : formatDecimal(subtract(b, a)),
  }
}

const text = (value: Decimal | undefined): string | null =>
  value === undefined ? null : formatDecimal(value)

const shownSide = ({ natural, adjusted, plug, rule }: Cell): z.output<typeof side> => ({
  natural: formatDecimal(natural),
  adjusted: text(adjusted),
  plug: text(plug),
  rule: rule === undefined ? null : ruleText(rule),
})

const preview = operation({
  name: 'rules preview',
  summary:
    'What a rule would find and do before it is saved: facts, examples, near misses, figures and plug.',
  effect: 'read',
  input: z.object({
    use_case: z.string().describe('Name or id of the use case.'),
    date: cobDate,
    ...ruleDraftSchema.shape,
    examples: z.coerce.number().int().min(0).max(100).default(5).describe('At most so many facts are shown.'),
  }),
  output: z.object({
    trial: z.literal(true),
    use_case: z.string(),
    version: z.number(),
    pnl_date: z.string(),
    rule: z.string().describe('The rule in words.'),
    outcome: z.string().describe('decides, skipped or shadowed.'),
    reason: z.string(),
    found: z.array(
      z.object({
        scenario: z.string(),
        where: z.string().nullable(),
        facts: z.number(),
        amounts: z.array(z.object({ column: z.string(), amount })),
      }),
    ),
    examples: z.array(
      z.object({
        values: z.record(z.string(), z.string().nullable()),
        amounts: z.record(z.string(), amount),
        facts: z.number().describe('Facts that agree in all of these.'),
      }),
    ),
    near_misses: z.array(z.string()).describe('Values of the data that the predicate nearly names.'),
    node: z.array(changedCell).describe('The cells of the node, before and after.'),
    root: z.array(changedCell),
    changed: z.number().describe('Cells that would change in the whole tree.'),
    findings: z.array(findingSchema).describe('Those that the rule would bring.'),
  }),
  errors: ['TIE-1102', 'TIE-2501', ...BINDING_ERRORS],
  positional: ['use_case', 'node'],
  http: { method: 'POST', path: '/api/v1/use-cases/{use_case}/rules/preview' },
  run: (context, { use_case, date, examples, ...draft }) =>
    context.books.transaction(context.tenant, async (tx) => {
      const edits = { set_rules: [ruleDraftSchema.parse(draft)] }
      const trial = await tryEdits(context, tx, { use_case, pnl_date: dateOf(date), edits }).catch(inRequest)
      const { inputs, calculation } = trial.after
      const rule = setRule(trial, draft.node)
      const { outcome, reason } = calculation.decisions.find((decision) => decision.rule === rule)!
      const shown = (node: string) => cellsOfNode(trial, node).map((cell) => shownCell(trial, cell))
      const { found, examples: facts, near_misses } = previewRule(trial, rule, examples)
      return {
        trial: true as const,
        use_case: inputs.useCase.name,
        version: inputs.useCaseVersion,
        pnl_date: inputs.date,
        rule: ruleText(rule),
        outcome,
        reason,
        found: found.map(({ amounts, ...rest }) => ({
          ...rest,
          amounts: amounts.map(({ column, amount: sum }) => ({ column, amount: formatDecimal(sum) })),
        })),
        examples: facts.map(({ amounts, ...rest }) => ({ ...rest, amounts: mapped(amounts, formatDecimal) })),
        near_misses: [...near_misses],
        node: shown(draft.node),
        root: shown(inputs.tree.nodes[0]!.node_id),
        changed: changedCells(trial).length,
        findings: findingsOf(trial).fresh,
      }
    }),
})

/** The rule that the edits set: the only one of its node that was not there before, or stands in the place of one. */
function setRule({ before, after }: Trial, node: string): Rule {
  const known = new Set(before.inputs.useCase.rules.map((rule) => JSON.stringify(rule)))
  const rules = after.inputs.useCase.rules.filter((rule) => rule.node === node)
  return rules.find((rule) => !known.has(JSON.stringify(rule))) ?? rules[0]!
}

/** Places in the edits are places in the request, which is the rule itself. */
function inRequest(error: unknown): never {
  if (!(error instanceof Refusal)) throw error
  throw new Refusal(
    error.problems.map((found) =>
      found.place?.pointer === undefined
        ? found
        : { ...found, place: { ...found.place, pointer: found.place.pointer.replace('/set_rules/0', '') } },
    ),
    { cause: error },
  )
}

const mapped = <T, U>(record: Readonly<Record<string, T>>, to: (value: T) => U): Record<string, U> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, to(value)]))

export const whatIfOperations: readonly Operation[] = [whatIf, preview]
