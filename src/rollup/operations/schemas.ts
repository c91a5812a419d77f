/** Shapes that several operations share. Amounts are decimal text. */

import { z } from 'zod'
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

export const amount = z.string().meta({ id: 'Amount', description: 'Decimal text.' })

export const hasErrorFindings = ({ findings }: { readonly findings: readonly Finding[] }): boolean =>
  findings.some(({ severity }) => severity === 'error')
