/**
 * Why a sell is unmatched, probably, and the correction that would settle it. Each cause names its evidence: a
 * lot that is open elsewhere, a buy that comes too late, a symbol spelled alike. What is open now and was
 * opened before the sell was open then, so end-of-version lots are enough. Raises nothing.
 */

import { add, canonicalDecimal, compareDecimals, type Decimal, parseDecimal, ZERO } from '../base/decimal.js'
import { compareText, editDistance } from '../base/text.js'
import type { OpenLot } from './allocation.js'
import { dustOf, inForce, type LotConfig } from './config.js'

/**
 * dust: the size is within the dust threshold. other_account, other_strategy, other_bracket: a lot is open outside
 * the pool of the sell. other_spelling: a lot is open under a symbol written alike. late_buy: a lot of the pool was bought
 * after the sell. missing_buy: nothing else fits.
 */
export type UnmatchedCause =
  | 'dust'
  | 'other_account'
  | 'other_strategy'
  | 'other_bracket'
  | 'other_spelling'
  | 'late_buy'
  | 'missing_buy'

export interface ProbableCause {
  readonly cause: UnmatchedCause
  /** Size the evidence covers, canonical decimal text. */
  readonly covers: string
  /** Order ids of the lots that are the evidence, oldest first. */
  readonly evidence: readonly string[]
  /** What to import or change. */
  readonly correction: string
}

export interface UnmatchedSell {
  readonly order_id: string
  readonly symbol: string
  readonly account: string | null
  readonly strategy: string | null
  readonly bracket: string | null
  readonly executed_at: string
  /** Decimal text. */
  readonly unmatched_size: string
}

/** At most this many lots are named as evidence. */
const EVIDENCE = 5
/** Changed letters that still make one spelling of another. */
const NEAR = 1

export class CauseFinder {
  private readonly bySymbol = new Map<string, OpenLot[]>()

  constructor(
    open: readonly OpenLot[],
    private readonly config: LotConfig,
  ) {
    for (const lot of open) {
      if (lot.side === 'short') continue
      const lots = this.bySymbol.get(lot.symbol)
      if (lots === undefined) this.bySymbol.set(lot.symbol, [lot])
      else lots.push(lot)
    }
    for (const lots of this.bySymbol.values()) {
      lots.sort((a, b) => compareText(a.opened_at, b.opened_at) || compareText(a.order_id, b.order_id))
    }
  }

  /** Best first: causes that cover the whole size, then by how little they assume. Never empty. */
  causes(sell: UnmatchedSell): ProbableCause[] {
    const missing = parseDecimal(sell.unmatched_size)!
    const found = [this.dust(sell, missing), ...this.elsewhere(sell), this.spelling(sell), this.late(sell)]
    const causes = found.filter((cause) => cause !== undefined)
    const covers = (cause: ProbableCause): number =>
      compareDecimals(parseDecimal(cause.covers)!, missing) >= 0 ? 0 : 1
    causes.sort((a, b) => covers(a) - covers(b))
    const { order_id, symbol, account, executed_at, unmatched_size } = sell
    const where = account === null ? '' : ` in account ${account}`
    const correction = `Import the missing buy of ${unmatched_size} ${symbol}${where} at or before ${executed_at}, the time of ${order_id}.`
    return [...causes, { cause: 'missing_buy', covers: canonicalDecimal(missing), evidence: [], correction }]
  }

  private dust({ symbol, unmatched_size }: UnmatchedSell, missing: Decimal): ProbableCause | undefined {
    const dust = dustOf(this.config, symbol)
    if (compareDecimals(missing, dust) > 0) return undefined
    const correction = `Nothing to do: ${unmatched_size} is within the dust of ${canonicalDecimal(dust)}; dismiss it.`
    return { cause: 'dust', covers: canonicalDecimal(missing), evidence: [], correction }
  }

