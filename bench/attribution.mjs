// Attribution in a server's books: `attribution allocate` of events with four touches each, with what of the write is the
// check of the sums at its end; of a thousand purchases and a thousand refunds more; and everything again. Beside it plain
// COPY of as many allocations into a table without any key, and inserts with a deferred trigger for every row that sums up
// its event. Then reads of as many events. Every figure is told, and with --out kept, as soon as it is measured, so that a
// part that fails loses none. pgledger is not beside it: no package of npm, PyPI or Debian has its SQL.
import { randomUUID } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import { copyRows } from '#tieout/books/copy-rows'
import { openBooks } from '#tieout/books/open'
import { createTenant, DEFAULT_TENANT } from '#tieout/books/tenants'
import { benchReads } from './attribution-reads.mjs'
import { contextOf, perform, timed } from './in-books.mjs'

const CHANNELS = ['direct', 'email', 'search', 'social']
const MORE = 1000

function* plainRows(events) {
  for (let event = 1; event <= events; event++) {
    for (const channel of CHANNELS)
      yield [DEFAULT_TENANT, event, 'linear@1.0.0+1ce4943f54342bc8', channel, event, '0.25000', 2500n]
  }
}

/** Purchases of 100.00 over a year, each with four touches, of the four channels, on the days before. */
const prepare = (books, events, tenant) =>
  books.transaction(tenant, async (tx) => {
    const import_id = randomUUID()
    await tx.execute(
      `INSERT INTO attribution_imports VALUES (tieout_current_tenant(), $1, 'events', 'bench', 'd', $2, now(), 'bench')`,
      [import_id, events],
    )
    await tx.execute(
      `INSERT INTO channel_taxonomy SELECT tieout_current_tenant(), c, 'x', false, 'active', NULL, now(), 'bench' FROM unnest($1::text[]) c`,
      [CHANNELS],
    )
    await tx.execute(
      `INSERT INTO attribution_events (tenant_id, event_id, import_id, import_line, external_event_id, event_type,
         occurred_at, revenue_cents, currency, recorded_at, request_digest)
       SELECT tieout_current_tenant(), g, $1::uuid, g, 'e' || g, 'purchase',
         timestamptz '2025-01-01Z' + g % 365 * interval '1 day', 10000, 'USD', now(), 'd' || g
       FROM generate_series(1, $2::bigint) g`,
      [import_id, events],
    )
    await tx.execute(
      `INSERT INTO attribution_touchpoints (tenant_id, event_id, position, channel, touched_at)
       SELECT tieout_current_tenant(), g, k, ($2::text[])[k],
         timestamptz '2025-01-01Z' + (g % 365 - 5 + k) * interval '1 day'
       FROM generate_series(1, $1::bigint) g, generate_series(1, 4) k`,
      [events, CHANNELS],
    )
  })

const ROW_TRIGGER = `
CREATE FUNCTION bench_check() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE revenue bigint; total bigint;
BEGIN
  SELECT revenue_cents INTO revenue FROM bench_events WHERE tenant_id = NEW.tenant_id AND event_id = NEW.event_id FOR UPDATE;
  SELECT sum(cents) INTO total FROM bench_rows
    WHERE tenant_id = NEW.tenant_id AND event_id = NEW.event_id AND model_version = NEW.model_version;
  IF total IS DISTINCT FROM revenue THEN RAISE EXCEPTION 'sum'; END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER each_row AFTER INSERT ON bench_rows DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION bench_check();`

const columns =
  'tenant_id uuid, event_id bigint, model_version text, channel text, id bigint, ratio numeric, cents bigint'

export async function benchAttribution({ facts: events, dbUrl, out }) {
  if (dbUrl === undefined) {
    console.error('Name a server: --db-url postgres://… (an empty database)')
    process.exit(2)
  }
  const books = await openBooks({ db: dbUrl, command: 'bench', migrate: 'auto' })
  const keep = (part, figures) => {
    if (out !== undefined) appendFileSync(out, `${JSON.stringify({ part, events, ...figures })}\n`)
  }
  /** Of a part that took so many ms. */
  const tell = (part, ms, rows) => {
    const rate = Math.round(rows / (ms / 1000))
    console.log(
      `${part.padEnd(52)} ${(ms / 1000).toFixed(2).padStart(8)} s  ${rate.toLocaleString('en-US').padStart(9)} rows/s`,
    )
    keep(part, { ms: Math.round(ms), rows, rate })
    return rate
  }
  const ratio = (name, value) => {
    console.log(`${name.padEnd(52)} ${value}`)
    keep(name, { value })
  }
  try {
    const tenantOf = async (count) => {
      const tenant = randomUUID()
      await createTenant(books, { tenant_id: tenant, name: `bench ${count} ${tenant.slice(0, 8)}` })
      await prepare(books, count, tenant)
      return tenant
    }
    const rates = await benchInserts(books, events, tell)
    const tenant = await tenantOf(events)
    const allocated = await benchOperation(books, tenant, events, tell, ratio)
    ratio('allocate + store ÷ inserts with a trigger each', (allocated / rates.rowByRow).toFixed(1))
    ratio('allocate + store ÷ plain COPY, by rate', (allocated / rates.plain).toFixed(2))
    const few = Math.ceil(events / 10)
    const fewer = await tenantOf(few)
    await perform({ ...contextOf(books), tenant: fewer }, 'attribution allocate', { model: 'linear' })
    await benchReads(
      books,
      [
        [fewer, few],
        [tenant, events],
      ],
      keep,
    )
  } finally {
    await books.close()
  }
}

