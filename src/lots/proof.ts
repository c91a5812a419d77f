/**
 * The proof of a version: from facts and claimed rows alone it shows that every row is right, without the
 * engine. It shares types and the reading of facts with the engine, and no matching: rows are checked one by
 * one here, money is summed per trade, and proof-replay.ts replays the claims over the facts. Gives violations;
 * raises nothing.
 */

import { canonicalDecimal, pow10 } from '../base/decimal.js'
import { ALLOCATION_CLASSES, type OpenLot } from './allocation.js'
import type { Claims } from './claims.js'
import type { LotConfig } from './config.js'
import { replay } from './proof-replay.js'
import type { SymbolFacts } from './symbol-facts.js'
import { UnitsColumn } from './units-column.js'

/** What a violation breaks; one code a rule. */
export const PROOF_RULES = {
  ORPHAN: 'A row or lot names a trade that is no effective fact.',
  SIDE: 'A row names a sell that buys, a buy that sells, or a class that does not fit its columns.',
  SYMBOL: 'Both sides of a row and the row itself have one symbol.',
  COPY: 'Prices, times, account and strategy in a row are those of the facts.',
  DUPLICATE: 'A sell and a lot meet in one row.',
  TIME_ORDER: 'A lot is opened before it is closed.',
  ARITHMETIC: 'net_proceeds = proceeds − sell_fee, and pnl = net_proceeds − cost_basis.',
  GROSS: 'Money of an unsplit, unaveraged trade is price × size.',
  MONEY: 'The shares of a trade sum to its price × size and to its fee.',
  COMPLETENESS: 'The rows of a sell sum to its size.',
  OVERUSED: 'No more of a trade or lot is closed than there is.',
  CONSERVATION: 'What was bought is closed, dust, or open.',
  ORDER: 'No lot that the method closes first is passed over, and nothing is unmatched while a lot is open.',
  POOL: 'A row closes a lot of the pool of its trade, or one the trade names.',
  DUST: 'Dust is at most the threshold, and nothing under it stays open after a closing trade.',
  FACTS_CHANGED: 'The facts are those the version was computed of.',
  DETERMINISM: 'Computing again gives the same digest.',
} as const
export type ProofRule = keyof typeof PROOF_RULES

export interface Violation {
  readonly rule: ProofRule
  readonly symbol: string
  /** The trade at fault; the sell of a row. */
  readonly order_id: string
  readonly message: string
}

export interface ProofInput {
  readonly facts: ReadonlyMap<string, SymbolFacts>
  readonly config: LotConfig
  readonly claims: Claims
  readonly open: readonly OpenLot[]
  /** Digests kept with the version beside those of today, where the caller has them. */
  readonly factsDigest?: { readonly kept: string; readonly now: string }
  readonly resultDigest?: { readonly kept: string; readonly again: string }
}

/** At most this many violations of one rule are listed; the counts are whole. */
export const LISTED_PER_RULE = 100

export interface Proof {
  readonly violations: readonly Violation[]
  readonly counts: Readonly<Record<ProofRule, number>>
  readonly rows: number
  readonly trades: number
}

/** Where violations are put. */
export class Violations {
  readonly list: Violation[] = []
  readonly counts = Object.fromEntries(Object.keys(PROOF_RULES).map((rule) => [rule, 0])) as Record<
    ProofRule,
    number
  >

  add(rule: ProofRule, symbol: string, order_id: string, message: string): void {
    this.counts[rule] += 1
    if (this.counts[rule] <= LISTED_PER_RULE) this.list.push({ rule, symbol, order_id, message })
  }
}

/** Claimed rows of one symbol whose names are known, by number of trade; what the replay goes by. */
export interface SymbolClaims {
  readonly claims: Claims
  /** Rows of the claims. */
  readonly rows: number[]
  /** Number of the trade in the symbol's facts, per member of `rows`; −1: no buy. */
  readonly sell: number[]
  readonly buy: number[]
  /** Number of a trade of the symbol. */
  readonly rowOf: (order_id: string) => number | undefined
}

