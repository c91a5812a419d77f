/**
 * The second half of the proof: claimed rows are replayed over the facts in order. What is left of every lot
 * follows from the claims alone; each closing trade is then asked whether a lot that the method closes first
 * was passed over, by a tree over all lots of a pool in the order of the method. Shares nothing with the engine.
 */

import { canonicalDecimal, normalize, pow10, rescale } from '../base/decimal.js'
import { compareText } from '../base/text.js'
import type { OpenLot } from './allocation.js'
import { dustOf, type LotConfig, type Method, type Scope } from './config.js'
import { FirstActive } from './first-active.js'
import { type SymbolClaims, unitsOf, type Violations } from './proof.js'
import { type Move, movesOf } from './proof-moves.js'
import { inTime, timeOf, UnitCosts } from './proof-order.js'
import type { SymbolFacts } from './symbol-facts.js'
import { UnitsColumn } from './units-column.js'

export interface ReplayInput {
  readonly facts: SymbolFacts
  readonly config: LotConfig
  readonly known: SymbolClaims
  readonly open: readonly OpenLot[]
  readonly found: Violations
}

export const replay = (input: ReplayInput): void => new Replay(input).run()

/** All lots in the order of one method, pool after pool. */
interface Ranking {
  readonly method: Method
  readonly scope: Scope
  readonly placeOf: Int32Array
  readonly partAt: Int32Array
  readonly pools: ReadonlyMap<string, readonly [from: number, to: number]>
  readonly active: FirstActive
  /** Negative: the method closes the first part before the second, pools apart. */
  readonly compare: (a: number, b: number) => number
}

class Replay {
  private readonly facts: SymbolFacts
  private readonly found: Violations
  private readonly symbol: string
  private readonly scale: number
  /** A lot of a trade in an account; the first `trades` of them in the account of the trade itself. */
  private readonly partTrade: number[] = []
  private readonly partAccount: (string | null)[] = []
  private readonly partByName = new Map<string, number>()
  /** Parts of a trade in other accounts than its own. */
  private readonly movedParts = new Map<number, number[]>()
  private readonly left: UnitsColumn
  /** Place of each trade in time. */
  private readonly time: Int32Array
  private readonly sequence: number[]
  private readonly rowsOf: (number[] | undefined)[]
  /** The closing trade that a part met last, as dust and otherwise. */
  private readonly met: [Int32Array, Int32Array]
  /** By number of transfer. */
  private readonly moves: readonly (readonly Move[])[]
  /** What is left of the fee of each lot; undefined where lots are moved, split or averaged, and only sums hold. */
  private readonly feeLeft: UnitsColumn | undefined
  private regime = 0
  private ranking: Ranking
  private readonly dust: bigint

  constructor(private readonly input: ReplayInput) {
    const { facts, known, config, found } = input
    this.facts = facts
    this.found = found
    this.symbol = facts.symbol
    this.scale = Math.max(known.claims.scale, facts.scales().size)
    this.dust = rescale(dustOf(config, facts.symbol), this.scale, 'down').units
    this.sequence = inTime(facts)
    this.time = new Int32Array(this.sequence.length)
    this.sequence.forEach((row, place) => {
      this.time[row] = place
    })
    for (let row = 0; row < facts.trades; row++) {
      this.partTrade.push(row)
      this.partAccount.push(facts.account[row]!)
    }
    this.moves = movesOf(facts, config, known, this.scale)
    for (const moves of this.moves) for (const { row, to_account } of moves) this.notePart(row, to_account)
    this.left = UnitsColumn.zeros(this.partTrade.length)
    this.met = [
      new Int32Array(this.partTrade.length).fill(-1),
      new Int32Array(this.partTrade.length).fill(-1),
    ]
    const isPlain =
      facts.splits.length === 0 &&
      facts.transfers.length === 0 &&
      [config, ...config.switches].every(({ method }) => method !== 'average')
    this.feeLeft = isPlain ? UnitsColumn.zeros(facts.trades) : undefined
    this.rowsOf = new Array(facts.trades).fill(undefined)
    for (let k = 0; k < known.rows.length; k++) {
      const isShort = known.claims.texts.lot_side[known.rows[k]!] === 'short'
      const closing = isShort ? known.buy[k]! : known.sell[k]!
      const rows = this.rowsOf[closing]
      if (rows === undefined) this.rowsOf[closing] = [k]
      else rows.push(k)
    }
    this.ranking = this.rank(config.method, config.scope)
  }

