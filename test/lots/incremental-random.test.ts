/**
 * Random trades, corrections and cancellations that arrive in random batches and in no order of time: after every
 * batch the incremental computation is what a full one gives, and the proof finds nothing wrong.
 */

import { afterAll, beforeAll, expect, test } from 'vitest'
import { newTenant, sharedTestBooks, type TestBooks } from '../support/books.js'
import { contextOf, type Folder, makeFolder, perform } from '../support/cli.js'
import { compute, importTrades } from '../support/lot-books.js'

let db: TestBooks
let folder: Folder
beforeAll(async () => {
  db = await sharedTestBooks()
  folder = makeFolder()
})
afterAll(async () => {
  folder?.remove()
  await db?.close()
})

/** Numbers below n, the same for the same seed. */
function numbers(seed: number): (n: number) => number {
  let state = seed
  return (n) => {
    state = (state * 1103515245 + 12345) % 2147483648
    return Math.floor((state / 2147483648) * n)
  }
}

const OPTIONS = [
  { method: 'fifo', short: 'refuse' },
  { method: 'lifo', short: 'allow' },
  { method: 'hifo', scope: 'account', dust: '0.05' },
  { method: 'average', scope: 'strategy' },
] as const

test.each(OPTIONS)('%j', async (options) => {
  const context = contextOf(db.books, await newTenant(db.books))
  const below = numbers(JSON.stringify(options).length * 7919)
  const standing: string[] = []
  let ids = 0
  const line = (): string => {
    ids += 1
    const id = `t${ids}`
    const replaced =
      standing.length > 5 && below(6) === 0 ? standing.splice(below(standing.length), 1)[0] : undefined
    if (replaced !== undefined && below(2) === 0) return `${id}    replaces ${replaced}`
    standing.push(id)
    const at = new Date(Date.UTC(2025, 0, 1) + below(60) * 3_600_000).toISOString()
    const trade = `${['X-USD', 'Y-USD'][below(2)]} ${['buy', 'sell'][below(2)]} ${(below(300) + 1) / 100}`
    const fee = `fee ${below(50) / 1000}`
    const place = `account ${['A', 'B'][below(2)]} strategy ${['P', 'Q'][below(2)]}`
    return `${id} ${trade} @ ${(below(900) + 100) / 10} ${fee} at ${at} ${place}${replaced === undefined ? '' : ` replaces ${replaced}`}`
  }
  for (let batch = 0; batch < 6; batch++) {
    await importTrades(context, folder, ...Array.from({ length: 1 + below(8) }, line))
    const made = await compute(context, { ...options, incremental: true, verify: true })
    expect(made.status).toBe('completed')
  }
  const incremental = await compute(context, { incremental: true })
  const full = await compute(context, { version: 2, ...options })
  const { result_digest, facts_digest, allocations, unmatched, open_lots } = full
  expect(incremental).toMatchObject({ result_digest, facts_digest, allocations, unmatched, open_lots })
  for (const version of [1, 2]) {
    const { violations } = await perform(context, 'lots validate', { version })
    expect(violations).toEqual([])
    const { bridge } = await perform(context, 'lots report', { version })
    expect(bridge.map((row: { difference: string }) => row.difference)).toEqual(bridge.map(() => '0'))
  }
})
