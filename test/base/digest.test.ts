import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Canonical, canonicalText, digestOf, digestOfBytes, RowDigest } from '#tieout/base/digest'

describe('the canonical text', () => {
  test.each<[Canonical, string]>([
    [null, 'n'],
    [true, 't'],
    [false, 'f'],
    [12, 'i12;'],
    [-1, 'i-1;'],
    ['ab', 's2:ab'],
    ['', 's0:'],
    [[], 'a0:'],
    [{}, 'o0:'],
    [['a', 1], 'a2:s1:ai1;'],
    [{ b: null, a: 'x' }, 'o2:s1:as1:xs1:bn'],
    [{ a: undefined, b: 1 }, 'o1:s1:bi1;'],
  ])('%j is %s', (value, text) => expect(canonicalText(value)).toBe(text))

  test.each([0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])('%d must go in as decimal text', (value) =>
    expect(() => canonicalText(value)).toThrow(RangeError),
  )
})

test('known digests, so that another machine can be told from a changed encoding', () => {
  // printf 'n\0' | sha256sum (UTF-16, little end first); printf '' | sha256sum
  expect(digestOf(null)).toBe('sha256:481daf8515fdae90077119892b048315b0360444bdf88df302520322541847aa')
  expect(digestOfBytes(new Uint8Array())).toBe(
    'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  )
})

const wellFormed = fc.string({ unit: 'grapheme-composite', maxLength: 5 })
const content: fc.Arbitrary<Canonical> = fc.letrec<{ value: Canonical }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    wellFormed,
    fc.constantFrom('', 's1:a', 'n', 'i1;', 'a2:', '1', 'é', 'e\u0301'),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(wellFormed, tie('value'), { maxKeys: 3, noNullPrototype: true }),
  ),
})).value

/** Equal as content: key order and −0 apart. */
const plain = (value: Canonical): string =>
  JSON.stringify(value, (_, member: unknown) =>
    member !== null && typeof member === 'object' && !Array.isArray(member)
      ? { keys: Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)) }
      : member,
  )

test('distinct contents never share an encoding, and equal ones always do', () => {
  fc.assert(
    fc.property(content, content, (a, b) => {
      expect(canonicalText(a) === canonicalText(b)).toBe(plain(a) === plain(b))
    }),
    { numRuns: 3000 },
  )
})

test('neighbours in a list never run into each other', () => {
  fc.assert(
    fc.property(fc.array(wellFormed, { maxLength: 4 }), fc.array(wellFormed, { maxLength: 4 }), (a, b) => {
      const rows = (list: readonly string[]) => {
        const digest = new RowDigest()
        for (const row of list) digest.add(row)
        return digest.end()
      }
      const equal = JSON.stringify(a) === JSON.stringify(b)
      expect(digestOf(a) === digestOf(b)).toBe(equal)
      expect(rows(a) === rows(b)).toBe(equal)
    }),
  )
})

test('the order of keys does not matter', () => {
  expect(digestOf({ a: 1, b: [{ c: 'x', d: null }] })).toBe(digestOf({ b: [{ d: null, c: 'x' }], a: 1 }))
})

test('rows digest alike however many are pending', () => {
  const many = Array.from({ length: 2500 }, (_, i) => ['row', i] as const)
  const [whole, same] = [new RowDigest(), new RowDigest()]
  for (const row of many) whole.add(row)
  for (const row of many) same.add([...row])
  expect(whole.end()).toBe(same.end())
})

test('half a surrogate pair and the replacement character are two texts', () => {
  expect(digestOf('\ud800')).not.toBe(digestOf('\ufffd'))
})

test('rows as the last member of a list, as if they had been there at once', () => {
  fc.assert(
    fc.property(fc.array(content, { maxLength: 3 }), fc.array(content, { maxLength: 5 }), (after, rows) => {
      const digest = new RowDigest({ after, rows: rows.length })
      for (const row of rows) digest.add(row)
      expect(digest.end()).toBe(digestOf([...after, rows]))
    }),
  )
})