  run(): void {
    const { facts, config } = this.input
    for (const row of this.sequence) {
      const at = timeOf(facts, row)
      while (this.regime < config.switches.length && config.switches[this.regime]!.at <= at) {
        const { method, scope } = config.switches[this.regime]!
        this.ranking = this.rank(method, scope)
        this.regime += 1
      }
      if (row < facts.trades) this.trade(row)
      else if (row < facts.trades + facts.splits.length) this.split(row - facts.trades)
      else this.transfer(row - facts.trades - facts.splits.length)
    }
    this.end()
  }

  private notePart(row: number, account: string): void {
    if (this.part(row, account) >= 0) return
    this.partByName.set(`${row}\n${account}`, this.partTrade.length)
    this.movedParts.set(row, [...(this.movedParts.get(row) ?? []), this.partTrade.length])
    this.partTrade.push(row)
    this.partAccount.push(account)
  }

  /** −1: no lot of that trade was ever in that account. */
  private part(row: number, account: string | null): number {
    if (account === this.facts.account[row]) return row
    return account === null ? -1 : (this.partByName.get(`${row}\n${account}`) ?? -1)
  }

  private poolName(
    { method, scope }: { method: Method; scope: Scope },
    row: number,
    account: string | null,
  ): string {
    if (scope === 'symbol' && method !== 'specific') return ''
    const { strategy, bracket } = this.facts
    const own = scope === 'symbol' ? null : scope === 'account' ? account : strategy[row]!
    if (method !== 'specific') return JSON.stringify(own)
    const shared = bracket[row] === null ? { strategy: strategy[row]! } : { bracket: bracket[row]! }
    return JSON.stringify([own, shared])
  }

  private rank(method: Method, scope: Scope): Ranking {
    const { facts, time, partTrade, partAccount } = this
    const parts = partTrade.map((_, part) => part)
    const pools = parts.map((part) => {
      const row = partTrade[part]!
      return `${facts.buy[row] ? 'long' : 'short'} ${this.poolName({ method, scope }, row, partAccount[part]!)}`
    })
    const costs = method === 'hifo' || method === 'lofo' ? new UnitCosts(facts, this.scale) : undefined
    const byAge = (a: number, b: number): number =>
      time[partTrade[a]!]! - time[partTrade[b]!]! || compareText(partAccount[a] ?? '', partAccount[b] ?? '')
    const sign = method === 'lofo' ? 1 : -1
    const compare = (a: number, b: number): number => {
      if (method === 'lifo') return byAge(b, a)
      const dearer = costs === undefined ? 0 : costs.compare(partTrade[a]!, partTrade[b]!)
      return sign * dearer || byAge(a, b)
    }
    parts.sort((a, b) => (pools[a] === pools[b] ? compare(a, b) : pools[a]! < pools[b]! ? -1 : 1))
    const placeOf = new Int32Array(parts.length)
    const ranges = new Map<string, [number, number]>()
    const active = new FirstActive(parts.length)
    parts.forEach((part, place) => {
      placeOf[part] = place
      const range = ranges.get(pools[part]!)
      if (range === undefined) ranges.set(pools[part]!, [place, place + 1])
      else range[1] = place + 1
      if (this.left.at(part) > 0n) active.set(place, 1)
    })
    return { method, scope, placeOf, partAt: Int32Array.from(parts), pools: ranges, active, compare }
  }

  private setLeft(part: number, units: bigint): void {
    this.left.set(part, units)
    this.ranking.active.set(this.ranking.placeOf[part]!, units > 0n ? 1 : 0)
  }