export function proveLots(input: ProofInput): Proof {
  const found = new Violations()
  const { facts, claims } = input
  const { factsDigest, resultDigest } = input
  if (factsDigest !== undefined && factsDigest.kept !== factsDigest.now) {
    found.add('FACTS_CHANGED', '', '', `Facts were ${factsDigest.kept} and are ${factsDigest.now}.`)
  }
  if (resultDigest !== undefined && resultDigest.kept !== resultDigest.again) {
    found.add('DETERMINISM', '', '', `Kept ${resultDigest.kept}, computed ${resultDigest.again}.`)
  }
  const bySymbol = checkRows(input, found)
  const openBySymbol = bySymbolOf(input.open)
  let trades = 0
  for (const [symbol, own] of facts) {
    trades += own.trades
    const open = openBySymbol.get(symbol) ?? []
    const known = bySymbol.get(symbol)!
    checkMoney(own, known, open, input.config, found)
    replay({ facts: own, config: input.config, known, open, found })
  }
  for (const { symbol, order_id } of input.open) {
    if (!facts.has(symbol)) found.add('ORPHAN', symbol, order_id, `Open lot ${order_id} has no facts.`)
  }
  return { violations: found.list, counts: found.counts, rows: claims.rows, trades }
}

function bySymbolOf<T extends { readonly symbol: string }>(all: readonly T[]): ReadonlyMap<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const each of all) {
    const group = groups.get(each.symbol)
    if (group === undefined) groups.set(each.symbol, [each])
    else group.push(each)
  }
  return groups
}

/** Everything that can be said of a row and its two facts alone; rows that can be replayed, by symbol. */
function checkRows({ facts, claims }: ProofInput, found: Violations): Map<string, SymbolClaims> {
  const { texts, numbers } = claims
  const bySymbol = new Map<string, SymbolClaims & { readonly facts: SymbolFacts }>()
  for (const own of facts.values()) {
    // A map a symbol: small ones are found in quicker than one of everything.
    const rowById = new Map(own.order_id.map((id, row) => [id, row]))
    const rowOf = (id: string): number | undefined => rowById.get(id)
    bySymbol.set(own.symbol, { facts: own, claims, rows: [], sell: [], buy: [], rowOf })
  }
  const isKnown = (id: string): boolean => [...bySymbol.values()].some(({ rowOf }) => rowOf(id) !== undefined)
  for (let i = 0; i < claims.rows; i++) {
    const sellId = texts.sell_order_id[i]!
    const buyId = texts.buy_order_id[i]!
    const symbol = texts.symbol[i]!
    const kind = texts.class[i]!
    const known = bySymbol.get(symbol)
    const sellRow = known?.rowOf(sellId)
    const buyRow = buyId === null ? -1 : known?.rowOf(buyId)
    const net = numbers.proceeds.at(i) - numbers.sell_fee.at(i)
    if (numbers.net_proceeds.at(i) !== net) {
      found.add('ARITHMETIC', symbol, sellId, `net_proceeds of ${sellId} is not proceeds − fee.`)
    }
    if (buyId !== null && numbers.pnl.at(i) !== net - numbers.cost_basis.at(i)) {
      found.add('ARITHMETIC', symbol, sellId, `pnl of ${sellId} against ${buyId} is not net − cost.`)
    }
    if (known === undefined || sellRow === undefined || buyRow === undefined) {
      const orphan = [sellId, buyId].find((id) => id !== null && !isKnown(id))
      if (orphan !== undefined) found.add('ORPHAN', symbol, sellId, `${orphan} is no effective trade.`)
      else found.add('SYMBOL', symbol, sellId, `${sellId} and ${buyId} are not both of ${symbol}.`)
      continue
    }
    const own = known.facts
    const side = texts.lot_side[i]!
    const fits =
      kind === 'unmatched'
        ? buyId === null && side === null
        : buyId !== null &&
          (side === 'long' || side === 'short') &&
          (kind === 'dust' || (kind === 'short') === (side === 'short'))
    if (
      !fits ||
      !(ALLOCATION_CLASSES as readonly string[]).includes(kind) ||
      own.buy[sellRow]! ||
      (buyRow >= 0 && !own.buy[buyRow]!) ||
      numbers.allocated_size.at(i) <= 0n
    ) {
      found.add(
        'SIDE',
        symbol,
        sellId,
        `The row of ${sellId} and ${buyId} is no ${kind} of a sell and a buy.`,
      )
      continue
    }
    const closing = side === 'short' ? buyRow : sellRow
    if (
      texts.sell_price[i] !== own.price[sellRow] ||
      texts.sell_executed_at[i] !== own.executed_at[sellRow] ||
      texts.buy_price[i] !== (buyRow < 0 ? null : own.price[buyRow]) ||
      texts.buy_executed_at[i] !== (buyRow < 0 ? null : own.executed_at[buyRow]) ||
      texts.account[i] !== own.account[closing] ||
      texts.strategy[i] !== own.strategy[closing]
    ) {
      const message = `A price, time, account or strategy in the row of ${sellId} and ${buyId} is not the facts'.`
      found.add('COPY', symbol, sellId, message)
    }
    if (buyRow >= 0) {
      const [sold, bought] = [own.executed_at[sellRow]!, own.executed_at[buyRow]!]
      if (side === 'short' ? sold >= bought : bought > sold) {
        found.add('TIME_ORDER', symbol, sellId, `${sellId} at ${sold} cannot meet ${buyId} at ${bought}.`)
      }
    }
    known.rows.push(i)
    known.sell.push(sellRow)
    known.buy.push(buyRow)
  }
  return bySymbol
}

