/**
 * The shape of an explanation: one cell's figures with everything they were made of. Amounts are decimal text
 * with at least the digits of the measure's column; null is an empty value, never 0. Raises nothing.
 */

import { z } from 'zod'

const amount = z.string().describe('Decimal text.')
const nodeName = { node_id: z.string(), node_name: z.string() }

/** One side of an identity against the other. */
const check = z.object({
  /** Whether it is between stored figures, or between a figure and the facts as they are now. */
  about: z.enum(['figures', 'facts']),
  text: z.string(),
  left: z.string(),
  right: z.string(),
  holds: z.boolean(),
})

const rule = z.object({
  no: z.number(),
  ...nodeName,
  text: z.string(),
  flavour: z.enum(['filter', 'measure_switch', 'arithmetic']),
  scope: z.enum(['node', 'table']).nullable().describe('Which facts a filter looks at.'),
  column: z.string().nullable().describe('The fact column that the value is the sum of.'),
  note: z.string().nullable(),
})

const operand = z.object({
  text: z.string().describe('As it stands in the formula.'),
  kind: z.enum(['node', 'sum']),
  node_id: z.string().nullable(),
  node_name: z.string().nullable(),
  value_of: z.enum(['natural', 'adjusted']).nullable(),
  part: z.string().nullable().describe('The facts of a sum, as `runs facts` names them.'),
  column: z.string().nullable(),
  rows: z.number().nullable(),
  value: amount.nullable(),
})

const formula = z.object({
  text: z.string(),
  operands: z.array(operand),
  evaluated: z.string().nullable().describe('The formula with the values put in.'),
  value: amount.nullable(),
  division: z.object({ scale: z.number(), rounding: z.string() }).nullable(),
})

const decidedBy = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('rule'),
    rule,
    outcome: z.enum(['decides', 'shadowed']),
    reason: z.string().describe('What ends its effect above; empty when nothing does.'),
    formula: formula.nullable(),
  }),
  z.object({ kind: z.literal('auto'), text: z.string() }),
  z.object({ kind: z.literal('children') }),
  z.object({ kind: z.literal('unassigned') }),
])

const adjustment = amount.describe('What fact adjustments change at the node and below.')

const child = z.object({
  ...nodeName,
  natural: amount,
  adjustment,
  adjusted: amount.nullable(),
  plug: amount.nullable(),
  fact_count: z.number(),
  rule: z.string().nullable(),
})

const factSet = z.object({ rows: z.number(), amount })

const part = z.object({
  part: z.string().describe('As `runs facts` takes it.'),
  rows: z.number(),
  amount,
  rule_amount: amount.nullable().describe('What the rule counts of facts that are in the tree too.'),
})

const empty = z.discriminatedUnion('why', [
  z.object({
    why: z.literal('division by zero'),
    at: z.string().describe('The division.'),
    denominator: z.string().describe('What is 0.'),
  }),
  z.object({ why: z.literal('operand is empty'), at: z.string(), ...nodeName }),
  z.object({ why: z.literal('children are empty'), nodes: z.array(z.object(nodeName)) }),
])

export const explanationSchema = z.object({
  run_id: z.string(),
  run_name: z.string(),
  use_case: z.string(),
  pnl_date: z.string(),
  policy: z.string(),
  cell: z.object({
    ...nodeName,
    path: z.array(z.object(nodeName)).describe('From the root to the node.'),
    measure: z.string(),
    column: z.string(),
    scenario: z.string(),
  }),
  figures: z.object({
    natural: amount,
    direct: amount,
    adjustment,
    adjusted: amount.nullable(),
    plug: amount.nullable(),
    fact_count: z.number(),
  }),
  natural: z
    .object({
      direct: amount,
      direct_adjusted: amount.describe('Its own facts after fact adjustments.'),
      children: z.array(child),
    })
    .describe('direct + Σ children = natural.'),
  decided_by: decidedBy,
  lost: z.array(
    rule.extend({ outcome: z.enum(['skipped', 'shadowed', 'other_measure']), reason: z.string() }),
  ),
  override: z
    .object({
      tree_only: factSet,
      rule_only: factSet,
      both: z.object({ rows: z.number(), tree_amount: amount, rule_amount: amount }),
    })
    .nullable()
    .describe(
      'The facts of the tree against those of the rule: Σ of the tree − Σ of the rule = plug, that is tree_only + both.tree_amount − rule_only − both.rule_amount.',
    ),
  plug_from: z
    .array(z.object({ ...nodeName, plug: amount.nullable() }))
    .nullable()
    .describe('Of a cell without a rule: the children whose plug is not 0.'),
  empty: empty.nullable().describe('Why the adjusted value is empty.'),
  facts: z.object({
    parts: z.array(part),
    unavailable: z.string().nullable().describe('Why the facts cannot be shown.'),
  }),
  checks: z.array(check),
  note: z.string().nullable(),
})

export type Explanation = z.output<typeof explanationSchema>
export type Check = Explanation['checks'][number]
export type Operand = z.output<typeof operand>
export type RuleShown = z.output<typeof rule>
export type LostRule = Explanation['lost'][number]
export type Empty = z.output<typeof empty>
