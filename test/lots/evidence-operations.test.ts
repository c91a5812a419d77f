/** Why a figure is what it is, what a sale would earn, what two versions differ by, and the queue of reviews. */

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Context } from '#tieout/books/operation'
import { newTenant, sharedTestBooks, type TestBooks } from '../support/books.js'
import { codes, contextOf, type Folder, makeFolder, type Output, perform, refusal } from '../support/cli.js'
import { compute, importTrades } from '../support/lot-books.js'

let db: TestBooks
let folder: Folder
let context: Context
beforeAll(async () => {
  db = await sharedTestBooks()
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
  `b2 BTC-USD buy 0.3 @ 31000 fee 3 at ${day(2)}`,
  `s1 BTC-USD sell 0.7 @ 32000 at ${day(3)}`,
]

describe('explain', () => {
  test('a sell down to the records of its file', async () => {
    await importTrades(context, folder, ...BTC, `b1c BTC-USD buy 0.5 @ 30100 at ${day(1)} replaces b1`)
    await compute(context)
    const found = await perform(context, 'lots explain', { sell: 's1', version: 1 })
    // 0.5 × (32000 − 30100) = 950; 0.2 × 1000 − 2 of the fee of 3 = 198.
    expect(found).toMatchObject({ pnl: '1148', size: '0.7', unmatched_size: '0' })
    expect(found.lines.map((line: Output) => line.arithmetic)).toEqual([
      '16000 − 0 fee − 15050 cost = 950',
      '6400 − 0 fee − 6202 cost = 198',
    ])
    expect(found.sources.map((one: Output) => one.trade.order_id)).toEqual(['s1', 'b1c', 'b1', 'b2'])
    expect(found.sources[3].origin).toMatchObject({ line: 3 })
    expect(found.sources[3].origin.payload).toContain('b2,BTC-USD,buy,0.3,31000')
  })

  test('says why there is nothing to explain', async () => {
    await importTrades(context, folder, ...BTC)
    await compute(context)
    const explain = (sell: string) => refusal(perform(context, 'lots explain', { sell, version: 1 }))
    expect(codes(await explain('s2'))).toEqual(['TIE-3153'])
    const [none] = await explain('b1')
    expect(none).toMatchObject({ code: 'TIE-3177' })
    expect(none!.message).toContain('it is a buy')
  })
})

describe('whatif', () => {
  test('tries every method beside the others and stores nothing', async () => {
    await importTrades(context, folder, ...BTC.slice(0, 2))
    await compute(context)
    const asked = { symbol: 'BTC-USD', size: '0.4', price: '33000', at: '2025-02-01', version: 1 }
    const found = await perform(context, 'lots whatif', asked)
    // fifo: 0.4 of b1. lifo: 0.3 of b2 (× 2000 − 3), 0.1 of b1 (× 3000).
    expect(found).toMatchObject({ open_size: '0.8', method: 'fifo' })
    expect(found.methods.map((one: Output) => [one.method, one.pnl])).toEqual([
      ['fifo', '1200'],
      ['lifo', '897'],
      ['hifo', '897'],
      ['lofo', '1200'],
      // Σ cost 24303 / 0.8 × 0.4 = 12151.5
      ['average', '1048.5'],
    ])
    expect(codes(await refusal(perform(context, 'lots whatif', { ...asked, size: '-1' })))).toEqual([
      'TIE-3103',
    ])
    expect(codes(await refusal(perform(context, 'lots whatif', { ...asked, symbol: 'X' })))).toEqual([
      'TIE-3171',
    ])
  })
})

describe('compare', () => {
  test('two versions by cause', async () => {
    await importTrades(context, folder, ...BTC)
    await compute(context)
    await importTrades(context, folder, `b2c BTC-USD buy 0.3 @ 31000 fee 6 at ${day(2)} replaces b2`)
    await compute(context, { version: 2, method: 'lifo' })
    const found = await perform(context, 'lots compare', { versions: [1, 2] })
    // 1: 1000 + 198. 2: 0.3 × 1000 − 6 + 0.4 × 2000 = 1094.
    expect(found).toMatchObject({ left_pnl: '1198', right_pnl: '1094', difference: '-104' })
    const total = found.causes.reduce((sum: number, one: Output) => sum + Number(one.amount), 0)
    expect(total).toBe(-104)
    expect(found.sells).toMatchObject([{ sell_order_id: 's1', difference: '-104' }])
    expect(codes(await refusal(perform(context, 'lots compare', {})))).toEqual(['TIE-1002'])
    expect(codes(await refusal(perform(context, 'lots compare', { versions: [1, 9] })))).toEqual(['TIE-3176'])
  })

  test('with an older system', async () => {
    await importTrades(context, folder, ...BTC)
    await compute(context)
    const compare = () => perform(context, 'lots compare', { historical: true, version: 1 })
    expect(codes(await refusal(compare()))).toEqual(['TIE-3178'])
    const file = folder.write('old.csv', 'order_id,pnl_usd,parent_id\ns1,1400,b1\ns9,5,b7\n')
    await perform(context, 'historical-pnl import', { file, date: '2025-11-20' })
    expect(await compare()).toMatchObject({
      left: 'historical 2025-11-20',
      left_pnl: '1405',
      right_pnl: '1198',
      difference: '-207',
      causes: [
        { cause: 'unknown_sell', amount: '-5' },
        { cause: 'several_buys', amount: '-202' },
      ],
    })
  })
})

describe('reviews', () => {
  const list = async (more: Readonly<Record<string, unknown>> = {}): Promise<Output[]> =>
    (await perform(context, 'review list', more)).reviews
  const SELL = `s1 ETH-USD sell 3 @ 100 at ${day(2)}`

  test('open with a probable cause, resolve by themselves, and reopen', async () => {
    await importTrades(context, folder, `b1 ETH-USD buy 2 @ 90 at ${day(1)}`, SELL)
    expect(await compute(context)).toMatchObject({ reviews: { opened: 1 } })
    const [opened] = await list()
    expect(opened).toMatchObject({
      code: 'UNMATCHED_SELL',
      status: 'pending',
      amount: '100',
      probable_cause: { cause: 'missing_buy', covers: '1' },
    })
    await importTrades(context, folder, `b2 ETH-USD buy 1 @ 80 at ${day(1)}`)
    expect(await compute(context, { incremental: true })).toMatchObject({ reviews: { resolved: 1 } })
    expect(await list()).toMatchObject([{ status: 'resolved', resolution: 'The cause is gone.' }])
    await importTrades(context, folder, 'x1    replaces b2')
    expect(await compute(context, { incremental: true })).toMatchObject({ reviews: { reopened: 1 } })
    const { review, causes, history } = await perform(context, 'review show', { review: opened!.review_id })
    expect(review).toMatchObject({ status: 'pending', cause_present: true })
    expect(causes).toHaveLength(1)
    expect(history.map((one: Output) => one.event)).toEqual(['opened', 'resolved_by_itself', 'reopened'])
  })

  test('are worked on by people, and escalate by age', async () => {
    await importTrades(context, folder, SELL)
    const on = (date: string): Context => ({ ...context, now: () => `${date}T00:00:00.000Z` }) as Context
    await compute(on('2025-01-03'))
    const [{ review_id: review, severity }] = (await list()) as [Output]
    expect(severity).toBe('medium')
    await perform(context, 'review assign', { review, assignee: 'ann', note: 'ask the venue' })
    expect(await list({ status: 'in_progress', assignee: 'ann' })).toHaveLength(1)
    expect(await compute(on('2025-01-10'))).toMatchObject({ reviews: { escalated: 1 } })
    expect(await list()).toMatchObject([{ severity: 'high', status: 'in_progress' }])
    await perform(context, 'review dismiss', { review, resolution: 'bought elsewhere' })
    expect(await compute(on('2025-01-11'))).toMatchObject({ reviews: { reopened: 0, opened: 0 } })
    expect(await list()).toMatchObject([{ status: 'dismissed' }])
    const again = perform(context, 'review resolve', { review, resolution: 'no' })
    expect(codes(await refusal(again))).toEqual(['TIE-3159'])
    expect(codes(await refusal(perform(context, 'review show', { review: 999_999 })))).toEqual(['TIE-3158'])
  })

  test('keep what an incremental computation does not look at', async () => {
    await importTrades(context, folder, `b1 ETH-USD buy 2 @ 90 at ${day(1)} account A`, SELL)
    const transfers = 'id,symbol,size,from_account,to_account,at\nt1,ETH-USD,9,A,B,2025-01-01T12:00:00Z\n'
    await perform(context, 'transfers import', { file: folder.write('transfers.csv', transfers) })
    const balances = `id,account,symbol,size,at\na1,A,ETH-USD,0,${day(3)}\n`
    await perform(context, 'balances import', { file: folder.write('balances.csv', balances) })
    await compute(context)
    const codesOf = async () => (await list()).map(({ code, status }) => `${code} ${status}`).sort()
    const open = ['BALANCE_DIFFERENCE pending', 'TRANSFER_UNCOVERED pending', 'UNMATCHED_SELL pending']
    expect(await codesOf()).toEqual(open)
    await importTrades(
      context,
      folder,
      `b9 ETH-USD buy 1 @ 90 at ${day(9)}`,
      `q1 QQ-USD buy 1 @ 1 at ${day(1)}`,
    )
    await compute(context, { incremental: true })
    await compute(context, { symbol: 'QQ-USD' })
    expect(await codesOf()).toEqual(open)
  })
})

describe('export', () => {
  test('writes the exchange format, a journal, and rounded rows', async () => {
    const old = [
      `o1 AAA-USD buy 1 @ 1 at 2020-01-01T00:00:00Z`,
      `o2 AAA-USD sell 1 @ 2 at 2024-01-01T00:00:00Z`,
    ]
    await importTrades(context, folder, ...BTC, ...old, `=1+1 ETH-USD sell 1 @ 10 at ${day(1)}`)
    await compute(context)
    const write = async (as: string): Promise<{ out: Output; lines: string[] }> => {
      const file = join(folder.path, `out.${as}`)
      const out = await perform(context, 'lots export', { file, as, version: 1 })
      return { out, lines: readFileSync(file, 'utf8').split(/\r?\n/) }
    }
    const csv = await write('csv')
    expect(csv.out).toMatchObject({ rows: 4, left_out: [] })
    const bytes = readFileSync(join(folder.path, 'out.csv'))
    expect(csv.out).toMatchObject({
      bytes: bytes.length,
      digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
    })
    expect(csv.lines).toEqual([
      'sell_order_id,buy_order_id,symbol,allocated_size,buy_price,sell_price,cost_basis,proceeds,net_proceeds,pnl,class',
      'o2,o1,AAA-USD,1,1,2,1,2,2,1,matched',
      's1,b1,BTC-USD,0.5,30000,32000,15000,16000,16000,1000,matched',
      's1,b2,BTC-USD,0.2,31000,32000,6202,6400,6400,198,matched',
      "'=1+1,,ETH-USD,1,,10,,10,10,,unmatched",
      '',
    ])
    const form = await write('form-8949')
    expect(form.lines[1]).toBe(
      'I,short,0.5 BTC-USD,2025-01-01,2025-01-03,16000.00,15000.00,,0.00,1000.00,s1,b1',
    )
    expect(form.lines.slice(1).map((row) => row.split(',')[0])).toEqual(['I', 'I', 'I', 'II', ''])
    expect((await write('beancount')).lines).toContain('  Income:PnL  -1000 USD')
    expect(codes(await refusal(write('csv')))).toEqual(['TIE-2801'])
    const nowhere = perform(context, 'lots export', { file: join(folder.path, 'no', 'x.csv'), version: 1 })
    expect(codes(await refusal(nowhere))).toEqual(['TIE-2802'])
  })
})
