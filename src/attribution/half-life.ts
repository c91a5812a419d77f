/**
 * Halving as whole numbers: ⌊2^62 · 2^(−age/halfLife)⌋, rounded down from the true value, in integer arithmetic alone,
 * so that every machine has the same bits. No Math.pow, no exp: those differ between engines. Raises nothing.
 *
 * The fraction of a half-life is cut into eight digits of twelve bits; each digit has a table of 2^(−digit/4096^k),
 * made of repeated integer square roots of 1/2. The product is off by a few units of 2^−96 at most; where that could
 * change the floor, which no double would have noticed, the same is done with more digits. It ends: 2 to a power that
 * is no whole number is irrational.
 */

/** A touch of age 0 weighs 2 to this power. */
export const HALVING_BITS = 62n

const DIGIT_BITS = 12n
const DIGIT = 1n << DIGIT_BITS
const MASK = DIGIT - 1n
const FIRST_DIGITS = 8n

interface Tables {
  readonly digits: bigint
  /** Bits behind the point of every entry. */
  readonly point: bigint
  /** By digit, from the most significant. */
  readonly entries: readonly (readonly bigint[])[]
}

function squareRoot(value: bigint): bigint {
  let guess = 1n << BigInt((value.toString(2).length >> 1) + 1)
  for (;;) {
    const next = (guess + value / guess) >> 1n
    if (next >= guess) return guess
    guess = next
  }
}

function makeTables(digits: bigint): Tables {
  // Guard bits keep the errors of all roots and products far below the last bit of the fraction.
  const point = digits * DIGIT_BITS + 32n
  const one = 1n << point
  const entries: bigint[][] = []
  let root = one >> 1n
  for (let digit = 0n; digit < digits; digit++) {
    const powers: bigint[] = []
    for (let bit = 0n; bit < DIGIT_BITS; bit++) {
      root = squareRoot(root << point)
      powers.unshift(root)
    }
    entries.push(productsOf(powers, one, point))
  }
  return { digits, point, entries }
}

/** Entry n: the product of the powers whose bits n has, lowest bit first. */
function productsOf(powers: readonly bigint[], one: bigint, point: bigint): bigint[] {
  const products = [one]
  for (const power of powers) {
    const size = products.length
    for (let i = 0; i < size; i++) products.push((products[i]! * power) >> point)
  }
  return products
}

const made = new Map<bigint, Tables>()
function tablesOf(digits: bigint): Tables {
  const known = made.get(digits) ?? makeTables(digits)
  made.set(digits, known)
  return known
}

/** The weight of a touch `age` before the newest one; 0 from 63 half-lives on. Both whole, halfLife > 0, age ≥ 0. */
export function halving(age: bigint, halfLife: bigint): bigint {
  const whole = age / halfLife
  const rest = age % halfLife
  if (rest === 0n) return whole > HALVING_BITS ? 0n : 1n << (HALVING_BITS - whole)
  if (whole >= HALVING_BITS) return 0n
  for (let digits = FIRST_DIGITS; ; digits *= 2n) {
    const found = floorWith(tablesOf(digits), whole, rest, halfLife)
    if (found !== undefined) return found
  }
}

/** The floor, when these tables are sure of it. */
function floorWith(
  { digits, point, entries }: Tables,
  whole: bigint,
  rest: bigint,
  halfLife: bigint,
): bigint | undefined {
  const bits = digits * DIGIT_BITS
  const exponent = (rest << bits) / halfLife
  let product = 1n << point
  for (let digit = 0n; digit < digits; digit++) {
    const value = (exponent >> (bits - (digit + 1n) * DIGIT_BITS)) & MASK
    if (value !== 0n) product = (product * entries[Number(digit)]![Number(value)]!) >> point
  }
  const shift = point - HALVING_BITS + whole
  // Cutting the exponent makes the product too large by at most 2^−bits; products and roots make it smaller by less.
  const error = 1n << (point - bits + 1n)
  const low = (product - error) >> shift
  return low === (product + error) >> shift ? low : undefined
}

const STEPS = 1024
const NEAR_TABLE = Float64Array.from({ length: STEPS }, (_, step) => {
  const { point, entries } = tablesOf(FIRST_DIGITS)
  // A step is a 1024th: the upper ten of the twelve bits of the first digit.
  return Number(entries[0]![step * Number(DIGIT / BigInt(STEPS))]!) / 2 ** Number(point)
})
const LN2_STEP = Math.LN2 / STEPS
const NEWEST = 2 ** Number(HALVING_BITS)

/**
 * The same in doubles, off by less than HALVING_ERROR of a newest weight, by additions and products alone, which IEEE
 * has the same on every machine. It only spares work: nothing is decided by it that its error could change.
 */
export function nearHalving(age: number, halfLife: number): number {
  const halvings = age / halfLife
  const whole = Math.floor(halvings)
  if (whole > Number(HALVING_BITS)) return 0
  const steps = (halvings - whole) * STEPS
  const step = Math.floor(steps)
  const x = (steps - step) * LN2_STEP
  const rest = 1 - x * (1 - (x / 2) * (1 - (x / 3) * (1 - x / 4)))
  return NEAR_TABLE[step]! * rest * NEWEST * 2 ** -whole
}

/** Of which the quotient age / halfLife takes most, since its whole part takes bits from its fraction. */
export const HALVING_ERROR = 2 ** -46