async function benchInserts(books, events, tell) {
  const script = (sql) => books.maintain((session) => session.script(sql))
  const inserted = (work) => timed(() => books.transaction(DEFAULT_TENANT, work))
  await script(`CREATE TABLE bench_plain (${columns}); GRANT ALL ON bench_plain TO tieout_app`)
  const copied = await inserted((tx) => tx.copyIn('bench_plain', copyRows(plainRows(events))))
  const plain = tell('plain COPY of the allocations', copied, events * CHANNELS.length)
  // A twentieth of the events says enough of what each row costs here.
  const few = Math.ceil(events / 20)
  const rows = few * CHANNELS.length
  await script(
    `CREATE TABLE bench_events (tenant_id uuid, event_id bigint, revenue_cents bigint, PRIMARY KEY (tenant_id, event_id));
     INSERT INTO bench_events SELECT '${DEFAULT_TENANT}', g, 10000 FROM generate_series(1, ${few}) g;
     CREATE TABLE bench_rows (${columns}, PRIMARY KEY (tenant_id, event_id, model_version, channel));
     GRANT ALL ON bench_rows, bench_events TO tieout_app; ${ROW_TRIGGER}`,
  )
  const oneByOne = await inserted(async (tx) => {
    for (const row of plainRows(few))
      await tx.execute('INSERT INTO bench_rows VALUES ($1, $2, $3, $4, $5, $6, $7)', row)
  })
  const rowByRow = tell('row by row, a trigger each', oneByOne, rows)
  await script('TRUNCATE bench_rows')
  const together = await inserted((tx) =>
    tx.execute(`INSERT INTO bench_rows SELECT * FROM bench_plain WHERE event_id <= ${few}`),
  )
  tell('in one statement, a trigger each row', together, rows)
  await script('DROP TABLE bench_plain, bench_rows, bench_events; DROP FUNCTION bench_check()')
  return { plain, rowByRow }
}

/** Books whose transactions check their sums before they are committed; `checked(ms)` is told how long that took. */
const checking = (books, checked) => ({
  ...books,
  whileHolding: (key, work) => books.whileHolding(key, work),
  transaction: (tenant, work) =>
    books.transaction(tenant, async (tx) => {
      const result = await work(tx)
      checked(await timed(() => tx.execute('SET CONSTRAINTS ALL IMMEDIATE')))
      return result
    }),
})

/** `attribution allocate` of all events, of none, of a few that are new, and of everything again. */
async function benchOperation(books, tenant, events, tell, ratio) {
  let checks = 0
  const checked = (ms) => {
    checks += ms
  }
  const context = { ...contextOf(checking(books, checked)), tenant }
  const allocate = async (part, rows, input) => {
    let found
    const ms = await timed(async () => {
      found = await perform(context, 'attribution allocate', { model: 'linear', ...input })
    })
    const rate = tell(`${part}, ${found.mode}`, ms, rows)
    return { ...found, rate, ms }
  }
  const first = await allocate('allocate: read, allocate, store', events * CHANNELS.length)
  ratio('  of it the check of the sums', `${((checks / (first.ms - checks)) * 100).toFixed(1)} % of the rest`)
  await allocate('allocate with nothing new', 0)
  const recorded = await timed(() => perform(context, 'events record', { events: newEvents(events) }))
  tell(`import of ${MORE} purchases and ${MORE} refunds of old ones`, recorded, 2 * MORE)
  const some = await allocate(`allocate ${2 * MORE} new events`, MORE * (CHANNELS.length + 4))
  if (some.new !== 2 * MORE) throw new Error(`${some.new} sets are new, not ${2 * MORE}`)
  const whole = await allocate('allocate with nothing new', 0, { full: true })
  if (whole.result_digest !== some.result_digest) throw new Error('the digests differ')
  return first.rate
}

const newEvents = (events) =>
  Array.from({ length: MORE }, (_, i) => [
    {
      external_event_id: `new-${i}`,
      type: 'purchase',
      occurred_at: '2025-12-31T00:00:00Z',
      revenue_cents: 10_000 + i,
      currency: 'USD',
      touches: CHANNELS.map((channel, k) => ({ channel, at: `2025-12-0${k + 1}T00:00:00Z` })),
    },
    {
      external_event_id: `back-${i}`,
      type: 'refund',
      occurred_at: '2025-12-31T00:00:00Z',
      revenue_cents: 1 + i,
      currency: 'USD',
      refund_of: `e${1 + ((i * 7) % events)}`,
    },
  ]).flat()
