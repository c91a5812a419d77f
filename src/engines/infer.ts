/**
 * What type a CSV column is, decided by all of its values: plain decimals make it numeric with the widest
 * scale seen, ISO dates make it a date, anything else text. Digits with a leading zero are a code, not a
 * number. A column that is plainly meant to be numeric or a date, but for a few values, is a problem and not
 * quietly text. Raises nothing.
 */

import { parseDate } from '../base/dates.js'
import type { ColumnLimits, FactColumnType } from '../books/fact-tables.js'

/** A plain decimal. */
const DECIMAL = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)$/
const LEADING_ZERO = /^[+-]?0\d/
/** What a number looks like when it was written for a reader: 1,234.50 · (100) · 12,5 · 1e5 · NaN · $5 · 5%. */
const BROKEN_NUMBER = /^[($€£+-]*[\d.,' ]*\d[\d.,' ]*(?:[eE][+-]?\d+)?[)%€-]*$|^[+-]?(?:NaN|Inf(?:inity)?)$/i
const BROKEN_DATE = /^\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}$/

const MAX_EXAMPLES = 20

export interface Misfit {
  readonly line: number
  readonly value: string
}

export class ColumnShape {
  private decimals = 0
  private fractions = 0
  private dates = 0
  private others = 0
  private brokenNumbers = 0
  private brokenDates = 0
  private leadingZeros = 0
  private readonly notDecimal: Misfit[] = []
  private readonly notDate: Misfit[] = []
  /** Numbers that no amount has digits for. */
  private readonly tooLong: Misfit[] = []
  /** The last value seen: columns often repeat one. */
  private last: string | undefined
  private lastKind: 'decimal' | 'fraction' | 'date' | undefined

  /** Counts one value that is not empty. */
  add(value: string, line: number): void {
    if (value === this.last && this.lastKind !== undefined) {
      if (this.lastKind === 'date') this.dates += 1
      else this.decimals += 1
      if (this.lastKind === 'fraction') this.fractions += 1
      if (this.lastKind === 'date') this.note(this.notDecimal, value, line)
      else this.note(this.notDate, value, line)
      return
    }
    this.last = value
    this.lastKind = undefined
    if (DECIMAL.test(value)) {
      if (value.length > MAX_DIGITS) this.note(this.tooLong, value, line)
      this.decimals += 1
      this.lastKind = 'decimal'
      if (value.includes('.')) {
        this.fractions += 1
        this.lastKind = 'fraction'
      }
      if (LEADING_ZERO.test(value)) {
        this.leadingZeros += 1
        this.lastKind = undefined
      }
      this.note(this.notDate, value, line)
    } else if (parseDate(value) !== undefined) {
      this.dates += 1
      this.lastKind = 'date'
      this.note(this.notDecimal, value, line)
    } else {
      this.others += 1
      if (BROKEN_NUMBER.test(value)) this.brokenNumbers += 1
      if (BROKEN_DATE.test(value)) this.brokenDates += 1
      this.note(this.notDecimal, value, line)
      this.note(this.notDate, value, line)
    }
  }

  /** The type, and the values that make it a problem; an empty column is text. */
  decide(): { readonly type: FactColumnType; readonly misfits: readonly Misfit[] } {
    const total = this.decimals + this.dates + this.others
    if (total === 0) return { type: 'text', misfits: [] }
    if (this.decimals === total && this.leadingZeros === 0) return { type: 'numeric', misfits: this.tooLong }
    if (this.dates === total) return { type: 'date', misfits: [] }
    if (this.meantAsNumber(total)) return { type: 'numeric', misfits: this.notDecimal }
    if (this.meantAsDate(total)) return { type: 'date', misfits: this.notDate }
    return { type: 'text', misfits: [] }
  }

  /** Amounts (most are decimals, some with a fraction), or numbers whose exceptions are all broken numbers. */
  private meantAsNumber(total: number): boolean {
    const bad = total - this.decimals
    if (this.leadingZeros > 0 || bad >= this.decimals) return false
    return this.fractions > 0 || (this.brokenNumbers === bad && this.decimals > 0)
  }

  private meantAsDate(total: number): boolean {
    const bad = total - this.dates
    return bad < this.dates || (this.dates > 0 && this.brokenDates === bad)
  }

  private note(misfits: Misfit[], value: string, line: number): void {
    if (misfits.length < MAX_EXAMPLES) misfits.push({ line, value })
  }
}

/** No amount has so many digits, and a hostile one must not cost time. */
const MAX_DIGITS = 1000

/** Whether the text can be stored in such a column as it is; empty text is a null and always can. */
export function fitsType(value: string, { type, precision, scale, maxLength }: ColumnLimits): boolean {
  if (value === '') return true
  switch (type) {
    case 'text':
      return maxLength === null || [...value].length <= maxLength
    case 'numeric':
      return value.length <= MAX_DIGITS && DECIMAL.test(value) && fitsDigits(value, precision, scale)
    case 'date':
      return parseDate(value) !== undefined
    case 'boolean':
      return value === 'true' || value === 'false'
  }
}

/** Digits that would be rounded away do not fit; zeros at either end are not digits of the number. */
function fitsDigits(value: string, precision: number | null, scale: number | null): boolean {
  const [whole, fraction = ''] = value.split('.') as [string, string | undefined]
  if (scale !== null && fraction.replace(/0+$/, '').length > scale) return false
  return precision === null || whole.replace(/^[+-]?0*/, '').length <= precision - (scale ?? 0)
}
