import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Instant } from '#tieout/base/dates'
import type { Digest } from '#tieout/base/digest'
import type { TenantId, Tx } from '#tieout/books/books'
import { dangersOf } from '#tieout/books/open'
import {
  failOrphans,
  failRun,
  findingsOf,
  type NewRun,
  openRun,
  type RunId,
  runLock,
  type SealedRun,
  sealRun,
} from '#tieout/books/runs'
import { createTenant, DEFAULT_TENANT, tenantNamed } from '#tieout/books/tenants'
import { newTenant, openTestBooks, type TestBooks } from '../support/books.js'

let db: TestBooks
let a: TenantId
let b: TenantId
beforeAll(async () => {
  db = await openTestBooks()
  a = await newTenant(db.books, 'Alpha')
  b = await newTenant(db.books, 'Beta')
})
afterAll(() => db?.close())

const at = '2025-12-24T09:00:00Z' as Instant
const newRun = (id = randomUUID() as RunId): NewRun => ({
  id,
  kind: 'rollup',
  run_name: 'end of day',
  executed_at: at,
  triggered_by: 'controller',
  parameters: { scope: 'all' },
  engine_version: '0.1.0',
})
const seal = (id: RunId, more: Partial<SealedRun> = {}): SealedRun => ({
  id,
  result_digest: 'sha256:00' as Digest,
  finished_at: at,
  calculation_duration_ms: 12.6,
  findings: [],
  ...more,
})
const statusOf = async (tenant: TenantId, id: RunId): Promise<unknown> =>
  (
    await db.books.transaction(tenant, (tx) =>
      tx.rows('SELECT status, error FROM calculation_runs WHERE id = $1', [id]),
    )
  )[0]

async function sealedRun(tenant: TenantId): Promise<RunId> {
  const run = newRun()
  await openRun(db.books, tenant, run)
  const finding = { code: 'X', severity: 'info', message: 'm', suggestion: 's' } as const
  await db.books.transaction(tenant, (tx) => sealRun(tx, seal(run.id, { findings: [finding] })))
  return run.id
}

describe('tenants', () => {
  test('a tenant sees its own row and no other, the owner too unless it reads the directory', async () => {
    const names = (tx: Tx) => tx.rows<{ name: string }>('SELECT name FROM tenants')
    expect(await db.books.transaction(a, names)).toEqual([{ name: 'Alpha' }])
    expect(await db.books.transaction(b, names)).toEqual([{ name: 'Beta' }])
    expect(await tenantNamed(db.books, 'Beta')).toBe(b)
    expect(await tenantNamed(db.books, 'default')).toBe(DEFAULT_TENANT)
    await expect(tenantNamed(db.books, 'Betta')).rejects.toMatchObject({ code: 'TIE-1105' })
    await expect(
      createTenant(db.books, { tenant_id: randomUUID() as TenantId, name: 'Beta' }),
    ).rejects.toMatchObject({
      code: 'TIE-1203',
    })
  })

  test.each(['', 'RESET'])(
    'without a tenant (%j) there is nothing to see and nothing goes in',
    async (unset) => {
      await sealedRun(a)
      const clear = (tx: Tx) =>
        unset === ''
          ? tx.rows(`SELECT set_config('app.current_tenant_id', '', true)`)
          : tx.execute('RESET app.current_tenant_id')
      const counts = await db.books.transaction(a, async (tx) => {
        await clear(tx)
        const count = (table: string) => tx.rows(`SELECT count(*) AS n FROM ${table}`)
        return [await count('tenants'), await count('calculation_runs'), await count('run_findings')]
      })
      expect(counts.flat()).toEqual([{ n: 0n }, { n: 0n }, { n: 0n }])
      const inserted = db.books.transaction(a, async (tx) => {
        await clear(tx)
        await tx.execute('INSERT INTO tenants (tenant_id, name) VALUES (gen_random_uuid(), $1)', [
          randomUUID(),
        ])
      })
      await expect(inserted).rejects.toThrow(/row-level security/)
    },
  )

  test.each(['tieout_app', 'tieout_owner'])('as %s A neither sees nor makes runs of B', async (role) => {
    const id = await sealedRun(b)
    const as = <T>(tx: Tx, work: () => Promise<T>) => (role === 'tieout_owner' ? tx.asOwner(work) : work())
    const seen = await db.books.transaction(a, (tx) =>
      as(tx, () => tx.rows('SELECT 1 FROM calculation_runs WHERE id = $1', [id])),
    )
    expect(seen).toEqual([])
    const made = db.books.transaction(a, (tx) =>
      as(tx, () =>
        tx.execute(
          `INSERT INTO calculation_runs (tenant_id, id, kind, run_name, executed_at, triggered_by, engine_version)
           VALUES ($1, $2, 'lots', 'r', now(), 'me', '0')`,
          [b, randomUUID()],
        ),
      ),
    )
    await expect(made).rejects.toThrow(/row-level security/)
    const finding = db.books.transaction(a, (tx) =>
      as(tx, () =>
        tx.execute(
          `INSERT INTO run_findings (tenant_id, run_id, ordinal, code, severity, message, suggestion)
           VALUES ($1, $2, 9, 'X', 'info', 'm', 's')`,
          [a, id],
        ),
      ),
    )
    await expect(finding).rejects.toThrow(/violates foreign key|refuses INSERT/)
  })
})

