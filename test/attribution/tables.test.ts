/**
 * The tables of attribution by themselves. Every constraint, trigger, policy and unique index of the migration has a probe:
 * something that the database refuses with it. Each object is dropped in turn, and its probe must then find the gap.
 */

import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { postEntries } from '#tieout/attribution/store/ledger'
import type { TenantId, Tx } from '#tieout/books/books'
import {
  knownMigrations,
  migrateDown,
  migrateUp,
  migrationStatus,
  migrationsAfter,
} from '#tieout/books/migrate'
import { rowsThatGo } from '#tieout/books/migrate-losses'
import { dangersOf } from '#tieout/books/open'
import type { Context } from '#tieout/books/operation'
import type { RunId } from '#tieout/books/runs'
import { dumpSchema } from '#tieout/books/schema-dump'
import {
  AT,
  allocate,
  beginRun,
  importEvents,
  purchase,
  refund,
  rowsOf,
  setOf,
} from '../support/attribution.js'
import { newTenant, openTestBooks, type TestBooks } from '../support/books.js'
import { contextOf, type Folder, makeFolder, perform } from '../support/cli.js'

const TABLES = [
  'channel_taxonomy',
  'attribution_imports',
  'attribution_events',
  'attribution_touchpoints',
  'dead_events',
  'attribution_weight_tables',
  'attribution_allocation_points',
  'attribution_allocation_sets',
  'attribution_allocations',
  'attribution_sum_checks',
  'attribution_checked_sums',
  'attribution_channel_totals',
  'revenue_ledger',
  'attribution_revenue_totals',
  'platform_claims',
  'settled_amounts',
  'reconciliation_runs',
  'reconciliation_findings',
  'verified_events',
]
/** Of transactions under way; nobody reads them. */
const UNCOUNTED = ['attribution_sum_checks', 'attribution_checked_sums']
const VIEWS = ['mv_allocation_summary', 'mv_realtime_revenue', 'mv_reconciliation_status', 'v_posted_revenue']

let db: TestBooks
let folder: Folder
let a: Context
let b: Context
let run: RunId
beforeAll(async () => {
  db = await openTestBooks()
  folder = makeFolder()
  ;[a, b] = [await filled(), await filled()]
  run = await beginRun(a)
})
afterAll(async () => {
  folder?.remove()
  await db?.close()
})

const posting = (allocation_id: bigint, channel: string, amount_cents: bigint) => ({
  allocation_id,
  reverses: null,
  amount_cents,
  currency: 'USD',
  posted_at: AT,
  posted_by: 'me',
  effective_date: '2025-06-01',
  verification: 'unverified' as const,
  event: 'p',
  channel,
  model_version: 'linear@1.0.0',
})

/** A tenant with a row in every table: two purchases, a refund; two sets; two entries. */
async function filled(books = db.books): Promise<Context> {
  const context = contextOf(books, await newTenant(books))
  await importEvents(
    context,
    folder,
    [purchase('p', { customer_id: 'ann' }), refund('r', 'p', 4000), purchase('q'), '{dead'],
    { dead_letter: true },
  )
  await allocate(context, setOf(1, { email: 6000, search: 4000 }), setOf(2, { email: -3000, search: -1000 }))
  await context.books.transaction(context.tenant, (tx) =>
    postEntries(tx, [posting(1n, 'email', 6000n), posting(2n, 'search', 4000n)]),
  )
  const reconciled = await beginRun(context)
  await context.books.transaction(context.tenant, async (tx) => {
    const [found] = await tx.rows<{ import_id: string }>('SELECT import_id FROM attribution_imports')
    for (const table of ['platform_claims', 'settled_amounts']) {
      await tx.execute(
        `INSERT INTO ${table} VALUES (tieout_current_tenant(), $1, 1, 'ads', 'ref', 5, 'USD', '2025-06-01', 'd')`,
        [found!.import_id],
      )
    }
    await tx.execute(
      `INSERT INTO attribution_weight_tables VALUES (tieout_current_tenant(), 'm', 'd', $1, now(), '[]')`,
      [reconciled],
    )
    await tx.execute(
      `INSERT INTO attribution_allocation_points VALUES (tieout_current_tenant(), 'm', 1, $1, 'm', 'd', 0, '{}')`,
      [reconciled],
    )
    await tx.execute(
      `INSERT INTO reconciliation_runs VALUES (tieout_current_tenant(), $1, 'completed', now(), now())`,
      [reconciled],
    )
    await tx.execute(
      `INSERT INTO reconciliation_findings VALUES
         (tieout_current_tenant(), $1, 'ads', 'q', 'matched', 10000, 'USD', '2025-05-10', 10000, 'USD', '2025-05-12')`,
      [reconciled],
    )
    await tx.execute(`INSERT INTO verified_events VALUES (tieout_current_tenant(), 3, $1, 'ads', 'q')`, [
      reconciled,
    ])
  })
  // One that is over; it finds that `ref` is matched.
  await perform(context, 'reconcile')
  return context
}

type Role = 'tieout_app' | 'tieout_owner' | 'tieout_purger' | 'tieout_superseder'
const ROLES: readonly Role[] = ['tieout_app', 'tieout_owner', 'tieout_purger', 'tieout_superseder']

/** Always rolled back; the deferred checks are made first. */
function as(context: Context, role: Role, work: (tx: Tx) => Promise<unknown>): Promise<unknown> {
  const undone = new Error('undone')
  return context.books
    .transaction(context.tenant, async (tx) => {
      const inner = () => work(tx)
      if (role === 'tieout_owner') await tx.asOwner(inner)
      else if (role === 'tieout_purger') await tx.asPurger(inner)
      else if (role === 'tieout_superseder') await tx.asSuperseder(inner)
      else await inner()
      await tx.execute('SET CONSTRAINTS ALL IMMEDIATE')
      throw undone
    })
    .catch((error: unknown) => {
      if (error !== undone) throw error
    })
}

