import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  add,
  canonicalDecimal,
  compareDecimals,
  type Decimal,
  decimal,
  divide,
  equalDecimals,
  formatDecimal,
  MAX_DIGITS,
  multiply,
  negate,
  normalize,
  parseDecimal,
  pow10,
  type Rounding,
  rescale,
  subtract,
  withScaleAtLeast,
} from '#tieout/base/decimal'

const read = (text: string): Decimal => {
  const value = parseDecimal(text)
  if (value === undefined) throw new Error(`${text} is no decimal`)
  return value
}

describe('text of a decimal', () => {
  test.each([
    // as written, as printed (the scale is kept), as digested
    ['0', '0', '0'],
    ['-0', '0', '0'],
    ['-0.00', '0.00', '0'],
    ['12.50', '12.50', '12.5'],
    ['-1234.5600', '-1234.5600', '-1234.56'],
    ['.5', '0.5', '0.5'],
    ['-.5', '-0.5', '-0.5'],
    ['+3', '3', '3'],
    ['+.05', '0.05', '0.05'],
    ['5.', '5', '5'],
    ['007', '7', '7'],
    ['-0.007', '-0.007', '-0.007'],
    ['100', '100', '100'],
    ['9007199254740993.1', '9007199254740993.1', '9007199254740993.1'],
  ])('%s', (text, printed, canonical) => {
    expect([formatDecimal(read(text)), canonicalDecimal(read(text))]).toEqual([printed, canonical])
  })

  test.each([
    '',
    '.',
    '-',
    '+',
    '1e5',
    '1,5',
    '1 000',
    ' 1',
    '1\n',
    '(100)',
    'NaN',
    'Infinity',
    '0x1',
    '1.2.3',
    '--1',
    '٣',
  ])('%j is no decimal', (text) => expect(parseDecimal(text)).toBeUndefined())

  test('a number of more than a thousand characters is no amount', () => {
    expect(parseDecimal('9'.repeat(MAX_DIGITS))).toBeDefined()
    expect(parseDecimal('9'.repeat(MAX_DIGITS + 1))).toBeUndefined()
  })
})

describe('rounding to whole numbers', () => {
  test.each<[string, string, string, string]>([
    // number, half_even, half_up (a tie goes away from zero), down (towards zero)
    ['0.4', '0', '0', '0'],
    ['0.5', '0', '1', '0'],
    ['0.6', '1', '1', '0'],
    ['1.5', '2', '2', '1'],
    ['2.5', '2', '3', '2'],
    ['3.5', '4', '4', '3'],
    ['2.51', '3', '3', '2'],
    ['2.49', '2', '2', '2'],
    ['-0.5', '0', '-1', '0'],
    ['-1.5', '-2', '-2', '-1'],
    ['-2.5', '-2', '-3', '-2'],
    ['-2.51', '-3', '-3', '-2'],
    ['-2.4', '-2', '-2', '-2'],
    ['7', '7', '7', '7'],
  ])('%s → %s, %s, %s', (text, ...expected) => {
    const modes: Rounding[] = ['half_even', 'half_up', 'down']
    expect(modes.map((mode) => formatDecimal(rescale(read(text), 0, mode)))).toEqual(expected)
  })

  test.each<[string, string, number, string, string, string]>([
    // dividend, divisor, scale, half_even, half_up, down
    ['1', '3', 4, '0.3333', '0.3333', '0.3333'],
    ['2', '3', 4, '0.6667', '0.6667', '0.6666'],
    ['-2', '3', 4, '-0.6667', '-0.6667', '-0.6666'],
    ['2', '-3', 4, '-0.6667', '-0.6667', '-0.6666'],
    ['-2', '-3', 4, '0.6667', '0.6667', '0.6666'],
    ['1', '8', 2, '0.12', '0.13', '0.12'], // 0.125
    ['3', '8', 2, '0.38', '0.38', '0.37'], // 0.375
    ['-1', '8', 2, '-0.12', '-0.13', '-0.12'],
    ['1', '-8', 2, '-0.12', '-0.13', '-0.12'],
    ['0.005', '1', 2, '0.00', '0.01', '0.00'],
    ['1234.5678', '0.01', 0, '123457', '123457', '123456'], // 123456.78
  ])('%s ÷ %s to %i places', (a, b, scale, ...expected) => {
    const modes: Rounding[] = ['half_even', 'half_up', 'down']
    expect(modes.map((mode) => formatDecimal(divide(read(a), read(b), scale, mode)))).toEqual(expected)
  })

  test("a caller's bugs are errors", () => {
    expect(() => divide(read('1'), read('0.00'), 2, 'down')).toThrow(RangeError)
    expect(() => pow10(-1)).toThrow(RangeError)
  })
})

