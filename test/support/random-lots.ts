/** Random facts of one symbol and random configurations, small enough that everything meets everything. */

import fc from 'fast-check'
import { type LotConfig, lotConfig } from '#tieout/lots/config'
import { parseSplit, parseTransfer, type Split, type Transfer } from '#tieout/lots/facts'
import { type Parsed, parseTrade, type Trade } from '#tieout/lots/trade'
import type { NaiveConfig, NaiveFact } from './naive-lots.js'

export const SYMBOL = 'AAA-USD'
const ACCOUNTS = [null, 'A', 'B'] as const
const STRATEGIES = [null, 'S', 'T'] as const
const BRACKETS = [null, null, 'K', 'L'] as const
const SIZES = [
  '1',
  '2',
  '0.5',
  '3',
  '0.1',
  '7',
  '0.00012345',
  '10.25',
  '0.3',
  '1.000000001',
  '98765432109876.123456789',
]
const PRICES = ['10', '11', '9.5', '10.01', '0', '12.345678', '10.00', '100', '0.2014', '98765.432109876']
const FEES = ['0', '0.1', '-0.05', '0.0752', '0.3333333333', '25', '0.001']

const instantAt = (hour: number): string => `2025-01-${String(1 + hour).padStart(2, '0')}T00:00:00.000000000Z`
const HOURS = 16

const trade = fc.record({
  is: fc.constant('trade' as const),
  side: fc.constantFrom('buy' as const, 'buy' as const, 'sell' as const, 'sell' as const),
  size: fc.constantFrom(...SIZES),
  price: fc.constantFrom(...PRICES),
  fee: fc.constantFrom(...FEES),
  inKind: fc.nat(5).map((n) => n === 0),
  hour: fc.nat(HOURS),
  account: fc.constantFrom(...ACCOUNTS),
  strategy: fc.constantFrom(...STRATEGIES),
  bracket: fc.constantFrom(...BRACKETS),
  sequence: fc.option(fc.nat(12)),
  names: fc.array(fc.nat(20), { maxLength: 2 }),
})
const split = fc.record({
  is: fc.constant('split' as const),
  ratio: fc.constantFrom([2, 1], [3, 2], [1, 3], [7, 3], [1, 10]),
  hour: fc.nat(HOURS),
})
const transfer = fc.record({
  is: fc.constant('transfer' as const),
  size: fc.constantFrom(...SIZES),
  hour: fc.nat(HOURS),
  way: fc.constantFrom(['A', 'B'], ['B', 'A'], ['A', 'C'], ['C', 'B']),
})

export const randomFacts: fc.Arbitrary<readonly NaiveFact[]> = fc
  .array(
    fc.oneof(
      { weight: 14, arbitrary: trade },
      { weight: 1, arbitrary: split },
      { weight: 3, arbitrary: transfer },
    ),
    { minLength: 1, maxLength: 26 },
  )
  .map((drafts) =>
    drafts.map((draft, i): NaiveFact => {
      const common = { id: `o${i}`, symbol: SYMBOL, at: instantAt(draft.hour) }
      if (draft.is === 'split') return { ...common, is: 'split', n: draft.ratio[0]!, d: draft.ratio[1]! }
      if (draft.is === 'transfer') {
        return { ...common, is: 'transfer', size: draft.size, from: draft.way[0]!, to: draft.way[1]! }
      }
      const { side, price, account, strategy, bracket, sequence, names } = draft
      // A fee in kind must leave something.
      const inKind = draft.inKind && draft.fee !== '25'
      const fee = inKind && draft.fee !== '0' ? '0.00001' : draft.fee
      const lots = names.map((n) => `o${n}`)
      return {
        ...common,
        is: 'trade',
        side,
        size: draft.size,
        price,
        fee,
        inKind,
        account,
        strategy,
        sequence,
        lots,
        bracket,
      }
    }),
  )

const regime = fc.record({
  method: fc.constantFrom('fifo', 'lifo', 'hifo', 'lofo', 'average', 'specific'),
  scope: fc.constantFrom('symbol', 'account', 'strategy'),
})

export const randomConfig: fc.Arbitrary<NaiveConfig> = fc
  .record({
    first: regime,
    more: fc.array(fc.record({ regime, hour: fc.nat(HOURS) }), { maxLength: 2 }),
    short: fc.boolean(),
    dust: fc.constantFrom('0', '0', '0.00001', '0.25', '0.5'),
  })
  .map(({ first, more, short, dust }) => {
    const hours = new Map(more.map((each) => [each.hour, each.regime]))
    const switches = [...hours]
      .sort(([a], [b]) => a - b)
      .map(([hour, each]) => ({ at: instantAt(hour), ...each }))
    return { regimes: [{ at: '', ...first }, ...switches], short, dust }
  })

export const configOf = ({ regimes, short, dust }: NaiveConfig): LotConfig => {
  const [{ method, scope }, ...switches] = regimes as [
    NaiveConfig['regimes'][number],
    ...NaiveConfig['regimes'][number][],
  ]
  return lotConfig({ method, scope, short: short ? 'allow' : 'refuse', dust, switches })
}

export function parsed<T>(result: Parsed<T>): T {
  if (result.is === 'refused') throw new Error(result.problems.map(({ problem }) => problem.message).join())
  return result.value
}

/** The same facts for the product, through its own parsing. */
export function factOf(fact: NaiveFact): Trade | Split | Transfer {
  if (fact.is === 'split') {
    return parsed(parseSplit({ id: fact.id, symbol: fact.symbol, ratio: `${fact.n}:${fact.d}`, at: fact.at }))
  }
  if (fact.is === 'transfer') {
    const { id, symbol, size, from, to, at } = fact
    return parsed(parseTransfer({ id, symbol, size, from_account: from, to_account: to, at }))
  }
  return parsed(
    parseTrade({
      order_id: fact.id,
      symbol: fact.symbol,
      side: fact.side,
      size: fact.size,
      price: fact.price,
      fee: fact.fee,
      fee_currency: fact.inKind ? 'AAA' : '',
      executed_at: fact.at,
      account: fact.account ?? '',
      strategy: fact.strategy ?? '',
      venue_sequence: fact.sequence === null ? '' : String(fact.sequence),
      lot_ids: fact.lots.join(' '),
      bracket: fact.bracket ?? '',
    }),
  ) as Trade
}
