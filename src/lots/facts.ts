/**
 * The other facts of lots: splits, transfers between accounts, balances at a time; and which trade records are
 * effective once corrections are taken into account. Rows refuse with TIE-3101 to TIE-3106; sets of records
 * with TIE-3107 (same id, other content), TIE-3108 (replaces nothing), TIE-3109 (a circle) and TIE-3110 (two
 * corrections of one row).
 */

import { canonicalDecimal, type Decimal } from '../base/decimal.js'
import { type Digest, digestOf } from '../base/digest.js'
import { type Problem, problem, refuseAll } from '../base/errors.js'
import type { NanoInstant } from '../base/instant.js'
import { didYouMean } from '../base/text.js'
import {
  type Parsed,
  type ParseOptions,
  RowReader,
  type Trade,
  type TradeRecord,
  tradeDigest,
} from './trade.js'

/** From `at` on, every unit of the symbol is numerator/denominator units; costs stay. */
export interface Split {
  readonly is: 'split'
  readonly id: string
  readonly symbol: string
  /** Whole and > 0: 3 in a 3:1 split. */
  readonly numerator: bigint
  readonly denominator: bigint
  readonly at: NanoInstant
}

/** Moves lots from one account to another; identity, date and basis go with them. */
export interface Transfer {
  readonly is: 'transfer'
  readonly id: string
  readonly symbol: string
  /** > 0. */
  readonly size: Decimal
  readonly from_account: string
  readonly to_account: string
  readonly at: NanoInstant
}

/** What an account held at an instant, its trades included, as somebody outside says. */
export interface Balance {
  readonly is: 'balance'
  readonly id: string
  readonly account: string
  readonly symbol: string
  /** Any sign. */
  readonly size: Decimal
  readonly at: NanoInstant
}

type Raw = Readonly<Record<string, string | undefined>>

/** Columns id, symbol, ratio (3:1), at. */
export function parseSplit(row: Raw, options: ParseOptions = {}): Parsed<Split> {
  const read = new RowReader(row, 'split', options)
  const ratio = read.required('ratio')
  const parts = /^0*([1-9]\d{0,8}):0*([1-9]\d{0,8})$/.exec(ratio)
  if (parts === null && ratio !== '') {
    const expected = 'two whole numbers greater than 0 such as 3:1'
    read.add('ratio', problem('TIE-3106', { column: 'ratio', value: ratio, what: 'ratio', expected }))
  }
  return read.end<Split>({
    is: 'split',
    id: read.required('id'),
    symbol: read.required('symbol'),
    numerator: BigInt(parts?.[1] ?? '1'),
    denominator: BigInt(parts?.[2] ?? '1'),
    at: read.requiredInstant('at'),
  })
}

/** Columns id, symbol, size, from_account, to_account, at. */
export function parseTransfer(row: Raw, options: ParseOptions = {}): Parsed<Transfer> {
  const read = new RowReader(row, 'transfer', options)
  const to = read.text('to_account')
  if (to !== null && to === read.text('from_account')) {
    const rule = 'another account than from_account'
    read.add('to_account', problem('TIE-3103', { column: 'to_account', value: to, rule }))
  }
  return read.end<Transfer>({
    is: 'transfer',
    id: read.required('id'),
    symbol: read.required('symbol'),
    size: read.amount('size', 'greater than 0'),
    from_account: read.required('from_account'),
    to_account: read.required('to_account'),
    at: read.requiredInstant('at'),
  })
}

/** Columns id, account, symbol, size, at. */
export function parseBalance(row: Raw, options: ParseOptions = {}): Parsed<Balance> {
  const read = new RowReader(row, 'balance', options)
  return read.end<Balance>({
    is: 'balance',
    id: read.required('id'),
    account: read.required('account'),
    symbol: read.required('symbol'),
    size: read.amount('size', 'any'),
    at: read.requiredInstant('at'),
  })
}

/** As tradeDigest is for trades. */
export function factDigest(fact: Split | Transfer | Balance): Digest {
  switch (fact.is) {
    case 'split':
      return digestOf(['split', fact.id, fact.symbol, `${fact.numerator}`, `${fact.denominator}`, fact.at])
    case 'transfer': {
      const { id, symbol, size, from_account, to_account, at } = fact
      return digestOf(['transfer', id, symbol, canonicalDecimal(size), from_account, to_account, at])
    }
    case 'balance': {
      const { id, account, symbol, size, at } = fact
      return digestOf(['balance', id, account, symbol, canonicalDecimal(size), at])
    }
  }
}

/**
 * The trades that count: those no other record replaces, in the order of the records. Repeated records of equal
 * content count once. Which ones count depends on the set of records only. Refuses with every problem.
 */
export function effectiveTrades(records: Iterable<TradeRecord>): Trade[] {
  const problems: Problem[] = []
  const byId = new Map<string, TradeRecord>()
  for (const record of records) {
    const known = byId.get(record.order_id)
    if (known === undefined) byId.set(record.order_id, record)
    else if (tradeDigest(known) !== tradeDigest(record)) {
      problems.push(problem('TIE-3107', { order_id: record.order_id, differences: '' }))
    }
  }
  const replacedBy = new Map<string, string>()
  for (const { order_id, replaces } of byId.values()) {
    if (replaces === null) continue
    const first = replacedBy.get(replaces)
    if (first !== undefined) {
      const [one, two] = [first, order_id].sort()
      problems.push(problem('TIE-3110', { replaces, first: one!, second: two! }))
    } else if (!byId.has(replaces)) {
      problems.push(
        problem('TIE-3108', { order_id, replaces, suggestion: didYouMean(replaces, byId.keys()) }),
      )
    }
    replacedBy.set(replaces, order_id)
  }
  problems.push(...circles(byId))
  refuseAll(problems)
  return [...byId.values()].filter(
    (record): record is Trade => record.is === 'trade' && !replacedBy.has(record.order_id),
  )
}

/** A circle is named once, from its least id. */
function circles(byId: ReadonlyMap<string, TradeRecord>): Problem[] {
  const settled = new Set<string>()
  const problems: Problem[] = []
  for (const [start, { replaces }] of byId) {
    if (replaces === null) continue
    const path: string[] = []
    const onPath = new Set<string>()
    let at: string | null = start
    while (at !== null && byId.has(at) && !settled.has(at) && !onPath.has(at)) {
      path.push(at)
      onPath.add(at)
      at = byId.get(at)!.replaces
    }
    if (at !== null && onPath.has(at)) {
      const circle = path.slice(path.indexOf(at))
      const least = circle.indexOf([...circle].sort()[0]!)
      const named = [...circle.slice(least), ...circle.slice(0, least + 1)]
      problems.push(problem('TIE-3109', { path: named.join(' → ') }))
    }
    for (const id of path) settled.add(id)
  }
  return problems
}
