import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { atomicTests, compileTest, evaluate } from '#tieout/language/evaluate'
import { compileLike } from '#tieout/language/like'
import { bindPredicate, type ColumnType, type Predicate, parsePredicate } from '#tieout/language/predicate'
import * as any from './arbitraries.js'

const TYPES = new Map<string, ColumnType>([
  ['t', 'text'],
  ['n', 'numeric'],
  ['d', 'date'],
  ['b', 'boolean'],
])

const bound = (text: string): Predicate => {
  const parsed = parsePredicate(text)
  const result = parsed.ok ? bindPredicate(parsed.predicate, TYPES, parsed) : parsed
  if (!result.ok) throw new Error(JSON.stringify(result.problems))
  return result.predicate
}

type Row = Readonly<Record<string, string | null>>
const holds = (text: string, row: Row): boolean =>
  evaluate(bound(text), (column) => row[column] ?? null, TYPES)

describe('a predicate on one fact', () => {
  const FACT = { t: 'CORE', n: '1.50', d: '2025-12-24', b: 'true' }
  const EMPTY = { t: null, n: null, d: null, b: null }
  test.each<[string, boolean, boolean]>([
    // predicate, on the fact, on a fact whose columns are all null
    ["t = 'CORE'", true, false],
    ["t = 'core'", false, false],
    ["t != 'CORE'", false, false],
    ["not t != 'CORE'", true, true],
    ["not t = 'CORE'", false, true],
    ["t in ('A', 'CORE')", true, false],
    ["t not in ('A')", true, false],
    ["not t in ('A')", true, true],
    ["t like 'C%'", true, false],
    ["t not like 'C%'", false, true],
    ["t between 'CO' and 'D'", true, false],
    ["t < 'D' and t > 'B' and t >= 'CORE' and t <= 'CORE'", true, false],
    ['n = 1.5', true, false],
    ['n in (1.500)', true, false],
    ['n not in (1.5)', false, false],
    ['n < 10', true, false],
    ['n > -2', true, false],
    ['n between 1.49 and 1.51', true, false],
    ['n between 2 and 1', false, false],
    ["d = date '2025-12-24'", true, false],
    ["d < date '2026-01-01'", true, false],
    ['b = true', true, false],
    ['b > false', true, false],
    ['b != true', false, false],
    ['t is null', false, true],
    ['t is not null', true, false],
    ["t = 'X' or n > 1 and d is not null", true, false],
  ])('%s', (text, onFact, onEmpty) => {
    expect([holds(text, FACT), holds(text, EMPTY)]).toEqual([onFact, onEmpty])
  })

  test('numbers compare beyond the digits of a double', () => {
    expect(holds('n = 9007199254740993', { n: '9007199254740992' })).toBe(false)
    expect(holds('n > 0.1', { n: '0.1000000000000000000000000001' })).toBe(true)
  })

  test('text compares by code point: the unicorn is after the last of the basic plane', () => {
    expect(holds("t > '\uffff'", { t: '🦄' })).toBe(true)
  })

  test('what was not bound is a bug of the caller', () => {
    expect(() => compileTest({ op: 'eq', column: 't', value: { number: '1' } }, 'text')).toThrow(RangeError)
    expect(() => evaluate({ op: 'is_null', column: 'x' }, () => null, TYPES)).toThrow(RangeError)
    expect(() => compileTest({ op: 'eq', column: 'n', value: { number: '1' } }, 'numeric')('NaN')).toThrow(
      RangeError,
    )
  })

  test('atomic tests are listed in the order of the text, each occurrence by itself', () => {
    const predicate = bound("t = 'a' and not (n > 1 or t = 'a') or b is null")
    const tests = atomicTests(predicate)
    expect(tests.map(({ op, column }) => `${op} ${column}`)).toEqual(['eq t', 'gt n', 'eq t', 'is_null b'])
    expect(new Set(tests).size).toBe(4)
  })
})

/** The same meaning written a second time: small whole numbers and a handful of letters, so JS may compare. */
function oracle(predicate: Predicate, row: Row): boolean {
  if (predicate.op === 'not') return !oracle(predicate.arg, row)
  if ('args' in predicate) {
    const results = predicate.args.map((arg) => oracle(arg, row))
    return predicate.op === 'and' ? !results.includes(false) : results.includes(true)
  }
  const text = row[predicate.column] ?? null
  if (predicate.op === 'is_null') return text === null
  if (text === null) return false
  if (predicate.op === 'like') return likeOracle(text, predicate.pattern)
  const of = (value: unknown): string | number => (predicate.column === 'n' ? Number(value) : String(value))
  const value = of(text)
  const literal = (l: object): string | number => of(Object.values(l)[0])
  switch (predicate.op) {
    case 'in':
      return predicate.values.some((l) => literal(l) === value)
    case 'not_in':
      return predicate.values.every((l) => literal(l) !== value)
    case 'between':
      return literal(predicate.low) <= value && value <= literal(predicate.high)
    case 'eq':
      return value === literal(predicate.value)
    case 'ne':
      return value !== literal(predicate.value)
    case 'lt':
      return value < literal(predicate.value)
    case 'lte':
      return value <= literal(predicate.value)
    case 'gt':
      return value > literal(predicate.value)
    case 'gte':
      return value >= literal(predicate.value)
  }
}