describe('tenants', () => {
  test.each(TABLES)('%s shows a tenant its own rows and takes none for another', async (table) => {
    const own = `SELECT count(*) AS n FROM ${table} WHERE tenant_id = tieout_current_tenant()`
    const all = `SELECT count(*) AS n FROM ${table}`
    if (UNCOUNTED.includes(table)) {
      await expect(rowsOf(a, all)).rejects.toMatchObject({ code: '42501' })
      return
    }
    expect(await rowsOf(a, all)).toEqual(await rowsOf(a, own))
    expect(await rowsOf(a, all)).not.toEqual([{ n: 0n }])
    expect(await rowsOf(contextOf(db.books, randomUUID() as TenantId), all)).toEqual([{ n: 0n }])
    const columns = await rowsOf(
      a,
      `SELECT attname AS name FROM pg_attribute WHERE attrelid = '${table}'::regclass AND attnum > 0
         AND attgenerated = '' ORDER BY attnum`,
    )
    const names = columns.map(({ name }) => String(name))
    const values = names.map((name) => (name === 'tenant_id' ? `'${b.tenant}'::uuid` : name))
    const smuggle = `INSERT INTO ${table} (${names.join(', ')}) SELECT ${values.join(', ')} FROM ${table}`
    await expect(as(a, 'tieout_owner', (tx) => tx.execute(smuggle))).rejects.toThrow(/row-level security/)
    await expect(as(a, 'tieout_app', (tx) => tx.execute(smuggle))).rejects.toThrow(
      /row-level security|permission denied/,
    )
  })

  test.each(VIEWS)('%s shows a tenant its own rows', async (view) => {
    const tenants = await rowsOf(a, `SELECT DISTINCT tenant_id FROM ${view}`)
    expect(tenants).toEqual([{ tenant_id: a.tenant }])
    expect(await rowsOf(contextOf(db.books, randomUUID() as TenantId), `SELECT * FROM ${view}`)).toEqual([])
  })

  test('nothing was loosened; functions with rights of the owner are for triggers alone', async () => {
    expect(await dangersOf(db.books)).toEqual([])
    const definers = await db.books.maintain((session) =>
      session.rows(
        `SELECT proname::text AS name, prorettype::regtype::text AS returns, proconfig IS NOT NULL AS pinned
           FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef AND proname <> 'tieout_find_api_key' ORDER BY 1`,
      ),
    )
    expect(definers).toEqual(
      [
        'check_allocation_sums',
        'count_revenue',
        'count_superseded',
        'note_checked_sums',
        'require_allocation_sums',
      ].map((name) => ({ name, returns: 'trigger', pinned: true })),
    )
  })

  test('every table of the migrations is in the list above', async () => {
    const made = knownMigrations()
      .filter(({ name }) => /_attribution/.test(name))
      .flatMap(({ up }) => [...up.matchAll(/CREATE TABLE (\w+)/g)].map(([, name]) => name))
    expect(made.sort()).toEqual([...TABLES].sort())
  })
})

describe('what is sealed stays, for every role', () => {
  /** Tables where some role may change some rows, within what a guard allows. */
  const GUARDED = ['channel_taxonomy', 'dead_events', 'attribution_allocation_sets', 'reconciliation_runs']
  const KEPT = ['attribution_channel_totals', 'attribution_revenue_totals', ...UNCOUNTED]
  const sealed = TABLES.filter((table) => !GUARDED.includes(table) && !KEPT.includes(table))
  const refused = { code: expect.stringMatching(/^(?:42501|55000|23503)$/) }
  test.each(
    ROLES.flatMap((role) =>
      [...sealed, ...GUARDED, ...KEPT].flatMap((table): [Role, string][] => [
        ...(GUARDED.includes(table) || (KEPT.includes(table) && role === 'tieout_owner')
          ? []
          : [[role, `UPDATE ${table} SET tenant_id = tenant_id`] as [Role, string]]),
        ...(KEPT.includes(table) && role === 'tieout_owner'
          ? []
          : [
              [role, `DELETE FROM ${table}`] as [Role, string],
              [role, `TRUNCATE ${table} CASCADE`] as [Role, string],
            ]),
      ]),
    ),
  )('%s: %s', async (role, sql) => {
    await expect(as(a, role, (tx) => tx.execute(sql))).rejects.toMatchObject(refused)
  })

  test('the purger takes what is personal and nothing else', async () => {
    const change = (set: string) =>
      as(a, 'tieout_purger', (tx) => tx.execute(`UPDATE attribution_events SET ${set}`))
    const gone = 'customer_id = NULL, session_id = NULL, raw_payload = NULL'
    await expect(change(`${gone}, erased_at = now(), erased_by = 'x'`)).resolves.toBeUndefined()
    await expect(change(`customer_id = 'eve'`)).rejects.toMatchObject({ code: '55000' })
    await expect(change(`customer_id = 'eve', erased_at = now(), erased_by = 'x'`)).rejects.toMatchObject({
      code: '55000',
    })
    await expect(change('revenue_cents = 1')).rejects.toMatchObject({ code: '42501' })
  })
})

/** What the database answers to it, an error or rows, shows that an object is there. In the tenant A of `filled`. */
interface Probe {
  readonly role?: Role
  readonly sql: string | ((tx: Tx) => Promise<unknown>)
}
const T = 'tieout_current_tenant()'
const IMPORT = '(SELECT import_id FROM attribution_imports LIMIT 1)'
const event = (values: Readonly<Record<string, string>>): string => {
  const row: Record<string, string> = {
    tenant_id: T,
    event_id: '50',
    import_id: IMPORT,
    import_line: '1',
    external_event_id: `'new'`,
    event_type: `'purchase'`,
    occurred_at: 'now()',
    revenue_cents: '5',
    currency: `'USD'`,
    recorded_at: 'now()',
    request_digest: `'d'`,
    ...values,
  }
  return `INSERT INTO attribution_events (${Object.keys(row).join(', ')}) VALUES (${Object.values(row).join(', ')})`
}
const adjustment = (values: Readonly<Record<string, string>>): string =>
  event({ event_type: `'refund'`, revenue_cents: '-1', original_event_id: '1', ...values })
const touchRow = (event_id: string, position: string, at = `now() - interval '1 day'`): string =>
  `INSERT INTO attribution_touchpoints VALUES (${T}, ${event_id}, ${position}, 'email', ${at})`
const set = (values: Readonly<Record<string, string>> = {}): string => {
  const row: Record<string, string> = {
    tenant_id: T,
    event_id: '3',
    model_version: `'m'`,
    run_id: `'${run}'`,
    revenue_cents: '10000',
    currency: `'USD'`,
    input_digest: `'i'`,
    content_digest: `'c'`,
    computed_at: 'now()',
    ...values,
  }
  return `INSERT INTO attribution_allocation_sets (${Object.keys(row).join(', ')}) VALUES (${Object.values(row).join(', ')})`
}
let ids = 100
const part = (
  cents: string,
  channel = 'email',
  model = 'm',
  eventId = '3',
  ratio = '0.5',
  id = `${++ids}`,
): string =>
  `INSERT INTO attribution_allocations VALUES (${T}, ${eventId}, '${model}', '${channel}', ${id}, ${ratio}, ${cents})`
const steps =
  (...sql: readonly (string | (() => string))[]) =>
  async (tx: Tx) => {
    for (const one of sql) await tx.execute(typeof one === 'string' ? one : one())
  }