test.each([
  ['1.5', 2, '1.50'],
  ['1.500', 2, '1.50'],
  ['1.2345', 2, '1.2345'],
  ['0', 2, '0.00'],
  ['-3', 0, '-3'],
])('%s with at least %i places is %s', (text, scale, expected) =>
  expect(formatDecimal(withScaleAtLeast(read(text), scale))).toBe(expected),
)

/** A rational number of its own, sharing nothing with the module. */
interface Rational {
  readonly n: bigint
  readonly d: bigint
}
const rational = ({ units, scale }: Decimal): Rational => ({ n: units, d: 10n ** BigInt(scale) })
const same = (value: Decimal, { n, d }: Rational): boolean =>
  value.units * d === n * 10n ** BigInt(value.scale)

const decimals = fc
  .tuple(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), fc.integer({ min: 0, max: 20 }))
  .map(([units, scale]) => decimal(units, scale))

describe('arithmetic agrees with rationals of BigInts', () => {
  test('add, subtract, multiply, negate, compare', () => {
    fc.assert(
      fc.property(decimals, decimals, (a, b) => {
        const [x, y] = [rational(a), rational(b)]
        expect(same(add(a, b), { n: x.n * y.d + y.n * x.d, d: x.d * y.d })).toBe(true)
        expect(same(subtract(a, b), { n: x.n * y.d - y.n * x.d, d: x.d * y.d })).toBe(true)
        expect(same(multiply(a, b), { n: x.n * y.n, d: x.d * y.d })).toBe(true)
        expect(same(negate(a), { n: -x.n, d: x.d })).toBe(true)
        const difference = x.n * y.d - y.n * x.d
        expect(compareDecimals(a, b)).toBe(difference < 0n ? -1 : difference > 0n ? 1 : 0)
        expect(equalDecimals(a, b)).toBe(difference === 0n)
      }),
      { numRuns: 500 },
    )
  })

  test('the canonical text is the plain one without its last zeros, in and beyond what a double holds', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }),
        fc.nat(8),
        fc.nat(24),
        (units, zeros, scale) => {
          const value = decimal(units * 10n ** BigInt(zeros), scale)
          const plain = formatDecimal(value)
          const stripped = scale === 0 ? plain : plain.replace(/\.?0+$/, '')
          expect(canonicalDecimal(value)).toBe(stripped === '-0' ? '0' : stripped)
        },
      ),
      { numRuns: 1000 },
    )
  })

  test('printing and reading, and the canonical text, keep the number', () => {
    fc.assert(
      fc.property(decimals, fc.integer({ min: 0, max: 5 }), (value, zeros) => {
        expect(parseDecimal(formatDecimal(value))).toEqual(value)
        expect(same(normalize(value), rational(value))).toBe(true)
        const wider = decimal(value.units * 10n ** BigInt(zeros), value.scale + zeros)
        expect(canonicalDecimal(wider)).toBe(canonicalDecimal(value))
      }),
      { numRuns: 500 },
    )
  })
})

/** Long division as at school: digit by digit, then the rounding looks at what is left. */
function longDivision(a: Decimal, b: Decimal, scale: number, rounding: Rounding): string {
  const negative = a.units < 0n !== b.units < 0n
  const abs = (n: bigint): bigint => (n < 0n ? -n : n)
  const dividend = abs(a.units) * 10n ** BigInt(b.scale)
  const divisor = abs(b.units) * 10n ** BigInt(a.scale)
  let digits = ''
  let rest = 0n
  for (const digit of `${dividend}${'0'.repeat(scale)}`) {
    rest = rest * 10n + BigInt(digit)
    let times = 0
    while (rest >= divisor) {
      rest -= divisor
      times += 1
    }
    digits += times
  }
  const tie = rest * 2n === divisor
  const odd = '13579'.includes(digits.at(-1)!)
  const up =
    rounding === 'half_up'
      ? rest * 2n >= divisor
      : rounding === 'half_even' && (rest * 2n > divisor || (tie && odd))
  const units = BigInt(digits) + (up ? 1n : 0n)
  return formatDecimal(decimal(negative ? -units : units, scale))
}

test('division agrees with long division, in every rounding', () => {
  const small = fc
    .tuple(fc.bigInt({ min: -1000n, max: 1000n }), fc.integer({ min: 0, max: 3 }))
    .map(([units, scale]) => decimal(units, scale))
  const any = fc.oneof(small, decimals)
  fc.assert(
    fc.property(
      any,
      any.filter(({ units }) => units !== 0n),
      fc.integer({ min: 0, max: 15 }),
      fc.constantFrom<Rounding>('half_even', 'half_up', 'down'),
      (a, b, scale, rounding) => {
        expect(formatDecimal(divide(a, b, scale, rounding))).toBe(longDivision(a, b, scale, rounding))
      },
    ),
    { numRuns: 2000 },
  )
})
