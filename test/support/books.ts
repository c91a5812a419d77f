/**
 * Real books for a test file: PGlite in memory, or, when TEST_DATABASE_URL names a server, a database of its
 * own on that server, which is dropped afterwards. The same tests run on both.
 */

import { randomBytes, randomUUID } from 'node:crypto'
import pg from 'pg'
import type { TenantId } from '#tieout/books/books'
import { openBooks } from '#tieout/books/open'
import { createTenant, DEFAULT_TENANT } from '#tieout/books/tenants'
import type { MaintainedBooks } from '#tieout/books/transaction'

export const SERVER = process.env.TEST_DATABASE_URL

export interface TestBooks {
  readonly books: MaintainedBooks
  /** Of the default tenant where the books are one's own, else of a fresh one. */
  readonly tenant: TenantId
  /** Closes the books and drops their database. */
  close(): Promise<void>
}

export async function openTestBooks(): Promise<TestBooks> {
  if (SERVER === undefined || SERVER === '') {
    const books = await openBooks({ db: 'memory://', command: 'test', migrate: 'auto' })
    return { books, tenant: DEFAULT_TENANT, close: () => books.close() }
  }
  const { url, drop } = await createDatabase(SERVER)
  const books = await openBooks({ db: url, command: 'test', migrate: 'auto' })
  return {
    books,
    tenant: DEFAULT_TENANT,
    close: async () => {
      await books.close()
      await drop()
    },
  }
}

let shared: Promise<TestBooks> | undefined

/**
 * Books for a test file that keeps to its tenant and leaves the schema alone. In memory they are opened once for all such
 * files of a worker, one after another, because opening them takes longer than many of the tests.
 */
export async function sharedTestBooks(): Promise<TestBooks> {
  const isServer = SERVER !== undefined && SERVER !== ''
  if (!isServer) shared ??= openTestBooks()
  const { books, close } = await (shared ?? openTestBooks())
  return { books, tenant: await newTenant(books), close: isServer ? close : async () => undefined }
}

export interface TestDatabase {
  readonly url: string
  drop(): Promise<void>
}

/** An empty database on the server. */
export async function createDatabase(server: string): Promise<TestDatabase> {
  const name = `tieout_test_${randomBytes(6).toString('hex')}`
  await runSql(
    server,
    `CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'`,
  )
  const url = new URL(server)
  url.pathname = `/${name}`
  return { url: url.href, drop: () => runSql(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) }
}

export async function runSql(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

export async function newTenant(books: MaintainedBooks, name = `tenant ${randomUUID()}`): Promise<TenantId> {
  const tenant_id = randomUUID() as TenantId
  await createTenant(books, { tenant_id, name })
  return tenant_id
}
