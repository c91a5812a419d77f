/** Lots on the command line: the exchange formats that other programs rely on, exit codes, flags of the source. */

import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CliDatabase, cliDatabase, EXAMPLES, type Folder, makeFolder, runHere } from '../support/cli.js'

let folder: Folder
let db: CliDatabase
beforeAll(async () => {
  folder = makeFolder()
  db = await cliDatabase(folder)
  expect(await db.run('trades', 'import', join(EXAMPLES, 'lots', 'trades.csv'))).toMatchObject({ exit: 0 })
  expect(await run('lots compute --version 1 --all-symbols --scope account')).toMatchObject({ exit: 0 })
  expect(await run('lots publish --version 1')).toMatchObject({ exit: 0 })
})
afterAll(async () => {
  await db?.drop()
  folder?.remove()
})

const run = (words: string) => db.run(...words.split(' '))

describe('rows', () => {
  test('as CSV, whole and page by page', async () => {
    const { stdout } = await run('lots allocations --version 1 --format csv')
    const lines = stdout.split('\r\n')
    expect(lines[0]).toBe(
      'sell_order_id,buy_order_id,symbol,allocated_size,buy_price,sell_price,cost_basis,proceeds,net_proceeds,pnl,class',
    )
    expect(lines).toHaveLength(10)
    expect(lines).toContain(
      'm2,m1,BTC-USD,0.00012345,40123.456789,42789.654321,4.95324074060205,5.28238282592745,5.28238282592745,0.3291420853254,matched',
    )
    expect((await run('lots allocations --version 1 --format csv --all --limit 3')).stdout).toBe(stdout)
  })

  test('as NDJSON and JSON, amounts as text', async () => {
    const { stdout } = await run('lots open --format ndjson')
    expect(JSON.parse(stdout)).toMatchObject({
      order_id: 'b2',
      remaining_size: '0.1',
      remaining_cost: '3100',
    })
    const document = JSON.parse((await run('lots allocations --json --class unmatched')).stdout)
    expect(document.allocations).toMatchObject([{ sell_order_id: 'e4', pnl: null, allocated_size: '0.5' }])
  })

  test.each([
    ['lots report --pnl-by-symbol', 'BTC-USD'],
    ['lots report --unmatched', 'e4'],
    ['lots report --computation-log', 'completed'],
    ['lots report --summary', 'cash_flow'],
    ['lots versions', 'allocation_version'],
    ['review list', 'UNMATCHED_SELL'],
    ['lots explain s1', '16000 − 0 fee − 15000 cost = 1000'],
    ['lots whatif --symbol BTC-USD --size 1 --price 2', 'hifo'],
    ['lots compare --versions 1 1', 'BTC-USD'],
    ['lots validate --version 1', 'rule'],
  ])('%s comes as rows too', async (words, part) => {
    const csv = await run(`${words} --format csv`)
    expect(csv).toMatchObject({ exit: 0 })
    expect(csv.stdout).toContain(part)
    expect(await run(`${words} --format ndjson`)).toMatchObject({ exit: 0 })
    expect(await run(words)).toMatchObject({ exit: 0 })
    const { stdout } = await run(`${words} --json`)
    expect(typeof JSON.parse(stdout)).toBe('object')
  })
})

describe('exit codes', () => {
  test('1 with violations, 2 when it could not run', async () => {
    expect(await run('lots validate --version 1')).toMatchObject({ exit: 0 })
    expect(await run('lots validate --version 1 --strict')).toMatchObject({ exit: 1 })
    expect(await run('lots validate --version 9')).toMatchObject({ exit: 2 })
  })

  test('2 for what is no configuration, 3 for a conflict', async () => {
    expect(await run('lots compute --version 1 --all-symbols --method lifo')).toMatchObject({ exit: 3 })
    expect(await run('lots compute --version 1 --all-symbols --method best')).toMatchObject({ exit: 2 })
    expect(await run('lots compute --version 1')).toMatchObject({ exit: 2 })
    expect(await run('lots compute --all-symbols')).toMatchObject({ exit: 2 })
    const wrong = await db.run(
      'lots',
      'compute',
      '--version',
      '3',
      '--all-symbols',
      '--lot-config',
      '{dust: -1}',
    )
    expect(wrong).toMatchObject({ exit: 2 })
    expect(wrong.stderr).toContain('TIE-3112')
  })

  test('1 for a partial computation, which names the symbol', async () => {
    const file = folder.write(
      'bad.csv',
      'order_id,symbol,side,size,price,fee,fee_currency,executed_at\nz1,ZZ-USD,buy,1,1,1,XRP,2025-01-01T00:00Z\n',
    )
    await db.run('trades', 'import', file)
    const { exit, stdout, stderr } = await run('lots compute --version 1 --all-symbols --incremental')
    expect({ exit, stderr }).toMatchObject({ exit: 1 })
    expect(stdout).toContain('ZZ-USD keeps what it had: TIE-3111')
  })
})

test('a whole configuration comes from a file', async () => {
  const file = folder.write(
    'lots.yaml',
    'method: lifo\nscope: account\ndust: 0.0001\nswitches:\n  - {at: "2025-03-05T12:00:00Z", method: fifo}\nassets: {ZZ-USD: {base: XRP, quote: USD}}\n',
  )
  const { exit, stdout, stderr } = await db.run(
    ...'lots compute --version 5 --all-symbols --json --lot-config'.split(' '),
    `@${file}`,
  )
  // The fee of z1, in XRP, leaves nothing of its size.
  expect({ exit, stderr }).toMatchObject({ exit: 1 })
  expect(JSON.parse(stdout)).toMatchObject({
    config: { method: 'lifo', dust: '0.0001', switches: [{ method: 'fifo', scope: 'account' }] },
    failed_symbols: [{ symbol: 'ZZ-USD', code: 'TIE-3113' }],
  })
})

test('the version of the program is asked for by itself', async () => {
  expect(await runHere(['--version'])).toMatchObject({ exit: 0, stdout: '1.2.3\n' })
  expect(await runHere(['-V'])).toMatchObject({ exit: 0, stdout: '1.2.3\n' })
})
