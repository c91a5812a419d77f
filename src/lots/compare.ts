/**
 * Two versions beside each other: P&L per sell and per symbol, and why it differs. Causes are taken in one
 * order, each with those before it replaced already, so that they sum to the difference exactly: facts, fees,
 * assets, method, scope, switches, short policy, dust. Raises what computing refuses.
 */

import { add, canonicalDecimal, type Decimal, decimal, isZero, subtract, ZERO } from '../base/decimal.js'
import { refuseAll } from '../base/errors.js'
import { compareText } from '../base/text.js'
import type { AllocationColumns } from './allocation.js'
import { computeLots, factsOf } from './compute.js'
import { configDigest, type LotConfig } from './config.js'
import { factDigest, type Split, type Transfer } from './facts.js'
import { type Trade, tradeDigest } from './trade.js'

export const LOT_CAUSES = ['facts', 'fees', 'assets', 'method', 'scope', 'switches', 'short', 'dust'] as const
export type LotCause = (typeof LOT_CAUSES)[number]

export type LotFact = Trade | Split | Transfer

/** Effective facts and configuration of a version. */
export interface LotVersion {
  readonly facts: readonly LotFact[]
  readonly config: LotConfig
}

/** Amounts are canonical decimal text in quote. */
export interface LotDifference {
  /** Null: of the whole symbol. */
  readonly sell_order_id: string | null
  readonly symbol: string
  readonly left: string
  readonly right: string
  /** right − left = Σ causes. */
  readonly difference: string
  readonly causes: readonly { readonly cause: LotCause; readonly amount: string }[]
}

export interface LotComparison {
  /** Every symbol of either version, by name. */
  readonly symbols: readonly LotDifference[]
  /** Sells whose P&L differs, by symbol and id; an unmatched sell has no P&L, which counts as 0 here. */
  readonly sells: readonly LotDifference[]
}

/** P&L by symbol, then sell. */
type Figures = ReadonlyMap<string, ReadonlyMap<string, Decimal>>

export function compareVersions(left: LotVersion, right: LotVersion): LotComparison {
  const states: { readonly cause: LotCause | null; readonly figures: Figures }[] = []
  let at = left
  states.push({ cause: null, figures: figuresOf(left) })
  for (const cause of LOT_CAUSES) {
    const next = withCause(cause, at, right)
    if (next === undefined) continue
    at = next
    states.push({ cause, figures: figuresOf(next) })
  }
  const symbolNames = namesOf(states.map(({ figures }) => figures))
  const symbols = symbolNames.map((symbol) =>
    differenceOf(null, symbol, states, (figures) => total(figures.get(symbol))),
  )
  const sells = symbolNames.flatMap((symbol) => {
    const names = namesOf(states.map(({ figures }) => figures.get(symbol) ?? new Map()))
    return names
      .map((sell) => differenceOf(sell, symbol, states, (figures) => figures.get(symbol)?.get(sell) ?? ZERO))
      .filter(({ difference, causes }) => difference !== '0' || causes.length > 0)
  })
  return { symbols, sells }
}

const namesOf = (maps: readonly ReadonlyMap<string, unknown>[]): string[] =>
  [...new Set(maps.flatMap((map) => [...map.keys()]))].sort(compareText)

const total = (sells: ReadonlyMap<string, Decimal> | undefined): Decimal =>
  [...(sells?.values() ?? [])].reduce(add, ZERO)

function differenceOf(
  sell_order_id: string | null,
  symbol: string,
  states: readonly { readonly cause: LotCause | null; readonly figures: Figures }[],
  figure: (figures: Figures) => Decimal,
): LotDifference {
  const values = states.map(({ figures }) => figure(figures))
  const causes = states.flatMap(({ cause }, i) => {
    if (cause === null) return []
    const amount = subtract(values[i]!, values[i - 1]!)
    return isZero(amount) ? [] : [{ cause, amount: canonicalDecimal(amount) }]
  })
  const [left, right] = [values[0]!, values.at(-1)!]
  return {
    sell_order_id,
    symbol,
    left: canonicalDecimal(left),
    right: canonicalDecimal(right),
    difference: canonicalDecimal(subtract(right, left)),
    causes,
  }
}

/** Σ pnl of the rows of each sell; dust counts with the sell it was left by. */
export function pnlBySell(allocations: AllocationColumns): Map<string, Decimal> {
  const units = new Map<string, bigint>()
  for (let i = 0; i < allocations.sell.length; i++) {
    const id = allocations.orders.order_id[allocations.sell[i]!]!
    const before = units.get(id) ?? 0n
    const pnl =
      allocations.buy[i]! < 0
        ? 0n
        : allocations.sellGross.at(i) -
          allocations.sellFee.at(i) -
          allocations.buyGross.at(i) -
          allocations.buyFee.at(i)
    units.set(id, before + pnl)
  }
  return new Map([...units].map(([id, each]) => [id, decimal(each, allocations.amountScale)]))
}

function figuresOf({ facts, config }: LotVersion): Figures {
  const { symbols, failed } = computeLots(factsOf(facts, config), config)
  refuseAll([...failed.values()].flat())
  return new Map([...symbols].map(([symbol, { allocations }]) => [symbol, pnlBySell(allocations)]))
}

/** The version with one more input of the right one; undefined when that changes nothing. */
function withCause(cause: LotCause, at: LotVersion, right: LotVersion): LotVersion | undefined {
  if (cause === 'facts' || cause === 'fees') {
    const facts = cause === 'facts' ? withOldFees(at.facts, right.facts) : right.facts
    return idsOf(facts) === idsOf(at.facts) ? undefined : { ...at, facts }
  }
  const { config } = right
  const pieces: Readonly<Record<Exclude<LotCause, 'facts' | 'fees'>, Partial<LotConfig>>> = {
    assets: { assets: config.assets },
    method: { method: config.method },
    scope: { scope: config.scope },
    switches: { switches: config.switches },
    short: { short: config.short },
    dust: { dust: config.dust, dust_by_symbol: config.dust_by_symbol },
  }
  const next = { ...at.config, ...pieces[cause] }
  return configDigest(next) === configDigest(at.config) ? undefined : { ...at, config: next }
}

const idsOf = (facts: readonly LotFact[]): string =>
  facts
    .map((fact) => (fact.is === 'trade' ? tradeDigest(fact) : factDigest(fact)))
    .sort()
    .join()

/** The right facts, with the fees that the left ones had. */
function withOldFees(left: readonly LotFact[], right: readonly LotFact[]): LotFact[] {
  const old = new Map(left.flatMap((fact) => (fact.is === 'trade' ? [[fact.order_id, fact]] : [])))
  return right.map((fact) => {
    const before = fact.is === 'trade' ? old.get(fact.order_id) : undefined
    if (fact.is !== 'trade' || before === undefined) return fact
    return { ...fact, fee: before.fee, fee_currency: before.fee_currency }
  })
}
