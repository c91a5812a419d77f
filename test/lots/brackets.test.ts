/** Specific identification by bracket, as a user sees it: from the file to the proof, the review and the trial. */

import { afterAll, beforeAll, expect, test } from 'vitest'
import { type CliDatabase, cliDatabase, type Folder, makeFolder } from '../support/cli.js'

let folder: Folder
let database: CliDatabase
beforeAll(async () => {
  folder = makeFolder()
  database = await cliDatabase(folder)
})
afterAll(async () => {
  await database?.drop()
  folder?.remove()
})

const HEADER = 'order_id,symbol,side,size,price,fee,executed_at,strategy,bracket'
const day = (n: number): string => `2025-01-0${n}T00:00:00Z`

async function run(...args: readonly string[]): Promise<string> {
  const { exit, stdout, stderr } = await database.run(...args)
  // A slow machine has progress on stderr.
  expect(exit, stderr).toBe(0)
  return stdout
}

const imported = (name: string, ...rows: readonly string[]): Promise<string> =>
  run('trades', 'import', folder.write(name, [HEADER, ...rows, ''].join('\n')))

test('two brackets of one symbol do not touch each other', async () => {
  await imported(
    'one.csv',
    `b1,BTC-USD,buy,1,100,0,${day(1)},X,K`,
    `b2,BTC-USD,buy,1,110,0,${day(2)},X,L`,
    `b3,BTC-USD,buy,1,120,0,${day(3)},X,`,
    `s1,BTC-USD,sell,1,150,0,${day(4)},X,L`,
  )
  const computed = await run('lots', 'compute', '--version', '1', '--all-symbols', '--method', 'specific')
  expect(computed).toContain('1 allocation, 0 unmatched, 2 open lots')
  await run('lots', 'publish', '--version', '1')
  expect(await run('lots', 'explain', 's1')).toMatch(/s1 sold 1 BTC-USD of bracket L: P&L 40\n {2}1 of b2/)
  const { lots } = JSON.parse(await run('lots', 'open', '--json'))
  expect(
    lots.map((lot: { order_id: string; bracket: string | null }) => [lot.order_id, lot.bracket]),
  ).toEqual([
    ['b1', 'K'],
    ['b3', null],
  ])
})

test('an incremental computation goes on with the brackets of its open lots', async () => {
  await imported('two.csv', `s2,BTC-USD,sell,1.5,160,0,${day(5)},X,K`, `s3,BTC-USD,sell,1,160,0,${day(6)},X,`)
  const args = ['lots', 'compute', '--version', '1', '--all-symbols', '--incremental', '--verify']
  const computed = await run(...args)
  expect(computed).toContain('Verified: all facts computed anew give the same.')
  expect(computed).toContain('No lot of bracket K covers 0.5 of sell s2.')
  const rows = await run('lots', 'allocations', '--format', 'csv')
  const pairs = rows.trim().split('\n').slice(1)
  expect(pairs.map((row) => row.split(',').slice(0, 2).join(' '))).toEqual(['s1 b2', 's2 b1', 's2 ', 's3 b3'])
  expect(await run('lots', 'validate', '--version', '1')).toContain('Version 1 is proved')
})

test('the review names the bracket that would cover it; a trial sells of a bracket', async () => {
  await imported('three.csv', `b4,BTC-USD,buy,2,130,0,${day(4)},X,M`)
  await run('lots', 'compute', '--version', '1', '--all-symbols', '--incremental')
  const list = await run('review', 'list')
  expect(list).toContain('other_bracket (b4): Correct the bracket of s2 to M, or that of b4.')
  const sale = [
    'lots',
    'whatif',
    '--symbol',
    'BTC-USD',
    '--size',
    '1',
    '--price',
    '140',
    '--at',
    '2025-02-01',
  ]
  const tried = async (...more: readonly string[]) =>
    JSON.parse(await run(...sale, ...more, '--json')).methods.find(
      ({ method }: { method: string }) => method === 'specific',
    )
  expect(await tried('--bracket', 'M')).toMatchObject({ pnl: '10', unmatched_size: '0' })
  expect(await tried('--bracket', 'K')).toMatchObject({ pnl: '0', unmatched_size: '1' })
})
