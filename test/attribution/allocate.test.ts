/** Events split over channels: every model by hand and beside the naive evaluator; cents, ratios, refunds. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { allocate, ratioText, weighEvents } from '#tieout/attribution/allocate'
import { halving } from '#tieout/attribution/half-life'
import { tableOf } from '#tieout/attribution/learn'
import type { WeightTable } from '#tieout/attribution/model'
import { parseModel } from '#tieout/attribution/model-text'
import { type EventPath, type Milestone, pathsOf } from '#tieout/attribution/paths'
import { adjustmentDigest, contentDigest, purchaseDigest } from '#tieout/attribution/set-digest'
import { settle } from '#tieout/attribution/settle'
import { apportion } from '#tieout/base/apportion'
import { halved, naiveCents, type Ratio, ratio, sum } from '../support/naive-attribution.js'

const DAY = 86_400_000_000
const NOON = Date.UTC(2026, 0, 10, 12) * 1000

/** `a9 b3:lead c0`: channel, days before the conversion, milestone. */
const path = (text: string): EventPath => ({
  convertedAt: NOON,
  touches: text
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => {
      const [, channel, days, milestone] = /^([a-z]+)([\d.]+)(?::(\w+))?$/.exec(word)!
      const at = NOON - Number(days) * DAY
      return milestone === undefined
        ? { channel: channel!, at }
        : { channel: channel!, at, milestone: milestone as Milestone }
    }),
})

const TABLE = tableOf(['a', 'b', 'c'], [3n, 1n, 0n])

/** `a 6000, b 4000` of 10,000 cents. */
function split(model: string, text: string, cents = 10_000n, table?: WeightTable): string {
  const paths = pathsOf([path(text)])
  const rows = allocate(paths, BigInt64Array.of(cents), parseModel(model), table)
  return Array.from(rows.channel, (channel, i) => `${paths.channels[channel]} ${rows.cents[i]}`).join(', ')
}

