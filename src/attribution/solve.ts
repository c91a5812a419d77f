/**
 * The exact solution of the equations of a chain, without fractions on the way: the system is solved modulo a prime,
 * the solution is lifted to a high power of the prime digit by digit (Dixon), and the fraction is the only one of its
 * size with these digits. Numbers stay whole and below 2^53 throughout; only the last steps are bigints.
 *
 * Why it is right: each total is at least the sum of the counts beside it, so the determinant is at most the product
 * of the totals, and the solution is a probability, so its numerator is at most that too. Raises nothing.
 *
 * Source: J. D. Dixon, Exact solution of linear equations using p-adic expansions, 1982.
 */

import { type Fraction, fraction } from '../base/fraction.js'
import type { Equation } from './certain-states.js'

const ZERO = fraction(0n)

/** Primes below 2^21, 2^16 and 2^11: products of two, and their sums over a block, stay below 2^53. */
const PRIMES: readonly (readonly [prime: number, largestTotal: number])[] = [
  [2097143, 2 ** 30],
  [2097133, 2 ** 30],
  [2097131, 2 ** 30],
  [65521, 2 ** 35],
  [65519, 2 ** 35],
  [2039, 2 ** 41],
  [2029, 2 ** 41],
  [2027, 2 ** 41],
  [2017, 2 ** 41],
]

/** The value of the first unknown. */
export function solveFirst(equations: readonly Equation[]): Fraction {
  if (equations.length === 0) return ZERO
  const largest = Math.max(...equations.map(({ total }) => total))
  for (const [prime, largestTotal] of PRIMES) {
    if (largest > largestTotal) continue
    const factors = factorize(equations, prime)
    if (factors !== undefined) return lift(equations, factors, prime)
  }
  throw new Error('the equations of a chain have no solution modulo any of the primes')
}

interface Factors {
  readonly n: number
  /** Rows of L below the diagonal and of U above it; L has ones on its diagonal. */
  readonly rows: Float64Array
  /** Inverses of the diagonal of U. */
  readonly pivots: Float64Array
}

/** Sums of this many products of two remainders are below 2^53. */
const BLOCK = 2048

/** LU modulo the prime without exchanges; undefined when a pivot is 0 modulo the prime, which another prime mends. */
function factorize(equations: readonly Equation[], prime: number): Factors | undefined {
  const n = equations.length
  const rows = new Float64Array(n * n)
  // Columns of U beside its rows, so that both sides of every sum lie in a line.
  const columns = new Float64Array(n * n)
  const pivots = new Float64Array(n)
  equations.forEach(({ total, next }, i) => {
    rows[i * n + i] = total % prime
    for (const [j, count] of next) {
      const place = i * n + j
      rows[place] = (((rows[place]! - count) % prime) + prime) % prime
    }
  })
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      const place = i * n + j
      const value = (rows[place]! + prime - dot(rows, i * n, columns, j * n, Math.min(i, j), prime)) % prime
      rows[place] = j < i ? (value * pivots[j]!) % prime : value
      if (j >= i) columns[j * n + i] = rows[place]!
    }
    const pivot = rows[i * n + i]!
    if (pivot === 0) return undefined
    pivots[i] = inverse(pivot, prime)
  }
  return { n, rows, pivots }
}

function dot(
  a: Float64Array,
  from: number,
  b: Float64Array,
  at: number,
  count: number,
  prime: number,
): number {
  let whole = 0
  for (let begin = 0; begin < count; begin += BLOCK) {
    const end = Math.min(count, begin + BLOCK)
    let sum = 0
    for (let k = begin; k < end; k++) sum += a[from + k]! * b[at + k]!
    whole += sum % prime
  }
  return whole % prime
}

/** By Fermat. */
function inverse(value: number, prime: number): number {
  let result = 1
  let power = value
  for (let exponent = prime - 2; exponent > 0; exponent = Math.floor(exponent / 2)) {
    if (exponent % 2 === 1) result = (result * power) % prime
    power = (power * power) % prime
  }
  return result
}

/** Writes the solution modulo the prime of the right-hand side into `solution`. */
function solveModulo(
  { n, rows, pivots }: Factors,
  right: Float64Array,
  prime: number,
  solution: Float64Array,
): void {
  for (let i = 0; i < n; i++) {
    const value = right[i]! % prime
    solution[i] = (value + 2 * prime - dot(rows, i * n, solution, 0, i, prime)) % prime
  }
  for (let i = n - 1; i >= 0; i--) {
    const known = dot(rows, i * n + i + 1, solution, i + 1, n - i - 1, prime)
    solution[i] = (((solution[i]! + prime - known) % prime) * pivots[i]!) % prime
  }
}

function lift(equations: readonly Equation[], factors: Factors, prime: number): Fraction {
  let bound = 1n
  for (const { total } of equations) bound *= BigInt(total)
  const needed = 2n * bound * bound
  const right = Float64Array.from(equations, ({ conversions }) => conversions)
  const solution = new Float64Array(equations.length)
  const digits: bigint[] = []
  const neededBits = needed.toString(16).length * 4
  for (let bits = 0; bits <= neededBits; bits += Math.log2(prime)) {
    solveModulo(factors, right, prime, solution)
    digits.push(BigInt(solution[0]!))
    equations.forEach(({ total, next }, i) => {
      let rest = right[i]! - total * solution[i]!
      for (const [j, count] of next) rest += count * solution[j]!
      right[i] = rest / prime
    })
  }
  const [value, modulus] = joined(digits, BigInt(prime))
  return reconstruct(value, modulus, bound)
}

/** Σ digit · prime^place and prime^count, by halves. */
function joined(digits: readonly bigint[], prime: bigint): [value: bigint, modulus: bigint] {
  if (digits.length === 1) return [digits[0]!, prime]
  const half = digits.length >> 1
  const [low, lowModulus] = joined(digits.slice(0, half), prime)
  const [high, highModulus] = joined(digits.slice(half), prime)
  return [low + high * lowModulus, lowModulus * highModulus]
}

/** The only fraction with numerator and denominator up to the bound that is `value` modulo `modulus`, which is > 2 · bound². */
function reconstruct(value: bigint, modulus: bigint, bound: bigint): Fraction {
  let [before, rest] = [modulus, value]
  let [factorBefore, factor] = [0n, 1n]
  while (rest > bound) {
    const quotient = before / rest
    ;[before, rest] = [rest, before - quotient * rest]
    ;[factorBefore, factor] = [factor, factorBefore - quotient * factor]
  }
  return fraction(rest, factor)
}
