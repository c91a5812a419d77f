/** Imports and trades over HTTP and on the command line. */

import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { knownMigrations } from '#tieout/books/migrate'
import { type CliDatabase, cliDatabase, type Folder, makeFolder } from '../support/cli.js'
import { type HttpBed, openHttp } from '../support/http.js'

/** What takes back the migrations of lots, newest first. */
const LOTS_DOWN = knownMigrations()
  .map(({ name }) => `${name}\n`)
  .filter((name) => name > '0006')
  .reverse()
  .join('')

const HEADER = 'order_id,symbol,side,size,price,fee,executed_at,account,replaces'
const LINES = [
  'b1,BTC-USD,buy,1500.50,30000,-1.5,2025-01-01T00:00:00Z,A,',
  's1,BTC-USD,sell,0.7,32000,0,2025-01-03T00:00:00.000000001Z,A,',
  'c1,,,,,,,,b1',
]
const TEXT = [HEADER, ...LINES, ''].join('\n')

describe('over HTTP', () => {
  let bed: HttpBed
  beforeAll(async () => {
    bed = await openHttp()
  })
  afterAll(() => bed?.close())
  const send = (path: string, body: string, type: string, key: string = randomUUID()) =>
    bed.ask('POST', path, { body, headers: { 'content-type': type, 'idempotency-key': key } })

  test('a file is sent, sent again under its key, and read in pages', async () => {
    const key = randomUUID()
    const first = await send('/api/v1/trades/imports', TEXT, 'text/csv', key)
    expect([first.status, first.json]).toEqual([
      201,
      expect.objectContaining({ new: 3, same: 0, refused: 0, table: 'trade_records' }),
    ])
    const again = await send('/api/v1/trades/imports', TEXT, 'text/csv', key)
    expect([again.text, again.headers.get('idempotency-replayed')]).toEqual([first.text, 'true'])
    expect((await send('/api/v1/trades/imports', TEXT, 'text/csv')).json).toMatchObject({ new: 0, same: 3 })
    const page = await bed.ask('GET', '/api/v1/trades?limit=2')
    expect(page.json.trades.map(({ order_id }: { order_id: string }) => order_id)).toEqual(['b1', 's1'])
    const next = await bed.ask('GET', `/api/v1/trades?limit=2&cursor=${page.json.next_cursor}`)
    expect(next.json).toMatchObject({ trades: [{ order_id: 'c1' }], next_cursor: null })
    const shown = await bed.ask('GET', '/api/v1/trades/b1')
    expect(shown.json).toMatchObject({ trade: { size: '1500.5', replaced_by: 'c1' }, origin: { line: 2 } })
    expect((await bed.ask('GET', '/api/v1/trades/b2')).json).toMatchObject({ status: 404, code: 'TIE-3153' })
  })

  test('numbers of NDJSON stay what they are, and problems name the line and no path of the server', async () => {
    const line =
      '{"order_id":"n1","symbol":"X","side":"buy","size":1e-7,"price":0.10,"executed_at":"2025-01-01T00:00:00Z"}'
    const type = 'application/x-ndjson'
    expect((await send('/api/v1/trades/imports', line, type)).json).toMatchObject({ new: 1 })
    expect((await bed.ask('GET', '/api/v1/trades/n1')).json.trade).toMatchObject({
      size: '0.0000001',
      price: '0.1',
    })
    const refused = await send('/api/v1/trades/imports', `${line}\n{"order_id":"n2"`, type)
    expect([refused.status, refused.json.code]).toEqual([422, 'TIE-3151'])
    expect(refused.text).toContain('"line":2')
    expect(refused.text).not.toContain('tieout-upload-')
  })

  test.each([
    ['splits', 'id,symbol,ratio,at\np,X,3:1,2025-01-01T00:00:00Z\n'],
    ['transfers', 'id,symbol,size,from_account,to_account,at\nt,X,1,A,B,2025-01-01T00:00:00Z\n'],
    ['balances', 'id,account,symbol,size,at\nk,A,X,1,2025-01-01T00:00:00Z\n'],
    ['historical-pnl', 'order_id,pnl_usd\ns1,1\n'],
  ])('%s', async (name, body) => {
    expect(await send(`/api/v1/${name}/imports`, body, 'text/csv')).toMatchObject({
      status: 200,
      json: { new: 1 },
    })
  })

  test('a snapshot of what trades say of an older system', async () => {
    const answer = await bed.ask('POST', '/api/v1/historical-pnl/snapshots', {
      json: { date: '2025-11-20' },
      headers: { 'idempotency-key': randomUUID() },
    })
    expect(answer).toMatchObject({ status: 200, json: { table: 'historical_pnl_snapshot_20251120', new: 0 } })
  })
})

