/**
 * Models that learn weights of channels from counted paths, exactly, without simulation.
 *
 * Markov: the removal effect of a channel is the part of the probability of conversion that is lost when its touches
 * lead to null; its share is that over the sum of all. Shapley: the worth of a set of channels is what the paths inside
 * it converted; the value of a channel in this game has a closed form, each path's conversions divided equally over its
 * distinct channels, and nulls do not enter it. Under the transform frequency a channel with another count is another
 * state of the chain, but removing the channel removes all of them.
 *
 * Raises TIE-4115 to TIE-4117.
 * Source: Anderl, Becker, von Wangenheim, Schumann, Mapping the customer journey, 2016; Zhao, Mahboobi, Bagheri,
 * Shapley value methods for attribution modeling in online advertising, 2018.
 */

import { apportionInOrder } from '../base/apportion.js'
import { digestOf } from '../base/digest.js'
import { refuse } from '../base/errors.js'
import { commonParts, type Fraction, fraction, minus, over, plus } from '../base/fraction.js'
import { chainOf, equationsOf } from './chain.js'
import { type CountedPath, channelsOfPaths } from './counted-paths.js'
import { type Model, TABLE_TOTAL, type WeightTable } from './model.js'
import { solveFirst } from './solve.js'
import type { Transform } from './window.js'

export interface Learned {
  /** In code point order of the channels. */
  readonly channels: readonly LearnedChannel[]
  /** Of a path, at the start. */
  readonly conversionProbability: Fraction
  readonly table: WeightTable
}

export interface LearnedChannel {
  readonly channel: string
  /** Of the sum of all parts: the share of the channel. */
  readonly part: bigint
  /** Of Markov alone. */
  readonly removalEffect: Fraction | null
}

/** What the model learns. `name` says in a refusal where the paths came from. */
export function learn(model: Model, paths: readonly CountedPath[], name: string): Learned {
  let conversions = 0n
  let all = 0n
  for (const path of paths) {
    conversions += path.conversions
    all += path.conversions + path.nulls
  }
  if (conversions === 0n) refuse('TIE-4117', { file: name })
  const codes = channelsOfPaths(paths)
  const found =
    model.name === 'markov'
      ? removalEffects(model, paths, codes, fraction(conversions, all))
      : { effects: undefined, values: shapley(paths, codes) }
  const parts = commonParts(found.values)
  return {
    channels: codes.map((channel, i) => ({
      channel,
      removalEffect: found.effects?.[i] ?? null,
      part: parts[i]!,
    })),
    conversionProbability: fraction(conversions, all),
    table: tableOf(codes, parts),
  }
}

/** Shares to eighteen decimals by largest remainders, so that events are split by short numbers. */
export function tableOf(codes: readonly string[], parts: readonly bigint[]): WeightTable {
  const weights = new Map(apportionInOrder(TABLE_TOTAL, parts).map((weight, i) => [codes[i]!, weight]))
  return { weights, digest: digestOf([...weights].map(([code, weight]) => [code, String(weight)])) }
}

interface Effects {
  readonly effects: readonly Fraction[]
  readonly values: readonly Fraction[]
}

/**
 * `probability`: of conversion with every channel. It needs no solution: the counts of a chain made of whole paths
 * balance at every state, so what arrives at conversion is what converted, whatever the order.
 */
function removalEffects(
  { parameters }: Model,
  paths: readonly CountedPath[],
  codes: readonly string[],
  probability: Fraction,
): Effects {
  const order = Number(parameters.order)
  const chain = chainOf(paths, order, parameters.transform as Transform)
  // All systems before any solution: a chain that is too large is refused at once, not after minutes.
  const systems = codes.map((code) => equationsOf(chain, code, order))
  const effects = systems.map((equations) => over(minus(probability, solveFirst(equations)), probability))
  return { effects, values: effects }
}

function shapley(paths: readonly CountedPath[], codes: readonly string[]): Fraction[] {
  const values = new Map(codes.map((code) => [code, fraction(0n)]))
  // Counts by number of distinct channels stay whole until the end.
  const bySize = new Map<number, Map<string, bigint>>()
  for (const { path, conversions } of paths) {
    const distinct = new Set(path)
    const counts = bySize.get(distinct.size) ?? new Map<string, bigint>()
    bySize.set(distinct.size, counts)
    for (const channel of distinct) counts.set(channel, (counts.get(channel) ?? 0n) + conversions)
  }
  for (const [size, counts] of bySize)
    for (const [channel, count] of counts)
      values.set(channel, plus(values.get(channel)!, fraction(count, BigInt(size))))
  return codes.map((code) => values.get(code)!)
}
