/**
 * Facts as they stand in the books against the digests they were imported with: a row that was changed behind
 * Tieout's back gives another digest. Raises nothing.
 */

import { canonicalDecimal, normalize, parseDecimal, ZERO } from '../../base/decimal.js'
import { type Digest, digestOf } from '../../base/digest.js'
import type { NanoInstant } from '../../base/instant.js'
import type { Tx } from '../../books/books.js'
import { parserOf } from '../../books/types.js'
import { copiedRows } from '../../engines/copied-rows.js'
import { factDigest } from '../facts.js'
import { type Side, type TradeRecord, tradeDigest } from '../trade.js'

export interface ChangedFact {
  readonly symbol: string
  readonly id: string
}

const nano = (at: string, ns: string): string =>
  `to_char(${at} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') || lpad(${ns}::text, 3, '0') || 'Z'`
const decimal = (text: string) => normalize(parseDecimal(text) ?? ZERO)
const textArray = parserOf(1009)

type Fields = readonly (string | null)[]

/** Facts that have arrived by then whose content is not that of their digest. */
export async function changedFacts(
  tx: Tx,
  through: bigint,
  onRows: (rows: number) => void = () => {},
): Promise<ChangedFact[]> {
  const changed: ChangedFact[] = []
  let rows = 0
  const check = async (query: string, digestOfRow: (fields: Fields) => Digest): Promise<void> => {
    for await (const batch of copiedRows(tx.copyOut(`${query} WHERE trade_seq <= ${through}`))) {
      for (const fields of batch) {
        const [symbol, id, digest] = fields
        if (digestOfRow(fields.slice(1)) !== digest) changed.push({ symbol: symbol ?? '', id: id! })
      }
      rows += batch.length
      onRows(rows)
    }
  }
  await check(
    `SELECT symbol, order_id, row_digest, symbol, side, size, price, fee, fee_currency, ${nano('executed_at', 'executed_ns')},
       ${nano('placed_at', 'placed_ns')}, account, strategy, venue_sequence, lot_ids, replaces, bracket, parent_id, pnl_usd
     FROM trade_records`,
    tradeContent,
  )
  await check(
    `SELECT symbol, split_id, row_digest, symbol, numerator, denominator, ${nano('effective_at', 'effective_ns')} FROM lot_splits`,
    ([id, , symbol, numerator, denominator, at]) =>
      factDigest({
        is: 'split',
        id: id!,
        symbol: symbol!,
        numerator: BigInt(numerator!),
        denominator: BigInt(denominator!),
        at: at as NanoInstant,
      }),
  )
  await check(
    `SELECT symbol, transfer_id, row_digest, symbol, size, from_account, to_account, ${nano('effective_at', 'effective_ns')} FROM lot_transfers`,
    ([id, , symbol, size, from_account, to_account, at]) =>
      factDigest({
        is: 'transfer',
        id: id!,
        symbol: symbol!,
        size: decimal(size!),
        from_account: from_account!,
        to_account: to_account!,
        at: at as NanoInstant,
      }),
  )
  return changed
}

function tradeContent(fields: Fields): Digest {
  const [bracket, parent, pnl] = fields.slice(15) as [string | null, string | null, string | null]
  const own = tradeDigest(recordOf(fields))
  if (bracket === null && parent === null && pnl === null) return own
  return digestOf([own, bracket, parent, pnl === null ? null : canonicalDecimal(decimal(pnl))])
}

function recordOf(fields: Fields): TradeRecord {
  const [
    id,
    ,
    symbol,
    side,
    size,
    price,
    fee,
    currency,
    executed,
    placed,
    account,
    strategy,
    sequence,
    ids,
    replaces,
  ] = fields
  if (size === null) return { is: 'cancellation', order_id: id!, replaces: replaces! }
  return {
    is: 'trade',
    order_id: id!,
    symbol: symbol!,
    side: side as Side,
    size: decimal(size!),
    price: decimal(price!),
    fee: decimal(fee!),
    fee_currency: currency!,
    executed_at: executed as NanoInstant,
    placed_at: placed as NanoInstant | null,
    account: account!,
    strategy: strategy!,
    venue_sequence: sequence!,
    lot_ids: ids === null ? [] : (textArray(ids!) as string[]),
    replaces: replaces!,
  }
}
