/** The operation that says why a channel has its cents of an event. */

import { z } from 'zod'
import { type Operation, operation } from '../../books/operation.js'
import { parseModel } from '../model-text.js'
import { MILESTONES } from '../paths.js'
import { explainEvent } from '../runs/explain-event.js'
import { MODEL_ERRORS } from './allocate.js'
import { shownEvent } from './events.js'
import { cents, eventInput, modelInput } from './schemas.js'

const explain = operation({
  name: 'attribution explain',
  summary: 'Why this cent: touches that count, exact weights, and who got the cents left over.',
  effect: 'read',
  input: z.object({
    event: eventInput,
    model: modelInput.optional().describe('Only by this model; by all that the event is allocated by.'),
    channel: z.string().optional().describe('Only this channel.'),
  }),
  output: z.object({
    event: shownEvent,
    sets: z
      .array(
        z.object({
          model: z.string(),
          model_version: z.string(),
          run_id: z.string(),
          computed_at: z.string(),
          input_digest: z.string(),
          content_digest: z.string(),
          superseded_by: z.string().nullable(),
          superseded_at: z.string().nullable(),
          allocations: z
            .array(
              z.object({ channel: z.string(), allocation_ratio: z.string(), allocated_revenue_cents: cents }),
            )
            .readonly()
            .describe('As they are stored.'),
          split_by: z
            .enum(['weights', 'remaining'])
            .describe('By the weights of the path, or by what remained of each channel.'),
          inputs_changed: z
            .boolean()
            .describe('Since it was computed: the next allocation supersedes it, and steps are not told.'),
          touches: z
            .array(
              z.object({
                position: z.number(),
                code: z.string(),
                channel: z.string(),
                at: z.string(),
                milestone: z.enum(MILESTONES).nullable(),
                counts: z.boolean(),
                why_not: z.string().nullable(),
              }),
            )
            .readonly(),
          left_over_cents: cents.nullable().describe('What the whole parts left over.'),
          steps: z
            .array(
              z.object({
                channel: z.string(),
                remaining_cents: cents.nullable().describe('Before the event, where it was split by that.'),
                share: z.string().describe('Exact, such as 2/3.'),
                exact_cents: z.string().describe('revenue × share, exact.'),
                whole_cents: cents,
                remainder: z.string(),
                rank: z.number().describe('By size of the remainder, ties by code.'),
                extra_cent: z.boolean(),
                allocated_revenue_cents: cents,
              }),
            )
            .readonly(),
        }),
      )
      .readonly(),
  }),
  errors: [...MODEL_ERRORS, 'TIE-4215', 'TIE-4404', 'TIE-4410'],
  positional: ['event'],
  http: { method: 'GET', path: '/api/attribution/events/{event}/allocations' },
  run: ({ books, tenant }, { event, model, channel }) =>
    books.transaction(tenant, (tx) =>
      explainEvent(tx, { event, model: model === undefined ? undefined : parseModel(model), channel }),
    ),
})

export const explainAllocationOperations: readonly Operation[] = [explain]
