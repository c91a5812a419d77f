/**
 * Attribution evaluated the slow and obvious way, sharing no code with the product: fractions as pairs of bigints,
 * Gaussian elimination over them, halving by a root search, largest remainders by sorting texts.
 */

export type Ratio = readonly [bigint, bigint]

const gcd = (a: bigint, b: bigint): bigint => (b === 0n ? (a < 0n ? -a : a) : gcd(b, a % b))
export function ratio(n: bigint, d = 1n): Ratio {
  const g = gcd(n, d) || 1n
  return d < 0n ? [-n / g, -d / g] : [n / g, d / g]
}
export const sum = (a: Ratio, b: Ratio): Ratio => ratio(a[0] * b[1] + b[0] * a[1], a[1] * b[1])
export const product = (a: Ratio, b: Ratio): Ratio => ratio(a[0] * b[0], a[1] * b[1])
export const quotient = (a: Ratio, b: Ratio): Ratio => ratio(a[0] * b[1], a[1] * b[0])
export const difference = (a: Ratio, b: Ratio): Ratio => sum(a, [-b[0], b[1]])
export const text = ([n, d]: Ratio): string => (d === 1n ? `${n}` : `${n}/${d}`)

export interface NaivePath {
  readonly path: readonly string[]
  readonly conversions: bigint
  readonly nulls: bigint
}

/** x of A x = b by elimination, fraction by fraction. */
export function gauss(matrix: Ratio[][], right: Ratio[]): Ratio[] {
  const n = right.length
  for (let i = 0; i < n; i++) {
    const pivot = matrix.findIndex((row, r) => r >= i && row[i]![0] !== 0n)
    ;[matrix[i], matrix[pivot]] = [matrix[pivot]!, matrix[i]!]
    ;[right[i], right[pivot]] = [right[pivot]!, right[i]!]
    for (let r = 0; r < n; r++) {
      if (r === i || matrix[r]![i]![0] === 0n) continue
      const factor = quotient(matrix[r]![i]!, matrix[i]![i]!)
      for (let c = i; c < n; c++) matrix[r]![c] = difference(matrix[r]![c]!, product(factor, matrix[i]![c]!))
      right[r] = difference(right[r]!, product(factor, right[i]!))
    }
  }
  return right.map((value, i) => quotient(value, matrix[i]![i]!))
}

/** The probability of conversion from the start, where touches of `removed` go to null. */
export function conversionProbability(
  paths: readonly NaivePath[],
  order: number,
  removed: string | null,
): Ratio {
  const names = ['']
  const rows: { to: Map<string, bigint>; converted: bigint; total: bigint }[] = []
  const rowOf = (name: string) => {
    let i = names.indexOf(name)
    if (i < 0) i = names.push(name) - 1
    rows[i] ??= { to: new Map(), converted: 0n, total: 0n }
    return rows[i]!
  }
  for (const { path, conversions, nulls } of paths) {
    const count = conversions + nulls
    if (count === 0n) continue
    let at = ''
    path.forEach((_, i) => {
      const next = JSON.stringify(path.slice(Math.max(0, i + 1 - order), i + 1))
      const row = rowOf(at)
      row.total += count
      row.to.set(next, (row.to.get(next) ?? 0n) + count)
      at = next
    })
    const row = rowOf(at)
    row.total += count
    row.converted += conversions
  }
  names.forEach((name) => {
    rowOf(name)
  })
  const last = (name: string): string | null => (name === '' ? null : (JSON.parse(name) as string[]).at(-1)!)
  const matrix = names.map((_, i) =>
    names.map((other, j) => {
      const count = last(other) === removed ? 0n : (rows[i]!.to.get(other) ?? 0n)
      const step = ratio(count, rows[i]!.total)
      return i === j ? difference([1n, 1n], step) : ratio(-step[0], step[1])
    }),
  )
  const right = rows.map(({ converted, total }) => ratio(converted, total))
  return gauss(matrix, right)[0]!
}

export function removalEffects(paths: readonly NaivePath[], order: number): Map<string, Ratio> {
  const all = conversionProbability(paths, order, null)
  const channels = [...new Set(paths.flatMap(({ path }) => path))]
  return new Map(
    channels.map((channel) => {
      const without = conversionProbability(paths, order, channel)
      return [channel, difference([1n, 1n], quotient(without, all))]
    }),
  )
}

/** Every coalition of channels, with the weights of Shapley's formula. */
export function shapleyByCoalitions(paths: readonly NaivePath[]): Map<string, Ratio> {
  const channels = [...new Set(paths.flatMap(({ path }) => path))]
  const n = channels.length
  const factorial = (k: number): bigint => (k <= 1 ? 1n : BigInt(k) * factorial(k - 1))
  const worth = (mask: number): bigint =>
    paths
      .filter(({ path }) => path.every((channel) => (mask >> channels.indexOf(channel)) & 1))
      .reduce((all, { conversions }) => all + conversions, 0n)
  return new Map(
    channels.map((channel, i) => {
      let value: Ratio = [0n, 1n]
      for (let mask = 0; mask < 1 << n; mask++) {
        if ((mask >> i) & 1) continue
        const size = mask.toString(2).replaceAll('0', '').length
        const weight = ratio(factorial(size) * factorial(n - size - 1), factorial(n))
        value = sum(value, product(weight, ratio(worth(mask | (1 << i)) - worth(mask))))
      }
      return [channel, value]
    }),
  )
}

/** ⌊2^62 · 2^(−age/halfLife)⌋: the largest w with w^halfLife · 2^age ≤ 2^(62 · halfLife). For small numbers. */
export function halved(age: bigint, halfLife: bigint): bigint {
  const fits = (w: bigint): boolean => w ** halfLife * 2n ** age <= 2n ** (62n * halfLife)
  let [low, high] = [0n, 2n ** 62n]
  while (low < high) {
    const middle = (low + high + 1n) / 2n
    if (fits(middle)) low = middle
    else high = middle - 1n
  }
  return low
}

/** Largest remainders over fractions that sum to anything > 0. */
export function naiveCents(total: bigint, shares: ReadonlyMap<string, Ratio>): Map<string, bigint> {
  const all = [...shares.values()].reduce(sum, [0n, 1n])
  const size = total < 0n ? -total : total
  const rows = [...shares].map(([channel, share]) => {
    const exact = quotient(product([size, 1n], share), all)
    const floor = exact[0] / exact[1]
    return { channel, floor, rest: difference(exact, [floor, 1n]) }
  })
  const compare = (a: Ratio, b: Ratio): number => {
    const d = difference(b, a)[0]
    return d < 0n ? -1 : d > 0n ? 1 : 0
  }
  const order = [...rows].sort((a, b) => compare(a.rest, b.rest) || (a.channel < b.channel ? -1 : 1))
  let left = size - rows.reduce((s, { floor }) => s + floor, 0n)
  for (const row of order) {
    if (left === 0n) break
    row.floor += 1n
    left -= 1n
  }
  return new Map(rows.map(({ channel, floor }) => [channel, total < 0n ? -floor : floor]))
}
