/** Versions proved and reported on; what is changed behind Tieout's back is found and named. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Digest } from '#tieout/base/digest'
import type { Context } from '#tieout/books/operation'
import { resultDigest } from '#tieout/lots/compute'
import { configDigest, lotConfig } from '#tieout/lots/config'
import { newTenant, openTestBooks, type TestBooks } from '../support/books.js'
import { codes, contextOf, type Folder, makeFolder, type Output, perform, refusal } from '../support/cli.js'
import { compute, importTrades } from '../support/lot-books.js'

let db: TestBooks
let folder: Folder
let context: Context
beforeAll(async () => {
  db = await openTestBooks()
  folder = makeFolder()
})
beforeEach(async () => {
  context = contextOf(db.books, await newTenant(db.books))
  await importTrades(
    context,
    folder,
    `b1 BTC-USD buy 0.5 @ 30000 fee 1 at ${day(1)}`,
    `b2 BTC-USD buy 0.3 @ 31000 at ${day(2)}`,
    `s1 BTC-USD sell 0.7 @ 32000 fee 2 at ${day(3)}`,
    `e1 ETH-USD buy 2 @ 100 fee 0.01 fee_currency ETH at ${day(1)}`,
    `e2 ETH-USD sell 3 @ 110 at ${day(2)}`,
  )
})
afterAll(async () => {
  folder?.remove()
  await db?.close()
})

const day = (n: number): string => `2025-01-${String(n).padStart(2, '0')}T00:00:00Z`
const validate = (more: object = {}): Promise<Output> =>
  perform(context, 'lots validate', { version: 1, ...more })
const rulesOf = ({ violations }: Output): string[] => [
  ...new Set<string>(violations.map((one: { rule: string }) => one.rule)),
]

/** What nobody can do with the product: a change past every guard. */
const tamper = (sql: string): Promise<void> =>
  db.books.maintain(async (session) => {
    await session.script(`BEGIN; SET LOCAL session_replication_role = replica; ${sql}; COMMIT`)
  })

