/**
 * A version as a beancount journal, for another program to check: every buy opens a lot named by its order id,
 * every allocation closes exactly that lot, and each transaction balances only if the P&L is right. Long lots
 * bought at a plain price can be said that way; symbols with short lots, splits, fees in kind or averaging are
 * left out and named. Raises nothing.
 */

import { canonicalDecimal, type Decimal, multiply, negate, parseDecimal, subtract } from '../base/decimal.js'
import type { AllocationRow } from './allocation.js'
import { assetsOf, type LotConfig } from './config.js'
import type { SymbolFacts } from './symbol-facts.js'

export interface Journal {
  readonly text: string
  readonly left_out: readonly { readonly symbol: string; readonly why: string }[]
}

export interface JournalSymbol {
  readonly facts: SymbolFacts
  /** All rows of the symbol. */
  readonly rows: readonly AllocationRow[]
}

export function beancountJournal(symbols: readonly JournalSymbol[], config: LotConfig): Journal {
  const left_out: { symbol: string; why: string }[] = []
  const opened = new Set<string>()
  const body: string[] = []
  for (const each of symbols) {
    const why = obstacle(each, config)
    if (why !== undefined) left_out.push({ symbol: each.facts.symbol, why })
    else body.push(...transactions(each, config, opened))
  }
  const head = ['option "booking_method" "STRICT"', 'option "inferred_tolerance_default" "*:0"', '']
  const accounts = [...opened].sort().map((account) => `1970-01-01 open ${account}`)
  return { text: [...head, ...accounts, '', ...body].join('\n'), left_out }
}

function obstacle({ facts, rows }: JournalSymbol, config: LotConfig): string | undefined {
  if (facts.splits.length > 0) return 'it was split'
  if (facts.grossInKind.size > 0) return 'fees were paid in kind'
  if ([config, ...config.switches].some(({ method }) => method === 'average')) return 'cost is averaged'
  return rows.some(({ lot_side }) => lot_side === 'short') || config.short === 'allow'
    ? 'it may have short lots'
    : undefined
}

/** Beancount's commodities are capitals, digits and a few signs, begin with a capital, and have 24 characters. */
export function commodityOf(name: string): string {
  const plain = name.toUpperCase().replace(/[^A-Z0-9._'-]/g, '')
  const led = /^[A-Z]/.test(plain) ? plain : `X${plain}`
  return led
    .slice(0, 23)
    .replace(/[^A-Z0-9]+$/, '')
    .padEnd(2, 'X')
}

const text = (value: Decimal): string => canonicalDecimal(value)
const quoted = (name: string): string => `"${name.replace(/["\\]/g, '_')}"`

function transactions({ facts, rows }: JournalSymbol, config: LotConfig, opened: Set<string>): string[] {
  const assets = assetsOf(config, facts.symbol) ?? { base: facts.symbol, quote: 'USD' }
  const [base, quote] = [commodityOf(assets.base), commodityOf(assets.quote)]
  const [lots, cash, pnl, fees] = [`Assets:Lots:${base}`, 'Assets:Cash', 'Income:PnL', 'Expenses:Fees']
  const unknown = 'Equity:Unmatched'
  for (const account of [lots, cash, pnl, fees, unknown]) opened.add(account)
  const bySell = new Map<string, AllocationRow[]>()
  for (const row of rows) bySell.set(row.sell_order_id, [...(bySell.get(row.sell_order_id) ?? []), row])
  const rowOf = new Map(facts.order_id.map((id, row) => [id, row]))
  const lotOf = (id: string): string => {
    const row = rowOf.get(id)!
    return `{${facts.price[row]} ${quote}, ${facts.executed_at[row]!.slice(0, 10)}, ${quoted(id)}}`
  }
  return facts.sorted().flatMap((row) => {
    if (row >= facts.trades) return []
    const id = facts.order_id[row]!
    const size: Decimal = { units: facts.units.at(row), scale: facts.scale[row]! }
    const price = parseDecimal(facts.price[row]!)!
    const fee: Decimal = { units: facts.feeUnits.at(row), scale: facts.feeScale[row]! }
    const gross = multiply(size, price)
    const lines = [`${facts.executed_at[row]!.slice(0, 10)} * ${quoted(id)}`]
    const post = (account: string, amount: string): void => void lines.push(`  ${account}  ${amount}`)
    post(fees, `${text(fee)} ${quote}`)
    if (facts.buy[row]!) {
      post(lots, `${text(size)} ${base} ${lotOf(id)}`)
      post(cash, `${text(negate(gross))} ${quote}`)
      post(cash, `${text(negate(fee))} ${quote}`)
      return [...lines, '']
    }
    post(cash, `${text(gross)} ${quote}`)
    post(cash, `${text(negate(fee))} ${quote}`)
    for (const each of bySell.get(id) ?? []) {
      const proceeds = parseDecimal(each.proceeds)!
      if (each.buy_order_id === null || each.cost_basis === null) {
        post(unknown, `${text(negate(proceeds))} ${quote}`)
        continue
      }
      const closed = parseDecimal(each.allocated_size)!
      post(lots, `${text(negate(closed))} ${base} ${lotOf(each.buy_order_id)} @ ${each.sell_price} ${quote}`)
      // Fees of both sides are expenses here, so the gain is what is left without them.
      const cost = subtract(parseDecimal(each.cost_basis)!, parseDecimal(each.buy_fee!)!)
      post(pnl, `${text(subtract(cost, proceeds))} ${quote}`)
    }
    return [...lines, '']
  })
}
