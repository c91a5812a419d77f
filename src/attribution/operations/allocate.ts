/** The operation that allocates the revenue of events to channels. */

import { z } from 'zod'
import type { ErrorCode } from '../../base/errors.js'
import type { Tx } from '../../books/books.js'
import { type Operation, operation } from '../../books/operation.js'
import { findRunHeader } from '../../books/run-headers.js'
import { findingsOf, type RunId } from '../../books/runs.js'
import { parseModel } from '../model-text.js'
import { allocateEvents } from '../runs/allocate-events.js'
import { cents, finding, instantOf, modelInput } from './schemas.js'

export const MODEL_ERRORS: readonly ErrorCode[] = [
  'TIE-4101',
  'TIE-4102',
  'TIE-4103',
  'TIE-4104',
  'TIE-4105',
  'TIE-4107',
]

const allocated = z.object({
  run_id: z.string().nullable().describe('Null of a dry run.'),
  model: z.string(),
  model_version: z.string().describe('Of the new sets; revisions of an event have .r2, .r3 behind it.'),
  table_digest: z.string().nullable().describe('Of a learned model: of the weights it went by.'),
  mode: z
    .enum(['full', 'incremental'])
    .describe(
      'Incremental: only what came since the last allocation was read, for nothing else has changed.',
    ),
  events: z.number().describe('Events that have a set now, refunds and other adjustments among them.'),
  computed: z
    .number()
    .describe('Events whose set was computed: of an incremental allocation the new ones and their families.'),
  new: z.number().describe('Sets written.'),
  same: z.number().describe('Events whose set stays as it is stored: nothing was written.'),
  superseded: z.number().describe('Sets that a new one replaced; they stay, and name it.'),
  revenue: z
    .array(
      z.object({
        currency: z.string(),
        events: z.number(),
        revenue_cents: cents,
        allocated_cents: cents,
        unknown_cents: cents.describe('Of it in the channel unknown.'),
      }),
    )
    .readonly(),
  input_digest: z.string(),
  result_digest: z
    .string()
    .describe('Of what all sets say: equal for equal inputs, in any order of arrival.'),
  findings: z.array(finding).readonly(),
  duration_ms: z.number(),
  dry_run: z.boolean(),
})

/** What was allocated, as its run keeps it. */
async function storedOutcome(tx: Tx, run: string): Promise<z.input<typeof allocated> | undefined> {
  const header = await findRunHeader(tx, run)
  if (header?.status !== 'COMPLETED' || header.kind !== 'attribution') return undefined
  return {
    ...(header.parameters.allocated as unknown as z.input<typeof allocated>),
    run_id: run,
    input_digest: header.input_digest!,
    result_digest: header.result_digest!,
    findings: await findingsOf(tx, run as RunId),
    duration_ms: header.calculation_duration_ms!,
    dry_run: false,
  }
}

const allocate = operation({
  name: 'attribution allocate',
  summary: 'Allocate the revenue of events to channels by a model; what is allocated already stays.',
  effect: 'append',
  input: z.object({
    model: modelInput,
    since: z
      .string()
      .optional()
      .describe('Only purchases from this instant or date on, each with its refunds.'),
    until: z
      .string()
      .optional()
      .describe('Only purchases before this instant or date, each with its refunds.'),
    weights: z
      .string()
      .optional()
      .describe('Of a learned model: the model version whose weights to go by, instead of learning anew.'),
    full: z
      .boolean()
      .default(false)
      .describe('Read every event and hold every set against it, also where nothing has changed.'),
    dry_run: z.boolean().default(false).describe('Do everything but keep nothing.'),
  }),
  output: allocated,
  errors: [
    ...MODEL_ERRORS,
    'TIE-2502',
    'TIE-2503',
    'TIE-4115',
    'TIE-4116',
    'TIE-4117',
    'TIE-4401',
    'TIE-4402',
    'TIE-4403',
    'TIE-4405',
    'TIE-4409',
  ],
  positional: [],
  http: { method: 'POST', path: '/api/v1/attribution/allocations', location: '/api/v1/runs/{run_id}' },
  async run(context, { model, since, until, weights, full, dry_run }) {
    const filter = { since: instantOf('since', since), until: instantOf('until', until) }
    const found = await allocateEvents(context, {
      model: parseModel(model),
      filter,
      weights,
      isFull: full,
      isDry: dry_run,
    })
    return { ...found, dry_run }
  },
  recover: ({ books, tenant }, id) => books.transaction(tenant, (tx) => storedOutcome(tx, id)),
})

export const allocateOperations: readonly Operation[] = [allocate]
