/** Shapes that several operations of attribution share. Raises TIE-4405, TIE-4307. */

import { z } from 'zod'
import { parseDate } from '../../base/dates.js'
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

export const currencyInput = z
  .string()
  .regex(/^[A-Z]{3}$/)
  .optional()
  .describe('Only in this currency, such as USD.')

/** Names one event. */
export const eventInput = z
  .string()
  .min(1)
  .describe('External id of the event, its correlation id where it has none, or its number.')

export const cents = z.string().describe('Whole minor units of the currency.')

/** Undefined stays so. */
export const instantOf = (input: string, text: string | undefined): NanoInstant | undefined =>
  text === undefined ? undefined : (parseInstantOrDate(text) ?? refuse('TIE-4405', { input, value: text }))

export const finding = z.object({
  code: z.string(),
  severity: z.enum(['info', 'warning', 'error']),
  message: z.string(),
  suggestion: z.string(),
  amount: z.string().optional(),
  rows: z.number().optional(),
  detail: z.record(z.string(), z.union([z.string(), z.array(z.string())])).optional(),
}) as unknown as z.ZodType<Finding>

/** The inputs `from` and `to`: days of a period, both included. */
export const periodInputs = (of: string) => ({
  from: z.string().optional().describe(`Only days from this one on. ${of}`),
  to: z.string().optional().describe('Only days up to this one, itself included.'),
})

/** Raises TIE-4405 for what is no date, TIE-4307 for a period without a day. */
export function periodOf({
  from,
  to,
}: {
  readonly from?: string | undefined
  readonly to?: string | undefined
}) {
  const day = (input: string, text: string | undefined) =>
    text === undefined ? undefined : (parseDate(text) ?? refuse('TIE-4405', { input, value: text }))
  const period = { from: day('from', from), to: day('to', to) }
  if (period.from !== undefined && period.to !== undefined && period.from > period.to)
    refuse('TIE-4307', { from: period.from, to: period.to })
  return period
}
