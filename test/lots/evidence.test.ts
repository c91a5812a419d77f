/** What is said about a version: bridge, balances, comparison, explanation, what-if, causes, reports. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { add, canonicalDecimal, type Decimal, parseDecimal, ZERO } from '#tieout/base/decimal'
import type { AllocationRow } from '#tieout/lots/allocation'
import { allocationRows } from '#tieout/lots/allocation-rows'
import { checkBalances } from '#tieout/lots/balances'
import { beancountJournal, commodityOf } from '#tieout/lots/beancount'
import { CauseFinder } from '#tieout/lots/causes'
import { compareVersions } from '#tieout/lots/compare'
import { compareHistorical } from '#tieout/lots/compare-historical'
import { computeLots, factsOf } from '#tieout/lots/compute'
import { lotConfig } from '#tieout/lots/config'
import { daysBetween, isLongTerm } from '#tieout/lots/days'
import { explainSell } from '#tieout/lots/explain'
import { type Balance, parseBalance } from '#tieout/lots/facts'
import { moneyBridge } from '#tieout/lots/money-bridge'
import { Form8949 } from '#tieout/lots/report-8949'
import { whatIf } from '#tieout/lots/what-if'
import { lots, split, trades, transfer } from '../support/lots.js'
import { configOf, factOf, parsed, randomConfig, randomFacts, SYMBOL } from '../support/random-lots.js'

const sum = (amounts: readonly string[]): string =>
  canonicalDecimal(amounts.reduce((total: Decimal, amount) => add(total, parseDecimal(amount)!), ZERO))
const rowsOf = ({ symbols }: ReturnType<typeof lots>): AllocationRow[] =>
  [...symbols.values()].flatMap(({ allocations }) => [...allocationRows(allocations)])

describe('money bridge', () => {
  test('from profit to cash', () => {
    const { symbols, facts } = lots(
      trades(`
        b1 buy  2 @ 100 fee 1
        s1 sell 1 @ 110 fee 0.5
        s2 sell 2 @ 120`),
    )
    const { allocations, state } = symbols.get('BTC-USD')!
    expect(moneyBridge(facts.get('BTC-USD')!, allocations, state.lots)).toEqual({
      symbol: 'BTC-USD',
      matched_pnl: '28.5', // 110 − 0.5 − 100.5 = 9; 120 − 100.5 = 19.5
      unmatched_net_proceeds: '120',
      open_cost: '0',
      open_short_proceeds: '0',
      cash_flow: '148.5', // 109.5 + 240 − 201
      difference: '0',
    })
  })

  test('of random facts under random configurations its difference is zero', () => {
    fc.assert(
      fc.property(randomFacts, randomConfig, (naive, draft) => {
        const config = configOf(draft)
        const facts = factsOf(naive.map(factOf), config)
        const { allocations, state } = computeLots(facts, config).symbols.get(SYMBOL)!
        expect(moneyBridge(facts.get(SYMBOL)!, allocations, state.lots).difference).toBe('0')
      }),
      { numRuns: 200 },
    )
  })
})

test('balances: a difference, and the interval in which it arose', () => {
  const { facts } = lots([
    ...trades(`
      b1 buy  2 @ 100 in A fee 0.1 feeIn BTC
      b2 buy  1 @ 100 in B
      s1 sell 1 @ 110 in A`),
    transfer('t1', '0.5', 'B', 'A', '2025-03-01T03:00:00Z'),
    split('x1', '2:1', '2025-03-01T04:00:00Z'),
  ])
  const anchor = (id: string, account: string, size: string, hour: number): Balance =>
    parsed(parseBalance({ id, account, symbol: 'BTC-USD', size, at: `2025-03-01T0${hour}:00:00Z` }))
  const checks = checkBalances(facts, [
    anchor('a4', 'A', '3.2', 5),
    anchor('a1', 'A', '1.9', 0),
    anchor('a2', 'A', '1.4', 3),
    anchor('a3', 'A', '2.8', 4),
    anchor('b1', 'B', '1', 9),
  ])
  expect(
    checks.map(
      (c) => `${c.balance_id} ${c.said} − ${c.computed} = ${c.difference}, ${c.arose} in ${c.facts_between}`,
    ),
  ).toEqual([
    'a1 1.9 − 1.9 = 0, 0 in 1',
    'a2 1.4 − 1.4 = 0, 0 in 2', // 1.9 − 1 + 0.5
    'a3 2.8 − 2.8 = 0, 0 in 1', // doubled
    'a4 3.2 − 2.8 = 0.4, 0.4 in 0',
    'b1 1 − 1 = 0, 0 in 3', // (1 − 0.5) × 2
  ])
  expect(checks[3]).toMatchObject({
    after: '2025-03-01T04:00:00.000000000Z',
    at: '2025-03-01T05:00:00.000000000Z',
  })
})

describe('comparison', () => {
  const facts = trades(`
    b1 buy  1 @ 100 fee 1
    b2 buy  1 @ 120 fee 2
    s1 sell 1 @ 130 fee 1`)
  test('method, fees and facts, each with its worth', () => {
    const other = [
      ...facts.map((trade) => (trade.order_id === 's1' ? { ...trade, fee: { units: 3n, scale: 0 } } : trade)),
      ...trades('s2 sell 1 @ 140 at 2025-04-01T00:00:00Z'),
    ]
    const { symbols, sells } = compareVersions(
      { facts, config: lotConfig() },
      { facts: other, config: lotConfig({ method: 'hifo' }) },
    )
    expect(symbols).toEqual([
      {
        sell_order_id: null,
        symbol: 'BTC-USD',
        left: '28', // 130 − 1 − 101
        right: '44', // 130 − 3 − 122 = 5; 140 − 101 = 39
        difference: '16',
        causes: [
          { cause: 'facts', amount: '18' }, // s2 against b2: 140 − 122
          { cause: 'fees', amount: '-2' },
        ],
      },
    ])
    expect(
      sells.map(({ sell_order_id, difference, causes }) => ({ sell_order_id, difference, causes })),
    ).toEqual([
      {
        sell_order_id: 's1',
        difference: '-23',
        causes: [
          { cause: 'fees', amount: '-2' },
          { cause: 'method', amount: '-21' },
        ],
      },
      {
        sell_order_id: 's2',
        difference: '39',
        causes: [
          { cause: 'facts', amount: '18' },
          { cause: 'method', amount: '21' },
        ],
      },
    ])
  })

  test('of random versions the causes sum to the difference, per sell and per symbol, and sells to symbols', () => {
    fc.assert(
      fc.property(randomFacts, randomFacts, randomConfig, randomConfig, (a, b, one, other) => {
        const { symbols, sells } = compareVersions(
          { facts: a.map(factOf), config: configOf(one) },
          { facts: b.map(factOf), config: configOf(other) },
        )
        for (const { difference, causes } of [...symbols, ...sells]) {
          expect(sum(causes.map(({ amount }) => amount))).toBe(difference)
        }
        expect(sum(sells.map(({ difference }) => difference))).toBe(
          sum(symbols.map((each) => each.difference)),
        )
      }),
      { numRuns: 60 },
    )
  })

  test('equal versions have no causes; each piece of the configuration is one', () => {
    const version = (draft = {}) => ({ facts, config: lotConfig(draft) })
    expect(compareVersions(version(), version()).sells).toEqual([])
    const right = {
      scope: 'account',
      short: 'allow',
      dust: '0.1',
      assets: { X: { base: 'X', quote: 'Y' } },
      switches: [{ at: '2026-01-01T00:00:00Z' }],
    }
    expect(compareVersions(version(), version(right)).symbols[0]!.difference).toBe('0')
  })

  test('with what an older system had: one cause a sell', () => {
    const rows = rowsOf(
      lots(
        trades(`
          b1 buy  1 @ 100 fee 1
          s1 sell 1 @ 130 fee 1
          b2 buy  1 @ 100
          b3 buy  3 @ 100
          s2 sell 2 @ 110
          s3 sell 0.5 @ 110
          s4 sell 0.5 @ 110.001
          s5 sell 0.5 @ 110
          s6 sell 1 @ 110
          s7 sell 0.25 @ 110
          s8 sell 1 @ 1`),
      ),
    )
    const old = (sell_order_id: string, parent_id: string | null, pnl_usd: string | null) => ({
      sell_order_id,
      parent_id,
      pnl_usd,
    })
    const { sells, causes, difference } = compareHistorical(rows, [
      old('s1', 'b1', '30'),
      old('s2', 'b2', '10'),
      old('s3', 'b1', '7'),
      old('s4', 'b3', '5'),
      old('s5', 'b3', '9'),
      old('s6', 'b3', '11'),
      old('s7', null, null),
      old('s9', 'b1', '1'),
    ])
    expect(sells.map((each) => `${each.sell_order_id} ${each.difference} ${each.cause}`)).toEqual([
      's1 -2 fees', // 28 against 30
      's2 10 several_buys',
      's3 -2 other_buy',
      's4 0.0005 rounding',
      's5 -4 amount',
      's6 -6 unmatched', // only 0.5 of it is covered
      's9 -1 unknown_sell',
    ])
    expect(sum(causes.map(({ amount }) => amount))).toBe(difference)
  })
})

test('explanation: lines with their arithmetic and their sources', () => {
  const rows = rowsOf(
    lots(
      trades(`
        b1 buy  1 @ 100 fee 1
        s1 sell 1.5 @ 110 fee 0.3`),
    ),
  )
  const source = { import_id: 'i1', line: 2, payload: { order_id: 'b1' } }
  const explained = explainSell(rows, (id) => (id === 'b1' ? source : undefined))!
  expect(explained.lines.map(({ arithmetic, days_held }) => [arithmetic, days_held])).toEqual([
    ['110 − 0.2 fee − 101 cost = 8.8', 0],
    ['55 − 0.1 fee = 54.9; no lot covers 0.5', null],
  ])
  expect(explained).toMatchObject({
    size: '1.5',
    pnl: '8.8',
    unmatched_size: '0.5',
    unmatched_net_proceeds: '54.9',
    sell_source: null,
  })
  expect(explained.lines[0]!.buy_source).toBe(source)
  expect(explainSell([], () => undefined)).toBeUndefined()
})

test('what if: every method side by side, on the lots that are open', () => {
  const { symbols, config } = lots(
    trades(`
      b1 buy 1 @ 100
      b2 buy 1 @ 120
      b3 buy 1 @ 110`),
  )
  const [sale] = trades('s1 sell 1.5 @ 130 at 2026-03-01T00:30:00Z lots b3')
  const { state } = symbols.get('BTC-USD')!
  const answers = whatIf(state, sale!, config)
  expect(answers.map(({ method, pnl, unmatched_size }) => `${method} ${pnl} ${unmatched_size}`)).toEqual([
    'fifo 35 0', // 30 + 0.5 × 10
    'lifo 25 0', // 20 + 0.5 × 10
    'hifo 20 0', // 10 + 0.5 × 20
    'lofo 40 0', // 30 + 0.5 × 20
    'average 30 0', // 1.5 × (130 − 110)
    'specific 20 0.5', // b3 alone
  ])
  for (const { pnl, long_term, short_term } of answers) expect(sum([long_term, short_term])).toBe(pnl)
  expect(whatIf(state, { ...sale!, lot_ids: [] }, config)).toHaveLength(5)
  const ofBracket = whatIf(state, { ...sale!, lot_ids: [], bracket: 'K' }, config)
  expect(ofBracket.at(-1)).toMatchObject({ method: 'specific', unmatched_size: '1.5' })
  expect(whatIf(state, { ...sale!, lot_ids: [] }, { ...config, method: 'specific' })).toHaveLength(6)
})

describe('causes of an unmatched sell', () => {
  const at = '2025-03-05T00:00:00.000000000Z'
  const sell = {
    order_id: 's1',
    symbol: 'BTC-USD',
    account: 'A',
    strategy: 'X',
    bracket: null,
    executed_at: at,
    unmatched_size: '1',
  }
  const causesOf = (book: string, draft = {}, change = {}) => {
    const { symbols, config } = lots(trades(book), draft)
    const open = [...symbols.values()].flatMap(({ state }) => state.lots)
    return new CauseFinder(open, config).causes({ ...sell, ...change })
  }
  const SPECIFIC = { method: 'specific' }
  test.each([
    ['a lot in another account', 'b1 buy 2 @ 100 in B', { scope: 'account' }, {}, 'other_account'],
    ['a lot of another strategy', 'b1 buy 2 @ 100 for Y', { scope: 'strategy' }, {}, 'other_strategy'],
    ['a lot of another bracket', 'b1 buy 2 @ 100 bracket L', SPECIFIC, { bracket: 'K' }, 'other_bracket'],
    ['a lot of a bracket', 'b1 buy 2 @ 100 for X bracket L', SPECIFIC, {}, 'other_bracket'],
    ['a lot of no bracket', 'b1 buy 2 @ 100 for X', SPECIFIC, { bracket: 'K' }, 'other_bracket'],
    ['a strategy, by its shared key', 'b1 buy 2 @ 100 for Y', SPECIFIC, {}, 'other_strategy'],
    ['a symbol spelled alike', 'b1 buy 2 @ 100 of BTC/USD', {}, {}, 'other_spelling'],
    ['a buy after the sell', 'b1 buy 2 @ 100 in A at 2025-03-06T00:00:00Z', {}, {}, 'late_buy'],
    ['dust', 'b1 buy 2 @ 100 of ETH-USD', { dust: '0.1' }, { unmatched_size: '0.1' }, 'dust'],
    ['nothing', 'b1 buy 2 @ 100 of ETH-USD', {}, {}, 'missing_buy'],
  ] as const)('%s', (_, book, draft, change, cause) => {
    const [first, ...more] = causesOf(book, draft, change)
    expect(first!.cause).toBe(cause)
    expect([first, ...more].at(-1)!.cause).toBe('missing_buy')
    if (first!.evidence.length > 0)
      expect(first!.correction).toContain(first!.cause === 'other_account' ? 'transfer of 2' : 'b1')
  })

  test('evidence for all of it goes before evidence for a part', () => {
    const book = 'b1 buy 0.5 @ 100 in B\nb2 buy 2 @ 100 in A at 2025-03-06T00:00:00Z'
    expect(causesOf(book, { scope: 'account' }).map(({ cause }) => cause)).toEqual([
      'late_buy',
      'other_account',
      'missing_buy',
    ])
  })

  test('the correction settles it', () => {
    const facts = trades('b1 buy 1 @ 100 in B\ns1 sell 1 @ 110 in A')
    expect(lots(facts, { scope: 'account' }).symbols.get('BTC-USD')!.findings).toHaveLength(1)
    const moved = [...facts, transfer('t1', '1', 'B', 'A', '2025-03-01T00:30:00Z')]
    expect(lots(moved, { scope: 'account' }).symbols.get('BTC-USD')!.findings).toEqual([])
  })
})

describe('Form 8949', () => {
  const form = (rows: readonly AllocationRow[]) => {
    const made = new Form8949()
    const all = rows.map((row) => made.row(row))
    return [...all.filter(({ part }) => part === 'I'), ...all.filter(({ part }) => part === 'II')]
  }

  test.each([
    ['2024-03-01', '2025-03-01', false],
    ['2024-03-01', '2025-03-02', true],
    ['2024-02-29', '2025-02-28', false],
    ['2024-02-29', '2025-03-01', true],
  ])('held from %s to %s: long term %s', (from, to, long) => expect(isLongTerm(from, to)).toBe(long))

  test('cents are carried, so that columns sum to their totals', () => {
    const rows = rowsOf(
      lots(
        trades(`
          b1 buy  3 @ 3.335 at 2023-01-01T00:00:00Z
          b2 buy  1 @ 5
          s1 sell 1 @ 4.445 fee 0.005
          s2 sell 1 @ 4.445
          s3 sell 2 @ 4.445
          s4 sell 1 @ 9`),
      ),
    )
    const report = form(rows)
    expect(
      report.map((row) => [row.part, row.acquired, row.proceeds, row.cost, row.adjustment, row.gain]),
    ).toEqual([
      ['I', '2025-03-01', '4.44', '5.00', '0.00', '-0.56'],
      ['I', null, '9.00', null, '0.00', null],
      ['II', '2023-01-01', '4.44', '3.34', '0.00', '1.10'],
      ['II', '2023-01-01', '4.45', '3.33', '0.00', '1.12'],
      ['II', '2023-01-01', '4.45', '3.33', '0.00', '1.12'],
    ])
    // 4 × 4.445 + 9 = 26.78; 3 × 3.335 + 5 = 15.005 → 15.00
    expect(sum(report.map(({ proceeds }) => proceeds))).toBe('26.78')
    expect(sum(report.map(({ cost }) => cost ?? '0'))).toBe('15')
  })

  test('a short sale is acquired and sold the day it is closed', () => {
    const rows = rowsOf(
      lots(trades('s1 sell 1 @ 100 at 2023-01-01T00:00:00Z\nb1 buy 1 @ 90'), { short: 'allow' }),
    )
    expect(form(rows)[0]).toMatchObject({
      part: 'I',
      acquired: '2025-03-01',
      sold: '2025-03-01',
      gain: '10.00',
    })
    expect(daysBetween('2024-02-28T23:00:00Z', '2024-03-01T01:00:00Z')).toBe(2)
  })
})

describe('beancount', () => {
  const journalOf = (computed: ReturnType<typeof lots>) =>
    beancountJournal(
      [...computed.symbols].map(([symbol, { allocations }]) => ({
        facts: computed.facts.get(symbol)!,
        rows: [...allocationRows(allocations)],
      })),
      computed.config,
    )
  test('every buy a lot of its name, every sell its lots and its gain', () => {
    const { text, left_out } = journalOf(lots(trades('b1 buy 2 @ 100 fee 1\ns1 sell 3 @ 110')))
    expect(left_out).toEqual([])
    expect(text.split('\n').slice(-13)).toEqual(
      [
        '2025-03-01 * "b1"',
        '  Expenses:Fees  1 USD',
        '  Assets:Lots:BTC  2 BTC {100 USD, 2025-03-01, "b1"}',
        '  Assets:Cash  -200 USD',
        '  Assets:Cash  -1 USD',
        '',
        '2025-03-01 * "s1"',
        '  Expenses:Fees  0 USD',
        '  Assets:Cash  330 USD',
        '  Assets:Cash  0 USD',
        '  Assets:Lots:BTC  -2 BTC {100 USD, 2025-03-01, "b1"} @ 110 USD',
        '  Income:PnL  -20 USD',
        '  Equity:Unmatched  -110 USD',
        '',
      ].slice(-13),
    )
  })

  test('what it cannot say is left out by name', () => {
    const reasons = [
      lots([...trades('b1 buy 1 @ 1'), split('x', '2:1', '2025-03-02T00:00:00Z')]),
      lots(trades('b1 buy 1 @ 1 fee 0.1 feeIn BTC')),
      lots(trades('b1 buy 1 @ 1'), { method: 'average' }),
      lots(trades('b1 buy 1 @ 1'), { short: 'allow' }),
    ].map((each) => journalOf(each).left_out[0]?.why)
    expect(reasons).toEqual([
      'it was split',
      'fees were paid in kind',
      'cost is averaged',
      'it may have short lots',
    ])
    expect(['btc', '1inch', 'a', 'X*Y-', 'Q'.repeat(40)].map(commodityOf)).toEqual([
      'BTC',
      'X1INCH',
      'AX',
      'XY',
      'Q'.repeat(23),
    ])
  })
})
