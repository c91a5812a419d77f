/** Shapes that several operations share. Amounts are decimal text. Raises TIE-2501. */

import { z } from 'zod'
import { type IsoDate, parseDate } from '../../base/dates.js'
import { type ErrorCode, refuse } from '../../base/errors.js'
import type { Finding } from '../../base/finding.js'

export const findingSchema = z
  .object({
    code: z.string(),
    severity: z.enum(['info', 'warning', 'error']),
    message: z.string(),
    suggestion: z.string(),
    node_id: z.string().optional(),
    measure: z.string().optional(),
    scenario: z.string().optional(),
    amount: z.string().optional(),
    rows: z.number().optional(),
    detail: z.record(z.string(), z.union([z.string(), z.array(z.string())])).optional(),
  })
  .meta({ id: 'Finding' }) as z.ZodType<Finding>

/** A COB date as an input; `dateOf` checks it. */
export const cobDate = z.string().meta({ format: 'date', description: 'COB date, YYYY-MM-DD.' })

/** A COB date; raises TIE-2501 for anything else. */
export const dateOf = (text: string): IsoDate => parseDate(text) ?? refuse('TIE-2501', { value: text })

export { amount } from '../../books/amount.js'

export const hasErrorFindings = ({ findings }: { readonly findings: readonly Finding[] }): boolean =>
  findings.some(({ severity }) => severity === 'error')

/** What applying a draft says, whatever brought it. */
export const appliedSchema = z.object({
  use_case: z.string(),
  use_case_id: z.string(),
  version: z.number(),
  changed: z.boolean(),
  structure: z.string(),
  measures: z.array(z.string()),
  rules: z.number(),
  dry_run: z.boolean(),
  findings: z.array(findingSchema),
})

/** What binding a draft to its structure and its source can refuse. */
export const BINDING_ERRORS: readonly ErrorCode[] = [
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
  'TIE-2417',
  'TIE-2418',
  'TIE-2420',
  'TIE-5064',
]

/** How HTTP takes a file of YAML; JSON is YAML. */
export const YAML_UPLOAD = {
  upload: 'file',
  mediaTypes: { 'application/yaml': '.yaml', 'text/yaml': '.yaml', 'application/json': '.json' },
  uploadLimit: 4 * 2 ** 20,
} as const
