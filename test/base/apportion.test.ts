import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { apportion, type Part } from '#tieout/base/apportion'

const parts = (weights: readonly number[]): Part[] =>
  weights.map((weight, i) => ({ key: String.fromCharCode(97 + i), weight: BigInt(weight) }))

const check = (total: number, weights: readonly number[], expected: readonly number[]): void =>
  expect(apportion(BigInt(total), parts(weights)).map(Number)).toEqual(expected)

describe('units over parts a, b, c …', () => {
  test.each<[number, number[], number[]]>([
    // 10000 ÷ 7 = 1428 remainder 4: the first four by key get one more
    [10_000, [1, 1, 1, 1, 1, 1, 1], [1429, 1429, 1429, 1429, 1428, 1428, 1428]],
    [-10_000, [1, 1, 1, 1, 1, 1, 1], [-1429, -1429, -1429, -1429, -1428, -1428, -1428]],
    // 100 × 1⁄6, 2⁄6, 3⁄6 = 16.67, 33.33, 50: the one left goes to the remainder .67
    [100, [1, 2, 3], [17, 33, 50]],
    [100, [100, 200, 300], [17, 33, 50]],
    // a part of weight 0 gets nothing, even when units are left over
    [1, [0, 1, 1], [0, 1, 0]],
    [0, [1, 2], [0, 0]],
    [0, [0, 0], [0, 0]],
    [0, [], []],
    [7, [5], [7]],
    // fewer units than parts
    [2, [1, 1, 1], [1, 1, 0]],
  ])('%i over %j is %j', check)

  test('ties are broken by key in code point order, not by position', () => {
    const of = (...keys: string[]) =>
      apportion(
        1n,
        keys.map((key) => ({ key, weight: 1n })),
      )
    expect(of('b', 'a')).toEqual([0n, 1n])
    expect(of('🦄', '\uffff')).toEqual([0n, 1n])
    expect(of('a', 'B')).toEqual([0n, 1n])
  })

  test.each<[string, bigint, Part[]]>([
    ['weights sum to 0', 1n, [{ key: 'a', weight: 0n }]],
    ['no parts', -1n, []],
    [
      'negative weight -1 of a',
      1n,
      [
        { key: 'a', weight: -1n },
        { key: 'b', weight: 2n },
      ],
    ],
    [
      'part a is named twice',
      1n,
      [
        { key: 'a', weight: 1n },
        { key: 'a', weight: 1n },
      ],
    ],
  ])('%s is an error', (words, total, list) => {
    expect(() => apportion(total, list)).toThrow(RangeError)
    if (words !== 'no parts') expect(() => apportion(total, list)).toThrow(words)
  })
})

describe('whatever the weights', () => {
  const weights = fc.array(
    fc.oneof(fc.bigInt({ min: 0n, max: 5n }), fc.bigInt({ min: 0n, max: 10n ** 25n })),
    {
      minLength: 1,
      maxLength: 12,
    },
  )
  const problem = fc
    .tuple(fc.bigInt({ min: 0n, max: 10n ** 20n }), weights)
    .filter(([, list]) => list.some((weight) => weight > 0n))
    .map(([total, list]) => ({ total, list: list.map((weight, i) => ({ key: `k${i}`, weight })) }))

  test('the shares sum to the total, each within one unit of its quota', () => {
    fc.assert(
      fc.property(problem, ({ total, list }) => {
        const shares = apportion(total, list)
        const sum = list.reduce((s, { weight }) => s + weight, 0n)
        expect(shares.reduce((s, share) => s + share, 0n)).toBe(total)
        shares.forEach((share, i) => {
          // |share − total·w/Σw| < 1, in whole numbers
          const off = share * sum - total * list[i]!.weight
          expect(off < sum && off > -sum).toBe(true)
          if (list[i]!.weight === 0n) expect(share).toBe(0n)
        })
      }),
    )
  })

  test('a heavier part never gets less', () => {
    fc.assert(
      fc.property(problem, ({ total, list }) => {
        const shares = apportion(total, list)
        for (const [i, a] of list.entries())
          for (const [j, b] of list.entries())
            if (a.weight > b.weight) expect(shares[i]! >= shares[j]!).toBe(true)
      }),
    )
  })

  test('the order of the parts does not matter, and a refund mirrors its sale', () => {
    const shuffled = problem.chain(({ total, list }) =>
      fc.tuple(fc.constant(total), fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
    )
    fc.assert(
      fc.property(shuffled, ([total, list, other]) => {
        const byKey = (ps: readonly Part[], shares: readonly bigint[]) =>
          new Map(ps.map(({ key }, i) => [key, shares[i]]))
        expect(byKey(other, apportion(total, other))).toEqual(byKey(list, apportion(total, list)))
        expect(apportion(-total, list)).toEqual(apportion(total, list).map((share) => -share))
      }),
    )
  })
})
