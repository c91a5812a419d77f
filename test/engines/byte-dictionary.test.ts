import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteDictionary } from '#tieout/engines/byte-dictionary'

/** Codes of the values in order, each from the middle of a longer buffer. */
function codes(dictionary: ByteDictionary, values: readonly string[]): number[] {
  return values.map((value) => {
    const bytes = Buffer.from(`<${value}>`, 'utf8')
    return dictionary.codeOf(bytes, 1, bytes.length - 1)
  })
}

/** The same with a Map: code 0 is the null, others in order of first appearance. */
function expected(values: readonly string[]): { codes: number[]; texts: (string | null)[] } {
  const known = new Map<string, number>()
  const found = values.map((value) => {
    if (!known.has(value)) known.set(value, known.size + 1)
    return known.get(value)!
  })
  return { codes: found, texts: [null, ...known.keys()] }
}

function check(values: readonly string[]): void {
  const dictionary = new ByteDictionary()
  const map = expected(values)
  expect(codes(dictionary, values)).toEqual(map.codes)
  expect(dictionary.texts()).toEqual(map.texts)
  expect(dictionary.size).toBe(map.texts.length)
}

test.each([
  [[]],
  [['']],
  [['', '', 'a', '']],
  [['a', 'aa', 'a', 'aaa']],
  [['B1', 'B2', 'B1', 'B1', 'B2']],
  [['é', 'e\u0301', '🦄', '日本', '\0']],
  [['x'.repeat(20_000), 'y', 'x'.repeat(20_000), 'x'.repeat(19_999)]],
])('%#', (values) => check(values))

test('agrees with a Map', () => {
  const value = fc.oneof(
    fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 4 }),
    fc.string({ unit: 'grapheme', maxLength: 6 }),
  )
  fc.assert(fc.property(fc.array(value, { maxLength: 60 }), check))
})

test.each([510, 511, 512, 513, 514, 1023, 1025, 20_000])('grows past %i values', (count) => {
  const values = Array.from({ length: count }, (_, i) => `value ${(i * 7919) % count}`)
  check([...values, ...values.reverse()])
})
