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
  /** As trade_seq, which counts rows: a double holds it. */
  readonly seq: number
  readonly replaced: number | null
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
  const last = Number(seen.through)
  const others = new Map([...seen.others].map(([symbol, upTo]) => [symbol, Number(upTo)]))
  let rows = 0
  for (const [query, factOf] of QUERIES) {
    for await (const batch of copiedRows(tx.copyOut(query(through)))) {
      for (const fields of batch) {
        const { fact, now, kept, seq, replaced } = factOf(fields)
        if (now !== kept) changed.push({ symbol: fields[1] ?? '', id: fields[0]! })
        if (fact.is === 'cancellation') continue
        const upTo = others.get(fact.symbol) ?? last
        if (seq <= upTo && (replaced === null || replaced > upTo)) take(fact)
      }
      rows += batch.length
      onRows(rows)
    }
  }
  return changed
}

const OLDER = ['parent_id', 'pnl_usd'] as const
/** Every query gives the columns of the fact, its id and its symbol first, and ends with what `keptOf` reads. */
const tradesQuery = (through: bigint): string =>
  `SELECT ${columnsOf('t', [...TRADE_COLUMNS, ...OLDER])}, t.row_digest, t.trade_seq, r.trade_seq
     FROM trade_records AS t
     LEFT JOIN trade_records AS r ON r.tenant_id = t.tenant_id AND r.replaces = t.order_id
    WHERE t.trade_seq <= ${through}`

const otherQuery = (table: string, columns: readonly string[]) => (through: bigint) =>
  `SELECT ${columnsOf('t', columns)}, t.row_digest, t.trade_seq, NULL FROM ${table} AS t WHERE t.trade_seq <= ${through}`

function keptOf(fields: Fields, fact: KeptFact['fact'], now: Digest): KeptFact {
  const replaced = fields[fields.length - 1]!
  return {
    fact,
    now,
    kept: fields[fields.length - 3]!,
    seq: Number(fields[fields.length - 2]),
    replaced: replaced === null ? null : Number(replaced),
  }
}

const [SIZE, BRACKET, REPLACES] = (['size', 'bracket', 'replaces'] as const).map((name) =>
  TRADE_COLUMNS.indexOf(name),
) as [number, number, number]

function keptTrade(fields: Fields): KeptFact {
  const record = recordOf(fields)
  const [parent_id, pnl] = [fields[TRADE_COLUMNS.length]!, fields[TRADE_COLUMNS.length + 1]!]
  const pnl_usd = pnl === null ? null : canonicalDecimal(parseDecimal(pnl) ?? ZERO)
  return keptOf(fields, record, tradeDigest(record, { bracket: fields[BRACKET]!, parent_id, pnl_usd }))
}

/** A row without a size says that another does not count, and nothing else. */
function recordOf(fields: Fields): TradeRecord {
  if (fields[SIZE] !== null) return tradeOf(fields)
  return { is: 'cancellation', order_id: fields[0]!, replaces: fields[REPLACES]! }
}

function keptOther(fields: Fields, factOf: typeof splitOf | typeof transferOf): KeptFact {
  const fact = factOf(fields)
  return keptOf(fields, fact, factDigest(fact))
}

const QUERIES: readonly (readonly [(through: bigint) => string, (fields: Fields) => KeptFact])[] = [
  [tradesQuery, keptTrade],
  [otherQuery('lot_splits', SPLIT_COLUMNS), (fields) => keptOther(fields, splitOf)],
  [otherQuery('lot_transfers', TRANSFER_COLUMNS), (fields) => keptOther(fields, transferOf)],
]