const entry = (values: Readonly<Record<string, string>> = {}): string => {
  const row: Record<string, string> = {
    tenant_id: T,
    entry_no: '3',
    reverses: '1',
    amount_cents: '-6000',
    currency: `'USD'`,
    posted_at: 'now()',
    posted_by: `'me'`,
    effective_date: `'2025-06-01'`,
    verification: `'unverified'`,
    previous_hash: '(SELECT entry_hash FROM revenue_ledger WHERE entry_no = 2)',
    entry_hash: `repeat('a', 64)`,
    ...values,
  }
  return `INSERT INTO revenue_ledger (${Object.keys(row).join(', ')}) VALUES (${Object.values(row).join(', ')})`
}
const channel = (code: string, state: string, maps: string, family = 'f', tenant = T): string =>
  `INSERT INTO channel_taxonomy VALUES (${tenant}, '${code}', '${family}', NULL, '${state}', ${maps}, now(), 'me')`
const dead = (values: Readonly<Record<string, string>>): string => {
  const row: Record<string, string> = {
    tenant_id: T,
    dead_event_id: '50',
    file_name: `'f'`,
    import_line: '1',
    raw_payload: `'x'`,
    payload_digest: `'new'`,
    problems: `'[]'`,
    refused_at: 'now()',
    changed_at: 'now()',
    changed_by: `'me'`,
    ...values,
  }
  return `INSERT INTO dead_events (${Object.keys(row).join(', ')}) VALUES (${Object.values(row).join(', ')})`
}
const money = (table: string, values: Readonly<Record<string, string>>): string => {
  const row: Record<string, string> = {
    tenant_id: T,
    import_id: IMPORT,
    import_line: '1',
    platform: `'ads'`,
    reference: `'new'`,
    amount_cents: '5',
    currency: `'USD'`,
    occurred_on: `'2025-06-01'`,
    row_digest: `'d'`,
    ...values,
  }
  return `INSERT INTO ${table} (${Object.keys(row).join(', ')}) VALUES (${Object.values(row).join(', ')})`
}
const point = (values: Readonly<Record<string, string>>): string => {
  const row: Record<string, string> = {
    tenant_id: T,
    model: `'m'`,
    point_no: '2',
    run_id: `'${run}'`,
    model_version: `'m'`,
    taxonomy_digest: `'d'`,
    events_through: '1',
    sums: `'{}'`,
    ...values,
  }
  return `INSERT INTO attribution_allocation_points (${Object.keys(row).join(', ')}) VALUES (${Object.values(row).join(', ')})`
}
const stranger = `'${randomUUID()}'`
const reconciliation = (values: Readonly<Record<string, string>>): string => {
  const row: Record<string, string> = {
    tenant_id: T,
    run_id: `'${run}'`,
    state: `'running'`,
    started_at: 'now()',
    ...values,
  }
  return `INSERT INTO reconciliation_runs (${Object.keys(row).join(', ')}) VALUES (${Object.values(row).join(', ')})`
}
const OPEN = `(SELECT run_id FROM reconciliation_findings WHERE reference = 'q')`
const OVER = `(SELECT id FROM calculation_runs WHERE kind = 'reconciliation')`
const found = (values: Readonly<Record<string, string>>): string => {
  const row: Record<string, string> = {
    tenant_id: T,
    run_id: OPEN,
    platform: `'ads'`,
    reference: `'new'`,
    finding: `'matched'`,
    claimed_cents: '5',
    claimed_currency: `'USD'`,
    settled_cents: '5',
    settled_currency: `'USD'`,
    ...values,
  }
  return `INSERT INTO reconciliation_findings (${Object.keys(row).join(', ')}) VALUES (${Object.values(row).join(', ')})`
}
const verifiedRow = (event_id: string, reference: string, run_id = OPEN): string =>
  `INSERT INTO verified_events VALUES (${T}, ${event_id}, ${run_id}, 'ads', '${reference}')`

const truncate = (table: string): Probe => ({ role: 'tieout_owner', sql: `TRUNCATE ${table} CASCADE` })
const change = (table: string): Probe => ({
  role: 'tieout_owner',
  sql: `UPDATE ${table} SET tenant_id = tenant_id`,
})
const tenantsSeen = (table: string): Probe => ({
  role: 'tieout_owner',
  sql: `SELECT count(DISTINCT tenant_id) AS tenants FROM ${table}`,
})

const totalsOf = (tx: Tx, model: string) =>
  tx.rows(
    `SELECT channel, sum(allocated_revenue_cents) AS cents, sum(allocations) AS allocations
       FROM attribution_channel_totals WHERE model = $1 GROUP BY 1 ORDER BY 1`,
    [model],
  )

