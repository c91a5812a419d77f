/** Raw rows: what is taken, exactly; what is refused, all of it at once; what corrections leave. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatDecimal, normalize, parseDecimal } from '#tieout/base/decimal'
import { digestOf } from '#tieout/base/digest'
import type { Refusal } from '#tieout/base/errors'
import { parseInstant } from '#tieout/base/instant'
import { parseOffset, timeZone } from '#tieout/base/time-zone'
import { effectiveTrades, factDigest, parseBalance, parseSplit, parseTransfer } from '#tieout/lots/facts'
import { parseAmount, parseTrade, type RawTrade, type TradeRecord, tradeDigest } from '#tieout/lots/trade'
import { parsed } from '../support/random-lots.js'

const ROW: RawTrade = {
  order_id: 'o1',
  symbol: 'BTC-USD',
  side: 'buy',
  size: '0.5',
  price: '30000',
  fee: '0.1',
  executed_at: '2025-03-01T10:00:00Z',
}
const codes = (row: RawTrade): string[] => {
  const result = parseTrade(row)
  return result.is === 'parsed'
    ? []
    : result.problems.map(({ column, problem }) => `${problem.code} ${column}`)
}

describe('numbers', () => {
  test.each([
    ['1e-7', '0.0000001'],
    ['1E-7', '0.0000001'],
    ['1.50', '1.5'],
    ['2.5e3', '2500'],
    ['0.00012345', '0.00012345'],
    ['-0.25', '-0.25'],
    ['.5', '0.5'],
    ['0e9', '0'],
  ])('%s is %s', (text, exact) => expect(formatDecimal(parseAmount(text)!)).toBe(exact))

  test.each([
    'NaN',
    'Infinity',
    '-inf',
    '1e400',
    '1e-400',
    '1,000',
    '0x10',
    '',
    '1e',
    'e5',
    '1.2.3',
    '1'.repeat(101),
  ])('%s is refused', (text) => expect(parseAmount(text)).toBeUndefined())
})

describe('a row', () => {
  test.each<[string, Partial<RawTrade>, readonly string[]]>([
    ['is taken', {}, []],
    ['may have a rebate', { fee: '-0.05' }, []],
    ['may leave the fee out', { fee: '' }, []],
    ['may be free', { price: '0' }, []],
    ['has no negative size', { size: '-1' }, ['TIE-3103 size']],
    ['has no size of 0', { size: '0.000' }, ['TIE-3103 size']],
    ['has no negative price', { price: '-0.01' }, ['TIE-3103 price']],
    ['has finite numbers', { size: 'NaN', price: '1e400' }, ['TIE-3102 size', 'TIE-3102 price']],
    ['is a buy or a sell', { side: 'byu' }, ['TIE-3104 side']],
    ['says its zone', { executed_at: '2025-03-01T10:00:00' }, ['TIE-3105 executed_at']],
    ['has a time', { executed_at: '2025-02-30T10:00:00Z' }, ['TIE-3106 executed_at']],
    ['has a whole sequence', { venue_sequence: '1.5' }, ['TIE-3106 venue_sequence']],
    ['needs its id and symbol', { order_id: ' ', symbol: '' }, ['TIE-3101 order_id', 'TIE-3101 symbol']],
    ['needs a size unless it cancels', { size: '' }, ['TIE-3101 size']],
    ['cancels another', { size: '', replaces: 'o0' }, []],
  ])('%s', (_, change, expected) => expect(codes({ ...ROW, ...change })).toEqual(expected))

  test('names the near side', () => {
    const result = parseTrade({ ...ROW, side: 'byu' })
    expect(result.is === 'refused' && result.problems[0]!.problem.remedy).toContain('Did you mean "buy"?')
  })

  test('is the same content in another spelling, and another in any other field', () => {
    const digest = (row: RawTrade): string => tradeDigest(parsed(parseTrade(row)))
    const spelled = { ...ROW, side: 'BUY', size: '5e-1', executed_at: '2025-03-01T12:00:00.000+02:00' }
    expect(digest(spelled)).toBe(digest(ROW))
    const changes: RawTrade[] = [
      { order_id: 'o2' },
      { symbol: 'ETH-USD' },
      { side: 'sell' },
      { size: '0.6' },
      { price: '30001' },
      { fee: '0' },
      { fee_currency: 'BTC' },
      { executed_at: '2025-03-01T10:00:00.000000001Z' },
      { placed_at: '2025-03-01T10:00:00Z' },
      { account: 'A' },
      { strategy: 'A' },
      { venue_sequence: '7' },
      { lot_ids: 'a b' },
      { bracket: 'a' },
      { replaces: 'o0' },
      { size: '', replaces: 'o0' },
    ]
    const digests = new Set([ROW, ...changes.map((change) => ({ ...ROW, ...change }))].map(digest))
    expect(digests.size).toBe(changes.length + 1)
  })

  test('has the digest of rows that were imported before brackets were read', () => {
    const plain = parsed(parseTrade(ROW))
    const kept = { bracket: 'K', parent_id: null, pnl_usd: null }
    const before = digestOf([tradeDigest(plain), 'K', null, null])
    const now = parsed(parseTrade({ ...ROW, bracket: 'K' }))
    expect([tradeDigest(now), tradeDigest(now, kept), tradeDigest(plain, kept)]).toEqual([
      before,
      before,
      before,
    ])
    const cancelled = parsed(parseTrade({ ...ROW, size: '', replaces: 'o0' }))
    expect(tradeDigest(cancelled, kept)).toBe(digestOf([tradeDigest(cancelled), 'K', null, null]))
  })
})

describe('instants', () => {
  test.each([
    ['2025-03-01T10:00:00.123456789Z', '2025-03-01T10:00:00.123456789Z'],
    ['2025-03-01 10:00Z', '2025-03-01T10:00:00.000000000Z'],
    ['2025-03-01T00:30:00+01:00', '2025-02-28T23:30:00.000000000Z'],
    ['2024-12-31T23:59:59.5-0030', '2025-01-01T00:29:59.500000000Z'],
    ['2025-03-01T10:00:00.1234567890000z', '2025-03-01T10:00:00.123456789Z'],
  ])('%s is %s', (text, instant) => expect(parseInstant(text)).toEqual({ is: 'instant', instant }))

  test.each([
    '2025-03-01',
    '2025-03-01T24:00:00Z',
    '2025-03-01T10:00:60Z',
    '2025-03-01T10:00:00.1234567891Z',
    '0001-01-01T00:00:00+01:00',
  ])('%s is none', (text) => expect(parseInstant(text).is).toBe('none'))

  test('a zone of the file holds where the text has none', () => {
    const zone = timeZone('+01:00')!
    expect(parseInstant('2025-03-01T10:00:00', zone)).toEqual(parseInstant('2025-03-01T09:00:00Z'))
    expect(parseInstant('2025-03-01T10:00:00Z', zone)).toEqual(parseInstant('2025-03-01T10:00:00Z'))
    expect([
      parseOffset('UTC'),
      parseOffset('-0530'),
      parseOffset('Europe/Berlin'),
      parseOffset('+16'),
    ]).toEqual([0, -330, undefined, undefined])
  })
})

describe('other facts', () => {
  test('splits, transfers and balances are read, and digested by content', () => {
    const at = '2025-03-01T10:00:00Z'
    const split = parsed(parseSplit({ id: 'x', symbol: 'A', ratio: '3:2', at }))
    const transfer = { id: 'x', symbol: 'A', size: '1.0', from_account: 'A', to_account: 'B', at }
    const balance = parsed(parseBalance({ id: 'x', symbol: 'A', size: '-1', account: 'A', at }))
    expect([split.numerator, split.denominator]).toEqual([3n, 2n])
    const digests = [split, parsed(parseTransfer(transfer)), balance].map(factDigest)
    expect(new Set(digests).size).toBe(3)
    expect(factDigest(parsed(parseTransfer({ ...transfer, size: '1' })))).toBe(digests[1])
  })

  test('a ratio of nothing, a transfer to itself', () => {
    const at = '2025-03-01T10:00:00Z'
    for (const ratio of ['3', '0:1', '3:0', '1.5:1', '-3:1']) {
      const result = parseSplit({ id: 'x', symbol: 'A', ratio, at })
      expect(result.is === 'refused' && result.problems.map(({ problem }) => problem.code)).toEqual([
        'TIE-3106',
      ])
    }
    const self = parseTransfer({ id: 'x', symbol: 'A', size: '1', from_account: 'A', to_account: 'A', at })
    expect(self.is === 'refused' && self.problems[0]!.problem.code).toBe('TIE-3103')
  })
})

describe('corrections', () => {
  const record = (order_id: string, replaces = '', size = '1'): TradeRecord =>
    parsed(parseTrade({ ...ROW, order_id, replaces, size }))
  const left = (...records: TradeRecord[]): string[] =>
    effectiveTrades(records).map(({ order_id }) => order_id)
  const refused = (...records: TradeRecord[]): string[] => {
    try {
      effectiveTrades(records)
    } catch (error) {
      return (error as Refusal).problems.map(({ code, message }) => `${code} ${message}`)
    }
    return []
  }

  test('a chain leaves its end, a cancellation nothing', () => {
    expect(left(record('a'), record('b', 'a'), record('c', 'b'), record('d'))).toEqual(['c', 'd'])
    expect(left(record('a'), record('b', 'a', ''))).toEqual([])
    // What replaces a cancellation is there again.
    expect(left(record('a'), record('b', 'a', ''), record('c', 'b'))).toEqual(['c'])
  })

  test('the same row twice counts once; with other content it is refused', () => {
    expect(left(record('a'), record('a'))).toEqual(['a'])
    expect(refused(record('a'), record('a', '', '2'))).toEqual([
      'TIE-3107 There is a row "a" already, with other content.',
    ])
  })

  test('what replaces nothing, a row replaced twice, circles', () => {
    expect(refused(record('a', 'zz'))[0]).toMatch(/^TIE-3108 .*"zz"/)
    expect(refused(record('a'), record('b', 'a'), record('c', 'a'))[0]).toMatch(/^TIE-3110 .*"b" and by "c"/)
    expect(refused(record('a', 'b'), record('b', 'c'), record('c', 'a'), record('d', 'd'))).toEqual([
      'TIE-3109 The rows a → b → c → a replace one another in a circle.',
      'TIE-3109 The rows d → d replace one another in a circle.',
    ])
  })
})

test('the short ways of reading numbers and instants give what the long ones give', () => {
  const digits = fc.stringMatching(/^-?\d{0,18}\.?\d{0,18}$/)
  fc.assert(
    fc.property(digits, (text) => {
      const long = parseDecimal(text)
      expect(parseAmount(text)).toEqual(long === undefined ? undefined : normalize(long))
    }),
    { numRuns: 1000 },
  )
  const two = fc.nat(99).map((n) => String(n).padStart(2, '0'))
  const time = fc.tuple(two, two, two, two, two, two, fc.stringMatching(/^\d{0,10}$/))
  fc.assert(
    fc.property(time, ([y, month, day, hour, minute, second, fraction]) => {
      const text = `20${y}-${month}-${day}T${hour}:${minute}:${second}${fraction === '' ? '' : `.${fraction}`}`
      // An offset of nothing goes the long way.
      expect(parseInstant(`${text}Z`)).toEqual(parseInstant(`${text}+00:00`))
    }),
    { numRuns: 2000 },
  )
})
