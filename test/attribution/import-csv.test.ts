/** Events from CSV files: the same events as NDJSON has, every problem with its line, nothing stored of a bad file. */

import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Context } from '#tieout/books/operation'
import { importEvents, purchase, rowsOf } from '../support/attribution.js'
import { newTenant, openTestBooks, type TestBooks } from '../support/books.js'
import {
  codes,
  contextOf,
  EXAMPLES,
  type Folder,
  makeFolder,
  type Output,
  perform,
  refusal,
  refusedAndNothingStored,
} from '../support/cli.js'

let db: TestBooks
let folder: Folder
let context: Context
let files = 0
beforeAll(async () => {
  db = await openTestBooks()
  folder = makeFolder()
})
afterAll(async () => {
  folder?.remove()
  await db?.close()
})
beforeEach(async () => {
  context = contextOf(db.books, await newTenant(db.books))
})

const bring = (text: string | Uint8Array, more: object = {}): Promise<Output> =>
  perform(context, 'events import', { file: folder.write(`events-${++files}.csv`, text), ...more })
const EVENT = 'external_event_id,type,occurred_at,revenue_cents,currency'
const WIDE = `${EVENT},refund_of,touches`
const LONG = `${EVENT},refund_of,touch_channel,touch_at,touch_milestone`
const P = 'p,purchase,2025-05-10T12:00:00Z,10000,USD'
const PATH = 'email@2025-05-01T00:00:00Z > search@2025-05-02T00:00:00Z > email@2025-05-03T00:00:00Z'
const touches = async (event: string): Promise<string[]> =>
  (await perform(context, 'events show', { event })).touches.map(
    (t: Output) => `${t.channel} ${t.at.slice(8, 10)}${t.milestone === null ? '' : ` ${t.milestone}`}`,
  )

describe('what is stored', () => {
  test('touches in a cell: the events are those that NDJSON has', async () => {
    expect(await bring(`${WIDE}\n${P},,${PATH}\nr,refund,2025-05-20T12:00:00Z,-2500,USD,p,\n`)).toMatchObject(
      {
        new: 2,
        same: 0,
        refused: 0,
      },
    )
    expect(await touches('p')).toEqual(['email 01', 'search 02', 'email 03'])
    expect(await importEvents(context, folder, [purchase('p')])).toMatchObject({ new: 0, same: 1 })
  })

  test('a row a touch: rows of one event follow one another and need not repeat what is said', async () => {
    const rows = [
      `${P},,email,2025-05-01T00:00:00Z,`,
      `p,,,,,,search,2025-05-02T00:00:00Z,`,
      `${P},,email,2025-05-03T00:00:00Z,`,
      'q,purchase,2025-05-11T00:00:00Z,5,EUR,,,,',
      'r,refund,2025-05-20T12:00:00Z,2500,USD,p,,,',
    ]
    expect(await bring(`${LONG}\n${rows.join('\n')}\n`)).toMatchObject({ new: 3 })
    expect(await importEvents(context, folder, [purchase('p')])).toMatchObject({ new: 0, same: 1 })
    expect(await touches('q')).toEqual([])
    // The record as it is kept is the event in JSON.
    const [kept] = await rowsOf(
      context,
      `SELECT raw_payload AS text FROM attribution_events WHERE external_event_id = 'r'`,
    )
    expect(JSON.parse(kept!.text as string)).toEqual({
      external_event_id: 'r',
      type: 'refund',
      occurred_at: '2025-05-20T12:00:00Z',
      revenue_cents: '2500',
      currency: 'USD',
      refund_of: 'p',
    })
  })

  test('the example is the same in both formats', async () => {
    const import_ = (name: string) =>
      perform(context, 'events import', { file: join(EXAMPLES, 'attribution', name) })
    const { new: fresh } = await import_('events.ndjson')
    expect(await import_('events.csv')).toMatchObject({ new: 0, same: fresh })
  })

  test('columns in any order, BOM, CRLF, quoted channels with line breaks, the same row twice', async () => {
    const text = `\uFEFFcurrency,touches,external_event_id,type,occurred_at,revenue_cents\r\n${`USD,"the ""blue"" one@2025-05-01T00:00:00Z > a@b@2025-05-02T00:00:00+02:00",p,purchase,2025-05-10T12:00:00Z,7\r\n`.repeat(2)}`
    expect(await bring(text)).toMatchObject({ new: 1, same: 1 })
    expect(await touches('p')).toEqual(['the "blue" one 01', 'a@b 01'])
  })

  test('a dry run counts and keeps nothing; a header alone has no event', async () => {
    expect(await bring(`${WIDE}\n${P},,${PATH}\n`, { dry_run: true })).toMatchObject({
      new: 1,
      dry_run: true,
    })
    expect(await bring(`${WIDE}\n`)).toMatchObject({ new: 0, same: 0 })
    expect(await rowsOf(context, 'SELECT count(*) AS n FROM attribution_events')).toEqual([{ n: 0n }])
  })
})