const PROBES: Readonly<Record<string, () => Probe>> = {
  ...Object.fromEntries(
    TABLES.filter((t) => t !== 'attribution_sum_checks').map((t) => [
      `${t}.tenant_sees_its_own`,
      () => tenantsSeen(t),
    ]),
  ),
  'attribution_sum_checks.tenant_sees_its_own': () => ({
    role: 'tieout_owner',
    sql: `INSERT INTO attribution_sum_checks VALUES (${T}, 1)`,
  }),
  'attribution_events.rows_say_their_transaction': () => ({ sql: event({ written_in: '7' }) }),
  'attribution_allocation_sets.rows_say_their_transaction': () => ({
    sql: steps(set({ written_in: '7', revenue_cents: '10000' })),
  }),

  'channel_taxonomy.channel_taxonomy_tenant_id_fkey': () => ({
    sql: async (tx) => {
      await tx.rows(`SELECT set_config('app.current_tenant_id', ${stranger}, true)`)
      await tx.execute(channel('x', 'active', 'NULL'))
    },
  }),
  'channel_taxonomy.channels_have_one_code': () => ({ sql: channel('email', 'active', 'NULL') }),
  'channel_taxonomy.channels_map_to_a_channel': () => ({ sql: channel('x', 'mapped', `'nowhere'`) }),
  'channel_taxonomy.channels_have_a_code': () => ({ sql: channel('', 'active', 'NULL') }),
  'channel_taxonomy.channels_have_a_known_state': () => ({ sql: channel('x', 'odd', 'NULL') }),
  'channel_taxonomy.mapped_channels_say_to_what': () => ({ sql: channel('x', 'mapped', 'NULL') }),
  'channel_taxonomy.channels_map_to_another': () => ({ sql: channel('x', 'mapped', `'x'`) }),
  'channel_taxonomy.unknown_stays_the_bucket': () => ({
    sql: `UPDATE channel_taxonomy SET family = 'x' WHERE code = 'unknown'`,
  }),
  'channel_taxonomy.channels_keep_their_code': () => ({
    sql: `UPDATE channel_taxonomy SET code = 'y' WHERE code = 'unknown'`,
  }),
  'channel_taxonomy.table_is_never_truncated': () => truncate('channel_taxonomy'),

  'attribution_imports.attribution_imports_tenant_id_fkey': () => ({
    sql: async (tx) => {
      await tx.rows(`SELECT set_config('app.current_tenant_id', ${stranger}, true)`)
      await tx.execute(
        `INSERT INTO attribution_imports VALUES (${T}, gen_random_uuid(), 'events', 'f', 'd', 1, now(), 'me')`,
      )
    },
  }),
  'attribution_imports.attribution_imports_have_one_id': () => ({
    sql: `INSERT INTO attribution_imports SELECT * FROM attribution_imports`,
  }),
  'attribution_imports.attribution_imports_have_a_known_kind': () => ({
    sql: `INSERT INTO attribution_imports VALUES (${T}, gen_random_uuid(), 'odd', 'f', 'd', 1, now(), 'me')`,
  }),
  'attribution_imports.rows_never_change': () => change('attribution_imports'),
  'attribution_imports.table_is_never_truncated': () => truncate('attribution_imports'),

  'attribution_events.events_have_one_id': () => ({ sql: event({ event_id: '1' }) }),
  'attribution_events.events_have_one_revenue': () => ({
    sql: steps(set({ revenue_cents: '9' }), () => part('9')),
  }),
  'attribution_events.events_come_from_an_import': () => ({ sql: event({ import_id: 'gen_random_uuid()' }) }),
  'attribution_events.events_adjust_an_event': () => ({ sql: adjustment({ original_event_id: '77' }) }),
  'attribution_events.events_have_a_key': () => ({ sql: event({ external_event_id: 'NULL' }) }),
  'attribution_events.events_have_a_known_type': () => ({ sql: adjustment({ event_type: `'odd'` }) }),
  'attribution_events.events_have_revenue_of_their_type': () => ({ sql: event({ revenue_cents: '-5' }) }),
  'attribution_events.adjustments_name_an_original': () => ({
    sql: event({ event_type: `'refund'`, revenue_cents: '-5' }),
  }),
  'attribution_events.events_have_a_currency': () => ({ sql: event({ currency: `'usd'` }) }),
  'attribution_events.erased_events_say_by_whom': () => ({ sql: event({ erased_by: `'me'` }) }),
  'attribution_events.events_have_one_external_id': () => ({ sql: event({ external_event_id: `'p'` }) }),
  'attribution_events.events_have_one_correlation_id': () => ({
    sql: steps(
      event({ external_event_id: 'NULL', correlation_id: `'c'` }),
      event({ external_event_id: 'NULL', correlation_id: `'c'`, event_id: '51' }),
    ),
  }),
  'attribution_events.events_never_change': () => change('attribution_events'),
  'attribution_events.table_is_never_truncated': () => truncate('attribution_events'),
  'attribution_events.adjustments_leave_no_negative_revenue': () => ({
    sql: adjustment({ revenue_cents: '-6001' }),
  }),
  'attribution_events.events_are_counted': () => ({
    sql: async (tx) => {
      await tx.execute(event({}))
      return tx.rows('SELECT events, revenue_cents FROM attribution_revenue_totals')
    },
  }),

  'attribution_touchpoints.touchpoints_have_one_position': () => ({
    sql: steps(event({}), touchRow('50', '1'), touchRow('50', '1')),
  }),
  'attribution_touchpoints.touchpoints_count_from_one': () => ({
    sql: steps(event({}), touchRow('50', '0')),
  }),
  'attribution_touchpoints.touchpoints_have_a_known_milestone': () => ({
    sql: steps(
      event({}),
      `INSERT INTO attribution_touchpoints VALUES (${T}, 50, 1, 'email', now() - interval '1 day', 'odd')`,
    ),
  }),
  'attribution_touchpoints.touchpoints_come_with_their_event': () => ({
    sql: touchRow('1', '9', `'2025-01-01'`),
  }),
  'attribution_touchpoints.rows_never_change': () => change('attribution_touchpoints'),
  'attribution_touchpoints.table_is_never_truncated': () => truncate('attribution_touchpoints'),

  'dead_events.dead_events_tenant_id_fkey': () => ({
    sql: async (tx) => {
      await tx.rows(`SELECT set_config('app.current_tenant_id', ${stranger}, true)`)
      await tx.execute(dead({}))
    },
  }),
  'dead_events.dead_events_have_one_id': () => ({ sql: dead({ dead_event_id: '1' }) }),
  'dead_events.dead_events_become_an_event': () => ({
    sql: dead({ state: `'resolved'`, raw_payload: 'NULL', resolved_event_id: '77' }),
  }),
  'dead_events.dead_events_have_a_known_state': () => ({
    sql: dead({ state: `'odd'`, raw_payload: 'NULL' }),
  }),
  'dead_events.resolved_events_say_which': () => ({
    sql: dead({ state: `'resolved'`, raw_payload: 'NULL' }),
  }),
  'dead_events.pending_events_can_be_retried': () => ({ sql: dead({ raw_payload: 'NULL' }) }),
  'dead_events.discarded_events_say_why': () => ({
    sql: dead({ state: `'discarded'`, raw_payload: 'NULL' }),
  }),
  'dead_events.dead_events_were_tried': () => ({ sql: dead({ attempts: '0' }) }),
  'dead_events.dead_events_are_pending_once': () => ({ sql: steps(dead({}), dead({ dead_event_id: '51' })) }),
  'dead_events.dead_events_end_once': () => ({ sql: `UPDATE dead_events SET import_line = 7` }),
  'dead_events.table_is_never_truncated': () => truncate('dead_events'),

  'attribution_weight_tables.weight_tables_are_one_of_a_version': () => ({
    sql: `INSERT INTO attribution_weight_tables SELECT * FROM attribution_weight_tables`,
  }),
  'attribution_weight_tables.weight_tables_come_from_a_run': () => ({
    sql: `INSERT INTO attribution_weight_tables VALUES (${T}, 'n', 'd', gen_random_uuid(), now(), '[]')`,
  }),
  'attribution_allocation_points.allocation_points_have_one_number': () => ({
    sql: point({ point_no: '1' }),
  }),
  'attribution_allocation_points.allocation_points_belong_to_a_run': () => ({
    sql: point({ run_id: 'gen_random_uuid()' }),
  }),
  'attribution_allocation_points.allocation_points_count_from_one': () => ({ sql: point({ point_no: '0' }) }),
  'attribution_allocation_points.allocation_points_are_behind_events': () => ({
    sql: point({ events_through: '-1' }),
  }),
  'attribution_allocation_points.rows_come_while_the_run_is_in_progress': () => ({
    sql: point({ run_id: OVER }),
  }),
  'attribution_allocation_points.rows_never_change': () => change('attribution_allocation_points'),
  'attribution_allocation_points.table_is_never_truncated': () => truncate('attribution_allocation_points'),

  'attribution_weight_tables.rows_never_change': () => change('attribution_weight_tables'),
  'attribution_weight_tables.table_is_never_truncated': () => truncate('attribution_weight_tables'),

  'attribution_allocation_sets.sets_are_one_of_event_and_model': () => ({
    sql: steps(set(), () => part('10000'), set()),
  }),
  'attribution_allocation_sets.sets_hold_one_at_a_time': () => ({
    sql: steps(
      set({ model_version: `'m+x'` }),
      () => part('10000', 'email', 'm+x'),
      set({ model_version: `'m+x.r2'` }),
      () => part('10000', 'email', 'm+x.r2'),
    ),
  }),
  'attribution_allocation_sets.sets_have_the_revenue_of_their_event': () => ({
    sql: steps(set({ revenue_cents: '9' }), () => part('9')),
  }),
  'attribution_allocation_sets.sets_are_superseded_by_a_set': () => ({
    sql: `UPDATE attribution_allocation_sets SET superseded_by = 'x', superseded_at = now()`,
  }),
  'attribution_allocation_sets.sets_name_a_model': () => ({
    sql: steps(set({ model_version: `''` }), () => part('10000', 'email', '')),
  }),
  'attribution_allocation_sets.sets_are_superseded_by_another_model': () => ({
    sql: `UPDATE attribution_allocation_sets SET superseded_by = model_version, superseded_at = now()`,
  }),
  'attribution_allocation_sets.superseded_sets_say_when': () => ({
    sql: steps(
      set(),
      () => part('10000'),
      set({ model_version: `'n'`, superseded_by: `'m'` }),
      () => part('10000', 'email', 'n'),
    ),
  }),
  'attribution_allocation_sets.rows_come_while_the_run_is_in_progress': () => ({
    sql: steps(set({ run_id: stranger }), () => part('10000')),
  }),
  'attribution_allocation_sets.sets_are_only_superseded': () => change('attribution_allocation_sets'),
  'attribution_allocation_sets.table_is_never_truncated': () => truncate('attribution_allocation_sets'),
  'attribution_allocation_sets.superseded_sets_are_not_counted': () => ({
    sql: async (tx) => {
      await steps(
        set({ event_id: '1' }),
        () => part('10000', 'email', 'm', '1'),
        `UPDATE attribution_allocation_sets SET superseded_by = 'm', superseded_at = now()
          WHERE event_id = 1 AND model_version = 'linear@1.0.0'`,
      )(tx)
      return totalsOf(tx, 'linear@1.0.0')
    },
  }),
  'attribution_allocation_sets.sets_are_to_be_checked': () => ({ sql: set() }),

  'attribution_allocations.allocations_are_one_of_set_and_channel': () => ({
    sql: steps(
      set(),
      () => part('5000'),
      () => part('5000'),
    ),
  }),
  'attribution_allocations.revenue_allocations_have_one_id': () => ({
    sql: steps(
      set(),
      part('5000', 'email', 'm', '3', '0.5', '99'),
      part('5000', 'search', 'm', '3', '0.5', '99'),
    ),
  }),
  'attribution_allocations.ratios_are_shares': () => ({
    sql: steps(set(), () => part('10000', 'email', 'm', '3', '1.5')),
  }),
  'attribution_allocations.new_allocations_are_to_be_checked': () => ({
    sql: part('0', 'unknown', 'linear@1.0.0', '1', '0', '98'),
  }),
  'attribution_allocations.changed_allocations_are_to_be_checked': () => change('attribution_allocations'),
  'attribution_allocations.deleted_allocations_are_to_be_checked': () => ({
    role: 'tieout_owner',
    sql: 'DELETE FROM attribution_allocations WHERE allocation_id > 2',
  }),
  'attribution_allocations.table_is_never_truncated': () => truncate('attribution_allocations'),

  'attribution_sum_checks.checked_sums_are_noted': () => ({
    sql: steps(
      set(),
      () => part('10000'),
      'SET CONSTRAINTS ALL IMMEDIATE',
      () => part('0', 'search'),
    ),
  }),
  'attribution_checked_sums.sums_are_checked_once': () => ({
    role: 'tieout_owner',
    sql: steps(
      `INSERT INTO attribution_checked_sums VALUES (${T}, 1)`,
      `INSERT INTO attribution_checked_sums VALUES (${T}, 1)`,
    ),
  }),
  'attribution_sum_checks.transactions_are_checked_once': () => ({
    role: 'tieout_owner',
    sql: steps(
      `INSERT INTO attribution_sum_checks VALUES (${T}, 1)`,
      `INSERT INTO attribution_sum_checks VALUES (${T}, 1)`,
    ),
  }),
  'attribution_sum_checks.allocations_sum_to_event': () => ({ sql: steps(set(), () => part('9999')) }),

  'attribution_channel_totals.channel_totals_are_one_of_a_kind': () => ({
    role: 'tieout_owner',
    sql: 'INSERT INTO attribution_channel_totals SELECT * FROM attribution_channel_totals',
  }),
  'attribution_channel_totals.allocations_name_a_channel': () => ({
    sql: steps(set(), () => part('10000', 'nowhere')),
  }),

  'revenue_ledger.revenue_ledger_tenant_id_fkey': () => ({
    sql: async (tx) => {
      await tx.rows(`SELECT set_config('app.current_tenant_id', ${stranger}, true)`)
      await tx.execute(entry({ entry_no: '1', previous_hash: `repeat('0', 64)` }))
    },
  }),
  'revenue_ledger.entries_have_one_number': () => ({
    sql: entry({
      entry_no: '2',
      previous_hash: '(SELECT entry_hash FROM revenue_ledger WHERE entry_no = 1)',
    }),
  }),
  'revenue_ledger.entries_post_an_allocation': () => ({
    sql: entry({ reverses: 'NULL', allocation_id: '77' }),
  }),
  'revenue_ledger.entries_reverse_an_entry': () => ({ sql: entry({ reverses: '77' }) }),
  'revenue_ledger.entries_post_or_reverse': () => ({ sql: entry({ allocation_id: '3' }) }),
  'revenue_ledger.entries_count_from_one': () => ({ sql: entry({ entry_no: '0' }) }),
  'revenue_ledger.entries_have_a_known_verification': () => ({ sql: entry({ verification: `'odd'` }) }),
  'revenue_ledger.entries_have_hashes': () => ({ sql: entry({ entry_hash: `'short'` }) }),
  'revenue_ledger.allocations_are_posted_once': () => ({
    sql: entry({ reverses: 'NULL', allocation_id: '1', amount_cents: '6000' }),
  }),
  'revenue_ledger.entries_are_reversed_once': () => ({
    sql: steps(entry(), entry({ entry_no: '4', previous_hash: `repeat('a', 64)` })),
  }),
  'revenue_ledger.rows_never_change': () => change('revenue_ledger'),
  'revenue_ledger.table_is_never_truncated': () => truncate('revenue_ledger'),
  'revenue_ledger.entries_follow_one_another': () => ({ sql: entry({ previous_hash: `repeat('b', 64)` }) }),
  'revenue_ledger.entries_are_counted': () => ({
    sql: async (tx) => {
      await tx.execute(entry())
      return tx.rows('SELECT entries, posted_cents, verified_cents FROM attribution_revenue_totals')
    },
  }),

  'attribution_revenue_totals.revenue_totals_are_one_of_a_currency': () => ({
    role: 'tieout_owner',
    sql: 'INSERT INTO attribution_revenue_totals SELECT * FROM attribution_revenue_totals',
  }),

  'platform_claims.claims_have_one_reference': () => ({
    sql: money('platform_claims', { reference: `'ref'` }),
  }),
  'platform_claims.claims_come_from_an_import': () => ({
    sql: money('platform_claims', { import_id: 'gen_random_uuid()' }),
  }),
  'platform_claims.claims_have_a_currency': () => ({ sql: money('platform_claims', { currency: `'usd'` }) }),
  'platform_claims.rows_never_change': () => change('platform_claims'),
  'platform_claims.table_is_never_truncated': () => truncate('platform_claims'),
  'settled_amounts.settled_amounts_have_one_reference': () => ({
    sql: money('settled_amounts', { reference: `'ref'` }),
  }),
  'settled_amounts.settled_amounts_come_from_an_import': () => ({
    sql: money('settled_amounts', { import_id: 'gen_random_uuid()' }),
  }),
  'settled_amounts.settled_amounts_have_a_currency': () => ({
    sql: money('settled_amounts', { currency: `'usd'` }),
  }),
  'settled_amounts.rows_never_change': () => change('settled_amounts'),
  'settled_amounts.table_is_never_truncated': () => truncate('settled_amounts'),

  'reconciliation_runs.reconciliations_have_a_run_each': () => ({
    sql: steps(reconciliation({}), reconciliation({})),
  }),
  'reconciliation_runs.reconciliations_belong_to_a_run': () => ({
    sql: reconciliation({ run_id: 'gen_random_uuid()' }),
  }),
  'reconciliation_runs.reconciliations_have_a_known_state': () => ({
    sql: reconciliation({ state: `'odd'` }),
  }),
  'reconciliation_runs.ended_reconciliations_have_an_end': () => ({
    sql: reconciliation({ finished_at: 'now()' }),
  }),
  'reconciliation_runs.reconciliations_only_end': () => change('reconciliation_runs'),
  'reconciliation_runs.table_is_never_truncated': () => truncate('reconciliation_runs'),

  'reconciliation_findings.reconciliation_findings_are_one_of_a_reference': () => ({
    sql: found({ reference: `'q'` }),
  }),
  'reconciliation_findings.reconciliation_findings_belong_to_a_reconciliation': () => ({
    sql: found({ run_id: `'${run}'` }),
  }),
  'reconciliation_findings.reconciliation_findings_follow_from_amounts': () => ({
    sql: found({ settled_cents: '6' }),
  }),
  'reconciliation_findings.rows_come_while_the_run_is_in_progress': () => ({ sql: found({ run_id: OVER }) }),
  'reconciliation_findings.rows_never_change': () => change('reconciliation_findings'),
  'reconciliation_findings.table_is_never_truncated': () => truncate('reconciliation_findings'),

  'verified_events.events_are_verified_once': () => ({ sql: verifiedRow('3', 'q') }),
  'verified_events.verified_events_are_events': () => ({ sql: verifiedRow('77', 'q') }),
  'verified_events.events_are_verified_by_a_finding': () => ({ sql: verifiedRow('1', 'nowhere') }),
  'verified_events.verified_events_were_settled': () => ({ sql: verifiedRow('1', 'q') }),
  'verified_events.verified_events_are_counted': () => ({
    sql: async (tx) => {
      await steps(event({}), found({}), verifiedRow('50', 'new'))(tx)
      return tx.rows('SELECT verified_events, verified_cents FROM attribution_revenue_totals')
    },
  }),
  'verified_events.rows_come_while_the_run_is_in_progress': () => ({ sql: verifiedRow('1', 'ref', OVER) }),
  'verified_events.rows_never_change': () => change('verified_events'),
  'verified_events.table_is_never_truncated': () => truncate('verified_events'),
}

