/** Operations on the ledger: post, list, balance, export, verify. */

import { z } from 'zod'
import { parseDate } from '../../base/dates.js'
import { refuse } from '../../base/errors.js'
import { type Operation, operation } from '../../books/operation.js'
import { cursorInput, nextCursor, pageOf, positionOf } from '../../books/page.js'
import { refuseTaken, writeFileWhole } from '../../books/whole-file.js'
import { entryLine, proveLedgerFile } from '../files/ledger-file.js'
import { FIRST_HASH } from '../ledger-hash.js'
import { modelKey } from '../model.js'
import { parseModel } from '../model-text.js'
import { postLedger } from '../runs/post-ledger.js'
import { findEvent } from '../store/events.js'
import { ledgerBalance, ledgerEntries, listEntries, proveLedger } from '../store/ledger-entries.js'
import { MODEL_ERRORS } from './allocate.js'
import { cents, instantOf, limitInput, modelInput } from './schemas.js'

const post = operation({
  name: 'ledger post',
  summary: 'Post the allocations that hold, once each; reverse those that hold no more.',
  effect: 'append',
  input: z.object({
    model: modelInput
      .optional()
      .describe('The model that the ledger is kept by; the one it is, or the only one allocated by.'),
    replace: z.boolean().default(false).describe('Reverse the entries of another model, and post by this.'),
  }),
  output: z.object({
    model: z.string().describe('What the versions of the model begin with.'),
    posted: z.number().describe('Entries that post an allocation.'),
    reversed: z.number().describe('Entries that reverse another.'),
    revised: z
      .number()
      .describe(
        'Sets that were made again as their next revision, because they had been posted and reversed.',
      ),
    entries: z.number().describe('Of the whole ledger.'),
    head: z.string().describe('Hash of the newest entry.'),
    amounts: z
      .array(z.object({ currency: z.string(), posted_cents: cents, reversed_cents: cents }))
      .readonly(),
  }),
  errors: [...MODEL_ERRORS, 'TIE-2502', 'TIE-2503', 'TIE-4401', 'TIE-4406', 'TIE-4411'],
  positional: [],
  http: { method: 'POST', path: '/api/v1/ledger/postings' },
  run: (context, { model, replace }) =>
    postLedger(context, {
      key: model === undefined ? undefined : modelKey(parseModel(model)),
      isReplacing: replace,
    }),
})

const dateOf = (input: string, text: string | undefined): string | undefined =>
  text === undefined ? undefined : (parseDate(text) ?? refuse('TIE-4405', { input, value: text }))

const fromInput = z.string().optional().describe('Only days from this one on, by effective date.')
const toInput = z.string().optional().describe('Only days up to this one, itself included.')

const list = operation({
  name: 'ledger list',
  summary: 'Entries of the ledger in their order.',
  effect: 'read',
  input: z.object({
    event: z.string().optional().describe('Only of this event, by external id or number.'),
    channel: z.string().optional().describe('Only of this channel.'),
    from: fromInput,
    to: toInput,
    limit: limitInput,
    cursor: cursorInput,
  }),
  output: z.object({
    entries: z
      .array(
        z
          .object({
            entry_no: z.number(),
            allocation_id: z.number().nullable().describe('Null of an entry that reverses another.'),
            reverses: z.number().nullable().describe('The entry that it reverses.'),
            event: z.string(),
            channel: z.string(),
            model_version: z.string(),
            amount_cents: cents,
            currency: z.string(),
            effective_date: z.string().describe('The day on which the event occurred, in UTC.'),
            posted_at: z.string().describe('From when on it was known.'),
            posted_by: z.string(),
            verification: z.string(),
            previous_hash: z.string(),
            entry_hash: z.string(),
          })
          .meta({ id: 'LedgerEntry' }),
      )
      .readonly(),
    next_cursor: nextCursor,
  }),
  errors: ['TIE-1605', 'TIE-4215', 'TIE-4405'],
  positional: [],
  http: { method: 'GET', path: '/api/v1/ledger/entries' },
  run: ({ books, tenant }, { event, channel, limit, cursor, ...days }) =>
    books.transaction(tenant, async (tx) => {
      const filter = {
        event_id: event === undefined ? undefined : (await findEvent(tx, event)).event_id,
        channel,
        from: dateOf('from', days.from),
        to: dateOf('to', days.to),
      }
      const scope = [tenant, 'ledger list', JSON.stringify(filter)]
      const found = await listEntries(tx, filter, positionOf(scope, cursor, z.int()) ?? 0, limit + 1)
      const { rows, next_cursor } = pageOf(found, limit, scope, ({ entry_no }) => entry_no)
      return { entries: rows, next_cursor }
    }),
})

