/**
 * The units of one amount column, read from decimal text as it arrives. The scale is the widest seen so far:
 * a wider one rewrites what is there. Units are kept in doubles while Σ|units| stays in the exact range, as
 * bigint beyond it.
 *
 * Raises TIE-2402 for text that is no finite plain decimal.
 */

import { refuse } from '../base/errors.js'
import { BLOCK_ROWS } from './frame.js'

/** Doubles hold every whole number up to here. */
const EXACT = Number.MAX_SAFE_INTEGER
/** Fifteen digits always fit in the exact range. */
const FAST_DIGITS = 15

export class AmountBuilder {
  scale = 0
  range: 'exact' | 'big' = 'exact'
  /** Σ|units|: exact while inside the exact range, and past it never back inside. */
  magnitude = 0
  /** One array a block: of doubles in the exact range, of bigint beyond. */
  units: (Float64Array | bigint[])[] = []

  constructor(
    private readonly source: string,
    readonly name: string,
  ) {}

  /** Room for BLOCK_ROWS rows, all of them 0; rows go into the newest block. */
  addBlock(): void {
    this.units.push(
      this.range === 'exact' ? new Float64Array(BLOCK_ROWS) : new Array<bigint>(BLOCK_ROWS).fill(0n),
    )
  }

  /** Plain decimal text in bytes[start, end) into the row of the newest block. */
  read(bytes: Uint8Array, start: number, end: number, row: number): void {
    let value = 0
    let digits = 0
    let point = -1
    let at = start
    const sign = bytes[at]
    if (sign === 45 || sign === 43) at += 1
    for (; at < end; at++) {
      const byte = bytes[at]!
      if (byte >= 48 && byte <= 57) {
        value = value * 10 + (byte - 48)
        digits += 1
      } else if (byte === 46 && point < 0) point = at
      else this.refuseText(bytes, start, end)
    }
    if (digits === 0) this.refuseText(bytes, start, end)
    this.put(sign === 45, value, digits, point < 0 ? 0 : end - point - 1, row, bytes, start, end)
  }

  /** The value of `digits` digits, `scale` of them after the point, whose text is bytes[start, end). */
  put(
    negative: boolean,
    value: number,
    digits: number,
    scale: number,
    row: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    if (scale > this.scale) this.raiseScale(scale)
    const units = scale < this.scale && value !== 0 ? value * 10 ** (this.scale - scale) : value
    const magnitude = this.magnitude + units
    if (digits > FAST_DIGITS || this.range === 'big' || magnitude > EXACT) {
      this.putBig(bigUnits(bytes, start, end) * 10n ** BigInt(this.scale - scale), row)
      return
    }
    this.magnitude = magnitude
    // 0 - units rather than -units: a negative zero must not exist.
    ;(this.units[this.units.length - 1] as Float64Array)[row] = negative ? 0 - units : units
  }

  refuseText(bytes: Uint8Array, start: number, end: number): never {
    const value = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8')
    refuse('TIE-2402', { source: this.source, column: this.name, value })
  }

  private putBig(units: bigint, row: number): void {
    const size = Number(units < 0n ? -units : units)
    if (this.range === 'exact') {
      if (size <= EXACT && this.magnitude + size <= EXACT) {
        this.magnitude += size
        ;(this.units.at(-1) as Float64Array)[row] = Number(units)
        return
      }
      this.becomeBig()
    }
    ;(this.units.at(-1) as bigint[])[row] = units
  }

  /** More digits after the point than before: every amount already read is written in the smaller unit. */
  private raiseScale(scale: number): void {
    const digits = scale - this.scale
    this.scale = scale
    if (this.range === 'exact') {
      const factor = 10 ** digits
      if (this.magnitude === 0) return
      if (this.magnitude * factor <= EXACT) {
        this.magnitude *= factor
        for (const units of this.units as Float64Array[])
          for (let i = 0; i < units.length; i++) units[i]! *= factor
        return
      }
      this.becomeBig()
    }
    const factor = 10n ** BigInt(digits)
    for (const units of this.units as bigint[][]) for (let i = 0; i < units.length; i++) units[i]! *= factor
  }

  private becomeBig(): void {
    this.range = 'big'
    this.units = this.units.map((units) => Array.from(units as Float64Array, BigInt))
  }
}

function bigUnits(bytes: Uint8Array, start: number, end: number): bigint {
  let text = ''
  for (let at = start; at < end; at++)
    if (bytes[at] !== 46 && bytes[at] !== 43) text += String.fromCharCode(bytes[at]!)
  return BigInt(text)
}