test.each([
  // model, path (days before the conversion), cents of 10,000
  ['first', 'a9 b3 c0', 'a 10000'],
  ['last', 'a9 b3 c0', 'c 10000'],
  ['last-touch', 'a9 b3', 'b 10000'],
  ['last-non-direct', 'a9 b3 direct1 direct0', 'b 10000'],
  ['last-non-direct', 'direct2 direct1', 'direct 10000'],
  ['last-non-direct?direct=c,direct', 'a9 b3 direct2 c1', 'b 10000'],
  ['linear', 'a9 b3 a1', 'a 6667, b 3333'],
  ['linear', 'a4 b3 c2 d1 e0.5 f0.2 g0', 'a 1429, b 1429, c 1429, d 1429, e 1428, f 1428, g 1428'],
  // U 40/20/40; two touches by 40:40, one has all
  ['position', 'a9 b3 c0', 'a 4000, b 2000, c 4000'],
  ['position', 'a9 b8 c7 d0', 'a 4000, b 1000, c 1000, d 4000'],
  ['position', 'a9 b0', 'a 5000, b 5000'],
  ['position', 'a9', 'a 10000'],
  ['position?shape=J', 'a9 b3 c0', 'a 2000, b 2000, c 6000'],
  ['position?shape=J', 'a9 b0', 'a 2500, b 7500'],
  ['position?shape=inverse-j', 'a9 b3 c0', 'a 6000, b 2000, c 2000'],
  // W 30/30/30/10: first, lead, opportunity, the others
  ['position?shape=W', 'a9 b8:lead c7 d6:opportunity e0', 'a 3000, b 3000, c 500, d 3000, e 500'],
  // nobody marked: the middle and the last; of two touches first and last
  ['position?shape=W', 'a9 b8 c7 d0', 'a 3000, b 3000, c 1000, d 3000'],
  ['position?shape=W', 'a9 b8 c7', 'a 3334, b 3333, c 3333'],
  ['position?shape=W', 'a9 b0', 'a 5000, b 5000'],
  ['position?shape=W', 'a9', 'a 10000'],
  // one touch that is first and lead: 60; opportunity 30; the rest 10
  ['position?shape=W', 'a9:lead b8 c7:opportunity', 'a 6000, b 1000, c 3000'],
  // no opportunity marked: 30 lead, 30 first, 10 the rest, over 70
  ['position?shape=W', 'a9 b8:lead c7', 'a 4286, b 4286, c 1428'],
  // Z 22.5 × 4 and 10
  ['position?shape=Z', 'a9 b8:lead c7 d6:opportunity e0', 'a 2250, b 2250, c 1000, d 2250, e 2250'],
  ['position?shape=Z', 'a9 b8 c7 d6 e5 f4 g0', 'a 2250, b 334, c 2250, d 333, e 2250, f 333, g 2250'],
  ['position?shape=Z', 'a9 b0', 'a 5000, b 5000'],
  ['position?shape=custom&shares=50/10/40', 'a9 b8 c7 d0', 'a 5000, b 500, c 500, d 4000'],
  ['position?shape=custom&shares=0.5/0.25/0', 'a9 b8 c0', 'a 6667, b 3333'],
  ['position?shape=custom&shares=0/1/0', 'a9 b0', 'a 5000, b 5000'],
  ['position?shape=custom&shares=1/0.00000000000000000001/0', 'a9 b8 c0', 'a 10000, b 0'],
  ['position?shape=custom&shares=0/0.00000000000000000001/0', 'a9 b0', 'a 5000, b 5000'],
  // half-life 7 days: 1 to 2 to 4
  ['time-decay', 'a14 b7 c0', 'a 1429, b 2857, c 5714'],
  ['time-decay', 'a24 b17 c10', 'a 1429, b 2857, c 5714'],
  ['time-decay?half-life=1', 'a2 b1', 'a 3333, b 6667'],
  ['time-decay?half-life=0.5', 'a40 b0', 'b 10000'],
  ['custom?weights=a:3,b:1', 'a9 b3 c0', 'a 7500, b 2500'],
  ['custom?weights=a:3,b:1.5', 'a9 a8 b3', 'a 6667, b 3333'],
  ['custom?weights=x:1', 'a9 b3 a1', 'a 5000, b 5000'],
  // look-back: seven days, the edge included; nothing left is unknown
  ['linear?lookback=7', 'a8 b7 c0', 'b 5000, c 5000'],
  ['linear?lookback=7', 'a8', 'unknown 10000'],
  ['first', '', 'unknown 10000'],
  // touches after the conversion are none
  ['linear', 'a1 b0', 'a 5000, b 5000'],
  ['linear?transform=exposure', 'a9 a8 b7 a6', 'a 6667, b 3333'],
  ['linear?transform=first', 'a9 a8 b7 a6', 'a 5000, b 5000'],
  ['linear?transform=frequency', 'a9 a8 b7 a6', 'a 5000, b 5000'],
  ['last?transform=first', 'a9 b7 a6', 'b 10000'],
  ['time-decay?transform=exposure&half-life=1', 'a9 b2 b1 c0', 'a 13, b 3329, c 6658'],
  ['position?shape=W&transform=first', 'a9 b8 a7:lead c6:opportunity d5', 'a 6000, b 500, c 3000, d 500'],
])('%s of %s: %s', (model, text, expected) => {
  expect(split(model, text)).toBe(expected)
})

test('a touch after the conversion is not of its path', () => {
  const late = { convertedAt: NOON, touches: [...path('a1').touches, { channel: 'b', at: NOON + 1 }] }
  const paths = pathsOf([late])
  const rows = allocate(paths, BigInt64Array.of(5n), parseModel('linear'))
  expect([...rows.cents]).toEqual([5n])
  expect(paths.channels[rows.channel[0]!]).toBe('a')
})

test.each([
  ['markov', 'a9 b3 c0', 'a 7500, b 2500'],
  ['shapley', 'b3 c1', 'b 10000'],
  // c has no weight and d is not in the table
  ['markov', 'c9 d3 d1', 'c 5000, d 5000'],
])('the learned weights of %s on %s', (model, text, expected) => {
  expect(split(model, text, 10_000n, TABLE)).toBe(expected)
})

test('a learned model without its weights is a bug', () => {
  expect(() => split('markov', 'a1')).toThrow(RangeError)
})

