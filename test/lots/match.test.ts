/** Figures a controller can follow, the arithmetic beside them. */

import { describe, expect, test } from 'vitest'
import type { AllocationRow, OpenLot } from '#tieout/lots/allocation'
import { ALLOCATION_FIELDS, allocationFields, allocationRows } from '#tieout/lots/allocation-rows'
import { resultDigest } from '#tieout/lots/compute'
import { configDigest, type LotConfigDraft, lotConfig } from '#tieout/lots/config'
import type { Split, Transfer } from '#tieout/lots/facts'
import { matchSymbol } from '#tieout/lots/match'
import type { Trade } from '#tieout/lots/trade'
import { lots, prove, split, stored, trades, transfer } from '../support/lots.js'
import { refusalOf } from '../support/refusals.js'

type Facts = readonly (Trade | Split | Transfer)[]

/** sell ← buy size class: cost, net, pnl; then what is open; everything is proved besides. */
function check(
  facts: Facts,
  draft: LotConfigDraft,
  expected: readonly string[],
  open: readonly string[],
): void {
  const computed = lots(facts, draft)
  expect(computed.failed).toEqual(new Map())
  const results = [...computed.symbols.values()]
  const rows = results.flatMap(({ allocations }) => [...allocationRows(allocations)])
  expect(rows.map(line)).toEqual(expected)
  expect(results.flatMap(({ state }) => state.lots.map(openLine))).toEqual(open)
  expect(prove(computed, stored(computed)).violations).toEqual([])
}
const line = (row: AllocationRow): string =>
  `${row.sell_order_id} ← ${row.buy_order_id} ${row.allocated_size} ${row.class}: ${row.cost_basis}, ${row.net_proceeds}, ${row.pnl}`
const openLine = (lot: OpenLot): string =>
  `${lot.order_id} ${lot.side} ${lot.remaining_size} for ${lot.remaining_cost} in ${lot.pool}`

describe('worked figures', () => {
  test('two lots, one sell', () =>
    check(
      trades(`
        b1 buy  0.5 @ 30000
        b2 buy  0.3 @ 31000
        s1 sell 0.7 @ 32000`),
      {},
      [
        's1 ← b1 0.5 matched: 15000, 16000, 1000', // 0.5 × (32000 − 30000)
        's1 ← b2 0.2 matched: 6200, 6400, 200', // 0.2 × (32000 − 31000)
      ],
      ['b2 long 0.1 for 3100 in symbol'],
    ))

  test('fees turn a gain into a loss', () =>
    check(
      trades(`
        b1 buy  149.6 @ 0.2010 fee 0.0752
        s1 sell 149.6 @ 0.2014 fee 0.0753`),
      {},
      // 30.12944 − 0.0753 = 30.05414; 30.0696 + 0.0752 = 30.1448; gross 0.05984, net −0.09066
      ['s1 ← b1 149.6 matched: 30.1448, 30.05414, -0.09066'],
      [],
    ))

  test('no digit is lost', () =>
    check(
      trades(`
        b1 buy  0.00012345 @ 40123.456789
        s1 sell 0.00012345 @ 42789.654321`),
      {},
      // 0.00012345 × 2666.197532 = 0.32914208532540
      ['s1 ← b1 0.00012345 matched: 4.95324074060205, 5.28238282592745, 0.3291420853254'],
      [],
    ))
})

