/** Revenue events over HTTP and on the command line. */

import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { purchase, refund } from '../support/attribution.js'
import { type CliDatabase, cliDatabase, type Folder, makeFolder } from '../support/cli.js'
import { type HttpBed, openHttp } from '../support/http.js'

describe('over HTTP', () => {
  let bed: HttpBed
  beforeAll(async () => {
    bed = await openHttp()
  })
  afterAll(() => bed?.close())
  const record = (events: readonly unknown[], key: string = randomUUID()) =>
    bed.ask('POST', '/api/v1/events', { json: { events }, headers: { 'idempotency-key': key } })

  test('a batch, again under its key, again under another, and with other content', async () => {
    const key = randomUUID()
    const batch = [purchase('p'), refund('r', 'p', 100)]
    const first = await record(batch, key)
    expect(first.json).toMatchObject({ new: 2, same: 0 })
    const again = await record(batch, key)
    expect([again.text, again.headers.get('idempotency-replayed')]).toEqual([first.text, 'true'])
    expect((await record(batch)).json).toMatchObject({ new: 0, same: 2 })
    const other = await record([purchase('p', { revenue_cents: 1 })])
    expect([other.status, other.json.code]).toEqual([409, 'TIE-4208'])
    expect(other.json.problems[0]).toMatchObject({ pointer: '/events/0' })
    const orphan = await record([refund('s', 'nobody', 1)])
    expect([orphan.status, orphan.json.code]).toEqual([404, 'TIE-4209'])
  })

  test('a file, a page of events, one event and its path', async () => {
    const sent = await bed.ask('POST', '/api/v1/events/imports', {
      body: JSON.stringify(purchase('f')),
      headers: { 'content-type': 'application/x-ndjson', 'idempotency-key': randomUUID() },
    })
    expect(sent.json).toMatchObject({ new: 1 })
    const table = await bed.ask('POST', '/api/v1/events/imports', {
      body: 'external_event_id,type,occurred_at,revenue_cents,currency\ng,purchase,2025-05-10T12:00:00Z,1,USD\nh,x,2025-05-10T12:00:00Z,1,USD\n',
      headers: { 'content-type': 'text/csv', 'idempotency-key': randomUUID() },
    })
    expect(table.json).toMatchObject({ code: 'TIE-4204', problems: [{ file: 'upload.csv', line: 3 }] })
    const page = await bed.ask('GET', '/api/v1/events?limit=1')
    expect(page.json.events).toHaveLength(1)
    const next = await bed.ask('GET', `/api/v1/events?limit=10&cursor=${page.json.next_cursor}`)
    expect(next.json.events.length).toBeGreaterThan(0)
    expect((await bed.ask('GET', '/api/v1/events/f')).json.touches).toHaveLength(3)
    expect((await bed.ask('GET', '/api/v1/events/none')).json).toMatchObject({
      status: 404,
      code: 'TIE-4215',
    })
    expect((await bed.ask('GET', '/api/v1/channels')).json.channels.length).toBeGreaterThan(2)
    expect((await bed.ask('GET', '/api/v1/ledger/proof')).json).toMatchObject({ entries: 0, violation: null })
  })

  test('allocated once under a key, explained, compared, posted, taken away', async () => {
    await record([purchase('q', { revenue_cents: 1001 })])
    const send = (path: string, json: object, key: string = randomUUID()) =>
      bed.ask('POST', path, { json, headers: { 'idempotency-key': key } })
    const key = randomUUID()
    const first = await send('/api/v1/attribution/allocations', { model: 'linear@1' }, key)
    expect([first.status, first.json.same]).toEqual([201, 0])
    expect(first.headers.get('location')).toBe(`/api/v1/runs/${first.json.run_id}`)
    const again = await send('/api/v1/attribution/allocations', { model: 'linear@1' }, key)
    expect([again.text, again.headers.get('idempotency-replayed')]).toEqual([first.text, 'true'])
    const unkeyed = await send('/api/v1/attribution/allocations', { model: 'linear@1' })
    expect(unkeyed.json).toMatchObject({ new: 0, result_digest: first.json.result_digest })
    const wrong = await send('/api/v1/attribution/allocations', { model: 'linaer' })
    expect([wrong.status, wrong.json.code]).toEqual([400, 'TIE-4101'])
    const page = await bed.ask('GET', '/api/v1/attribution/allocations?model=linear&event=q&limit=1')
    expect(page.json.allocations).toMatchObject([{ channel: 'email', allocated_revenue_cents: '667' }])
    const why = await bed.ask('GET', '/api/attribution/events/q/allocations?channel=email')
    expect(why.json.sets[0].steps).toMatchObject([
      { share: '2/3', exact_cents: '2002/3', whole_cents: '667', remainder: '1/3', extra_cent: false },
    ])
    await send('/api/v1/attribution/allocations', { model: 'first' })
    const compared = await bed.ask('GET', '/api/v1/attribution/comparisons?models=linear&models=first')
    const sum = compared.json.channels.reduce(
      (all: number, one: { difference_cents: string }) => all + Number(one.difference_cents),
      0,
    )
    expect([compared.status, sum]).toEqual([200, 0])
    const posted = await send('/api/v1/ledger/postings', { model: 'linear' })
    expect(posted.json.posted).toBeGreaterThan(1)
    const listed = await bed.ask('GET', '/api/v1/ledger/entries?event=q')
    expect(listed.json.entries).toHaveLength(2)
    const taken = await bed.ask('GET', '/api/v1/ledger')
    expect(taken.headers.get('content-type')).toBe('application/x-ndjson')
    expect(taken.text.trim().split('\n')).toHaveLength(posted.json.entries)
    expect(
      (await bed.ask('GET', '/api/v1/ledger/balance?to=2025-05-31')).json.channels.length,
    ).toBeGreaterThan(1)
    // A client names no file of the server.
    expect((await bed.ask('GET', '/api/v1/ledger/proof?file=/etc/passwd')).status).toBe(400)
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

  test('import, list, show, channels, dead events, the ledger', async () => {
    const lines = [purchase('p'), refund('r', 'p', 100), { ...purchase('bad'), currency: 'x' }]
    const file = folder.write('e.ndjson', lines.map((line) => JSON.stringify(line)).join('\n'))
    const refused = await database.run('events', 'import', file)
    expect([refused.exit, refused.stdout]).toEqual([4, ''])
    expect(refused.stderr).toMatch(/✗ TIE-4214 \S*e\.ndjson:3: "x" is no currency/)
    const fed = await database.run('events', 'import', file, '--dead-letter')
    expect(fed.stdout).toContain('Events: 2 new, 0 same, 1 refused.')
    expect((await database.run('events', 'list', '--format', 'csv')).stdout).toBe(
      'event_id,external_event_id,type,occurred_at,revenue_cents,currency,refund_of\r\n' +
        '1,p,purchase,2025-05-10T12:00:00Z,10000,USD,\r\n2,r,refund,2025-05-20T12:00:00Z,-100,USD,p\r\n',
    )
    expect((await database.run('channels', 'add', 'email', '--family', 'owned')).stdout).toContain('active')
    expect((await database.run('events', 'show', 'p')).stdout).toMatch(
      /2 {2}2025-05-02T00:00:00Z {2}unknown \(search\)/,
    )
    expect((await database.run('dead-events', 'list')).stdout).toContain('TIE-4214')
    expect((await database.run('ledger', 'verify')).stdout).toContain('✓ The ledger is proved: 0 entries')
  })

  test('personal data erased by what names it; posted, replaced, and back', async () => {
    const post = (...more: string[]) => database.run('ledger', 'post', ...more)
    for (const model of ['linear', 'first']) await database.run('attribution', 'allocate', '--model', model)
    expect((await post('--model', 'linear')).exit).toBe(0)
    expect((await post('--model', 'first', '--replace')).exit).toBe(0)
    const back = await post('--model', 'linear', '--replace', '--json')
    expect(JSON.parse(back.stdout)).toMatchObject({ revised: 2, reversed: 2, posted: 4 })
    expect((await database.run('ledger', 'verify')).stdout).toContain('✓ The ledger is proved')
    const none = await database.run('events', 'erase', '--yes')
    expect([none.exit, none.stderr]).toEqual([2, expect.stringContaining('TIE-4413')])
    expect((await database.run('events', 'erase', '--event', 'p', '--yes', '--json')).stdout).toContain(
      '"erased": 1',
    )
  })

  test('migrate down says which rows go, and keeps those of attribution', { tags: ['long'] }, async () => {
    const lines = [purchase('p'), refund('r', 'p', 100)].map((line) => JSON.stringify(line))
    await database.run('events', 'import', folder.write('two.ndjson', lines.join('\n')))
    await database.release()
    const all = await database.run('migrate', 'down')
    expect([all.exit, all.stderr]).toEqual([2, expect.stringMatching(/TIE-1307.*attribution_events: 2 rows/)])
    const down = ['migrate', 'down', '--to', '0008_lot_brackets']
    const some = await database.run(...down)
    expect([some.exit, some.stderr]).toEqual([2, expect.not.stringContaining('attribution_events')])
    const asked = await database.runAnswering(['no'], 'migrate', 'down')
    expect(asked.stderr).toMatch(/^attribution_events: 2 rows$/m)
    expect(asked.stderr).toContain('TIE-1311')
    const done = await database.runAnswering(['YES'], ...down)
    expect([done.exit, done.stdout]).toEqual([0, expect.stringContaining('0009_attribution')])
    expect(done.stderr).toContain('are kept aside in tables named')
    expect((await database.run('migrate', 'up')).stdout).toContain('0009_attribution')
    expect((await database.run('events', 'list', '--format', 'csv')).stdout).toContain('1,p,purchase')
    expect((await database.run('ledger', 'verify')).stdout).toContain('✓ The ledger is proved')
  })
})
