/**
 * One amount column while it is being adjusted: a copy of the facts' values, changed step by step, never the
 * facts' own. Everything is exact. Values stay whole units in doubles while it can be shown beforehand that no
 * intermediate result and no sum leaves the exact range; from the first step where it cannot, they are bigint.
 * Raises nothing: a step whose values would grow beyond the limit gives undefined.
 */

import { type Decimal, divideUnits, parseDecimal, pow10 } from '../../base/decimal.js'
import type { Block, Frame, Units } from '../../engines/frame.js'
import type { Action } from './adjustment.js'

/** Digits that an adjusted amount may have, before and after the point together. */
export const MAX_ADJUSTED_DIGITS = 500
const TOO_LARGE = pow10(MAX_ADJUSTED_DIGITS)

/** Bounds below this many units leave room for the rounding of the bound itself. */
const SAFE = 9.0e15

export interface Amounts {
  /** Digits after the point of one unit; it never shrinks. */
  readonly scale: number
  readonly blocks: readonly Units[]
  /** Σ|units| of each block while all of them are doubles; null: bigint. */
  readonly magnitudes: readonly number[] | null
}

/** 1 for each row that an action touches, by block; undefined: none of the block. */
export type Matches = readonly (Uint8Array | undefined)[]

export function amountsOf({ amounts, blocks }: Frame, column: number): Amounts {
  const { scale, range } = amounts[column]!
  const units = blocks.map((block) => block.amounts[column]!)
  return {
    scale,
    blocks: units,
    magnitudes:
      range === 'big' ? null : units.map((block, i) => magnitudeOf(block as Float64Array, blocks[i]!.rows)),
  }
}

/** An action at the units of a column: x = clamp(v × factor + addend), rounded by `divisor`, times `spread`. */
interface Change {
  readonly scale: number
  readonly factor: bigint
  readonly addend: bigint
  readonly low: bigint | undefined
  readonly high: bigint | undefined
  /** The part of x that rounding takes off; 1: nothing. */
  readonly divisor: bigint
  /** From the scale of the rounded result to that of the column. */
  readonly spread: bigint
  /** What turns an untouched value into units of the new scale. */
  readonly shift: bigint
}

export function changed(
  amounts: Amounts,
  frame: Frame,
  matches: Matches,
  action: Action,
  places: number | null,
): Amounts | undefined {
  const change = changeOf(action, amounts.scale, places)
  if (change.scale > MAX_ADJUSTED_DIGITS) return undefined
  return changeInDoubles(amounts, frame, matches, change) ?? changeInBigints(amounts, frame, matches, change)
}

function changeOf(action: Action, scale: number, places: number | null): Change {
  const numbers = numbersOf(action)
  const result =
    action.action === 'scale' ? scale + numbers[0]!.scale : Math.max(scale, ...numbers.map((n) => n.scale))
  const rounded = Math.min(places ?? result, result)
  const next = Math.max(scale, rounded)
  const at = ({ units, scale: digits }: Decimal): bigint => units * pow10(result - digits)
  const end = (text: string | null): bigint | undefined =>
    text === null ? undefined : at(parseDecimal(text)!)
  return {
    scale: next,
    factor: action.action === 'scale' ? numbers[0]!.units : pow10(result - scale),
    addend: action.action === 'add' ? at(numbers[0]!) : 0n,
    low: action.action === 'cap' ? end(action.at_least) : undefined,
    high: action.action === 'cap' ? end(action.at_most) : undefined,
    divisor: pow10(result - rounded),
    spread: pow10(next - rounded),
    shift: pow10(next - scale),
  }
}

function numbersOf(action: Action): Decimal[] {
  switch (action.action) {
    case 'scale':
      return [parseDecimal(action.factor)!]
    case 'add':
      return [parseDecimal(action.amount)!]
    case 'cap':
      return [action.at_most, action.at_least].flatMap((end) => (end === null ? [] : [parseDecimal(end)!]))
  }
}

/** Undefined where a bound on the results and their sums is not inside the exact range. */
function changeInDoubles(
  { blocks, magnitudes }: Amounts,
  frame: Frame,
  matches: Matches,
  change: Change,
): Amounts | undefined {
  if (magnitudes === null) return undefined
  const [factor, addend, divisor, spread, shift] = [
    change.factor,
    change.addend,
    change.divisor,
    change.spread,
    change.shift,
  ].map(Number) as [number, number, number, number, number]
  const low = change.low === undefined ? -Infinity : Number(change.low)
  const high = change.high === undefined ? Infinity : Number(change.high)
  const magnitude = Math.max(1, sum(magnitudes))
  const rows = Math.max(1, frame.rows)
  const ends = Math.max(...[low, high].map((end) => (Number.isFinite(end) ? Math.abs(end) : 0)))
  const before = magnitude * Math.abs(factor) + rows * (Math.abs(addend) + ends)
  const after = magnitude * shift + (before / divisor + rows) * spread
  if (!(before <= SAFE && after <= SAFE)) return undefined
  const results = blocks.map((units, i) => {
    const hit = matches[i]
    if (hit === undefined && shift === 1) return units as Float64Array
    const { rows: count } = frame.blocks[i]!
    const out = new Float64Array(count)
    for (let row = 0; row < count; row++) {
      const value = units[row] as number
      if (hit === undefined || hit[row] === 0) {
        out[row] = value * shift
        continue
      }
      // Adding 0 also turns a negative zero into zero.
      let x = value * factor + addend
      if (x < low) x = low
      if (x > high) x = high
      out[row] = divisor === 1 ? x : roundedDouble(x, divisor) * spread
    }
    return out
  })
  return {
    scale: change.scale,
    blocks: results,
    magnitudes: results.map((out, i) =>
      out === blocks[i] ? magnitudes[i]! : magnitudeOf(out, frame.blocks[i]!.rows),
    ),
  }
}

