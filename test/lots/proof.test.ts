/** The proof: nothing to say about any computation, and something about every planted error. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { add, canonicalDecimal, parseDecimal } from '#tieout/base/decimal'
import type { OpenLot } from '#tieout/lots/allocation'
import { ALLOCATION_FIELDS } from '#tieout/lots/allocation-rows'
import { Claims } from '#tieout/lots/claims'
import { computeLots, factsOf } from '#tieout/lots/compute'
import type { LotConfigDraft } from '#tieout/lots/config'
import { type ProofRule, proveLots } from '#tieout/lots/proof'
import { lots, prove, type Stored, stored, trades, transfer } from '../support/lots.js'
import { configOf, factOf, randomConfig, randomFacts } from '../support/random-lots.js'

const at = (field: (typeof ALLOCATION_FIELDS)[number]): number => ALLOCATION_FIELDS.indexOf(field)

test('of random facts under random configurations it finds every computation right', () => {
  fc.assert(
    fc.property(randomFacts, randomConfig, (naive, naiveConfig) => {
      const config = configOf(naiveConfig)
      const facts = factsOf(naive.map(factOf), config)
      const computed = { ...computeLots(facts, config), config, facts }
      expect(prove(computed, stored(computed)).violations).toEqual([])
    }),
    { numRuns: 250 },
  )
})

const BOOK = `
  b1 buy  2   @ 100   fee 0.1
  b2 buy  1   @ 120   fee 0.3
  s1 sell 1.5 @ 110   fee 0.2
  s2 sell 1   @ 130
  s3 sell 1   @ 90    fee 0.1`

type Spoil = (kept: Stored) => void
const set =
  (row: number, field: (typeof ALLOCATION_FIELDS)[number], value: string | null): Spoil =>
  ({ rows }) => {
    rows[row]![at(field)] = value
  }
const setOpen =
  (change: Partial<OpenLot>): Spoil =>
  ({ open }) => {
    open[0] = { ...open[0]!, ...change }
  }

// Rows of BOOK by FIFO: s1–b1 1.5, s2–b1 0.5, s2–b2 0.5, s3–b2 0.5, s3 unmatched 0.5.
const PLANTED: readonly [
  what: string,
  rule: ProofRule,
  spoil: Spoil,
  draft?: LotConfigDraft,
  book?: string,
][] = [
  ['a buy that is no trade', 'ORPHAN', set(0, 'buy_order_id', 'b9')],
  ['a sell that is no trade', 'ORPHAN', set(0, 'sell_order_id', 's9')],
  ['sides swapped', 'SIDE', set(0, 'buy_order_id', 's2')],
  ['a class that is none', 'SIDE', set(0, 'class', 'matchd')],
  ['no size', 'SIDE', set(0, 'allocated_size', '0')],
  ['another symbol', 'SYMBOL', set(0, 'symbol', 'ETH-USD')],
  ['another price', 'COPY', set(0, 'buy_price', '100.01')],
  ['another time', 'COPY', set(0, 'sell_executed_at', '2025-03-01T02:00:01.000000000Z')],
  ['another account', 'COPY', set(0, 'account', 'X')],
  ['a row twice', 'DUPLICATE', ({ rows }) => rows.push([...rows[0]!])],
  ['two unmatched rows', 'DUPLICATE', ({ rows }) => rows.push([...rows.at(-1)!])],
  ['net that is not proceeds less fee', 'ARITHMETIC', set(0, 'net_proceeds', '165')],
  ['pnl that is not net less cost', 'ARITHMETIC', set(0, 'pnl', '14.73')],
  ['a share that is not price × size', 'GROSS', set(0, 'proceeds', '165.01')],
  ['a fee share too many', 'MONEY', set(0, 'buy_fee', '0.076')],
  [
    'an open lot with other money',
    'MONEY',
    setOpen({ remaining_fee: '0.5' }),
    {},
    'b1 buy 2 @ 100 fee 0.1\ns1 sell 1 @ 90',
  ],
  ['a row gone', 'COMPLETENESS', ({ rows }) => rows.splice(0, 1)],
  ['the unmatched row gone', 'COMPLETENESS', ({ rows }) => rows.pop()],
  ['more than was bought', 'OVERUSED', set(0, 'allocated_size', '2.5')],
  ['an open lot gone', 'CONSERVATION', ({ open }) => open.pop(), {}, 'b1 buy 2 @ 100'],
  ['an open lot larger', 'CONSERVATION', setOpen({ remaining_size: '3' }), {}, 'b1 buy 2 @ 100'],
  ['an open lot in another account', 'CONSERVATION', setOpen({ account: 'X' }), {}, 'b1 buy 2 @ 100'],
  ['a lot of another account', 'POOL', set(0, 'lot_account', 'X')],
]

test.each(PLANTED)('%s is found as %s', (_, rule, spoil, draft = {}, book = BOOK) => {
  const computed = lots(trades(book), draft)
  const kept = stored(computed)
  expect(prove(computed, kept).violations).toEqual([])
  spoil(kept)
  expect(prove(computed, kept).counts[rule]).toBeGreaterThan(0)
})

describe('rows of one method are no proof of another', () => {
  const book = trades(`
    b1 buy  1 @ 100
    b2 buy  1 @ 120
    b3 buy  1 @ 110
    s1 sell 1 @ 130`)
  const methods = ['fifo', 'lifo', 'hifo', 'lofo'] as const
  const closes = { fifo: 'b1', lifo: 'b3', hifo: 'b2', lofo: 'b1' }
  test.each(methods.flatMap((made) => methods.map((claimed) => [made, claimed] as const)))(
    'made by %s, claimed as %s',
    (made, claimed) => {
      const kept = stored(lots(book, { method: made }))
      const { counts } = prove(lots(book, { method: claimed }), kept)
      expect(counts.ORDER).toBe(closes[made] === closes[claimed] ? 0 : 1)
    },
  )

  test('a sell left unmatched beside an open lot', () => {
    const computed = lots(trades('b1 buy 1 @ 100\ns1 sell 1 @ 90'))
    const kept = stored(computed)
    const none = stored(lots(trades('b2 buy 1 @ 100 of ETH-USD\ns1 sell 1 @ 90')))
    const open = stored(lots(trades('b1 buy 1 @ 100'))).open
    expect(prove(computed, { ...kept, rows: none.rows, open }).counts.ORDER).toBe(1)
  })

  test('a named lot passed over, a lot that was not named, one of another pool', () => {
    const named = trades(`
      b1 buy  1 @ 100 in A
      b2 buy  1 @ 120 in A
      b3 buy  1 @ 110 in B
      s1 sell 1 @ 130 in A lots b2,b1`)
    const computed = lots(named, { method: 'specific', scope: 'account' })
    const rows = (facts: typeof named): Stored =>
      stored(lots(facts, { method: 'specific', scope: 'account' }))
    expect(prove(computed, rows(named)).violations).toEqual([])
    const other = (ids: readonly string[]): Stored =>
      rows(named.map((trade) => (trade.order_id === 's1' ? { ...trade, lot_ids: ids } : trade)))
    expect(prove(computed, other(['b1'])).counts.ORDER).toBe(1)
    const onlyB1 = lots(
      named.map((trade) => (trade.order_id === 's1' ? { ...trade, lot_ids: ['b1'] } : trade)),
      { method: 'specific', scope: 'account' },
    )
    expect(prove(onlyB1, rows(named)).counts.POOL).toBe(1)
    const bySymbol = stored(lots(named, { method: 'lifo', scope: 'symbol' }))
    expect(prove(lots(named, { method: 'lifo', scope: 'account' }), bySymbol).counts.POOL).toBe(1)
  })
})

test('specific: a lot of another bracket, one of the bracket passed over, none of it left unmatched', () => {
  const book = (bracket: string): ReturnType<typeof lots> =>
    lots(
      trades(`
        b1 buy  1 @ 100 bracket K
        b2 buy  1 @ 100 bracket K
        b3 buy  1 @ 100 bracket L
        s1 sell 1 @ 110 bracket ${bracket}`),
      { method: 'specific' },
    )
  const computed = book('K')
  const kept = stored(computed)
  expect(prove(computed, kept).violations).toEqual([])
  expect(prove(computed, stored(book('L'))).counts).toMatchObject({ POOL: 1, CONSERVATION: 0 })
  expect(prove(computed, stored(book('M'))).counts).toMatchObject({ ORDER: 1, COMPLETENESS: 0 })
  const younger = stored(computed)
  younger.rows[0]![at('buy_order_id')] = 'b2'
  younger.rows[0]![at('buy_executed_at')] = '2025-03-01T01:00:00.000000000Z'
  younger.open[0] = { ...younger.open[0]!, order_id: 'b1' }
  expect(prove(computed, younger).counts).toMatchObject({ ORDER: 1, POOL: 0, COPY: 0 })
})

test('a fee shared otherwise than by size, although the shares sum to it', () => {
  const computed = lots(trades('b1 buy 2 @ 100 fee 1\ns1 sell 1 @ 110\ns2 sell 1 @ 110'))
  const kept = stored(computed)
  for (const [row, fee, cost, pnl] of [
    [0, '0.4', '100.4', '9.6'],
    [1, '0.6', '100.6', '9.4'],
  ] as const) {
    kept.rows[row]![at('buy_fee')] = fee
    kept.rows[row]![at('cost_basis')] = cost
    kept.rows[row]![at('pnl')] = pnl
  }
  expect(prove(computed, kept).counts).toMatchObject({ MONEY: 1, ARITHMETIC: 0, GROSS: 0 })
})

test('time order: a lot opened after the sell', () => {
  const late = trades('s1 sell 1 @ 90\nb1 buy 1 @ 100')
  const early = stored(lots(trades('b1 buy 1 @ 100\ns1 sell 1 @ 90')))
  expect(prove(lots(late), { ...early, open: [] }).counts.TIME_ORDER).toBe(1)
})

test('dust: left open below the threshold, or closed above it', () => {
  const book = trades('b1 buy 1 @ 100\ns1 sell 0.9 @ 90')
  const closed = stored(lots(book, { dust: '0.1' }))
  const open = stored(lots(book))
  expect(prove(lots(book, { dust: '0.1' }), closed).violations).toEqual([])
  expect(prove(lots(book, { dust: '0.1' }), open).counts.DUST).toBe(1)
  expect(prove(lots(book, { dust: '0.05' }), closed).counts.DUST).toBe(1)
  closed.rows.at(-1)![at('lot_side')] = null
  expect(prove(lots(book, { dust: '0.1' }), closed).counts.SIDE).toBe(1)
})

describe('transfers: what they moved follows from facts and rows', () => {
  const facts = [
    ...trades(`
      b1 buy  2 @ 100 in A
      b2 buy  2 @ 120 in A`),
    transfer('t1', '1', 'A', 'B', '2025-03-02T00:00:00Z'),
    transfer('t2', '0.4', 'B', 'C', '2025-03-03T00:00:00Z'),
    ...trades('s1 sell 0.5 @ 110 in C at 2025-03-04T00:00:00Z'),
  ]
  const open = (kept: Stored): string[] =>
    kept.open.map(({ order_id, account, remaining_size }) => `${order_id} ${account} ${remaining_size}`)

  test('by the method in force, from account to account, and back', () => {
    for (const [method, kept] of [
      ['fifo', ['b1 A 1', 'b1 B 0.6', 'b2 A 2']],
      ['lifo', ['b1 A 2', 'b2 A 1', 'b2 B 0.6']],
      ['hifo', ['b1 A 2', 'b2 A 1', 'b2 B 0.6']],
      ['lofo', ['b1 A 1', 'b1 B 0.6', 'b2 A 2']],
    ] as const) {
      const computed = lots(facts, { method, scope: 'account' })
      expect(open(stored(computed))).toEqual(kept)
      expect(prove(computed, stored(computed)).violations).toEqual([])
    }
  })

  test('what another method would have moved is found', () => {
    const computed = lots(facts, { method: 'fifo', scope: 'account' })
    const other = stored(lots(facts, { method: 'lifo', scope: 'account' }))
    const { counts } = prove(computed, other)
    expect(counts.POOL + counts.OVERUSED).toBeGreaterThan(0)
    expect(counts.CONSERVATION).toBeGreaterThan(0)
  })

  test('a lot that stayed where it was, or is somewhere else', () => {
    const computed = lots(facts, { scope: 'account' })
    for (const account of ['A', 'C', 'X']) {
      const kept = stored(computed)
      const at = kept.open.findIndex((lot) => lot.account === 'B')
      kept.open[at] = { ...kept.open[at]!, account }
      expect(prove(computed, kept).counts.CONSERVATION).toBeGreaterThan(0)
    }
    const kept = stored(computed)
    kept.rows[0]![ALLOCATION_FIELDS.indexOf('lot_account')] = 'B'
    const { counts } = prove(computed, kept)
    expect(counts.POOL).toBe(1)
  })
})

test('a trade of another symbol is no orphan; an open lot without facts is', () => {
  const computed = lots(trades('b1 buy 1 @ 100\nb2 buy 1 @ 100 of ETH-USD\ns1 sell 1 @ 110'))
  const kept = stored(computed)
  kept.rows[0]![at('buy_order_id')] = 'b2'
  expect(prove(computed, kept).counts).toMatchObject({ SYMBOL: 1, ORPHAN: 0 })
  const [open] = stored(lots(trades('b9 buy 1 @ 100 of XRP-USD'))).open
  expect(prove(computed, { ...kept, open: [...kept.open, open!] }).counts.ORPHAN).toBe(1)
})

test('facts that changed, and a computation that gives something else', () => {
  const { facts, config } = lots(trades('b1 buy 1 @ 100'))
  const none = { facts, config, claims: new Claims(), open: [] }
  const { counts } = proveLots({
    ...none,
    factsDigest: { kept: 'a', now: 'b' },
    resultDigest: { kept: 'a', again: 'b' },
  })
  expect([counts.FACTS_CHANGED, counts.DETERMINISM]).toEqual([1, 1])
  const same = proveLots({ ...none, factsDigest: { kept: 'a', now: 'a' } })
  expect(same.counts.FACTS_CHANGED).toBe(0)
})

test('a digit changed anywhere in a row of a random computation never goes unnoticed', () => {
  const numbers = [
    'allocated_size',
    'buy_fee',
    'sell_fee',
    'cost_basis',
    'proceeds',
    'net_proceeds',
    'pnl',
  ] as const
  fc.assert(
    fc.property(
      randomFacts,
      randomConfig,
      fc.nat(),
      fc.constantFrom(...numbers),
      (naive, draft, pick, field) => {
        const config = configOf(draft)
        const facts = factsOf(naive.map(factOf), config)
        const computed = { ...computeLots(facts, config), config, facts }
        const kept = stored(computed)
        const row = kept.rows[pick % Math.max(1, kept.rows.length)]
        const value = row?.[at(field)]
        if (row === undefined || typeof value !== 'string') return
        row[at(field)] = canonicalDecimal(add(parseDecimal(value)!, { units: 1n, scale: 9 }))
        expect(prove(computed, kept).violations).not.toEqual([])
      },
    ),
    { numRuns: 200 },
  )
})
