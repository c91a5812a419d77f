/**
 * The kinds of facts of lots that files bring: their columns, how a row of text becomes the fields that are
 * stored, and where. One import machine serves all of them. Problems of a row are data; raises nothing.
 */

import { canonicalDecimal } from '../base/decimal.js'
import { type Digest, digestOf } from '../base/digest.js'
import { problem } from '../base/errors.js'
import type { NanoInstant } from '../base/instant.js'
import { factDigest, parseBalance, parseSplit, parseTransfer } from './facts.js'
import {
  type ColumnProblem,
  type Parsed,
  type ParseOptions,
  parseTrade,
  REQUIRED_TRADE_COLUMNS,
  RowReader,
  TRADE_COLUMNS,
  tradeDigest,
} from './trade.js'

export type ImportKind = 'trades' | 'splits' | 'transfers' | 'balances' | 'historical_pnl'

export type RawRow = Readonly<Record<string, string | undefined>>

export interface StoredField {
  readonly name: string
  readonly type: 'text' | 'numeric' | 'timestamptz' | 'smallint' | 'text[]'
}

export interface FactRow {
  readonly id: string
  /** One for each of the kind's stored fields. */
  readonly fields: readonly (string | readonly string[] | null)[]
  readonly digest: Digest
  readonly replaces: string | null
}

export interface FactKind {
  readonly kind: ImportKind
  /** What one of them is called: `trade`. */
  readonly record: string
  readonly required: readonly string[]
  readonly optional: readonly string[]
  /** The first is the id, which no two rows share. */
  readonly fields: readonly StoredField[]
  parse(row: RawRow, options: ParseOptions): Parsed<FactRow>
}

/** Characters of a name or an id, which indexes have to hold. */
export const MAX_TEXT = 200
/** Characters of all lot ids of a trade. */
export const MAX_LOT_IDS = 20_000

const fieldsOf = (...specs: readonly string[]): StoredField[] =>
  specs.map((spec) => {
    const [name, type = 'text'] = spec.split(' ')
    return { name: name!, type: type as StoredField['type'] }
  })

/** The database keeps microseconds and, beside them, the three digits below. */
export const microseconds = (at: NanoInstant): string => `${at.slice(0, 26)}Z`
export const nanoseconds = (at: NanoInstant): string => String(Number(at.slice(26, 29)))

/** No field but the lot ids has anything long to say. */
function tooLong(row: RawRow, record: string): ColumnProblem[] {
  const problems: ColumnProblem[] = []
  for (const column in row) {
    const length = row[column]?.length ?? 0
    if (length <= MAX_TEXT) continue
    const limit = column === 'lot_ids' ? MAX_LOT_IDS : MAX_TEXT
    if (length > limit) {
      problems.push({ column, problem: problem('TIE-3150', { column, length, limit, record }) })
    }
  }
  return problems
}

/** The kind whose rows are refused when a field is longer than any index holds. */
function limited(kind: FactKind): FactKind {
  return {
    ...kind,
    parse: (row, options) => {
      const problems = tooLong(row, kind.record)
      return problems.length > 0 ? { is: 'refused', problems } : kind.parse(row, options)
    },
  }
}

function map<A, B>(parsed: Parsed<A>, to: (value: A) => B): Parsed<B> {
  return parsed.is === 'parsed' ? { is: 'parsed', value: to(parsed.value) } : parsed
}

/** Columns of an older system, which Tieout keeps with a trade and the engine does not read. */
const KEPT_COLUMNS = ['parent_id', 'pnl_usd']

const TRADE_FIELDS = fieldsOf(
  'order_id',
  'symbol',
  'side',
  'size numeric',
  'price numeric',
  'fee numeric',
  'fee_currency',
  'executed_at timestamptz',
  'executed_ns smallint',
  'placed_at timestamptz',
  'placed_ns smallint',
  'account',
  'strategy',
  'venue_sequence numeric',
  'lot_ids text[]',
  'bracket',
  'replaces',
  'parent_id',
  'pnl_usd numeric',
)