test('amounts beyond the whole numbers of a double are split as exactly', () => {
  const cents = 9_223_372_036_854_775_807n
  // 2⁶³ − 1 = 7 · 1317624576693539401
  expect(split('linear', 'a4 b3 c2 d1 e0.5 f0.2 g0', cents)).toBe(
    'abcdefg'
      .split('')
      .map((c) => `${c} ${cents / 7n}`)
      .join(', '),
  )
  expect(split('linear', 'a4 b3', -5n)).toBe('a -3, b -2')
})

test('ratios are shown at five places and sum to 1', () => {
  const paths = pathsOf([path('a3 b2 c1'), path('a1'), path('')])
  const rows = allocate(paths, BigInt64Array.of(100n, -7n, 0n), parseModel('linear'))
  expect(Array.from(rows.ratio, ratioText)).toEqual(['0.33334', '0.33333', '0.33333', '1.00000', '1.00000'])
  expect([...rows.event]).toEqual([0, 0, 0, 1, 2])
})

describe('halving', () => {
  test.each([
    [0n, 7n, 2n ** 62n],
    [7n, 7n, 2n ** 61n],
    [62n * 7n, 7n, 1n],
    [63n * 7n, 7n, 0n],
    [62n * 7n + 1n, 7n, 0n],
    // ⌊2^62 / √2⌋
    [1n, 2n, 3_260_954_456_333_195_553n],
  ])('of age %s at half-life %s', (age, halfLife, weight) => expect(halving(age, halfLife)).toBe(weight))

  test('is the floor of the true value', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 600n }), fc.bigInt({ min: 1n, max: 30n }), (age, halfLife) => {
        expect(halving(age, halfLife)).toBe(halved(age, halfLife))
      }),
      { numRuns: 300 },
    )
  })

  test('falls with age in microseconds over a hundred years', () => {
    const halfLife = 7n * 86_400_000_000n
    let before = halving(0n, halfLife)
    for (let age = 1n; age < 3_000_000_000_000_000n; age = age * 3n + 1n) {
      const weight = halving(age, halfLife)
      expect(weight <= before).toBe(true)
      before = weight
    }
    expect(before).toBe(0n)
  })
})

const MODEL_TEXTS = [
  'first',
  'last',
  'last-non-direct?direct=a',
  'linear',
  'linear?transform=exposure&lookback=5',
  'position',
  'position?shape=W',
  'position?shape=Z',
  'position?shape=J&transform=first',
  'position?shape=custom&shares=1/2.5/3',
  'time-decay',
  'time-decay?half-life=0.3&lookback=9',
  'custom?weights=a:1,b:2.25,d:7',
  'markov',
  'shapley?lookback=3',
]
const tableFor = (model: string): WeightTable | undefined =>
  /^(?:markov|shapley)/.test(model) ? TABLE : undefined

const someEvent: fc.Arbitrary<EventPath> = fc.record({
  convertedAt: fc.constant(NOON),
  touches: fc.array(
    fc.record(
      {
        channel: fc.constantFrom('a', 'b', 'c', 'd', 'direct', 'é', '🙂'),
        at: fc.integer({ min: 0, max: 12 * 24 }).map((hours) => NOON - (hours * DAY) / 24),
        milestone: fc.constantFrom<Milestone>('lead', 'opportunity'),
      },
      { requiredKeys: ['channel', 'at'] },
    ),
    { maxLength: 14 },
  ),
})
const someCents = fc.oneof(
  fc.bigInt({ min: -1000n, max: 100_000n }),
  fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }),
)

interface Row {
  readonly channel: string
  readonly cents: bigint
  readonly ratio: number
}

function rowsOf(events: readonly EventPath[], cents: readonly bigint[], model: string): Row[][] {
  const paths = pathsOf(events)
  const found = allocate(paths, BigInt64Array.from(cents), parseModel(model), tableFor(model))
  const rows: Row[][] = events.map(() => [])
  for (let i = 0; i < found.rows; i++)
    rows[found.event[i]!]!.push({
      channel: paths.channels[found.channel[i]!]!,
      cents: found.cents[i]!,
      ratio: found.ratio[i]!,
    })
  return rows
}