/** Σ shares = the trade's money. Averaged money is conserved by symbol and side, other money by trade. */
function checkMoney(
  facts: SymbolFacts,
  { claims, rows, sell, buy, rowOf }: SymbolClaims,
  open: readonly OpenLot[],
  config: LotConfig,
  found: Violations,
): void {
  const { numbers, texts, scale: claimed } = claims
  const scale = Math.max(claimed, facts.scales().amount)
  const factor = pow10(scale - claimed)
  const gross = UnitsColumn.zeros(facts.trades)
  const fee = UnitsColumn.zeros(facts.trades)
  for (let row = 0; row < facts.trades; row++) {
    gross.set(row, facts.gross(row, scale))
    fee.set(row, facts.feeUnits.at(row) * pow10(scale - facts.feeScale[row]!))
  }
  const isAveraged = [config, ...config.switches].some(({ method }) => method === 'average')
  const isPriceTimesSize = (row: number, size: bigint, money: bigint): boolean => {
    const product = size * facts.priceUnits.at(row)
    const more = claimed + facts.priceScale[row]! - scale
    return more >= 0 ? money * pow10(more) === product : money === product * pow10(-more)
  }
  const isPlain = (row: number): boolean =>
    !isAveraged && facts.splits.length === 0 && !facts.grossInKind.has(row)
  rows.forEach((i, k) => {
    const size = numbers.allocated_size.at(i)
    const isDust = texts.class[i] === 'dust'
    const share = (row: number, money: bigint, ofFee: bigint, isNothing: boolean): void => {
      gross.set(row, gross.at(row) - money)
      fee.set(row, fee.at(row) - ofFee)
      if (isNothing ? money !== 0n : isPlain(row) && !isPriceTimesSize(row, size, money)) {
        found.add(
          'GROSS',
          facts.symbol,
          facts.order_id[row]!,
          `A share of ${facts.order_id[row]} is not price × size.`,
        )
      }
    }
    const sellFee = numbers.sell_fee.at(i) * factor
    const short = texts.lot_side[i] === 'short'
    share(sell[k]!, numbers.proceeds.at(i) * factor, sellFee, isDust && !short)
    if (buy[k]! < 0) return
    const buyFee = numbers.buy_fee.at(i) * factor
    share(buy[k]!, numbers.cost_basis.at(i) * factor - buyFee, buyFee, isDust && short)
  })
  for (const lot of open) {
    const row = rowOf(lot.order_id)
    if (row === undefined) continue
    gross.set(row, gross.at(row) - unitsOf(lot.remaining_gross, scale))
    fee.set(row, fee.at(row) - unitsOf(lot.remaining_fee, scale))
  }
  const text = (units: bigint): string => canonicalDecimal({ units, scale })
  if (isAveraged) {
    for (const side of [true, false]) {
      const sum = (left: UnitsColumn): bigint => {
        let all = 0n
        for (let row = 0; row < facts.trades; row++) if (facts.buy[row] === side) all += left.at(row)
        return all
      }
      const [g, f] = [sum(gross), sum(fee)]
      if (g === 0n && f === 0n) continue
      const what = side ? 'buys' : 'sells'
      found.add(
        'MONEY',
        facts.symbol,
        '',
        `Shares of all ${what} miss ${text(g)} of gross and ${text(f)} of fees.`,
      )
    }
    return
  }
  for (let row = 0; row < facts.trades; row++) {
    const [g, f] = [gross.at(row), fee.at(row)]
    if (g === 0n && f === 0n) continue
    const id = facts.order_id[row]!
    found.add('MONEY', facts.symbol, id, `Shares of ${id} miss ${text(g)} of gross and ${text(f)} of fee.`)
  }
}

/** Decimal text as units; digits beyond the scale are cut, which the sums then show. */
export function unitsOf(text: string, scale: number): bigint {
  const [whole, part = ''] = text.split('.')
  return BigInt(whole! + part.slice(0, scale).padEnd(scale, '0'))
}
