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
})