/** x ÷ divisor as a whole number, half to even. Exact: remainders of doubles are. */
function roundedDouble(x: number, divisor: number): number {
  const remainder = x % divisor
  const quotient = (x - remainder) / divisor
  const twice = Math.abs(remainder) * 2
  if (twice < divisor || (twice === divisor && quotient % 2 === 0)) return quotient + 0
  return x < 0 ? quotient - 1 : quotient + 1
}

function changeInBigints(
  { blocks }: Amounts,
  frame: Frame,
  matches: Matches,
  change: Change,
): Amounts | undefined {
  const { factor, addend, low, high, divisor, spread, shift } = change
  let fits = true
  const results = blocks.map((units, i) => {
    const hit = matches[i]
    const out = new Array<bigint>(frame.blocks[i]!.rows)
    for (let row = 0; row < out.length; row++) {
      const value = BigInt(units[row]!)
      let x = value * shift
      if (hit !== undefined && hit[row] === 1) {
        x = value * factor + addend
        if (low !== undefined && x < low) x = low
        if (high !== undefined && x > high) x = high
        x = divideUnits(x, divisor, 'half_even') * spread
        if (x >= TOO_LARGE || x <= -TOO_LARGE) fits = false
      }
      out[row] = x
    }
    return out
  })
  return fits ? { scale: change.scale, blocks: results, magnitudes: null } : undefined
}

/** `now` without what the step from `before` to `after` did, fact by fact; undefined beyond the limit. */
export function takenBack(now: Amounts, before: Amounts, after: Amounts, frame: Frame): Amounts | undefined {
  const [toBefore, toAfter] = [pow10(now.scale - before.scale), pow10(now.scale - after.scale)]
  const bound =
    now.magnitudes === null || before.magnitudes === null || after.magnitudes === null
      ? Infinity
      : sum(now.magnitudes) +
        sum(before.magnitudes) * Number(toBefore) +
        sum(after.magnitudes) * Number(toAfter)
  if (bound <= SAFE) return takenBackInDoubles(now, before, after, frame, [Number(toBefore), Number(toAfter)])
  let fits = true
  const blocks = now.blocks.map((units, i) =>
    Array.from({ length: frame.blocks[i]!.rows }, (_, row) => {
      const effect = BigInt(after.blocks[i]![row]!) * toAfter - BigInt(before.blocks[i]![row]!) * toBefore
      const x = BigInt(units[row]!) - effect
      if (x >= TOO_LARGE || x <= -TOO_LARGE) fits = false
      return x
    }),
  )
  return fits ? { scale: now.scale, blocks, magnitudes: null } : undefined
}

function takenBackInDoubles(
  now: Amounts,
  before: Amounts,
  after: Amounts,
  frame: Frame,
  [toBefore, toAfter]: readonly [number, number],
): Amounts {
  const blocks = now.blocks.map((units, i) => {
    const [was, became] = [before.blocks[i] as Float64Array, after.blocks[i] as Float64Array]
    if (was === became) return units as Float64Array
    const out = new Float64Array(frame.blocks[i]!.rows)
    for (let row = 0; row < out.length; row++)
      out[row] = (units as Float64Array)[row]! - (became[row]! * toAfter - was[row]! * toBefore)
    return out
  })
  const magnitudes = blocks.map((block, i) => magnitudeOf(block, frame.blocks[i]!.rows))
  return { scale: now.scale, blocks, magnitudes }
}

/** Units by code of the scenario. */
export function totalsByCode(
  { blocks, magnitudes }: Amounts,
  codesOf: (block: Block) => Int32Array | undefined,
  frame: Frame,
  codes: number,
): bigint[] {
  const doubles = new Float64Array(codes)
  const big = new Array<bigint>(codes).fill(0n)
  frame.blocks.forEach((block, i) => {
    const scenarios = codesOf(block)
    const units = blocks[i]!
    for (let row = 0; row < block.rows; row++) {
      const code = scenarios === undefined ? 0 : scenarios[row]!
      if (magnitudes === null) big[code]! += units[row] as bigint
      else doubles[code]! += units[row] as number
    }
  })
  return magnitudes === null ? big : Array.from(doubles, BigInt)
}

function magnitudeOf(units: Float64Array, rows: number): number {
  let total = 0
  for (let row = 0; row < rows; row++) total += Math.abs(units[row]!)
  return total
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)