describe('what is sealed stays', () => {
  const changes = [
    ['calculation_runs', 'UPDATE calculation_runs SET run_name = run_name'],
    ['calculation_runs', 'DELETE FROM calculation_runs'],
    ['calculation_runs', 'TRUNCATE calculation_runs CASCADE'],
    ['run_findings', `UPDATE run_findings SET message = 'x'`],
    ['run_findings', 'DELETE FROM run_findings'],
    ['run_findings', 'TRUNCATE run_findings'],
    ['tenants', `UPDATE tenants SET name = 'x'`],
    ['tenants', 'DELETE FROM tenants'],
    ['tenants', 'TRUNCATE tenants CASCADE'],
  ] as const
  const updateOfRuns = 'UPDATE calculation_runs SET run_name = run_name'

  test.each(changes)('%s as tieout_owner refuses: %s', async (table, sql) => {
    const id = await newTenant(db.books)
    await sealedRun(id)
    const changed = db.books.transaction(id, (tx) => tx.asOwner(() => tx.execute(sql)))
    await expect(changed).rejects.toMatchObject({
      code: '55000',
      message: expect.stringContaining('refuses'),
    })
    // TRUNCATE … CASCADE may be refused by the table behind as well.
    if (!sql.includes('CASCADE')) await expect(changed).rejects.toThrow(table)
  })

  test.each(changes)('%s as tieout_app refuses: %s', async (_, sql) => {
    await sealedRun(a)
    const changed = db.books.transaction(a, (tx) => tx.execute(sql))
    await expect(changed).rejects.toMatchObject({ code: sql === updateOfRuns ? '55000' : '42501' })
  })

  test('and findings come only while the run is in progress', async () => {
    const id = await sealedRun(a)
    const late = db.books.transaction(a, (tx) =>
      tx.execute(
        `INSERT INTO run_findings (tenant_id, run_id, ordinal, code, severity, message, suggestion)
         VALUES ($1, $2, 9, 'X', 'info', 'm', 's')`,
        [a, id],
      ),
    )
    await expect(late).rejects.toMatchObject({ code: '55000', message: expect.stringContaining('COMPLETED') })
  })
})

describe('runs', () => {
  test('sealed with findings in order, amounts exact', async () => {
    const run = newRun()
    await openRun(db.books, a, run)
    expect(await statusOf(a, run.id)).toEqual({ status: 'IN_PROGRESS', error: null })
    const findings = [
      {
        code: 'B',
        severity: 'warning',
        message: 'm "q" \\ 🎄',
        suggestion: 's',
        amount: '12345678901234567890.10',
        rows: 3,
      },
      {
        code: 'A',
        severity: 'error',
        message: 'm',
        suggestion: 's',
        node_id: 'N',
        detail: { near: ['x', 'y'] },
      },
    ] as const
    await db.books.transaction(a, (tx) =>
      sealRun(tx, seal(run.id, { findings, parameters: { rules: 'v3' } })),
    )
    expect(await db.books.transaction(a, (tx) => findingsOf(tx, run.id))).toEqual(findings)
    const [row] = await db.books.transaction(a, (tx) =>
      tx.rows(
        'SELECT status, parameters, calculation_duration_ms, finished_at FROM calculation_runs WHERE id = $1',
        [run.id],
      ),
    )
    expect(row).toEqual({
      status: 'COMPLETED',
      parameters: { scope: 'all', rules: 'v3' },
      calculation_duration_ms: 13,
      finished_at: at,
    })
    await expect(db.books.transaction(a, (tx) => sealRun(tx, seal(run.id)))).rejects.toThrow(
      'not in progress',
    )
    expect(await failRun(db.books, a, { id: run.id, finished_at: at, error: { message: 'late' } })).toBe(
      false,
    )
  })

  test.each([
    ['a new name', `run_name = 'other'`, '55000'],
    ['a new moment', `executed_at = now()`, '55000'],
    ['trial', 'trial = true', '55000'],
    ['completed without a digest', `status = 'COMPLETED', finished_at = now()`, '23514'],
    ['failed without a reason', `status = 'FAILED', finished_at = now()`, '23514'],
    ['an unknown status', `status = 'DONE'`, '23514'],
  ])('in progress, %s is refused', async (_, change, code) => {
    const run = newRun()
    await openRun(db.books, a, run)
    const changed = db.books.transaction(a, (tx) =>
      tx.execute(`UPDATE calculation_runs SET ${change} WHERE id = $1`, [run.id]),
    )
    await expect(changed).rejects.toMatchObject({ code })
    await failRun(db.books, a, { id: run.id, finished_at: at, error: { message: 'done testing' } })
  })

  test('a run begins in progress', async () => {
    const born = db.books.transaction(a, (tx) =>
      tx.execute(
        `INSERT INTO calculation_runs (tenant_id, id, kind, run_name, executed_at, triggered_by, engine_version, status,
           result_digest, finished_at) VALUES ($1, $2, 'lots', 'r', now(), 'me', '0', 'COMPLETED', 'd', now())`,
        [a, randomUUID()],
      ),
    )
    await expect(born).rejects.toMatchObject({ code: '55000' })
  })

  test('orphans are marked, a run whose lock is held is not', async () => {
    const [orphan, live, foreign] = [newRun(), newRun(), newRun()]
    await openRun(db.books, a, orphan)
    await openRun(db.books, b, foreign)
    const failed = await db.books.whileHolding(runLock(live.id), async () => {
      await openRun(db.books, a, live)
      return failOrphans(db.books, a, at)
    })
    expect(failed).toEqual([orphan.id])
    const error = { message: 'the process that made it ended' }
    expect(await statusOf(a, orphan.id)).toEqual({ status: 'FAILED', error })
    expect(await statusOf(a, live.id)).toEqual({ status: 'IN_PROGRESS', error: null })
    expect(await statusOf(b, foreign.id)).toEqual({ status: 'IN_PROGRESS', error: null })
    expect(await failOrphans(db.books, a, at)).toEqual([live.id])
  })
})

