/** Revenue at a glance, claims against settled amounts, and revenue as files: by the operations, on real books. */

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { byFamily } from '#tieout/attribution/channel-summary'
import { parseClaim } from '#tieout/attribution/claim'
import { revenueFile } from '#tieout/attribution/files/revenue-file'
import { realtimeRevenue } from '#tieout/attribution/realtime-revenue'
import { REVENUE_COLUMNS, type RevenueRow } from '#tieout/attribution/store/revenue-rows'
import { majorAmount } from '#tieout/base/currency'
import type { Context } from '#tieout/books/operation'
import { failOrphans, openRun, type RunId } from '#tieout/books/runs'
import { xlsxFile } from '#tieout/engines/xlsx-file'
import { AT, importEvents, purchase, refund, rowsOf } from '../support/attribution.js'
import { newTenant, sharedTestBooks, type TestBooks } from '../support/books.js'
import { contextOf, EXAMPLES, type Folder, makeFolder, perform, refusal } from '../support/cli.js'

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

const HEADER = 'platform,reference,amount_cents,currency,occurred_on'
let files = 0
const csv = (...rows: readonly string[]): string =>
  folder.write(`rows-${++files}.csv`, `${[HEADER, ...rows].join('\n')}\n`)
const fresh = async (): Promise<Context> => contextOf(db.books, await newTenant(db.books))

/** p: 100.00 USD less 25.00, q: 100.00 USD, y: 5000 JPY; two of the channels declared. */
async function sold(): Promise<Context> {
  const context = await fresh()
  await perform(context, 'channels add', { code: 'email', family: 'owned' })
  await perform(context, 'channels add', { code: 'search', family: 'paid', paid: true })
  await importEvents(context, folder, [
    purchase('p'),
    purchase('q', { occurred_at: '2025-05-11T23:59:59Z' }),
    purchase('y', { revenue_cents: 5000, currency: 'JPY', occurred_at: '2025-05-12T00:00:00Z' }),
    refund('r', 'p', 2500),
  ])
  return context
}

describe('revenue at this moment', () => {
  test('each currency by itself, and one number where one is meant', async () => {
    const context = await sold()
    const all = await perform(context, 'attribution realtime')
    expect(all).toMatchObject({
      total_revenue: null,
      currency: null,
      verified: false,
      tenant_id: context.tenant,
    })
    // 10000 + 10000 − 2500 cents; the yen has no smaller unit.
    expect(all.currencies).toMatchObject([
      { currency: 'JPY', minor_unit_digits: 0, revenue: '5000', revenue_cents: '5000', events: 1 },
      { currency: 'USD', minor_unit_digits: 2, revenue: '175.00', revenue_cents: '17500', events: 3 },
    ])
    expect(await perform(context, 'attribution realtime', { currency: 'USD' })).toMatchObject({
      total_revenue: '175.00',
      currency: 'USD',
    })
    expect(await perform(context, 'attribution realtime', { currency: 'CHF' })).toMatchObject({
      total_revenue: '0.00',
      verified: false,
      data_freshness_seconds: null,
      currencies: [],
    })
    expect(await perform(await fresh(), 'attribution realtime')).toMatchObject({
      total_revenue: '0',
      currency: null,
    })
  })

  test('its age is taken when it is read', async () => {
    const context = await sold()
    const [{ newest }] = (await rowsOf(
      context,
      'SELECT max(last_recorded_at) AS newest FROM mv_realtime_revenue',
    )) as [{ newest: string }]
    const at = (seconds: number) => ({
      ...context,
      now: () => new Date(Date.parse(newest) + seconds * 1000).toISOString() as never,
    })
    const age = async (seconds: number) =>
      (await perform(at(seconds), 'attribution realtime')).data_freshness_seconds
    expect([await age(0), await age(59.9), await age(3600), await age(-5)]).toEqual([0, 59, 3600, 0])
  })

  test('the newest currency makes the age, and all of them verified', () => {
    const total = (currency: string, events: number, verified_events: number, last_recorded_at: string) => ({
      currency,
      events,
      verified_events,
      revenue_cents: '5',
      verified_cents: '5',
      unverified_cents: '0',
      entries: 0,
      posted_cents: '0',
      last_recorded_at,
    })
    const [usd, eur] = [
      total('USD', 1, 1, '2025-01-01T00:00:00Z'),
      total('EUR', 2, 1, '2025-01-01T00:00:50Z'),
    ]
    const now = '2025-01-01T00:01:00Z'
    expect(realtimeRevenue([usd, eur], undefined, now)).toMatchObject({
      verified: false,
      data_freshness_seconds: 10,
    })
    expect(realtimeRevenue([usd, eur], 'USD', now)).toMatchObject({
      verified: true,
      data_freshness_seconds: 60,
      total_revenue: '0.05',
    })
  })

  test.each([
    [10050n, 'USD', '100.50'],
    [-5n, 'USD', '-0.05'],
    [10050n, 'JPY', '10050'],
    [-5n, 'KWD', '-0.005'],
    [12345n, 'CLF', '1.2345'],
    [0n, 'EUR', '0.00'],
    [10n ** 20n + 1n, 'USD', '1000000000000000000.01'],
  ])('%s %s are %s', (cents, currency, major) => {
    expect(majorAmount(cents, currency)).toBe(major)
  })
})

