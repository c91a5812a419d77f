// Allocation sets into a server's books: events with four channels each, written by COPY with the sums checked at the commit,
// the same without that check, plain COPY of the same rows into a table without any key, and inserts with a deferred trigger
// for every row that sums up its event. Three models of the same events, one after another. Then reads of as many events.
import { randomUUID } from 'node:crypto'
import { modelVersion } from '#tieout/attribution/model'
import { parseModel } from '#tieout/attribution/model-text'
import { writeSets } from '#tieout/attribution/store/allocation-sets'
import { copyRows } from '#tieout/books/copy-rows'
import { openBooks } from '#tieout/books/open'
import { openRun } from '#tieout/books/runs'
import { DEFAULT_TENANT } from '#tieout/books/tenants'
import { benchReads } from './attribution-reads.mjs'

const CHANNELS = ['direct', 'email', 'search', 'social']
const AT = '2025-06-01T00:00:00Z'
const MODELS = ['linear@1.0.0', 'first@1.0.0', 'last@1.0.0']

function* sets(events, model_version) {
  for (let event_id = 1; event_id <= events; event_id++) {
    yield {
      event_id,
      model_version,
      revenue_cents: 10_000n,
      currency: 'USD',
      input_digest: 'sha256:0123456789012345678901234567890123456789012345678901234567890123',
      allocations: CHANNELS.map((channel) => ({
        channel,
        allocation_ratio: '0.25000',
        allocated_revenue_cents: 2500n,
      })),
    }
  }
}

function* plainRows(events) {
  for (let event = 1; event <= events; event++) {
    for (const channel of CHANNELS) yield [DEFAULT_TENANT, event, MODELS[0], channel, event, '0.25000', 2500n]
  }
}

async function timed(work) {
  const began = performance.now()
  await work()
  return performance.now() - began
}

async function prepare(books, events, tenant = DEFAULT_TENANT) {
  const import_id = randomUUID()
  await books.transaction(tenant, async (tx) => {
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
       SELECT tieout_current_tenant(), g, $1::uuid, g, 'e' || g, 'purchase', timestamptz '2025-01-01Z' + g % 365 * interval '1 day', 10000, 'USD', now(), 'd'
       FROM generate_series(1, $2::bigint) g`,
      [import_id, events],
    )
  })
}

async function write(books, events, model, tenant = DEFAULT_TENANT) {
  const id = randomUUID()
  await openRun(books, tenant, {
    id,
    kind: 'attribution',
    run_name: model,
    executed_at: AT,
    triggered_by: 'bench',
    parameters: {},
    engine_version: '0',
  })
  await books.transaction(tenant, (tx) => writeSets(tx, id, AT, sets(events, model)))
}

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

export async function benchAttribution({ facts: events, dbUrl }) {
  if (dbUrl === undefined) {
    console.error('Name a server: --db-url postgres://… (an empty database)')
    process.exit(2)
  }
  const books = await openBooks({ db: dbUrl, command: 'bench', migrate: 'auto' })
  const script = (sql) => books.maintain((session) => session.script(sql))
  try {
    await prepare(books, events)
    const said = {}
    await script(`CREATE TABLE bench_plain (${columns}); GRANT ALL ON bench_plain TO tieout_app`)
    said['plain COPY of the allocations'] = await timed(() =>
      books.transaction(DEFAULT_TENANT, (tx) => tx.copyIn('bench_plain', copyRows(plainRows(events)))),
    )
    said['sets and allocations, sums checked'] = await timed(() => write(books, events, MODELS[0]))
    await script('ALTER TABLE attribution_sum_checks DISABLE TRIGGER allocations_sum_to_event')
    said['the same, sums not checked'] = await timed(() => write(books, events, MODELS[1]))
    await script('ALTER TABLE attribution_sum_checks ENABLE TRIGGER allocations_sum_to_event')
    said['sets and allocations, sums checked, again'] = await timed(() => write(books, events, MODELS[2]))
    // A twentieth of the events says enough of what each row costs here.
    const few = Math.ceil(events / 20)
    await script(
      `CREATE TABLE bench_events (tenant_id uuid, event_id bigint, revenue_cents bigint, PRIMARY KEY (tenant_id, event_id));
       INSERT INTO bench_events SELECT tenant_id, event_id, revenue_cents FROM attribution_events WHERE event_id <= ${few};
       CREATE TABLE bench_rows (${columns}, PRIMARY KEY (tenant_id, event_id, model_version, channel));
       GRANT ALL ON bench_rows, bench_events TO tieout_app; ${ROW_TRIGGER}`,
    )
    said['row by row, a trigger each'] =
      (await timed(() =>
        books.transaction(DEFAULT_TENANT, async (tx) => {
          for (const row of plainRows(few)) {
            await tx.execute('INSERT INTO bench_rows VALUES ($1, $2, $3, $4, $5, $6, $7)', row)
          }
        }),
      )) *
      (events / few)
    await script('TRUNCATE bench_rows')
    said['in one statement, a trigger each row'] =
      (await timed(() =>
        books.transaction(DEFAULT_TENANT, (tx) =>
          tx.execute(`INSERT INTO bench_rows SELECT * FROM bench_plain WHERE event_id <= ${few}`),
        ),
      )) *
      (events / few)
    const rows = events * CHANNELS.length
    for (const [name, ms] of Object.entries(said)) {
      console.log(
        `${name.padEnd(44)} ${(ms / 1000).toFixed(1).padStart(7)} s  ${Math.round(rows / (ms / 1000)).toLocaleString('en-US')} rows/s`,
      )
    }
    const checked = Math.min(
      said['sets and allocations, sums checked'],
      said['sets and allocations, sums checked, again'],
    )
    const unchecked = said['the same, sums not checked']
    console.log(`the check costs ${((checked / unchecked - 1) * 100).toFixed(1)} % of the write`)
    console.log(
      `${(said['row by row, a trigger each'] / checked).toFixed(1)} × the rate of inserts with a trigger each`,
    )
    console.log(`${(checked / said['plain COPY of the allocations']).toFixed(1)} × the time of plain COPY`)
    await benchReads(books, events, async (tenant, count) => {
      await prepare(books, count, tenant)
      await write(books, count, modelVersion(parseModel('linear')), tenant)
    })
  } finally {
    await books.close()
  }
}
