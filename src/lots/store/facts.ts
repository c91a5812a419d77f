/**
 * The facts of a computation out of the books, streamed by COPY: the trades that count, splits and transfers, up
 * to a number of arrival. In no particular order: the engine sorts. Raises nothing of its own.
 */

import { type Digest, digestOf } from '../../base/digest.js'
import type { NanoInstant } from '../../base/instant.js'
import type { Tx } from '../../books/books.js'
import { copiedRows } from '../../engines/copied-rows.js'
import { microseconds } from '../fact-kinds.js'
import type { Balance, Split, Transfer } from '../facts.js'
import { compareOrder, type OrderKey, RANK } from '../order.js'
import type { Trade } from '../trade.js'
import {
  columnsOf,
  decimalOf,
  instantOf,
  SPLIT_COLUMNS,
  splitOf,
  TRADE_COLUMNS,
  TRANSFER_COLUMNS,
  tradeOf,
  transferOf,
} from './fact-rows.js'

/** A symbol and the fact behind which its facts are wanted; null: all of them. */
export interface SymbolScope {
  readonly symbol: string
  readonly after: OrderKey | null
}

export interface FactScope {
  /** Facts that have arrived by then, as trade_seq; what replaces a trade counts only if it had arrived. */
  readonly through: bigint
  /** By default every symbol from its beginning. */
  readonly symbols?: readonly SymbolScope[] | undefined
}

/** Hands every fact to `take`; how many there were. `onRows` is told how many trades have been read. */
export async function readFacts(
  tx: Tx,
  scope: FactScope,
  take: (fact: Trade | Split | Transfer) => void,
  onRows?: (rows: number) => void,
): Promise<number> {
  if (scope.symbols !== undefined) await wantedSymbols(tx, scope.symbols)
  const from = scope.symbols === undefined ? wholeTable : wantedPart
  const after = new Map(
    scope.symbols?.flatMap(({ symbol, after: key }) => (key === null ? [] : [[symbol, key]])),
  )
  let count = 0
  const give = (fact: Trade | Split | Transfer, key: () => OrderKey): void => {
    const behind = after.get(fact.symbol)
    if (behind !== undefined && compareOrder(key(), behind) <= 0) return
    count += 1
    take(fact)
  }
  for await (const rows of copiedRows(tx.copyOut(tradesQuery(scope.through, from)))) {
    for (const fields of rows) {
      const trade = tradeOf(fields)
      give(trade, () => ({
        at: trade.executed_at,
        rank: RANK[trade.side],
        venue_sequence: trade.venue_sequence,
        id: trade.order_id,
      }))
    }
    onRows?.(count)
  }
  for await (const rows of copiedRows(tx.copyOut(splitsQuery(scope.through, from)))) {
    for (const fields of rows) {
      const split = splitOf(fields)
      give(split, () => ({ at: split.at, rank: RANK.split, venue_sequence: null, id: split.id }))
    }
  }
  for await (const rows of copiedRows(tx.copyOut(transfersQuery(scope.through, from)))) {
    for (const fields of rows) {
      const transfer = transferOf(fields)
      give(transfer, () => ({ at: transfer.at, rank: RANK.transfer, venue_sequence: null, id: transfer.id }))
    }
  }
  return count
}

/** COPY takes no parameters, so that the symbols go through a table. */
async function wantedSymbols(tx: Tx, symbols: readonly SymbolScope[]): Promise<void> {
  await tx.execute('DROP TABLE IF EXISTS pg_temp.lot_scope')
  await tx.execute(
    'CREATE TEMPORARY TABLE lot_scope (symbol text COLLATE "C", since timestamptz) ON COMMIT DROP',
  )
  await tx.execute(
    `INSERT INTO pg_temp.lot_scope
     SELECT w.symbol, w.since::timestamptz FROM unnest($1::text[], $2::text[]) AS w(symbol, since)`,
    [
      symbols.map(({ symbol }) => symbol),
      symbols.map(({ after }) => (after === null ? '-infinity' : microseconds(after.at as NanoInstant))),
    ],
  )
  await tx.execute('ANALYZE pg_temp.lot_scope')
}

type From = (table: string, alias: string, at: string) => string

const wholeTable: From = (table, alias) => `${table} AS ${alias}`

/**
 * Symbol by symbol through the index: no statistics say how few facts are behind an instant, and left to itself the
 * planner reads the whole table for them.
 */
const wantedPart: From = (table, alias, at) =>
  `pg_temp.lot_scope AS w CROSS JOIN LATERAL (
     SELECT * FROM ${table} AS x WHERE x.symbol = w.symbol AND x.${at} >= w.since OFFSET 0) AS ${alias}`

/** A trade counts unless a row that has arrived replaces it. */
const tradesQuery = (through: bigint, from: From): string =>
  `SELECT ${columnsOf('t', TRADE_COLUMNS)}
     FROM ${from('trade_records', 't', 'executed_at')}
    WHERE t.trade_seq <= ${through} AND t.size IS NOT NULL AND NOT EXISTS (
      SELECT FROM trade_records AS r
       WHERE r.tenant_id = t.tenant_id AND r.replaces = t.order_id AND r.trade_seq <= ${through})`