describe('revenue of channels', () => {
  test('by channel, family, currency and days; what is superseded does not count', async () => {
    const context = await sold()
    expect((await refusal(perform(context, 'attribution channels')))[0]!.code).toBe('TIE-4306')
    await perform(context, 'attribution allocate', { model: 'linear' })
    const read = async (more: Readonly<Record<string, unknown>> = {}) => {
      const { channels } = await perform(context, 'attribution channels', more)
      return channels.map((one: Record<string, unknown>) =>
        ['currency', 'family', 'channel', 'allocated_revenue_cents', 'allocations']
          .map((key) => one[key])
          .join(' '),
      )
    }
    // Two of three touches are email. p 6667 + 3333, q the same, r takes 1667 + 833 back; y 3333 + 1667.
    expect(await read()).toEqual([
      'JPY owned email 3333 1',
      'JPY paid search 1667 1',
      'USD owned email 11667 3',
      'USD paid search 5833 3',
    ])
    expect(await read({ currency: 'USD', to: '2025-05-10' })).toEqual([
      'USD owned email 6667 1',
      'USD paid search 3333 1',
    ])
    expect(await read({ from: '2025-05-11', to: '2025-05-11' })).toEqual([
      'USD owned email 6667 1',
      'USD paid search 3333 1',
    ])
    expect(await read({ from: '2025-05-12', to: '2025-05-12', model: 'linear@1' })).toEqual([
      'JPY owned email 3333 1',
      'JPY paid search 1667 1',
    ])
    // What a code means has changed: every set is made anew, and what they replace is counted no more.
    await perform(context, 'channels map', { code: 'email', to: 'search' })
    await perform(context, 'attribution allocate', { model: 'linear' })
    expect(await read()).toEqual(['JPY paid search 5000 1', 'USD paid search 17500 3'])
    const held = await rowsOf(
      context,
      `SELECT channel, s.currency, sum(allocated_revenue_cents)::text AS cents FROM attribution_allocation_sets s
         JOIN attribution_allocations USING (tenant_id, event_id, model_version)
        WHERE superseded_by IS NULL GROUP BY 1, 2 ORDER BY 2`,
    )
    expect(held.map(({ cents }) => cents)).toEqual(['5000', '17500'])
    await perform(context, 'attribution allocate', { model: 'first' })
    expect((await refusal(perform(context, 'attribution channels')))[0]!.code).toBe('TIE-4306')
    expect(await read({ model: 'first', currency: 'USD' })).toEqual(['USD paid search 17500 3'])
  })

  test.each([
    [{ from: '2025-06-02', to: '2025-06-01' }, 'TIE-4307'],
    [{ from: 'yesterday' }, 'TIE-4405'],
  ])('a period of %j is refused', async (period, code) => {
    expect(
      (await refusal(perform(await fresh(), 'attribution channels', { model: 'linear', ...period })))[0]!
        .code,
    ).toBe(code)
  })

  test('families sum to what their channels have', () => {
    const one = fc.record({
      family: fc.constantFrom('paid', 'owned', 'USD'),
      currency: fc.constantFrom('USD', 'EUR'),
      cents: fc.bigInt(-(10n ** 18n), 10n ** 18n),
      allocations: fc.nat(9),
    })
    fc.assert(
      fc.property(fc.array(one), (rows) => {
        const channels = rows.map(({ cents, ...row }) => ({ ...row, allocated_revenue_cents: String(cents) }))
        for (const family of byFamily(channels)) {
          const own = rows.filter((row) => row.family === family.family && row.currency === family.currency)
          expect(family.allocated_revenue_cents).toBe(String(own.reduce((sum, { cents }) => sum + cents, 0n)))
        }
        expect(byFamily(channels)).toHaveLength(new Set(rows.map((r) => `${r.family} ${r.currency}`)).size)
      }),
    )
  })
})

