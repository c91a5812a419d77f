/** Operations that show what a version holds: allocations, open lots; and those on versions as such. */

import { z } from 'zod'
import { amount } from '../../books/amount.js'
import { type Operation, operation } from '../../books/operation.js'
import { cursorInput, nextCursor, pageOf, positionOf } from '../../books/page.js'
import { ALLOCATION_CLASSES } from '../allocation.js'
import { type AllocationPlace, listAllocations, listAllocationsAsOf } from '../store/allocations.js'
import { type LotPlace, listOpenLots } from '../store/inventory.js'
import { limitInput, publishedVersionInput, versionOf } from './schemas.js'

export const allocation = z
  .object({
    sell_order_id: z.string(),
    buy_order_id: z.string().nullable().describe('Null: unmatched, as are cost_basis and pnl.'),
    symbol: z.string(),
    allocated_size: amount,
    buy_price: amount.nullable(),
    sell_price: amount,
    buy_fee: amount.nullable(),
    sell_fee: amount,
    cost_basis: amount.nullable().describe("Share of the buy's price × size, plus its fee."),
    proceeds: amount,
    net_proceeds: amount.describe('proceeds − sell_fee.'),
    pnl: amount.nullable().describe('net_proceeds − cost_basis.'),
    class: z.enum(ALLOCATION_CLASSES),
    lot_side: z.enum(['long', 'short']).nullable(),
    account: z.string().nullable(),
    strategy: z.string().nullable(),
    lot_account: z.string().nullable(),
    buy_executed_at: z.string().nullable(),
    sell_executed_at: z.string(),
    allocation_no: z.number().describe('In the order in which the allocations of a symbol arise.'),
    batch_id: z.string().describe('The computation that wrote it.'),
  })
  .meta({ id: 'Allocation' })

const list = operation({
  name: 'lots allocations',
  summary: 'The allocations of a version: which buy each sell used, and what it earned.',
  effect: 'read',
  input: z.object({
    version: publishedVersionInput,
    symbol: z.string().optional().describe('Only this symbol.'),
    class: z.enum(ALLOCATION_CLASSES).optional().describe('Only this class.'),
    sell: z.string().optional().describe('Only of this sell.'),
    buy: z.string().optional().describe('Only of this buy.'),
    as_of: z.coerce
      .number()
      .int()
      .min(1)
      .optional()
      .describe('As they stood when the computation of this number had ended.'),
    limit: limitInput.optional(),
    cursor: cursorInput,
  }),
  output: z.object({
    allocation_version: z.number(),
    allocations: z.array(allocation).readonly(),
    next_cursor: nextCursor,
  }),
  errors: ['TIE-1605', 'TIE-3154', 'TIE-3175'],
  positional: [],
  http: { method: 'GET', path: '/api/v1/lots/allocations' },
  run: ({ books, tenant }, given) =>
    books.transaction(tenant, async (tx) => {
      const version = await versionOf(tx, given.version)
      const { symbol, class: kind, sell: sell_order_id, buy: buy_order_id, as_of, limit } = given
      const filter = { version, symbol, class: kind, sell_order_id, buy_order_id }
      const scope = [tenant, 'lots allocations', JSON.stringify({ ...filter, as_of: as_of ?? null })]
      const after: AllocationPlace | undefined = positionOf(
        scope,
        given.cursor,
        z.object({ symbol: z.string(), allocation_no: z.int() }),
      )
      const most = limit ?? Number.MAX_SAFE_INTEGER - 1
      const found =
        as_of === undefined
          ? await listAllocations(tx, filter, after, most + 1)
          : await listAllocationsAsOf(tx, filter, as_of, after, most + 1)
      const { rows, next_cursor } = pageOf(found, most, scope, ({ symbol: last, allocation_no }) => ({
        symbol: last,
        allocation_no,
      }))
      return { allocation_version: version, allocations: rows, next_cursor }
    }),
})

const openLot = z
  .object({
    symbol: z.string(),
    pool: z.string(),
    order_id: z.string().describe('The trade that opened it.'),
    account: z.string().nullable().describe('Who holds it now.'),
    strategy: z.string().nullable(),
    bracket: z.string().nullable(),
    side: z.enum(['long', 'short']),
    original_size: amount,
    remaining_size: amount,
    price: amount,
    remaining_gross: amount.describe('Share of price × size that remains.'),
    remaining_fee: amount,
    remaining_cost: amount.describe('Long: gross + fee. Short: gross − fee, what was received.'),
    opened_at: z.string(),
  })
  .meta({ id: 'OpenLot' })

const open = operation({
  name: 'lots open',
  summary: 'The lots of a version that are open, with what of their cost remains.',
  effect: 'read',
  input: z.object({
    version: publishedVersionInput,
    symbol: z.string().optional().describe('Only this symbol.'),
    account: z.string().optional().describe('Only those this account holds.'),
    limit: limitInput.optional(),
    cursor: cursorInput,
  }),
  output: z.object({
    allocation_version: z.number(),
    lots: z.array(openLot).readonly(),
    next_cursor: nextCursor,
  }),
  errors: ['TIE-1605', 'TIE-3154', 'TIE-3175'],
  positional: [],
  http: { method: 'GET', path: '/api/v1/lots/open' },
  run: ({ books, tenant }, given) =>
    books.transaction(tenant, async (tx) => {
      const version = await versionOf(tx, given.version)
      const { symbol, account, limit } = given
      const scope = [tenant, 'lots open', JSON.stringify([version, symbol ?? null, account ?? null])]
      const after: LotPlace | undefined = positionOf(
        scope,
        given.cursor,
        z.object({ symbol: z.string(), position: z.int(), part: z.int() }),
      )
      const most = limit ?? Number.MAX_SAFE_INTEGER - 1
      const found = await listOpenLots(tx, { version, symbol, account }, after, most + 1)
      const { rows, next_cursor } = pageOf(found, most, scope, ({ symbol: last, position, part }) => ({
        symbol: last,
        position,
        part,
      }))
      const lots = rows.map((lot) => ({ ...lot, opened_at: lot.opened_at.replace(/\.?0+Z$/, 'Z') }))
      return { allocation_version: version, lots, next_cursor }
    }),
})

export const allocationOperations: readonly Operation[] = [list, open]