test.each(MODEL_TEXTS)(
  'of random events by %s, cents sum to the revenue and are the largest remainders',
  (model) => {
    fc.assert(
      fc.property(fc.array(fc.tuple(someEvent, someCents), { minLength: 1, maxLength: 8 }), (given) => {
        const events = given.map(([event]) => event)
        const cents = given.map(([, amount]) => amount)
        const weights = weighEvents(pathsOf(events), parseModel(model), tableFor(model))
        rowsOf(events, cents, model).forEach((rows, i) => {
          expect(rows.reduce((all, row) => all + row.cents, 0n)).toBe(cents[i])
          expect(rows.reduce((all, row) => all + row.ratio, 0)).toBe(100_000)
          const shares = new Map<string, Ratio>(
            weights[i]!.map(({ channel, weight }) => [channel, [weight, 1n]]),
          )
          expect(rows.map(({ channel, cents: c }) => `${channel} ${c}`)).toEqual(
            [...naiveCents(cents[i]!, shares)].map(([channel, c]) => `${channel} ${c}`),
          )
        })
      }),
      { numRuns: 40 },
    )
  },
)

test.each([
  'time-decay?half-life=0.01',
  'time-decay?half-life=2.7182818',
  'custom?weights=a:1,b:1.0000000000000001,c:3,d:0.0000000001',
  'markov',
])('what nearly right weights decide by %s is what exact ones decide', (model) => {
  const near = { a: 3n, b: 1n, c: 10n ** 20n, d: 10n ** 6n, direct: 3n, é: 7n }
  const table = tableOf(Object.keys(near), Object.values(near))
  fc.assert(
    fc.property(
      fc.array(fc.tuple(someEvent, fc.integer({ min: -999, max: 2 ** 30 })), {
        minLength: 40,
        maxLength: 40,
      }),
      (given) => {
        const paths = pathsOf(given.map(([event]) => event))
        const cents = given.map(([, amount]) => BigInt(amount))
        const parsed = parseModel(model)
        const found = allocate(paths, BigInt64Array.from(cents), parsed, table)
        const expected = weighEvents(paths, parsed, table).flatMap((weights, event) => {
          const parts = weights.map(({ channel, weight }) => ({ key: channel, weight }))
          const ratios = apportion(100_000n, parts)
          return apportion(cents[event]!, parts).map((amount, i) => [event, parts[i]!.key, amount, ratios[i]])
        })
        const rows = Array.from({ length: found.rows }, (_, i) => [
          found.event[i],
          paths.channels[found.channel[i]!],
          found.cents[i],
          BigInt(found.ratio[i]!),
        ])
        expect(rows).toEqual(expected)
      },
    ),
    { numRuns: 25 },
  )
})

test('weights of touches are those of a naive evaluator', () => {
  fc.assert(
    fc.property(someEvent, ({ touches }) => {
      const sorted = touches.toSorted((a, b) => a.at - b.at)
      const naive = new Map<string, Ratio>()
      const add = (channel: string, share: Ratio) =>
        naive.set(channel, sum(naive.get(channel) ?? [0n, 1n], share))
      sorted.forEach(({ channel }, i) => {
        const n = BigInt(sorted.length)
        if (n <= 2n) add(channel, ratio(1n, n))
        else add(channel, i === 0 || i === sorted.length - 1 ? ratio(2n, 5n) : ratio(1n, 5n * (n - 2n)))
      })
      if (sorted.length === 0) naive.set('unknown', [1n, 1n])
      const [found] = weighEvents(pathsOf([{ touches, convertedAt: NOON }]), parseModel('position'))
      const whole = found!.reduce((all, { weight }) => all + weight, 0n)
      expect(new Map(found!.map(({ channel, weight }) => [channel, ratio(weight, whole)]))).toEqual(naive)
    }),
    { numRuns: 200 },
  )
})

