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

/**
 * Every row has an owner code, and every owner code a node: with one driver column these are the codes of
 * that column as they stand in the frame, so that nothing need be written down row by row; with several they
 * are the nodes themselves.
 */
export class RowOwners {
  /** The node of each owner code. */
  readonly nodeOf: Int32Array
  private readonly claims: readonly Claim[]
  private readonly counted = new Map<string, CountedOverlap>()
  private written = new Int32Array(0)

  constructor(
    private readonly frame: Frame,
    private readonly bindings: Bindings,
    private readonly unassigned: number,
  ) {
    this.claims = bindings.columns.map((column) => claimOf(frame, bindings, column))
    this.nodeOf =
      this.claims.length === 1
        ? this.claims[0]!.nodeOf.map((node) => (node < 0 ? unassigned : node))
        : Int32Array.from({ length: unassigned + 1 }, (_, node) => node)
  }

  /** Driver columns, the one that wins first. */
  get columns(): readonly string[] {
    return this.bindings.columns
  }

  /** The owner code of each row of the block; good until the next block is asked for. */
  of(block: Block): Int32Array {
    const [first, ...others] = this.claims
    if (first !== undefined && others.length === 0) return block.codes[first.column]!
    if (this.written.length < block.rows) this.written = new Int32Array(block.rows)
    const owners = this.written.fill(-1)
    for (const { column, nodeOf } of this.claims) {
      const codes = block.codes[column]!
      for (let row = 0; row < block.rows; row++) if (owners[row]! < 0) owners[row] = nodeOf[codes[row]!]!
    }
    for (let row = 0; row < block.rows; row++) if (owners[row]! < 0) owners[row] = this.unassigned
    return owners
  }

  /** Counts the rows that a column claims though an earlier one has claimed them for another node. */
  countOverlaps(block: Block): void {
    if (this.claims.length < 2) return
    const owners = this.of(block)
    this.claims.forEach(({ column, nodeOf }, rank) => {
      if (rank === 0) return
      const codes = block.codes[column]!
      for (let row = 0; row < block.rows; row++) {
        const node = nodeOf[codes[row]!]!
        if (node >= 0 && node !== owners[row]) this.count(block, row, rank)
      }
    })
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