describe('claims and settled amounts', () => {
  test('are stored once, counted, and never changed', async () => {
    const context = await fresh()
    const file = csv('ads,e1,100,USD,2025-05-10', 'ads,e2,-5,EUR,2025-05-11', 'shop,e1,100,USD,2025-05-10')
    const dry = await perform(context, 'claims import', { file, dry_run: true })
    expect(dry).toMatchObject({ new: 3, same: 0, refused: 0 })
    expect(await perform(context, 'claims import', { file })).toMatchObject({ new: 3, same: 0 })
    expect(await perform(context, 'claims import', { file })).toMatchObject({
      new: 0,
      same: 3,
      import_id: null,
    })
    const twice = csv('ads,e1,100,USD,2025-05-10', 'ads,e3,7,USD,2025-05-10', 'ads,e3,7,USD,2025-05-10')
    expect(await perform(context, 'claims import', { file: twice })).toMatchObject({ new: 1, same: 2 })
    const other = csv('ads,e1,101,USD,2025-05-10', 'ads,e9,1,USD,2025-05-10', 'ads,e9,2,USD,2025-05-10')
    const refused = await refusal(perform(context, 'claims import', { file: other }))
    expect(
      refused.map(({ code, place, message }) => [code, (place as { line: number }).line, message]),
    ).toEqual([
      ['TIE-4301', 2, 'The claim "e1" of ads is there already with other content.'],
      [
        'TIE-4301',
        4,
        expect.stringMatching(/"e9" of ads is there already with other content, earlier in rows/),
      ],
    ])
    // Both kinds have references of their own, and so has each tenant.
    expect(await perform(context, 'settlements import', { file: other }).catch(() => 'refused')).toBe(
      'refused',
    )
    expect(await perform(context, 'settlements import', { file })).toMatchObject({ new: 3 })
    expect(await perform(await fresh(), 'claims import', { file })).toMatchObject({ new: 3 })
    expect(await rowsOf(context, 'SELECT count(*) AS n FROM platform_claims')).toEqual([{ n: 4n }])
  })

  test('every problem of a file at once, and nothing stored', async () => {
    const context = await fresh()
    const file = csv(
      ',e1,100,USD,2025-05-10',
      'ads,e2,1.5,USD,2025-05-10',
      'ads,e3,100,usd,2025-05-10',
      'ads,e4,100,USD,2025-02-30',
      `ads,${'x'.repeat(501)},1000000000000000,,`,
      'ads,e6,1,USD',
    )
    const refused = await refusal(perform(context, 'settlements import', { file }))
    expect(refused.map(({ code, place }) => `${(place as { line: number }).line} ${code}`)).toEqual([
      '2 TIE-4302',
      '3 TIE-4202',
      '4 TIE-4214',
      '5 TIE-4303',
      '6 TIE-4220',
      '6 TIE-4202',
      '6 TIE-4302',
      '6 TIE-4302',
      '7 TIE-2401',
    ])
    expect(await rowsOf(context, 'SELECT * FROM attribution_imports')).toEqual([])
    const odd = folder.write('odd.csv', 'platform,reference,amount,currency,occurred_on\n')
    expect((await refusal(perform(context, 'claims import', { file: odd }))).map(({ code }) => code)).toEqual(
      ['TIE-2404', 'TIE-2405'],
    )
  })

  test('a row has all or nothing', () => {
    expect(parseClaim({}).is).toBe('refused')
    expect(
      parseClaim({
        platform: 'a',
        reference: 'b',
        amount_cents: '-999999999999999',
        currency: 'USD',
        occurred_on: '2025-01-01',
      }),
    ).toMatchObject({ is: 'claim', claim: { amount_cents: -999999999999999n } })
  })
})

