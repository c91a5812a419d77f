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

import { canonicalDecimal, parseDecimal } from '../base/decimal.js'
import { type Digest, digestOf } from '../base/digest.js'
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
  /** Of the set of rows, whatever their order, the engine that held them or the scale they were typed with. */
  readonly digest: Digest
}

/** Memory of the columns in bytes; dictionaries and big amounts are estimated at 16 bytes a value. */
export function frameBytes(frame: Frame): number {
  const perRow =
    frame.coded.length * 4 + frame.amounts.reduce((sum, a) => sum + (a.range === 'exact' ? 8 : 16), 0)
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

/**
 * The digest of a set of rows: each row is hashed to 64 bits, the hashes are added (so order does not
 * matter), and the sum is digested with the row count and the columns. It tells accidental differences apart;
 * it is no seal against someone who can choose the facts, which is what the append-only tables are for.
 */
export function digestOfFacts(
  coded: readonly CodedColumn[],
  amounts: readonly AmountColumn[],
  blocks: readonly Block[],
): Digest {
  const lanes = [hashRows(coded, amounts, blocks, 0x9e3779b1), hashRows(coded, amounts, blocks, 0x85ebca6b)]
  return digestOf({
    columns: coded.map(({ name, type }) => [name, type]),
    amounts: amounts.map(({ name }) => name),
    rows: blocks.reduce((sum, block) => sum + block.rows, 0),
    hash: lanes,
  })
}

function hashRows(
  coded: readonly CodedColumn[],
  amounts: readonly AmountColumn[],
  blocks: readonly Block[],
  seed: number,
): number {
  const valueHashes = coded.map(({ dictionary, type }, column) =>
    Int32Array.from(dictionary, (text) => hashText(canonicalText(text, type), seed + column)),
  )
  const surplus = amounts.map((amount, column) => amount.scale - leastScale(amount, column, blocks))
  let total = 0
  const rowHash = new Int32Array(BLOCK_ROWS)
  for (const block of blocks) {
    rowHash.fill(seed)
    block.codes.forEach((codes, column) => {
      const hashes = valueHashes[column]!
      for (let row = 0; row < block.rows; row++) rowHash[row] = mix(rowHash[row]!, hashes[codes[row]!]!)
    })
    block.amounts.forEach((units, column) => {
      hashUnits(units, surplus[column]!, block.rows, rowHash)
    })
    for (let row = 0; row < block.rows; row++) total = (total + finish(rowHash[row]!)) | 0
  }
  return total
}

/** Every amount without its `surplus` last digits, which are zeros. */
function hashUnits(units: Units, surplus: number, rows: number, rowHash: Int32Array): void {
  if (units instanceof Float64Array) {
    const divisor = 10 ** surplus
    for (let row = 0; row < rows; row++) {
      // A column of zeros may have more surplus digits than a double can hold.
      const value = units[row] === 0 ? 0 : units[row]! / divisor
      rowHash[row] = mix(mix(rowHash[row]!, value | 0), Math.floor(value / 4294967296) | 0)
    }
    return
  }
  const divisor = 10n ** BigInt(surplus)
  for (let row = 0; row < rows; row++) {
    let value = units[row]! / divisor
    let hash = mix(rowHash[row]!, Number(BigInt.asIntN(32, value)))
    value >>= 32n
    hash = mix(hash, Number(BigInt.asIntN(32, value)))
    // Beyond 64 bits every further part counts, and the sign: what fits 64 bits hashes as a double would.
    if (value < -0x80000000n || value > 0x7fffffffn) {
      for (value >>= 32n; value !== 0n && value !== -1n; value >>= 32n)
        hash = mix(hash, Number(BigInt.asIntN(32, value)))
      hash = mix(hash, value === 0n ? 1 : 2)
    }
    rowHash[row] = hash
  }
}

/** Numbers hash by what they are: 1.50 and 1.5 are one. */
function canonicalText(text: string | null, type: ColumnType): string | null {
  const number = text !== null && type === 'numeric' ? parseDecimal(text) : undefined
  return number === undefined ? text : canonicalDecimal(number)
}

/** The smallest scale that holds every amount, so that 1.50 and 1.5 digest alike. */
function leastScale(amount: AmountColumn, column: number, blocks: readonly Block[]): number {
  let scale = amount.scale
  while (
    scale > 0 &&
    blocks.every((block) => allDivisible(block.amounts[column]!, block.rows, amount.scale - scale + 1))
  )
    scale -= 1
  return scale
}

function allDivisible(units: Units, rows: number, digits: number): boolean {
  if (units instanceof Float64Array) {
    const divisor = 10 ** digits
    for (let row = 0; row < rows; row++) if (units[row]! % divisor !== 0) return false
  } else {
    const divisor = 10n ** BigInt(digits)
    for (let row = 0; row < rows; row++) if (units[row]! % divisor !== 0n) return false
  }
  return true
}

function hashText(text: string | null, seed: number): number {
  if (text === null) return mix(seed, 0x5bd1e995)
  let hash = seed
  for (let i = 0; i < text.length; i++) hash = mix(hash, text.charCodeAt(i))
  return mix(hash, text.length)
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
