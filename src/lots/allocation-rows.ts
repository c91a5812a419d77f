/**
 * Allocations as rows of text, for reading a few of them and for writing all of them out: `allocationFields`
 * fills one array again and again, so that a million rows make no million objects. Raises nothing.
 */

import { canonicalUnits } from '../base/decimal.js'
import { ALLOCATION_CLASSES, type AllocationColumns, type AllocationRow } from './allocation.js'

/** The fields of a row, in the order in which they are written out. */
export const ALLOCATION_FIELDS = [
  'sell_order_id',
  'buy_order_id',
  'symbol',
  'account',
  'strategy',
  'lot_account',
  'allocated_size',
  'buy_price',
  'sell_price',
  'buy_fee',
  'sell_fee',
  'cost_basis',
  'proceeds',
  'net_proceeds',
  'pnl',
  'buy_executed_at',
  'sell_executed_at',
  'lot_side',
  'class',
] as const satisfies readonly (keyof AllocationRow)[]

/** Row `i` into `into`, a field a place; null where it is unknown. */
export function allocationFields(
  allocations: AllocationColumns,
  i: number,
  into: (string | null)[] = [],
): (string | null)[] {
  const { orders, sizeScale, amountScale } = allocations
  const sell = allocations.sell[i]!
  const buy = allocations.buy[i]!
  const short = allocations.short[i] === 1
  const closing = short ? buy : sell
  const money = (units: bigint): string => canonicalUnits(units, amountScale)
  const buyFee = allocations.buyFee.at(i)
  const cost = allocations.buyGross.at(i) + buyFee
  const proceeds = allocations.sellGross.at(i)
  const net = proceeds - allocations.sellFee.at(i)
  const none = buy < 0
  into[0] = orders.order_id[sell]!
  into[1] = none ? null : orders.order_id[buy]!
  into[2] = allocations.symbol
  into[3] = orders.account[closing]!
  into[4] = orders.strategy[closing]!
  into[5] = allocations.lotAccount[i]!
  into[6] = canonicalUnits(allocations.size.at(i), sizeScale)
  into[7] = none ? null : orders.price[buy]!
  into[8] = orders.price[sell]!
  into[9] = none ? null : money(buyFee)
  into[10] = money(allocations.sellFee.at(i))
  into[11] = none ? null : money(cost)
  into[12] = money(proceeds)
  into[13] = money(net)
  into[14] = none ? null : money(net - cost)
  into[15] = none ? null : orders.executed_at[buy]!
  into[16] = orders.executed_at[sell]!
  into[17] = none ? null : short ? 'short' : 'long'
  into[18] = ALLOCATION_CLASSES[allocations.class[i]!]!
  return into
}

export function allocationRow(allocations: AllocationColumns, i: number): AllocationRow {
  const fields = allocationFields(allocations, i)
  return Object.fromEntries(
    ALLOCATION_FIELDS.map((name, place) => [name, fields[place]]),
  ) as unknown as AllocationRow
}

export function* allocationRows(allocations: AllocationColumns): Generator<AllocationRow> {
  for (let i = 0; i < allocations.sell.length; i++) yield allocationRow(allocations, i)
}
