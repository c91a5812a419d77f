/**
 * Splits the revenue of events over the channels of their paths: exact weights by touch (touch-weights.ts), summed by
 * channel, then whole cents by largest remainders, ties to the channel whose code comes first.
 *
 * An event that no touch explains, for there is none or none inside the look-back window, goes to `unknown` as a whole.
 * Raises RangeError when columns do not fit together.
 */

import { apportionInOrder, apportionNumbers } from '../base/apportion.js'
import { apportionNear } from '../base/apportion-near.js'
import type { Model, WeightTable } from './model.js'
import { microsecondsOf } from './parameter.js'
import { type Paths, UNKNOWN_CHANNEL } from './paths.js'
import { NEAR_ERROR, type Weigher, weigherOf } from './touch-weights.js'
import { TouchWindow, type Transform } from './window.js'

/** allocation_ratio has five places: shown ratios are whole numbers of this part of 1. */
export const RATIO_UNITS = 100_000

/** Rows by event, in it in code point order of the channels; channels without weight have no row. */
export interface Allocations {
  readonly rows: number
  /** Index of the event in the paths. */
  readonly event: Int32Array
  /** Index into the paths' channels. */
  readonly channel: Int32Array
  /** Sum to the revenue of the event. */
  readonly cents: BigInt64Array
  /** Whole 100,000ths from 0 to 100,000, by largest remainders as the cents are, so that those of an event sum to 1. */
  readonly ratio: Int32Array
}

/** `revenue`: cents by event; negative ones mirror. */
export function allocate(
  paths: Paths,
  revenue: BigInt64Array,
  model: Model,
  table?: WeightTable,
): Allocations {
  if (revenue.length !== paths.events)
    throw new RangeError(`${revenue.length} amounts of ${paths.events} events`)
  const splitter = new Splitter(paths, model, weigherOf(model, paths.channels, table))
  for (let event = 0; event < paths.events; event++) splitter.split(event, revenue[event]!)
  return splitter.end()
}

/** Exact weights of one event by channel: of the ledger's explanations, and where an event is allocated alone. */
export interface ChannelWeight {
  readonly channel: string
  /** > 0; only ratios matter. */
  readonly weight: bigint
}

/** The weights by which each event is split, in code point order of the channels. */
export function weighEvents(
  paths: Paths,
  model: Model,
  table?: WeightTable,
): readonly (readonly ChannelWeight[])[] {
  return Array.from({ length: paths.events }, (_, event) => event).map(eventWeigher(paths, model, table))
}

/** The same of one event after another, where not all are asked for. */
export function eventWeigher(
  paths: Paths,
  model: Model,
  table?: WeightTable,
): (event: number) => readonly ChannelWeight[] {
  const splitter = new Splitter(paths, model, weigherOf(model, paths.channels, table))
  return (event) => splitter.weightsOf(event)
}

const EXACT = 2 ** 53
const RATIO_TOTAL = BigInt(RATIO_UNITS)
/** Above it nearly right weights hardly ever decide a cent. */
const MAX_NEAR = 2 ** 30

class Splitter {
  private readonly window: TouchWindow
  private readonly selection: { readonly transform: Transform; readonly lookback: number | null }
  private readonly unknown: number
  /** By touch of the window. */
  private readonly narrow: Float64Array
  private readonly wide: bigint[] = []
  /** By distinct channel of the event, in order of code. */
  private count = 0
  private readonly channel: Int32Array
  private readonly sums: Float64Array
  private readonly wideSums: bigint[] = []
  private readonly shares: Float64Array
  /** By channel of the paths: its sum of this event. */
  private readonly sumOf: Float64Array
  private readonly wideSumOf: bigint[]

  private rows = 0
  private readonly out: { event: Int32Array; channel: Int32Array; cents: BigInt64Array; ratio: Int32Array }

  constructor(
    private readonly paths: Paths,
    model: Model,
    private readonly weigher: Weigher,
  ) {
    const lookback = microsecondsOf(model.parameters.lookback!)
    this.window = new TouchWindow(paths)
    this.selection = {
      transform: model.parameters.transform as Transform,
      lookback: lookback === null ? null : Number(lookback),
    }
    this.unknown = paths.channels.indexOf(UNKNOWN_CHANNEL)
    if (this.unknown < 0) throw new RangeError(`the channels of the paths lack ${UNKNOWN_CHANNEL}`)
    const longest = Math.max(1, this.window.channel.length)
    this.narrow = new Float64Array(longest)
    this.channel = new Int32Array(longest)
    this.sums = new Float64Array(longest)
    this.shares = new Float64Array(longest)
    this.sumOf = new Float64Array(paths.channels.length)
    this.wideSumOf = new Array<bigint>(paths.channels.length).fill(0n)
    const most = paths.channel.length + paths.events
    this.out = {
      event: new Int32Array(most),
      channel: new Int32Array(most),
      cents: new BigInt64Array(most),
      ratio: new Int32Array(most),
    }
  }

  split(event: number, revenue: bigint): void {
    if (this.weigher.is === 'wide' && this.splitNear(event, revenue)) return
    if (this.weigh(event) === 'narrow') this.splitNarrow(event, revenue)
    else this.splitWide(event, revenue)
  }

  weightsOf(event: number): ChannelWeight[] {
    const isNarrow = this.weigh(event) === 'narrow'
    return Array.from({ length: this.count }, (_, i) => ({
      channel: this.paths.channels[this.channel[i]!]!,
      weight: isNarrow ? BigInt(this.sums[i]!) : this.wideSums[i]!,
    }))
  }

