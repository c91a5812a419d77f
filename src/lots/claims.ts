/**
 * What tables say was allocated, in columns, as the proof takes it: nothing in it is trusted. Filled from rows
 * of text as a COPY delivers them, or straight from a computation. Raises nothing; text that is no number is
 * taken as null and found by the proof.
 */

import { normalize, parseDecimal, pow10 } from '../base/decimal.js'
import { FewValues } from '../base/few-values.js'
import type { AllocationColumns } from './allocation.js'
import { ALLOCATION_FIELDS, allocationFields } from './allocation-rows.js'
import { UnitsColumn } from './units-column.js'

const TEXTS = [
  'sell_order_id',
  'buy_order_id',
  'symbol',
  'account',
  'strategy',
  'lot_account',
  'buy_price',
  'sell_price',
  'buy_executed_at',
  'sell_executed_at',
  'lot_side',
  'class',
] as const
const NUMBERS = [
  'allocated_size',
  'buy_fee',
  'sell_fee',
  'cost_basis',
  'proceeds',
  'net_proceeds',
  'pnl',
] as const
type TextField = (typeof TEXTS)[number]
type NumberField = (typeof NUMBERS)[number]

const TEXT_PLACES = TEXTS.map((name) => ALLOCATION_FIELDS.indexOf(name))
const NUMBER_PLACES = NUMBERS.map((name) => ALLOCATION_FIELDS.indexOf(name))

/** Texts that differ from row to row. */
const MANY: ReadonlySet<TextField> = new Set([
  'sell_order_id',
  'buy_order_id',
  'buy_price',
  'sell_price',
  'buy_executed_at',
  'sell_executed_at',
])
const FEW = TEXTS.map((name) => !MANY.has(name))

export class Claims {
  readonly texts: Readonly<Record<TextField, (string | null)[]>>
  /** Units at `scale`; a null is 0 here. */
  numbers: Readonly<Record<NumberField, UnitsColumn>>
  rows = 0
  private readonly few = new FewValues()
  /** The same columns in the order of TEXTS and NUMBERS. */
  private readonly textColumns: readonly (string | null)[][]
  private numberColumns: readonly UnitsColumn[]

  constructor(
    /** Digits after the point of every number; grows when a row has more. */
    public scale = 8,
  ) {
    this.textColumns = TEXTS.map(() => [])
    this.texts = byName(TEXTS, this.textColumns)
    this.numberColumns = NUMBERS.map(() => new UnitsColumn())
    this.numbers = byName(NUMBERS, this.numberColumns)
  }

  /** A row of text in the order of ALLOCATION_FIELDS. */
  add(fields: readonly (string | null)[]): void {
    for (let at = 0; at < TEXTS.length; at++) {
      const text = fields[TEXT_PLACES[at]!]!
      this.textColumns[at]!.push(FEW[at] ? this.few.of(text) : text)
    }
    for (let at = 0; at < NUMBERS.length; at++) {
      const text = fields[NUMBER_PLACES[at]!] ?? '0'
      const quick = quickUnits(text, this.scale)
      // Slow ones may widen the columns, so the column is looked up afterwards.
      const units = quick === undefined ? this.slowUnits(text) : BigInt(quick)
      this.numberColumns[at]!.push(units)
    }
    this.rows += 1
  }

  private slowUnits(text: string): bigint {
    const value = normalize(parseDecimal(text) ?? { units: 0n, scale: 0 })
    if (value.scale > this.scale) this.widen(value.scale)
    return value.units * pow10(this.scale - value.scale)
  }

  private widen(scale: number): void {
    const factor = pow10(scale - this.scale)
    this.numberColumns = this.numberColumns.map((old) => {
      const column = new UnitsColumn()
      for (let i = 0; i < old.length; i++) column.push(old.at(i) * factor)
      return column
    })
    this.numbers = byName(NUMBERS, this.numberColumns)
    this.scale = scale
  }
}

const byName = <Name extends string, Column>(
  names: readonly Name[],
  columns: readonly Column[],
): Readonly<Record<Name, Column>> =>
  Object.fromEntries(names.map((name, at) => [name, columns[at]!])) as Record<Name, Column>

/** Plain decimal text as units where a double holds them; undefined where it may not. */
function quickUnits(text: string, scale: number): number | undefined {
  const negative = text.charCodeAt(0) === 45
  let units = 0
  let places = -1
  for (let i = negative ? 1 : 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48
    if (digit >= 0 && digit <= 9) {
      units = units * 10 + digit
      if (places >= 0) places += 1
    } else if (digit === -2 && places < 0) places = 0
    else return undefined
  }
  if (places > scale || text.length > 16) return undefined
  for (let more = scale - Math.max(0, places); more > 0; more--) units *= 10
  return units > Number.MAX_SAFE_INTEGER ? undefined : negative ? 0 - units : units
}

/** The claims of computations as their rows would be read back. */
export function claimsOf(computed: Iterable<AllocationColumns>): Claims {
  const all = [...computed]
  const claims = new Claims(all.reduce((most, each) => Math.max(most, each.amountScale), 8))
  const fields: (string | null)[] = []
  for (const allocations of all) {
    for (let i = 0; i < allocations.sell.length; i++) claims.add(allocationFields(allocations, i, fields))
  }
  return claims
}
