/**
 * The trade record: one fill, as it was reported, never changed. A raw row of text becomes a trade or all its
 * problems (TIE-3101 to TIE-3106, TIE-3114, TIE-3115), which the caller gives a line and raises together.
 */

import { canonicalDecimal, type Decimal, normalize, parseDecimal, pow10, ZERO } from '../base/decimal.js'
import { type Digest, digestOf, digestOfCanonical } from '../base/digest.js'
import { type Problem, problem } from '../base/errors.js'
import { type NanoInstant, type ParsedInstant, parseInstant } from '../base/instant.js'
import { didYouMean } from '../base/text.js'
import { offsetText, type TimeZone } from '../base/time-zone.js'

export type Side = 'buy' | 'sell'

/** Decimals are normalized (1.50 is 1.5), so that equal content is equal however it was written. */
export interface Trade {
  readonly is: 'trade'
  /** Unique among all facts of a tenant. */
  readonly order_id: string
  readonly symbol: string
  readonly side: Side
  /** > 0, in units of the base asset. */
  readonly size: Decimal
  /** ≥ 0, quote per unit of base. */
  readonly price: Decimal
  /** In fee_currency. Negative: a rebate. */
  readonly fee: Decimal
  /** Null: the quote currency. */
  readonly fee_currency: string | null
  readonly executed_at: NanoInstant
  readonly placed_at: NanoInstant | null
  readonly account: string | null
  readonly strategy: string | null
  /** The venue's own counter, whole digits without leading zeros; decides the order within one instant. */
  readonly venue_sequence: string | null
  /** Order ids of the lots this trade closes, for specific identification; in a row separated by spaces or semicolons. Empty: none named. */
  readonly lot_ids: readonly string[]
  /** What the trades of one position share; under specific identification they close one another's lots. */
  readonly bracket: string | null
  /** Order id of the row this one corrects. */
  readonly replaces: string | null
}

/** Takes a row out without putting another in its place. */
export interface Cancellation {
  readonly is: 'cancellation'
  readonly order_id: string
  readonly replaces: string
}

export type TradeRecord = Trade | Cancellation

/** The columns of a trade file; the first seven must be there. */
export const TRADE_COLUMNS = [
  'order_id',
  'symbol',
  'side',
  'size',
  'price',
  'fee',
  'executed_at',
  'placed_at',
  'account',
  'strategy',
  'fee_currency',
  'replaces',
  'venue_sequence',
  'lot_ids',
  'bracket',
] as const
export type TradeColumn = (typeof TRADE_COLUMNS)[number]
export const REQUIRED_TRADE_COLUMNS = TRADE_COLUMNS.slice(0, 7)

/** A row as text; a missing column is an empty one. */
export type RawTrade = Readonly<Partial<Record<TradeColumn, string>>>

/** A problem and the column it is in, for the caller to place. */
export interface ColumnProblem {
  readonly column: string
  readonly problem: Problem
}

export type Parsed<T> =
  | { readonly is: 'parsed'; readonly value: T }
  | { readonly is: 'refused'; readonly problems: readonly ColumnProblem[] }

export interface ParseOptions {
  /** Zone of times that say none. */
  readonly zone?: TimeZone
}

/** Digits before and after the point together, exponent written out. */
export const MAX_AMOUNT_DIGITS = 100

/** Exact value of decimal text, with an exponent if need be (1e-7 is 0.0000001); undefined for anything else. */
export function parseAmount(text: string): Decimal | undefined {
  const plain = plainAmount(text)
  if (plain !== undefined) return plain
  const match = /^([^eE]{1,120})(?:[eE]([+-]?\d{1,4}))?$/.exec(text)
  const mantissa = match === null ? undefined : parseDecimal(match[1]!)
  if (mantissa === undefined) return undefined
  const scale = mantissa.scale - Number(match![2] ?? '0')
  if (Math.abs(scale) > MAX_AMOUNT_DIGITS) return mantissa.units === 0n ? normalize(mantissa) : undefined
  const value = normalize(
    scale < 0 ? { units: mantissa.units * pow10(-scale), scale: 0 } : { units: mantissa.units, scale },
  )
  return canonicalDecimal(value).replace(/[-.]/g, '').length > MAX_AMOUNT_DIGITS ? undefined : value
}

