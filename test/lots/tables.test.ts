/** The tables of lots by themselves: printed queries, views, guards, row security, and the way down and up again. */

import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Instant } from '#tieout/base/dates'
import type { TenantId, Tx } from '#tieout/books/books'
import { knownMigrations, migrateDown, migrateUp } from '#tieout/books/migrate'
import { dangersOf } from '#tieout/books/open'
import type { Context } from '#tieout/books/operation'
import type { RunId } from '#tieout/books/runs'
import { dumpSchema } from '#tieout/books/schema-dump'
import type { LotConfigDraft } from '#tieout/lots/config'
import { reconcileReviews } from '#tieout/lots/store/reviews'
import { publish } from '#tieout/lots/store/versions'
import { newTenant, openTestBooks, type TestBooks } from '../support/books.js'
import { contextOf, type Folder, makeFolder, perform } from '../support/cli.js'
import { begin, compute, importTrades } from '../support/stored-lots.js'

const AT = '2025-06-01T00:00:00Z' as Instant
let db: TestBooks
let folder: Folder
beforeAll(async () => {
  db = await openTestBooks()
  folder = makeFolder()
})
afterAll(async () => {
  folder?.remove()
  await db?.close()
})

const LINES = [
  'b1,BTC-USD,buy,0.5,30000,0,2025-01-01T00:00:00Z,A,',
  'b2,BTC-USD,buy,0.3,31000,0,2025-01-02T00:00:00Z,A,',
  's1,BTC-USD,sell,0.7,32000,0,2025-01-03T00:00:00Z,A,',
  'x1,XRP-USD,sell,2,3,0.5,2025-01-02T00:00:00Z,B,',
]

/** A tenant with a published version 1, and everything else that the tables hold. */
async function filled(books = db.books, draft: LotConfigDraft = {}, lines = LINES): Promise<Context> {
  const context = contextOf(books, await newTenant(books))
  await importTrades(context, folder, lines)
  const file = (text: string): string => folder.write(`${randomUUID()}.csv`, text)
  await perform(context, 'splits import', { file: file(`id,symbol,ratio,at\np,Z,3:1,${AT}\n`) })
  await perform(context, 'transfers import', {
    file: file(`id,symbol,size,from_account,to_account,at\nt,Z,1,A,B,${AT}\n`),
  })
  await perform(context, 'balances import', { file: file(`id,account,symbol,size,at\nk,A,Z,1,${AT}\n`) })
  await perform(context, 'historical-pnl import', {
    file: file('order_id,pnl_usd\ns1,7\n'),
    date: '2025-11-20',
  })
  const { batch } = await compute(context, 1, draft)
  await books.transaction(context.tenant, async (tx) => {
    await publish(tx, context.tenant, { allocation_version: 1, published_at: AT, published_by: 'me' })
    const issue = { key: 'k', code: 'OVERSELL', symbol: 'X', order_id: 'x1', account: null, amount: '5' }
    await reconcileReviews(tx, context.tenant, { version: 1, batch, at: AT, who: 'me' }, [
      { ...issue, message: 'm', detail: {}, severity: 'low' },
    ])
  })
  return context
}
const rowsOf = (context: Context, sql: string): Promise<Record<string, unknown>[]> =>
  context.books.transaction(context.tenant, (tx) => tx.rows(sql))

