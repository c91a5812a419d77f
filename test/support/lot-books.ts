/** A tenant with trades, as files bring them: for tests of what is computed of them. */

import type { Context } from '#tieout/books/operation'
import { type Folder, type Output, perform } from './cli.js'

export const TRADE_HEADER =
  'order_id,symbol,side,size,price,fee,executed_at,account,strategy,fee_currency,replaces,venue_sequence,lot_ids,bracket'

/** `b1 BTC-USD buy 0.5 @ 30000 fee 0.1 at 2025-01-01T00:00:00Z`, then `key value` pairs of other columns. */
export function tradeLine(text: string): string {
  const words = text.split(' ')
  const found: Record<string, string> = {}
  ;[found.order_id, found.symbol, found.side, found.size] = words as [string, string, string, string]
  const names: Record<string, string> = { '@': 'price', at: 'executed_at' }
  for (let i = 4; i + 1 < words.length; i += 2) found[names[words[i]!] ?? words[i]!] = words[i + 1]!
  return TRADE_HEADER.split(',')
    .map((name) => found[name] ?? '')
    .join(',')
}

let files = 0

/** Imports the lines, one a trade. */
export function importTrades(context: Context, folder: Folder, ...lines: readonly string[]): Promise<Output> {
  files += 1
  const text = [TRADE_HEADER, ...lines.map(tradeLine), ''].join('\n')
  return perform(context, 'trades import', { file: folder.write(`trades-${files}.csv`, text) })
}

export const compute = (context: Context, more: Readonly<Record<string, unknown>> = {}): Promise<Output> =>
  perform(context, 'lots compute', {
    version: 1,
    ...('symbol' in more ? {} : { all_symbols: true }),
    ...more,
  })

/** `s1 b1 0.5 1000 matched`, a row each. */
export async function allocationLines(
  context: Context,
  more: Readonly<Record<string, unknown>> = {},
): Promise<string[]> {
  const { allocations } = await perform(context, 'lots allocations', { version: 1, ...more })
  return allocations.map(
    (row: Output) =>
      `${row.sell_order_id} ${row.buy_order_id ?? '–'} ${row.allocated_size} ${row.pnl ?? '–'} ${row.class}`,
  )
}
