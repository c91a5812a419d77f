import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { KeyIndex } from '#tieout/rollup/key-index'

const MAX_CODE = 2 ** 31 - 1

/** The same with a Map: combinations numbered in order of first appearance. */
function check(radices: readonly number[], rows: readonly (readonly number[])[], blockSize: number): void {
  const index = new KeyIndex(radices, rows.length)
  const known = new Map<string, number>()
  for (let from = 0; from < rows.length; from += blockSize) {
    const block = rows.slice(from, from + blockSize)
    const parts = radices.map((_, part) => {
      const codes = Int32Array.from(block, (row) => row[part]!)
      return codes.some((code) => code !== 0) ? codes : undefined // undefined is 0 in every row
    })
    const expected = block.map((row) => {
      const key = row.join()
      if (!known.has(key)) known.set(key, known.size)
      return known.get(key)!
    })
    expect([...index.indices(parts, block.length)]).toEqual(expected)
  }
  expect(index.size).toBe(known.size)
  for (const [key, number] of known)
    expect(radices.map((_, part) => index.part(part)[number]).join()).toBe(key)
}

const combinations = (radices: readonly number[]) =>
  fc.array(fc.tuple(...radices.map((radix) => fc.oneof(fc.nat(radix - 1), fc.constantFrom(0, radix - 1)))), {
    maxLength: 40,
  })

describe('combinations are numbered as by a Map', () => {
  test.each<[string, number[]]>([
    ['small', [3, 2, 4]],
    ['one part', [5]],
    ['radices of one', [1, 1, 3, 1]],
    // 2^22 keys are the most that are looked up in a table
    ['the last dense product', [2048, 2048]],
    ['the first hashed product', [2048, 2049]],
    ['a product of exactly 2^53', [2 ** 30, 2 ** 23]],
    ['2^53 − 1', [9007199254740991 / 6361 / 69431, 6361, 69431].map(Math.floor)],
    ['far beyond 2^53', [MAX_CODE, MAX_CODE, MAX_CODE]],
    ['beyond it again and again', [MAX_CODE, 7, MAX_CODE, MAX_CODE, 3, MAX_CODE, MAX_CODE]],
    ['two hundred parts of two classes', Array.from({ length: 200 }, () => 2)],
  ])('%s', (_, radices) => {
    fc.assert(
      fc.property(combinations(radices), fc.integer({ min: 1, max: 40 }), (rows, blockSize) =>
        check(radices, rows, blockSize),
      ),
      { numRuns: 20 },
    )
  })

  test('100,000 combinations grow the hash', { tags: ['long'] }, () => {
    const rows = Array.from({ length: 100_000 }, (_, i) => [(i * 7919) % 100_003, i % 1000])
    check([100_003, 1_000_000], [...rows, ...rows.slice(0, 5000)], 65_536)
  })

  test('no rows', () => check([3, 3], [], 1))
})