describe('every query that the source prints runs as printed', () => {
  const SOURCE = `
SELECT 'old' as system, SUM(pnl_usd) FROM trade_records WHERE side='sell';
SELECT 'new' as system, SUM(pnl_usd) FROM fifo_allocations WHERE allocation_version=1;
SELECT tablename FROM pg_tables WHERE schemaname='public' AND tablename LIKE 'fifo%';
SELECT viewname FROM pg_views WHERE schemaname='public' AND viewname LIKE 'v_%';
SELECT allocation_version, COUNT(*) FROM fifo_allocations GROUP BY allocation_version;
SELECT * FROM v_allocation_health ORDER BY allocation_version DESC LIMIT 1;
SELECT * FROM v_unmatched_sells;
SELECT * FROM v_allocation_discrepancies;`
  const queries = SOURCE.split(';')
    .map((query) => query.trim())
    .filter((query) => query !== '')
  let context: Context
  beforeAll(async () => {
    context = await filled()
  })

  test.each([
    [queries[0]!, [{ system: 'old', sum: null }]],
    [queries[1]!, [{ system: 'new', sum: '1200.0' }]],
    [
      queries[2]!,
      expect.arrayContaining([
        { tablename: 'fifo_allocations' },
        { tablename: 'fifo_computation_log' },
        { tablename: 'fifo_inventory_snapshot' },
      ]),
    ],
    [
      queries[3]!,
      expect.arrayContaining([
        { viewname: 'v_allocation_health' },
        { viewname: 'v_unmatched_sells' },
        { viewname: 'v_pnl_by_symbol' },
        { viewname: 'v_allocation_discrepancies' },
      ]),
    ],
    [queries[4]!, [{ allocation_version: 1, count: 3n }]],
    [
      queries[5]!,
      [
        expect.objectContaining({
          allocation_version: 1,
          published: true,
          method: 'fifo',
          last_status: 'completed',
          health: 'unmatched sells',
          symbols: 3n,
          allocations: 3n,
          matched: 2n,
          unmatched: 1n,
          unmatched_sells: 1n,
          sells: 2n,
          open_lots: 1n,
          open_reviews: 1n,
          trades_since: 0n,
        }),
      ],
    ],
    [
      queries[6]!,
      [
        {
          allocation_version: 1,
          sell_order_id: 'x1',
          symbol: 'XRP-USD',
          account: 'B',
          strategy: null,
          sell_executed_at: '2025-01-02T00:00:00Z',
          sell_size: '2',
          unmatched_size: '2',
          sell_price: '3',
          proceeds: '6',
          sell_fee: '0.5',
          net_proceeds: '5.5',
        },
      ],
    ],
    [queries[7]!, []],
  ])('%s', async (query, expected) => {
    const rows = await rowsOf(context, query)
    expect(query.includes('SUM') ? rows.map((row) => ({ ...row, sum: plain(row.sum) })) : rows).toEqual(
      query.includes('SUM')
        ? expected.map((row: Record<string, unknown>) => ({ ...row, sum: plain(row.sum) }))
        : expected,
    )
  })

  const plain = (text: unknown): unknown =>
    typeof text === 'string' && text.includes('.') ? text.replace(/\.?0+$/, '') : text

  test('P&L by symbol', async () => {
    expect(await rowsOf(context, 'SELECT * FROM v_pnl_by_symbol ORDER BY symbol')).toMatchObject([
      {
        symbol: 'BTC-USD',
        allocations: 2n,
        sells: 1n,
        matched_size: '0.7',
        pnl: '1200',
        unmatched_size: '0',
      },
      { symbol: 'XRP-USD', allocations: 0n, cost_basis: null, pnl: '0', unmatched_net_proceeds: '5.5' },
    ])
  })

  test('views follow the published version, health shows every version', async () => {
    await compute(context, 2, { method: 'lifo' })
    const versions = () => rowsOf(context, 'SELECT DISTINCT allocation_version AS v FROM v_pnl_by_symbol')
    expect(await versions()).toEqual([{ v: 1 }])
    await context.books.transaction(context.tenant, (tx) =>
      publish(tx, context.tenant, { allocation_version: 2, published_at: AT, published_by: 'me' }),
    )
    expect(await versions()).toEqual([{ v: 2 }])
    await importTrades(context, folder, ['new,BTC-USD,buy,1,1,0,2025-02-01T00:00:00Z,A,'])
    expect(
      await rowsOf(
        context,
        'SELECT allocation_version AS v, published, method, trades_since FROM v_allocation_health ORDER BY 1',
      ),
    ).toEqual([
      { v: 1, published: false, method: 'fifo', trades_since: 1n },
      { v: 2, published: true, method: 'lifo', trades_since: 1n },
    ])
  })
})

