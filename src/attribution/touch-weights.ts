/**
 * Every model as one thing: weights of the touches of a window. Only ratios matter. Models whose weights are small
 * whole numbers write them as numbers, exact below 2^53; the others as bigints. Raises nothing.
 *
 * A learned or custom model weighs a channel of the path once, at its first touch in the window: its weight is the
 * channel's share of the table, renormalised over the channels that the path has. When no channel of the path has a
 * weight there, they get equal ones.
 */

import { HALVING_BITS, HALVING_ERROR, halving, nearHalving } from './half-life.js'
import { isLearned, type Model, type WeightTable } from './model.js'
import type { Shape } from './models.js'
import { channelsOf, microsecondsOf, sharesOf, weightsOf } from './parameter.js'
import { MILESTONE_BITS } from './paths.js'
import type { TouchWindow } from './window.js'

/** A window of at least one touch → a weight for each of its touches, ≥ 0, not all 0. */
export type Weigher =
  | { readonly is: 'narrow'; readonly weigh: (window: TouchWindow, weights: Float64Array) => void }
  | {
      readonly is: 'wide'
      readonly weigh: (window: TouchWindow, weights: bigint[]) => void
      /** The same nearly, each off by at most NEAR_ERROR of the sum of all: enough to split most amounts. */
      readonly near?: (window: TouchWindow, weights: Float64Array) => void
    }

export const NEAR_ERROR = HALVING_ERROR

type Narrow = (window: TouchWindow, weights: Float64Array) => void

/** `channels`: the codes that the windows' numbers stand for. A learned model needs its table. */
export function weigherOf(model: Model, channels: readonly string[], table?: WeightTable): Weigher {
  const { name, parameters } = model
  if (isLearned(model)) {
    if (table === undefined) throw new RangeError(`${name} needs the weights that it learned`)
    return byChannel(table.weights, channels)
  }
  switch (name) {
    case 'first':
      return narrow((window, weights) => single(window, weights, 0))
    case 'last':
      return narrow((window, weights) => single(window, weights, window.size - 1))
    case 'last-non-direct':
      return lastNonDirect(channelsOf(parameters.direct!), channels)
    case 'position':
      return byPosition(parameters.shape as Shape, parameters.shares)
    case 'time-decay':
      return byAge(microsecondsOf(parameters['half-life']!)!)
    case 'custom':
      return byChannel(weightsOf(parameters.weights!), channels)
    default:
      return narrow((window, weights) => weights.fill(1, 0, window.size))
  }
}

const narrow = (weigh: Narrow): Weigher => ({ is: 'narrow', weigh })

function single({ size }: TouchWindow, weights: Float64Array, place: number): void {
  weights.fill(0, 0, size)
  weights[place] = 1
}

function lastNonDirect(direct: readonly string[], channels: readonly string[]): Weigher {
  const isDirect = channels.map((code) => direct.includes(code))
  return narrow((window, weights) => {
    let place = window.size - 1
    while (place >= 0 && isDirect[window.channel[place]!]) place--
    single(window, weights, place < 0 ? window.size - 1 : place)
  })
}

interface KeyShares {
  readonly first: number
  readonly milestone: number
  readonly last: number
  /** Of the other touches together. */
  readonly rest: number
}

const SHARES: Readonly<Record<Exclude<Shape, 'custom'>, KeyShares>> = {
  U: { first: 40, milestone: 0, last: 40, rest: 20 },
  J: { first: 20, milestone: 0, last: 60, rest: 20 },
  'inverse-J': { first: 60, milestone: 0, last: 20, rest: 20 },
  W: { first: 30, milestone: 30, last: 0, rest: 10 },
  Z: { first: 225, milestone: 225, last: 225, rest: 100 },
}

/** Shares of touches together are whole numbers; every weight is a share times the number of the other touches. */
const MAX_NARROW_SHARE = 2n ** 30n

function byPosition(shape: Shape, custom: string | undefined): Weigher {
  if (shape !== 'custom') return narrow(keyTouches(SHARES[shape], shape))
  const [first, rest, last] = sharesOf(custom!)
  const small = [first, rest, last].every((share) => share <= MAX_NARROW_SHARE)
  if (small) {
    const shares = { first: Number(first), milestone: 0, last: Number(last), rest: Number(rest) }
    return narrow(keyTouches(shares, shape))
  }
  return { is: 'wide', weigh: (window, weights) => wideEnds(window, weights, [first, rest, last]) }
}

/**
 * Key touches have their shares, touches that are several of them the sum; the others divide the rest. A share that no
 * touch is there to have is left out, and so the others grow in proportion.
 */