describe('on the command line', () => {
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

  test('import says what it did, list and show say what is there', async () => {
    const file = folder.write('fills.csv', TEXT)
    const dry = await database.run('trades', 'import', file, '--dry-run')
    expect(dry.stdout).toBe(
      'Trades into trade_records: 3 new, 0 same, 0 refused (dry run: nothing stored).\n',
    )
    const { exit, stdout } = await database.run('trades', 'import', file)
    expect([exit, stdout]).toEqual([0, 'Trades into trade_records: 3 new, 0 same, 0 refused.\n'])
    const list = await database.run('trades', 'list')
    expect(list.stdout.split('\n').map((line) => line.replace(/ +/g, ' ').trimEnd())).toEqual([
      'order_id symbol side size price fee executed_at account replaces state',
      expect.stringMatching(/^─/),
      'b1 BTC-USD buy 1,500.5 30,000 (1.5) 2025-01-01T00:00:00Z A replaced by c1',
      's1 BTC-USD sell 0.7 32,000 – 2025-01-03T00:00:00.000000001Z A',
      'c1 b1 cancels b1',
      '',
    ])
    const show = await database.run('trades', 'show', 'b1')
    expect(show.stdout).toContain('Trade b1, number 1 to arrive')
    expect(show.stdout).toContain('! replaced by c1')
    expect(show.stdout).toMatch(/fills\.csv line 2, \S+Z by \S+\n/)
    expect(show.stdout).toContain(`${HEADER}\n${LINES[0]}\n`)
    const none = await database.run('trades', 'list', '--symbol', 'NONE')
    expect(none.stdout).toBe('No trades.\n')
  })

  test('a list that was written out comes in again as the same', async () => {
    const { stdout } = await database.run('trades', 'list', '--format', 'csv')
    const copy = folder.write('copy.csv', stdout)
    expect((await database.run('trades', 'import', copy)).stdout).toContain('0 new, 3 same, 0 refused')
  })

  test('a bad file exits with 4 and names file, line and column', async () => {
    const file = folder.write('bad.csv', TEXT.replace('0.7', 'seven').replace('b1,BTC-USD', 'b9,BTC-USD'))
    const { exit, stdout, stderr } = await database.run('trades', 'import', file)
    expect([exit, stdout]).toEqual([4, ''])
    expect(stderr).toMatch(/✗ TIE-3102 \S*bad\.csv:3: "seven" in column "size" is no finite decimal number/)
  })

  test('lots go down by themselves when it is said, and the trades stay', { tags: ['long'] }, async () => {
    await database.run('trades', 'import', folder.write('fills.csv', TEXT))
    await database.release()
    const down = ['migrate', 'down', '--to', '0005_access']
    const alone = await database.run(...down)
    expect([alone.exit, alone.stderr]).toEqual([
      2,
      expect.stringMatching(/TIE-1307.*0005_access[\s\S]*--yes/),
    ])
    const wrong = await database.runAnswering(['yes'], ...down)
    expect([wrong.exit, wrong.stdout]).toEqual([2, ''])
    expect(wrong.stderr).toContain('TIE-1311 The answer was "yes" and not YES')
    // All of it is still there to be taken back.
    const asked = await database.runAnswering(['YES'], ...down)
    expect([asked.exit, asked.stdout]).toEqual([0, LOTS_DOWN])
    expect(asked.stderr).toContain('0006_lots\n  Takes away what is computed and keeps the facts')
    expect(asked.stderr).toMatch(
      /migrations? of \S+ will be taken back, with tables and rows\. Type YES to do it: $/,
    )
    // Nothing to do is no question.
    expect(await database.runAnswering([], ...down)).toMatchObject({ exit: 0, stdout: 'Nothing to do.\n' })
    await database.run('migrate', 'up')
    const quick = await database.runAnswering([], ...down, '--yes')
    expect([quick.exit, quick.stdout, quick.stderr]).toEqual([0, LOTS_DOWN, ''])
    expect((await database.run('migrate', 'up')).stdout).toContain('0006_lots\n')
    const { stdout } = await database.run('trades', 'list', '--json')
    expect(JSON.parse(stdout).trades).toHaveLength(3)
  })
})
