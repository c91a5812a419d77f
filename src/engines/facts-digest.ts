/**
 * The digest of the facts in a frame, which is the same however the frame was read: in any order, by any
 * engine, at any scale, in rows of single facts or in tuples that an engine has grouped.
 *
 * It covers what a roll-up can see and no more: for every distinct combination of the coded columns, how many
 * facts there are and the sum of each amount. Two facts of one combination that become three with the same
 * sum change it (their number did); an amount moved from one to the other does not.
 *
 * How: in a field of p elements every value of a column is given an element T, every amount column an element
 * R. A row adds Π T · (R₀ · facts + Σ R · amount), where an amount of `scale` digits is its units times
 * 10^-scale, the inverse in the field. That is linear in counts and amounts, so rows of one combination add
 * up to their tuple; and a polynomial in T and R whose coefficients are exactly those counts and sums, so
 * different content gives different sums but for about (columns + 1) / p of all choices of T and R. Three
 * fields make that less than one in 2^50. It tells accidental differences apart; it is no seal against someone
 * who can choose the facts, which is what the append-only tables are for. Raises nothing.
 */

import { canonicalDecimal, parseDecimal } from '../base/decimal.js'
import { type Digest, digestOf } from '../base/digest.js'
import type { AmountColumn, Block, CodedColumn } from './frame.js'
import type { ColumnType } from './source.js'

/** The largest primes below 2^21: products of two stay exact in a double, also 2^11 of them added up. */
const PRIMES = [2_097_143, 2_097_133, 2_097_131] as const
const SEEDS = [0x9e3779b1, 0x85ebca6b, 0xc2b2ae35] as const

/** Rows at a time: as many products of two elements as a double can add up exactly. */
const STRIP = 2048

/** The units of a row may be so large together: times an element they stay below 2^52. */
const LARGEST = 2 ** 31
/** Larger ones are taken in two halves, of which five together are no larger. */
const HALF = 2 ** 28

/** Values of several columns share one table while it has no more entries than this. */
const TABLE_ENTRIES = 1 << 15

export function digestOfFacts(
  coded: readonly CodedColumn[],
  amounts: readonly AmountColumn[],
  blocks: readonly Block[],
): Digest {
  const rows = blocks.reduce((sum, block) => sum + block.rows, 0)
  const sums = new FactSums(coded, amounts, rows)
  for (const block of blocks) sums.add(block)
  return digestOf({
    columns: coded.map(({ name, type }) => [name, type]),
    amounts: amounts.map(({ name }) => name),
    facts: sums.facts,
    sums: sums.totals,
  })
}

/** An element of each of the three fields. */
type Lanes = readonly [number, number, number]

/** Columns whose codes make one index into a table of the products of their elements. */
interface Factor {
  readonly columns: readonly { readonly column: number; readonly radix: number }[]
  readonly table: Table
}

/** Elements by index: those of the three fields side by side, so that they are found together, and a gap. */
type Table = Int32Array

class FactSums {
  readonly totals: [number, number, number] = [0, 0, 0]
  facts = 0
  private readonly factors: readonly Factor[]
  private readonly perFact = elementsOf('facts')
  private readonly perUnit: readonly Lanes[]
  private readonly index = new Int32Array(STRIP)
  /** Of each field, Π T of the rows of a strip. */
  private readonly products = eachLane(() => new Float64Array(STRIP))
  private readonly halves = Array.from({ length: TOGETHER }, () => new Float64Array(STRIP))
  private readonly ones = new Float64Array(STRIP).fill(1)
  private readonly zeros = new Float64Array(STRIP)

  constructor(coded: readonly CodedColumn[], amounts: readonly AmountColumn[], rows: number) {
    this.factors = factorsOf(coded, Math.min(TABLE_ENTRIES, 4 * rows))
    this.perUnit = amounts.map(({ name, scale }) => {
      const elements = elementsOf(`amount ${name}`)
      return eachLane((lane, prime) =>
        times(elements[lane], power(power(10, prime - 2, prime), scale, prime), prime),
      )
    })
  }

  add({ rows, counts, codes, amounts }: Block): void {
    this.facts += counts === null ? rows : sumOf(counts, rows)
    for (let from = 0; from < rows; from += STRIP) {
      const to = Math.min(from + STRIP, rows)
      this.multiplyCodes(codes.map((column) => column.subarray(from, to)))
      const facts = counts === null ? this.ones.subarray(0, to - from) : counts.subarray(from, to)
      const columns: Column[] = [{ units: facts, per: this.perFact }]
      amounts.forEach((units, column) => {
        const per = this.perUnit[column]!
        if (units instanceof Float64Array) columns.push({ units: units.subarray(from, to), per })
        else this.addBig(units, per, from, to)
      })
      for (let first = 0; first < columns.length; first += TOGETHER)
        this.addColumns(columns.slice(first, first + TOGETHER), to - from)
    }
  }

