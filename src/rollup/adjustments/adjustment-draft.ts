/**
 * Adjustments as a person or a program writes them, before anything is checked against a use case. All scalars
 * are text. A cap written as one amount is its upper end.
 */

import { z } from 'zod'

/** Adjustments of one file. */
const MAX_ADJUSTMENTS = 1000

const name = z.string().min(1).max(200)
const amount = z.string()

const adjustment = z.strictObject({
  name,
  where: z.string().optional(),
  compare: z
    .strictObject({
      key: z.array(name).min(1).max(20),
      measure: name.optional(),
      difference: z.string().optional(),
      absolute_difference: z.string().optional(),
      prior: z.enum(['missing', 'present']).optional(),
    })
    .optional(),
  scenario: name.optional(),
  measures: z.array(name).min(1).max(100).optional(),
  scale: amount.optional(),
  add: amount.optional(),
  cap: z
    .preprocess(
      (value) => (typeof value === 'string' ? { at_most: value } : value),
      z.strictObject({ at_most: amount.optional(), at_least: amount.optional() }),
    )
    .optional(),
  reverses: name.optional(),
  round: z.string().optional(),
  reason: z.string().min(1).max(2000),
  owner: name,
  valid_from: z.string().nullable().optional(),
  valid_to: z.string().nullable().optional(),
})

export const adjustmentsDraftSchema = z.strictObject({
  adjustments: z.array(adjustment).min(1).max(MAX_ADJUSTMENTS),
})

export type AdjustmentsDraft = z.output<typeof adjustmentsDraftSchema>
export type AdjustmentDraft = AdjustmentsDraft['adjustments'][number]
