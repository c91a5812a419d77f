/** Shapes that several operations share. Amounts are decimal text. Raises TIE-2501. */

import { z } from 'zod'
import { type IsoDate, parseDate } from '../../base/dates.js'
import { refuse } from '../../base/errors.js'
import type { Finding } from '../../base/finding.js'

export const findingSchema: z.ZodType<Finding> = z.object({
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
}) as z.ZodType<Finding>

export const amount = z.string().describe('Decimal text.')

/** A COB date; raises TIE-2501 for anything else. */
export const dateOf = (text: string): IsoDate => parseDate(text) ?? refuse('TIE-2501', { value: text })

export const hasErrorFindings = ({ findings }: { readonly findings: readonly Finding[] }): boolean =>
  findings.some(({ severity }) => severity === 'error')
