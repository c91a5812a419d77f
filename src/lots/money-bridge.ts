/**
 * The bridge from profit to cash: matched P&L + net proceeds of unmatched sells − cost of open lots + net
 * proceeds of open short lots = cash flow of the trades. The left side is read from the version, the right
 * side from the facts; the difference is zero or something is wrong. Raises nothing.
 */

import {
  add,
  canonicalDecimal,
  type Decimal,
  decimal,
  parseDecimal,
  subtract,
  ZERO,
} from '../base/decimal.js'
import type { AllocationColumns, OpenLot } from './allocation.js'
import { UNMATCHED } from './allocation-builder.js'
import type { SymbolFacts } from './symbol-facts.js'

/** Canonical decimal text, in quote. Dust is part of the matched P&L. */
export interface MoneyBridge {
  readonly symbol: string
  readonly matched_pnl: string
  readonly unmatched_net_proceeds: string
  readonly open_cost: string
  readonly open_short_proceeds: string
  /** Σ net proceeds of sells − Σ cost of buys, from the facts. */
  readonly cash_flow: string
  readonly difference: string
}

export function moneyBridge(
  facts: SymbolFacts,
  allocations: AllocationColumns,
  open: readonly OpenLot[],
): MoneyBridge {
  const { amountScale } = allocations
  let [pnl, unmatched] = [0n, 0n]
  for (let i = 0; i < allocations.sell.length; i++) {
    const net = allocations.sellGross.at(i) - allocations.sellFee.at(i)
    if (allocations.class[i] === UNMATCHED) unmatched += net
    else pnl += net - allocations.buyGross.at(i) - allocations.buyFee.at(i)
  }
  const sumOf = (side: OpenLot['side']): Decimal =>
    open
      .filter((lot) => lot.side === side)
      .reduce((sum, lot) => add(sum, parseDecimal(lot.remaining_cost)!), ZERO)
  return bridge(
    facts,
    decimal(pnl, amountScale),
    decimal(unmatched, amountScale),
    sumOf('long'),
    sumOf('short'),
  )
}

/** The same from sums that were read: of the version's rows and of its open lots. */
export function bridge(
  facts: SymbolFacts,
  pnl: Decimal,
  unmatched: Decimal,
  cost: Decimal,
  short: Decimal,
): MoneyBridge {
  const scale = facts.scales().amount
  let [gross, fees] = [0n, ZERO]
  for (let row = 0; row < facts.trades; row++) {
    const money = facts.gross(row, scale)
    gross += facts.buy[row]! ? -money : money
    fees = add(fees, decimal(facts.feeUnits.at(row), facts.feeScale[row]!))
  }
  const cash = subtract(decimal(gross, scale), fees)
  const left = add(subtract(add(pnl, unmatched), cost), short)
  return {
    symbol: facts.symbol,
    matched_pnl: canonicalDecimal(pnl),
    unmatched_net_proceeds: canonicalDecimal(unmatched),
    open_cost: canonicalDecimal(cost),
    open_short_proceeds: canonicalDecimal(short),
    cash_flow: canonicalDecimal(cash),
    difference: canonicalDecimal(subtract(left, cash)),
  }
}