describe('discrepancies', () => {
  const found = (context: Context) =>
    rowsOf(
      context,
      'SELECT order_id, discrepancy, expected, found FROM v_allocation_discrepancies ORDER BY 1, 2',
    )
  /** Changes rows behind the back of every guard, as only a superuser can. */
  const tamper = (sql: string) =>
    db.books.maintain((session) =>
      session.script(
        `ALTER TABLE fifo_allocations DISABLE TRIGGER USER; ${sql}; ALTER TABLE fifo_allocations ENABLE TRIGGER USER`,
      ),
    )
  const of = ({ tenant }: Context): string => `tenant_id = '${tenant}'`

  test('none with fees in kind, shorts, dust, splits and transfers', async () => {
    const lines = [
      'k1,BTC-USD,buy,1,100,0,2025-01-01T00:00:00Z,A,',
      'k2,BTC-USD,sell,0.9,110,0,2025-01-02T00:00:00Z,A,',
      'h1,ETH-USD,sell,3,10,0,2025-01-01T00:00:00Z,A,',
      'h2,ETH-USD,buy,1,9,0,2025-01-02T00:00:00Z,A,',
      'z1,Z,buy,10,1,0,2025-01-01T00:00:00Z,A,',
      'z2,Z,sell,30,1,0,2025-07-01T00:00:00Z,A,',
    ]
    const context = await filled(
      db.books,
      { short: 'allow', dust: '0.2', assets: { Z: { base: 'Z', quote: 'USD' } } },
      lines,
    )
    expect(
      await rowsOf(context, 'SELECT class, count(*) AS n FROM fifo_allocations GROUP BY 1 ORDER BY 1'),
    ).toEqual([
      { class: 'dust', n: 1n },
      { class: 'matched', n: 3n },
      { class: 'short', n: 1n },
    ])
    expect(await found(context)).toEqual([])
    const kind = [
      'order_id,symbol,side,size,price,fee,executed_at,fee_currency',
      `f1,ADA-USD,buy,10,1,0.5,${AT},ADA`,
      `f2,ADA-USD,sell,9,1,0.5,${AT},ADA`,
    ]
    await perform(context, 'trades import', { file: folder.write('kind.csv', kind.join('\n')) })
    await compute(context, 1, { short: 'allow', dust: '0.2', assets: { Z: { base: 'Z', quote: 'USD' } } })
    expect(
      await rowsOf(context, `SELECT allocated_size FROM fifo_allocations WHERE symbol = 'ADA-USD'`),
    ).toEqual([{ allocated_size: '9.5' }])
    expect(await found(context)).toEqual([])
  })

  test('a sell that is not whole, a copy that is none, a trade that was replaced', async () => {
    const context = await filled()
    await tamper(
      `UPDATE fifo_allocations SET allocated_size = 0.4 WHERE ${of(context)} AND buy_order_id = 'b1'`,
    )
    await tamper(`UPDATE fifo_allocations SET sell_price = 4 WHERE ${of(context)} AND sell_order_id = 'x1'`)
    await importTrades(context, folder, ['c,,,,,,,,b2'])
    expect(await found(context)).toEqual([
      { order_id: 'b2', discrepancy: 'replaced_trade', expected: 'the trade stands', found: 'replaced by c' },
      { order_id: 's1', discrepancy: 'sell_size', expected: '0.7', found: '0.6' },
      {
        order_id: 'x1',
        discrepancy: 'copy_of_trade',
        expected: 'sell XRP-USD 3 2025-01-02 00:00:00',
        found: 'sell XRP-USD 4 2025-01-02 00:00:00',
      },
    ])
  })

  test('a sell without a row, a lot from the future', async () => {
    const context = await filled()
    await tamper(`DELETE FROM fifo_allocations WHERE ${of(context)} AND sell_order_id = 'x1'`)
    await tamper(
      `UPDATE fifo_allocations SET buy_executed_at = '2026-01-01Z' WHERE ${of(context)} AND buy_order_id = 'b1'`,
    )
    expect((await found(context)).map(({ order_id, discrepancy }) => [order_id, discrepancy])).toEqual([
      ['b1', 'copy_of_trade'],
      ['s1', 'time_order'],
      ['x1', 'sell_size'],
    ])
  })

  test.each([
    ['pnl = 1', 'pnl_is_net_less_cost'],
    ['net_proceeds = net_proceeds + 1, pnl = pnl + 1', 'net_is_proceeds_less_fee'],
    ['allocated_size = -1', 'allocations_have_a_size'],
    ['cost_basis = NULL', 'unmatched_is_a_sell_without_a_buy'],
  ])('not even a superuser stores %s', async (change, constraint) => {
    const context = await filled()
    const where = `${of(context)} AND buy_order_id = 'b1'`
    await expect(
      db.books.maintain((session) =>
        session.script(
          `BEGIN; ALTER TABLE fifo_allocations DISABLE TRIGGER USER; UPDATE fifo_allocations SET ${change} WHERE ${where}; COMMIT`,
        ),
      ),
    ).rejects.toThrow(constraint)
    await db.books.maintain((session) => session.script('ROLLBACK'))
  })
})

