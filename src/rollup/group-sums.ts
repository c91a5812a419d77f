/** Facts and amounts added up by group; room is made as groups appear. Raises nothing. */

import type { AmountColumn, Block, Units } from '../engines/frame.js'

export class GroupSums {
  facts: Float64Array
  private readonly sums: (Float64Array | bigint[])[]

  constructor(
    private readonly amounts: readonly AmountColumn[],
    size: number,
  ) {
    this.facts = new Float64Array(size)
    this.sums = amounts.map(({ range }) =>
      range === 'exact' ? new Float64Array(size) : new Array<bigint>(size).fill(0n),
    )
  }

  /** Adds each row of the block to its group. */
  add(groups: Int32Array, block: Block): void {
    const { counts } = block
    for (let row = 0; row < block.rows; row++) this.facts[groups[row]!]! += counts === null ? 1 : counts[row]!
    block.amounts.forEach((units, column) => {
      const sums = this.sums[column]!
      if (units instanceof Float64Array) addExact(sums as Float64Array, groups, units, block.rows)
      else addBig(sums as bigint[], groups, units, block.rows)
    })
  }

  reserve(size: number): void {
    if (size <= this.facts.length) return
    const length = Math.max(size, this.facts.length * 2)
    this.facts = widened(this.facts, length)
    this.amounts.forEach(({ range }, column) => {
      const sums = this.sums[column]!
      if (range === 'exact') this.sums[column] = widened(sums as Float64Array, length)
      else while (sums.length < length) (sums as bigint[]).push(0n)
    })
  }

  /** Units of one amount column over several groups. */
  total(column: number, groups: readonly number[]): bigint {
    const sums = this.sums[column]!
    if (sums instanceof Float64Array) {
      let sum = 0
      for (const group of groups) sum += sums[group]!
      return BigInt(sum)
    }
    let sum = 0n
    for (const group of groups) sum += sums[group]!
    return sum
  }
}

function widened(from: Float64Array, length: number): Float64Array {
  const to = new Float64Array(length)
  to.set(from)
  return to
}

function addExact(sums: Float64Array, groups: Int32Array, units: Float64Array, rows: number): void {
  for (let row = 0; row < rows; row++) sums[groups[row]!]! += units[row]!
}

function addBig(sums: bigint[], groups: Int32Array, units: Units, rows: number): void {
  for (let row = 0; row < rows; row++) sums[groups[row]!]! += (units as readonly bigint[])[row]!
}
