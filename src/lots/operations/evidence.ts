/** Operations that show why: a sell down to its raw records, a sale tried by every method. */

import { z } from 'zod'
import { add, canonicalDecimal, parseDecimal, ZERO } from '../../base/decimal.js'
import { Refusal, refuse } from '../../base/errors.js'
import { amount } from '../../books/amount.js'
import type { Tx } from '../../books/books.js'
import { type Operation, operation } from '../../books/operation.js'
import type { SymbolState } from '../allocation.js'
import { type LotConfigDraft, lotConfig } from '../config.js'
import { explainSell } from '../explain.js'
import { listAllocations, type StoredAllocation } from '../store/allocations.js'
import { loadStates, newestPoints } from '../store/inventory.js'
import { knownSymbol } from '../store/known-symbol.js'
import { showTrade } from '../store/trades.js'
import { loadVersion } from '../store/versions.js'
import { parseTrade, type Trade } from '../trade.js'
import { whatIf } from '../what-if.js'
import { allocation } from './allocations.js'
import { instantOf, publishedVersionInput, versionOf } from './schemas.js'
import { trade, tradeOrigin } from './trades.js'

const source = z.object({ trade, origin: tradeOrigin }).meta({
  id: 'TradeSource',
  description: 'A trade, the file and line it came from, and the record as it was read.',
})

const ROWS = 100_000

const explain = operation({
  name: 'lots explain',
  summary:
    'One sell: the lots it used, the arithmetic of each, and the records beneath, as they were imported.',
  effect: 'read',
  input: z.object({
    sell: z.string().describe('Id of the sell.'),
    version: publishedVersionInput,
  }),
  output: z.object({
    allocation_version: z.number(),
    sell_order_id: z.string(),
    symbol: z.string(),
    bracket: z.string().nullable().describe('What the sell shares with its buys; specific goes by it.'),
    size: amount.describe('Σ over the lines, without dust.'),
    cost_basis: amount,
    net_proceeds: amount,
    pnl: amount,
    unmatched_size: amount,
    unmatched_net_proceeds: amount,
    lines: z
      .array(
        z.object({
          allocation,
          arithmetic: z.string().describe('proceeds − fee − cost = P&L.'),
          days_held: z.number().nullable(),
        }),
      )
      .readonly(),
    sources: z.array(source).readonly().describe('The sell and its buys, and what each of them corrects.'),
  }),
  errors: ['TIE-3153', 'TIE-3154', 'TIE-3175', 'TIE-3177'],
  positional: ['sell'],
  http: { method: 'GET', path: '/api/v1/lots/sells/{sell}' },
  run: ({ books, tenant }, { sell, version: asked }) =>
    books.transaction(tenant, async (tx) => {
      const version = await versionOf(tx, asked)
      const own = await showTrade(tx, sell)
      const rows = await listAllocations(tx, { version, sell_order_id: sell }, undefined, ROWS)
      const explained = explainSell(rows, () => undefined)
      if (explained === undefined) refuse('TIE-3177', { sell, version, why: whyNone(own.trade) })
      const { lines, sell_source: _, ...totals } = explained
      return {
        allocation_version: version,
        ...totals,
        bracket: own.trade.bracket,
        lines: lines.map(({ arithmetic, days_held }, i) => ({ allocation: rows[i]!, arithmetic, days_held })),
        sources: await sourcesOf(tx, sell, rows),
      }
    }),
})

function whyNone({ side, replaced_by }: { side: string | null; replaced_by: string | null }): string {
  if (replaced_by !== null) return `it is replaced by ${replaced_by}`
  if (side === null) return 'it is a cancellation'
  return side === 'buy' ? 'it is a buy' : 'the version was computed before it came, or it opened a short lot'
}

/** The sell first, then its buys in the order of the rows; behind each what it corrects. */
async function sourcesOf(tx: Tx, sell: string, rows: readonly StoredAllocation[]) {
  const wanted = [sell, ...new Set(rows.flatMap(({ buy_order_id: buy }) => (buy === null ? [] : [buy])))]
  const found: Awaited<ReturnType<typeof showTrade>>[] = []
  for (const id of wanted) {
    for (let at: string | null = id; at !== null; ) {
      const one: Awaited<ReturnType<typeof showTrade>> = await showTrade(tx, at)
      found.push(one)
      at = one.trade.replaces
    }
  }
  return found
}