describe('guards', () => {
  const FACTS = ['trade_imports', 'trade_records', 'lot_splits', 'lot_transfers', 'balance_anchors']
  const APPEND_ONLY = [
    ...FACTS,
    'historical_pnl_snapshot_20251120',
    'lot_versions',
    'lot_publications',
    'fifo_allocations_superseded',
    'manual_review_events',
  ]
  const COMPUTED = ['fifo_allocations', 'fifo_inventory_points', 'fifo_inventory_snapshot']
  const ALL = [...APPEND_ONLY, ...COMPUTED, 'fifo_computation_log', 'manual_review_queue']
  let context: Context
  let other: Context
  beforeAll(async () => {
    context = await filled()
    await importTrades(context, folder, ['late,BTC-USD,buy,0.1,29000,0,2024-12-31T00:00:00Z,A,'])
    await compute(context, 1)
    other = await filled()
  })
  const as = <T>(role: string, work: (tx: Tx) => Promise<T>): Promise<T> =>
    context.books.transaction(context.tenant, (tx) => {
      if (role === 'tieout_owner') return tx.asOwner(() => work(tx))
      return role === 'tieout_superseder' ? tx.asSuperseder(() => work(tx)) : work(tx)
    })

  test.each(ALL)('%s has rows, and its own tenant alone sees them', async (table) => {
    const seen = (who: TenantId, owner: boolean) =>
      db.books.transaction(who, (tx) => {
        const look = () => tx.rows<{ tenant_id: string }>(`SELECT DISTINCT tenant_id FROM ${table}`)
        return owner ? tx.asOwner(look) : look()
      })
    expect(await seen(context.tenant, false)).toEqual([{ tenant_id: context.tenant }])
    expect(await seen(context.tenant, true)).toEqual([{ tenant_id: context.tenant }])
    expect(await seen(randomUUID() as TenantId, false)).toEqual([])
    expect(await seen(randomUUID() as TenantId, true)).toEqual([])
  })

  test.each(ALL)('%s takes no row for another tenant', async (table) => {
    const columns = await rowsOf(
      context,
      `SELECT attname AS name FROM pg_attribute
        WHERE attrelid = '${table}'::regclass AND attnum > 0 AND attgenerated = '' AND NOT attisdropped ORDER BY attnum`,
    )
    const names = columns.map(({ name }) => String(name))
    const values = names.map((name) => (name === 'tenant_id' ? `'${other.tenant}'::uuid` : name))
    const smuggle = `INSERT INTO ${table} (${names.join(', ')}) OVERRIDING SYSTEM VALUE SELECT ${values.join(', ')} FROM ${table}`
    const refusal = table === 'fifo_allocations_superseded' ? /permission denied/ : /row-level security/
    await expect(as('tieout_app', (tx) => tx.execute(smuggle))).rejects.toThrow(refusal)
    await expect(as('tieout_owner', (tx) => tx.execute(smuggle))).rejects.toThrow(/row-level security/)
  })

  test.each(['v_allocation_health', 'v_unmatched_sells', 'v_pnl_by_symbol', 'v_fifo_realized_pnl'])(
    '%s shows the tenant what is its own',
    async (view) => {
      const rows = await rowsOf(context, `SELECT count(*) AS n FROM ${view}`)
      const mine = await db.books.transaction(randomUUID() as TenantId, (tx) =>
        tx.rows(`SELECT * FROM ${view}`),
      )
      expect(rows[0]!.n).not.toBe(0n)
      expect(mine).toEqual([])
    },
  )

  const changesOf = (table: string): string[] => [
    `UPDATE ${table} SET tenant_id = tenant_id`,
    `DELETE FROM ${table}`,
    `TRUNCATE ${table} CASCADE`,
  ]
  test.each(APPEND_ONLY.flatMap(changesOf))('refused to all roles: %s', async (sql) => {
    await expect(as('tieout_app', (tx) => tx.execute(sql))).rejects.toMatchObject({ code: '42501' })
    await expect(as('tieout_owner', (tx) => tx.execute(sql))).rejects.toMatchObject({ code: '55000' })
    await expect(as('tieout_superseder', (tx) => tx.execute(sql))).rejects.toMatchObject({ code: '42501' })
  })

  test.each([...COMPUTED, 'fifo_computation_log', 'manual_review_queue'].flatMap(changesOf))(
    'refused to the application and to the owner: %s',
    async (sql) => {
      const mayTry = /^UPDATE (?:fifo_computation_log|manual_review_queue)/.test(sql)
      const refused = as('tieout_app', (tx) => tx.execute(sql))
      if (mayTry && sql.includes('review')) expect(await refused).toBe(1)
      else await expect(refused).rejects.toMatchObject({ code: mayTry ? '55000' : '42501' })
      const owner = as('tieout_owner', (tx) => tx.execute(sql))
      if (mayTry && sql.includes('review')) expect(await owner).toBe(1)
      else await expect(owner).rejects.toMatchObject({ code: '55000' })
    },
  )

  test('the role that supersedes deletes computed rows and changes none', async () => {
    const undo = (sql: string) =>
      as('tieout_superseder', async (tx) => {
        await tx.execute(sql)
        throw new Error('undo')
      })
    await expect(undo('DELETE FROM fifo_allocations')).rejects.toThrow('undo')
    await expect(undo('UPDATE fifo_allocations SET pnl = pnl')).rejects.toMatchObject({ code: '42501' })
    await expect(undo('DELETE FROM trade_records')).rejects.toMatchObject({ code: '42501' })
    await expect(undo('DELETE FROM calculation_runs')).rejects.toMatchObject({ code: '42501' })
  })

  test('rows come only while their batch is in progress, and name a trade that is there', async () => {
    let row = 0
    const insert =
      (batch: RunId, sell = 's1') =>
      (tx: Tx) => {
        row += 1
        return tx.execute(
          `INSERT INTO fifo_allocations (tenant_id, allocation_version, symbol, allocation_no, batch_id, class,
             sell_order_id, allocated_size, sell_price, sell_fee, proceeds, net_proceeds, sell_executed_at, sell_executed_ns)
           VALUES ($1, 1, 'S', $4, $2, 'unmatched', $3, 1, 1, 9, 1, -8, now(), 0)`,
          [context.tenant, batch, sell, row],
        )
      }
    const { batch } = await begin(context, 1)
    // A fee above the proceeds is a legal sale.
    expect(await context.books.transaction(context.tenant, insert(batch))).toBe(1)
    await expect(context.books.transaction(context.tenant, insert(batch, 'nobody'))).rejects.toMatchObject({
      code: expect.stringMatching(/^23/),
    })
    await compute(context, 2)
    const second = await begin(context, 2)
    await expect(context.books.transaction(context.tenant, insert(second.batch))).rejects.toThrow(
      /computes no version 1/,
    )
    const [ended] = await rowsOf(
      context,
      `SELECT batch_id FROM fifo_computation_log WHERE status = 'completed'`,
    )
    await expect(context.books.transaction(context.tenant, insert(ended!.batch_id as RunId))).rejects.toThrow(
      /COMPLETED/,
    )
    await expect(
      context.books.transaction(context.tenant, (tx) =>
        tx.execute(
          `INSERT INTO fifo_inventory_points (tenant_id, allocation_version, symbol, point_no, batch_id, trades_through,
             allocations, open_lots, splits, chain, pending) VALUES ($1, 1, 'S', 1, $2, 0, 0, 0, '[]', '', '')`,
          [context.tenant, randomUUID()],
        ),
      ),
    ).rejects.toThrow(/not there/)
  })

  test.each([
    ['NaN sizes', `'NaN'`, '1'],
    ['infinite sizes', `'Infinity'`, '1'],
    ['negative prices', '1', '-1'],
    ['NaN prices', '1', `'NaN'`],
  ])('trades refuse %s', async (_, size, price) => {
    const [imported] = await rowsOf(
      context,
      `SELECT import_id FROM trade_imports WHERE kind = 'trades' LIMIT 1`,
    )
    await expect(
      as('tieout_app', (tx) =>
        tx.execute(
          `INSERT INTO trade_records (tenant_id, trade_seq, import_id, import_line, order_id, symbol, side, size, price,
             fee, executed_at, executed_ns, payload, row_digest)
           VALUES ($1, 99, $2, 1, 'n', 'S', 'buy', ${size}, ${price}, 0, now(), 0, '', '')`,
          [context.tenant, String(imported!.import_id)],
        ),
      ),
    ).rejects.toMatchObject({ code: '23514' })
  })

  test.each([
    [`status = 'resolved', closed_at = now(), resolution = 'x'`, undefined],
    [`status = 'dismissed', closed_at = now(), resolution = 'x'`, '55000'],
    [`status = 'in_progress'`, '23514'],
    [`status = 'in_progress', assignee = 'a'`, undefined],
    [`status = 'resolved'`, '23514'],
    [`issue_key = 'other'`, '55000'],
    [`severity = 'awful'`, '23514'],
  ])('a pending review: %s → %s', async (change, code) => {
    const update = as('tieout_app', async (tx) => {
      await tx.execute(`UPDATE manual_review_queue SET ${change}`)
      throw new Error('undo')
    })
    await expect(update).rejects.toMatchObject(code === undefined ? { message: 'undo' } : { code })
  })

  test('nothing was loosened', async () => expect(await dangersOf(db.books)).toEqual([]))
})

