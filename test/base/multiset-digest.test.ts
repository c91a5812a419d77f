/** The digest of lines in no order against sums in bigint. */

import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MultisetDigest } from '#tieout/base/multiset-digest'

function digestOfAll(lines: readonly string[]): MultisetDigest {
  const digest = new MultisetDigest()
  for (const line of lines) digest.add(line)
  return digest
}

test('is the sum of the hashes, 256 bits of it, in any order and in any parts', () => {
  fc.assert(
    fc.property(fc.array(fc.string(), { maxLength: 40 }), fc.nat(), (lines, cut) => {
      const sum = lines.reduce(
        (total, line) => total + BigInt(`0x${createHash('sha256').update(line).digest('hex')}`),
        0n,
      )
      const whole = digestOfAll(lines)
      const text = BigInt.asUintN(256, sum).toString(16).padStart(64, '0')
      expect(whole.kept()).toEqual({ lines: lines.length, sum: text })
      expect(digestOfAll(lines.toReversed()).digest()).toBe(whole.digest())
      const place = cut % (lines.length + 1)
      const rest = new MultisetDigest(digestOfAll(lines.slice(0, place)).kept())
      for (const line of lines.slice(place)) rest.add(line)
      expect(rest.kept()).toEqual(whole.kept())
    }),
  )
})

test('tells how often a line is there', () => {
  const digests = [[], ['a'], ['a', 'a'], ['a', 'b'], ['b'], ['']].map((lines) => digestOfAll(lines).digest())
  expect(new Set(digests).size).toBe(digests.length)
})