describe('every object of the schema has a probe that finds it missing', () => {
  /** What the database answers; everything is rolled back. */
  async function answerTo({ role = 'tieout_app', sql }: Probe, drop?: string): Promise<string> {
    let answer = ''
    await a.books
      .transaction(a.tenant, async (tx) => {
        if (drop !== undefined) await tx.asOwner(() => tx.execute(drop))
        const ask = async () => {
          const rows = typeof sql === 'string' ? await tx.rows(sql) : await sql(tx)
          await tx.execute('SET CONSTRAINTS ALL IMMEDIATE')
          answer = `allowed ${JSON.stringify(rows ?? null, (_, v) => (typeof v === 'bigint' ? `${v}` : v))}`
        }
        await (role === 'tieout_owner' ? tx.asOwner(ask) : ask())
        throw new Error(answer)
      })
      .catch((error: Error) => {
        answer = error.message
      })
    return answer
  }

  const objects = () =>
    db.books.maintain((session) =>
      session.rows<{ name: string; drop: string }>(`
        SELECT conrelid::regclass || '.' || conname AS name,
          format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE', conrelid::regclass, conname) AS drop
        FROM pg_constraint WHERE conrelid::regclass::text = ANY('{${TABLES}}') AND contype IN ('c', 'f', 'p', 'u')
        UNION ALL
        SELECT tgrelid::regclass || '.' || tgname, format('DROP TRIGGER %I ON %s', tgname, tgrelid::regclass)
        FROM pg_trigger WHERE tgrelid::regclass::text = ANY('{${TABLES}}') AND NOT tgisinternal
        UNION ALL
        SELECT tablename || '.' || policyname, format('DROP POLICY %I ON %I', policyname, tablename)
        FROM pg_policies WHERE tablename = ANY('{${TABLES}}')
        UNION ALL
        SELECT i.indrelid::regclass || '.' || i.indexrelid::regclass, format('DROP INDEX %s', i.indexrelid::regclass)
        FROM pg_index i WHERE i.indrelid::regclass::text = ANY('{${TABLES}}') AND i.indisunique
          AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)
        ORDER BY 1`),
    )

  test('no object without a probe, no probe without an object', async () => {
    expect((await objects()).map(({ name }) => name).sort()).toEqual(Object.keys(PROBES).sort())
  })

  test('each is found missing', { tags: ['long'] }, async () => {
    const blind: string[] = []
    for (const { name, drop } of await objects()) {
      const probe = PROBES[name]!()
      const [there, again] = [await answerTo(probe), await answerTo(probe)]
      const gone = await answerTo(probe, drop)
      if (there !== again || there === gone) blind.push(`${name}: ${there} | ${again} | ${gone}`)
    }
    expect(blind).toEqual([])
  })

  test.each(TABLES.filter((table) => table !== 'attribution_sum_checks'))(
    '%s without row security, or without force, shows two tenants to its owner',
    async (table) => {
      const seen = (drop?: string) => answerTo(tenantsSeen(table), drop)
      expect(await seen()).toBe('allowed [{"tenants":"1"}]')
      for (const loosened of ['NO FORCE', 'DISABLE']) {
        expect(await seen(`ALTER TABLE ${table} ${loosened} ROW LEVEL SECURITY`)).not.toBe(await seen())
      }
    },
  )
})

