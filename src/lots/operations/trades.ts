/** Operations that show the trades as they were imported. */

import { z } from 'zod'
import { amount } from '../../books/amount.js'
import { type Operation, operation } from '../../books/operation.js'
import { cursorInput, nextCursor, pageOf, positionOf } from '../../books/page.js'
import { listTrades, showTrade } from '../store/trades.js'

const MAX_PAGE = 10_000

export const trade = z
  .object({
    trade_seq: z.number().describe('Number of arrival.'),
    order_id: z.string(),
    symbol: z.string().nullable().describe('Null of a cancellation, as are side, size, price and fee.'),
    side: z.enum(['buy', 'sell']).nullable(),
    size: amount.nullable(),
    price: amount.nullable(),
    fee: amount.nullable(),
    fee_currency: z.string().nullable(),
    executed_at: z.string().nullable(),
    placed_at: z.string().nullable(),
    account: z.string().nullable(),
    strategy: z.string().nullable(),
    venue_sequence: z.string().nullable(),
    lot_ids: z.array(z.string()).readonly(),
    bracket: z.string().nullable().describe('What the trades of one position share.'),
    parent_id: z.string().nullable().describe('What an older system had matched it with.'),
    pnl_usd: amount.nullable().describe('What an older system had computed.'),
    replaces: z.string().nullable(),
    replaced_by: z.string().nullable(),
  })
  .meta({ id: 'TradeRecord' })

const list = operation({
  name: 'trades list',
  summary: 'The trades in the order in which they arrived, with corrections and what they replace.',
  effect: 'read',
  input: z.object({
    symbol: z.string().optional().describe('Only this symbol.'),
    account: z.string().optional().describe('Only this account.'),
    side: z.enum(['buy', 'sell']).optional().describe('Only this side.'),
    limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(100).describe('Rows of a page.'),
    cursor: cursorInput,
  }),
  output: z.object({ trades: z.array(trade).readonly(), next_cursor: nextCursor }),
  errors: ['TIE-1605'],
  positional: [],
  http: { method: 'GET', path: '/api/v1/trades' },
  run: ({ books, tenant }, { symbol, account, side, limit, cursor }) =>
    books.transaction(tenant, async (tx) => {
      const scope = [tenant, 'trades list', JSON.stringify([symbol ?? null, account ?? null, side ?? null])]
      const after = positionOf(scope, cursor, z.int()) ?? 0
      const found = await listTrades(tx, { symbol, account, side }, after, limit + 1)
      const { rows, next_cursor } = pageOf(found, limit, scope, ({ trade_seq }) => trade_seq)
      return { trades: rows, next_cursor }
    }),
})

export const tradeOrigin = z.object({
  file_name: z.string(),
  line: z.number(),
  imported_at: z.string(),
  imported_by: z.string(),
  header: z.array(z.string()).readonly().nullable().describe('Columns of a CSV file; null of NDJSON.'),
  payload: z.string().describe('The record as it was read.'),
  row_digest: z.string(),
})

const show = operation({
  name: 'trades show',
  summary: 'One trade, the file and line it came from, and the record as it was read.',
  effect: 'read',
  input: z.object({ order_id: z.string().describe('Id of the trade.') }),
  output: z.object({
    trade,
    origin: tradeOrigin,
  }),
  errors: ['TIE-3153'],
  positional: ['order_id'],
  http: { method: 'GET', path: '/api/v1/trades/{order_id}' },
  run: ({ books, tenant }, { order_id }) => books.transaction(tenant, (tx) => showTrade(tx, order_id)),
})

export const tradeOperations: readonly Operation[] = [list, show]
