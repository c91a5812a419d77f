/**
 * The books on a PostgreSQL server: a pool of connections, a transaction on one of them. The login may be
 * anything that can take the role tieout_app; nothing is done for a tenant before that role is taken.
 * Raises TIE-1301 (cannot connect), TIE-1306 (connection lost), TIE-1308 (lost while committing).
 */

import pg from 'pg'
import { refuse } from '../base/errors.js'
import type { TenantId, Tx } from './books.js'
import { passwordOf, withoutPassword } from './location.js'
import { detailOf, isLost, lossOf, PostgresConnection } from './postgres-connection.js'
import {
  type Connection,
  type MaintainedBooks,
  runTransaction,
  type Session,
  sessionOf,
} from './transaction.js'
import { parserOf } from './types.js'

export interface PostgresOptions {
  readonly url: string
  /** Connections at most, 10 by default; each transaction under way takes one. */
  readonly connections?: number
}

/** Set on every connection, because the server's and the role's defaults may say otherwise. */
const SESSION_SETTINGS = `
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'postgres';
SET bytea_output = 'hex';
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SET search_path = public, pg_temp`

export async function openPostgres({ url, connections = 10 }: PostgresOptions): Promise<MaintainedBooks> {
  const books = new PostgresBooks(url, connections)
  try {
    // A wrong URL is told when the books are opened, not at their first use.
    await books.maintain(async () => {})
  } catch (error) {
    await books.close()
    throw error
  }
  return books
}

class PostgresBooks implements MaintainedBooks {
  readonly kind = 'postgres'
  readonly location: string
  private readonly config: pg.ClientConfig
  private readonly pool: pg.Pool
  private closing: Promise<void> | undefined

  constructor(
    private readonly url: string,
    connections: number,
  ) {
    this.location = withoutPassword(url)
    this.config = {
      connectionString: url,
      application_name: 'tieout',
      keepAlive: true,
      connectionTimeoutMillis: 10_000,
      types: { getTypeParser: ((oid: number) => parserOf(oid)) as typeof pg.types.getTypeParser },
    }
    this.pool = new pg.Pool({ ...this.config, max: connections })
    // An idle connection that breaks is replaced at the next use; without a listener it would end the process.
    this.pool.on('error', () => {})
  }

  transaction<T>(tenant: TenantId, work: (tx: Tx) => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.onConnection((connection) => runTransaction(connection, tenant, work, signal))
  }

  maintain<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.onConnection((connection) => work(sessionOf(connection)))
  }

  /** On a connection of its own: those of the pool are for `work`, which would otherwise wait for them. */
  async whileHolding<T>(key: string, work: () => Promise<T>): Promise<T | undefined> {
    const client = new pg.Client(this.config)
    client.on('error', () => {})
    try {
      await client.connect().catch((error: unknown) => this.refuseUnreachable(error))
      const { rows } = await client
        .query<{ locked: boolean }>('SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS locked', [key])
        .catch((error: unknown) => {
          throw isLost(error) ? lossOf(error, 'statement') : error
        })
      // Ending the session lets go of the lock, also when it cannot be told to.
      return rows[0]!.locked ? await work() : undefined
    } finally {
      await client.end().catch(() => {})
    }
  }

  close(): Promise<void> {
    this.closing ??= this.pool.end()
    return this.closing
  }

  private async onConnection<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    if (this.closing !== undefined) throw new Error('the books are closed')
    const client = await this.pool.connect().catch((error: unknown) => this.refuseUnreachable(error))
    const connection = new PostgresConnection(client, (pid) => this.cancel(pid))
    // Between two statements nobody listens but this; the next statement tells what happened.
    const onError = (error: Error): void => connection.lose(error)
    client.on('error', onError)
    try {
      if (!prepared.has(client)) {
        await connection.script(SESSION_SETTINGS)
        prepared.add(client)
      }
      return await work(connection)
    } finally {
      client.off('error', onError)
      client.release(connection.unusable)
    }
  }

  /** On a connection of its own, since those of the pool may all be waiting. Without success the work ends by itself. */
  private async cancel(pid: number): Promise<void> {
    const client = new pg.Client(this.config)
    client.on('error', () => {})
    try {
      await client.connect()
      await client.query('SELECT pg_cancel_backend($1)', [pid])
    } catch {
      // The server is gone or takes no more connections, which whoever is at work will hear.
    } finally {
      await client.end().catch(() => {})
    }
  }

  private refuseUnreachable(error: unknown): never {
    const password = passwordOf(this.url)
    const detail = password === '' ? detailOf(error) : detailOf(error).replaceAll(password, '***')
    refuse('TIE-1301', { url: this.location, detail })
  }
}

const prepared = new WeakSet<pg.PoolClient>()
