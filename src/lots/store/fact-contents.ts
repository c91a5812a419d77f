/**
 * Facts as they stand in the books against the digests they were imported with: a row that was changed behind
 * Tieout's back gives another digest. They are read once, for this and for the proof. Raises nothing.
 */

import { canonicalDecimal, parseDecimal, ZERO } from '../../base/decimal.js'
import type { Digest } from '../../base/digest.js'
import type { Tx } from '../../books/books.js'
import { copiedRows } from '../../engines/copied-rows.js'
import type { LotFact } from '../compare.js'
import { factDigest } from '../facts.js'
import { type TradeRecord, tradeDigest } from '../trade.js'
import {
  columnsOf,
  type Fields,
  SPLIT_COLUMNS,
  splitOf,
  TRADE_COLUMNS,
  TRANSFER_COLUMNS,
  tradeOf,
  transferOf,
} from './fact-rows.js'
import type { SeenFacts } from './seen-facts.js'

export interface ChangedFact {
  readonly symbol: string
  readonly id: string
}

/** A row of the books: what it says, the digest it was imported with, and since when another replaces it. */
interface KeptFact {
  readonly fact: LotFact | Extract<TradeRecord, { readonly is: 'cancellation' }>
  readonly now: Digest
  readonly kept: string
  /** As trade_seq. */
  readonly seq: bigint
  readonly replaced: bigint | null
}

/**
 * Hands every fact that counts to `take`; gives those of all that have arrived by `through` whose content is not that
 * of their digest. `onRows` is told how many rows have been read.
 */
export async function readCheckedFacts(
  tx: Tx,
  { seen, through }: { readonly seen: SeenFacts; readonly through: bigint },
  take: (fact: LotFact) => void,
  onRows: (rows: number) => void = () => {},
): Promise<readonly ChangedFact[]> {
  const changed: ChangedFact[] = []
  let rows = 0
  for (const [query, factOf] of QUERIES) {
    for await (const batch of copiedRows(tx.copyOut(query(through)))) {
      for (const fields of batch) {
        const { fact, now, kept, seq, replaced } = factOf(fields)
        if (now !== kept) changed.push({ symbol: fields[4] ?? '', id: fields[3]! })
        if (fact.is === 'cancellation') continue
        const upTo = seen.others.get(fact.symbol) ?? seen.through
        if (seq <= upTo && (replaced === null || replaced > upTo)) take(fact)
      }
      rows += batch.length
      onRows(rows)
    }
  }
  return changed
}

const OLDER = ['parent_id', 'pnl_usd'] as const
/** Every query begins with these three, then the columns of the fact: its id and its symbol first. */
const KEPT = 3

const tradesQuery = (through: bigint): string =>
  `SELECT t.row_digest, t.trade_seq, r.trade_seq, ${columnsOf('t', [...TRADE_COLUMNS, ...OLDER])}
     FROM trade_records AS t
     LEFT JOIN trade_records AS r ON r.tenant_id = t.tenant_id AND r.replaces = t.order_id
    WHERE t.trade_seq <= ${through}`

const otherQuery = (table: string, columns: readonly string[]) => (through: bigint) =>
  `SELECT t.row_digest, t.trade_seq, NULL, ${columnsOf('t', columns)} FROM ${table} AS t WHERE t.trade_seq <= ${through}`

const keptOf = ([kept, seq, replaced]: Fields) => ({
  kept: kept!,
  seq: BigInt(seq!),
  replaced: replaced === null ? null : BigInt(replaced!),
})

function keptTrade(fields: Fields): KeptFact {
  const own = fields.slice(KEPT)
  const record = recordOf(own)
  const [parent_id, pnl] = own.slice(TRADE_COLUMNS.length) as [string | null, string | null]
  const pnl_usd = pnl === null ? null : canonicalDecimal(parseDecimal(pnl) ?? ZERO)
  const now = tradeDigest(record, { bracket: own[TRADE_COLUMNS.indexOf('bracket')]!, parent_id, pnl_usd })
  return { ...keptOf(fields), fact: record, now }
}

/** A row without a size says that another does not count, and nothing else. */
function recordOf(own: Fields): TradeRecord {
  if (own[TRADE_COLUMNS.indexOf('size')] !== null) return tradeOf(own)
  return { is: 'cancellation', order_id: own[0]!, replaces: own[TRADE_COLUMNS.indexOf('replaces')]! }
}

function keptOther(fields: Fields, factOf: typeof splitOf | typeof transferOf): KeptFact {
  const fact = factOf(fields.slice(KEPT))
  return { ...keptOf(fields), fact, now: factDigest(fact) }
}

const QUERIES: readonly (readonly [(through: bigint) => string, (fields: Fields) => KeptFact])[] = [
  [tradesQuery, keptTrade],
  [otherQuery('lot_splits', SPLIT_COLUMNS), (fields) => keptOther(fields, splitOf)],
  [otherQuery('lot_transfers', TRANSFER_COLUMNS), (fields) => keptOther(fields, transferOf)],
]
