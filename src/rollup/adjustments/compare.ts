/**
 * The condition of an adjustment on the first scenario less the second, key by key: several facts of one key
 * are added up, a scenario without a fact of the key counts as 0, and a fact whose key holds a null is compared
 * with nothing and never matches. Raises nothing.
 */

import { parseDecimal, pow10 } from '../../base/decimal.js'
import { codedIndex, type Frame } from '../../engines/frame.js'
import { KeyIndex } from '../key-index.js'
import { canonicalValue } from '../row-owners.js'
import type { Bound, Compare, Operator } from './adjustment.js'
import type { Amounts } from './amounts.js'
import type { ScenarioCodes } from './scenario-codes.js'

export interface CompareInput {
  readonly frame: Frame
  readonly scenarios: ScenarioCodes
  readonly compare: Compare
  /** The compared column's values as the step finds them; undefined where none is compared. */
  readonly compared: Amounts | undefined
}

type KeyTest = (key: number) => boolean

/** 1 for each row of a block, which is given by its position, whose key satisfies the condition. */
export function compareTest(input: CompareInput): (block: number) => Uint8Array {
  const keys = keysOf(input.frame, input.compare.key)
  const tests = [...priorTests(input, keys), ...boundTests(input, keys)]
  const verdicts = new Uint8Array(keys.count)
  for (let key = 0; key < keys.count; key++) verdicts[key] = tests.every((test) => test(key)) ? 1 : 0
  return (block) => {
    const numbers = keys.blocks[block]!
    const out = new Uint8Array(numbers.length)
    for (let row = 0; row < numbers.length; row++) out[row] = numbers[row]! < 0 ? 0 : verdicts[numbers[row]!]!
    return out
  }
}

/** Numbers of the rows' keys by block; −1 where a part of the key is null. */
interface Keys {
  readonly count: number
  readonly blocks: readonly Int32Array[]
}

function keysOf(frame: Frame, names: readonly string[]): Keys {
  const parts = names.map((name) => keyPart(frame, codedIndex(frame, name)))
  const radices = parts.map(({ numbers }) => numbers)
  const index = new KeyIndex(radices, frame.rows)
  const blocks = frame.blocks.map((block) => {
    const codes = parts.map(({ column, numberOf }) => {
      const values = new Int32Array(block.rows)
      for (let row = 0; row < block.rows; row++) values[row] = numberOf[block.codes[column]![row]!]!
      return values
    })
    const numbers = index.indices(codes, block.rows)
    for (const part of codes)
      for (let row = 0; row < block.rows; row++) if (part[row] === 0) numbers[row] = -1
    return numbers
  })
  return { count: index.size, blocks }
}

interface KeyPart {
  readonly column: number
  /** Distinct values, the null among them as 0. */
  readonly numbers: number
  /** Number of each code: amounts that are written differently are one. */
  readonly numberOf: Int32Array
}

function keyPart(frame: Frame, column: number): KeyPart {
  const { dictionary, type } = frame.coded[column]!
  const known = new Map<string, number>()
  const numberOf = Int32Array.from(dictionary, (text) => {
    if (text === null) return 0
    const value = canonicalValue(text, type)
    const number = known.get(value) ?? known.size + 1
    known.set(value, number)
    return number
  })
  return { column, numbers: known.size + 1, numberOf }
}

function priorTests({ frame, scenarios, compare: { prior } }: CompareInput, keys: Keys): KeyTest[] {
  if (prior === null) return []
  const hasPrior = new Uint8Array(keys.count)
  frame.blocks.forEach((block, i) => {
    const codes = scenarios.codesOf(block)!
    const numbers = keys.blocks[i]!
    for (let row = 0; row < block.rows; row++)
      if (numbers[row]! >= 0 && codes[row] === scenarios.second) hasPrior[numbers[row]!] = 1
  })
  const wanted = prior === 'present' ? 1 : 0
  return [(key) => hasPrior[key] === wanted]
}

type Difference = number | bigint

function boundTests(input: CompareInput, keys: Keys): KeyTest[] {
  const { compare, compared } = input
  const { difference, absolute_difference: absolute } = compare
  if (compared === undefined || (difference === null && absolute === null)) return []
  const differences = differencesOf(input, compared, keys)
  const size = (units: Difference): Difference => (units < 0 ? -units : units)
  const test = (bound: Bound | null, of: (units: Difference) => Difference): KeyTest[] => {
    if (bound === null) return []
    const holds = boundTest(bound, compared.scale)
    return [(key) => holds(of(differences[key]!))]
  }
  return [...test(difference, (units) => units), ...test(absolute, size)]
}

/** First less second by key. Sums of doubles stay inside the column's exact range. */
function differencesOf(
  { frame, scenarios }: CompareInput,
  compared: Amounts,
  keys: Keys,
): Float64Array | bigint[] {
  const doubles = new Float64Array(compared.magnitudes === null ? 0 : keys.count)
  const big = new Array<bigint>(compared.magnitudes === null ? keys.count : 0).fill(0n)
  frame.blocks.forEach((block, i) => {
    const codes = scenarios.codesOf(block)!
    const numbers = keys.blocks[i]!
    const units = compared.blocks[i]!
    for (let row = 0; row < block.rows; row++) {
      const key = numbers[row]!
      const sign = codes[row] === scenarios.first ? 1 : codes[row] === scenarios.second ? -1 : 0
      if (key < 0 || sign === 0) continue
      if (units instanceof Float64Array) doubles[key]! += sign * units[row]!
      else big[key]! += BigInt(sign) * units[row]!
    }
  })
  return compared.magnitudes === null ? big : doubles
}

const HOLDS: Readonly<Record<Operator, (order: number) => boolean>> = {
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '=': (order) => order === 0,
  '!=': (order) => order !== 0,
}

/** Of units at the scale. A double and a bigint compare as the numbers they are. */
function boundTest({ op, amount }: Bound, scale: number): (units: Difference) => boolean {
  const limit = parseDecimal(amount)!
  const digits = Math.max(scale, limit.scale)
  const against = limit.units * pow10(digits - limit.scale)
  const factor = pow10(digits - scale)
  const holds = HOLDS[op]
  return (units) => {
    const value = factor === 1n ? units : BigInt(units) * factor
    return holds(value > against ? 1 : value < against ? -1 : 0)
  }
}