describe('validate', () => {
  test('finds nothing wrong with what was computed, in full or incrementally', async () => {
    await compute(context)
    expect(await validate()).toMatchObject({ valid: true, violations: [], symbols: 2, trades: 5, rows: 4 })
    await importTrades(context, folder, `s0 BTC-USD sell 0.1 @ 29000 at ${day(2)}`)
    await compute(context, { incremental: true })
    expect(await validate()).toMatchObject({ valid: true, violations: [], trades: 6, rows: 5 })
  })

  test('of what has not been computed cannot run', async () => {
    expect(codes(await refusal(validate()))).toEqual(['TIE-3176'])
  })

  test.each([
    [
      "UPDATE fifo_allocations SET pnl = pnl + 1, cost_basis = cost_basis - 1 WHERE sell_order_id = 's1' AND buy_order_id = 'b1'",
      'MONEY',
    ],
    ["UPDATE fifo_allocations SET sell_price = 31999 WHERE sell_order_id = 's1'", 'COPY'],
    ["DELETE FROM fifo_allocations WHERE sell_order_id = 's1' AND buy_order_id = 'b2'", 'COMPLETENESS'],
    ["UPDATE trade_records SET price = 29999 WHERE order_id = 'b1'", 'FACTS_CHANGED'],
    ["UPDATE fifo_inventory_snapshot SET remaining_size = 0.2 WHERE order_id = 'b2'", 'CONSERVATION'],
  ])('finds %s', async (sql, rule) => {
    await compute(context)
    await tamper(`${sql} AND tenant_id = '${context.tenant}'`)
    const found = await validate()
    expect(found.valid).toBe(false)
    expect(rulesOf(found)).toContain(rule)
  })

  test('rows of an earlier engine hold while this one gives the same, and its next computation takes over', async () => {
    await compute(context)
    const own = `tenant_id = '${context.tenant}'`
    const digests = await db.books.transaction(context.tenant, (tx) =>
      tx.rows<{ symbol: string; digest: Digest }>(
        'SELECT symbol, digest FROM fifo_inventory_points WHERE digest IS NOT NULL',
      ),
    )
    const config = lotConfig({})
    const earlier = 'lots/1'
    const result = resultDigest(
      config,
      new Map(digests.map(({ symbol, digest }) => [symbol, digest])),
      earlier,
    )
    const settings = configDigest(config, earlier)
    await tamper(`
      UPDATE calculation_runs SET parameters = parameters || '{"lots_engine": "${earlier}"}' WHERE ${own};
      UPDATE lot_versions SET config_digest = '${settings}' WHERE ${own};
      UPDATE fifo_computation_log SET config_digest = '${settings}', result_digest = '${result}' WHERE ${own}`)
    expect(await validate()).toMatchObject({ valid: true })
    await importTrades(context, folder, `b3 BTC-USD buy 1 @ 100 at ${day(5)}`)
    expect(await compute(context, { incremental: true })).toMatchObject({ mode: 'full', rows_written: 4 })
    expect(await compute(context, { symbol: 'BTC-USD' })).toMatchObject({ mode: 'full', rows_written: 0 })
    expect(await validate()).toMatchObject({ valid: true })
  })

  test('strictly, what is not as it should be counts too', async () => {
    await compute(context)
    await importTrades(context, folder, `b9 BTC-USD buy 1 @ 1 at ${day(9)}`)
    const found = await validate({ strict: true })
    expect(found.valid).toBe(false)
    expect(rulesOf(found)).toEqual(['UNMATCHED', 'BEHIND'])
    expect(await validate()).toMatchObject({ valid: true })
  })

  test('a verified incremental computation is refused when what it goes on from is wrong', async () => {
    await compute(context)
    await tamper(
      `UPDATE fifo_inventory_snapshot SET remaining_size = 0.2 WHERE order_id = 'b2' AND tenant_id = '${context.tenant}'`,
    )
    await importTrades(context, folder, `s2 BTC-USD sell 0.15 @ 33000 at ${day(4)}`)
    const more = { incremental: true, verify: true }
    expect(codes(await refusal(compute(context, more)))).toEqual(['TIE-3170', 'TIE-2502'])
    expect(await perform(context, 'lots allocations', { version: 1, symbol: 'BTC-USD' })).toMatchObject({
      allocations: [{ sell_order_id: 's1' }, { sell_order_id: 's1' }],
    })
    expect(await compute(context, { verify: true })).toMatchObject({ mode: 'full', verified: true })
    expect(await validate()).toMatchObject({ valid: true })
  })
})

describe('report', () => {
  const report = (more: Readonly<Record<string, unknown>> = {}): Promise<Output> =>
    perform(context, 'lots report', more)

  test('the money bridge ties to the cash flow of the trades', async () => {
    await compute(context)
    const { version, bridge } = await report({ version: 1 })
    expect(version).toMatchObject({ allocations: 4, unmatched: 1, published: false })
    // BTC: sells 22400 − 2, buys 15001 + 9300. ETH: sell 330, buy 200; its fee is in ETH.
    expect(bridge).toMatchObject([
      { symbol: 'BTC-USD', matched_pnl: '1197', open_cost: '3100', cash_flow: '-1903', difference: '0' },
      { symbol: 'ETH-USD', unmatched_net_proceeds: '111.1', cash_flow: '130', difference: '0' },
      { symbol: '', cash_flow: '-1773', difference: '0' },
    ])
  })

  test('views follow the published version', async () => {
    await compute(context)
    expect(codes(await refusal(report({ unmatched: true })))).toEqual(['TIE-3175'])
    await perform(context, 'lots publish', { version: 1 })
    expect((await report({ unmatched: true })).rows).toMatchObject([
      { sell_order_id: 'e2', unmatched_size: '1.01', sell_size: '3' },
    ])
    expect((await report({ pnl_by_symbol: true })).rows).toMatchObject([
      { symbol: 'BTC-USD', pnl: '1197' },
      { symbol: 'ETH-USD', pnl: '18.9' },
    ])
    expect((await report({ discrepancies: true })).rows).toEqual([])
    expect((await report({ computation_log: true })).rows).toMatchObject([
      { status: 'completed', rows_written: 4 },
    ])
    expect(codes(await refusal(report({ unmatched: true, summary: true })))).toEqual(['TIE-1002'])
    await compute(context, { version: 2 })
    expect(codes(await refusal(report({ unmatched: true, version: 2 })))).toEqual(['TIE-1002'])
  })
})