describe('methods close', () => {
  const book = trades(`
    b1 buy  1 @ 100 fee 15
    b2 buy  1 @ 110
    b3 buy  1 @ 105
    s1 sell 1 @ 120`)
  test.each([
    ['fifo', 'b1', '115', '5'],
    ['lifo', 'b3', '105', '15'],
    ['hifo', 'b1', '115', '5'], // by cost with the fee, not by price
    ['lofo', 'b3', '105', '15'],
    ['average', 'b1', '110', '10'], // (115 + 110 + 105) ÷ 3, under the name of the oldest
    ['specific', 'b1', '115', '5'], // without named lots: first in of the strategy
  ] as const)('%s: %s', (method, buy, cost, pnl) => {
    const rows = lots(book, { method }).symbols.get('BTC-USD')!.allocations
    expect([...allocationRows(rows)].map(line)).toEqual([`s1 ← ${buy} 1 matched: ${cost}, 120, ${pnl}`])
  })

  test('equal cost by age, a nanosecond and a venue sequence apart', () => {
    const at = '2025-03-01T00:00:00'
    const facts = trades(`
      b2 buy 1 @ 100 at ${at}.000000002Z
      b1 buy 1 @ 100 at ${at}.000000001Z
      s1 sell 1 @ 120 at ${at}.000000002Z`)
    check(facts, { method: 'hifo' }, ['s1 ← b1 1 matched: 100, 120, 20'], ['b2 long 1 for 100 in symbol'])
  })

  test('specific: the lots a sell names, in its order; a lot of another account is not there for it', () => {
    const facts = trades(`
      b1 buy  1 @ 100 in A
      b2 buy  1 @ 110 in B
      b3 buy  1 @ 105 in A
      s1 sell 2 @ 120 in A lots b3,b2,b1
      s2 sell 1 @ 120 in A lots b2`)
    check(
      facts,
      { method: 'specific', scope: 'account', short: 'allow' },
      [
        's1 ← b3 1 matched: 105, 120, 15',
        's1 ← b1 1 matched: 100, 120, 20',
        's2 ← null 1 unmatched: null, 120, null',
      ],
      ['b2 long 1 for 110 in account:B'],
    )
    const { findings } = lots(facts, { method: 'specific', scope: 'account' }).symbols.get('BTC-USD')!
    expect(findings.map(({ code, order_id }) => `${code} ${order_id}`)).toEqual([
      'LOT_NOT_FOUND s1',
      'LOT_NOT_FOUND s2',
      'OVERSELL s2',
    ])
    const ignored = lots(facts, { method: 'fifo' }).symbols.get('BTC-USD')!.findings
    expect(ignored.map(({ code }) => code)).toEqual(['LOT_IDS_IGNORED', 'LOT_IDS_IGNORED'])
  })

  describe('specific: lots of the bracket that a sell shares, oldest first', () => {
    const book = `
      b0 buy  1 @ 100 for X
      b1 buy  1 @ 110 for X bracket K
      b2 buy  1 @ 120 for Y bracket K
      b3 buy  1 @ 130 for X bracket L`
    test.each([
      ['as far as they cover it', 's1 sell 1.5 @ 150 bracket K', ['b1 1', 'b2 0.5'], []],
      [
        'the rest is unmatched, whatever else is open',
        's1 sell 3 @ 150 bracket K',
        ['b1 1', 'b2 1', 'null 1'],
        ['K'],
      ],
      ['none of another bracket', 's1 sell 1 @ 150 bracket M', ['null 1'], ['M']],
      ['a sell without one goes by strategy', 's1 sell 2 @ 150 for X', ['b0 1', 'null 1'], ['']],
      ['named lots before the bracket', 's1 sell 1 @ 150 bracket K lots b3', ['b3 1'], []],
    ] as const)('%s', (_, sell, closed, uncovered) => {
      const { allocations, findings } = lots(trades(`${book}\n${sell}`), { method: 'specific' }).symbols.get(
        'BTC-USD',
      )!
      const rows = [...allocationRows(allocations)]
      expect(rows.map((row) => `${row.buy_order_id} ${row.allocated_size}`)).toEqual(closed)
      const messages = uncovered.map((bracket) =>
        bracket === '' ? 'No lot covers 1 of sell s1.' : `No lot of bracket ${bracket} covers 1 of sell s1.`,
      )
      expect(findings.map(({ code, message }) => [code, message])).toEqual(
        messages.map((message) => ['OVERSELL', message]),
      )
    })

    test('of the scope alone: another account has a bracket of that name', () => {
      const facts = trades(`
        b1 buy  1 @ 110 in A bracket K
        b2 buy  1 @ 120 in B bracket K
        s1 sell 1 @ 150 in B bracket K`)
      const rows = lots(facts, { method: 'specific', scope: 'account' }).symbols.get('BTC-USD')!.allocations
      expect([...allocationRows(rows)].map(line)).toEqual(['s1 ← b2 1 matched: 120, 150, 30'])
    })

    test('a bracket may begin with a short sale, where those are allowed', () => {
      const facts = trades(`
        b0 buy  1 @ 100
        s1 sell 1 @ 150 bracket K
        b1 buy  1 @ 120
        b2 buy  1 @ 110 bracket K`)
      const { allocations, state } = lots(facts, { method: 'specific', short: 'allow' }).symbols.get(
        'BTC-USD',
      )!
      expect(
        [...allocationRows(allocations)].map(
          (row) => `${row.sell_order_id} ${row.buy_order_id} ${row.class}`,
        ),
      ).toEqual(['s1 b2 short'])
      expect(state.lots.map(({ order_id, bracket }) => [order_id, bracket])).toEqual([
        ['b0', null],
        ['b1', null],
      ])
    })

    test('other methods do not look at it', () => {
      const facts = trades('b1 buy 1 @ 100 bracket K\ns1 sell 1 @ 150 bracket L')
      const { allocations, findings } = lots(facts).symbols.get('BTC-USD')!
      expect([...allocationRows(allocations)].map(line)).toEqual(['s1 ← b1 1 matched: 100, 150, 50'])
      expect(findings).toEqual([])
    })
  })
})