function parseTradeRow(row: RawRow, options: ParseOptions): Parsed<FactRow> {
  const read = new RowReader(row, 'trade', options)
  const bracket = read.text('bracket')
  const parent = read.text('parent_id')
  const pnl = read.text('pnl_usd') === null ? null : canonicalDecimal(read.amount('pnl_usd', 'any'))
  const parsed = parseTrade(row, options)
  if (parsed.is === 'refused') return { is: 'refused', problems: [...parsed.problems, ...read.problems] }
  const record = parsed.value
  const digest = tradeDigest(record, { bracket, parent_id: parent, pnl_usd: pnl })
  const { order_id: id, replaces } = record
  if (record.is === 'cancellation') {
    const fields = TRADE_FIELDS.map(({ name }) =>
      name === 'order_id' ? id : name === 'replaces' ? replaces : null,
    )
    fields[15] = bracket
    fields[17] = parent
    fields[18] = pnl
    return read.end({ id, replaces, digest, fields })
  }
  const { executed_at, placed_at } = record
  return read.end({
    id,
    replaces,
    digest,
    fields: [
      id,
      record.symbol,
      record.side,
      canonicalDecimal(record.size),
      canonicalDecimal(record.price),
      canonicalDecimal(record.fee),
      record.fee_currency,
      microseconds(executed_at),
      nanoseconds(executed_at),
      placed_at === null ? null : microseconds(placed_at),
      placed_at === null ? null : nanoseconds(placed_at),
      record.account,
      record.strategy,
      record.venue_sequence,
      record.lot_ids.length === 0 ? null : record.lot_ids,
      bracket,
      replaces,
      parent,
      pnl,
    ],
  })
}

export const TRADES: FactKind = limited({
  kind: 'trades',
  record: 'trade',
  required: REQUIRED_TRADE_COLUMNS,
  optional: [...TRADE_COLUMNS.slice(REQUIRED_TRADE_COLUMNS.length), ...KEPT_COLUMNS],
  fields: TRADE_FIELDS,
  parse: parseTradeRow,
})

export const SPLITS: FactKind = limited({
  kind: 'splits',
  record: 'split',
  required: ['id', 'symbol', 'ratio', 'at'],
  optional: [],
  fields: fieldsOf(
    'split_id',
    'symbol',
    'numerator numeric',
    'denominator numeric',
    'effective_at timestamptz',
    'effective_ns smallint',
  ),
  parse: (row, options) =>
    map(parseSplit(row, options), (split) => ({
      id: split.id,
      replaces: null,
      digest: factDigest(split),
      fields: [
        split.id,
        split.symbol,
        `${split.numerator}`,
        `${split.denominator}`,
        microseconds(split.at),
        nanoseconds(split.at),
      ],
    })),
})

export const TRANSFERS: FactKind = limited({
  kind: 'transfers',
  record: 'transfer',
  required: ['id', 'symbol', 'size', 'from_account', 'to_account', 'at'],
  optional: [],
  fields: fieldsOf(
    'transfer_id',
    'symbol',
    'size numeric',
    'from_account',
    'to_account',
    'effective_at timestamptz',
    'effective_ns smallint',
  ),
  parse: (row, options) =>
    map(parseTransfer(row, options), (transfer) => ({
      id: transfer.id,
      replaces: null,
      digest: factDigest(transfer),
      fields: [
        transfer.id,
        transfer.symbol,
        canonicalDecimal(transfer.size),
        transfer.from_account,
        transfer.to_account,
        microseconds(transfer.at),
        nanoseconds(transfer.at),
      ],
    })),
})

export const BALANCES: FactKind = limited({
  kind: 'balances',
  record: 'balance',
  required: ['id', 'account', 'symbol', 'size', 'at'],
  optional: [],
  fields: fieldsOf(
    'balance_id',
    'account',
    'symbol',
    'size numeric',
    'as_of timestamptz',
    'as_of_ns smallint',
  ),
  parse: (row, options) =>
    map(parseBalance(row, options), (balance) => ({
      id: balance.id,
      replaces: null,
      digest: factDigest(balance),
      fields: [
        balance.id,
        balance.account,
        balance.symbol,
        canonicalDecimal(balance.size),
        microseconds(balance.at),
        nanoseconds(balance.at),
      ],
    })),
})

/** What an older system had computed of a sell: its parent buy and its P&L, null where it had none. */
export const HISTORICAL_PNL: FactKind = limited({
  kind: 'historical_pnl',
  record: 'historical row',
  required: ['order_id', 'pnl_usd'],
  optional: ['symbol', 'parent_id'],
  fields: fieldsOf('order_id', 'symbol', 'parent_id', 'pnl_usd numeric'),
  parse: (row, options) => {
    const read = new RowReader(row, 'historical row', options)
    const id = read.required('order_id')
    const symbol = read.text('symbol')
    const parent = read.text('parent_id')
    const pnl = read.text('pnl_usd') === null ? null : canonicalDecimal(read.amount('pnl_usd', 'any'))
    const digest = digestOf(['historical_pnl', id, symbol, parent, pnl])
    return read.end({ id, replaces: null, digest, fields: [id, symbol, parent, pnl] })
  },
})
