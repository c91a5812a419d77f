/** Operations that bring revenue events in and show them. */

import { basename } from 'node:path'
import { z } from 'zod'
import type { Digest } from '../../base/digest.js'
import { digestOfBytes } from '../../base/digest.js'
import { type ErrorCode, refuse } from '../../base/errors.js'
import { type Operation, operation } from '../../books/operation.js'
import { cursorInput, nextCursor, pageOf, positionOf } from '../../books/page.js'
import { digestOfFile } from '../../engines/file-digest.js'
import { channelsOf } from '../channel-map.js'
import { readEventsFile } from '../files/events-file.js'
import { MILESTONES } from '../paths.js'
import { EVENT_TYPES } from '../revenue-event.js'
import { listChannels } from '../store/channels.js'
import { pendingEventsThatName } from '../store/dead-events.js'
import { importEvents } from '../store/event-import.js'
import { type ErasedBy, eraseEvents, findEvent, listEvents, touchesOf } from '../store/events.js'
import { eventInput } from './schemas.js'

const modes = {
  dead_letter: z
    .boolean()
    .default(false)
    .describe('Keep what is refused as dead events and store the rest, instead of refusing all.'),
  dry_run: z.boolean().default(false).describe('Do everything but keep nothing.'),
}
const counts = {
  new: z.number(),
  same: z.number().describe('Events that were there already with the same content.'),
  refused: z.number().describe('Events that became dead events.'),
  import_id: z.string().nullable().describe('Null when nothing was new.'),
  dry_run: z.boolean(),
}
const EVENT_ERRORS: readonly ErrorCode[] = [
  'TIE-2413',
  'TIE-4201',
  'TIE-4202',
  'TIE-4203',
  'TIE-4204',
  'TIE-4205',
  'TIE-4206',
  'TIE-4207',
  'TIE-4208',
  'TIE-4209',
  'TIE-4210',
  'TIE-4211',
  'TIE-4212',
  'TIE-4213',
  'TIE-4214',
  'TIE-4220',
  'TIE-4221',
]

const imports = operation({
  name: 'events import',
  summary: 'Import revenue events with their touches, refunds, chargebacks and corrections.',
  effect: 'append',
  input: z.object({
    file: z.string().describe('An NDJSON file, an event a line, or a CSV file (.csv).'),
    ...modes,
  }),
  output: z.object({ file: z.string(), ...counts }),
  errors: [
    'TIE-1005',
    'TIE-2401',
    'TIE-2404',
    'TIE-2405',
    'TIE-2406',
    'TIE-2410',
    'TIE-2412',
    'TIE-2415',
    'TIE-3151',
    'TIE-4222',
    ...EVENT_ERRORS,
  ],
  positional: ['file'],
  http: {
    method: 'POST',
    path: '/api/v1/events/imports',
    upload: 'file',
    mediaTypes: { 'application/x-ndjson': '.ndjson', 'text/csv': '.csv' },
  },
  async run(context, { file, dead_letter, dry_run }) {
    const source = {
      name: basename(file),
      digest: (await digestOfFile(file)) as Digest,
      lines: readEventsFile(file),
      placeOf: (line: number) => ({ file, line }),
    }
    const found = await importEvents(context, source, { deadLetter: dead_letter, dryRun: dry_run })
    return { file, ...found, dry_run }
  },
})

/** Its content is checked as that of a line is, so that every problem has its code. */
const event = z.record(z.string(), z.unknown()).describe('An event as a line of an import has it.')

const record = operation({
  name: 'events record',
  summary: 'Store one revenue event or a batch of them.',
  effect: 'append',
  input: z.object({ events: z.array(event).min(1).max(10_000).describe('The events.'), ...modes }),
  output: z.object(counts),
  errors: ['TIE-2415', ...EVENT_ERRORS],
  positional: [],
  http: { method: 'POST', path: '/api/v1/events' },
  async run(context, { events, dead_letter, dry_run }) {
    const lines = events.map((one, i) => ({ line: i + 1, text: JSON.stringify(one) }))
    const source = {
      name: 'request',
      digest: digestOfBytes(Buffer.from(JSON.stringify(events))),
      lines: [lines],
      placeOf: (line: number) => ({ pointer: `/events/${line - 1}` }),
    }
    return {
      ...(await importEvents(context, source, { deadLetter: dead_letter, dryRun: dry_run })),
      dry_run,
    }
  },
})

