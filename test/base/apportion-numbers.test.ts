/** The two quick ways to apportion give what the exact one gives, or say that they cannot. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { apportionInOrder, apportionNumbers } from '#tieout/base/apportion'
import { apportionNear } from '#tieout/base/apportion-near'

const exactly = (total: number, weights: readonly number[]): number[] =>
  apportionInOrder(BigInt(total), weights.map(BigInt)).map(Number)

const someWeights = (max: number) =>
  fc
    .array(
      fc.oneof(
        fc.integer({ min: 0, max: 4 }),
        fc.maxSafeInteger().map((n) => Math.abs(n) % max),
      ),
      {
        minLength: 1,
        maxLength: 30,
      },
    )
    .filter((weights) => weights.some((weight) => weight > 0))

test('in numbers', () => {
  fc.assert(
    fc.property(fc.integer({ min: -(2 ** 30), max: 2 ** 30 }), someWeights(2 ** 22), (total, weights) => {
      const shares = new Float64Array(weights.length)
      apportionNumbers(total, Float64Array.from(weights), weights.length, shares)
      expect([...shares]).toEqual(exactly(total, weights))
    }),
    { numRuns: 2000 },
  )
})

test('by weights that are nearly right', () => {
  let told = 0
  let runs = 0
  const error = 2 ** -46
  fc.assert(
    fc.property(
      fc.integer({ min: -(2 ** 30), max: 2 ** 30 }),
      someWeights(2 ** 50),
      fc.infiniteStream(fc.integer({ min: -100, max: 100 })),
      (total, weights, offs) => {
        const sum = weights.reduce((all, weight) => all + weight, 0)
        // Every weight is off by up to the error that is said.
        const near = Float64Array.from(weights, (weight) =>
          weight === 0 ? 0 : weight + (offs.next().value! / 100) * error * sum,
        )
        const shares = new Float64Array(weights.length)
        runs++
        if (!apportionNear(total, near, weights.length, error, shares)) return
        told++
        expect([...shares]).toEqual(exactly(total, weights))
      },
    ),
    { numRuns: 2000 },
  )
  expect(told).toBeGreaterThan(runs / 20)
})

test('equal remainders are never told by nearly right weights, and one part has all', () => {
  const shares = new Float64Array(2)
  expect(apportionNear(3, Float64Array.of(1, 1), 2, 0, shares)).toBe(false)
  expect(apportionNear(4, Float64Array.of(1, 1), 2, 0, shares)).toBe(false)
  expect(apportionNear(-4, Float64Array.of(5, 0), 1, 0, shares)).toBe(true)
  expect(shares[0]).toBe(-4)
})
