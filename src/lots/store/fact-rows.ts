/** Trades, splits and transfers from the fields that COPY hands over. Raises nothing. */

import type { Decimal } from '../../base/decimal.js'
import type { NanoInstant } from '../../base/instant.js'
import { parserOf } from '../../books/types.js'
import type { Split, Transfer } from '../facts.js'
import { plainAmount, type Side, type Trade } from '../trade.js'

export type Fields = readonly (string | null)[]

/** In the order in which tradeOf takes them. */
export const TRADE_COLUMNS = [
  'order_id',
  'symbol',
  'side',
  'size',
  'price',
  'fee',
  'fee_currency',
  'executed_at',
  'executed_ns',
  'placed_at',
  'placed_ns',
  'account',
  'strategy',
  'venue_sequence',
  'lot_ids',
  'replaces',
  'bracket',
] as const
export const SPLIT_COLUMNS = [
  'split_id',
  'symbol',
  'numerator',
  'denominator',
  'effective_at',
  'effective_ns',
] as const
export const TRANSFER_COLUMNS = [
  'transfer_id',
  'symbol',
  'size',
  'from_account',
  'to_account',
  'effective_at',
  'effective_ns',
] as const

/** For a SELECT. */
export const columnsOf = (alias: string, columns: readonly string[]): string =>
  columns.map((name) => `${alias}.${name}`).join(', ')

/** Canonical decimal text, as imports store it. */
export function decimalOf(text: string): Decimal {
  const plain = plainAmount(text)
  if (plain !== undefined) return plain
  const point = text.indexOf('.')
  return point < 0
    ? { units: BigInt(text), scale: 0 }
    : { units: BigInt(text.slice(0, point) + text.slice(point + 1)), scale: text.length - point - 1 }
}

/** `2025-12-24 09:00:00.5+00` and the digits below the microsecond. */
export function instantOf(text: string, ns: string): NanoInstant {
  const fraction = text.length > 22 ? text.slice(20, text.length - 3) : ''
  const instant = `${text.slice(0, 10)}T${text.slice(11, 19)}.${fraction.padEnd(6, '0')}${ns.padStart(3, '0')}Z`
  // Looking into it makes one string of its parts, which would keep all that was read in memory.
  instant.charCodeAt(0)
  return instant as NanoInstant
}

const textArray = parserOf(1009)

export function tradeOf(fields: Fields): Trade {
  return {
    is: 'trade',
    order_id: fields[0]!,
    symbol: fields[1]!,
    side: fields[2] as Side,
    size: decimalOf(fields[3]!),
    price: decimalOf(fields[4]!),
    fee: decimalOf(fields[5]!),
    fee_currency: fields[6]!,
    executed_at: instantOf(fields[7]!, fields[8]!),
    placed_at: fields[9] === null ? null : instantOf(fields[9]!, fields[10]!),
    account: fields[11]!,
    strategy: fields[12]!,
    venue_sequence: fields[13]!,
    lot_ids: fields[14] === null ? [] : (textArray(fields[14]!) as string[]),
    replaces: fields[15]!,
    bracket: fields[16]!,
  }
}

export function splitOf(fields: Fields): Split {
  const [id, symbol, numerator, denominator, at, ns] = fields as readonly string[]
  return {
    is: 'split',
    id: id!,
    symbol: symbol!,
    numerator: BigInt(numerator!),
    denominator: BigInt(denominator!),
    at: instantOf(at!, ns!),
  }
}

export function transferOf(fields: Fields): Transfer {
  const [id, symbol, size, from_account, to_account, at, ns] = fields as readonly string[]
  return {
    is: 'transfer',
    id: id!,
    symbol: symbol!,
    size: decimalOf(size!),
    from_account: from_account!,
    to_account: to_account!,
    at: instantOf(at!, ns!),
  }
}
