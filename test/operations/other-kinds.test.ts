/** Runs of lots, attribution and reconciliation are runs too: they are shown, and have no cells of a hierarchy. */

import { afterAll, beforeAll, expect, test } from 'vitest'
import { type CliDatabase, cliDatabase, EXAMPLES, type Folder, makeFolder } from '../support/cli.js'

let folder: Folder
let database: CliDatabase
beforeAll(async () => {
  folder = makeFolder()
  database = await cliDatabase(folder)
  const trades = 'order_id,symbol,side,size,price,executed_at\nb,X,buy,1,2,2025-01-01T00:00:00Z\n'
  await database.run('trades', 'import', folder.write('trades.csv', trades))
  await database.run('events', 'import', `${EXAMPLES}/attribution/events.ndjson`)
})
afterAll(async () => {
  await database?.drop()
  folder?.remove()
})

test.each([
  ['lots', 'lots compute --version 1 --all-symbols'],
  ['attribution', 'attribution allocate --model linear'],
  ['reconciliation', 'reconcile'],
])('of %s', async (kind, command) => {
  const { stdout } = await database.run(...command.split(' '), '--json')
  const { run_id: run } = JSON.parse(stdout)
  expect(JSON.parse((await database.run('runs', 'show', run, '--json')).stdout)).toMatchObject({
    id: run,
    status: 'COMPLETED',
    use_case: null,
    stale: [],
  })
  const told = await database.run('runs', 'show', run)
  expect(told).toMatchObject({ exit: 0, stderr: '' })
  expect(told.stdout).not.toMatch(/null|undefined/)
  for (const words of [
    ['results', run],
    ['adjustments', run],
    ['verify', run],
    ['compare', run, run],
    ['explain', run, 'ROOT', 'daily'],
    ['facts', run, 'ROOT', 'daily'],
  ]) {
    const { exit, stderr } = await database.run('runs', ...words)
    expect([words[0], exit, stderr]).toEqual([
      words[0],
      3,
      expect.stringContaining(`TIE-1106 Run ${run} is of another kind (${kind})`),
    ])
  }
  const { stderr } = await database.run('export', 'run', run, `${folder.path}/${kind}.zip`)
  expect(stderr).toContain('TIE-1106')
})