const splitsQuery = (through: bigint, from: From): string =>
  `SELECT ${columnsOf('s', SPLIT_COLUMNS)}
     FROM ${from('lot_splits', 's', 'effective_at')} WHERE s.trade_seq <= ${through}`

const transfersQuery = (through: bigint, from: From): string =>
  `SELECT ${columnsOf('f', TRANSFER_COLUMNS)}
     FROM ${from('lot_transfers', 'f', 'effective_at')} WHERE f.trade_seq <= ${through}`

/** Every balance that has arrived by then. */
export async function readBalances(tx: Tx, through: bigint): Promise<readonly Balance[]> {
  const query = `SELECT balance_id, account, symbol, size, as_of, as_of_ns FROM balance_anchors WHERE trade_seq <= ${through}`
  const balances: Balance[] = []
  for await (const rows of copiedRows(tx.copyOut(query))) {
    for (const [id, account, symbol, size, at, ns] of rows as readonly (readonly string[])[]) {
      balances.push({
        is: 'balance',
        id: id!,
        account: account!,
        symbol: symbol!,
        size: decimalOf(size!),
        at: instantOf(at!, ns!),
      })
    }
  }
  return balances
}

/** A symbol whose facts have changed, and the earliest place in the order at which they have. */
export interface ChangedSymbol {
  readonly symbol: string
  readonly from: NanoInstant
}

/**
 * Symbols that facts which arrived behind `after`, up to `through`, touch: their own, and that of the trade they
 * replace. By name.
 */
export async function changedSymbols(
  tx: Tx,
  { after, through }: { readonly after: bigint; readonly through: bigint },
): Promise<readonly ChangedSymbol[]> {
  const rows = await tx.rows<{ symbol: string; at: string; ns: number }>(
    `WITH fresh AS (
       SELECT * FROM trade_records WHERE trade_seq > $1 AND trade_seq <= $2
     )
     SELECT DISTINCT ON (symbol) symbol, at, ns FROM (
       SELECT symbol, executed_at AS at, executed_ns AS ns FROM fresh WHERE size IS NOT NULL
       UNION ALL
       SELECT o.symbol, o.executed_at, o.executed_ns FROM fresh AS f
         JOIN trade_records AS o ON o.tenant_id = f.tenant_id AND o.order_id = f.replaces WHERE o.size IS NOT NULL
       UNION ALL
       SELECT symbol, effective_at, effective_ns FROM lot_splits WHERE trade_seq > $1 AND trade_seq <= $2
       UNION ALL
       SELECT symbol, effective_at, effective_ns FROM lot_transfers WHERE trade_seq > $1 AND trade_seq <= $2
     ) AS touched
     ORDER BY symbol, at, ns`,
    [after, through],
  )
  return rows.map(({ symbol, at, ns }) => ({
    symbol,
    from: instantOf(at.replace('T', ' ').replace('Z', '+00'), String(ns)),
  }))
}

/** Sums of the digests of facts, in four parts, so that facts that come later are added to what was summed before. */
export interface FactSums {
  readonly facts: string
  readonly sums: readonly [string, string, string, string]
}

export const NO_FACTS: FactSums = { facts: '0', sums: ['0', '0', '0', '0'] }

/** Of trades, corrections, splits and transfers that arrived behind `after`, up to `through`. */
export async function sumFacts(
  tx: Tx,
  { after, through }: { readonly after: bigint; readonly through: bigint },
): Promise<FactSums> {
  const parts = [8, 24, 40, 56].map(
    (start, i) =>
      `coalesce(sum(('x' || substr(row_digest, ${start}, 16))::bit(64)::bigint), 0)::text AS s${i}`,
  )
  const sources = ['trade_records', 'lot_splits', 'lot_transfers'].map(
    (table) => `SELECT row_digest FROM ${table} WHERE trade_seq > $1 AND trade_seq <= $2`,
  )
  const [row] = await tx.rows<{ facts: string; s0: string; s1: string; s2: string; s3: string }>(
    `SELECT count(*)::text AS facts, ${parts.join(', ')} FROM (${sources.join(' UNION ALL ')}) AS facts`,
    [after, through],
  )
  const { facts, s0, s1, s2, s3 } = row!
  return { facts, sums: [s0, s1, s2, s3] }
}

export function addSums(a: FactSums, b: FactSums): FactSums {
  const add = (x: string, y: string): string => (BigInt(x) + BigInt(y)).toString()
  const [a0, a1, a2, a3] = a.sums
  const [b0, b1, b2, b3] = b.sums
  return { facts: add(a.facts, b.facts), sums: [add(a0, b0), add(a1, b1), add(a2, b2), add(a3, b3)] }
}

/** Equal for equal facts, in whatever order and in however many imports they arrived. */
export const sumsDigest = ({ facts, sums }: FactSums): Digest => digestOf(['lot facts', facts, [...sums]])
