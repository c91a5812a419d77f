/** Shapes that several operations of attribution share. Raises TIE-4405. */

import { z } from 'zod'
import { refuse } from '../../base/errors.js'
import type { Finding } from '../../base/finding.js'
import { type NanoInstant, parseInstantOrDate } from '../../base/instant.js'

export const modelInput = z
  .string()
  .min(1)
  .describe('The model with its parameters, such as linear@1 or time-decay@1?half-life=14.')

export const sinceInput = z
  .string()
  .optional()
  .describe('Only events from this instant or date on, by when they occurred.')
export const untilInput = z
  .string()
  .optional()
  .describe('Only events before this instant or date, by when they occurred.')

export const limitInput = z.coerce.number().int().min(1).max(10_000).default(100).describe('Rows of a page.')

export const cents = z.string().describe('Whole minor units of the currency.')

/** Undefined stays so. */
export const instantOf = (input: string, text: string | undefined): NanoInstant | undefined =>
  text === undefined ? undefined : (parseInstantOrDate(text) ?? refuse('TIE-4405', { input, value: text }))

export const finding = z.object({
  code: z.string(),
  severity: z.enum(['info', 'warning', 'error']),
  message: z.string(),
  suggestion: z.string(),
  rows: z.number().optional(),
  detail: z.record(z.string(), z.union([z.string(), z.array(z.string())])).optional(),
}) as unknown as z.ZodType<Finding>
