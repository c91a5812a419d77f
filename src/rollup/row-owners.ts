/**
 * Which node each fact belongs to: the first driver column whose value is bound decides, and what no binding
 * claims is unassigned. Facts that a later column claims for another node are counted. Raises nothing.
 */

import { canonicalDecimal, type Decimal, decimal, parseDecimal } from '../base/decimal.js'
import { type Block, codedIndex, type Frame } from '../engines/frame.js'
import type { ColumnType } from '../engines/source.js'
import type { Bindings } from './bindings.js'

/** Facts that two driver columns claim for different nodes. */
export interface Overlap {
  /** The column that won. */
  readonly column: string
  readonly other: string
  readonly rows: number
  /** By amount column of the frame. */
  readonly amounts: readonly Decimal[]
}

interface Claim {
  /** Of the frame. */
  readonly column: number
  /** The node each code is bound to; -1 where none is. */
  readonly nodeOf: Int32Array
}

interface CountedOverlap {
  readonly winner: number
  readonly other: number
  rows: number
  readonly units: bigint[]
}

export class RowOwners {
  private readonly claims: readonly Claim[]
  private readonly counted = new Map<string, CountedOverlap>()

  constructor(
    private readonly frame: Frame,
    private readonly bindings: Bindings,
    private readonly unassigned: number,
  ) {
    this.claims = bindings.columns.map((column) => claimOf(frame, bindings, column))
  }

  /** The node of each row of the block. */
  of(block: Block): Int32Array {
    const owners = new Int32Array(block.rows).fill(-1)
    this.claims.forEach(({ column, nodeOf }, rank) => {
      const codes = block.codes[column]!
      for (let row = 0; row < block.rows; row++) {
        const node = nodeOf[codes[row]!]!
        if (node < 0) continue
        const owner = owners[row]!
        if (owner < 0) owners[row] = node
        else if (owner !== node) this.count(block, row, rank)
      }
    })
    for (let row = 0; row < block.rows; row++) if (owners[row]! < 0) owners[row] = this.unassigned
    return owners
  }

  overlaps(): Overlap[] {
    return [...this.counted.values()].map(({ winner, other, rows, units }) => ({
      column: this.bindings.columns[winner]!,
      other: this.bindings.columns[other]!,
      rows,
      amounts: units.map((sum, i) => decimal(sum, this.frame.amounts[i]!.scale)),
    }))
  }

  private count(block: Block, row: number, other: number): void {
    const winner = this.claims.findIndex(({ column, nodeOf }) => nodeOf[block.codes[column]![row]!]! >= 0)
    const key = `${winner}:${other}`
    const counted = this.counted.get(key) ?? {
      winner,
      other,
      rows: 0,
      units: this.frame.amounts.map(() => 0n),
    }
    counted.rows += block.counts === null ? 1 : block.counts[row]!
    block.amounts.forEach((units, i) => {
      counted.units[i]! += BigInt(units[row]!)
    })
    this.counted.set(key, counted)
  }
}

function claimOf(frame: Frame, { bindings }: Bindings, name: string): Claim {
  const column = codedIndex(frame, name)
  const { dictionary, type } = frame.coded[column]!
  const bound = bindings.filter((binding) => binding.column === name)
  const nodes = new Map(bound.map(({ value, node }) => [canonicalValue(value, type), node]))
  const nodeOf = Int32Array.from(dictionary, (text) =>
    text === null ? -1 : (nodes.get(canonicalValue(text, type)) ?? -1),
  )
  return { column, nodeOf }
}

/** Values of numeric columns compare as numbers: 1.50 and 1.5 are one. */
export function canonicalValue(text: string, type: ColumnType): string {
  const number = type === 'numeric' ? parseDecimal(text) : undefined
  return number === undefined ? text : canonicalDecimal(number)
}