describe('a reconciliation', () => {
  const CLAIMS = [
    'google,p,10000,USD,2025-05-10',
    'facebook,p,10000,USD,2025-05-10',
    'google,q,10000,USD,2025-05-11',
    'google,y,5000,JPY,2025-05-12',
    'google,z,700,USD,2025-05-13',
  ]
  const SETTLED = [
    'google,p,10000,USD,2025-05-12',
    'google,q,9000,USD,2025-05-13',
    'google,y,5000,EUR,2025-05-14',
    'google,r,-2500,USD,2025-05-21',
    'google,nobody,1,USD,2025-05-21',
  ]
  async function claimed(): Promise<Context> {
    const context = await sold()
    await perform(context, 'claims import', { file: csv(...CLAIMS) })
    await perform(context, 'settlements import', { file: csv(...SETTLED) })
    return context
  }
  const shown = async (context: Context, run: string, more: Readonly<Record<string, unknown>> = {}) =>
    (await perform(context, 'reconciliation show', { run, ...more })).references.map(
      (one: Record<string, unknown>) =>
        `${one.platform} ${one.reference} ${one.finding} ${one.difference_cents}`,
    )

  test('finds what is matched, missing, in excess and different, and verifies what was settled as it is', async () => {
    const context = await claimed()
    expect(await perform(context, 'reconciliation status')).toEqual({
      state: 'idle',
      last_run_at: null,
      tenant_id: context.tenant,
    })
    const made = await perform(context, 'reconcile')
    expect(made).toMatchObject({ state: 'completed', references: 7, newly_verified: 2 })
    expect(await shown(context, made.run_id)).toEqual([
      'facebook p missing -10000',
      'google nobody excess 1',
      'google p matched 0',
      'google q amount_difference -1000',
      'google r excess -2500',
      'google y amount_difference null',
      'google z missing -700',
    ])
    expect(made.amounts).toEqual([
      {
        finding: 'amount_difference',
        currency: 'JPY',
        references: 1,
        claimed_cents: '5000',
        settled_cents: '0',
      },
      {
        finding: 'amount_difference',
        currency: 'USD',
        references: 1,
        claimed_cents: '10000',
        settled_cents: '9000',
      },
      { finding: 'excess', currency: 'USD', references: 2, claimed_cents: '0', settled_cents: '-2499' },
      { finding: 'matched', currency: 'USD', references: 1, claimed_cents: '10000', settled_cents: '10000' },
      { finding: 'missing', currency: 'USD', references: 2, claimed_cents: '10700', settled_cents: '0' },
    ])
    expect(
      made.findings.map(({ code, rows, amount }: Record<string, unknown>) => [code, rows, amount]),
    ).toEqual([
      ['AMOUNTS_DIFFER', 1, '-5000'],
      ['AMOUNTS_DIFFER', 1, '-1000'],
      ['SETTLED_WITHOUT_CLAIM', 2, '-2499'],
      ['CLAIMS_NOT_SETTLED', 2, '-10700'],
      ['CLAIMED_BY_SEVERAL', 1, undefined],
      ['SETTLED_OTHER_REVENUE', 2, undefined],
      ['SETTLED_WITHOUT_EVENT', 1, undefined],
    ])
    expect(await perform(context, 'reconciliation status')).toMatchObject({ state: 'completed' })
    // p and its refund: 10000 − 2500.
    const usd = await perform(context, 'attribution realtime', { currency: 'USD' })
    expect(usd).toMatchObject({
      verified: false,
      currencies: [{ verified_cents: '7500', unverified_cents: '10000' }],
    })
    // Again: the same findings, nothing newly verified, nothing counted twice.
    const again = await perform(context, 'reconcile')
    expect(again).toMatchObject({ newly_verified: 0, result_digest: made.result_digest })
    expect(await perform(context, 'attribution realtime', { currency: 'USD' })).toMatchObject({
      currencies: [{ verified_events: 2 }],
    })
    const page = await perform(context, 'reconciliation list', { limit: 1 })
    expect(page.reconciliations).toMatchObject([{ run_id: again.run_id, state: 'completed' }])
    const rest = await perform(context, 'reconciliation list', { limit: 5, cursor: page.next_cursor })
    expect(rest.reconciliations).toMatchObject([{ run_id: made.run_id }])
  })

  test('of a period and of a platform; by finding and by page', async () => {
    const context = await claimed()
    const { run_id: days } = await perform(context, 'reconcile', { from: '2025-05-11', to: '2025-05-12' })
    // A pair belongs to the day of its claim; what nobody claimed to its own.
    expect(await shown(context, days)).toEqual([
      'google q amount_difference -1000',
      'google y amount_difference null',
    ])
    const { run_id: one } = await perform(context, 'reconcile', { platform: 'facebook' })
    expect(await shown(context, one)).toEqual(['facebook p missing -10000'])
    const { run_id: all } = await perform(context, 'reconcile')
    expect(await shown(context, all, { finding: 'missing' })).toEqual([
      'facebook p missing -10000',
      'google z missing -700',
    ])
    const page = await perform(context, 'reconciliation show', { run: all, limit: 3 })
    expect(await shown(context, all, { limit: 9, cursor: page.next_cursor })).toHaveLength(4)
    expect((await refusal(perform(context, 'reconcile', { from: 'x' })))[0]!.code).toBe('TIE-4405')
    expect((await refusal(perform(context, 'reconciliation show', { run: 'ffffffff' })))[0]!.code).toBe(
      'TIE-1103',
    )
    const { run_id: allocation } = await perform(context, 'attribution allocate', { model: 'linear' })
    expect((await refusal(perform(context, 'reconciliation show', { run: allocation })))[0]!.code).toBe(
      'TIE-4305',
    )
  })

  test('that fails is kept, and one whose process died ends with its run', async () => {
    const context = await claimed()
    const stopped = { ...context, signal: AbortSignal.abort() }
    expect((await refusal(perform(stopped, 'reconcile')))[0]!.code).toBe('TIE-2503')
    const { reconciliations } = await perform(context, 'reconciliation list')
    expect(reconciliations).toMatchObject([{ state: 'failed' }])
    expect(await perform(context, 'reconciliation show', { run: reconciliations[0].run_id })).toMatchObject({
      state: 'failed',
      error: 'interrupted',
      references: [],
    })
    expect(await rowsOf(context, 'SELECT * FROM verified_events')).toEqual([])
    const id = context.newId() as RunId
    await openRun(context.books, context.tenant, {
      id,
      kind: 'reconciliation',
      run_name: 'x',
      executed_at: context.now(),
      triggered_by: 'x',
      parameters: {},
      engine_version: '0',
    })
    expect(await perform(context, 'reconciliation status')).toMatchObject({ state: 'running' })
    await failOrphans(context.books, context.tenant, AT)
    expect(await perform(context, 'reconciliation status')).toMatchObject({ state: 'failed' })
  })

  test('is the only one at a time', async () => {
    const context = await claimed()
    const done = await context.books.whileHolding(`reconciliation:${context.tenant}`, async () =>
      context.books.kind === 'pglite' ? undefined : refusal(perform(context, 'reconcile')),
    )
    // The lock of an embedded database is the process's own, and this is the same process.
    if (context.books.kind === 'postgres') expect(done).toMatchObject([{ code: 'TIE-4304' }])
    else expect(await perform(context, 'reconcile')).toMatchObject({ state: 'completed' })
  })

  test('is of one tenant', async () => {
    const [context, other] = [await claimed(), await fresh()]
    const { run_id } = await perform(context, 'reconcile')
    expect((await refusal(perform(other, 'reconciliation show', { run: run_id })))[0]!.code).toBe('TIE-1103')
    expect(await perform(other, 'reconcile')).toMatchObject({ references: 0, findings: [] })
  })
})