describe('scopes', () => {
  const book = trades(`
    b1 buy  1 @ 100 in A for X
    b2 buy  1 @ 110 in B for Y
    b3 buy  1 @ 120 in B for X
    s1 sell 1 @ 130 in B for X`)
  test.each([
    ['symbol', 'b1'],
    ['account', 'b2'],
    ['strategy', 'b1'],
  ] as const)('%s: %s', (scope, buy) => {
    const rows = lots(book, { scope }).symbols.get('BTC-USD')!.allocations
    expect([...allocationRows(rows)].map((row) => row.buy_order_id)).toEqual([buy])
  })

  test('method and scope change at an instant, and the lots move', () => {
    const facts = trades(`
      b1 buy  1 @ 100 in A
      b2 buy  1 @ 110 in B
      s1 sell 1 @ 130 in B
      b3 buy  1 @ 120 in B
      s2 sell 1 @ 140 in B
      s3 sell 1 @ 150 in A`)
    check(
      facts,
      { switches: [{ at: '2025-03-01T03:00:00Z', method: 'lifo', scope: 'account' }] },
      [
        's1 ← b1 1 matched: 100, 130, 30',
        's2 ← b3 1 matched: 120, 140, 20',
        's3 ← null 1 unmatched: null, 150, null',
      ],
      ['b2 long 1 for 110 in account:B'],
    )
  })
})

describe('short', () => {
  const facts = trades(`
    b1 buy  1 @ 100
    s1 sell 3 @ 110 fee 0.3
    b2 buy  1 @ 90  fee 0.1
    b3 buy  2 @ 80`)
  test('allowed: through zero in one trade, and back', () =>
    check(
      facts,
      { short: 'allow' },
      [
        's1 ← b1 1 matched: 100, 109.9, 9.9',
        's1 ← b2 1 short: 90.1, 109.9, 19.8', // sold at 110, bought back at 90
        's1 ← b3 1 short: 80, 109.9, 29.9',
      ],
      ['b3 long 1 for 80 in symbol'],
    ))

  test('refused: the uncovered part is unmatched and found', () => {
    check(
      facts,
      {},
      ['s1 ← b1 1 matched: 100, 109.9, 9.9', 's1 ← null 2 unmatched: null, 219.8, null'],
      ['b2 long 1 for 90.1 in symbol', 'b3 long 2 for 160 in symbol'],
    )
    const [finding] = lots(facts).symbols.get('BTC-USD')!.findings
    expect([finding?.code, finding?.order_id, finding?.size]).toEqual(['OVERSELL', 's1', '2'])
  })
})

