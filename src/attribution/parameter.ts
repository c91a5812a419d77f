/**
 * The parameters of models: their kinds, how their texts are read, and their canonical texts, which go into the digest
 * of a model's version. A text that is no value gives undefined; model-text.ts says so. Raises nothing.
 */

import { canonicalDecimal, type Decimal, parseDecimal, pow10 } from '../base/decimal.js'
import { compareText } from '../base/text.js'

export const MICROSECONDS_OF_A_DAY = 86_400_000_000n
/** A hundred years: nothing is looked back further. */
const MAX_DAYS = 36_525n

export type ParameterKind =
  | { readonly is: 'days'; readonly none: 'allowed' | 'refused' }
  | { readonly is: 'choice'; readonly choices: readonly string[] }
  | { readonly is: 'count'; readonly least: number; readonly most: number }
  | { readonly is: 'channels' }
  | { readonly is: 'weights' }
  | { readonly is: 'shares' }

export interface Parameter {
  readonly name: string
  readonly kind: ParameterKind
  /** Canonical text; null: it has to be said, where the model asks for it. */
  readonly fallback: string | null
  readonly meaning: string
}

/** What a value is, for people. */
export function expectedOf(kind: ParameterKind): string {
  switch (kind.is) {
    case 'days':
      return `a number of days above 0, such as 7 or 0.5${kind.none === 'allowed' ? ', or none' : ''}`
    case 'choice':
      return kind.choices.join(', ')
    case 'count':
      return `a whole number from ${kind.least} to ${kind.most}`
    case 'channels':
      return 'channel codes with commas between them'
    case 'weights':
      return 'CODE:WEIGHT with commas between, such as email:3,search:1.5'
    case 'shares':
      return 'the shares of the first touch, of those between, and of the last, such as 40/20/40'
  }
}

/** The canonical text of a value; undefined when it is none. Characters that have a meaning are written as %2C. */
export function canonicalValue(kind: ParameterKind, text: string): string | undefined {
  switch (kind.is) {
    case 'days':
      return canonicalDays(text, kind.none === 'allowed')
    case 'choice':
      return kind.choices.find((choice) => choice.toLowerCase() === text.toLowerCase())
    case 'count':
      return /^\d{1,9}$/.test(text) && Number(text) >= kind.least && Number(text) <= kind.most
        ? String(Number(text))
        : undefined
    case 'channels':
      return canonicalChannels(text)
    case 'weights':
      return canonicalWeights(text)
    case 'shares':
      return canonicalShares(text)
  }
}

function canonicalDays(text: string, none: boolean): string | undefined {
  if (none && text === 'none') return text
  const days = parseDecimal(text)
  if (days === undefined || days.units <= 0n || days.units > MAX_DAYS * pow10(days.scale)) return undefined
  return wholeMicroseconds(days) === undefined ? undefined : canonicalDecimal(days)
}

function wholeMicroseconds({ units, scale }: Decimal): bigint | undefined {
  const scaled = units * MICROSECONDS_OF_A_DAY
  return scaled % pow10(scale) === 0n ? scaled / pow10(scale) : undefined
}

/** Of a canonical text of days; null: none. */
export const microsecondsOf = (days: string): bigint | null =>
  days === 'none' ? null : wholeMicroseconds(parseDecimal(days)!)!

const decoded = (text: string): string | undefined => {
  try {
    const channel = decodeURIComponent(text)
    return channel === '' ? undefined : channel
  } catch {
    return undefined
  }
}
/** The values when none of them is undefined. */
const allOf = <T>(values: readonly (T | undefined)[]): T[] | undefined =>
  values.some((value) => value === undefined) ? undefined : (values as T[])

/** Of a canonical text of channels. */
export const channelsOf = (text: string): string[] => text.split(',').map((code) => decodeURIComponent(code))

function canonicalChannels(text: string): string | undefined {
  const codes = allOf(text.split(',').map(decoded))
  if (codes === undefined) return undefined
  return [...new Set(codes)].sort(compareText).map(encodeURIComponent).join(',')
}

function canonicalWeights(text: string): string | undefined {
  const found = text.split(',').map((pair): readonly [string, Decimal] | undefined => {
    const colon = pair.lastIndexOf(':')
    const channel = colon < 0 ? undefined : decoded(pair.slice(0, colon))
    const weight = parseDecimal(pair.slice(colon + 1))
    return channel === undefined || weight === undefined || weight.units < 0n ? undefined : [channel, weight]
  })
  const pairs = allOf(found)
  if (pairs === undefined || new Set(pairs.map(([channel]) => channel)).size < pairs.length) return undefined
  return pairs
    .toSorted(([a], [b]) => compareText(a, b))
    .map(([channel, weight]) => `${encodeURIComponent(channel)}:${canonicalDecimal(weight)}`)
    .join(',')
}

/** Of a canonical text of weights: whole numbers in the same ratios. */
export function weightsOf(text: string): Map<string, bigint> {
  const pairs = text.split(',').map((pair) => pair.split(':') as [string, string])
  const units = wholeNumbers(pairs.map(([, weight]) => parseDecimal(weight)!))
  return new Map(pairs.map(([code], i) => [decodeURIComponent(code), units[i]!]))
}

function canonicalShares(text: string): string | undefined {
  const shares = allOf(text.split('/').map((share) => parseDecimal(share)))
  if (shares === undefined || shares.length !== 3 || shares.some(({ units }) => units < 0n)) return undefined
  if (wholeNumbers(shares).every((units) => units === 0n)) return undefined
  return shares.map(canonicalDecimal).join('/')
}

/** Of a canonical text of shares: first, middle, last as whole numbers in the same ratios. */
export function sharesOf(text: string): readonly [bigint, bigint, bigint] {
  const units = wholeNumbers(text.split('/').map((share) => parseDecimal(share)!))
  return [units[0]!, units[1]!, units[2]!]
}

function wholeNumbers(values: readonly Decimal[]): bigint[] {
  const scale = Math.max(...values.map((value) => value.scale))
  return values.map((value) => value.units * pow10(scale - value.scale))
}
