/** Operations that tell revenue at a glance: at this moment, and by channel. */

import { z } from 'zod'
import { majorAmount } from '../../base/currency.js'
import { refuse } from '../../base/errors.js'
import type { Tx } from '../../books/books.js'
import { type Operation, operation } from '../../books/operation.js'
import { byFamily } from '../channel-summary.js'
import { modelKey } from '../model.js'
import { parseModel } from '../model-text.js'
import { realtimeRevenue } from '../realtime-revenue.js'
import { allocatedModels } from '../store/ledger-posting.js'
import { channelRevenue, revenueTotals } from '../store/revenue.js'
import { MODEL_ERRORS } from './allocate.js'
import { cents, currencyInput, modelInput, periodInputs, periodOf } from './schemas.js'

const realtime = operation({
  name: 'attribution realtime',
  summary: 'Revenue at this moment, how much of it is verified, and how fresh that is.',
  effect: 'read',
  input: z.object({ currency: currencyInput }),
  output: z
    .strictObject({
      total_revenue: z
        .string()
        .nullable()
        .describe(
          'Net revenue of all events in the major unit of `currency`; null where there are several currencies and none was asked for, since they cannot be added.',
        ),
      currency: z.string().nullable().describe('The one asked for, or the only one there is.'),
      verified: z.boolean().describe('Whether all of it was settled as it is.'),
      data_freshness_seconds: z
        .number()
        .int()
        .nullable()
        .describe('From the newest event or entry to this answer; null when there is none.'),
      tenant_id: z.guid(),
      currencies: z
        .array(
          z
            .strictObject({
              currency: z.string(),
              minor_unit_digits: z.number().int(),
              revenue: z.string().describe('In the major unit.'),
              revenue_cents: cents,
              verified_cents: cents,
              unverified_cents: cents.describe('revenue − verified.'),
              posted_cents: cents.describe('What the ledger has of it.'),
              events: z.number().int(),
              verified_events: z.number().int(),
              entries: z.number().int().describe('Of the ledger.'),
            })
            .meta({ id: 'CurrencyRevenue' }),
        )
        .readonly(),
    })
    .meta({ id: 'RealtimeRevenue' }),
  errors: [],
  positional: [],
  http: { method: 'GET', path: '/api/attribution/revenue/realtime', correlated: true },
  run: async ({ books, tenant, now }, { currency }) => {
    const totals = await books.transaction(tenant, revenueTotals)
    const counted = totals.map(({ events, verified_events, entries, ...total }) => ({
      ...total,
      events: Number(events),
      verified_events: Number(verified_events),
      entries: Number(entries),
    }))
    return { ...realtimeRevenue(counted, currency, now()), tenant_id: tenant }
  },
})

const channels = operation({
  name: 'attribution channels',
  summary: 'Revenue by channel and by family of channels, of the sets that hold by a model.',
  effect: 'read',
  input: z.object({
    model: modelInput
      .optional()
      .describe('The model, such as linear@1; the only one allocated by when it is not said.'),
    currency: currencyInput,
    ...periodInputs('The UTC day on which the event occurred.'),
  }),
  output: z.object({
    model: z.string().describe('What the versions of the model begin with.'),
    from: z.string().nullable(),
    to: z.string().nullable(),
    channels: z
      .array(
        z
          .object({
            channel: z.string(),
            family: z.string(),
            is_paid: z.boolean().nullable(),
            currency: z.string(),
            allocated_revenue_cents: cents,
            allocated_revenue: z.string().describe('In the major unit.'),
            allocations: z.number().int(),
          })
          .meta({ id: 'ChannelRevenue' }),
      )
      .readonly(),
    families: z
      .array(
        z
          .object({
            family: z.string(),
            currency: z.string(),
            allocated_revenue_cents: cents,
            allocated_revenue: z.string().describe('In the major unit.'),
            allocations: z.number().int(),
          })
          .meta({ id: 'FamilyRevenue' }),
      )
      .readonly(),
  }),
  errors: [...MODEL_ERRORS, 'TIE-4306', 'TIE-4307', 'TIE-4405'],
  positional: [],
  http: { method: 'GET', path: '/api/attribution/channels' },
  run: ({ books, tenant }, { model: text, currency, ...given }) =>
    books.transaction(tenant, async (tx) => {
      const period = periodOf(given)
      const model = await modelToRead(tx, text)
      const found = await channelRevenue(tx, { model, currency, ...period })
      return {
        model,
        from: period.from ?? null,
        to: period.to ?? null,
        channels: found.map(inMajorUnits),
        families: byFamily(found).map(inMajorUnits),
      }
    }),
})

const inMajorUnits = <T extends { readonly allocated_revenue_cents: string; readonly currency: string }>(
  row: T,
) => ({
  ...row,
  allocated_revenue: majorAmount(BigInt(row.allocated_revenue_cents), row.currency),
})

/** The key of the model that is named, or of the only one there are sets by. Raises TIE-4306. */
export async function modelToRead(tx: Tx, text: string | undefined): Promise<string> {
  if (text !== undefined) return modelKey(parseModel(text))
  const known = await allocatedModels(tx)
  if (known.length === 1) return known[0]!
  refuse('TIE-4306', { known: known.length === 0 ? 'none was allocated by yet' : known.join(', ') })
}

export const revenueOperations: readonly Operation[] = [realtime, channels]
