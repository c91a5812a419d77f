/**
 * Before a sale: which lots each method would close, and what that would earn. The open lots of one pool are
 * cut by the same code as a real sale (`match.ts`), so the answer is what the sale will give. Raises nothing.
 */

import { add, canonicalDecimal, type Decimal, parseDecimal, ZERO } from '../base/decimal.js'
import type { AllocationRow, SymbolState } from './allocation.js'
import { allocationRows } from './allocation-rows.js'
import { inForce, type LotConfig, METHODS, type Method } from './config.js'
import { isLongTerm } from './days.js'
import { matchSymbol } from './match.js'
import { SymbolFacts } from './symbol-facts.js'
import type { Trade } from './trade.js'

export interface WhatIf {
  readonly method: Method
  readonly rows: readonly AllocationRow[]
  /** Σ over the rows with a cost, canonical decimal text. */
  readonly cost_basis: string
  readonly net_proceeds: string
  readonly pnl: string
  /** Of the pnl, by whether the lot was held for more than a year. */
  readonly long_term: string
  readonly short_term: string
  /** What no lot covers. */
  readonly unmatched_size: string
}

/** Every method side by side; specific when it is the version's, or the sale names lots or a bracket. Nothing is opened short. */
export function whatIf(state: SymbolState, sale: Trade, config: LotConfig): WhatIf[] {
  const { scope, method: own } = inForce(config, sale.executed_at)
  const isSpecific = own === 'specific' || sale.lot_ids.length > 0 || sale.bracket !== null
  const methods = METHODS.filter((method) => method !== 'specific' || isSpecific)
  return methods.map((method) => {
    const under: LotConfig = { ...config, method, scope, switches: [], short: 'refuse' }
    const facts = new SymbolFacts(state.symbol, under)
    facts.addTrade(sale)
    const from = { ...state, through: null }
    return summary(method, [...allocationRows(matchSymbol(facts, under, { from }).allocations)])
  })
}

function summary(method: Method, rows: readonly AllocationRow[]): WhatIf {
  const sum = (
    of: readonly AllocationRow[],
    field: 'cost_basis' | 'net_proceeds' | 'pnl' | 'allocated_size',
  ) =>
    canonicalDecimal(of.reduce((total: Decimal, row) => add(total, parseDecimal(row[field] ?? '0')!), ZERO))
  const covered = rows.filter((row) => row.class !== 'unmatched')
  const isLong = (row: AllocationRow): boolean => isLongTerm(row.buy_executed_at!, row.sell_executed_at)
  return {
    method,
    rows,
    cost_basis: sum(covered, 'cost_basis'),
    net_proceeds: sum(covered, 'net_proceeds'),
    pnl: sum(covered, 'pnl'),
    long_term: sum(covered.filter(isLong), 'pnl'),
    short_term: sum(
      covered.filter((row) => !isLong(row)),
      'pnl',
    ),
    unmatched_size: sum(
      rows.filter((row) => row.class === 'unmatched'),
      'allocated_size',
    ),
  }
}
