/** The tables of access, one by one: what a tenant sees, what nobody changes. */

import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Instant } from '#tieout/base/dates'
import { createApiKey, holderOf, listApiKeys, revokeApiKey } from '#tieout/books/api-keys'
import type { TenantId, Tx } from '#tieout/books/books'
import { claimKey } from '#tieout/books/idempotency'
import { dangersOf } from '#tieout/books/open'
import { newTenant, openTestBooks, type TestBooks } from '../support/books.js'

let db: TestBooks
let a: TenantId
let b: TenantId
let keyOfB: string
const at = '2025-12-24T09:00:00Z' as Instant
const ID_OF_B = 'bbbbbbbbbbbbbbbb'
beforeAll(async () => {
  db = await openTestBooks()
  a = await newTenant(db.books, 'Alpha')
  b = await newTenant(db.books, 'Beta')
  keyOfB = await createApiKey(db.books, b, {
    key_id: ID_OF_B,
    secret: 's'.repeat(43),
    name: 'Bob',
    role: 'reader',
    created_at: at,
    created_by: 'test',
    expires_at: null,
  })
  await claimKey(db.books, {
    tenant: b,
    key: 'of B',
    operation: 'x',
    digest: 'd',
    effect_id: randomUUID(),
    now: at,
    expires_at: '9999-01-01T00:00:00Z' as Instant,
  })
  for (const [tenant, run] of [
    [a, RUN_OF_A],
    [b, RUN_OF_B],
  ] as const) {
    await db.books.transaction(tenant, async (tx) => {
      await tx.execute(
        `INSERT INTO calculation_runs (tenant_id, id, kind, run_name, executed_at, triggered_by, engine_version)
         VALUES ($1, $2, 'lots', 'r', now(), 'Ada', '0')`,
        [tenant, run],
      )
      await tx.execute(
        `UPDATE calculation_runs SET status = 'COMPLETED', result_digest = 'd', finished_at = now() WHERE id = $1`,
        [run],
      )
      await tx.execute(`INSERT INTO run_sign_offs VALUES ($1, $2, 'Bob', now(), null)`, [tenant, run])
    })
  }
})
afterAll(() => db?.close())
const RUN_OF_A = randomUUID()
const RUN_OF_B = randomUUID()

const asRole = <T>(role: string, tx: Tx, work: () => Promise<T>) =>
  role === 'tieout_owner' ? tx.asOwner(work) : work()

describe.each(['tieout_app', 'tieout_owner'])('as %s', (role) => {
  test.each([
    ['api_keys', `key_id = '${ID_OF_B}'`],
    ['idempotency_keys', `key = 'of B'`],
    ['run_sign_offs', `run_id = '${RUN_OF_B}'`],
  ])('A sees nothing of B in %s, and puts nothing there', async (table, where) => {
    const seen = (tenant: TenantId) =>
      db.books.transaction(tenant, (tx) =>
        asRole(role, tx, () => tx.rows(`SELECT 1 AS n FROM ${table} WHERE ${where}`)),
      )
    expect(await seen(a)).toEqual([])
    expect(await seen(b)).toEqual([{ n: 1 }])
    const inserts: Readonly<Record<string, string>> = {
      api_keys: `INSERT INTO api_keys (tenant_id, key_id, name, role, secret_hash, created_at, created_by) VALUES ('${b}', 'x', 'n', 'admin', 'h', now(), 'me')`,
      idempotency_keys: `INSERT INTO idempotency_keys (tenant_id, key, operation, request_digest, effect_id, created_at, expires_at) VALUES ('${b}', 'x', 'o', 'd', gen_random_uuid(), now(), now())`,
      run_sign_offs: `INSERT INTO run_sign_offs VALUES ('${b}', '${RUN_OF_B}', 'Eve', now(), null)`,
    }
    const put = db.books.transaction(a, (tx) => asRole(role, tx, () => tx.execute(inserts[table]!)))
    await expect(put).rejects.toThrow(/row-level security|refuses INSERT/)
  })

  test('A signs off no run of B under its own name for tenant', async () => {
    const put = db.books.transaction(a, (tx) =>
      asRole(role, tx, () =>
        tx.execute(`INSERT INTO run_sign_offs VALUES ($1, $2, 'Eve', now(), null)`, [a, RUN_OF_B]),
      ),
    )
    await expect(put).rejects.toThrow(/no completed run|foreign key/)
  })

  test.each([
    ['api_keys', `UPDATE api_keys SET role = 'admin'`],
    ['api_keys', `UPDATE api_keys SET secret_hash = 'x'`],
    ['api_keys', `UPDATE api_keys SET expires_at = null, revoked_at = now(), revoked_by = 'x', name = 'y'`],
    ['api_keys', 'DELETE FROM api_keys'],
    ['api_keys', 'TRUNCATE api_keys'],
    ['run_sign_offs', `UPDATE run_sign_offs SET note = 'x'`],
    ['run_sign_offs', 'DELETE FROM run_sign_offs'],
    ['run_sign_offs', 'TRUNCATE run_sign_offs'],
  ])('%s refuses: %s', async (_, sql) => {
    const changed = db.books.transaction(b, (tx) => asRole(role, tx, () => tx.execute(sql)))
    await expect(changed).rejects.toMatchObject({ code: expect.stringMatching(/^(?:55000|42501)$/) })
  })
})