const balance = operation({
  name: 'ledger balance',
  summary: 'What the channels have by the ledger, of a period, as it was known at an instant.',
  effect: 'read',
  input: z.object({
    from: fromInput,
    to: toInput,
    as_known_at: z
      .string()
      .optional()
      .describe('Only entries posted until this instant; a date is its midnight in UTC.'),
  }),
  output: z.object({
    channels: z
      .array(
        z.object({ channel: z.string(), currency: z.string(), balance_cents: cents, entries: z.number() }),
      )
      .readonly(),
  }),
  errors: ['TIE-4405'],
  positional: [],
  http: { method: 'GET', path: '/api/v1/ledger/balance' },
  run: ({ books, tenant }, { from, to, as_known_at }) => {
    const filter = {
      from: dateOf('from', from),
      to: dateOf('to', to),
      knownAt: instantOf('as-known-at', as_known_at),
    }
    return books.transaction(tenant, async (tx) => ({ channels: await ledgerBalance(tx, filter) }))
  },
})

const exportLedger = operation({
  name: 'ledger export',
  summary: 'Write the ledger to a file, an entry a line, with all that its hashes cover.',
  effect: 'read',
  input: z.object({
    file: z.string().min(1).describe('The file to write.'),
    overwrite: z.boolean().default(false).describe('Replace the file when there is one.'),
  }),
  output: z.object({
    file: z.string(),
    entries: z.number(),
    bytes: z.number(),
    head: z.string().describe('Hash of the newest entry: note it where the file is kept.'),
  }),
  errors: ['TIE-2801', 'TIE-2802'],
  positional: ['file'],
  http: {
    method: 'GET',
    path: '/api/v1/ledger',
    download: {
      input: 'file',
      without: ['overwrite'],
      form: { mediaType: 'application/x-ndjson', extension: '.ndjson' },
      name: 'ledger-{head}',
      tag: 'head',
    },
  },
  run: (context, { file, overwrite }) =>
    context.books.transaction(context.tenant, async (tx) => {
      const place = { file, existing: overwrite ? 'replace' : 'refuse', token: context.newId() } as const
      refuseTaken(place)
      let entries = 0
      let head = FIRST_HASH
      const { bytes } = await writeFileWhole(place, async (put) => {
        for await (const batch of ledgerEntries(tx)) {
          entries += batch.length
          head = batch.at(-1)!.entry_hash
          await put(batch.map(entryLine).join(''))
        }
      })
      return { file, entries, bytes, head }
    }),
})

const verify = operation({
  name: 'ledger verify',
  summary: 'Prove the hash chain of the ledger from its first entry on; the first bad entry is named.',
  effect: 'read',
  input: z.object({
    file: z.string().optional().describe('A file that ledger export wrote, instead of the books.'),
    head: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional()
      .describe('A hash noted before: an entry must have it, so that no end was cut off.'),
  }),
  output: z.object({
    entries: z.number().describe('Entries that follow from the first one.'),
    head: z.string().describe('Hash of the last of them.'),
    violation: z.object({ entry_no: z.number(), what: z.string() }).nullable(),
  }),
  errors: ['TIE-1005', 'TIE-2410', 'TIE-4408'],
  positional: [],
  http: { method: 'GET', path: '/api/v1/ledger/proof', without: ['file'] },
  violated: ({ violation }) => violation !== null,
  run: ({ books, tenant }, { file, head }) =>
    file === undefined
      ? books.transaction(tenant, (tx) => proveLedger(tx, head))
      : proveLedgerFile(file, head),
})

export const ledgerOperations: readonly Operation[] = [post, list, balance, exportLedger, verify]
