/**
 * The one splitting routine of the product: the largest-remainder method (Hamilton). The shares are whole
 * units and sum to the total exactly; whatever the proportional shares leave over goes, a unit each, to the
 * largest remainders, ties broken by the canonical key.
 */

import { compareText } from './text.js'

export interface Part<K extends string = string> {
  /** Unique among the parts; breaks ties in code point order. */
  readonly key: K
  /** Exact weight, ≥ 0: any whole number, only ratios matter. */
  readonly weight: bigint
}

/**
 * Splits `total` units over `parts` in proportion to their weights.
 *
 * A negative total is split as its absolute value and negated, so a refund mirrors its sale. A part of
 * weight 0 gets 0. Returns the shares in the order of the parts.
 *
 * Raises RangeError for a negative weight, a repeated key, or weights that sum to 0 while total ≠ 0.
 * Source: Balinski and Young, Fair Representation, on the method of Hamilton.
 */
export function apportion(total: bigint, parts: readonly Part[]): bigint[] {
  let weights = 0n
  const keys = new Set<string>()
  for (const { key, weight } of parts) {
    if (weight < 0n) throw new RangeError(`negative weight ${weight} of ${key}`)
    if (keys.has(key)) throw new RangeError(`part ${key} is named twice`)
    keys.add(key)
    weights += weight
  }
  if (weights === 0n) {
    if (total !== 0n) throw new RangeError('nothing to apportion to: the weights sum to 0')
    return parts.map(() => 0n)
  }
  const order = parts.map((_, index) => index).sort((a, b) => compareText(parts[a]!.key, parts[b]!.key))
  const inOrder = apportionInOrder(
    total,
    order.map((index) => parts[index]!.weight),
  )
  const shares = new Array<bigint>(parts.length)
  order.forEach((index, place) => {
    shares[index] = inOrder[place]!
  })
  return shares
}

/** As apportion, of weights ≥ 0 with a sum > 0 that stand in the order of their keys already: ties go to the earlier. */
export function apportionInOrder(total: bigint, weights: readonly bigint[]): bigint[] {
  let sum = 0n
  for (const weight of weights) sum += weight
  const size = total < 0n ? -total : total
  const shares = new Array<bigint>(weights.length)
  const remainders = new Array<bigint>(weights.length)
  let left = size
  for (let i = 0; i < weights.length; i++) {
    const product = size * weights[i]!
    const share = product / sum
    shares[i] = share
    remainders[i] = product - share * sum
    left -= share
  }
  for (const i of largest(remainders, Number(left), (a, b) => remainders[a]! > remainders[b]!))
    shares[i]! += 1n
  return total < 0n ? shares.map((share) => -share) : shares
}

/** Below this many parts looking for the largest again and again is quicker than sorting. */
const FEW = 12

/** The places of the `count` largest values, ties to the earlier. */
export function largest(
  values: { readonly length: number },
  count: number,
  isLarger: (a: number, b: number) => boolean,
): number[] {
  const places: number[] = []
  if (count === 0) return places
  if (values.length > FEW) {
    for (let i = 0; i < values.length; i++) places.push(i)
    return places.sort((a, b) => (isLarger(a, b) ? -1 : isLarger(b, a) ? 1 : a - b)).slice(0, count)
  }
  while (places.length < count) {
    let best = -1
    for (let i = 0; i < values.length; i++)
      if (!places.includes(i) && (best < 0 || isLarger(i, best))) best = i
    places.push(best)
  }
  return places
}

/**
 * As apportionInOrder, in numbers: writes the shares of the first `count` weights. Exact as long as |total| times the
 * largest weight, and the sum of the weights, are below 2^53, which the caller has checked.
 */
export function apportionNumbers(
  total: number,
  weights: Float64Array,
  count: number,
  shares: Float64Array,
): void {
  let sum = 0
  for (let i = 0; i < count; i++) sum += weights[i]!
  const size = Math.abs(total)
  const remainders = new Float64Array(count)
  let left = size
  for (let i = 0; i < count; i++) {
    const product = size * weights[i]!
    let share = Math.floor(product / sum)
    let remainder = product - share * sum
    // The quotient is rounded before the floor: a product just below a multiple can come out as the multiple.
    if (remainder < 0) {
      share -= 1
      remainder += sum
    }
    shares[i] = share
    remainders[i] = remainder
    left -= share
  }
  if (left > 0) {
    for (const i of largest(remainders, left, (a, b) => remainders[a]! > remainders[b]!)) shares[i]! += 1
  }
  if (total < 0) for (let i = 0; i < count; i++) shares[i] = -shares[i]! + 0
}
