/**
 * The value of an arithmetic text such as `(-6.50) + 2 * 3 / 7`, in fractions of BigInts, for tests only: it
 * shares no code with src. Undefined where a division by zero or the word `empty` leaves no value.
 */

import { type Fraction, fraction, minus, over, plus, times, zero } from './naive-rollup.js'

export function valueOfText(text: string): Fraction | undefined {
  const tokens = text.match(/\d+(?:\.\d+)?|empty|[-+*/()]/g) ?? []
  let at = 0
  const combine = (
    a: Fraction | undefined,
    b: Fraction | undefined,
    by: (a: Fraction, b: Fraction) => Fraction | undefined,
  ): Fraction | undefined => (a === undefined || b === undefined ? undefined : by(a, b))
  const sum = (): Fraction | undefined => {
    let value = product()
    while (tokens[at] === '+' || tokens[at] === '-') {
      const by = tokens[at++] === '+' ? plus : minus
      value = combine(value, product(), by)
    }
    return value
  }
  const product = (): Fraction | undefined => {
    let value = single()
    while (tokens[at] === '*' || tokens[at] === '/') {
      const by = tokens[at++] === '*' ? times : over
      value = combine(value, single(), by)
    }
    return value
  }
  const single = (): Fraction | undefined => {
    const token = tokens[at++]!
    if (token === '-') return combine(zero, single(), minus)
    if (token === 'empty') return undefined
    if (token !== '(') return fraction(token)
    const value = sum()
    at += 1
    return value
  }
  const value = sum()
  if (at !== tokens.length) throw new Error(`${text} was read only to ${tokens.slice(at).join(' ')}`)
  return value
}
