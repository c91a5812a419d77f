/** Versions of allocations as a user computes, publishes and lists them. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Context } from '#tieout/books/operation'
import { newTenant, openTestBooks, type TestBooks } from '../support/books.js'
import { codes, contextOf, type Folder, makeFolder, perform, refusal, tableCounts } from '../support/cli.js'
import { allocationLines, compute, importTrades } from '../support/lot-books.js'

let db: TestBooks
let folder: Folder
let context: Context
beforeAll(async () => {
  db = await openTestBooks()
  folder = makeFolder()
})
beforeEach(async () => {
  context = contextOf(db.books, await newTenant(db.books))
})
afterAll(async () => {
  folder?.remove()
  await db?.close()
})

const day = (n: number): string => `2025-01-${String(n).padStart(2, '0')}T00:00:00Z`
const BTC = [
  `b1 BTC-USD buy 0.5 @ 30000 at ${day(1)}`,
  `b2 BTC-USD buy 0.3 @ 31000 at ${day(2)}`,
  `s1 BTC-USD sell 0.7 @ 32000 at ${day(3)}`,
]
const ETH = [`e1 ETH-USD buy 2 @ 100 at ${day(1)}`, `e2 ETH-USD sell 3 @ 110 at ${day(2)}`]

describe('the worked figures', () => {
  test('two lots, the second in part: 0.5 × 2000 = 1000, 0.2 × 1000 = 200, 0.1 stays open', async () => {
    await importTrades(context, folder, ...BTC)
    const made = await compute(context)
    expect(made).toMatchObject({
      status: 'completed',
      mode: 'full',
      trades: 3,
      symbols_done: 1,
      allocations: 2,
      unmatched: 0,
      open_lots: 1,
      rows_written: 2,
      rows_superseded: 0,
    })
    expect(await allocationLines(context)).toEqual(['s1 b1 0.5 1000 matched', 's1 b2 0.2 200 matched'])
    const { lots } = await perform(context, 'lots open', { version: 1 })
    expect(lots).toMatchObject([{ order_id: 'b2', remaining_size: '0.1', remaining_cost: '3100' }])
  })

  test('fees of both sides: gross 0.05984, net −0.09066', async () => {
    await importTrades(
      context,
      folder,
      `b1 X-USD buy 149.6 @ 0.2010 fee 0.0752 at ${day(1)}`,
      `s1 X-USD sell 149.6 @ 0.2014 fee 0.0753 at ${day(2)}`,
    )
    await compute(context)
    const { allocations } = await perform(context, 'lots allocations', { version: 1 })
    expect(allocations).toMatchObject([
      { cost_basis: '30.1448', proceeds: '30.12944', net_proceeds: '30.05414', pnl: '-0.09066' },
    ])
  })

  test('0.00012345 × (42789.654321 − 40123.456789) = 0.3291420853254', async () => {
    await importTrades(
      context,
      folder,
      `b1 X-USD buy 0.00012345 @ 40123.456789 at ${day(1)}`,
      `s1 X-USD sell 0.00012345 @ 42789.654321 at ${day(2)}`,
    )
    await compute(context)
    expect(await allocationLines(context)).toEqual(['s1 b1 0.00012345 0.3291420853254 matched'])
  })
})

describe('computing again', () => {
  test('writes nothing but its log row when nothing changed, and gives the same digest', async () => {
    await importTrades(context, folder, ...BTC, ...ETH)
    const first = await compute(context)
    const second = await compute(context)
    expect(second).toMatchObject({ rows_written: 0, rows_superseded: 0, allocations: 4, unmatched: 1 })
    expect(second.result_digest).toBe(first.result_digest)
    expect(second.facts_digest).toBe(first.facts_digest)
  })

  test('writes the symbols that changed and keeps what they had', async () => {
    await importTrades(context, folder, ...BTC, ...ETH)
    await compute(context)
    await importTrades(context, folder, `e0 ETH-USD buy 1 @ 90 at ${day(1)}`)
    const made = await compute(context)
    expect(made).toMatchObject({ rows_written: 2, rows_superseded: 2, allocations: 4, unmatched: 0 })
    expect(await allocationLines(context, { symbol: 'ETH-USD' })).toEqual([
      'e2 e0 1 20 matched',
      'e2 e1 2 20 matched',
    ])
    expect(await allocationLines(context, { symbol: 'ETH-USD', as_of: 1 + made.computation_no - 2 })).toEqual(
      ['e2 e1 2 20 matched', 'e2 – 1 – unmatched'],
    )
  })

  test('takes in a correction and a cancellation', async () => {
    await importTrades(context, folder, ...BTC)
    await compute(context)
    await importTrades(
      context,
      folder,
      `b1c BTC-USD buy 0.5 @ 29000 at ${day(1)} replaces b1`,
      'x2    replaces b2',
    )
    await compute(context)
    expect(await allocationLines(context)).toEqual(['s1 b1c 0.5 1500 matched', 's1 – 0.2 – unmatched'])
  })
})

describe('incremental', () => {
  test('gives what a full computation gives, from the facts that came since', async () => {
    await importTrades(context, folder, ...BTC, ...ETH)
    await compute(context)
    await importTrades(context, folder, `s2 BTC-USD sell 0.05 @ 33000 at ${day(4)}`)
    const made = await compute(context, { incremental: true, verify: true })
    expect(made).toMatchObject({
      mode: 'incremental',
      verified: true,
      trades: 1,
      rows_written: 1,
      rows_superseded: 0,
      allocations: 5,
      open_lots: 1,
    })
    const full = await compute(context, { version: 2 })
    expect(full.result_digest).toBe(made.result_digest)
    expect(full.facts_digest).toBe(made.facts_digest)
    expect(await compute(context)).toMatchObject({ mode: 'full', rows_written: 0 })
  })

  test('rewinds for a late fact', async () => {
    await importTrades(context, folder, ...BTC)
    await compute(context)
    await importTrades(context, folder, `b0 BTC-USD buy 0.1 @ 20000 at ${day(1)}`)
    expect(await compute(context, { incremental: true, verify: true })).toMatchObject({
      rows_written: 3,
      rows_superseded: 2,
    })
    expect(await allocationLines(context)).toEqual([
      's1 b0 0.1 1200 matched',
      's1 b1 0.5 1000 matched',
      's1 b2 0.1 100 matched',
    ])
  })

  test('takes in nothing when nothing came, and is full when there is nothing to go on from', async () => {
    await importTrades(context, folder, ...BTC)
    expect(await compute(context, { incremental: true })).toMatchObject({ mode: 'full', trades: 3 })
    expect(await compute(context, { incremental: true })).toMatchObject({
      mode: 'incremental',
      trades: 0,
      rows_written: 0,
      allocations: 2,
    })
    expect(await compute(context, { since: '2025-01-02' })).toMatchObject({ mode: 'incremental', trades: 3 })
  })
})

test('many small computations do not leave as many copies of the open lots', { tags: ['long'] }, async () => {
  await importTrades(context, folder, ...BTC)
  await compute(context)
  for (let n = 4; n < 10; n++) {
    await importTrades(context, folder, `c${n} BTC-USD buy 1 @ 30000 at ${day(n)}`)
    expect(await compute(context, { incremental: true, verify: true })).toMatchObject({ open_lots: n - 2 })
  }
  const [{ points }] = (await db.books.transaction(context.tenant, (tx) =>
    tx.rows<{ points: bigint }>('SELECT count(*) AS points FROM fifo_inventory_points'),
  )) as [{ points: bigint }]
  expect(points).toBe(2n)
  await importTrades(context, folder, `late BTC-USD sell 0.1 @ 30000 at ${day(2)}`)
  expect(await compute(context, { incremental: true, verify: true })).toMatchObject({ allocations: 3 })
  expect(await perform(context, 'lots validate', { version: 1 })).toMatchObject({ valid: true })
})

describe('a version', () => {
  test('keeps its configuration, unless by force', async () => {
    await importTrades(context, folder, ...BTC)
    await compute(context)
    const [refused] = await refusal(compute(context, { method: 'lifo' }))
    expect(refused).toMatchObject({ code: 'TIE-3155' })
    expect(refused!.message).toContain('method fifo there, lifo here')
    expect(await compute(context, { method: 'fifo' })).toMatchObject({ rows_written: 0 })
    const forced = await compute(context, { method: 'lifo', force: true })
    expect(forced).toMatchObject({ rows_written: 2, rows_superseded: 2, config: { method: 'lifo' } })
    expect(await allocationLines(context)).toEqual(['s1 b2 0.3 300 matched', 's1 b1 0.4 800 matched'])
    expect(await compute(context)).toMatchObject({ config: { method: 'lifo' }, rows_written: 0 })
  })

  test('is refused for one symbol with another configuration', async () => {
    await importTrades(context, folder, ...BTC, ...ETH)
    await compute(context)
    const more = { symbol: 'BTC-USD', method: 'lifo', force: true }
    expect(codes(await refusal(compute(context, more)))).toEqual(['TIE-3172'])
  })

  test('is computed by symbol too', async () => {
    await importTrades(context, folder, ...BTC, ...ETH)
    expect(await compute(context, { symbol: 'BTC-USD' })).toMatchObject({ trades: 3, symbols_done: 1 })
    const whole = await compute(context, { incremental: true, verify: true })
    expect(whole).toMatchObject({ mode: 'full', symbols_done: 2, rows_written: 2 })
    expect(codes(await refusal(compute(context, { symbol: 'BTC-USDX' })))).toEqual(['TIE-3171'])
  })

  test('is partial when a symbol fails: named, its rows stay', async () => {
    await importTrades(context, folder, ...BTC, ...ETH)
    await compute(context)
    await importTrades(
      context,
      folder,
      `e3 ETH-USD buy 1 @ 120 fee 1 fee_currency XRP at ${day(5)}`,
      `b3 BTC-USD buy 1 @ 30000 at ${day(5)}`,
    )
    const made = await compute(context, { incremental: true })
    expect(made).toMatchObject({
      status: 'partial',
      symbols_done: 1,
      failed_symbols: [{ symbol: 'ETH-USD', code: 'TIE-3111' }],
      allocations: 4,
      open_lots: 2,
    })
    expect(await allocationLines(context, { symbol: 'ETH-USD' })).toEqual([
      'e2 e1 2 20 matched',
      'e2 – 1 – unmatched',
    ])
    // Once corrected, an incremental computation takes up what failed.
    await importTrades(context, folder, `e3c ETH-USD buy 1 @ 120 fee 1 at ${day(5)} replaces e3`)
    expect(await compute(context, { incremental: true, verify: true })).toMatchObject({
      status: 'completed',
      open_lots: 3,
    })
  })

  test('fails as a whole when every symbol does, and nothing changes', async () => {
    await importTrades(context, folder, `e3 ETH-USD buy 1 @ 120 fee 1 fee_currency XRP at ${day(5)}`)
    expect(codes(await refusal(compute(context)))).toEqual(['TIE-3111', 'TIE-2502'])
    expect(await allocationLines(context)).toEqual([])
  })

  test('is computed by one at a time', async () => {
    await importTrades(context, folder, ...BTC)
    const both = await Promise.allSettled([compute(context), compute(context)])
    const lost = both.filter((one) => one.status === 'rejected')
    expect(lost).toHaveLength(1)
    expect(lost[0]!.reason).toMatchObject({ problems: [{ code: 'TIE-3156' }] })
    expect(await allocationLines(context)).toHaveLength(2)
  })

  test('interrupted within a symbol it fails before the symbol is done', { tags: ['long'] }, async () => {
    const lines = Array.from({ length: 10_000 }, (_, i) => {
      const at = new Date(Date.UTC(2025, 0, 1) + i * 1000).toISOString()
      return `t${i} BIG-USD ${i % 2 === 0 ? 'buy' : 'sell'} 1 @ 10 at ${at}`
    })
    await importTrades(context, folder, ...lines)
    const interrupt = new AbortController()
    const stages = new Set<string>()
    const report = (stage: string, rows: number): void => {
      // Ctrl-C comes when all facts are read, with the next turn of the event loop.
      if (rows === lines.length) setImmediate(() => interrupt.abort(new Error('interrupted')))
      stages.add(stage)
    }
    const interrupted = { ...context, signal: interrupt.signal, progress: { report } }
    expect(codes(await refusal(compute(interrupted, { symbol: 'BIG-USD' })))).toEqual(['TIE-2503'])
    expect(stages).toEqual(new Set(['reading trades']))
  })

  test('interrupted fails, and nothing changes', async () => {
    await importTrades(context, folder, ...BTC)
    const before = await tableCounts(db.books)
    const stop = new AbortController()
    const interrupted = {
      ...context,
      signal: stop.signal,
      progress: { report: (stage: string) => stage.startsWith('matching') && stop.abort() },
    } as Context
    expect(codes(await refusal(compute(interrupted)))).toEqual(['TIE-2503'])
    const after = await tableCounts(db.books)
    for (const table of ['fifo_allocations', 'fifo_inventory_points', 'fifo_allocations_superseded']) {
      expect(after[table]).toBe(before[table])
    }
  })

  test('needs to be told what of it to compute', async () => {
    expect(codes(await refusal(compute(context, { all_symbols: false })))).toEqual(['TIE-3173'])
    expect(codes(await refusal(compute(context, { since: 'yesterday' })))).toEqual(['TIE-3174'])
  })
})

describe('publishing', () => {
  test('switches what is read, and back', async () => {
    await importTrades(context, folder, ...BTC)
    expect(codes(await refusal(perform(context, 'lots publish', { version: 1 })))).toEqual(['TIE-3154'])
    expect(codes(await refusal(perform(context, 'lots allocations')))).toEqual(['TIE-3175'])
    await compute(context)
    await compute(context, { version: 2, method: 'lifo' })
    expect(await perform(context, 'lots publish', { version: 1 })).toMatchObject({ before: null })
    expect(await perform(context, 'lots publish', { version: 2, note: 'LIFO' })).toMatchObject({ before: 1 })
    expect(await perform(context, 'lots allocations')).toMatchObject({ allocation_version: 2 })
    await perform(context, 'lots publish', { version: 1 })
    const { versions, publications } = await perform(context, 'lots versions')
    expect(publications.map((one: { allocation_version: number }) => one.allocation_version)).toEqual([
      1, 2, 1,
    ])
    expect(versions).toMatchObject([
      { allocation_version: 1, published: true, total_pnl: '1200', method: 'fifo' },
      { allocation_version: 2, published: false, total_pnl: '1100', method: 'lifo' },
    ])
  })
})
