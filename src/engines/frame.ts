/**
 * A frame: the facts of one source as columns in memory, read once and never changed. Dimensions are coded
 * against a dictionary, amounts are whole units at the column's scale. Rows are held in blocks so that a
 * frame grows without copying. A row is a fact, or a tuple of facts that an engine has grouped already; what
 * reads a frame cannot tell.
 *
 * The exact range: an amount column is kept in a Float64Array while Σ|units| ≤ 2^53 − 1, so that no sum of
 * any subset of its rows can leave the whole numbers a double holds exactly; beyond that it is kept as
 * bigint. Calculations read the same either way. Raises nothing.
 */

import type { Digest } from '../base/digest.js'
import type { ColumnType } from './source.js'

export const BLOCK_ROWS = 65_536

/** Units of an amount column: whole numbers in doubles inside the exact range, bigint beyond it. */
export type Units = Float64Array | readonly bigint[]

export interface Block {
  readonly rows: number
  /** Facts behind each row, where rows are grouped; null: each row is one fact. May be longer than `rows`. */
  readonly counts: Float64Array | null
  /** One per coded column: index into its dictionary. May be longer than `rows`. */
  readonly codes: readonly Int32Array[]
  /** One per amount column. May be longer than `rows`. Nulls are 0. */
  readonly amounts: readonly Units[]
}

export interface CodedColumn {
  readonly name: string
  readonly type: ColumnType
  /** The value in its text form by code; code 0 is the null. */
  readonly dictionary: readonly (string | null)[]
}

export interface AmountColumn {
  readonly name: string
  /** Digits after the point of one unit. */
  readonly scale: number
  readonly range: 'exact' | 'big'
}

export interface Frame {
  readonly coded: readonly CodedColumn[]
  readonly amounts: readonly AmountColumn[]
  readonly blocks: readonly Block[]
  readonly rows: number
  /** Facts behind the rows: as many as rows unless they are grouped. */
  readonly facts: number
  /** Of the facts (see facts-digest.ts), whatever their order, engine, scale or grouping. */
  readonly digest: Digest
}

/** Memory of the columns in bytes; dictionaries and big amounts are estimated at 16 bytes a value. */
export function frameBytes(frame: Frame): number {
  const counts = frame.blocks.some((block) => block.counts !== null) ? 8 : 0
  const perRow =
    counts +
    frame.coded.length * 4 +
    frame.amounts.reduce((sum, a) => sum + (a.range === 'exact' ? 8 : 16), 0)
  return frame.rows * perRow + frame.coded.reduce((sum, c) => sum + c.dictionary.length * 16, 0)
}

export function codedIndex(frame: Frame, name: string): number {
  const index = frame.coded.findIndex((column) => column.name === name)
  if (index < 0) throw new Error(`the frame was read without the column ${name}`)
  return index
}

export function amountIndex(frame: Frame, name: string): number {
  const index = frame.amounts.findIndex((column) => column.name === name)
  if (index < 0) throw new Error(`the frame was read without the amounts of ${name}`)
  return index
}
