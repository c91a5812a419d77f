/** Trade records as they are listed and shown. Raises TIE-3153 for a trade that is not there. */

import { refuse } from '../../base/errors.js'
import { nearest } from '../../base/text.js'
import type { Tx } from '../../books/books.js'
import { instantText } from './instant-text.js'

/** One row as it was imported; a cancellation has no more than its id and what it replaces. */
export interface StoredTrade {
  readonly trade_seq: number
  readonly order_id: string
  readonly symbol: string | null
  readonly side: 'buy' | 'sell' | null
  readonly size: string | null
  readonly price: string | null
  readonly fee: string | null
  readonly fee_currency: string | null
  readonly executed_at: string | null
  readonly placed_at: string | null
  readonly account: string | null
  readonly strategy: string | null
  readonly venue_sequence: string | null
  readonly lot_ids: readonly string[]
  readonly bracket: string | null
  readonly parent_id: string | null
  readonly pnl_usd: string | null
  readonly replaces: string | null
  readonly replaced_by: string | null
}

/** Where a trade came from. */
export interface TradeOrigin {
  readonly file_name: string
  readonly line: number
  readonly imported_at: string
  readonly imported_by: string
  /** The columns of a CSV file; null for NDJSON. */
  readonly header: readonly string[] | null
  /** The record as it was read. */
  readonly payload: string
  readonly row_digest: string
}

export interface TradeFilter {
  readonly symbol?: string | undefined
  readonly account?: string | undefined
  readonly side?: 'buy' | 'sell' | undefined
}

type Row = Omit<StoredTrade, 'trade_seq' | 'lot_ids'> & {
  readonly trade_seq: bigint
  readonly lot_ids: readonly string[] | null
  readonly executed_ns: number | null
  readonly placed_ns: number | null
}

const COLUMNS = `t.trade_seq, t.order_id, t.symbol, t.side, t.size, t.price, t.fee, t.fee_currency, t.executed_at,
  t.executed_ns, t.placed_at, t.placed_ns, t.account, t.strategy, t.venue_sequence, t.lot_ids, t.bracket, t.parent_id,
  t.pnl_usd, t.replaces, r.order_id AS replaced_by`
const FROM = `FROM trade_records AS t
  LEFT JOIN trade_records AS r ON r.tenant_id = t.tenant_id AND r.replaces = t.order_id`

function tradeOf({ executed_ns, placed_ns, trade_seq, lot_ids, ...row }: Row): StoredTrade {
  return {
    ...row,
    trade_seq: Number(trade_seq),
    executed_at: instantText(row.executed_at, executed_ns),
    placed_at: instantText(row.placed_at, placed_ns),
    lot_ids: lot_ids ?? [],
  }
}

/** In the order of arrival, after a number; corrections and what they replace as well. */
export async function listTrades(
  tx: Tx,
  { symbol, account, side }: TradeFilter,
  after: number,
  limit: number,
): Promise<StoredTrade[]> {
  const rows = await tx.rows<Row>(
    `SELECT ${COLUMNS} ${FROM}
      WHERE t.trade_seq > $1 AND ($2::text IS NULL OR t.symbol = $2) AND ($3::text IS NULL OR t.account = $3)
        AND ($4::text IS NULL OR t.side = $4)
      ORDER BY t.trade_seq LIMIT $5`,
    [after, symbol ?? null, account ?? null, side ?? null, limit],
  )
  return rows.map(tradeOf)
}

export async function showTrade(
  tx: Tx,
  orderId: string,
): Promise<{ readonly trade: StoredTrade; readonly origin: TradeOrigin }> {
  const [row] = await tx.rows<Row & Omit<TradeOrigin, 'line'> & { readonly import_line: bigint }>(
    `SELECT ${COLUMNS}, i.file_name, t.import_line, i.imported_at, i.imported_by, i.header, t.payload, t.row_digest
       ${FROM} JOIN trade_imports AS i ON i.tenant_id = t.tenant_id AND i.import_id = t.import_id
      WHERE t.order_id = $1`,
    [orderId],
  )
  if (row === undefined) return noSuchTrade(tx, orderId)
  const { file_name, import_line, imported_at, imported_by, header, payload, row_digest, ...trade } = row
  return {
    trade: tradeOf(trade),
    origin: { file_name, line: Number(import_line), imported_at, imported_by, header, payload, row_digest },
  }
}

async function noSuchTrade(tx: Tx, orderId: string): Promise<never> {
  const known = await tx.rows<{ order_id: string }>(
    'SELECT order_id FROM trade_records ORDER BY trade_seq DESC LIMIT 1000',
  )
  const near = nearest(
    orderId,
    known.map(({ order_id }) => order_id),
  )
  const suggestion = near.length === 0 ? '' : `Did you mean ${near.map((id) => `"${id}"`).join(' or ')}?`
  refuse('TIE-3153', { order_id: orderId, suggestion })
}
