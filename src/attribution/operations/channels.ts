/** Operations on the taxonomy of channels. */

import { z } from 'zod'
import { refuse } from '../../base/errors.js'
import { type Operation, operation } from '../../books/operation.js'
import { MAX_ID } from '../revenue-event.js'
import { addChannel, listChannels, mapChannel } from '../store/channels.js'

const channel = z.object({
  code: z.string(),
  family: z.string(),
  is_paid: z.boolean().nullable(),
  state: z.enum(['discovered', 'active', 'deprecated', 'mapped']),
  maps_to: z.string().nullable(),
})
const channels = z.object({ channels: z.array(channel).readonly() })

const code = z.string().regex(/\S/, 'it is blank')
const codeInput = code.describe('Code of the channel.')

function shortCode(field: string, code: string): string {
  const length = Buffer.byteLength(code)
  return length > MAX_ID ? refuse('TIE-4220', { field, length, limit: MAX_ID }) : code.trim()
}

const list = operation({
  name: 'channels list',
  summary: 'The channels: declared, mapped to another, or only seen in events.',
  effect: 'read',
  input: z.object({}),
  output: channels,
  errors: [],
  positional: [],
  http: { method: 'GET', path: '/api/v1/channels' },
  run: ({ books, tenant }) => books.transaction(tenant, async (tx) => ({ channels: await listChannels(tx) })),
})

const add = operation({
  name: 'channels add',
  summary: 'Declare a channel, or say anew what it is. Codes that are not declared are then unknown.',
  effect: 'append',
  input: z.object({
    code: codeInput,
    family: z
      .string()
      .min(1)
      .max(100)
      .default('other')
      .describe('What kind of channel it is, such as social.'),
    paid: z.boolean().optional().describe('Whether it costs money.'),
    state: z.enum(['active', 'deprecated']).default('active').describe('Whether it is in use.'),
  }),
  output: channels,
  errors: ['TIE-4219', 'TIE-4220'],
  positional: ['code'],
  http: { method: 'POST', path: '/api/v1/channels' },
  run: ({ books, tenant, now, who }, { code, family, paid, state }) =>
    books.transaction(tenant, async (tx) => {
      const change = { code: shortCode('code', code), family, is_paid: paid ?? null, state, at: now(), who }
      await addChannel(tx, change)
      return { channels: await listChannels(tx) }
    }),
})

const map = operation({
  name: 'channels map',
  summary: 'Say that a code means another channel, in events of before as well.',
  effect: 'append',
  input: z.object({ code: codeInput, to: code.describe('The channel that it means.') }),
  output: channels,
  errors: ['TIE-4218', 'TIE-4219', 'TIE-4220'],
  positional: ['code', 'to'],
  http: { method: 'POST', path: '/api/v1/channels/{code}/mapping' },
  run: ({ books, tenant, now, who }, { code, to }) =>
    books.transaction(tenant, async (tx) => {
      await mapChannel(tx, shortCode('code', code), to.trim(), now(), who)
      return { channels: await listChannels(tx) }
    }),
})

export const channelOperations: readonly Operation[] = [list, add, map]