export const shownEvent = z
  .object({
    event_id: z.number().describe('Number of arrival.'),
    external_event_id: z.string().nullable(),
    correlation_id: z.string().nullable(),
    type: z.enum(EVENT_TYPES),
    occurred_at: z.string(),
    revenue_cents: z
      .string()
      .describe('What it adds to revenue, in minor units; negative where it takes back.'),
    currency: z.string(),
    refund_of: z.string().nullable(),
    recorded_at: z.string(),
    customer_id: z.string().nullable(),
    session_id: z.string().nullable(),
    erased_at: z.string().nullable(),
  })
  .meta({ id: 'RevenueEvent' })

const list = operation({
  name: 'events list',
  summary: 'Revenue events in the order in which they arrived.',
  effect: 'read',
  input: z.object({
    limit: z.coerce.number().int().min(1).max(10_000).default(100).describe('Rows of a page.'),
    cursor: cursorInput,
  }),
  output: z.object({ events: z.array(shownEvent).readonly(), next_cursor: nextCursor }),
  errors: ['TIE-1605'],
  positional: [],
  http: { method: 'GET', path: '/api/v1/events' },
  run: ({ books, tenant }, { limit, cursor }) =>
    books.transaction(tenant, async (tx) => {
      const scope = [tenant, 'events list']
      const found = await listEvents(tx, positionOf(scope, cursor, z.int()) ?? 0, limit + 1)
      const { rows, next_cursor } = pageOf(found, limit, scope, ({ event_id }) => event_id)
      return { events: rows, next_cursor }
    }),
})

const show = operation({
  name: 'events show',
  summary: 'One revenue event with its touches and the channels that they belong to.',
  effect: 'read',
  input: z.object({ event: eventInput }),
  output: z.object({
    event: shownEvent,
    touches: z
      .array(
        z.object({
          position: z.number(),
          code: z.string().describe('As the event said it.'),
          channel: z.string().describe('What the taxonomy takes it for.'),
          at: z.string(),
          milestone: z.enum(MILESTONES).nullable().describe('What the touch made besides.'),
        }),
      )
      .readonly(),
  }),
  errors: ['TIE-4215'],
  positional: ['event'],
  http: { method: 'GET', path: '/api/v1/events/{event}' },
  run: ({ books, tenant }, { event: id }) =>
    books.transaction(tenant, async (tx) => {
      const found = await findEvent(tx, id)
      const channelOf = channelsOf(await listChannels(tx))
      const touches = (await touchesOf(tx, found.event_id)).map(({ channel, ...touch }) => ({
        ...touch,
        code: channel,
        channel: channelOf(channel),
      }))
      return { event: found, touches }
    }),
})

const erase = operation({
  name: 'events erase',
  summary:
    'Detach what is personal from the events of a customer or a session, or from one event; the money stays.',
  effect: 'purge',
  input: z
    .object({
      customer: z.string().min(1).optional().describe('customer_id of the events.'),
      session: z.string().min(1).optional().describe('session_id of the events.'),
      event: eventInput.optional(),
    })
    .meta({ example: { customer: 'c-17' } }),
  output: z.object({
    erased: z.number().describe('Events that were not erased before.'),
    dead_events: z
      .array(z.number())
      .readonly()
      .describe('Pending dead events that still name it: to be retried and erased, or discarded.'),
  }),
  errors: ['TIE-4215', 'TIE-4413'],
  positional: ['customer'],
  http: { method: 'POST', path: '/api/v1/events/erasures' },
  run: ({ books, tenant, now, who }, { customer, session, event }) => {
    if ([customer, session, event].filter((one) => one !== undefined).length !== 1) refuse('TIE-4413', {})
    return books.transaction(tenant, async (tx) => {
      const found = event === undefined ? undefined : await findEvent(tx, event)
      const by: ErasedBy =
        customer !== undefined
          ? { column: 'customer_id', value: customer }
          : session !== undefined
            ? { column: 'session_id', value: session }
            : { column: 'event_id', value: found!.event_id }
      const named = customer ?? session ?? found!.external_event_id ?? found!.correlation_id!
      return {
        erased: await eraseEvents(tx, by, now(), who),
        dead_events: await pendingEventsThatName(tx, named),
      }
    })
  },
})

export const eventOperations: readonly Operation[] = [imports, record, list, show, erase]