  private multiplyCodes(codes: readonly Int32Array[]): void {
    const { products, factors } = this
    if (factors.length === 0) for (const product of products) product.fill(1)
    factors.forEach(({ columns, table }, factor) => {
      const index = this.indexOf(columns, codes)
      if (factor === 0) lookUp(products, table, index)
      else multiply(products, table, index)
    })
  }

  private indexOf(columns: Factor['columns'], codes: readonly Int32Array[]): Int32Array {
    const first = codes[columns[0]!.column]!
    if (columns.length === 1) return first
    const index = this.index.subarray(0, first.length)
    index.set(first)
    for (const { column, radix } of columns.slice(1)) combine(index, codes[column]!, radix)
    return index
  }

  private addColumns(columns: readonly Column[], rows: number): void {
    const [a, b = this.none, c = this.none, d = this.none, e = this.none] = columns as [Column, ...Column[]]
    const sums = sumOfProducts(this.products, [a, b, c, d, e], rows)
    if (sums !== undefined) {
      for (const lane of LANES) this.totals[lane] = (this.totals[lane] + sums[lane]) % PRIMES[lane]
      return
    }
    this.addColumns(
      columns.map(({ units, per }, i) => ({ units: lowHalf(units, this.halves[i]!), per })),
      rows,
    )
    this.addColumns(
      columns.map(({ units, per }, i) => ({
        units: highHalf(units, this.halves[i]!),
        per: eachLane((lane, prime) => times(per[lane], HALF % prime, prime)),
      })),
      rows,
    )
  }

  private addBig(units: readonly bigint[], per: Lanes, from: number, to: number): void {
    for (const lane of LANES) {
      const prime = BigInt(PRIMES[lane])
      const reduced = this.halves[0]!.subarray(0, to - from)
      for (let row = from; row < to; row++) reduced[row - from] = Number(units[row]! % prime)
      const only = eachLane((other) => (other === lane ? per[lane] : 0))
      this.addColumns([{ units: reduced, per: only }], to - from)
    }
  }

  private get none(): Column {
    return { units: this.zeros, per: NO_LANES }
  }
}

/** Whole numbers of a strip, and the element each of them is times. */
interface Column {
  readonly units: Float64Array
  readonly per: Lanes
}

/** Columns that one pass takes: the number of facts and four amounts. */
const TOGETHER = 5

function sumOf(counts: Float64Array, rows: number): number {
  let sum = 0
  for (let row = 0; row < rows; row++) sum += counts[row]!
  return sum
}

function lowHalf(units: Float64Array, into: Float64Array): Float64Array {
  for (let row = 0; row < units.length; row++) into[row] = units[row]! - Math.floor(units[row]! / HALF) * HALF
  return into
}

function highHalf(units: Float64Array, into: Float64Array): Float64Array {
  for (let row = 0; row < units.length; row++) into[row] = Math.floor(units[row]! / HALF)
  return into
}

const LANES = [0, 1, 2] as const
type Lane = (typeof LANES)[number]
const NO_LANES: Lanes = [0, 0, 0]
const eachLane = <T>(make: (lane: Lane, prime: number) => T): readonly [T, T, T] => [
  make(0, PRIMES[0]),
  make(1, PRIMES[1]),
  make(2, PRIMES[2]),
]

/**
 * x − p · ⌊x / p⌋ for |x| ≤ 2^52. The quotient is rounded, so that next to a multiple of p the remainder may be
 * −1, p or p + 1: whatever it is, it stands for the same element.
 */
const remainder = (x: number, prime: number, inverse: number): number => x - Math.floor(x * inverse) * prime

type Products = readonly [Float64Array, Float64Array, Float64Array]

function lookUp([x, y, z]: Products, table: Table, index: Int32Array): void {
  for (let row = 0; row < index.length; row++) {
    const at = index[row]! << 2
    x[row] = table[at]!
    y[row] = table[at + 1]!
    z[row] = table[at + 2]!
  }
}

function multiply([x, y, z]: Products, table: Table, index: Int32Array): void {
  const [p, q, r] = PRIMES
  const [onP, onQ, onR] = [1 / p, 1 / q, 1 / r]
  for (let row = 0; row < index.length; row++) {
    const at = index[row]! << 2
    x[row] = remainder(x[row]! * table[at]!, p, onP)
    y[row] = remainder(y[row]! * table[at + 1]!, q, onQ)
    z[row] = remainder(z[row]! * table[at + 2]!, r, onR)
  }
}

function combine(index: Int32Array, codes: Int32Array, radix: number): void {
  for (let row = 0; row < index.length; row++) index[row] = Math.imul(index[row]!, radix) + codes[row]!
}

