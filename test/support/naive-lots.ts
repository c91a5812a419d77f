/**
 * A second opinion on lots, for tests only: it shares no code with src. Every value is a fraction of BigInts,
 * every open lot is looked at for every trade, and money is shared by the words of the specification.
 */

export interface Fraction {
  readonly n: bigint
  readonly d: bigint
}

export interface NaiveTrade {
  readonly is: 'trade'
  readonly id: string
  readonly symbol: string
  readonly side: 'buy' | 'sell'
  readonly size: string
  readonly price: string
  readonly fee: string
  /** In units of the base asset instead of quote. */
  readonly inKind: boolean
  /** Compared as text. */
  readonly at: string
  readonly account: string | null
  readonly strategy: string | null
  readonly sequence: number | null
  readonly lots: readonly string[]
  /** Null: none. */
  readonly bracket: string | null
}
export interface NaiveSplit {
  readonly is: 'split'
  readonly id: string
  readonly symbol: string
  readonly n: number
  readonly d: number
  readonly at: string
}
export interface NaiveTransfer {
  readonly is: 'transfer'
  readonly id: string
  readonly symbol: string
  readonly size: string
  readonly from: string
  readonly to: string
  readonly at: string
}
export type NaiveFact = NaiveTrade | NaiveSplit | NaiveTransfer

export interface NaiveRegime {
  readonly at: string
  readonly method: string
  readonly scope: string
}
export interface NaiveConfig {
  /** The first holds from the beginning. */
  readonly regimes: readonly NaiveRegime[]
  readonly short: boolean
  readonly dust: string
}

interface NaiveLot {
  readonly id: string
  readonly born: number
  readonly short: boolean
  account: string | null
  readonly strategy: string | null
  readonly bracket: string | null
  size: Fraction
  gross: Fraction
  fee: Fraction
  readonly price: Fraction
  even: boolean
  readonly grossPlaces: number
  readonly feePlaces: number
  unitCost: Fraction
}

export interface NaiveRow {
  readonly sell: string
  readonly buy: string | null
  readonly class: string
  readonly lotAccount: string | null
  readonly size: Fraction
  readonly buyGross: Fraction
  readonly buyFee: Fraction
  readonly sellGross: Fraction
  readonly sellFee: Fraction
}

export interface NaiveLots {
  readonly rows: readonly NaiveRow[]
  readonly open: readonly Readonly<NaiveLot>[]
}

const gcd = (a: bigint, b: bigint): bigint => (b === 0n ? (a < 0n ? -a : a) : gcd(b, a % b))
const over = (n: bigint, d: bigint): Fraction => {
  const g = gcd(n, d) || 1n
  return { n: n / g, d: d / g }
}
export const fraction = (text: string): Fraction => {
  const [whole, part = ''] = text.split('.')
  return over(BigInt(whole! + part), 10n ** BigInt(part.length))
}
const zero: Fraction = { n: 0n, d: 1n }
export const plus = (a: Fraction, b: Fraction): Fraction => over(a.n * b.d + b.n * a.d, a.d * b.d)
export const minus = (a: Fraction, b: Fraction): Fraction => plus(a, { n: -b.n, d: b.d })
const times = (a: Fraction, b: Fraction): Fraction => over(a.n * b.n, a.d * b.d)
const less = (a: Fraction, b: Fraction): boolean => a.n * b.d < b.n * a.d
const per = (a: Fraction, b: Fraction): Fraction => over(a.n * b.d, a.d * b.n)
const isPositive = (a: Fraction): boolean => a.n > 0n
const cutAt = (a: Fraction, places: number): Fraction => {
  const unit = 10n ** BigInt(places)
  return over((a.n * unit) / a.d, unit)
}
/** Digits after the point that the number needs; it must have a finite number of them. */
const digitsOf = (a: Fraction): number => {
  for (let places = 0; ; places++) if ((a.n * 10n ** BigInt(places)) % a.d === 0n) return places
}
const sum = (values: readonly Fraction[]): Fraction => values.reduce(plus, zero)
const RANKS = { split: 0, buy: 1, transfer: 2, sell: 3 }
const rankOf = (fact: NaiveFact): number => RANKS[fact.is === 'trade' ? fact.side : fact.is]

export function naiveOrder(a: NaiveFact, b: NaiveFact): number {
  if (a.at !== b.at) return a.at < b.at ? -1 : 1
  if (rankOf(a) !== rankOf(b)) return rankOf(a) - rankOf(b)
  const x = (a.is === 'trade' ? a.sequence : null) ?? Number.POSITIVE_INFINITY
  const y = (b.is === 'trade' ? b.sequence : null) ?? Number.POSITIVE_INFINITY
  if (x !== y) return x < y ? -1 : 1
  return Buffer.compare(Buffer.from(a.id), Buffer.from(b.id))
}