describe('revenue as a file', () => {
  const unzip = (file: string, name: string): string =>
    execFileSync(
      'python3',
      [
        '-c',
        'import sys, zipfile; sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))',
        file,
        name,
      ],
      { encoding: 'utf8' },
    )

  async function written(as: string, more: Readonly<Record<string, unknown>> = {}): Promise<string> {
    const context = await sold()
    await importEvents(context, folder, [
      purchase('=cmd|x', {
        revenue_cents: 999_999_999_999_999,
        touches: [{ channel: 'email', at: '2025-05-01T00:00:00Z' }],
      }),
    ])
    await perform(context, 'attribution allocate', { model: 'linear' })
    await perform(context, 'settlements import', { file: csv('shop,p,10000,USD,2025-05-12') })
    await perform(context, 'reconcile')
    const file = join(folder.path, `revenue-${++files}.${as}`)
    const out = await perform(context, 'export revenue', { file, as, ...more })
    expect(out).toMatchObject({ as, bytes: readFileSync(file).length })
    expect((await refusal(perform(context, 'export revenue', { file, as })))[0]!.code).toBe('TIE-2801')
    const again = await perform(context, 'export revenue', { file, as, ...more, overwrite: true })
    expect(again.digest).toBe(out.digest)
    return file
  }

  test('CSV: the exact cents, guarded text', async () => {
    const lines = readFileSync(await written('csv'), 'utf8').split('\r\n')
    expect(lines[0]).toBe(
      'event,event_type,occurred_at,currency,channel,family,allocation_ratio,allocated_revenue_cents,allocated_revenue,model_version,verification',
    )
    expect(lines[1]).toMatch(
      /^p,purchase,2025-05-10T12:00:00Z,USD,email,owned,0.66667,6667,66.67,linear@1.0.0\+\w+,verified$/,
    )
    expect(lines.at(-2)).toMatch(
      /^'=cmd\|x,purchase,\S+,USD,email,owned,1.00000,999999999999999,9999999999999.99,/,
    )
    expect(lines).toHaveLength(11)
  })

  test('JSON: of a period and a currency', async () => {
    const file = await written('json', { currency: 'USD', from: '2025-05-20' })
    const { model, rows } = JSON.parse(readFileSync(file, 'utf8'))
    expect(model).toMatch(/^linear@1\.0\.0/)
    expect(rows.map((row: Record<string, string>) => [row.event, row.allocated_revenue_cents])).toEqual([
      ['r', '-1667'],
      ['r', '-833'],
    ])
  })

  test('a workbook: whole cents as numbers, text that is no formula', async () => {
    const sheet = unzip(await written('xlsx'), 'xl/worksheets/sheet1.xml')
    expect(sheet).toContain('<c t="inlineStr" s="1"><is><t xml:space="preserve">=cmd|x</t></is></c>')
    expect(sheet).toContain('<c><v>999999999999999</v></c><c><v>9999999999999.99</v></c>')
    expect(sheet).toContain('<c><v>-1667</v></c><c><v>-16.67</v></c>')
    expect(sheet).not.toContain('<f>')
    expect(sheet.match(/<row>/g)).toHaveLength(10)
  })

  test('every cell of a workbook is read back as it was', { tags: ['long'] }, async () => {
    const text = fc.string({ unit: 'binary-ascii' })
    const digits = fc.bigInt(-(10n ** 17n), 10n ** 17n).map(String)
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(text, digits), { maxLength: 8 }), async (rows) => {
        const columns = [
          { name: 'a', type: 'text' },
          { name: 'b', type: 'number' },
        ] as const
        const file = folder.write(
          'random.xlsx',
          await bytesOf(xlsxFile({ name: 'S', columns, rows: once(rows) })),
        )
        const xml = unzip(file, 'xl/worksheets/sheet1.xml')
        const read = [...xml.matchAll(/<t xml:space="preserve">([^<]*)<\/t>|<v>([^<]*)<\/v>/g)].map(
          ([, inline, number]) => number ?? plain(inline!),
        )
        expect(read).toEqual(['a', 'b', ...rows.flat()])
        for (const [, number] of xml.matchAll(/<v>([^<]*)<\/v>/g)) expect(String(Number(number))).toBe(number)
      }),
      { numRuns: 10 },
    )
  })
  async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
    const all: Uint8Array[] = []
    for await (const chunk of chunks) all.push(chunk)
    return Buffer.concat(all)
  }
  async function* once<T>(rows: T) {
    yield rows
  }
  const plain = (text: string): string =>
    text
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&amp;', '&')
      .replace(/_x([0-9A-F]{4})_/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))

  test('more rows than a sheet holds are refused', async () => {
    const row = Object.fromEntries(REVENUE_COLUMNS.map((name) => [name, '1'])) as RevenueRow
    await expect(bytesOf(revenueFile('xlsx', 'm', once([row, row]), 2) as never)).resolves.toBeDefined()
    const file = revenueFile('xlsx', 'm', once([row, row, row]), 2)
    await expect(bytesOf(file as never)).rejects.toMatchObject({ code: 'TIE-4308' })
  })

  test('a sheet never has more rows than the format allows', { tags: ['long'] }, async () => {
    const many = Array.from({ length: 1024 }, () => ['x'])
    async function* endless() {
      for (let i = 0; i < 1025; i++) yield many
    }
    const sheet = xlsxFile({ name: 'S', columns: [{ name: 'a', type: 'text' }], rows: endless() })
    await expect(
      (async () => {
        for await (const _ of sheet);
      })(),
    ).rejects.toThrow(RangeError)
  })
})