describe('four eyes are in the database too', () => {
  test.each([
    ['who prepared it', 'Ada', () => RUN_OF_A, /Ada prepared run/],
    ['a run that is not there', 'Eve', () => randomUUID(), /no completed run/],
  ])('%s', async (_, who, run, message) => {
    const put = db.books.transaction(a, (tx) =>
      tx.execute(`INSERT INTO run_sign_offs VALUES ($1, $2, $3, now(), null)`, [a, run(), who]),
    )
    await expect(put).rejects.toThrow(message)
  })

  test('a run in progress', async () => {
    const run = randomUUID()
    const put = db.books.transaction(a, async (tx) => {
      await tx.execute(
        `INSERT INTO calculation_runs (tenant_id, id, kind, run_name, executed_at, triggered_by, engine_version)
         VALUES ($1, $2, 'lots', 'r', now(), 'Ada', '0')`,
        [a, run],
      )
      await tx.execute(`INSERT INTO run_sign_offs VALUES ($1, $2, 'Eve', now(), null)`, [a, run])
    })
    await expect(put).rejects.toThrow(/no completed run/)
  })
})

describe('a key finds its tenant', () => {
  test('by its id alone, from any tenant, and nothing else by the way', async () => {
    expect(await holderOf(db.books, keyOfB, at)).toEqual({ tenant: b, who: 'Bob', role: 'reader' })
    const found = await db.books.transaction(a, async (tx) => {
      const [key] = await tx.rows<object>('SELECT * FROM tieout_find_api_key($1)', [ID_OF_B])
      // The look past row security ends with the function, for the owner too.
      const after = await tx.asOwner(() => tx.rows('SELECT key_id FROM api_keys'))
      return { key, after }
    })
    expect(found.key).toMatchObject({ tenant_id: b, role: 'reader' })
    expect(found.after).toEqual([])
    for (const wild of ['%', '', '_'.repeat(16), `' OR true --`]) {
      expect(
        await db.books.transaction(a, (tx) => tx.rows('SELECT * FROM tieout_find_api_key($1)', [wild])),
      ).toEqual([])
    }
  })

  test('the secret is nowhere', async () => {
    const rows = await db.books.transaction(b, (tx) => tx.rows('SELECT * FROM api_keys'))
    expect(
      JSON.stringify(rows, (_, value) => (typeof value === 'bigint' ? String(value) : value)),
    ).not.toContain('sssss')
    expect(Object.keys((await listApiKeys(db.books, b))[0]!)).not.toContain('secret_hash')
  })

  test('revoked once, it stays revoked as it was; A revokes nothing of B', async () => {
    await expect(revokeApiKey(db.books, a, { key_id: ID_OF_B, at, by: 'Eve' })).rejects.toMatchObject({
      code: 'TIE-1411',
    })
    const first = await revokeApiKey(db.books, b, { key_id: ID_OF_B, at, by: 'Ada' })
    const second = await revokeApiKey(db.books, b, {
      key_id: ID_OF_B,
      at: '2026-01-01T00:00:00Z' as Instant,
      by: 'Eve',
    })
    expect(second).toEqual(first)
    await expect(holderOf(db.books, keyOfB, at)).rejects.toMatchObject({ code: 'TIE-1405' })
  })
})

test('the examination of the books finds nothing loose', async () => {
  expect(await dangersOf(db.books)).toEqual([])
})
