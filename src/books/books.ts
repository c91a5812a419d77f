/**
 * The system of record: one seam over PGlite (PostgreSQL in the process) and a PostgreSQL server. Domains
 * write SQL against `Tx` and never learn which of the two they talk to.
 *
 * Types on the way out are the same for both: numeric and date as text, int8 as bigint, timestamptz as ISO
 * text in UTC, json and jsonb parsed. Amounts inside JSON are therefore always strings.
 */

export type TenantId = string & { readonly __tenant: never }

export interface Books {
  readonly kind: 'pglite' | 'postgres'
  /** The directory or the URL without its password, for messages. */
  readonly location: string
  /**
   * One transaction as the role tieout_app with the tenant set: committed when `work` resolves, rolled back
   * when it throws. Transactions of an embedded database run one after another, so `work` must not start a
   * second one on the same books. When `signal` is aborted meanwhile, no further statement is begun, and a server
   * is told to cancel the one under way; one that was aborted before is not heeded, so that the failure can be kept.
   */
  transaction<T>(tenant: TenantId, work: (tx: Tx) => Promise<T>, signal?: AbortSignal): Promise<T>
  /**
   * Runs `work` while this session holds the lock `key`, which ends with the process, however that ends.
   * Undefined, without running `work`, when another session holds it.
   */
  whileHolding<T>(key: string, work: () => Promise<T>): Promise<T | undefined>
  close(): Promise<void>
}

/** The same books, whose transactions heed the signal unless another one is said. */
export const heeding = (books: Books, signal: AbortSignal): Books => ({
  kind: books.kind,
  location: books.location,
  transaction: (tenant, work, own = signal) => books.transaction(tenant, work, own),
  whileHolding: (key, work) => books.whileHolding(key, work),
  close: () => books.close(),
})

export type SqlValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | Uint8Array
  | readonly string[]
  | readonly number[]

export interface Tx {
  /** Parameters are $1, $2, …; JSON goes in as text with a ::jsonb cast. */
  rows<R extends object>(sql: string, params?: readonly SqlValue[]): Promise<R[]>
  /** Rows affected. */
  execute(sql: string, params?: readonly SqlValue[]): Promise<number>
  /**
   * COPY text format into `target`, such as `staging (a, b)`. Refused by PostgreSQL on a table with row
   * security: copy into a temporary table, then INSERT … SELECT. Rows copied.
   */
  copyIn(target: string, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<number>
  /** The rows of a query in COPY text format, in chunks that may end in the middle of a row. */
  copyOut(query: string): AsyncIterable<Uint8Array>
  /** Runs DDL as tieout_owner inside this transaction, then goes back to tieout_app. */
  asOwner<T>(work: () => Promise<T>): Promise<T>
  /** Runs the sanctioned purge as tieout_purger, the one role that may delete, then goes back to tieout_app. */
  asPurger<T>(work: () => Promise<T>): Promise<T>
  /** Ends computed rows as tieout_superseder, the one role that may move them away, then goes back to tieout_app. */
  asSuperseder<T>(work: () => Promise<T>): Promise<T>
}