describe('fees', () => {
  test('uneven shares are cut at eight places and carried', () =>
    check(
      trades(`
        b1 buy  3 @ 10 fee 0.1
        s1 sell 1 @ 11
        s2 sell 1 @ 11
        s3 sell 1 @ 11`),
      {},
      [
        's1 ← b1 1 matched: 10.03333333, 11, 0.96666667',
        's2 ← b1 1 matched: 10.03333333, 11, 0.96666667',
        's3 ← b1 1 matched: 10.03333334, 11, 0.96666666', // Σ fees = 0.1
      ],
      [],
    ))

  test('in kind: less arrives, more leaves', () =>
    check(
      trades(`
        b1 buy  1     @ 100 fee 0.001 feeIn BTC
        s1 sell 0.998 @ 110 fee 0.001 feeIn BTC`),
      {},
      ['s1 ← b1 0.999 matched: 100, 109.78, 9.78'], // 0.998 × 110, for all of the 100 paid
      [],
    ))

  test('a rebate, a fee in the quote by name, a fee above the proceeds', () =>
    check(
      trades(`
        b1 buy  1 @ 100 fee -1 feeIn USD
        s1 sell 1 @ 1   fee 2`),
      {},
      ['s1 ← b1 1 matched: 99, -1, -100'],
      [],
    ))

  test('in a third currency, or with nothing left, is refused for its symbol alone', () => {
    const facts = trades(`
      b1 buy 1 @ 100 fee 1 feeIn BNB
      b2 buy 1 @ 100 fee 1 feeIn BTC
      b3 buy 1 @ 100 fee 1 feeIn USD of BTCUSD
      b4 buy 1 @ 100 of ETH-USD`)
    const { failed, symbols } = lots(facts)
    expect([...symbols.keys()]).toEqual(['ETH-USD'])
    expect([...failed].map(([symbol, problems]) => [symbol, problems.map(({ code }) => code)])).toEqual([
      ['BTC-USD', ['TIE-3111', 'TIE-3113']],
      ['BTCUSD', ['TIE-3111']],
    ])
    const named = lots(facts, { assets: { BTCUSD: { base: 'BTC', quote: 'USD' } } })
    expect([...named.symbols.keys()]).toEqual(['BTCUSD', 'ETH-USD'])
  })
})

test('dust is a row of its own, with its cost', () =>
  check(
    trades(`
      b1 buy  1        @ 100
      s1 sell 0.999999 @ 110
      b2 buy  1        @ 100
      s2 sell 0.5      @ 110`),
    { dust: '1', dust_by_symbol: { 'BTC-USD': '0.000001' } },
    [
      's1 ← b1 0.999999 matched: 99.9999, 109.99989, 9.99999',
      's1 ← b1 0.000001 dust: 0.0001, 0, -0.0001',
      's2 ← b2 0.5 matched: 50, 55, 5',
    ],
    ['b2 long 0.5 for 50 in symbol'],
  ))

