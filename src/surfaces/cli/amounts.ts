/** Amounts as controllers read them: thousands separated, negatives in parentheses, – for zero. Raises nothing. */

import { parseDecimal } from '../../base/decimal.js'

/** The digits line up in a right-aligned column: what is not in parentheses ends in a space. */
export function shownAmount(text: string | null | undefined): string {
  if (text === null || text === undefined) return ''
  const value = parseDecimal(text)
  if (value === undefined) return text
  if (value.units === 0n) return '– '
  const [whole, fraction] = text.replace(/^[+-]/, '').split('.') as [string, string | undefined]
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',')
  const digits = fraction === undefined ? grouped : `${grouped}.${fraction}`
  return value.units < 0n ? `(${digits})` : `${digits} `
}