  end(): Allocations {
    const { event, channel, cents, ratio } = this.out
    const { rows } = this
    return {
      rows,
      event: event.subarray(0, rows),
      channel: channel.subarray(0, rows),
      cents: cents.subarray(0, rows),
      ratio: ratio.subarray(0, rows),
    }
  }

  /** The channels of the event with a weight, and their weights. */
  private weigh(event: number): 'narrow' | 'wide' {
    this.window.select(this.paths, event, this.selection)
    if (this.window.size === 0) {
      this.count = 1
      this.channel[0] = this.unknown
      this.sums[0] = 1
      return 'narrow'
    }
    if (this.weigher.is === 'narrow') {
      this.weigher.weigh(this.window, this.narrow)
      this.sumNarrow()
    } else {
      this.weigher.weigh(this.window, this.wide)
      this.sumWide()
    }
    return this.weigher.is
  }

  private sumNarrow(): void {
    const { size, channel } = this.window
    this.count = 0
    for (let touch = 0; touch < size; touch++) {
      const weight = this.narrow[touch]!
      if (weight === 0) continue
      const index = channel[touch]!
      if (this.sumOf[index] === 0) this.channel[this.count++] = index
      this.sumOf[index]! += weight
    }
    sortFirst(this.channel, this.count)
    for (let i = 0; i < this.count; i++) {
      const index = this.channel[i]!
      this.sums[i] = this.sumOf[index]!
      this.sumOf[index] = 0
    }
  }

  private sumWide(): void {
    const { size, channel } = this.window
    this.count = 0
    for (let touch = 0; touch < size; touch++) {
      const weight = this.wide[touch]!
      if (weight === 0n) continue
      const index = channel[touch]!
      if (this.wideSumOf[index] === 0n) this.channel[this.count++] = index
      this.wideSumOf[index]! += weight
    }
    sortFirst(this.channel, this.count)
    this.wideSums.length = this.count
    for (let i = 0; i < this.count; i++) {
      const index = this.channel[i]!
      this.wideSums[i] = this.wideSumOf[index]!
      this.wideSumOf[index] = 0n
    }
  }

  private splitNarrow(event: number, revenue: bigint): void {
    const { count, sums } = this
    let sum = 0
    let largest = 0
    for (let i = 0; i < count; i++) {
      sum += sums[i]!
      if (sums[i]! > largest) largest = sums[i]!
    }
    const total = Number(revenue)
    const isExact = sum < EXACT && Math.abs(total) < EXACT && Math.abs(total) * largest < EXACT
    if (!isExact || RATIO_UNITS * largest >= EXACT) {
      this.wideSums.length = count
      for (let i = 0; i < count; i++) this.wideSums[i] = BigInt(sums[i]!)
      this.splitWide(event, revenue)
      return
    }
    const { out } = this
    apportionNumbers(RATIO_UNITS, sums, count, this.shares)
    for (let i = 0; i < count; i++) out.ratio[this.rows + i] = this.shares[i]!
    apportionNumbers(total, sums, count, this.shares)
    for (let i = 0; i < count; i++) this.append(event, this.channel[i]!, BigInt(this.shares[i]!))
  }

  /** By weights that are nearly right, where that decides every cent and every place of the ratios. */
  private splitNear(event: number, revenue: bigint): boolean {
    const total = Number(revenue)
    if (this.weigher.is !== 'wide' || this.weigher.near === undefined || Math.abs(total) > MAX_NEAR)
      return false
    this.window.select(this.paths, event, this.selection)
    const { size } = this.window
    if (size === 0) return false
    this.weigher.near(this.window, this.narrow)
    this.sumNarrow()
    const { count, sums, shares, out } = this
    const error = NEAR_ERROR * size
    let sum = 0
    for (let i = 0; i < count; i++) sum += sums[i]!
    // A channel whose weight might be 0 has a row or has none; only the exact weight says which.
    for (let i = 0; i < count; i++) if (sums[i]! <= 2 * error * sum) return false
    if (count === 0 || !apportionNear(RATIO_UNITS, sums, count, error, shares)) return false
    for (let i = 0; i < count; i++) out.ratio[this.rows + i] = shares[i]!
    if (!apportionNear(total, sums, count, error, shares)) return false
    for (let i = 0; i < count; i++) this.append(event, this.channel[i]!, BigInt(shares[i]!))
    return true
  }

  private splitWide(event: number, revenue: bigint): void {
    const ratios = apportionInOrder(RATIO_TOTAL, this.wideSums)
    const cents = apportionInOrder(revenue, this.wideSums)
    for (let i = 0; i < this.count; i++) {
      this.out.ratio[this.rows] = Number(ratios[i]!)
      this.append(event, this.channel[i]!, cents[i]!)
    }
  }

  private append(event: number, channel: number, cents: bigint): void {
    const { out, rows } = this
    out.event[rows] = event
    out.channel[rows] = channel
    out.cents[rows] = cents
    this.rows = rows + 1
  }
}

/** Below this many, inserting is quicker than the sort of typed arrays. */
const FEW = 16

function sortFirst(values: Int32Array, count: number): void {
  if (count > FEW) values.subarray(0, count).sort()
  else
    for (let i = 1; i < count; i++) {
      const value = values[i]!
      let place = i
      for (; place > 0 && values[place - 1]! > value; place--) values[place] = values[place - 1]!
      values[place] = value
    }
}

/** `0.33333` of 33333. */
export const ratioText = (ratio: number): string =>
  ratio === RATIO_UNITS ? '1.00000' : `0.${String(ratio).padStart(5, '0')}`
