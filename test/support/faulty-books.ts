/**
 * Real books whose n-th call goes wrong: before it reaches the database, after the database has done it, or,
 * on a server, because the connection is cut under it.
 */

import type { Books, TenantId, Tx } from '#tieout/books/books'
import { runSql } from './books.js'

export class InjectedFault extends Error {
  constructor(call: string) {
    super(`injected fault at ${call}`)
  }
}

export type FaultKind = 'before' | 'after' | 'cut'

export interface FaultyBooks extends Books {
  /** Calls made so far, by name. */
  readonly calls: readonly string[]
}

/** `at` counts from 1; `server` is the URL of the server, for cutting connections. */
export function faultyBooks(books: Books, at: number, kind: FaultKind, server?: string): FaultyBooks {
  const calls: string[] = []
  const guarded = async <T>(name: string, tx: Tx | undefined, work: () => Promise<T>): Promise<T> => {
    calls.push(name)
    if (calls.length !== at) return work()
    if (kind === 'before') throw new InjectedFault(name)
    if (kind === 'cut') {
      if (tx === undefined) throw new InjectedFault(name)
      const [row] = await tx.rows<{ pid: number }>('SELECT pg_backend_pid() AS pid')
      await runSql(server!, `SELECT pg_terminate_backend(${row!.pid}, 5000)`)
      return work()
    }
    await work()
    throw new InjectedFault(name)
  }
  const wrapped = (tx: Tx): Tx => {
    const inner: Tx = {
      rows: (sql, params) => guarded(`rows ${sql.trim().slice(0, 40)}`, tx, () => tx.rows(sql, params)),
      execute: (sql, params) =>
        guarded(`execute ${sql.trim().slice(0, 40)}`, tx, () => tx.execute(sql, params)),
      copyIn: (target, chunks) => guarded(`copy into ${target}`, tx, () => tx.copyIn(target, chunks)),
      async *copyOut(query) {
        await guarded('copy out', tx, async () => undefined)
        yield* tx.copyOut(query)
      },
      asOwner: (work) => tx.asOwner(work),
      asPurger: (work) => tx.asPurger(work),
      asSuperseder: (work) => tx.asSuperseder(work),
    }
    return inner
  }
  return {
    kind: books.kind,
    location: books.location,
    calls,
    transaction: <T>(tenant: TenantId, work: (tx: Tx) => Promise<T>) =>
      guarded('transaction', undefined, () =>
        books.transaction(tenant, async (tx) => {
          const result = await work(wrapped(tx))
          // The last moment before everything is kept.
          await guarded('commit', tx, async () => undefined)
          return result
        }),
      ),
    whileHolding: (key, work) => guarded('lock', undefined, () => books.whileHolding(key, work)),
    close: () => books.close(),
  }
}