describe('down and up again', () => {
  test('keeps the facts and the historical snapshots, takes the rest, and gives the same schema', {
    tags: ['long'],
  }, async () => {
    const own = await openTestBooks()
    try {
      const context = await filled(own.books)
      const before = await own.books.maintain(dumpSchema)
      const facts = async () => [
        await rowsOf(context, 'SELECT * FROM trade_records ORDER BY trade_seq'),
        await rowsOf(context, 'SELECT * FROM lot_splits'),
        await rowsOf(context, 'SELECT * FROM lot_transfers'),
        await rowsOf(context, 'SELECT * FROM balance_anchors'),
        await rowsOf(context, 'SELECT * FROM historical_pnl_snapshot_20251120'),
        await rowsOf(context, 'SELECT * FROM trade_imports ORDER BY imported_at, kind'),
      ]
      const kept = await facts()
      const after = knownMigrations()
        .map(({ name }) => name)
        .filter((name) => name > '0005_access')
      expect(await own.books.maintain((session) => migrateDown(session, '0005_access'))).toEqual(
        after.toReversed(),
      )
      const without = await own.books.maintain(dumpSchema)
      expect(without).not.toMatch(/fifo_|manual_review|lot_versions|lot_publications|v_allocation/)
      expect(await facts()).toEqual(kept)
      await expect(
        own.books.transaction(context.tenant, (tx) =>
          tx.asOwner(() => tx.execute('DELETE FROM trade_records')),
        ),
      ).rejects.toMatchObject({ code: '55000' })
      expect(await own.books.maintain((session) => migrateUp(session))).toEqual(after)
      expect(await own.books.maintain(dumpSchema)).toBe(before)
      expect(await facts()).toEqual(kept)
      await compute(context, 1)
      expect(await rowsOf(context, 'SELECT count(*) AS n FROM fifo_allocations')).toEqual([{ n: 3n }])
      // The tenants' own migration takes everything that is theirs.
      await own.books.maintain((session) => migrateDown(session, 'none'))
      expect(await own.books.maintain(dumpSchema)).not.toMatch(/trade_records|historical_pnl/)
    } finally {
      await own.close()
    }
  })

  test('what is kept is made only when it is not there', () => {
    const { up } = knownMigrations().find(({ name }) => name === '0006_lots')!
    expect(up).toContain(`to_regclass('public.trade_imports') IS NOT NULL`)
    expect(readFileSync(new URL('../../docs/reference/schema.txt', import.meta.url), 'utf8')).toContain(
      'table trade_records owner tieout_owner row security forced',
    )
  })
})