  private trade(row: number): void {
    const { facts, ranking, found, symbol } = this
    const { claims, rows } = this.input.known
    const { texts, numbers } = claims
    const id = facts.order_id[row]!
    const buys = facts.buy[row]!
    const factor = pow10(this.scale - claims.scale)
    const names = ranking.method === 'specific' ? facts.lot_ids[row]! : []
    const range = ranking.pools.get(
      `${buys ? 'short' : 'long'} ${this.poolName(ranking, row, facts.account[row]!)}`,
    )
    let closed = 0n
    let unmatched = 0n
    let worst = -1
    let lastName = -1
    for (const k of this.rowsOf[row] ?? []) {
      const i = rows[k]!
      const size = numbers.allocated_size.at(i) * factor
      const kind = texts.class[i]!
      if (kind !== 'dust') closed += size
      if (kind === 'unmatched') {
        if (unmatched > 0n) found.add('DUPLICATE', symbol, id, `${id} is unmatched in two rows.`)
        unmatched += size
        continue
      }
      const lot = buys ? this.input.known.sell[k]! : this.input.known.buy[k]!
      const part = this.part(lot, texts.lot_account[i]!)
      if (part < 0) {
        found.add(
          'POOL',
          symbol,
          id,
          `${id} closes a lot of ${facts.order_id[lot]} in an account it never was in.`,
        )
        continue
      }
      const met = this.met[kind === 'dust' ? 0 : 1]
      if (met[part] === row) found.add('DUPLICATE', symbol, id, `${id} meets ${facts.order_id[lot]} twice.`)
      met[part] = row
      const place = ranking.placeOf[part]!
      if (names.length > 0) {
        const name = names.indexOf(facts.order_id[lot]!)
        lastName = Math.max(lastName, name)
        if (name < 0 || !this.isInScope(row, part)) {
          found.add(
            'POOL',
            symbol,
            id,
            `${id} closes ${facts.order_id[lot]}, which it does not name in its pool.`,
          )
        }
      } else if (range === undefined || place < range[0] || place >= range[1]) {
        found.add('POOL', symbol, id, `${id} closes ${facts.order_id[lot]}, a lot of another pool.`)
      } else worst = Math.max(worst, place)
      this.checkFeeShare(part, i, size, buys)
      const left = this.left.at(part) - size
      if (left < 0n) {
        found.add(
          'OVERUSED',
          symbol,
          id,
          `${id} closes ${this.text(-left)} more of ${facts.order_id[lot]} than there is.`,
        )
      }
      if (kind === 'dust' && (left !== 0n || size > this.dust)) {
        found.add('DUST', symbol, id, `${this.text(size)} of ${facts.order_id[lot]} is no dust.`)
      }
      this.setLeft(part, left < 0n ? 0n : left)
    }
    this.checkDust(row)
    const whole = facts.units.at(row) * pow10(this.scale - facts.scale[row]!)
    const opened = whole - closed
    const mayOpen = buys || (this.input.config.short === 'allow' && names.length === 0)
    if (opened < 0n || (opened > 0n && !mayOpen)) {
      found.add(
        buys ? 'OVERUSED' : 'COMPLETENESS',
        symbol,
        id,
        `Rows of ${id} sum to ${this.text(closed)}, its size is ${this.text(whole)}.`,
      )
    }
    if (unmatched > 0n && mayOpen) {
      found.add('COMPLETENESS', symbol, id, `${id} is unmatched although it may go short.`)
    }
    if (names.length > 0) this.checkNames(row, names, opened > 0n || unmatched > 0n ? names.length : lastName)
    else if (range !== undefined) {
      const limit = opened > 0n || unmatched > 0n ? range[1] : worst
      const first = ranking.active.first(range[0], range[1])
      if (first >= 0 && first < limit) {
        const skipped = facts.order_id[this.partTrade[ranking.partAt[first]!]!]
        found.add('ORDER', symbol, id, `${id} passes over ${skipped}, which ${ranking.method} closes first.`)
      }
    }
    if (opened > 0n && mayOpen) this.open(row, opened)
  }

  /** What a trade did not close with is a lot, with the fee that its rows left. */
  private open(row: number, size: bigint): void {
    const { known } = this.input
    const { numbers, scale } = known.claims
    this.setLeft(row, size)
    if (this.feeLeft === undefined) return
    const more = scale - this.facts.feeScale[row]!
    if (more < 0) return
    let fee = this.facts.feeUnits.at(row) * pow10(more)
    const share = this.facts.buy[row]! ? numbers.buy_fee : numbers.sell_fee
    for (const k of this.rowsOf[row] ?? []) fee -= share.at(known.rows[k]!)
    this.feeLeft.set(row, fee)
  }