describe('splits and transfers', () => {
  test('a split changes sizes, not costs', () =>
    check(
      [...trades('b1 buy 10 @ 30\ns1 sell 12 @ 12'), split('x1', '3:1', '2025-03-01T00:30:00Z')],
      {},
      ['s1 ← b1 12 matched: 120, 144, 24'], // 12 of 30 at 10 each
      ['b1 long 18 for 180 in symbol'],
    ))

  test('fractions beyond the eighth digit are cut and found; no lot is cut to nothing', () => {
    const facts = [
      ...trades('b1 buy 1 @ 30\nb2 buy 0.00000001 @ 30'),
      split('x1', '1:3', '2025-03-02T00:00:00Z'),
    ]
    check(
      facts,
      {},
      [],
      ['b1 long 0.33333333 for 30 in symbol', 'b2 long 0.00000001 for 0.0000003 in symbol'],
    )
    expect(
      lots(facts)
        .symbols.get('BTC-USD')!
        .findings.map(({ code }) => code),
    ).toEqual(['SPLIT_FRACTION'])
  })

  test('a transfer keeps identity, date and basis, and carries the remainder', () => {
    const facts = [
      ...trades(`
        b1 buy  3 @ 100 fee 0.1 in A
        b2 buy  1 @ 90 in B
        s1 sell 2 @ 110 in B`),
      transfer('t1', '1', 'A', 'B', '2025-03-01T01:30:00Z'),
    ]
    check(
      facts,
      { scope: 'account' },
      [
        's1 ← b1 1 matched: 100.03333333, 110, 9.96666667', // the older lot, though it came later
        's1 ← b2 1 matched: 90, 110, 20',
      ],
      ['b1 long 2 for 200.06666667 in account:A'],
    )
  })

  test('a transfer of more than there is', () => {
    const facts = [...trades('b1 buy 1 @ 100 in A'), transfer('t1', '3', 'A', 'B', '2025-03-02T00:00:00Z')]
    const { findings, state } = lots(facts).symbols.get('BTC-USD')!
    expect(findings.map(({ code, size }) => `${code} ${size}`)).toEqual(['TRANSFER_UNCOVERED 2'])
    expect(state.lots.map(({ account }) => account)).toEqual(['B'])
  })
})

describe('configuration', () => {
  test('all that is wrong at once', async () => {
    const draft: LotConfigDraft = {
      method: 'fiffo',
      scope: 'x',
      short: 'maybe',
      dust: '-1',
      switches: [{ at: '2025-01-01' }, { at: '2025-01-01T00:00:00Z' }, { at: '2025-01-01T01:00:00+01:00' }],
    }
    const problems = await refusalOf(() => lotConfig(draft))
    expect(problems.map(({ code }) => code)).toEqual(new Array(6).fill('TIE-3112'))
    expect(problems[0]!.remedy).toContain('Did you mean "fifo"?')
  })

  test('its digest is of what it means', () => {
    const of = (draft: LotConfigDraft): string => configDigest(lotConfig(draft))
    expect(of({ dust: '0.10', method: 'fifo' })).toBe(of({ dust: '0.1' }))
    const different = [
      {},
      { method: 'lifo' },
      { scope: 'account' },
      { short: 'allow' },
      { dust: '1' },
      { dust_by_symbol: { A: '1' } },
      { assets: { A: { base: 'A', quote: 'B' } } },
      { switches: [{ at: '2025-01-01T00:00:00Z', method: 'lifo' }] },
    ]
    expect(new Set(different.map(of)).size).toBe(different.length)
  })

  test('a version without symbols has a digest, and each symbol changes it', () => {
    const config = lotConfig()
    const { symbols, digest } = lots(trades('b1 buy 1 @ 100'))
    expect(resultDigest(config, new Map())).not.toBe(digest)
    expect(resultDigest(config, new Map([['BTC-USD', symbols.get('BTC-USD')!.digest]]))).toBe(digest)
  })
})

test('going on needs facts after the state', () => {
  const facts = trades('b1 buy 1 @ 100\ns1 sell 1 @ 100')
  const { symbols, facts: table, config } = lots(facts)
  const from = symbols.get('BTC-USD')!.state
  expect(() => matchSymbol(table.get('BTC-USD')!, config, { from })).toThrow(RangeError)
})

test('rows of text are written field by field, with numbers beyond a double too', () => {
  const facts = trades('b1 buy 123456789012.123456789 @ 98765432.123456789\ns1 sell 1 @ 0')
  const { allocations } = lots(facts).symbols.get('BTC-USD')!
  const fields = allocationFields(allocations, 0)
  expect(fields).toHaveLength(ALLOCATION_FIELDS.length)
  expect(fields[ALLOCATION_FIELDS.indexOf('pnl')]).toBe('-98765432.123456789')
})
