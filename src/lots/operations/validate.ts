/** The operation that proves a version. */

import { z } from 'zod'
import { type Operation, operation } from '../../books/operation.js'
import { PROOF_RULES, type ProofRule } from '../proof.js'
import { standingOf } from '../store/report.js'
import { validateVersion } from '../versions/validate-version.js'
import { versionInput } from './schemas.js'

const violation = z.object({
  rule: z.string(),
  symbol: z.string(),
  order_id: z
    .string()
    .describe('The trade at fault; the sell of a row. Empty: of the whole symbol or version.'),
  message: z.string(),
})

const validate = operation({
  name: 'lots validate',
  summary: 'Prove a version from the facts alone, by other code than computed it; exit 1 with violations.',
  effect: 'read',
  input: z.object({
    version: versionInput,
    strict: z
      .boolean()
      .default(false)
      .describe('Unmatched sells, failed symbols and facts that came since are violations too.'),
  }),
  output: z.object({
    allocation_version: z.number(),
    valid: z.boolean(),
    strict: z.boolean(),
    computation_no: z.number(),
    result_digest: z.string(),
    symbols: z.number(),
    trades: z.number(),
    rows: z.number(),
    open_lots: z.number(),
    rules: z.array(z.object({ rule: z.string(), statement: z.string(), violations: z.number() })).readonly(),
    violations: z.array(violation).readonly().describe('At most 100 of a rule; `rules` counts all.'),
  }),
  errors: ['TIE-3176'],
  positional: [],
  http: { method: 'GET', path: '/api/v1/lots/versions/{version}/validation' },
  violated: ({ valid }) => !valid,
  run: (context, { version, strict }) =>
    context.books.transaction(context.tenant, async (tx) => {
      const found = await validateVersion(context, tx, version)
      const { counts, violations, ...rest } = found
      const standing = strict ? await standingOf(tx, version) : []
      const rules = (Object.entries(PROOF_RULES) as [ProofRule, string][]).map(([rule, statement]) => ({
        rule,
        statement,
        violations: counts[rule],
      }))
      const all = [...rules, ...standing.map(({ rows: _, ...rule }) => rule)]
      return {
        allocation_version: version,
        valid: all.every((rule) => rule.violations === 0),
        strict,
        ...rest,
        rules: all,
        violations: [...violations, ...standing.flatMap(({ rows }) => rows)],
      }
    }),
})

export const validateOperations: readonly Operation[] = [validate]
