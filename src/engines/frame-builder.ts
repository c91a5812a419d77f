/**
 * Builds a frame row by row from bytes. Fields are looked up in the dictionary and read as numbers straight
 * from the bytes they arrived in; a string is made only for a value not seen before.
 *
 * Raises TIE-2402 for an amount that is no finite plain decimal.
 */

import { refuse } from '../base/errors.js'
import { ByteDictionary } from './byte-dictionary.js'
import { digestOfFacts } from './facts-digest.js'
import { type AmountColumn, BLOCK_ROWS, type Block, type Frame, type Units } from './frame.js'
import type { FactColumn } from './source.js'

/** Doubles hold every whole number up to here. */
const EXACT = Number.MAX_SAFE_INTEGER
/** Fifteen digits always fit in the exact range. */
const FAST_DIGITS = 15

interface AmountState {
  readonly name: string
  scale: number
  /** Σ|units|: exact while inside the exact range, and past it never back inside. */
  magnitude: number
  range: 'exact' | 'big'
  units: (Float64Array | bigint[])[]
}

export class FrameBuilder {
  private readonly dictionaries: readonly ByteDictionary[]
  private readonly amounts: readonly AmountState[]
  private readonly codes: Int32Array[][] = []
  private readonly blockRows: number[] = []
  private block = -1
  private row = BLOCK_ROWS
  rows = 0

  constructor(
    private readonly source: string,
    private readonly coded: readonly FactColumn[],
    amounts: readonly string[],
  ) {
    this.dictionaries = coded.map(() => new ByteDictionary())
    this.amounts = amounts.map((name) => ({ name, scale: 0, magnitude: 0, range: 'exact', units: [] }))
  }

  beginRow(): void {
    this.row += 1
    if (this.row < BLOCK_ROWS) return
    this.row = 0
    this.block += 1
    this.codes.push(this.coded.map(() => new Int32Array(BLOCK_ROWS)))
    for (const amount of this.amounts) {
      amount.units.push(
        amount.range === 'exact' ? new Float64Array(BLOCK_ROWS) : new Array<bigint>(BLOCK_ROWS).fill(0n),
      )
    }
    this.blockRows.push(0)
  }

  endRow(): void {
    this.blockRows[this.block] = this.row + 1
    this.rows += 1
  }

  /** A null needs no call: code 0 and amount 0 are what a new row holds. */
  code(column: number, bytes: Uint8Array, start: number, end: number): void {
    this.codes[this.block]![column]![this.row] = this.dictionaries[column]!.codeOf(bytes, start, end)
  }

  /** Plain decimal text in bytes[start, end). */
  amount(column: number, bytes: Uint8Array, start: number, end: number): void {
    const state = this.amounts[column]!
    let value = 0
    let digits = 0
    let fraction = -1
    let at = start
    const negative = bytes[at] === 45
    if (negative || bytes[at] === 43) at += 1
    for (; at < end; at++) {
      const byte = bytes[at]!
      if (byte >= 48 && byte <= 57) {
        value = value * 10 + (byte - 48)
        digits += 1
        if (fraction >= 0) fraction += 1
      } else if (byte === 46 && fraction < 0) fraction = 0
      else this.refuseAmount(state, bytes, start, end)
    }
    if (digits === 0) this.refuseAmount(state, bytes, start, end)
    const scale = Math.max(fraction, 0)
    if (scale > state.scale) this.raiseScale(state, scale)
    if (scale < state.scale && value !== 0) value *= 10 ** (state.scale - scale)
    const magnitude = state.magnitude + value
    if (digits > FAST_DIGITS || state.range === 'big' || magnitude > EXACT) {
      this.addBig(state, bigUnits(bytes, start, end) * 10n ** BigInt(state.scale - scale))
      return
    }
    state.magnitude = magnitude
    // 0 - value rather than -value: a negative zero must not exist.
    ;(state.units[this.block] as Float64Array)[this.row] = negative ? 0 - value : value
  }

  finish(): Frame {
    const coded = this.coded.map((column, index) => ({
      ...column,
      dictionary: this.dictionaries[index]!.texts(),
    }))
    const amounts: AmountColumn[] = this.amounts.map(({ name, scale, range }) => ({ name, scale, range }))
    const blocks: Block[] = this.blockRows.map((rows, block) => ({
      rows,
      counts: null,
      codes: this.codes[block]!,
      amounts: this.amounts.map((amount) => amount.units[block] as Units),
    }))
    return {
      coded,
      amounts,
      blocks,
      rows: this.rows,
      facts: this.rows,
      digest: digestOfFacts(coded, amounts, blocks),
    }
  }

  private addBig(state: AmountState, units: bigint): void {
    const number = Number(units < 0n ? -units : units)
    if (state.range === 'exact') {
      if (number <= EXACT && state.magnitude + number <= EXACT) {
        state.magnitude += number
        ;(state.units[this.block] as Float64Array)[this.row] = Number(units)
        return
      }
      becomeBig(state)
    }
    ;(state.units[this.block] as bigint[])[this.row] = units
  }

  /** More digits after the point than before: every amount already read is written in the smaller unit. */
  private raiseScale(state: AmountState, scale: number): void {
    const digits = scale - state.scale
    state.scale = scale
    if (state.range === 'exact') {
      const factor = 10 ** digits
      if (state.magnitude * factor <= EXACT) {
        state.magnitude *= factor
        for (const units of state.units as Float64Array[])
          for (let i = 0; i < units.length; i++) units[i]! *= factor
        return
      }
      becomeBig(state)
    }
    const factor = 10n ** BigInt(digits)
    for (const units of state.units as bigint[][]) for (let i = 0; i < units.length; i++) units[i]! *= factor
  }

  private refuseAmount(state: AmountState, bytes: Uint8Array, start: number, end: number): never {
    const value = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8')
    refuse('TIE-2402', { source: this.source, column: state.name, value })
  }
}

function becomeBig(state: AmountState): void {
  state.range = 'big'
  state.units = state.units.map((units) => Array.from(units as Float64Array, BigInt))
}

function bigUnits(bytes: Uint8Array, start: number, end: number): bigint {
  let text = ''
  for (let at = start; at < end; at++)
    if (bytes[at] !== 46 && bytes[at] !== 43) text += String.fromCharCode(bytes[at]!)
  return BigInt(text)
}
