/**
 * Which parts of lots the transfers of a symbol moved: it follows from facts and claimed rows. What the claims leave
 * of every lot is carried through time, and a transfer takes of what is left in its account what the method closes
 * first. So moves are stored nowhere, and a proof needs nobody's word for them. Shares nothing with the engine.
 */

import { normalize, pow10 } from '../base/decimal.js'
import type { LotConfig, Method } from './config.js'
import type { SymbolClaims } from './proof.js'
import { inTime, timeOf, UnitCosts } from './proof-order.js'
import type { SymbolFacts } from './symbol-facts.js'

export interface Move {
  /** Trade whose lot it is. */
  readonly row: number
  readonly to_account: string
  /** Units at the scale of the proof. */
  readonly size: bigint
}

/** What is left of open lots, by the account that holds them and the number of the trade that opened them. */
type Holdings = Map<string | null, Map<number, bigint>>

/** By number of transfer in the facts; empty for a symbol without transfers. */
export function movesOf(
  facts: SymbolFacts,
  config: LotConfig,
  { claims, rows, sell, buy }: SymbolClaims,
  scale: number,
): readonly (readonly Move[])[] {
  if (facts.transfers.length === 0) return []
  const held: Holdings = new Map()
  const { texts, numbers } = claims
  const factor = pow10(scale - claims.scale)
  const closing = new Map<number, number[]>()
  rows.forEach((i, k) => {
    const by = texts.lot_side[i] === 'short' ? buy[k]! : sell[k]!
    const known = closing.get(by)
    if (known === undefined) closing.set(by, [k])
    else known.push(k)
  })

  const change = (account: string | null, row: number, by: bigint): void => {
    let lots = held.get(account)
    if (lots === undefined) {
      lots = new Map()
      held.set(account, lots)
    }
    const size = (lots.get(row) ?? 0n) + by
    if (size > 0n) lots.set(row, size)
    else lots.delete(row)
  }

  const trade = (row: number): void => {
    let rest = facts.units.at(row) * pow10(scale - facts.scale[row]!)
    for (const k of closing.get(row) ?? []) {
      const i = rows[k]!
      const size = numbers.allocated_size.at(i) * factor
      if (texts.class[i] !== 'dust') rest -= size
      const lot = facts.buy[row]! ? sell[k]! : buy[k]!
      if (lot >= 0) change(texts.lot_account[i]!, lot, -size)
    }
    const mayOpen = facts.buy[row]! || config.short === 'allow'
    if (rest > 0n && mayOpen) change(facts.account[row]!, row, rest)
  }

  const split = ({ numerator, denominator }: SymbolFacts['splits'][number]): void => {
    for (const lots of held.values()) {
      for (const [row, size] of lots) {
        const places = Math.max(8, normalize({ units: size, scale }).scale)
        const unit = pow10(scale - places)
        const after = ((size * numerator) / (denominator * unit)) * unit
        lots.set(row, after === 0n ? unit : after)
      }
    }
  }

  const inOrder = closingOrder(facts, scale)
  const transfer = (index: number, method: Method): Move[] => {
    const { size, from_account, to_account } = facts.transfers[index]!
    let missing = size.units * pow10(scale - size.scale)
    const sources = [...(held.get(from_account) ?? [])].filter(([row]) => facts.buy[row]!)
    const compare = inOrder(method)
    const moves: Move[] = []
    for (const [row, there] of sources.sort(([a], [b]) => compare(a, b))) {
      if (missing === 0n) break
      const moved = there < missing ? there : missing
      change(from_account, row, -moved)
      change(to_account, row, moved)
      missing -= moved
      moves.push({ row, to_account, size: moved })
    }
    return moves
  }

  const all: Move[][] = facts.transfers.map(() => [])
  for (const row of inTime(facts)) {
    const at = timeOf(facts, row)
    const { method } = config.switches.findLast((each) => each.at <= at) ?? config
    const other = row - facts.trades
    if (other < 0) trade(row)
    else if (other < facts.splits.length) split(facts.splits[other]!)
    else all[other - facts.splits.length] = transfer(other - facts.splits.length, method)
  }
  return all
}

/** Trades whose lots are in one account, in the order in which a method closes them. */
function closingOrder(
  facts: SymbolFacts,
  scale: number,
): (method: Method) => (a: number, b: number) => number {
  const place = new Int32Array(facts.trades + facts.splits.length + facts.transfers.length)
  inTime(facts).forEach((row, at) => {
    place[row] = at
  })
  const byAge = (a: number, b: number): number => place[a]! - place[b]!
  let costs: UnitCosts | undefined
  return (method) => {
    if (method === 'lifo') return (a, b) => byAge(b, a)
    if (method !== 'hifo' && method !== 'lofo') return byAge
    costs ??= new UnitCosts(facts, scale)
    const ranked = costs
    const sign = method === 'lofo' ? 1 : -1
    return (a, b) => sign * ranked.compare(a, b) || byAge(a, b)
  }
}
