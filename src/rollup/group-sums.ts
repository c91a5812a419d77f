/**
 * Facts and amounts added up by group; room is made as groups appear. The exact amounts of a group stand side
 * by side after its facts, so that adding a row touches one or two lines of memory, and rows are added four
 * columns at a time, to two groupings in one loop, because reading the amounts is what takes the time.
 *
 * Raises nothing.
 */

import { type Decimal, decimal } from '../base/decimal.js'
import type { AmountColumn, Block, Units } from '../engines/frame.js'

export interface Sums {
  readonly facts: number
  /** By amount column of the frame. */
  readonly amounts: readonly Decimal[]
}

/** Exact columns are added this many at a time. */
const TOGETHER = 4

export class GroupSums {
  /** Numbers of a group: its facts, then the exact columns, made up to a multiple of four. */
  readonly width: number
  /** Frame columns by their place; the places that make up the multiple repeat a column and are not read. */
  readonly exactColumns: readonly number[]
  private numbers: Float64Array
  private readonly big: ReadonlyMap<number, bigint[]>

  constructor(
    private readonly amounts: readonly AmountColumn[],
    groups: number,
  ) {
    const exact = amounts.flatMap(({ range }, column) => (range === 'exact' ? [column] : []))
    const places = Math.ceil(exact.length / TOGETHER) * TOGETHER
    this.exactColumns = Array.from({ length: places }, (_, place) => exact[place] ?? exact[0]!)
    this.width = 1 + places
    this.numbers = new Float64Array(groups * this.width)
    const others = amounts.flatMap(({ range }, column) => (range === 'exact' ? [] : [column]))
    this.big = new Map(others.map((column) => [column, new Array<bigint>(groups).fill(0n)]))
  }

  /** Makes room for so many groups. */
  reserve(groups: number): void {
    const size = groups * this.width
    if (size <= this.numbers.length) return
    const length = Math.max(size, this.numbers.length * 2)
    const wider = new Float64Array(length)
    wider.set(this.numbers)
    this.numbers = wider
    for (const sums of this.big.values()) while (sums.length * this.width < length) sums.push(0n)
  }

  /** Adds every row of the block to its group here and to its group there; both have the same columns. */
  addWith(groups: Int32Array, other: GroupSums, otherGroups: Int32Array, block: Block): void {
    const { rows, counts } = block
    const { width } = this
    if (this.exactColumns.length === 0) {
      addFacts(this.numbers, groups, counts, rows)
      addFacts(other.numbers, otherGroups, counts, rows)
    }
    for (let place = 0; place < this.exactColumns.length; place += TOGETHER) {
      const [a, b, c, d] = this.fourColumns(block, place)
      const at = place + 1
      if (place === 0)
        addFirst(this.numbers, groups, other.numbers, otherGroups, width, counts, a, b, c, d, rows)
      else addNext(this.numbers, groups, other.numbers, otherGroups, width, at, a, b, c, d, rows)
    }
    for (const [column, sums] of this.big) {
      const units = block.amounts[column] as readonly bigint[]
      const others = other.big.get(column)!
      for (let row = 0; row < rows; row++) {
        sums[groups[row]!]! += units[row]!
        others[otherGroups[row]!]! += units[row]!
      }
    }
  }

  /** Adds the first `length` of the chosen rows, each to the group beside it. */
  addChosen(chosen: Int32Array, groups: Int32Array, length: number, block: Block): void {
    const { width, numbers } = this
    const { counts } = block
    for (let i = 0; i < length; i++) numbers[groups[i]! * width]! += counts === null ? 1 : counts[chosen[i]!]!
    for (let place = 0; place < this.exactColumns.length; place += TOGETHER) {
      const [a, b, c, d] = this.fourColumns(block, place)
      addChosenRows(numbers, groups, width, place + 1, chosen, a, b, c, d, length)
    }
    for (const [column, sums] of this.big) {
      const units = block.amounts[column] as readonly bigint[]
      for (let i = 0; i < length; i++) sums[groups[i]!]! += units[chosen[i]!]!
    }
  }

  facts(group: number): number {
    return this.numbers[group * this.width]!
  }

  private at(column: number, group: number): number | bigint {
    const sums = this.big.get(column)
    return sums === undefined
      ? this.numbers[group * this.width + 1 + this.exactColumns.indexOf(column)]!
      : sums[group]!
  }

