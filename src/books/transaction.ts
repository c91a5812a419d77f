/**
 * What a transaction of the books is, once for both engines: the role, the tenant, commit and rollback, and
 * the refusal of uses that would work on one engine and hang or lose data on the other.
 * Raises Error (bugs of callers): a tenant that is no UUID, a Tx used after its end, a statement while a COPY
 * of the same transaction is under way, an SQL error that was caught without its transaction being given up.
 */

import type { Books, SqlValue, TenantId, Tx } from './books.js'
import { isSqlError } from './types.js'

/** One connection of an engine. Statements run in the order they are issued. */
export interface Connection {
  query(sql: string, params: readonly SqlValue[]): Promise<QueryResult>
  /** Several statements without parameters; the command tags' first words, such as COMMIT. */
  script(sql: string): Promise<readonly string[]>
  copyIn(target: string, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<number>
  copyOut(query: string): AsyncIterable<Uint8Array>
  /** Has the statement under way given up, where the engine can. */
  cancel(): Promise<void>
}

export interface QueryResult {
  readonly rows: readonly object[]
  readonly count: number
}

/** A connection with the rights of the login and outside any tenant: for migrations, dumps and doctor. */
export interface Session {
  rows<R extends object>(sql: string, params?: readonly SqlValue[]): Promise<R[]>
  /** Several statements without parameters, in one implicit transaction unless they say otherwise. */
  script(sql: string): Promise<void>
}

export interface MaintainedBooks extends Books {
  /** Runs `work` alone with the rights of the login, outside any tenant: migrations, dumps, doctor. */
  maintain<T>(work: (session: Session) => Promise<T>): Promise<T>
}

export const sessionOf = (connection: Connection): Session => ({
  rows: async <R extends object>(sql: string, params: readonly SqlValue[] = []) =>
    (await connection.query(sql, params)).rows as R[],
  script: async (sql) => {
    await connection.script(sql)
  },
})

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

export function runTransaction<T>(
  connection: Connection,
  tenant: TenantId,
  work: (tx: Tx) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  return signal === undefined
    ? committed(connection, tenant, work)
    : whileHeeding(signal, connection, (heeding) => committed(heeding, tenant, work))
}

/** The connection without its next statements once the signal is aborted; BEGIN, COMMIT and ROLLBACK always come through. */
async function whileHeeding<T>(
  signal: AbortSignal,
  connection: Connection,
  work: (heeding: Connection) => Promise<T>,
): Promise<T> {
  let cancelling: Promise<void> | undefined
  const cancel = (): void => {
    cancelling = connection.cancel()
  }
  const refuseInterrupted = (): void => {
    if (cancelling !== undefined) throw signal.reason
  }
  signal.addEventListener('abort', cancel, { once: true })
  try {
    return await work({
      script: (sql) => connection.script(sql),
      cancel: () => connection.cancel(),
      async query(sql, params) {
        refuseInterrupted()
        return connection.query(sql, params)
      },
      async copyIn(target, chunks) {
        refuseInterrupted()
        return connection.copyIn(target, chunks)
      },
      async *copyOut(query) {
        refuseInterrupted()
        yield* connection.copyOut(query)
      },
    })
  } finally {
    signal.removeEventListener('abort', cancel)
    // A cancellation that came late must not meet whoever has the connection next.
    await cancelling
  }
}

async function committed<T>(
  connection: Connection,
  tenant: TenantId,
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  if (!UUID.test(tenant)) throw new Error(`tenant ${JSON.stringify(tenant)} is no UUID`)
  const handle = new Handle(connection)
  await connection.script('BEGIN')
  let result: T
  try {
    // The tenant comes first: it is set for the transaction alone, as is the role.
    await connection.query(
      `SELECT set_config('app.current_tenant_id', $1, true), set_config('role', 'tieout_app', true)`,
      [tenant],
    )
    result = await work(handle)
    handle.end()
    // Temporary tables would otherwise wait on this connection for the next tenant.
    const [command] = await connection.script('COMMIT; DISCARD TEMP')
    if (command === 'ROLLBACK') {
      throw new Error('nothing was committed: an SQL error was caught inside the transaction', {
        cause: handle.failure,
      })
    }
  } catch (error) {
    handle.end()
    // What went wrong first is what the caller must hear; a connection that is gone rolls back by itself.
    await connection.script('ROLLBACK').catch(() => {})
    throw error
  }
  return result
}

type Role = 'tieout_app' | 'tieout_owner' | 'tieout_purger' | 'tieout_superseder'

class Handle implements Tx {
  private ended = false
  private copying = false
  private role: Role = 'tieout_app'
  /** The first error of the server, told when the caller swallowed it. */
  failure: unknown

  constructor(private readonly connection: Connection) {}

  end(): void {
    this.ended = true
  }

  async rows<R extends object>(sql: string, params: readonly SqlValue[] = []): Promise<R[]> {
    return (await this.run(() => this.connection.query(sql, params))).rows as R[]
  }

  async execute(sql: string, params: readonly SqlValue[] = []): Promise<number> {
    return (await this.run(() => this.connection.query(sql, params))).count
  }

  async copyIn(target: string, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<number> {
    return this.run(async () => {
      this.copying = true
      try {
        return await this.connection.copyIn(target, chunks)
      } finally {
        this.copying = false
      }
    })
  }

  async *copyOut(query: string): AsyncGenerator<Uint8Array> {
    this.refuseMisuse()
    this.copying = true
    try {
      for await (const chunk of this.connection.copyOut(query)) {
        yield chunk
        if (this.ended) throw new Error('the transaction ended before its COPY was read')
      }
    } catch (error) {
      this.failure ??= error
      throw error
    } finally {
      this.copying = false
    }
  }

  asOwner<T>(work: () => Promise<T>): Promise<T> {
    return this.as('tieout_owner', work)
  }

  asPurger<T>(work: () => Promise<T>): Promise<T> {
    return this.as('tieout_purger', work)
  }

  asSuperseder<T>(work: () => Promise<T>): Promise<T> {
    return this.as('tieout_superseder', work)
  }

  private async as<T>(role: Role, work: () => Promise<T>): Promise<T> {
    this.refuseMisuse()
    if (this.role === role) return work()
    if (this.role !== 'tieout_app') throw new Error(`${this.role} cannot become ${role}`)
    await this.execute(`SET LOCAL ROLE ${role}`)
    this.role = role
    try {
      return await work()
    } finally {
      this.role = 'tieout_app'
      // In a transaction that has failed nothing more can be set, and nothing more can be done either.
      await this.connection.query('SET LOCAL ROLE tieout_app', []).catch((error: unknown) => {
        if (!isSqlError(error, '25P02')) throw error
      })
    }
  }

  private async run<T>(statement: () => Promise<T>): Promise<T> {
    this.refuseMisuse()
    try {
      return await statement()
    } catch (error) {
      this.failure ??= error
      throw error
    }
  }

  private refuseMisuse(): void {
    if (this.ended) throw new Error('the transaction has ended')
    if (this.copying) throw new Error('a COPY of this transaction is under way; read it to its end first')
  }
}