describe('what takes back', () => {
  const remaining = (cents: Record<string, bigint>) =>
    Object.entries(cents).map(([channel, amount]) => ({ channel, cents: amount, weight: 1n }))

  test.each([
    // remaining, change, taken: by what remains, not by how it was split first
    [{ a: 50n, b: 50n }, -99n, [-50n, -49n]],
    [{ a: 0n, b: 1n }, -1n, [0n, -1n]],
    [{ a: 3n, b: 3n }, 3n, [2n, 1n]],
    [{ a: -3n, b: -3n }, 6n, [3n, 3n]],
    [{ a: 0n, b: 0n }, 5n, [3n, 2n]],
    [{ a: 0n, b: 0n }, 0n, [0n, 0n]],
  ])('of %s by %s', (cents, change, expected) => {
    expect(settle(change, remaining(cents))).toEqual(expected)
  })

  test.each([
    [{ a: 3n, b: 3n }, -7n],
    [{ a: -3n, b: -3n }, 7n],
    [{ a: 0n }, -1n],
  ])('more than remains of %s is refused: %s', (cents, change) => {
    expect(() => settle(change, remaining(cents))).toThrow('TIE-4120')
  })

  /** Random partial refunds and corrections, then the rest: no channel ever below zero, and zero at the end. */
  const sequences = (runs: number, seed: number): void => {
    fc.assert(
      fc.property(
        someEvent,
        fc.bigInt({ min: 1n, max: 1_000_000n }),
        fc.constantFrom(...MODEL_TEXTS),
        fc.array(fc.integer({ min: -30, max: 99 }), { maxLength: 6 }),
        (event, revenue, model, percents) => {
          const [weights] = weighEvents(pathsOf([event]), parseModel(model), tableFor(model))
          const [rows] = rowsOf([event], [revenue], model)
          const left = rows!.map(({ channel, cents }, i) => ({ channel, cents, weight: weights![i]!.weight }))
          let total = revenue
          const apply = (change: bigint): void => {
            settle(change, left).forEach((cents, i) => {
              left[i] = { ...left[i]!, cents: left[i]!.cents + cents }
            })
            total += change
            if (left.some(({ cents }) => cents < 0n)) throw new Error('a channel went below zero')
            if (left.reduce((all, { cents }) => all + cents, 0n) !== total) throw new Error('cents are lost')
          }
          for (const percent of percents) apply((-total * BigInt(percent)) / 100n)
          apply(-total)
          if (left.some(({ cents }) => cents !== 0n)) throw new Error('something is left')
        },
      ),
      { numRuns: runs, seed },
    )
  }

  test('never goes below zero and ends at zero', () => sequences(1000, 1))
  test('never goes below zero and ends at zero, 100,000 events', { tags: ['long'] }, () =>
    sequences(100_000, 2),
  )
})

describe('digests', () => {
  const input = { modelVersion: 'linear@1.0.0+0', eventDigest: 'sha256:e', channels: ['a', 'b'] }

  test('of inputs: the model version, what the event says, what its touches are taken for', () => {
    const others = [
      { ...input, modelVersion: 'linear@1.0.0+1' },
      { ...input, eventDigest: 'sha256:f' },
      { ...input, channels: ['b', 'a'] },
      { ...input, channels: ['a', 'unknown'] },
    ]
    const digests = [input, input, ...others].map(purchaseDigest)
    expect(new Set(digests).size).toBe(5)
    const adjusted = [
      adjustmentDigest('sha256:r', digests[0]!, []),
      adjustmentDigest('sha256:s', digests[0]!, []),
      adjustmentDigest('sha256:r', digests[2]!, []),
      adjustmentDigest('sha256:r', digests[0]!, ['sha256:c']),
    ]
    expect(new Set(adjusted).size).toBe(4)
  })

  test('of contents: revenue, currency, every row, cents and ratio', () => {
    const row = { channel: 'a', allocated_revenue_cents: 5n, allocation_ratio: '1.00000' }
    const digests = [
      contentDigest(5n, 'USD', [row]),
      contentDigest(6n, 'USD', [row]),
      contentDigest(5n, 'EUR', [row]),
      contentDigest(5n, 'USD', [{ ...row, channel: 'b' }]),
      contentDigest(5n, 'USD', [{ ...row, allocated_revenue_cents: 6n }]),
      contentDigest(5n, 'USD', [{ ...row, allocation_ratio: '0.99999' }]),
    ]
    expect(new Set(digests).size).toBe(6)
    expect(digests[0]).toMatch(/^sha256:[0-9a-f]{64}$/)
  })
})