  /** Units of one amount column, group by group from `from`, every `step`. */
  units(column: number, groups: number, from = 0, step = 1): Units {
    const sums = this.big.get(column)
    if (sums !== undefined) return Array.from({ length: groups }, (_, i) => sums[from + i * step]!)
    const place = 1 + this.exactColumns.indexOf(column)
    const units = new Float64Array(groups)
    for (let i = 0; i < groups; i++) units[i] = this.numbers[(from + i * step) * this.width + place]!
    return units
  }

  /** Facts and units of some groups, in their order: columns of a block. */
  chosen(groups: Int32Array): { readonly counts: Float64Array; readonly amounts: readonly Units[] } {
    const place = (at: number): Float64Array => {
      const numbers = new Float64Array(groups.length)
      for (let i = 0; i < groups.length; i++) numbers[i] = this.numbers[groups[i]! * this.width + at]!
      return numbers
    }
    const amounts = this.amounts.map((_, column) => {
      const sums = this.big.get(column)
      return sums === undefined
        ? place(1 + this.exactColumns.indexOf(column))
        : Array.from(groups, (group) => sums[group]!)
    })
    return { counts: place(0), amounts }
  }

  of(group: number): Sums {
    return {
      facts: this.facts(group),
      amounts: this.amounts.map(({ scale }, column) => decimal(BigInt(this.at(column, group)), scale)),
    }
  }

  private fourColumns(block: Block, place: number) {
    const column = (i: number) => block.amounts[this.exactColumns[place + i]!] as Float64Array
    return [column(0), column(1), column(2), column(3)] as const
  }
}

/** The amount at a position of a column of units. */
export function decimalAt(units: Units, position: number, scale: number): Decimal {
  return decimal(BigInt(units[position]!), scale)
}

/** Facts alone, where a frame has no exact amounts: a group is one number wide. */
function addFacts(sums: Float64Array, groups: Int32Array, counts: Float64Array | null, rows: number): void {
  for (let row = 0; row < rows; row++) sums[groups[row]!]! += counts === null ? 1 : counts[row]!
}

function addFirst(
  sums: Float64Array,
  groups: Int32Array,
  others: Float64Array,
  otherGroups: Int32Array,
  width: number,
  counts: Float64Array | null,
  a: Float64Array,
  b: Float64Array,
  c: Float64Array,
  d: Float64Array,
  rows: number,
): void {
  for (let row = 0; row < rows; row++) {
    const facts = counts === null ? 1 : counts[row]!
    const at = groups[row]! * width
    const other = otherGroups[row]! * width
    const ra = a[row]!
    const rb = b[row]!
    const rc = c[row]!
    const rd = d[row]!
    sums[at]! += facts
    sums[at + 1]! += ra
    sums[at + 2]! += rb
    sums[at + 3]! += rc
    sums[at + 4]! += rd
    others[other]! += facts
    others[other + 1]! += ra
    others[other + 2]! += rb
    others[other + 3]! += rc
    others[other + 4]! += rd
  }
}

function addNext(
  sums: Float64Array,
  groups: Int32Array,
  others: Float64Array,
  otherGroups: Int32Array,
  width: number,
  place: number,
  a: Float64Array,
  b: Float64Array,
  c: Float64Array,
  d: Float64Array,
  rows: number,
): void {
  for (let row = 0; row < rows; row++) {
    const at = groups[row]! * width + place
    const other = otherGroups[row]! * width + place
    const ra = a[row]!
    const rb = b[row]!
    const rc = c[row]!
    const rd = d[row]!
    sums[at]! += ra
    sums[at + 1]! += rb
    sums[at + 2]! += rc
    sums[at + 3]! += rd
    others[other]! += ra
    others[other + 1]! += rb
    others[other + 2]! += rc
    others[other + 3]! += rd
  }
}

function addChosenRows(
  sums: Float64Array,
  groups: Int32Array,
  width: number,
  place: number,
  chosen: Int32Array,
  a: Float64Array,
  b: Float64Array,
  c: Float64Array,
  d: Float64Array,
  length: number,
): void {
  for (let i = 0; i < length; i++) {
    const at = groups[i]! * width + place
    const row = chosen[i]!
    sums[at]! += a[row]!
    sums[at + 1]! += b[row]!
    sums[at + 2]! += c[row]!
    sums[at + 3]! += d[row]!
  }
}