const tried = z
  .object({
    method: z.string(),
    pnl: amount,
    cost_basis: amount,
    net_proceeds: amount,
    long_term: amount.describe('Of the P&L, from lots held for more than a year.'),
    short_term: amount,
    unmatched_size: amount.describe('What no lot covers.'),
    lots: z
      .array(
        z.object({ buy_order_id: z.string().nullable(), allocated_size: amount, pnl: amount.nullable() }),
      )
      .readonly()
      .describe('Those it would use, in order.'),
  })
  .meta({ id: 'TriedSale' })

const whatif = operation({
  name: 'lots whatif',
  summary: 'Try a sale of open lots by every method, side by side; nothing is stored.',
  effect: 'read',
  input: z.object({
    symbol: z.string().describe('Symbol to sell.'),
    size: amount.describe('How much.'),
    price: amount.describe('At which price.'),
    fee: amount.default('0').describe('Fee of the sale, in quote.'),
    at: z.string().optional().describe('When: an instant or a date; now when not said.'),
    account: z.string().optional().describe('From which account.'),
    strategy: z.string().optional().describe('Of which strategy.'),
    lot_ids: z.string().optional().describe('Lots to use, separated by spaces; tries specific too.'),
    bracket: z.string().optional().describe('Of which bracket; tries specific too.'),
    version: publishedVersionInput,
  }),
  output: z.object({
    allocation_version: z.number(),
    symbol: z.string(),
    size: amount,
    price: amount,
    open_size: amount.describe('What is open of the symbol now.'),
    method: z.string().describe("The version's own."),
    methods: z.array(tried).readonly(),
  }),
  errors: ['TIE-3102', 'TIE-3103', 'TIE-3154', 'TIE-3171', 'TIE-3174', 'TIE-3175'],
  positional: [],
  http: { method: 'GET', path: '/api/v1/lots/whatif' },
  run: ({ books, tenant, now }, given) =>
    books.transaction(tenant, async (tx) => {
      const version = await versionOf(tx, given.version)
      const sale = saleOf(given, given.at === undefined ? now() : instantOf(given.at))
      await knownSymbol(tx, sale.symbol)
      const config = lotConfig((await loadVersion(tx, version)).config as LotConfigDraft)
      const state = await stateOf(tx, version, sale.symbol)
      const methods = whatIf(state, sale, config).map(({ rows, ...one }) => ({
        ...one,
        lots: rows.map(({ buy_order_id, allocated_size, pnl }) => ({ buy_order_id, allocated_size, pnl })),
      }))
      const { symbol, size, price } = given
      const open_size = canonicalDecimal(
        state.lots.reduce((sum, lot) => add(sum, parseDecimal(lot.remaining_size)!), ZERO),
      )
      return { allocation_version: version, symbol, size, price, open_size, method: config.method, methods }
    }),
})

/** Raises TIE-3102 and TIE-3103 for what is no size or price. */
function saleOf(
  given: Readonly<Record<'symbol' | 'size' | 'price' | 'fee', string>> &
    Readonly<Partial<Record<'account' | 'strategy' | 'lot_ids' | 'bracket', string | undefined>>>,
  at: string,
): Trade {
  const { symbol, size, price, fee, account, strategy, lot_ids, bracket } = given
  const parsed = parseTrade({
    order_id: 'what-if',
    symbol,
    side: 'sell',
    size,
    price,
    fee,
    executed_at: at,
    ...(account === undefined ? {} : { account }),
    ...(strategy === undefined ? {} : { strategy }),
    ...(lot_ids === undefined ? {} : { lot_ids }),
    ...(bracket === undefined ? {} : { bracket }),
  })
  if (parsed.is === 'refused') throw new Refusal(parsed.problems.map(({ problem }) => problem))
  return parsed.value as Trade
}

async function stateOf(tx: Tx, version: number, symbol: string): Promise<SymbolState> {
  const points = (await newestPoints(tx, version)).filter((point) => point.symbol === symbol)
  const found = (await loadStates(tx, version, points)).get(symbol)
  return found ?? { symbol, through: null, lots: [], splits: [], chain: '', pending: '', allocations: 0 }
}

export const evidenceOperations: readonly Operation[] = [explain, whatif]
