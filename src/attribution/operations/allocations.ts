/** Operations that show what events gave their channels, and how two models differ. */

import { z } from 'zod'
import { refuse } from '../../base/errors.js'
import { type Operation, operation } from '../../books/operation.js'
import { cursorInput, nextCursor, pageOf, positionOf } from '../../books/page.js'
import { modelKey, modelText } from '../model.js'
import { parseModel } from '../model-text.js'
import { EVENT_TYPES } from '../revenue-event.js'
import { type AllocationPlace, compareModels, listAllocations } from '../store/allocations.js'
import { findEvent } from '../store/events.js'
import { MODEL_ERRORS } from './allocate.js'
import { cents, instantOf, limitInput, modelInput, sinceInput, untilInput } from './schemas.js'

const allocation = z
  .object({
    event_id: z.number(),
    external_event_id: z.string().nullable(),
    type: z.enum(EVENT_TYPES),
    occurred_at: z.string(),
    channel: z.string(),
    allocation_ratio: z.string().describe('The weight at five places: shown, and not what cents come from.'),
    allocated_revenue_cents: cents,
    currency: z.string(),
    model_version: z.string(),
    superseded_by: z.string().nullable().describe('The version that holds in its place.'),
  })
  .meta({ id: 'RevenueAllocation' })

const list = operation({
  name: 'attribution allocations',
  summary: 'What each event gave each channel by a model.',
  effect: 'read',
  input: z.object({
    model: modelInput.optional().describe('The model: the sets that hold. Say this or model_version.'),
    model_version: z
      .string()
      .optional()
      .describe('A whole version: its sets, also those that another superseded.'),
    event: z.string().optional().describe('Only of this event, by external id or number.'),
    channel: z.string().optional().describe('Only of this channel.'),
    currency: z.string().optional().describe('Only in this currency.'),
    since: sinceInput,
    until: untilInput,
    limit: limitInput.optional(),
    cursor: cursorInput,
  }),
  output: z.object({ allocations: z.array(allocation).readonly(), next_cursor: nextCursor }),
  errors: ['TIE-1605', ...MODEL_ERRORS, 'TIE-4215', 'TIE-4405', 'TIE-4412'],
  positional: [],
  http: { method: 'GET', path: '/api/v1/attribution/allocations' },
  run: ({ books, tenant }, given) =>
    books.transaction(tenant, async (tx) => {
      const { model, model_version, event, channel, currency, limit, cursor } = given
      if ((model === undefined) === (model_version === undefined)) refuse('TIE-4412', {})
      const filter = {
        key: model === undefined ? undefined : modelKey(parseModel(model)),
        model_version,
        event_id: event === undefined ? undefined : (await findEvent(tx, event)).event_id,
        channel,
        currency,
        since: instantOf('since', given.since),
        until: instantOf('until', given.until),
      }
      const scope = [tenant, 'attribution allocations', JSON.stringify(filter)]
      const after: AllocationPlace | undefined = positionOf(
        scope,
        cursor,
        z.object({ event_id: z.int(), channel: z.string() }),
      )
      const most = limit ?? Number.MAX_SAFE_INTEGER - 1
      const found = await listAllocations(tx, filter, after, most + 1)
      const { rows, next_cursor } = pageOf(found, most, scope, (last) => ({
        event_id: last.event_id,
        channel: last.channel,
      }))
      return { allocations: rows, next_cursor }
    }),
})

const compare = operation({
  name: 'attribution compare',
  summary: 'What two models give each channel, of the events that both have allocated.',
  effect: 'read',
  input: z.object({
    models: z
      .array(modelInput)
      .length(2)
      .describe('Two models: the difference is what the second gives more.'),
    since: sinceInput,
    until: untilInput,
  }),
  output: z.object({
    models: z.array(z.string()).readonly(),
    events: z.number().describe('Events with a set of both.'),
    only_left: z.number().describe('Left out: allocated by the first alone.'),
    only_right: z.number().describe('Left out: allocated by the second alone.'),
    channels: z
      .array(
        z.object({
          channel: z.string(),
          currency: z.string(),
          left_cents: cents,
          right_cents: cents,
          difference_cents: cents.describe('right − left; of a currency these sum to 0.'),
        }),
      )
      .readonly(),
  }),
  errors: [...MODEL_ERRORS, 'TIE-4405'],
  positional: [],
  words: ['models'],
  http: { method: 'GET', path: '/api/v1/attribution/comparisons' },
  run: ({ books, tenant }, { models, since, until }) => {
    const [left, right] = models.map((text) => parseModel(text))
    const window = { since: instantOf('since', since), until: instantOf('until', until) }
    return books.transaction(tenant, async (tx) => ({
      models: [modelText(left!), modelText(right!)],
      ...(await compareModels(tx, modelKey(left!), modelKey(right!), window)),
    }))
  },
})

export const revenueAllocationOperations: readonly Operation[] = [list, compare]