test('a roll-up reads what the ledger has posted', async () => {
  const context = await fresh()
  const sample = (name: string) => join(EXAMPLES, 'attribution', name)
  for (const [code, family] of [
    ['email', 'owned'],
    ['search', 'paid'],
    ['social', 'paid'],
  ]) {
    await perform(context, 'channels add', { code, family })
  }
  await perform(context, 'events import', { file: sample('events.ndjson') })
  await perform(context, 'attribution allocate', { model: 'linear' })
  await perform(context, 'ledger post')
  await perform(context, 'structures import', { name: 'CHANNELS', file: sample('structure.csv') })
  await perform(context, 'use-cases apply', { file: sample('use-case.yaml') })
  const naturals = async (date: string) => {
    const { run_id } = await perform(context, 'runs create', { use_case: 'Channel revenue', date })
    const { rows } = await perform(context, 'runs results', { run: run_id })
    return Object.fromEntries(rows.map((row: Record<string, unknown>) => [row.node_id, Number(row.natural)]))
  }
  expect(await naturals('2025-05-10')).toEqual({
    UNASSIGNED: 0,
    ALL: 10_000,
    owned: 3334,
    'owned/email': 3334,
    paid: 6666,
    'paid/search': 3333,
    'paid/social': 3333,
  })
  // The refund is of the day on which it occurred.
  expect(await naturals('2025-06-20')).toMatchObject({ ALL: -2500, 'owned/email': -834, paid: -1666 })
  const file = folder.write('into.csv', 'amount_cents\n1\n')
  expect(
    (await refusal(perform(context, 'facts import', { file, table: 'v_posted_revenue' })))[0]!.code,
  ).toBe('TIE-2411')
})