/** All facts of one symbol. */
export function naiveLots(facts: readonly NaiveFact[], config: NaiveConfig): NaiveLots {
  let lots: NaiveLot[] = []
  const rows: NaiveRow[] = []
  let born = 0
  let regime = 0
  const byAge = (a: NaiveLot, b: NaiveLot): number =>
    a.born - b.born || ((a.account ?? '') < (b.account ?? '') ? -1 : 1)
  type Owner = Pick<NaiveLot, 'account' | 'strategy' | 'bracket'>
  const samePool = ({ account, strategy, bracket }: Owner, lot: NaiveLot, inNamed = false) => {
    const { scope, method } = config.regimes[regime]!
    if (method === 'specific' && !inNamed) {
      // Lots of a bracket are for its own trades; other trades go by strategy.
      if (bracket !== lot.bracket) return false
      if (bracket === null && lot.strategy !== strategy) return false
    }
    if (scope === 'account') return lot.account === account
    return scope === 'strategy' ? lot.strategy === strategy : true
  }
  const byMethod = (a: NaiveLot, b: NaiveLot): number => {
    const { method } = config.regimes[regime]!
    if (method === 'lifo') return byAge(b, a)
    if (method === 'hifo' && less(a.unitCost, b.unitCost)) return 1
    if (method === 'hifo' && less(b.unitCost, a.unitCost)) return -1
    if (method === 'lofo' && less(a.unitCost, b.unitCost)) return -1
    if (method === 'lofo' && less(b.unitCost, a.unitCost)) return 1
    return byAge(a, b)
  }
  const mates = (lot: NaiveLot): NaiveLot[] =>
    lots.filter((each) => each.short === lot.short && samePool(lot, each))
  /** The money of the pool is spread over its lots by size, oldest first, the last taking the rest. */
  const spread = (pool: readonly NaiveLot[], gross: Fraction, fee: Fraction): void => {
    let size = sum(pool.map((lot) => lot.size))
    for (const lot of [...pool].sort(byAge)) {
      const part = per(lot.size, size)
      const all = part.n === part.d
      lot.gross = all ? gross : cutAt(times(gross, part), lot.grossPlaces)
      lot.fee = all ? fee : cutAt(times(fee, part), lot.feePlaces)
      gross = minus(gross, lot.gross)
      fee = minus(fee, lot.fee)
      size = minus(size, lot.size)
      lot.even = false
    }
  }
  const average = (): void => {
    if (config.regimes[regime]!.method !== 'average') return
    for (const lot of lots) {
      const pool = mates(lot)
      spread(pool, sum(pool.map((each) => each.gross)), sum(pool.map((each) => each.fee)))
    }
  }
  const take = (lot: NaiveLot, size: Fraction): { gross: Fraction; fee: Fraction } => {
    const isAverage = config.regimes[regime]!.method === 'average'
    const pool = isAverage ? mates(lot) : [lot]
    const gross = sum(pool.map((each) => each.gross))
    const fee = sum(pool.map((each) => each.fee))
    const part = per(size, sum(pool.map((each) => each.size)))
    const all = part.n === part.d
    const slice = {
      gross: all
        ? gross
        : lot.even && !isAverage
          ? times(lot.price, size)
          : cutAt(times(gross, part), lot.grossPlaces),
      fee: all ? fee : cutAt(times(fee, part), lot.feePlaces),
    }
    lot.size = minus(lot.size, size)
    lots = lots.filter((each) => isPositive(each.size))
    if (isAverage) {
      const left = pool.filter((each) => isPositive(each.size))
      spread(left, minus(gross, slice.gross), minus(fee, slice.fee))
    } else {
      lot.gross = minus(lot.gross, slice.gross)
      lot.fee = minus(lot.fee, slice.fee)
    }
    return slice
  }

  for (const fact of [...facts].sort(naiveOrder)) {
    while (regime + 1 < config.regimes.length && config.regimes[regime + 1]!.at <= fact.at) {
      regime += 1
      average()
    }
    if (fact.is === 'split') {
      const ratio = over(BigInt(fact.n), BigInt(fact.d))
      for (const lot of lots) {
        const places = Math.max(8, digitsOf(lot.size))
        const cut = cutAt(times(lot.size, ratio), places)
        lot.size = isPositive(cut) ? cut : { n: 1n, d: 10n ** BigInt(places) }
        lot.even = false
        lot.unitCost = per(lot.unitCost, ratio)
      }
      average()
      continue
    }
    if (fact.is === 'transfer') {
      let left = fraction(fact.size)
      for (const lot of lots.filter((each) => !each.short && each.account === fact.from).sort(byMethod)) {
        if (!isPositive(left)) break
        const size = less(lot.size, left) ? lot.size : left
        left = minus(left, size)
        const slice = take(lot, size)
        const there = lots.find((each) => each.id === lot.id && each.account === fact.to)
        if (there !== undefined) {
          there.size = plus(there.size, size)
          there.gross = plus(there.gross, slice.gross)
          there.fee = plus(there.fee, slice.fee)
          there.even &&= lot.even
        } else lots.push({ ...lot, account: fact.to, size, ...slice })
        average()
      }
      continue
    }
    // A trade. The fee in kind is size that does not arrive, or leaves besides.
    const whole = fraction(fact.size)
    const price = fraction(fact.price)
    const fee = fact.inKind ? zero : fraction(fact.fee)
    const moved = !fact.inKind
      ? whole
      : fact.side === 'buy'
        ? minus(whole, fraction(fact.fee))
        : plus(whole, fraction(fact.fee))
    const gross = times(whole, price)
    const rest: NaiveLot = {
      id: fact.id,
      born: born++,
      short: fact.side === 'sell',
      account: fact.account,
      strategy: fact.strategy,
      bracket: fact.bracket,
      size: moved,
      gross,
      fee,
      price,
      even: !fact.inKind || fraction(fact.fee).n === 0n,
      grossPlaces: Math.max(8, digitsOf(whole) + digitsOf(price)),
      feePlaces: Math.max(8, fact.inKind ? 0 : digitsOf(fee)),
      unitCost: per(fact.side === 'buy' ? plus(gross, fee) : minus(gross, fee), moved),
    }
    const ofTrade = (size: Fraction): { gross: Fraction; fee: Fraction } => {
      const part = per(size, rest.size)
      const all = part.n === part.d
      const slice = {
        gross: all
          ? rest.gross
          : rest.even
            ? times(price, size)
            : cutAt(times(rest.gross, part), rest.grossPlaces),
        fee: all ? rest.fee : cutAt(times(rest.fee, part), rest.feePlaces),
      }
      rest.size = minus(rest.size, size)
      rest.gross = minus(rest.gross, slice.gross)
      rest.fee = minus(rest.fee, slice.fee)
      return slice
    }
    const row = (lot: NaiveLot, kind: string, size: Fraction, ofLot: { gross: Fraction; fee: Fraction }) => {
      const mine = kind === 'dust' ? { gross: zero, fee: zero } : ofTrade(size)
      const [buy, sell] = lot.short ? [mine, ofLot] : [ofLot, mine]
      rows.push({
        sell: lot.short ? lot.id : fact.id,
        buy: lot.short ? fact.id : lot.id,
        class: kind,
        lotAccount: lot.account,
        size,
        buyGross: buy.gross,
        buyFee: buy.fee,
        sellGross: sell.gross,
        sellFee: sell.fee,
      })
    }
    const close = (lot: NaiveLot): void => {
      const size = less(lot.size, rest.size) ? lot.size : rest.size
      row(lot, lot.short ? 'short' : 'matched', size, take(lot, size))
      if (isPositive(lot.size) && !less(fraction(config.dust), lot.size)) {
        const dust = lot.size
        row(lot, 'dust', dust, take(lot, dust))
      }
    }
    const named = config.regimes[regime]!.method === 'specific' && fact.lots.length > 0
    if (named) {
      for (const id of fact.lots) {
        const wanted = lots
          .filter((lot) => lot.id === id && lot.short !== rest.short)
          .filter((lot) => samePool(fact, lot, true))
          .sort(byAge)
        for (const lot of wanted) if (isPositive(rest.size)) close(lot)
      }
    } else {
      while (isPositive(rest.size)) {
        const [lot] = lots.filter((each) => each.short !== rest.short && samePool(fact, each)).sort(byMethod)
        if (lot === undefined) break
        close(lot)
      }
    }
    if (!isPositive(rest.size)) continue
    if (rest.short && (named || !config.short)) {
      const size = rest.size
      const slice = ofTrade(size)
      rows.push({
        sell: fact.id,
        buy: null,
        class: 'unmatched',
        lotAccount: null,
        size,
        buyGross: zero,
        buyFee: zero,
        sellGross: slice.gross,
        sellFee: slice.fee,
      })
    } else {
      lots.push(rest)
      average()
    }
  }
  return { rows, open: [...lots].sort((a, b) => byAge(a, b) || Number(a.short) - Number(b.short)) }
}
