/**
 * One connection to a PostgreSQL server while it is somebody's: statements, COPY in streams, and what happens
 * when it breaks. Raises TIE-1306 (lost) and TIE-1308 (lost while committing).
 */

import { once } from 'node:events'
import type { Socket } from 'node:net'
import { pipeline } from 'node:stream/promises'
import type pg from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import { problem, Refusal } from '../base/errors.js'
import type { SqlValue } from './books.js'
import { wholeRows } from './copy-text.js'
import type { Connection, QueryResult } from './transaction.js'
import { textOfValue } from './types.js'

type Step = 'statement' | 'commit'

const COPY_IN_BYTES = 256 * 1024

export class PostgresConnection implements Connection {
  /** True when the connection must not be used again. */
  unusable = false
  private lost: Error | undefined

  /** `cancelBackend` has the server cancel what a process of it is at. */
  constructor(
    private readonly client: pg.PoolClient,
    private readonly cancelBackend: (pid: number) => Promise<void>,
  ) {}

  async cancel(): Promise<void> {
    const { processID } = this.client as unknown as { readonly processID: number | null }
    if (processID !== null && this.lost === undefined) await this.cancelBackend(processID)
  }

  lose(error: Error): void {
    this.lost ??= error
    this.unusable = true
  }

  async query(sql: string, params: readonly SqlValue[]): Promise<QueryResult> {
    const result = await this.attempt('statement', () =>
      this.client.query<object>(sql, params.map(textOfValue)),
    )
    return { rows: result.rows, count: result.rowCount ?? 0 }
  }

  async script(sql: string): Promise<readonly string[]> {
    const step = sql.startsWith('COMMIT') ? 'commit' : 'statement'
    const results: unknown = await this.attempt(step, () => this.client.query(sql))
    const each = (Array.isArray(results) ? results : [results]) as readonly pg.QueryResult[]
    return each.map(({ command }) => command)
  }

  async copyIn(target: string, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<number> {
    return this.attempt('statement', async () => {
      const copy = this.client.query(copyFrom(`COPY ${target} FROM STDIN`))
      await pipeline(wholeRows(chunks, COPY_IN_BYTES), copy)
      return copy.rowCount
    })
  }

  async *copyOut(query: string): AsyncGenerator<Uint8Array> {
    const copy = this.client.query(copyTo(`COPY (${query}) TO STDOUT`))
    let ended = false
    try {
      for await (const chunk of copy) yield chunk as Uint8Array
      ended = true
    } catch (error) {
      ended = true
      throw this.told(error, 'statement')
    } finally {
      // A COPY that is left half read can only be stopped with its connection.
      if (!ended) await this.abandon()
    }
  }

  private async abandon(): Promise<void> {
    this.unusable = true
    const { stream } = (this.client as unknown as { connection: { stream: Socket } }).connection
    if (stream.destroyed) return
    const closed = once(stream, 'close')
    stream.destroy()
    await closed
  }

  private async attempt<T>(step: Step, statement: () => Promise<T>): Promise<T> {
    if (this.lost !== undefined) throw lossOf(this.lost, 'statement')
    try {
      return await statement()
    } catch (error) {
      throw this.told(error, step)
    }
  }

  private told(error: unknown, step: Step): unknown {
    if (!isLost(error)) return error
    this.lose(error as Error)
    return lossOf(error, step)
  }
}

/** SQLSTATE classes 08 and 57P are the server's word for it, the rest that of the socket or the driver. */
export function isLost(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof Refusal) return false
  const code = 'code' in error ? String(error.code) : ''
  return (
    /^(?:08...|57P0[1-5]|E(?:CONNRESET|PIPE|TIMEDOUT|CONNABORTED|HOSTUNREACH|NETUNREACH))$/.test(code) ||
    /^(?:Connection terminated|Client has encountered a connection error|Client was closed)/.test(
      error.message,
    )
  )
}

/** What is not known after a lost commit is known after any other statement: nothing was kept. */
export const lossOf = (error: unknown, step: Step): Refusal =>
  new Refusal([problem(step === 'commit' ? 'TIE-1308' : 'TIE-1306', { detail: detailOf(error) })])

/** A refused connection to a name with several addresses is an AggregateError with an empty message. */
export function detailOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(detailOf).join('; ')
  return error instanceof Error && error.message !== '' ? error.message : String(error)
}
