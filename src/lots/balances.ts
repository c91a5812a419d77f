/**
 * Balance anchors against positions: what an account should hold by its trades, splits and transfers, beside
 * what somebody outside says it held. A difference names the interval in which it arose: after the last anchor
 * that agreed with it. Positions come from the facts alone, not from lots. Raises nothing.
 */

import {
  add,
  canonicalDecimal,
  type Decimal,
  divideUnits,
  normalize,
  pow10,
  subtract,
  ZERO,
} from '../base/decimal.js'
import { compareText } from '../base/text.js'
import type { Balance, Split, Transfer } from './facts.js'
import { compareOrder, type OrderKey, RANK } from './order.js'
import { LEAST_PLACES, type SymbolFacts } from './symbol-facts.js'

export interface BalanceCheck {
  readonly balance_id: string
  readonly account: string
  readonly symbol: string
  readonly at: string
  /** What the anchor says and what the facts give, canonical decimal text. */
  readonly said: string
  readonly computed: string
  /** said − computed. */
  readonly difference: string
  /** What of the difference is new since the anchor before. */
  readonly arose: string
  /** The interval in which that arose: from the anchor before (null: the beginning) to this one. */
  readonly after: string | null
  /** Trades, splits and transfers of the account in the interval: where to look. */
  readonly facts_between: number
}

interface Step {
  readonly key: OrderKey
  readonly apply: (position: Decimal) => Decimal
}

/** One check per anchor, by account, symbol and time. Anchors at the instant of a trade include it. */
export function checkBalances(
  facts: ReadonlyMap<string, SymbolFacts>,
  anchors: readonly Balance[],
): BalanceCheck[] {
  const groups = new Map<string, Balance[]>()
  for (const anchor of anchors) {
    const name = JSON.stringify([anchor.account, anchor.symbol])
    const group = groups.get(name)
    if (group === undefined) groups.set(name, [anchor])
    else group.push(anchor)
  }
  return [...groups.keys()].sort(compareText).flatMap((name) => {
    const group = groups.get(name)!.sort((a, b) => compareText(a.at, b.at) || compareText(a.id, b.id))
    const own = facts.get(group[0]!.symbol)
    return checkGroup(own === undefined ? [] : stepsOf(own, group[0]!.account), group)
  })
}

function checkGroup(steps: readonly Step[], anchors: readonly Balance[]): BalanceCheck[] {
  let position = ZERO
  let before = ZERO
  let after: string | null = null
  let next = 0
  return anchors.map((anchor) => {
    const from = next
    while (next < steps.length && steps[next]!.key.at <= anchor.at) {
      position = steps[next]!.apply(position)
      next += 1
    }
    const difference = subtract(anchor.size, position)
    const check: BalanceCheck = {
      balance_id: anchor.id,
      account: anchor.account,
      symbol: anchor.symbol,
      at: anchor.at,
      said: canonicalDecimal(anchor.size),
      computed: canonicalDecimal(position),
      difference: canonicalDecimal(difference),
      arose: canonicalDecimal(subtract(difference, before)),
      after,
      facts_between: next - from,
    }
    before = difference
    after = anchor.at
    return check
  })
}

function stepsOf(facts: SymbolFacts, account: string): Step[] {
  const steps: Step[] = []
  for (let row = 0; row < facts.trades; row++) {
    if (facts.account[row] !== account) continue
    const size: Decimal = { units: facts.units.at(row), scale: facts.scale[row]! }
    const apply = facts.buy[row]!
      ? (position: Decimal) => add(position, size)
      : (position: Decimal) => subtract(position, size)
    steps.push({ key: facts.keyOf(row), apply })
  }
  for (const split of facts.splits)
    steps.push({ key: keyOf(split), apply: (position) => splitOf(position, split) })
  for (const transfer of facts.transfers) {
    const { size } = transfer
    if (transfer.from_account === account) {
      steps.push({ key: keyOf(transfer), apply: (position) => subtract(position, size) })
    }
    if (transfer.to_account === account) {
      steps.push({ key: keyOf(transfer), apply: (position) => add(position, size) })
    }
  }
  return steps.sort((a, b) => compareOrder(a.key, b.key))
}

const keyOf = ({ is, id, at }: Split | Transfer): OrderKey => ({
  at,
  rank: RANK[is],
  venue_sequence: null,
  id,
})

/** Cut toward 0 at the eighth digit or the last of its own, as lots are. */
function splitOf(position: Decimal, { numerator, denominator }: Split): Decimal {
  const { units, scale } = normalize(position)
  const places = Math.max(LEAST_PLACES, scale)
  const exact = units * pow10(places - scale) * numerator
  return normalize({ units: divideUnits(exact, denominator, 'down'), scale: places })
}