describe('milestones', () => {
  const W = 'position?shape=W'
  const PATHS = 'a@2025-05-01T00:00:00Z > b@2025-05-02T00:00:00Z#lead > c@2025-05-03T00:00:00Z#opportunity'

  test('come with touches in both formats, and W weighs them', async () => {
    await bring(
      `${WIDE}\n${P},,${PATHS} > d@2025-05-04T00:00:00Z\nq,${P.slice(2)},,a@2025-05-01T00:00:00Z > b@2025-05-02T00:00:00Z > c@2025-05-03T00:00:00Z > d@2025-05-04T00:00:00Z\n`,
    )
    expect(await touches('p')).toEqual(['a 01', 'b 02 lead', 'c 03 opportunity', 'd 04'])
    await perform(context, 'attribution allocate', { model: W })
    const { allocations } = await perform(context, 'attribution allocations', { model: W, event: 'p' })
    // 30 first, 30 lead, 30 opportunity, 10 the other.
    expect(allocations.map((a: Output) => a.allocated_revenue_cents)).toEqual([
      '3000',
      '3000',
      '3000',
      '1000',
    ])
    const [without] = [await perform(context, 'attribution allocations', { model: W, event: 'q' })]
    expect(without.allocations.map((a: Output) => a.allocated_revenue_cents)).not.toEqual([
      '3000',
      '3000',
      '3000',
      '1000',
    ])
    const { sets } = await perform(context, 'attribution explain', { event: 'p' })
    expect(sets[0].touches.map((t: Output) => t.milestone)).toEqual([null, 'lead', 'opportunity', null])
    expect(sets[0].inputs_changed).toBe(false)
  })

  test('are part of what an event says: with another one it is another content', async () => {
    const with_ = (milestone: unknown) =>
      purchase('p', { touches: [{ channel: 'a', at: '2025-05-01T00:00:00Z', milestone }] })
    await importEvents(context, folder, [with_(null)])
    expect(await importEvents(context, folder, [with_(undefined), with_('')])).toMatchObject({ same: 2 })
    expect(codes(await refusal(importEvents(context, folder, [with_('lead')])))).toEqual(['TIE-4208'])
    const row = (milestone: string) => `${LONG}\n${P},,a,2025-05-01T00:00:00Z,${milestone}\n`
    expect(await bring(row(''))).toMatchObject({ same: 1 })
    expect(codes(await refusal(bring(row('lead+opportunity'))))).toEqual(['TIE-4208'])
    const other = contextOf(db.books, await newTenant(db.books))
    expect(await importEvents(other, folder, [with_('lead+opportunity')])).toMatchObject({ new: 1 })
    const file = folder.write('both.csv', row('lead+opportunity'))
    expect(await perform(other, 'events import', { file })).toMatchObject({ same: 1 })
  })

  test.each([['odd'], [['lead']], [1]])('%j is none', async (milestone) => {
    const touch = { channel: 'a', at: '2025-05-01T00:00:00Z', milestone }
    const problems = await refusal(importEvents(context, folder, [purchase('p', { touches: [touch] })]))
    expect(codes(problems)).toEqual(['TIE-4221'])
  })
})

const wide = (row: string): string => `${WIDE}\n${row}\n`

