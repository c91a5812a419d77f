/**
 * The matching of one symbol: facts in order, one loop. A trade closes lots of the other side in the order of
 * the method; what is left of it opens a lot, or, of a sell that may not go short, is unmatched. Method and
 * scope decide only which lot comes next (lot-queue.ts, pools.ts). Deterministic in the set of facts.
 *
 * Raises TIE-3111 and TIE-3113 of the facts; RangeError when a fact is not after the state it goes on from.
 */

import { canonicalDecimal, normalize, pow10, rescale } from '../base/decimal.js'
import type { LotFinding, SymbolResult, SymbolState } from './allocation.js'
import { AllocationBuilder } from './allocation-builder.js'
import { AllocationDigest } from './allocation-digest.js'
import { dustOf, inForce, type LotConfig } from './config.js'
import type { Split, Transfer } from './facts.js'
import { cut, type Holding, Lot, type Slice, unitAt } from './lot.js'
import { closingOrder } from './lot-queue.js'
import { compareOrder, type OrderKey } from './order.js'
import { Pools } from './pools.js'
import { finished, STEP, type Steps } from './steps.js'
import { LEAST_PLACES, type SymbolFacts } from './symbol-facts.js'
import { openLots, ordersOf, restoreLots, scalesOf, symbolDigest } from './symbol-state.js'

export interface MatchOptions {
  /** What was computed of earlier facts; facts must come after it. */
  readonly from?: SymbolState
  /** Give the state after every so many facts too. */
  readonly checkpointEvery?: number
  readonly onCheckpoint?: (state: SymbolState) => void
}

export function matchSymbol(facts: SymbolFacts, config: LotConfig, options: MatchOptions = {}): SymbolResult {
  return finished(matchInSteps(facts, config, options))
}

/** The same, for many facts: whoever drives it may stop between two steps. */
export function matchInSteps(
  facts: SymbolFacts,
  config: LotConfig,
  options: MatchOptions = {},
): Steps<SymbolResult> {
  return new Matching(facts, config, options.from).run(options)
}

/** The part of a trade that is still to be allocated. */
interface Rest extends Holding {
  readonly price: bigint
  readonly even: boolean
  readonly grossUnit: bigint
  readonly feeUnit: bigint
}

class Matching {
  private readonly sizeScale: number
  private readonly amountScale: number
  private readonly rows: AllocationDigest
  private readonly allocations: AllocationBuilder
  private readonly findings: LotFinding[] = []
  /** Lots before the facts' own trades in the table of orders. */
  private readonly base: number
  private readonly dust: bigint
  private pools: Pools
  private switched: number
  private opened: number
  private through: OrderKey | null
  private readonly splits: SymbolState['splits'][number][]
  /** The fact taken in last; −1: none yet. */
  private last = -1
  /** By order id, for trades that name lots. */
  private readonly byId = new Map<string, Lot>()
  private readonly lotSlice: Slice = { gross: 0n, fee: 0n }
  private readonly tradeSlice: Slice = { gross: 0n, fee: 0n }

  constructor(
    private readonly facts: SymbolFacts,
    private readonly config: LotConfig,
    from: SymbolState | undefined,
  ) {
    facts.check()
    const scales = scalesOf(facts, from)
    this.sizeScale = scales.size
    this.amountScale = scales.amount
    const orders = ordersOf(facts, from)
    this.base = orders.order_id.length - facts.trades
    this.rows = new AllocationDigest(from)
    const { symbol } = facts
    this.allocations = new AllocationBuilder(symbol, orders, this.sizeScale, this.amountScale, this.rows)
    this.dust = rescale(dustOf(config, symbol), this.sizeScale, 'down').units
    this.through = from?.through ?? null
    this.splits = [...(from?.splits ?? [])]
    const since = this.through?.at ?? ''
    this.switched = config.switches.filter(({ at }) => at <= since).length
    const { method, scope } = inForce(config, since)
    this.pools = new Pools(method, scope, orders)
    const lots = from === undefined ? [] : restoreLots(from, scales)
    this.opened = from === undefined ? 0 : (from.lots.at(-1)?.position ?? -1) + 1
    for (const lot of lots) this.put(lot)
  }

  *run({ checkpointEvery, onCheckpoint }: MatchOptions): Steps<SymbolResult> {
    const { facts } = this
    let sinceCheckpoint = 0
    let sinceStep = 0
    for (const row of yield* facts.sortedInSteps()) {
      const at = this.advance(row)
      if (this.switched < this.config.switches.length) this.switchUpTo(at)
      if (row < facts.trades) this.trade(row)
      else if (row < facts.trades + facts.splits.length) this.split(facts.splits[row - facts.trades]!)
      else this.transfer(facts.transfers[row - facts.trades - facts.splits.length]!)
      sinceCheckpoint += 1
      if (sinceCheckpoint === checkpointEvery) {
        if (onCheckpoint !== undefined) onCheckpoint(yield* this.state(row))
        sinceCheckpoint = 0
      }
      sinceStep += 1
      // Splits and transfers walk over all open lots.
      if (sinceStep === STEP || row >= facts.trades) {
        yield
        sinceStep = 0
      }
      this.last = row
    }
    const state = yield* this.state(this.last)
    const { allocations, findings } = this
    const digest = yield* symbolDigest(state)
    return { symbol: facts.symbol, allocations, findings, state, digest }
  }