/** Of each field, Σ product · (Σ element · unit) over the rows; undefined when a row's units are too large. */
function sumOfProducts(
  [x, y, z]: Products,
  [a, b, c, d, e]: readonly [Column, Column, Column, Column, Column],
  rows: number,
): [number, number, number] | undefined {
  const [u, v, w, s, t] = [a.units, b.units, c.units, d.units, e.units]
  const [ax, ay, az] = a.per
  const [bx, by, bz] = b.per
  const [cx, cy, cz] = c.per
  const [dx, dy, dz] = d.per
  const [ex, ey, ez] = e.per
  const [p, q, r] = PRIMES
  const [onP, onQ, onR] = [1 / p, 1 / q, 1 / r]
  let largest = 0
  let sumX = 0
  let sumY = 0
  let sumZ = 0
  for (let row = 0; row < rows; row++) {
    const i = u[row]!
    const j = v[row]!
    const k = w[row]!
    const l = s[row]!
    const m = t[row]!
    const size = Math.abs(i) + Math.abs(j) + Math.abs(k) + Math.abs(l) + Math.abs(m)
    if (size > largest) largest = size
    sumX += x[row]! * remainder(ax * i + bx * j + cx * k + dx * l + ex * m, p, onP)
    sumY += y[row]! * remainder(ay * i + by * j + cy * k + dy * l + ey * m, q, onQ)
    sumZ += z[row]! * remainder(az * i + bz * j + cz * k + dz * l + ez * m, r, onR)
  }
  if (largest > LARGEST) return undefined
  return [positive(sumX, p), positive(sumY, q), positive(sumZ, r)]
}

const positive = (sum: number, prime: number): number => ((sum % prime) + prime) % prime

/** Columns share a table of products as long as it stays small; those of few values come first, to share one. */
function factorsOf(coded: readonly CodedColumn[], entries: number): Factor[] {
  const factors: { columns: { column: number; radix: number }[]; table: Table }[] = []
  const order = coded.map((_, column) => column)
  order.sort((a, b) => coded[a]!.dictionary.length - coded[b]!.dictionary.length)
  for (const column of order) {
    const table = tableOf(coded[column]!)
    const radix = table.length / 4
    const last = factors.at(-1)
    if (last === undefined || (last.table.length / 4) * radix > entries)
      factors.push({ columns: [{ column, radix }], table })
    else {
      last.columns.push({ column, radix })
      last.table = outerProduct(last.table, table)
    }
  }
  return factors
}

function outerProduct(first: Table, second: Table): Table {
  const product = new Int32Array((first.length / 4) * second.length)
  for (let i = 0; i < first.length; i += 4)
    for (let j = 0; j < second.length; j += 4)
      for (const lane of LANES)
        product[(i / 4) * second.length + j + lane] = times(first[i + lane]!, second[j + lane]!, PRIMES[lane])
  return product
}

/** The element of each value of the column, by code. */
function tableOf({ name, type, dictionary }: CodedColumn): Table {
  const table = new Int32Array(dictionary.length * 4)
  const seeds = SEEDS.map((seed) => hashText(name, seed))
  dictionary.forEach((value, code) => {
    const text = canonicalText(value, type)
    for (const lane of LANES) table[code * 4 + lane] = elementOf(hashText(text, seeds[lane]!), PRIMES[lane])
  })
  return table
}

/** Numbers hash by what they are: 1.50 and 1.5 are one. */
function canonicalText(text: string | null, type: ColumnType): string | null {
  const number = text !== null && type === 'numeric' ? parseDecimal(text) : undefined
  return number === undefined ? text : canonicalDecimal(number)
}

const elementsOf = (what: string): Lanes =>
  eachLane((lane, prime) => elementOf(hashText(what, SEEDS[lane]), prime))

/** An element that is not zero. */
const elementOf = (hash: number, prime: number): number => ((hash >>> 0) % (prime - 1)) + 1

const times = (a: number, b: number, prime: number): number => (a * b) % prime

function power(base: number, exponent: number, prime: number): number {
  let result = 1
  let square = base
  for (let rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = times(result, square, prime)
    square = times(square, square, prime)
  }
  return result
}

function hashText(text: string | null, seed: number): number {
  if (text === null) return finish(mix(seed, 0x5bd1e995))
  let hash = seed
  for (let i = 0; i < text.length; i++) hash = mix(hash, text.charCodeAt(i))
  return finish(mix(hash, text.length))
}

const mix = (hash: number, value: number): number => {
  const k = Math.imul(value, 0xcc9e2d51)
  const h = hash ^ Math.imul((k << 15) | (k >>> 17), 0x1b873593)
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0
}

const finish = (hash: number): number => {
  let h = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