  /** The fee of a lot is shared by size, cut at the eighth digit or its own last, the rest with the last share. */
  private checkFeeShare(part: number, i: number, size: bigint, isShort: boolean): void {
    if (this.feeLeft === undefined) return
    const { numbers, scale } = this.input.known.claims
    const share = (isShort ? numbers.sell_fee : numbers.buy_fee).at(i)
    const left = this.left.at(part)
    const fee = this.feeLeft.at(part)
    const unit = pow10(Math.max(0, scale - Math.max(8, this.facts.feeScale[part]!)))
    const expected = size >= left ? fee : ((fee * size) / (left * unit)) * unit
    this.feeLeft.set(part, fee - share)
    if (share === expected) return
    const id = this.facts.order_id[part]!
    this.found.add('MONEY', this.symbol, id, `A share of the fee of ${id} is not by size.`)
  }

  /** A lot that a closing trade touched is closed as dust or more than it. */
  private checkDust(row: number): void {
    if (this.dust === 0n) return
    const { known } = this.input
    for (const k of this.rowsOf[row] ?? []) {
      const lot = this.facts.buy[row]! ? known.sell[k]! : known.buy[k]!
      if (lot < 0) continue
      const part = this.part(lot, known.claims.texts.lot_account[known.rows[k]!]!)
      const left = part < 0 ? 0n : this.left.at(part)
      if (left === 0n || left > this.dust) continue
      const id = this.facts.order_id[lot]!
      this.found.add(
        'DUST',
        this.symbol,
        this.facts.order_id[row]!,
        `${this.text(left)} of ${id} stays open.`,
      )
    }
  }

  /** Scope alone, which is what named lots must be in. */
  private isInScope(row: number, part: number): boolean {
    const { scope } = this.ranking
    const name = (trade: number, account: string | null): string =>
      this.poolName({ method: 'fifo', scope }, trade, account)
    return name(row, this.facts.account[row]!) === name(this.partTrade[part]!, this.partAccount[part]!)
  }

  /** Named lots are closed in the order of the names: none before `until` is still open. */
  private checkNames(row: number, names: readonly string[], until: number): void {
    const wanted = !this.facts.buy[row]!
    for (const name of names.slice(0, Math.max(0, until))) {
      const lot = this.input.known.rowOf(name)
      if (lot === undefined || this.facts.buy[lot] !== wanted) continue
      const isOpen = [lot, ...(this.movedParts.get(lot) ?? [])].some(
        (part) => this.left.at(part) > 0n && this.isInScope(row, part),
      )
      if (!isOpen) continue
      const id = this.facts.order_id[row]!
      this.found.add('ORDER', this.symbol, id, `${id} passes over ${name}, which it names first.`)
    }
  }

  private split(index: number): void {
    const { numerator, denominator } = this.facts.splits[index]!
    for (let part = 0; part < this.left.length; part++) {
      const left = this.left.at(part)
      if (left === 0n) continue
      const places = Math.max(8, normalize({ units: left, scale: this.scale }).scale)
      const unit = pow10(this.scale - places)
      const after = ((left * numerator) / (denominator * unit)) * unit
      this.left.set(part, after === 0n ? unit : after)
    }
  }

  private transfer(index: number): void {
    const { from_account } = this.facts.transfers[index]!
    for (const { row, to_account, size } of this.moves[index]!) {
      const [from, to] = [this.part(row, from_account), this.part(row, to_account)]
      this.setLeft(from, this.left.at(from) - size)
      this.setLeft(to, this.left.at(to) + size)
    }
  }

  /** What the claims leave of every lot is what is said to be open. */
  private end(): void {
    const said = new Map<number, bigint>()
    for (const lot of this.input.open) {
      const row = this.input.known.rowOf(lot.order_id)
      const part = row === undefined ? -1 : this.part(row, lot.account)
      if (row === undefined) {
        this.found.add('ORPHAN', this.symbol, lot.order_id, `Open lot ${lot.order_id} is no effective trade.`)
      } else if (part < 0 || said.has(part) || (lot.side === 'long') !== this.facts.buy[row]) {
        this.found.add('CONSERVATION', this.symbol, lot.order_id, `${lot.order_id} cannot be open like that.`)
      } else said.set(part, unitsOf(lot.remaining_size, this.scale))
    }
    for (let part = 0; part < this.left.length; part++) {
      const left = this.left.at(part)
      const open = said.get(part) ?? 0n
      if (open === left) continue
      const id = this.facts.order_id[this.partTrade[part]!]!
      const message = `${this.text(left)} of ${id} is left by its rows, ${this.text(open)} is open.`
      this.found.add('CONSERVATION', this.symbol, id, message)
    }
  }

  private text(units: bigint): string {
    return canonicalDecimal({ units, scale: this.scale })
  }
}
