/**
 * The state of a symbol as text and back, so that a computation can stop at any fact and go on later exactly as
 * if it had not. Raises nothing.
 */

import { canonicalDecimal, type Decimal, normalize, parseDecimal, pow10 } from '../base/decimal.js'
import { type Digest, RowDigest } from '../base/digest.js'
import type { AllocationColumns, OpenLot, OrderColumns, SymbolState } from './allocation.js'
import { Lot, unitAt } from './lot.js'
import type { Pools } from './pools.js'
import { STEP, type Steps } from './steps.js'
import type { SymbolFacts } from './symbol-facts.js'

interface Scales {
  readonly size: number
  readonly amount: number
}

const read = (text: string): Decimal => normalize(parseDecimal(text)!)
const unitsAt = (text: string, scale: number): bigint => {
  const value = read(text)
  return value.units * pow10(scale - value.scale)
}

/** The scales that hold the facts and the lots before them. */
export function scalesOf(facts: SymbolFacts, from: SymbolState | undefined): Scales {
  const own = facts.scales()
  if (from === undefined) return own
  let [size, price, amount] = [own.size, 0, own.amount]
  for (const scale of facts.priceScale) price = Math.max(price, scale)
  for (const lot of from.lots) {
    size = Math.max(size, read(lot.remaining_size).scale, read(lot.original_size).scale)
    price = Math.max(price, read(lot.price).scale)
    amount = Math.max(
      amount,
      lot.gross_places,
      lot.fee_places,
      read(lot.remaining_gross).scale,
      read(lot.remaining_fee).scale,
      read(lot.original_cost).scale,
    )
  }
  return { size, amount: Math.max(amount, size + price) }
}

/** The trades of the state's lots, each once, and then those of the facts. */
export function ordersOf(facts: SymbolFacts, from: SymbolState | undefined): OrderColumns {
  const lots = (from?.lots ?? []).filter((lot, i, all) => i === 0 || all[i - 1]!.position !== lot.position)
  if (lots.length === 0) return facts
  return {
    order_id: [...lots.map((lot) => lot.order_id), ...facts.order_id],
    price: [...lots.map((lot) => lot.price), ...facts.price],
    executed_at: [...lots.map((lot) => lot.opened_at), ...facts.executed_at],
    account: [...lots.map((lot) => lot.opened_in), ...facts.account],
    strategy: [...lots.map((lot) => lot.strategy), ...facts.strategy],
    bracket: [...lots.map((lot) => lot.bracket), ...facts.bracket],
  }
}

/** The lots of a state, in its order; they name the orders of ordersOf. */
export function restoreLots({ lots, splits }: SymbolState, scales: Scales): Lot[] {
  let order = -1
  let first: Lot | undefined
  return lots.map((row) => {
    const { account, position } = row
    const money = (text: string): bigint => unitsAt(text, scales.amount)
    const part = first?.position === position ? first.part(account) : undefined
    if (part === undefined) order += 1
    const since = ratioSince(splits, row.opened_at)
    const lot =
      part ??
      new Lot(
        order,
        position,
        row.side === 'short',
        account,
        0n,
        0n,
        0n,
        unitsAt(row.price, scales.amount - scales.size),
        row.even,
        unitAt(scales.amount, row.gross_places),
        unitAt(scales.amount, row.fee_places),
        money(row.original_cost) * since.denominator,
        unitsAt(row.original_size, scales.size) * since.numerator,
      )
    if (part === undefined) first = lot
    lot.even = row.even
    lot.size = unitsAt(row.remaining_size, scales.size)
    lot.gross = money(row.remaining_gross)
    lot.fee = money(row.remaining_fee)
    return lot
  })
}

/** A trade at the instant of a split is after it. */
function ratioSince(
  splits: SymbolState['splits'],
  openedAt: string,
): { readonly numerator: bigint; readonly denominator: bigint } {
  let [numerator, denominator] = [1n, 1n]
  for (const split of splits) {
    if (split.at <= openedAt) continue
    numerator *= BigInt(split.numerator)
    denominator *= BigInt(split.denominator)
  }
  return { numerator, denominator }
}

/** Every open lot as text, positions made dense. */
export function* openLots(
  pools: Pools,
  { symbol, orders, sizeScale, amountScale }: AllocationColumns,
  splits: SymbolState['splits'],
): Steps<OpenLot[]> {
  const sizeText = (units: bigint): string => canonicalDecimal({ units, scale: sizeScale })
  const amountText = (units: bigint): string => canonicalDecimal({ units, scale: amountScale })
  const placesOf = (unit: bigint): number => amountScale - (unit.toString().length - 1)
  let position = -1
  let last = -1
  const rows: OpenLot[] = []
  for (const lot of pools.open()) {
    if (rows.length % STEP === 0) yield
    if (lot.position !== last) position += 1
    last = lot.position
    const { order, account } = lot
    const since = ratioSince(splits, orders.executed_at[order]!)
    const strategy = orders.strategy[order]!
    rows.push({
      symbol,
      pool: pools.name(account, strategy),
      order_id: orders.order_id[order]!,
      account,
      strategy,
      bracket: orders.bracket[order]!,
      side: lot.short ? 'short' : 'long',
      original_size: sizeText(lot.rankSize / since.numerator),
      remaining_size: sizeText(lot.size),
      remaining_gross: amountText(lot.gross),
      remaining_fee: amountText(lot.fee),
      remaining_cost: amountText(lot.short ? lot.gross - lot.fee : lot.gross + lot.fee),
      price: orders.price[order]!,
      original_cost: amountText(lot.rankCost / since.denominator),
      opened_at: orders.executed_at[order]!,
      opened_in: orders.account[order]!,
      position,
      gross_places: placesOf(lot.grossUnit),
      fee_places: placesOf(lot.feeUnit),
      even: lot.even,
    })
  }
  return rows
}

/** Of all allocations and open lots of the symbol. */
export function* symbolDigest({ symbol, lots, chain, pending, allocations }: SymbolState): Steps<Digest> {
  const digest = new RowDigest({ after: [symbol, chain, pending, allocations], rows: lots.length })
  for (const [i, lot] of lots.entries()) {
    if (i % STEP === 0) yield
    digest.add([
      lot.order_id,
      lot.account,
      lot.pool,
      lot.side,
      lot.remaining_size,
      lot.remaining_gross,
      lot.remaining_fee,
    ])
  }
  return digest.end()
}