  /** Lots of the symbol that the scope keeps from the sell. */
  private elsewhere(sell: UnmatchedSell): (ProbableCause | undefined)[] {
    const { scope, method } = inForce(this.config, sell.executed_at)
    const before = this.openBefore(sell.symbol, sell.executed_at)
    const accounts = scope === 'account' ? before.filter((lot) => lot.account !== sell.account) : []
    const bySharedKey = method === 'specific'
    const strategies =
      scope === 'strategy' || (bySharedKey && sell.bracket === null)
        ? before.filter(
            (lot) => lot.strategy !== sell.strategy && (!bySharedKey || lot.bracket === sell.bracket),
          )
        : []
    const brackets = bySharedKey ? before.filter((lot) => lot.bracket !== sell.bracket) : []
    return [
      this.cause('other_account', accounts, (lots, size) => {
        const [from, to] = [lots[0]!.account ?? 'none', sell.account ?? 'none']
        return `Import a transfer of ${size} ${sell.symbol} from account ${from} to ${to} before ${sell.executed_at}, or correct the account of ${sell.order_id}.`
      }),
      this.cause('other_strategy', strategies, (lots) => {
        const strategy = lots[0]!.strategy ?? 'none'
        return `Correct the strategy of ${sell.order_id} to ${strategy}, or that of ${lots[0]!.order_id}.`
      }),
      this.cause('other_bracket', brackets, (lots) => {
        const bracket = lots[0]!.bracket ?? 'none'
        return `Correct the bracket of ${sell.order_id} to ${bracket}, or that of ${lots[0]!.order_id}.`
      }),
    ]
  }

  private spelling(sell: UnmatchedSell): ProbableCause | undefined {
    const plain = (symbol: string): string => symbol.toUpperCase().replace(/[^A-Z0-9]/g, '')
    const own = plain(sell.symbol)
    const alike = [...this.bySymbol.keys()]
      .filter((symbol) => symbol !== sell.symbol)
      .map((symbol) => ({ symbol, distance: editDistance(own, plain(symbol)) }))
      .filter(({ distance }) => distance <= (own.length > 4 ? NEAR : 0))
      .sort((a, b) => a.distance - b.distance || compareText(a.symbol, b.symbol))
    for (const { symbol } of alike) {
      const cause = this.cause('other_spelling', this.openBefore(symbol, sell.executed_at), (lots) => {
        return `Replace ${sell.order_id}, or ${lots[0]!.order_id}, by a row with the same symbol: ${sell.symbol} or ${symbol}.`
      })
      if (cause !== undefined) return cause
    }
    return undefined
  }

  /** Bought in the pool after the sell: a wrong time, or a short sale. */
  private late(sell: UnmatchedSell): ProbableCause | undefined {
    const { scope, method } = inForce(this.config, sell.executed_at)
    const lots = (this.bySymbol.get(sell.symbol) ?? []).filter(
      (lot) =>
        lot.opened_at > sell.executed_at &&
        (scope !== 'account' || lot.account === sell.account) &&
        (scope !== 'strategy' || lot.strategy === sell.strategy) &&
        (method !== 'specific' || lot.bracket === sell.bracket),
    )
    return this.cause('late_buy', lots, ([first]) => {
      const { order_id, opened_at } = first!
      return `${order_id} was bought at ${opened_at}, after the sell at ${sell.executed_at}: correct the time, or allow short positions.`
    })
  }

  private openBefore(symbol: string, at: string): OpenLot[] {
    return (this.bySymbol.get(symbol) ?? []).filter(({ opened_at }) => opened_at <= at)
  }

  private cause(
    cause: UnmatchedCause,
    lots: readonly OpenLot[],
    correction: (lots: readonly OpenLot[], size: string) => string,
  ): ProbableCause | undefined {
    if (lots.length === 0) return undefined
    const size = lots.reduce((total: Decimal, lot) => add(total, parseDecimal(lot.remaining_size)!), ZERO)
    const covers = canonicalDecimal(size)
    const evidence = lots.slice(0, EVIDENCE).map(({ order_id }) => order_id)
    return { cause, covers, evidence, correction: correction(lots, covers) }
  }
}
