/**
 * Requests that are carried out once, however often they are sent. The request holds a lock that ends with its
 * process; its key's row moves from IN_FLIGHT to EFFECTED in the very transaction that commits an effect, and to
 * DONE with the answer. So whoever finds a row without an answer and gets the lock knows that the process died,
 * and whether it had done anything.
 * Raises nothing of its own.
 */

import type { Instant } from '../base/dates.js'
import type { Books, TenantId, Tx } from './books.js'

/** An answer as it is given again. */
export interface KeptAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface KeyedRequest {
  readonly tenant: TenantId
  readonly key: string
  readonly operation: string
  /** Of everything that was asked. */
  readonly digest: string
  /** The first id that the operation will take. */
  readonly effect_id: string
  readonly now: Instant
  readonly expires_at: Instant
}

export interface KeyRow {
  readonly operation: string
  readonly request_digest: string
  readonly state: 'IN_FLIGHT' | 'EFFECTED' | 'DONE'
  readonly effect_id: string
  readonly status: number | null
  readonly headers: Readonly<Record<string, string>> | null
  readonly body: string | null
}

/** To hold while the request is carried out. */
export const keyLock = (tenant: TenantId, key: string): string => `idempotency:${tenant}:${key}`

/** The row of the key, made when there is none; keys that have expired are forgotten. */
export function claimKey(books: Books, request: KeyedRequest): Promise<KeyRow> {
  const { tenant, key, operation, digest, effect_id, now, expires_at } = request
  return books.transaction(tenant, async (tx) => {
    await tx.execute(`DELETE FROM idempotency_keys WHERE expires_at <= $1 AND (key = $2 OR state = 'DONE')`, [
      now,
      key,
    ])
    await tx.execute(
      `INSERT INTO idempotency_keys (tenant_id, key, operation, request_digest, effect_id, created_at, expires_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant_id, key) DO NOTHING`,
      [tenant, key, operation, digest, effect_id, now, expires_at],
    )
    return (await rowOf(tx, key))!
  })
}

export const findKey = (books: Books, tenant: TenantId, key: string): Promise<KeyRow | undefined> =>
  books.transaction(tenant, (tx) => rowOf(tx, key))

async function rowOf(tx: Tx, key: string): Promise<KeyRow | undefined> {
  const [row] = await tx.rows<KeyRow>(
    'SELECT operation, request_digest, state, effect_id, status, headers, body FROM idempotency_keys WHERE key = $1',
    [key],
  )
  return row
}

/** The books for one request: what it commits and that it committed stand or fall together. */
export function markingBooks(
  books: Books,
  key: string,
  /** The answer that the result of a transaction is, where it is one. */
  answerOf: (result: unknown) => KeptAnswer | undefined,
): Books {
  return {
    kind: books.kind,
    location: books.location,
    whileHolding: (lock, work) => books.whileHolding(lock, work),
    close: () => books.close(),
    transaction: (tenant, work) =>
      books.transaction(tenant, async (tx) => {
        const result = await work(tx)
        if (!(await hasWritten(tx))) return result
        const answer = answerOf(result)
        if (answer === undefined) await mark(tx, key)
        else await keep(tx, key, answer)
        return result
      }),
  }
}

/** Reading takes no transaction id. */
async function hasWritten(tx: Tx): Promise<boolean> {
  const [row] = await tx.rows<{ written: boolean }>(
    'SELECT pg_current_xact_id_if_assigned() IS NOT NULL AS written',
  )
  return row!.written
}

const mark = (tx: Tx, key: string): Promise<number> =>
  tx.execute(
    `UPDATE idempotency_keys SET state = 'EFFECTED', status = NULL, headers = NULL, body = NULL WHERE key = $1`,
    [key],
  )

const keep = (tx: Tx, key: string, { status, headers, body }: KeptAnswer): Promise<number> =>
  tx.execute(
    `UPDATE idempotency_keys SET state = 'DONE', status = $2, headers = $3::jsonb, body = $4 WHERE key = $1`,
    [key, status, JSON.stringify(headers), body],
  )

export const keepAnswer = (
  books: Books,
  tenant: TenantId,
  key: string,
  answer: KeptAnswer,
): Promise<number> => books.transaction(tenant, (tx) => keep(tx, key, answer))

/** Nothing of the request was kept: it may be sent again, and takes another first id then. */
export const restartKey = (books: Books, tenant: TenantId, key: string, effect_id: string): Promise<number> =>
  books.transaction(tenant, (tx) =>
    tx.execute(`UPDATE idempotency_keys SET state = 'IN_FLIGHT', effect_id = $2 WHERE key = $1`, [
      key,
      effect_id,
    ]),
  )

/** A request that was refused leaves no trace. */
export const releaseKey = (books: Books, tenant: TenantId, key: string): Promise<number> =>
  books.transaction(tenant, (tx) => tx.execute('DELETE FROM idempotency_keys WHERE key = $1', [key]))