describe('sums', () => {
  const sealed = async (
    more: Parameters<typeof setOf>[2] = {},
    parts: Record<string, number> = { email: 10_000 },
  ) => {
    const context = await filled()
    return allocate(context, setOf(3, parts, { model_version: 'm', ...more })).then(
      () => 'stored',
      (error: Error & { code?: string }) => `${error.code} ${error.message}`,
    )
  }

  test.each([
    ['to the cent', 'stored', {}, { email: 3333, search: 6667 }],
    [
      'a cent less',
      '23514 the allocations of event 3 by m sum to 9999 in parts from 9999 to 9999, its revenue is 10000',
      { revenue_cents: 10_000n },
      { email: 9999 },
    ],
    [
      'a cent more',
      '23514 the allocations of event 3 by m sum to 10001 in parts from 10001 to 10001, its revenue is 10000',
      { revenue_cents: 10_000n },
      { email: 10_001 },
    ],
    [
      'nothing',
      '23514 the allocations of event 3 by m sum to 0 in parts from 0 to 0, its revenue is 10000',
      { revenue_cents: 10_000n },
      {},
    ],
    [
      'with a part below zero',
      '23514 the allocations of event 3 by m sum to 10000 in parts from -1 to 10001, its revenue is 10000',
      {},
      { email: 10_001, search: -1 },
    ],
  ])('%s: %s', async (_, expected, more, parts) => {
    expect(await sealed(more, parts as Record<string, number>)).toBe(expected)
  })

  test('of refunds leave no channel below zero', async () => {
    const context = await filled()
    await importEvents(context, folder, [refund('r2', 'p', 6000)])
    const write = (parts: Record<string, number>) => allocate(context, setOf(4, parts))
    // email has 6000 − 3000, search 4000 − 1000.
    await expect(write({ email: -3001, search: -2999 })).rejects.toMatchObject({ code: '23514' })
    expect(await write({ email: -3000, search: -3000 })).toEqual({ new: 1, same: 0 })
    expect(
      await rowsOf(
        context,
        'SELECT channel, sum(allocated_revenue_cents) AS cents FROM attribution_channel_totals GROUP BY 1 ORDER BY 1',
      ),
    ).toEqual([
      { channel: 'email', cents: '0' },
      { channel: 'search', cents: '0' },
    ])
  })

  test('row by row, with the group key moved and the whole replaced, as long as it is not sealed', async () => {
    const at = (...sql: readonly string[]) => as(a, 'tieout_app', (tx) => steps(set(), ...sql)(tx))
    const first = part('4000')
    const rest = part('6000', 'search')
    await at(first, rest)
    await at(part('1'), 'DELETE FROM attribution_allocations WHERE event_id = 3', first, rest)
    await at(
      part('9999', 'email'),
      `UPDATE attribution_allocations SET allocated_revenue_cents = 10000 WHERE event_id = 3`,
    )
    const two = [set({ model_version: `'n'` }), part('10000', 'email', 'n')]
    await at(part('10000'), ...two)
    await expect(
      at(
        part('10000'),
        ...two,
        `UPDATE attribution_allocations SET model_version = 'n', channel = 'search' WHERE model_version = 'm'`,
      ),
    ).rejects.toMatchObject({ code: '23514' })
    await expect(
      at(
        part('10000'),
        `UPDATE attribution_allocations SET model_version = 'linear@1.0.0', event_id = 1, channel = 'x' WHERE event_id = 3`,
      ),
    ).rejects.toMatchObject({ code: '55000' })
  })

  test('are checked before the transaction ends, not only when it does, and fail closed in another tenant', async () => {
    await expect(
      as(a, 'tieout_app', async (tx) => {
        await steps(set(), part('10000'), 'SET CONSTRAINTS ALL IMMEDIATE')(tx)
        await tx.execute(part('1', 'search'))
      }),
    ).rejects.toMatchObject({ code: '55000', message: expect.stringContaining('checked already') })
    await expect(
      as(a, 'tieout_app', async (tx) => {
        await steps(set(), part('9999'))(tx)
        await tx.rows(`SELECT set_config('app.current_tenant_id', $1, true)`, [b.tenant])
      }),
    ).rejects.toMatchObject({ code: '55000' })
  })

  test('a set made again is the same, and with other content a conflict', async () => {
    const context = await filled()
    const one = setOf(3, { email: 5000, search: 5000 })
    expect(await allocate(context, one, setOf(1, { email: 6000, search: 4000 }))).toEqual({ new: 1, same: 1 })
    expect(await allocate(context, one)).toEqual({ new: 0, same: 1 })
    await expect(allocate(context, setOf(3, { email: 5001, search: 4999 }))).rejects.toMatchObject({
      code: 'TIE-4208',
    })
    const sums = await rowsOf(
      context,
      'SELECT bool_and(is_balanced) AS balanced, count(*) AS n FROM mv_allocation_summary',
    )
    expect(sums).toEqual([{ balanced: true, n: 3n }])
  })
})

