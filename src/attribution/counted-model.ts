/**
 * What a model makes of counted paths: the conversions of each channel, exactly. Raises TIE-4106, TIE-4108 and those of
 * learn.ts.
 */

import { problem, Refusal, refuse } from '../base/errors.js'
import { commonParts, type Fraction, fraction, plus } from '../base/fraction.js'
import { weighEvents } from './allocate.js'
import { type CountedPath, channelsOfPaths } from './counted-paths.js'
import { learn } from './learn.js'
import { isLearned, type Model, modelVersion, type WeightTable } from './model.js'
import { definitionOf, MODELS } from './models.js'
import { pathsOf } from './paths.js'

export interface CountedResult {
  readonly modelVersion: string
  readonly conversions: bigint
  readonly nulls: bigint
  /** In code point order. */
  readonly channels: readonly CountedChannel[]
  /** The sum of the channels' parts. */
  readonly whole: bigint
  /** Of learned models: by what events are split. */
  readonly table: WeightTable | null
}

export interface CountedChannel {
  readonly channel: string
  /** Of the whole: its share of all conversions. */
  readonly part: bigint
  readonly removalEffect: Fraction | null
}

export function modelOfCountedPaths(
  model: Model,
  paths: readonly CountedPath[],
  file: string,
): CountedResult {
  const { name, parameters } = model
  if (definitionOf(name).weighs === 'instants') {
    const known = MODELS.filter(({ weighs }) => weighs !== 'instants').map((other) => other.name)
    refuse('TIE-4106', { model: name, known: known.join(', ') })
  }
  if (parameters.lookback !== 'none')
    throw new Refusal([problem('TIE-4108', { lookback: parameters.lookback! })])
  const conversions = paths.reduce((sum, path) => sum + path.conversions, 0n)
  const nulls = paths.reduce((sum, path) => sum + path.nulls, 0n)
  const found = isLearned(model) ? learn(model, paths, file) : weighed(model, paths, conversions, file)
  const { table } = found
  return {
    modelVersion: modelVersion(model, table ?? undefined),
    conversions,
    nulls,
    table,
    channels: found.channels,
    whole: found.channels.reduce((sum, { part }) => sum + part, 0n),
  }
}

/** Conversions over equal sums of weights are added before they become fractions: there are few different sums. */
function weighed(
  model: Model,
  paths: readonly CountedPath[],
  conversions: bigint,
  file: string,
): Pick<CountedResult, 'channels' | 'table'> {
  if (conversions === 0n) refuse('TIE-4117', { file })
  const events = paths.map(({ path }) => ({
    convertedAt: 0,
    touches: path.map((channel) => ({ channel, at: 0 })),
  }))
  const byWhole = new Map<bigint, Map<string, bigint>>()
  weighEvents(pathsOf(events), model).forEach((weights, i) => {
    const whole = weights.reduce((sum, { weight }) => sum + weight, 0n)
    const parts = byWhole.get(whole) ?? new Map<string, bigint>()
    byWhole.set(whole, parts)
    for (const { channel, weight } of weights)
      parts.set(channel, (parts.get(channel) ?? 0n) + weight * paths[i]!.conversions)
  })
  const codes = channelsOfPaths(paths)
  const sums = codes.map((channel) => {
    let sum = fraction(0n)
    for (const [whole, parts] of byWhole) sum = plus(sum, fraction(parts.get(channel) ?? 0n, whole))
    return sum
  })
  const parts = commonParts(sums)
  return {
    channels: codes.map((channel, i) => ({ channel, part: parts[i]!, removalEffect: null })),
    table: null,
  }
}
