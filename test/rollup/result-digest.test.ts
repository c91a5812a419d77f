import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Figures, resultDigest } from '#tieout/rollup/result-digest'

const figure = (change: Partial<Figures> = {}): Figures => ({
  node_id: 'N1',
  measure: 'daily',
  scenario: 'ACTUAL',
  natural: '1.50',
  direct: '0',
  adjusted: '1.00',
  plug: '0.50',
  fact_count: 3,
  ...change,
})

const ROWS = [figure(), figure({ node_id: 'N2' }), figure({ measure: 'mtd' }), figure({ scenario: 'PRIOR' })]

describe('the digest of results', () => {
  test('the order of the rows does not matter', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(ROWS, { minLength: ROWS.length }), (rows) => {
        expect(resultDigest(rows)).toBe(resultDigest(ROWS))
      }),
    )
  })

  test.each<[string, Partial<Figures>]>([
    ['trailing zeros', { natural: '1.5', adjusted: '1', plug: '0.500' }],
    ['a sign', { natural: '+1.50', direct: '-0.00' }],
  ])('%s are the same figures', (_, change) =>
    expect(resultDigest([figure(change)])).toBe(resultDigest([figure()])),
  )

  test.each<[string, Partial<Figures>]>([
    ['node', { node_id: 'N9' }],
    ['measure', { measure: 'x' }],
    ['scenario', { scenario: 'x' }],
    ['natural', { natural: '1.51' }],
    ['direct', { direct: '0.01' }],
    ['adjusted', { adjusted: '-1' }],
    ['plug', { plug: '0.51' }],
    ['an empty adjusted is no 0', { adjusted: null, plug: null }],
    ['facts', { fact_count: 4 }],
    ['node and measure run together', { node_id: 'N1d', measure: 'aily' }],
  ])('another %s is another digest', (_, change) =>
    expect(resultDigest([figure(change)])).not.toBe(resultDigest([figure()])),
  )

  test('a row more is another digest', () => {
    expect(
      new Set([resultDigest([]), resultDigest([figure()]), resultDigest([figure(), figure()])]).size,
    ).toBe(3)
  })

  test('text that is no amount is a bug of the caller', () => {
    expect(() => resultDigest([figure({ natural: 'NaN' })])).toThrow('no decimal')
  })
})