describe('a table made later', () => {
  const results = `CREATE TABLE made_later (tenant_id uuid NOT NULL, calculation_run_id uuid NOT NULL, n int)`
  // Rolled back, so that each test begins without the table.
  const scratch = (work: (tx: Tx) => Promise<void>) =>
    db.books
      .transaction(a, async (tx) => {
        await tx.asOwner(() => tx.execute(results))
        await tx.asOwner(() => tx.rows(`SELECT tieout_results_of_runs('made_later')`))
        await work(tx)
        throw new Error('undo')
      })
      .catch((error: Error) => {
        if (error.message !== 'undo') throw error
      })

  test('is protected by one call', async () => {
    const run = newRun()
    await openRun(db.books, a, run)
    const insert = 'INSERT INTO made_later SELECT $1::uuid, $2::uuid, g FROM generate_series(1, 3) g'
    await scratch(async (tx) => expect(await tx.execute(insert, [a, run.id])).toBe(3))
    const sealed = await sealedRun(a)
    await expect(scratch(async (tx) => void (await tx.execute(insert, [a, sealed])))).rejects.toMatchObject({
      code: '55000',
    })
    const other = scratch(async (tx) => void (await tx.execute(insert, [b, run.id])))
    await expect(other).rejects.toThrow(/row-level security/)
    await expect(
      scratch(async (tx) => void (await tx.asOwner(() => tx.execute('TRUNCATE made_later')))),
    ).rejects.toMatchObject({ code: '55000' })
  })

  test.each([
    ['CREATE TABLE bare (tenant_id uuid)', /bare has a tenant_id/],
    ['CREATE VIEW leaky AS SELECT * FROM tenants', /leaky is not security_invoker/],
    [
      'CREATE MATERIALIZED VIEW stale AS SELECT 1 AS n; GRANT SELECT ON stale TO tieout_app',
      /materialized view stale/,
    ],
    ['ALTER TABLE tenants NO FORCE ROW LEVEL SECURITY', /tenants has a tenant_id/],
    ['CREATE VIEW fine WITH (security_invoker = on) AS SELECT * FROM tenants', undefined],
    ['ALTER ROLE tieout_app BYPASSRLS', /bypasses row security/],
  ])('the examination finds: %s', async (sql, expected) => {
    const undo: Readonly<Record<string, string>> = {
      'CREATE TABLE bare': 'DROP TABLE bare',
      'CREATE VIEW leaky': 'DROP VIEW leaky',
      'CREATE MATERIALIZED': 'DROP MATERIALIZED VIEW stale',
      'ALTER TABLE tenants': 'ALTER TABLE tenants FORCE ROW LEVEL SECURITY',
      'CREATE VIEW fine': 'DROP VIEW fine',
      'ALTER ROLE': 'ALTER ROLE tieout_app NOBYPASSRLS',
    }
    // Roles belong to the server, where other test files run at this moment.
    if (sql.startsWith('ALTER ROLE') && db.books.kind === 'postgres') return
    await db.books.maintain((session) => session.script(sql))
    const dangers = await dangersOf(db.books)
    await db.books.maintain((session) =>
      session.script(undo[Object.keys(undo).find((start) => sql.startsWith(start))!]!),
    )
    expect(dangers.map(({ detail }) => detail)).toEqual(
      expected === undefined ? [] : [expect.stringMatching(expected)],
    )
    expect(await dangersOf(db.books)).toEqual([])
  })
})