test('a roll-up reads what lots earned', async () => {
  const context = await filled()
  const structure =
    'node_id,parent_node_id,node_name,rollup_driver\nALL,,All,\nBTC-USD,ALL,Bitcoin,symbol\nXRP-USD,ALL,Ripple,symbol\n'
  await perform(context, 'structures import', {
    name: 'COINS',
    file: folder.write('coins.csv', structure),
  })
  const useCase = [
    'use_case: Coins',
    'structure: COINS',
    'source: {table: v_fifo_realized_pnl, date: pnl_date, scenario: null}',
    'measures: {realized: pnl}',
  ]
  await perform(context, 'use-cases apply', { file: folder.write('coins.yaml', useCase.join('\n')) })
  const { run_id } = await perform(context, 'runs create', { use_case: 'Coins', date: '2025-01-03' })
  const { rows } = await perform(context, 'runs results', { run: run_id })
  const root = rows.find(({ node_id }: { node_id: string }) => node_id === 'ALL')
  expect(Number(root.natural)).toBe(1200)
  expect(root.fact_count).toBe(2)
  const file = folder.write('into.csv', 'pnl\n1\n')
  await expect(
    perform(context, 'facts import', { file, table: 'v_fifo_realized_pnl' }),
  ).rejects.toMatchObject({ code: 'TIE-2411' })
})