describe('the ledger', () => {
  test('is proved, and the first entry that was changed is named', async () => {
    const context = await filled()
    const verify = () => perform(context, 'ledger verify')
    expect(await verify()).toMatchObject({ entries: 2, violation: null })
    const tamper = (change: string) =>
      db.books.maintain((session) =>
        session.script(
          `ALTER TABLE revenue_ledger DISABLE TRIGGER USER; UPDATE revenue_ledger SET ${change} WHERE tenant_id = '${context.tenant}' AND entry_no = 2; ALTER TABLE revenue_ledger ENABLE TRIGGER USER`,
        ),
      )
    await tamper('amount_cents = 4001')
    expect((await verify()).violation).toEqual({ entry_no: 2, what: 'its content is not that of its hash' })
    await tamper(`amount_cents = 4000, previous_hash = repeat('c', 64)`)
    expect((await verify()).violation).toEqual({
      entry_no: 2,
      what: 'it does not follow the entry before it',
    })
    await tamper('entry_no = 3')
    expect((await verify()).violation).toEqual({ entry_no: 3, what: 'entry 2 is missing' })
  })

  test.each([
    ['another amount', entry({ amount_cents: '-5999' })],
    ['another currency', entry({ currency: `'EUR'` })],
    ['an allocation for another amount', entry({ reverses: 'NULL', allocation_id: '3', amount_cents: '1' })],
  ])('takes no entry with %s', async (_, sql) => {
    await expect(as(a, 'tieout_app', (tx) => tx.execute(sql))).rejects.toThrow(/has not the amount/)
  })
})

