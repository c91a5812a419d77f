/** The figures computed outside the project, and random paths beside the naive evaluator. */

import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { chainOf, equationsOf } from '#tieout/attribution/chain'
import { modelOfCountedPaths } from '#tieout/attribution/counted-model'
import type { CountedPath } from '#tieout/attribution/counted-paths'
import { parseModel } from '#tieout/attribution/model-text'
import { solveFirst } from '#tieout/attribution/solve'
import { apportion } from '#tieout/base/apportion'
import { fraction, fractionText } from '#tieout/base/fraction'
import {
  conversionProbability,
  removalEffects,
  shapleyByCoalitions,
  text,
} from '../support/naive-attribution.js'

interface Vector {
  name: string
  paths: { path: string[]; conversions: number; nulls: number }[]
  conversion_probability: string
  markov_order_1: Record<'removal_effect' | 'share' | 'conversions', Record<string, string>>
  first: Record<string, string>
  last: Record<string, string>
  linear: Record<string, string>
  position: Record<string, string>
  shapley: Record<string, string>
}
const VECTORS = JSON.parse(readFileSync(new URL('vectors.json', import.meta.url), 'utf8')) as {
  models: Vector[]
  apportion: { total: number; weights: Record<string, number>; parts: Record<string, number> }[]
}

const counted = (paths: Vector['paths']): CountedPath[] =>
  paths.map(({ path, conversions, nulls }) => ({
    path,
    conversions: BigInt(conversions),
    nulls: BigInt(nulls),
  }))

/** Channels with conversions, exactly; and all of what the model gives. */
function conversionsOf(model: string, paths: readonly CountedPath[]) {
  const found = modelOfCountedPaths(parseModel(model), paths, 'paths.csv')
  const rows = found.channels.filter(({ part }) => part !== 0n)
  return {
    found,
    conversions: Object.fromEntries(
      rows.map(({ channel, part }) => [
        channel,
        fractionText(fraction(part * found.conversions, found.whole)),
      ]),
    ),
  }
}

describe.each(VECTORS.models)('$name', (vector) => {
  const paths = counted(vector.paths)

  test.each(['first', 'last', 'linear', 'position', 'shapley'] as const)('%s', (model) => {
    expect(conversionsOf(model, paths).conversions).toEqual(vector[model])
  })

  test('markov of order 1', () => {
    const { found, conversions } = conversionsOf('markov', paths)
    expect(conversions).toEqual(vector.markov_order_1.conversions)
    const effects = found.channels.map(({ channel, removalEffect }) => [
      channel,
      fractionText(removalEffect!),
    ])
    expect(Object.fromEntries(effects)).toEqual(vector.markov_order_1.removal_effect)
    const shares = found.channels.map(({ channel, part }) => [
      channel,
      fractionText(fraction(part, found.whole)),
    ])
    expect(Object.fromEntries(shares)).toEqual(vector.markov_order_1.share)
    // Every share to eighteen decimals, and together 1.
    expect([...found.table!.weights.values()].reduce((a, b) => a + b, 0n)).toBe(10n ** 18n)
  })

  test('the chain as a whole converts as often as its paths', () => {
    for (const order of [1, 2, 3])
      expect(fractionText(solveFirst(equationsOf(chainOf(paths, order, 'unique'), null, order)))).toBe(
        vector.conversion_probability,
      )
  })
})

test.each(VECTORS.apportion)('$total over $weights', ({ total, weights, parts }) => {
  const list = Object.entries(weights).map(([key, weight]) => ({ key, weight: BigInt(weight) }))
  const shares = apportion(BigInt(total), list)
  expect(Object.fromEntries(list.map(({ key }, i) => [key, Number(shares[i])]))).toEqual(parts)
})

const somePaths = fc
  .array(
    fc.record({
      path: fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { minLength: 1, maxLength: 6 }),
      conversions: fc.bigInt({ min: 0n, max: 40n }),
      nulls: fc.bigInt({ min: 0n, max: 40n }),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .filter((paths) => paths.some(({ conversions }) => conversions > 0n))

describe('beside the naive evaluator', () => {
  test.each([1, 2, 3])('removal effects of order %i', (order) => {
    fc.assert(
      fc.property(somePaths, (paths) => {
        const { found } = conversionsOf(`markov?order=${order}`, paths)
        const naive = removalEffects(paths, order)
        for (const { channel, removalEffect } of found.channels)
          expect(`${channel} ${fractionText(removalEffect!)}`).toBe(`${channel} ${text(naive.get(channel)!)}`)
      }),
      { numRuns: 40 },
    )
  })

  test('what balances at every state needs no solution', () => {
    fc.assert(
      fc.property(somePaths, fc.constantFrom(1, 2), (paths, order) => {
        const conversions = paths.reduce((sum, path) => sum + path.conversions, 0n)
        const all = paths.reduce((sum, path) => sum + path.conversions + path.nulls, 0n)
        expect(text(conversionProbability(paths, order, null))).toBe(fractionText(fraction(conversions, all)))
      }),
      { numRuns: 40 },
    )
  })

  test('the closed form of Shapley is the sum over all coalitions', () => {
    fc.assert(
      fc.property(somePaths, (paths) => {
        const { conversions } = conversionsOf('shapley', paths)
        for (const [channel, value] of shapleyByCoalitions(paths))
          expect(conversions[channel] ?? '0').toBe(text(value))
      }),
      { numRuns: 60 },
    )
  })

  test('counts of any size are solved exactly', () => {
    // From the start to a, and of a million million paths all but one convert.
    const paths = [{ path: ['a'], conversions: 10n ** 12n - 1n, nulls: 1n }]
    for (const order of [1, 2])
      expect(fractionText(solveFirst(equationsOf(chainOf(paths, order, 'unique'), null, order)))).toBe(
        '999999999999/1000000000000',
      )
    const loop = [
      { path: ['a', 'b', 'a', 'b'], conversions: 2n ** 36n, nulls: 3n ** 20n },
      { path: ['b', 'a'], conversions: 7n, nulls: 10n ** 10n },
    ]
    const found = modelOfCountedPaths(parseModel('markov'), loop, 'x')
    for (const { channel, removalEffect } of found.channels)
      expect(fractionText(removalEffect!)).toBe(text(removalEffects(loop, 1).get(channel)!))
  })
})