/** What nearly all amounts are, normalized: plain digits that a double holds. Undefined for anything else. */
export function plainAmount(text: string): Decimal | undefined {
  const first = text.charCodeAt(0) === 45 ? 1 : 0
  if (text.length - first > 16 || text.length === first) return undefined
  let units = 0
  let point = -1
  for (let i = first; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48
    if (digit >= 0 && digit <= 9) units = units * 10 + digit
    else if (digit === -2 && point < 0) point = i
    else return undefined
  }
  if (units > Number.MAX_SAFE_INTEGER || text.length === first + (point < 0 ? 0 : 1)) return undefined
  let scale = point < 0 ? 0 : text.length - point - 1
  if (units === 0) return ZERO
  for (let less = Math.trunc(units / 10); scale > 0 && less * 10 === units; scale -= 1) {
    units = less
    less = Math.trunc(units / 10)
  }
  return { units: BigInt(first === 1 ? -units : units), scale }
}

/** Reads the fields of one raw row, keeping every problem. Shared by all kinds of lot facts. */
export class RowReader {
  readonly problems: ColumnProblem[] = []

  constructor(
    private readonly row: Readonly<Record<string, string | undefined>>,
    /** What the row is called in messages. */
    private readonly record: string,
    private readonly options: ParseOptions = {},
  ) {}

  /** Null for an empty field. */
  text(column: string): string | null {
    const text = this.row[column]?.trim()
    return text === undefined || text === '' ? null : text
  }

  required(column: string): string {
    const text = this.text(column)
    if (text === null) this.add(column, problem('TIE-3101', { column, record: this.record }))
    return text ?? ''
  }

  /** A required decimal. A bound that is not kept is a problem of its own. */
  amount(column: string, rule: 'any' | 'greater than 0' | '0 or greater', empty?: Decimal): Decimal {
    const text = empty === undefined ? this.required(column) : (this.text(column) ?? '')
    const nothing = empty ?? { units: 1n, scale: 0 }
    if (text === '') return nothing
    const value = parseAmount(text)
    if (value === undefined) {
      this.add(column, problem('TIE-3102', { column, value: text, limit: MAX_AMOUNT_DIGITS }))
      return nothing
    }
    if ((rule === 'greater than 0' && value.units <= 0n) || (rule === '0 or greater' && value.units < 0n)) {
      this.add(column, problem('TIE-3103', { column, value: text, rule }))
    }
    return value
  }

  /** Null for an empty field; `required` is said by the caller. */
  instant(column: string): NanoInstant | null {
    const text = this.text(column)
    if (text === null) return null
    const parsed = parseInstant(text, this.options.zone)
    if (parsed.is === 'instant') return parsed.instant
    this.add(column, noInstant(column, text, parsed))
    return null
  }

  requiredInstant(column: string): NanoInstant {
    this.required(column)
    return this.instant(column) ?? ('' as NanoInstant)
  }

  add(column: string, found: Problem): void {
    this.problems.push({ column, problem: found })
  }

  end<T>(value: T): Parsed<T> {
    return this.problems.length === 0 ? { is: 'parsed', value } : { is: 'refused', problems: this.problems }
  }
}