describe('down and up again', () => {
  const keep = knownMigrations().find(({ name }) => name === '0009_attribution')!.keep!
  /** Every row of every table, as the owner sees those of all tenants. */
  const everything = (own: TestBooks, contexts: readonly Context[], prefix = '') =>
    Promise.all(
      contexts.map((context) =>
        own.books.transaction(context.tenant, (tx) =>
          tx.asOwner(async () => {
            const rows: Record<string, unknown> = {}
            for (const table of TABLES.filter((one) => keep.includes(`'${one}'`)))
              rows[table] = await tx.rows(
                `SELECT jsonb_strip_nulls(to_jsonb(t) - 'model') AS row FROM ${prefix}${table} t ORDER BY 1`,
              )
            return rows
          }),
        ),
      ),
    )

  test('keeps every row aside, untouchable, and gives the same schema, rows and chain', {
    tags: ['long'],
  }, async () => {
    const own = await openTestBooks()
    try {
      const contexts = [await filled(own.books), await filled(own.books)]
      const before = await own.books.maintain(dumpSchema)
      const rows = await everything(own, contexts)
      for (const to of ['0006_lots', '0009_attribution', 'each']) {
        const applied = (await own.books.maintain((session) => migrationStatus(session))).applied
        // Down by one step at a time, too.
        const stops = to === 'each' ? applied.slice(applied.indexOf('0008_lot_brackets'), -1).reverse() : [to]
        for (const stop of stops) await own.books.maintain((session) => migrateDown(session, stop))
        const dump = await own.books.maintain(dumpSchema)
        if (to === '0009_attribution') expect(dump).not.toContain('kept_attribution')
        else {
          expect(dump).not.toMatch(/^(?:table|view) (?:attribution_|revenue_ledger|dead_events|mv_)/m)
          expect(await everything(own, contexts, 'kept_')).toEqual(rows)
          for (const sql of [
            'UPDATE kept_revenue_ledger SET entry_no = 9',
            'DELETE FROM kept_revenue_ledger',
            'TRUNCATE kept_revenue_ledger',
          ])
            await expect(
              own.books.transaction(contexts[0]!.tenant, (tx) => tx.asOwner(() => tx.execute(sql))),
            ).rejects.toMatchObject({ code: '55000' })
          await expect(rowsOf(contexts[0]!, 'SELECT * FROM kept_attribution_events')).rejects.toMatchObject({
            code: '42501',
          })
          expect(await dangersOf(own.books)).toEqual([])
        }
        await own.books.maintain((session) => migrateUp(session))
        expect(await own.books.maintain(dumpSchema)).toBe(before)
        expect(await everything(own, contexts)).toEqual(rows)
      }
      const [first] = contexts
      expect(await perform(first!, 'ledger verify')).toMatchObject({ entries: 2, violation: null })
      // What was sealed before is sealed still, and work goes on.
      await expect(
        first!.books.transaction(first!.tenant, (tx) =>
          tx.execute(part('0', 'unknown', 'linear@1.0.0', '1')),
        ),
      ).rejects.toMatchObject({ code: '55000' })
      await importEvents(first!, folder, [purchase('after')])
      expect(await perform(first!, 'attribution allocate', { model: 'first' })).toMatchObject({ new: 4 })
      // With the tenants goes what was kept aside, too.
      await own.books.maintain((session) => migrateDown(session, '0006_lots'))
      await own.books.maintain((session) => migrateDown(session, 'none'))
      expect(await own.books.maintain(dumpSchema)).not.toMatch(/kept_|attribution_/)
    } finally {
      await own.close()
    }
  })

  test('that fails leaves everything as it was', { tags: ['long'] }, async () => {
    const own = await openTestBooks()
    try {
      const contexts = [await filled(own.books)]
      const [rows, before] = [await everything(own, contexts), await own.books.maintain(dumpSchema)]
      const broken = knownMigrations().map((one) =>
        one.name === '0009_attribution' ? { ...one, down: `${one.down}; SELECT 1/0` } : one,
      )
      await expect(
        own.books.maintain((session) => migrateDown(session, '0006_lots', broken)),
      ).rejects.toMatchObject({ code: '22012' })
      expect(await own.books.maintain(dumpSchema)).not.toContain('kept_attribution')
      await own.books.maintain((session) => migrateUp(session))
      expect(await everything(own, contexts)).toEqual(rows)
      expect(await own.books.maintain(dumpSchema)).toBe(before)
    } finally {
      await own.close()
    }
  })

  test('says before what goes, by table and with the number of rows', { tags: ['long'] }, async () => {
    const own = await openTestBooks()
    try {
      await filled(own.books)
      const lost = (to: string) =>
        own.books.maintain(async (session) => {
          const { applied } = await migrationStatus(session)
          const undone = knownMigrations().filter(({ name }) => migrationsAfter(applied, to).includes(name))
          return Object.fromEntries(
            (await rowsThatGo(session, undone, to)).map(({ table, rows }) => [table, rows]),
          )
        })
      // Nothing but the note that a transaction, which is over, was checked.
      expect(await lost('0006_lots')).toMatchObject({ attribution_checked_sums: 1 })
      expect(await lost('0006_lots')).not.toHaveProperty('attribution_events')
      expect(await lost('none')).toMatchObject({
        attribution_events: 3,
        revenue_ledger: 2,
        calculation_runs: 3,
        tenants: 2,
      })
    } finally {
      await own.close()
    }
  })
})

test('the index plan is what the database has', async () => {
  const page = readFileSync(new URL('../../docs/reference/attribution-indexes.md', import.meta.url), 'utf8')
  const planned = [...page.matchAll(/^\| `(\w+)` \| `(\w+)` \| (.+) \|$/gm)]
  const there = await db.books.maintain((session) =>
    session.rows<{ name: string }>(
      `SELECT tablename || '.' || indexname AS name FROM pg_indexes WHERE tablename = ANY('{${TABLES}}') ORDER BY 1`,
    ),
  )
  expect(planned.map(([, table, index]) => `${table}.${index}`).sort()).toEqual(there.map(({ name }) => name))
})