  /** The instant of a fact; checks, once, that the facts come after the state. */
  private advance(row: number): string {
    if (this.last < 0 && this.through !== null) {
      const key = this.facts.keyOf(row)
      if (compareOrder(key, this.through) <= 0) {
        throw new RangeError(`${key.id} at ${key.at} is not after ${this.through.id} at ${this.through.at}`)
      }
    }
    if (row < this.facts.trades) return this.facts.executed_at[row]!
    return this.facts.keyOf(row).at
  }

  private switchUpTo(at: string): void {
    for (;;) {
      const next = this.config.switches[this.switched]
      if (next === undefined || next.at > at) return
      const lots = this.pools.open()
      const { orders } = this.allocations
      this.pools = new Pools(next.method, next.scope, orders)
      for (const lot of lots) this.put(lot)
      this.switched += 1
    }
  }

  private put(lot: Lot): void {
    this.pools.put(lot)
    if (this.pools.method === 'specific') this.byId.set(this.allocations.orders.order_id[lot.order]!, lot)
  }

  private trade(row: number): void {
    const { facts, pools, config } = this
    const order = this.base + row
    const buy = facts.buy[row]!
    const account = facts.account[row]!
    const rest = this.restOf(row)
    const size = rest.size
    const gross = rest.gross
    const fee = rest.fee
    const named = facts.lot_ids[row]!
    const follows = named.length > 0 && pools.method === 'specific'
    if (follows) this.closeNamed(row, rest)
    else {
      if (named.length > 0) this.ignoredIds(row)
      const { queue, average } = pools.side(order, account, buy)
      let touched: Lot | undefined
      while (rest.size > 0n) {
        const lot = queue.first()
        if (lot === undefined) break
        this.close(lot, average, order, rest)
        touched = lot
      }
      if (touched !== undefined) this.closeDust(touched, average, order)
    }
    if (rest.size === 0n) return
    // Who says which lots a sell closes has not said that the rest is a short sale.
    if (!buy && (config.short === 'refuse' || follows)) {
      this.unmatched(row, rest)
      return
    }
    this.put(
      new Lot(
        order,
        this.opened,
        !buy,
        account,
        rest.size,
        rest.gross,
        rest.fee,
        rest.price,
        rest.even,
        rest.grossUnit,
        rest.feeUnit,
        buy ? gross + fee : gross - fee,
        size,
      ),
    )
    this.opened += 1
  }

  private restOf(row: number): Rest {
    const { facts, sizeScale, amountScale } = this
    return {
      size: facts.units.at(row) * pow10(sizeScale - facts.scale[row]!),
      gross: facts.gross(row, amountScale),
      fee: facts.feeUnits.at(row) * pow10(amountScale - facts.feeScale[row]!),
      price: facts.priceUnits.at(row) * pow10(amountScale - sizeScale - facts.priceScale[row]!),
      even: !facts.grossInKind.has(row),
      grossUnit: unitAt(amountScale, facts.grossPlaces(row)),
      feeUnit: unitAt(amountScale, facts.feePlaces(row)),
    }
  }

  private close(lot: Lot, average: Holding | undefined, order: number, rest: Rest): void {
    const size = lot.size < rest.size ? lot.size : rest.size
    this.pools.take(lot, size, average, this.lotSlice)
    cut(rest, size, rest, this.tradeSlice)
    this.allocations.closed(lot.order, order, lot.short, lot.account, size, this.lotSlice, this.tradeSlice)
  }

  private closeDust(lot: Lot, average: Holding | undefined, order: number): void {
    if (lot.size === 0n || lot.size > this.dust) return
    const size = lot.size
    this.pools.take(lot, size, average, this.lotSlice)
    this.allocations.dust(lot.order, order, lot.short, lot.account, size, this.lotSlice)
  }

  /** Lots a trade names, in the order it names them; those of another pool are not there for it. */
  private closeNamed(row: number, rest: Rest): void {
    const { facts, pools } = this
    const order = this.base + row
    const wanted = facts.buy[row]!
    const pool = pools.name(facts.account[row]!, facts.strategy[row]!)
    for (const id of facts.lot_ids[row]!) {
      const known = this.byId.get(id)
      const lots = (known?.parts ?? (known === undefined ? [] : [known]))
        .filter((lot) => lot.size > 0n && lot.short === wanted)
        .filter((lot) => pools.name(lot.account, this.allocations.orders.strategy[lot.order]!) === pool)
        .sort((a, b) => a.compareOpening(b))
      if (lots.length === 0) {
        this.find('LOT_NOT_FOUND', 'warning', facts.order_id[row]!, undefined, {
          message: `${facts.order_id[row]} names lot ${id}, which is not open in its pool.`,
          suggestion: 'Name an open lot of the same pool, or leave the choice to the method.',
        })
      }
      for (const lot of lots) {
        if (rest.size === 0n) return
        this.close(lot, undefined, order, rest)
        this.closeDust(lot, undefined, order)
      }
    }
  }