/** `like` by its definition. */
function likeOracle(text: string, pattern: string): boolean {
  if (pattern === '') return text === ''
  const [head, ...tail] = [...pattern]
  const rest = tail.join('')
  const characters = [...text]
  const after = characters.slice(1).join('')
  if (head === '%') return likeOracle(text, rest) || (text !== '' && likeOracle(after, pattern))
  if (head === '_') return text !== '' && likeOracle(after, rest)
  if (head === '\\' && tail.length > 0)
    return characters[0] === tail[0] && likeOracle(after, tail.slice(1).join(''))
  return characters[0] === head && likeOracle(after, rest)
}

const VALUES: Readonly<Record<string, fc.Arbitrary<string>>> = {
  t: fc.string({ unit: fc.constantFrom('a', 'b', '%'), maxLength: 3 }),
  n: fc.constantFrom('-2', '-1', '0', '0.0', '1', '1.0', '1.50', '2'),
  d: fc.constantFrom('2025-01-01', '2025-12-24', '2026-01-01'),
  b: fc.constantFrom('true', 'false'),
}
const LITERALS = {
  t: VALUES.t!.map((text) => ({ text })),
  n: VALUES.n!.map((number) => ({ number })),
  d: VALUES.d!.map((date) => ({ date })),
  b: VALUES.b!.map((text) => ({ boolean: text === 'true' })),
}
const tests: fc.Arbitrary<Predicate> = fc.constantFrom('t', 'n', 'd', 'b').chain((column) => {
  const literal = LITERALS[column] as fc.Arbitrary<{ text: string }>
  const same = fc.constant(column)
  return fc.oneof(
    fc.record({ op: fc.constantFrom('eq', 'ne', 'lt', 'lte', 'gt', 'gte'), column: same, value: literal }),
    fc.record({
      op: fc.constantFrom('in', 'not_in'),
      column: same,
      values: fc.array(literal, { minLength: 1, maxLength: 3 }),
    }),
    fc.record({ op: fc.constant('between' as const), column: same, low: literal, high: literal }),
    fc.record({ op: fc.constant('is_null' as const), column: same }),
    fc.record({
      op: fc.constant('like' as const),
      column: fc.constant('t'),
      pattern: fc.string({ unit: fc.constantFrom('a', 'b', '%', '_'), maxLength: 4 }),
    }),
  )
})
const rows = fc.record({
  t: fc.option(VALUES.t!),
  n: fc.option(VALUES.n!),
  d: fc.option(VALUES.d!),
  b: fc.option(VALUES.b!),
})

test('every predicate holds for the facts the oracle says, also after its text', () => {
  fc.assert(
    fc.property(any.predicateOver(tests), rows, (predicate, row) => {
      const expected = oracle(predicate, row)
      const read = (column: string): string | null => row[column as 't'] ?? null
      expect(evaluate(predicate, read, TYPES)).toBe(expected)
      const result = bindPredicate(predicate, TYPES)
      expect(result.ok && evaluate(result.predicate, read, TYPES)).toBe(expected)
    }),
    { numRuns: 2000 },
  )
})

describe('like', () => {
  test.each([
    ['CORE', 'CORE', true],
    ['CORE', 'core', false],
    ['SWAP COMMISSION', '%COMM%', true],
    ['', '%', true],
    ['', '_', false],
    ['🦄', '_', true],
    ['50%', '50\\%', true],
    ['505', '50\\%', false],
    ['a\\b', 'a\\\\b', true],
    ['a.c', 'a.c', true],
    ['abc', 'a.c', false],
    ['line\nbreak', 'line%break', true],
  ])('%j like %j: %s', (text, pattern, expected) => expect(compileLike(pattern)(text)).toBe(expected))

  test('agrees with its definition', () => {
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '%', '_', '\\', '🦄'), maxLength: 8 })
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '%', '_', '\\', '🦄'), maxLength: 8 })
    fc.assert(
      fc.property(text, pattern, (t, p) => void expect(compileLike(p)(t)).toBe(likeOracle(t, p))),
      { numRuns: 5000 },
    )
  })

  test('a pattern that is exponential for a regular expression is not for this', () => {
    expect(compileLike(`${'%a'.repeat(50)}%b`)('a'.repeat(20_000))).toBe(false)
  })
})