/** A raw row as a trade, or as a cancellation when it names a row to replace and has no size; else every problem of it. */
export function parseTrade(row: RawTrade, options: ParseOptions = {}): Parsed<TradeRecord> {
  const read = new RowReader(row, 'trade', options)
  const order_id = read.required('order_id')
  const replaces = read.text('replaces')
  if (replaces !== null && read.text('size') === null) {
    return read.end<TradeRecord>({ is: 'cancellation', order_id, replaces })
  }
  return read.end<TradeRecord>({
    is: 'trade',
    order_id,
    symbol: read.required('symbol'),
    side: readSide(read),
    size: read.amount('size', 'greater than 0'),
    price: read.amount('price', '0 or greater'),
    fee: read.amount('fee', 'any', { units: 0n, scale: 0 }),
    fee_currency: read.text('fee_currency'),
    executed_at: read.requiredInstant('executed_at'),
    placed_at: read.instant('placed_at'),
    account: read.text('account'),
    strategy: read.text('strategy'),
    venue_sequence: readSequence(read),
    lot_ids:
      read
        .text('lot_ids')
        ?.split(/[;\s]+/)
        .filter((id) => id !== '') ?? NONE,
    bracket: read.text('bracket'),
    replaces,
  })
}

const NONE: readonly string[] = []

function noInstant(
  column: string,
  value: string,
  parsed: Exclude<ParsedInstant, { readonly is: 'instant' }>,
): Problem {
  switch (parsed.is) {
    case 'without_zone':
      return problem('TIE-3105', { column, value })
    case 'skipped':
      return problem('TIE-3114', { column, value, zone: parsed.zone })
    case 'twice': {
      const [first, second] = parsed.offsets.map(offsetText) as [string, string]
      return problem('TIE-3115', { column, value, zone: parsed.zone, first, second })
    }
    case 'none': {
      const expected = 'an ISO time with its zone and at most nine digits of a second: 2025-12-24T09:00:00Z'
      return problem('TIE-3106', { column, value, what: 'instant', expected })
    }
  }
}

function readSide(read: RowReader): Side {
  const value = read.required('side')
  const side = value.toLowerCase()
  if (side === 'buy' || side === 'sell') return side
  if (value !== '') {
    read.add('side', problem('TIE-3104', { value, suggestion: didYouMean(value, ['buy', 'sell']) }))
  }
  return 'buy'
}

function readSequence(read: RowReader): string | null {
  const value = read.text('venue_sequence')
  if (value === null) return null
  if (/^\d{1,40}$/.test(value)) return value.replace(/^0+(?=\d)/, '')
  const expected = 'whole digits, at most 40'
  read.add(
    'venue_sequence',
    problem('TIE-3106', { column: 'venue_sequence', value, what: 'sequence number', expected }),
  )
  return null
}

/** What is kept with a row of trades besides its record: of a cancellation the bracket, and of an older system its results. */
export interface KeptWithTrade {
  readonly bracket: string | null
  readonly parent_id: string | null
  /** Canonical decimal text. */
  readonly pnl_usd: string | null
}

/**
 * What a row says, whatever its spelling: the same id with another digest is another content. What is kept besides
 * is said only where there is any, so that a trade has one digest with and without these columns in its file.
 */
export function tradeDigest(record: TradeRecord, kept?: KeptWithTrade): Digest {
  const own = digestOfRecord(record)
  const bracket = kept?.bracket ?? (record.is === 'trade' ? record.bracket : null)
  const [parent, pnl] = [kept?.parent_id ?? null, kept?.pnl_usd ?? null]
  return bracket === null && parent === null && pnl === null ? own : digestOf([own, bracket, parent, pnl])
}

function digestOfRecord(record: TradeRecord): Digest {
  if (record.is === 'cancellation') {
    return digestOfFields(['cancellation', record.order_id, record.replaces])
  }
  return digestOfFields([
    record.order_id,
    record.symbol,
    record.side,
    canonicalDecimal(record.size),
    canonicalDecimal(record.price),
    canonicalDecimal(record.fee),
    record.fee_currency,
    record.executed_at,
    record.placed_at,
    record.account,
    record.strategy,
    record.venue_sequence,
    record.replaces,
    ...record.lot_ids,
  ])
}

/** As digestOf of the list, without its walk: this is done for every row of an import. */
function digestOfFields(fields: readonly (string | null)[]): Digest {
  let text = `a${fields.length}:`
  for (const field of fields) text += field === null ? 'n' : `s${field.length}:${field}`
  return digestOfCanonical(text)
}