  private unmatched(row: number, rest: Rest): void {
    const size = rest.size
    cut(rest, size, rest, this.tradeSlice)
    this.allocations.unmatched(this.base + row, size, this.tradeSlice)
    const text = this.sizeText(size)
    const id = this.facts.order_id[row]!
    const bracket = this.pools.method === 'specific' ? this.facts.bracket[row]! : null
    if (bracket === null || this.facts.lot_ids[row]!.length > 0) {
      this.find('OVERSELL', 'warning', id, text, {
        message: `No lot covers ${text} of sell ${id}.`,
        suggestion: 'Import the missing buy or transfer, or allow short positions.',
      })
      return
    }
    this.find('OVERSELL', 'warning', id, text, {
      message: `No lot of bracket ${bracket} covers ${text} of sell ${id}.`,
      suggestion: 'Import the missing buy of the bracket, or correct the bracket of one of them.',
    })
  }

  private ignoredIds(row: number): void {
    this.find('LOT_IDS_IGNORED', 'info', this.facts.order_id[row]!, undefined, {
      message: `${this.facts.order_id[row]} names lots, but the method in force is ${this.pools.method}.`,
      suggestion: 'Compute with --method specific to follow named lots.',
    })
  }

  private split({ id, at, numerator, denominator }: Split): void {
    this.splits.push({ at, numerator: `${numerator}`, denominator: `${denominator}` })
    const lots = this.pools.open()
    let cutLots = 0
    for (const lot of lots) {
      const exact = lot.size * numerator
      const { scale } = normalize({ units: lot.size, scale: this.sizeScale })
      const unit = pow10(this.sizeScale - Math.max(LEAST_PLACES, scale))
      const whole = (exact / (denominator * unit)) * unit
      // A lot is never cut to nothing: its cost must stay with something.
      const size = whole === 0n ? unit : whole
      if (size * denominator !== exact) cutLots += 1
      const { average } = this.pools.sideOf(lot)
      if (average !== undefined) average.size += size - lot.size
      lot.size = size
      lot.even = false
      lot.rerank(numerator, denominator)
    }
    if (cutLots > 0) {
      this.find('SPLIT_FRACTION', 'info', id, undefined, {
        message: `Split ${id} of ${numerator}:${denominator} leaves fractions of ${cutLots} lots, which are cut.`,
        suggestion: 'Import cash in lieu as a sale if there was any.',
      })
    }
  }

  private transfer({ id, size, from_account, to_account }: Transfer): void {
    let left = rescale(size, this.sizeScale, 'down').units
    const lots = this.pools
      .open()
      .filter((lot) => !lot.short && lot.account === from_account)
      .sort(closingOrder(this.pools.method))
    for (const lot of lots) {
      if (left === 0n) return
      const moved = lot.size < left ? lot.size : left
      this.move(lot, moved, to_account)
      left -= moved
    }
    if (left === 0n) return
    const text = this.sizeText(left)
    this.find('TRANSFER_UNCOVERED', 'warning', id, text, {
      message: `Account ${from_account} holds ${text} less than transfer ${id} moves.`,
      suggestion: 'Import the missing buy, or correct the account.',
    })
  }

  private move(lot: Lot, size: bigint, to_account: string): void {
    const { lotSlice, pools } = this
    pools.take(lot, size, pools.sideOf(lot).average, lotSlice)
    const there = lot.parts?.find((part) => part.account === to_account && part.size > 0n)
    if (there !== undefined) pools.add(there, size, lotSlice, lot.even)
    else {
      const part = lot.part(to_account)
      part.size = size
      part.gross = lotSlice.gross
      part.fee = lotSlice.fee
      this.put(part)
    }
  }

  private find(
    code: LotFinding['code'],
    severity: LotFinding['severity'],
    order_id: string,
    size: string | undefined,
    text: { readonly message: string; readonly suggestion: string },
  ): void {
    const { symbol } = this.facts
    this.findings.push({ code, severity, symbol, order_id, ...text, ...(size === undefined ? {} : { size }) })
  }

  private sizeText(units: bigint): string {
    return canonicalDecimal({ units, scale: this.sizeScale })
  }

  private *state(row: number): Steps<SymbolState> {
    const through = row < 0 ? this.through : this.facts.keyOf(row)
    return {
      symbol: this.facts.symbol,
      through,
      lots: yield* openLots(this.pools, this.allocations, this.splits),
      splits: [...this.splits],
      ...this.rows.state(),
    }
  }
}
