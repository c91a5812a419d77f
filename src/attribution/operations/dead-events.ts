/** Operations on dead events: what a feed brought and was refused. */

import { z } from 'zod'
import { digestOfBytes } from '../../base/digest.js'
import { type Operation, operation } from '../../books/operation.js'
import { cursorInput, nextCursor, pageOf, positionOf } from '../../books/page.js'
import { deadEvent, endDeadEvent, listDeadEvents, pendingEvent } from '../store/dead-events.js'
import { EventImport, readEvent } from '../store/event-import.js'

const STATES = ['pending', 'resolved', 'discarded'] as const

const shown = z
  .object({
    dead_event_id: z.number(),
    file_name: z.string(),
    import_line: z.number(),
    raw_payload: z.string().nullable().describe('Null when it is no longer pending.'),
    problems: z.array(z.object({ code: z.string(), message: z.string(), remedy: z.string() })).readonly(),
    state: z.enum(STATES),
    attempts: z.number(),
    refused_at: z.string(),
    changed_at: z.string(),
    changed_by: z.string(),
    note: z.string().nullable(),
    resolved_event_id: z.number().nullable(),
  })
  .meta({ id: 'DeadEvent' })
const idInput = z.coerce.number().int().min(1).describe('Number of the dead event.')

const list = operation({
  name: 'dead-events list',
  summary: 'What feeds brought and was refused, in the order in which it was.',
  effect: 'read',
  input: z.object({
    state: z.enum(STATES).optional().describe('Only these.'),
    limit: z.coerce.number().int().min(1).max(10_000).default(100).describe('Rows of a page.'),
    cursor: cursorInput,
  }),
  output: z.object({ dead_events: z.array(shown).readonly(), next_cursor: nextCursor }),
  errors: ['TIE-1605'],
  positional: [],
  http: { method: 'GET', path: '/api/v1/dead-events' },
  run: ({ books, tenant }, { state, limit, cursor }) =>
    books.transaction(tenant, async (tx) => {
      const scope = [tenant, 'dead-events list', state ?? '']
      const found = await listDeadEvents(tx, state, positionOf(scope, cursor, z.int()) ?? 0, limit + 1)
      const { rows, next_cursor } = pageOf(found, limit, scope, ({ dead_event_id }) => dead_event_id)
      return { dead_events: rows, next_cursor }
    }),
})

const retry = operation({
  name: 'dead-events retry',
  summary: 'Try a dead event again, as it was or corrected. Refused again it stays pending.',
  effect: 'append',
  input: z.object({
    dead_event: idInput,
    payload: z.string().optional().describe('The event in JSON, corrected; as it was when not said.'),
  }),
  output: z.object({ dead_event: shown }),
  errors: ['TIE-4208', 'TIE-4209', 'TIE-4210', 'TIE-4211', 'TIE-4212', 'TIE-4216', 'TIE-4217'],
  positional: ['dead_event'],
  http: { method: 'POST', path: '/api/v1/dead-events/{dead_event}/retries' },
  run: (context, { dead_event, payload }) =>
    context.books.transaction(context.tenant, async (tx) => {
      const found = await pendingEvent(tx, dead_event)
      const text = payload ?? found.raw_payload
      const source = {
        name: found.file_name,
        digest: digestOfBytes(Buffer.from(text)),
        lines: [[{ line: found.import_line, text }]],
        placeOf: (line: number) => ({ file: found.file_name, line }),
      }
      await new EventImport(context, tx, source, false).run()
      const read = readEvent(text)
      if (read.is === 'refused') throw new Error('what was stored cannot be read')
      const { external_event_id, correlation_id } = read.event
      const [event] = await tx.rows<{ event_id: bigint }>(
        `SELECT event_id FROM attribution_events WHERE tenant_id = tieout_current_tenant()
           AND (external_event_id = $1 OR ($1::text IS NULL AND external_event_id IS NULL AND correlation_id = $2))`,
        [external_event_id, correlation_id],
      )
      await endDeadEvent(tx, dead_event, {
        state: 'resolved',
        event: Number(event!.event_id),
        note: null,
        at: context.now(),
        who: context.who,
      })
      return { dead_event: await deadEvent(tx, dead_event) }
    }),
})

const discard = operation({
  name: 'dead-events discard',
  summary: 'Give a dead event up, with the reason.',
  effect: 'append',
  input: z.object({ dead_event: idInput, note: z.string().min(1).describe('Why nothing is lost by it.') }),
  output: z.object({ dead_event: shown }),
  errors: ['TIE-4216', 'TIE-4217'],
  positional: ['dead_event'],
  http: { method: 'POST', path: '/api/v1/dead-events/{dead_event}/discard' },
  run: ({ books, tenant, now, who }, { dead_event, note }) =>
    books.transaction(tenant, async (tx) => {
      await pendingEvent(tx, dead_event)
      await endDeadEvent(tx, dead_event, { state: 'discarded', event: null, note, at: now(), who })
      return { dead_event: await deadEvent(tx, dead_event) }
    }),
})

export const deadEventOperations: readonly Operation[] = [list, retry, discard]
