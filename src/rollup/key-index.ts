/**
 * Numbers the distinct combinations of several small codes, in order of first appearance. Combinations are
 * packed into one key by mixed radix; where the product of the radices is small the number is looked up in a
 * table, else in an open-addressing hash; where it would leave the whole numbers of a double, the key so far
 * is numbered first. Raises nothing.
 */

/** Tables up to this many keys are cheaper than hashing. */
const DENSE = 1 << 22

export class KeyIndex {
  private readonly stages: readonly Stage[]
  private readonly parts: Int32Array[]

  /** `radices[i]` bounds the codes of part i; `rows` bounds how many combinations there can be. */
  constructor(
    readonly radices: readonly number[],
    rows: number,
  ) {
    const stages: Stage[] = []
    let bound = 1
    let from = 0
    radices.forEach((radix, part) => {
      if (bound * radix > Number.MAX_SAFE_INTEGER) {
        stages.push({ from, to: part, numbers: numbering(bound) })
        bound = Math.max(1, rows)
        from = part
      }
      bound *= radix
    })
    this.stages = [...stages, { from, to: radices.length, numbers: numbering(bound) }]
    this.parts = radices.map(() => new Int32Array(1024))
  }

  get size(): number {
    return this.stages.at(-1)!.numbers.size
  }

  /** The code of one part by combination. */
  part(index: number): Int32Array {
    return this.parts[index]!
  }

  /** The number of each row's combination; an undefined part is 0 in every row. */
  indices(parts: readonly (Int32Array | undefined)[], rows: number): Int32Array {
    const keys = new Float64Array(rows)
    const numbers = new Int32Array(rows)
    for (const { from, to, numbers: numbering } of this.stages) {
      for (let part = from; part < to; part++) {
        const codes = parts[part]
        const radix = this.radices[part]!
        if (codes === undefined) for (let row = 0; row < rows; row++) keys[row]! *= radix
        else for (let row = 0; row < rows; row++) keys[row] = keys[row]! * radix + codes[row]!
      }
      for (let row = 0; row < rows; row++) numbers[row] = numbering.numberOf(keys[row]!)
      keys.set(numbers)
    }
    this.remember(parts, numbers, rows)
    return numbers
  }

  private known = 0

  private remember(parts: readonly (Int32Array | undefined)[], numbers: Int32Array, rows: number): void {
    if (this.size === this.known) return
    while (this.parts[0]!.length < this.size) {
      this.parts.forEach((codes, i) => {
        const wider = new Int32Array(codes.length * 2)
        wider.set(codes)
        this.parts[i] = wider
      })
    }
    // Numbers are given in order, so a row whose number is the next unknown one is the first of its kind.
    for (let row = 0; row < rows && this.known < this.size; row++) {
      if (numbers[row] !== this.known) continue
      parts.forEach((codes, part) => {
        this.parts[part]![this.known] = codes === undefined ? 0 : codes[row]!
      })
      this.known += 1
    }
  }
}

/** A part of a key that is a sum: what each code adds to it. */
export interface KeyPart {
  readonly codes: Int32Array
  readonly share: Int32Array
}

/** Of each row, the sum of what its codes add: the key of a combination where each has a place in a small table. */
export function addShares(parts: readonly KeyPart[], rows: number, out: Int32Array): void {
  const [a, b, c, d, ...others] = parts
  if (a === undefined) out.fill(0, 0, rows)
  else if (b === undefined) shareOfOne(a, rows, out)
  else if (c === undefined) shareOfTwo(a, b, rows, out)
  else if (d === undefined) shareOfThree(a, b, c, rows, out)
  else shareOfFour(a, b, c, d, rows, out)
  for (const other of others) addShare(other, rows, out)
}

function shareOfOne({ codes, share }: KeyPart, rows: number, out: Int32Array): void {
  for (let row = 0; row < rows; row++) out[row] = share[codes[row]!]!
}

function addShare({ codes, share }: KeyPart, rows: number, out: Int32Array): void {
  for (let row = 0; row < rows; row++) out[row]! += share[codes[row]!]!
}

function shareOfTwo(
  { codes: a, share: ofA }: KeyPart,
  { codes: b, share: ofB }: KeyPart,
  rows: number,
  out: Int32Array,
): void {
  for (let row = 0; row < rows; row++) out[row] = ofA[a[row]!]! + ofB[b[row]!]!
}

function shareOfThree(
  { codes: a, share: ofA }: KeyPart,
  { codes: b, share: ofB }: KeyPart,
  { codes: c, share: ofC }: KeyPart,
  rows: number,
  out: Int32Array,
): void {
  for (let row = 0; row < rows; row++) out[row] = ofA[a[row]!]! + ofB[b[row]!]! + ofC[c[row]!]!
}

function shareOfFour(
  { codes: a, share: ofA }: KeyPart,
  { codes: b, share: ofB }: KeyPart,
  { codes: c, share: ofC }: KeyPart,
  { codes: d, share: ofD }: KeyPart,
  rows: number,
  out: Int32Array,
): void {
  for (let row = 0; row < rows; row++)
    out[row] = ofA[a[row]!]! + ofB[b[row]!]! + ofC[c[row]!]! + ofD[d[row]!]!
}

interface Stage {
  readonly from: number
  readonly to: number
  readonly numbers: Numbering
}

interface Numbering {
  readonly size: number
  numberOf(key: number): number
}

const numbering = (bound: number): Numbering =>
  bound <= DENSE ? new DenseNumbering(bound) : new HashNumbering()

class DenseNumbering implements Numbering {
  size = 0
  private readonly numbers: Int32Array

  constructor(bound: number) {
    this.numbers = new Int32Array(bound)
  }

  numberOf(key: number): number {
    const known = this.numbers[key]!
    if (known !== 0) return known - 1
    this.size += 1
    this.numbers[key] = this.size
    return this.size - 1
  }
}

class HashNumbering implements Numbering {
  size = 0
  private slots = new Int32Array(1 << 16)
  private keys = new Float64Array(1 << 15)

  numberOf(key: number): number {
    const mask = this.slots.length - 1
    let slot = hash(key) & mask
    for (;;) {
      const known = this.slots[slot]!
      if (known === 0) break
      if (this.keys[known - 1] === key) return known - 1
      slot = (slot + 1) & mask
    }
    if (this.size === this.keys.length) {
      this.grow()
      return this.numberOf(key)
    }
    this.keys[this.size] = key
    this.size += 1
    this.slots[slot] = this.size
    return this.size - 1
  }

  private grow(): void {
    const keys = new Float64Array(this.keys.length * 2)
    keys.set(this.keys)
    this.keys = keys
    this.slots = new Int32Array(this.slots.length * 2)
    const mask = this.slots.length - 1
    for (let i = 0; i < this.size; i++) {
      let slot = hash(keys[i]!) & mask
      while (this.slots[slot] !== 0) slot = (slot + 1) & mask
      this.slots[slot] = i + 1
    }
  }
}

const hash = (key: number): number => {
  let h = Math.imul(key | 0, 0x9e3779b1) ^ Math.imul((key / 4294967296) | 0, 0x85ebca6b)
  h ^= h >>> 15
  h = Math.imul(h, 0x2c1b3c6d)
  return h ^ (h >>> 13)
}