function keyTouches(shares: KeyShares, shape: Shape): Narrow {
  const places = shape === 'W' || shape === 'Z' ? [0, 0] : undefined
  return (window, weights) => {
    const { size } = window
    weights.fill(0, 0, size)
    weights[0]! += shares.first
    weights[size - 1]! += shares.last
    let lead = -1
    let opportunity = -1
    if (places !== undefined) {
      lead = milestone(window, MILESTONE_BITS.lead)
      opportunity = milestone(window, MILESTONE_BITS.opportunity)
      if (lead < 0 && opportunity < 0) [lead, opportunity] = usualMilestones(shape, size, places)
      if (lead >= 0) weights[lead]! += shares.milestone
      if (opportunity >= 0) weights[opportunity]! += shares.milestone
    }
    divideRest(
      window.size,
      weights,
      shares,
      (place) =>
        place === 0 || (place === size - 1 && shape !== 'W') || place === lead || place === opportunity,
    )
  }
}

function divideRest(
  size: number,
  weights: Float64Array,
  { rest, ...shares }: KeyShares,
  key: (place: number) => boolean,
): void {
  let others = 0
  for (let place = 0; place < size; place++) if (!key(place)) others++
  // Shares of 0 alone would leave nothing to apportion by.
  const nothing = others === 0 && shares.first + shares.milestone + shares.last === 0
  for (let place = 0; place < size; place++) {
    if (nothing) weights[place] = 1
    else if (others > 0) weights[place] = key(place) ? weights[place]! * others : rest
  }
}

/** The first touch that is marked so; -1: none is. */
function milestone({ size, milestones }: TouchWindow, bit: number): number {
  for (let place = 0; place < size; place++) if ((milestones[place]! & bit) !== 0) return place
  return -1
}

/**
 * Where nobody marked milestones: of W the middle touch and the last, of Z those at a third and at two thirds, each
 * only where it is no key touch already.
 */
function usualMilestones(shape: Shape, size: number, places: number[]): number[] {
  const inner = (place: number): number => (place > 0 && place < size - 1 ? place : -1)
  if (shape === 'W') {
    places[0] = inner((size - 1) >> 1)
    places[1] = size > 1 ? size - 1 : -1
  } else {
    places[0] = inner(Math.floor((size - 1) / 3))
    places[1] = inner(Math.floor((2 * (size - 1)) / 3))
    if (places[1] === places[0]) places[1] = -1
  }
  return places
}

/** Custom shares of more digits than numbers hold. */
function wideEnds(
  { size }: TouchWindow,
  weights: bigint[],
  [first, rest, last]: readonly [bigint, bigint, bigint],
): void {
  const others = BigInt(Math.max(size - 2, 0))
  for (let place = 0; place < size; place++) {
    const share = (place === 0 ? first : 0n) + (place === size - 1 ? last : 0n)
    weights[place] = place === 0 || place === size - 1 ? share * (others || 1n) : rest
  }
  if (others === 0n && first + last === 0n) weights.fill(1n, 0, size)
}

/** Ages are taken from the newest touch: ratios are the same as from the conversion, and none is lost to small bits. */
function byAge(halfLife: bigint): Weigher {
  const newest = 1n << HALVING_BITS
  const halfLifeNumber = Number(halfLife)
  return {
    is: 'wide',
    weigh({ size, at }, weights) {
      const last = at[size - 1]!
      for (let place = 0; place < size; place++) {
        const age = last - at[place]!
        weights[place] = age === 0 ? newest : halving(BigInt(age), halfLife)
      }
    },
    near({ size, at }, weights) {
      const last = at[size - 1]!
      for (let place = 0; place < size; place++)
        weights[place] = nearHalving(last - at[place]!, halfLifeNumber)
    },
  }
}

function byChannel(table: ReadonlyMap<string, bigint>, channels: readonly string[]): Weigher {
  const of = channels.map((code) => table.get(code) ?? 0n)
  const near = Float64Array.from(of, Number)
  const seen = new Int32Array(channels.length)
  let turn = 0
  return {
    is: 'wide',
    weigh({ size, channel }, weights) {
      turn++
      let any = false
      for (let place = 0; place < size; place++) {
        const weight = seen[channel[place]!] === turn ? 0n : of[channel[place]!]!
        seen[channel[place]!] = turn
        weights[place] = weight
        any ||= weight !== 0n
      }
      if (!any) equalByChannel(size, channel, weights)
    },
    near({ size, channel }, weights) {
      turn++
      for (let place = 0; place < size; place++) {
        weights[place] = seen[channel[place]!] === turn ? 0 : near[channel[place]!]!
        seen[channel[place]!] = turn
      }
    },
  }
}

function equalByChannel(size: number, channel: Int32Array, weights: bigint[]): void {
  const seen = new Set<number>()
  for (let place = 0; place < size; place++) {
    weights[place] = seen.has(channel[place]!) ? 0n : 1n
    seen.add(channel[place]!)
  }
}