describe('what is refused, with nothing stored', () => {
  test.each<[string, string, string | Uint8Array]>([
    ['TIE-2410', 'an empty file', ''],
    ['TIE-2412', 'an open quote', wide(`"p,purchase`)],
    ['TIE-2412', 'a field without end', wide(`${P},,${'x'.repeat(2 ** 20)}`)],
    ['TIE-2401', 'too few fields', wide(P)],
    ['TIE-2401', 'too many fields', wide(`${P},,,,,`)],
    ['TIE-2404', 'an unknown column', `${EVENT},touche\n${P},\n`],
    [
      'TIE-2405',
      'no currency column',
      'external_event_id,type,occurred_at,revenue_cents\np,purchase,2025-05-10T12:00:00Z,1\n',
    ],
    ['TIE-2406', 'a column twice', `${EVENT},type\n${P},purchase\n`],
    ['TIE-2413', 'a NUL', wide(`p\u0000,${P.slice(2)},,`)],
    [
      'TIE-2413',
      'bytes that are not UTF-8',
      Buffer.concat([Buffer.from(`${WIDE}\n`), Buffer.from([0xff]), Buffer.from(`${P},,\n`)]),
    ],
    ['TIE-4201', 'no key', wide(`,${P.slice(2)},,`)],
    ['TIE-4202', 'cents with a point', wide('p,purchase,2025-05-10T12:00:00Z,1.5,USD,,')],
    ['TIE-4202', '1e400', wide('p,purchase,2025-05-10T12:00:00Z,1e400,USD,,')],
    ['TIE-4202', 'NaN', wide('p,purchase,2025-05-10T12:00:00Z,NaN,USD,,')],
    ['TIE-4203', 'a purchase below zero', wide('p,purchase,2025-05-10T12:00:00Z,-1,USD,,')],
    ['TIE-4204', 'an unknown type', wide('p,purchse,2025-05-10T12:00:00Z,1,USD,,')],
    ['TIE-4205', 'a time without a zone', wide('p,purchase,2025-05-10 12:00,1,USD,,')],
    ['TIE-4205', 'a date out of range', wide('p,purchase,2025-02-30T12:00:00Z,1,USD,,')],
    ['TIE-4205', 'a touch without its instant', wide(`${P},,email`)],
    ['TIE-4206', 'a touch after the event', wide(`${P},,email@2025-06-01T00:00:00Z`)],
    [
      'TIE-4206',
      'a refund with a path',
      `${wide(`${P},,`)}r,refund,2025-05-20T12:00:00Z,1,USD,p,a@2025-05-01T00:00:00Z\n`,
    ],
    ['TIE-4207', 'too many touches', `${LONG}\n${`${P},,a,2025-05-01T00:00:00Z,\n`.repeat(10_001)}`],
    [
      'TIE-4208',
      'the same key with other content',
      `${wide(`${P},,`)}p,purchase,2025-05-10T12:00:00Z,2,USD,,\n`,
    ],
    ['TIE-4209', 'a refund of what is not there', wide('r,refund,2025-05-20T12:00:00Z,1,USD,p,')],
    [
      'TIE-4211',
      'a refund beyond the remainder',
      `${wide(`${P},,`)}r,refund,2025-05-20T12:00:00Z,10001,USD,p,\n`,
    ],
    [
      'TIE-4212',
      'a touch without a channel',
      wide(`${P},,a@2025-05-01T00:00:00Z > > b@2025-05-01T00:00:00Z`),
    ],
    ['TIE-4212', 'an instant without a channel', `${LONG}\n${P},,,2025-05-01T00:00:00Z,\n`],
    ['TIE-4214', 'no currency code', wide('p,purchase,2025-05-10T12:00:00Z,1,usd,,')],
    ['TIE-4220', 'an id that no index holds', wide(`${'p'.repeat(501)},${P.slice(2)},,`)],
    ['TIE-4221', 'an unknown milestone', wide(`${P},,a@2025-05-01T00:00:00Z#sale`)],
    [
      'TIE-4222',
      'rows of one event that disagree',
      `${LONG}\n${P},,a,2025-05-01T00:00:00Z,\np,,,7,,,a,2025-05-02T00:00:00Z,\n`,
    ],
  ])('%s: %s', async (code, _, text) => {
    const problems = await refusedAndNothingStored(db.books, () => bring(text))
    expect(codes(problems)).toContain(code)
  })

  test('all problems at once, each with its line, also where records have several lines', async () => {
    const rows = [
      `a,${P.slice(2)},,"x\n@2025-05-01T00:00:00Z"`,
      'b,x,2025-05-10T12:00:00Z,1,?,,',
      'c,purchase',
      `d,${P.slice(2)},,`,
    ]
    const problems = await refusal(bring(`${WIDE}\n${rows.join('\n')}\n`))
    expect(problems.map(({ code, place }) => [code, place?.line])).toEqual([
      ['TIE-4204', 4],
      ['TIE-4214', 4],
      ['TIE-2401', 5],
    ])
  })

  test('rows that disagree are told by the line of the second, with what the first says', async () => {
    const rows = [
      `${P},,a,2025-05-01T00:00:00Z,`,
      'p,,,,,,b,2025-05-02T00:00:00Z,',
      'p,,,7,,,c,2025-05-02T00:00:00Z,',
    ]
    const [problem] = await refusal(bring(`${LONG}\n${rows.join('\n')}\n`))
    expect(problem).toMatchObject({ code: 'TIE-4222', place: { line: 4 } })
    expect(problem!.message).toBe('The row says "7" in revenue_cents, its event says "10000" on line 2.')
  })
})

test('a feed that must not stop stores what is good; what is refused can be corrected as JSON', async () => {
  const rows = [`${P},,${PATH}`, 'b,purchase,2025-05-10T12:00:00Z,x,USD,,', 'c,purchase']
  expect(await bring(`${WIDE}\n${rows.join('\n')}\n`, { dead_letter: true })).toMatchObject({
    new: 1,
    refused: 2,
  })
  const { dead_events } = await perform(context, 'dead-events list')
  expect(dead_events.map((d: Output) => [d.import_line, d.problems[0].code])).toEqual([
    [3, 'TIE-4202'],
    [4, 'TIE-2401'],
  ])
  const said = JSON.parse(dead_events[0].raw_payload)
  expect(said).toMatchObject({ external_event_id: 'b', revenue_cents: 'x' })
  const retried = await perform(context, 'dead-events retry', {
    dead_event: dead_events[0].dead_event_id,
    payload: JSON.stringify({ ...said, revenue_cents: 5 }),
  })
  expect(retried.dead_event).toMatchObject({ state: 'resolved' })
  expect(JSON.parse(dead_events[1].raw_payload)).toEqual(['c', 'purchase'])
})
