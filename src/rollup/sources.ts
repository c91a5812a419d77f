/**
 * Opens the fact source of a use case, in the books, in a file or on an account, for the time of one piece of work: to be
 * calculated from, or to be written out. Raises TIE-1104, TIE-1005, TIE-2407; of Snowflake TIE-5064, TIE-2417, TIE-2418.
 */

import { refuse } from '../base/errors.js'
import type { Tx } from '../books/books.js'
import { connectionVariable } from '../books/connection.js'
import { factTable } from '../books/fact-tables.js'
import type { Context } from '../books/operation.js'
import { booksSource } from '../engines/books-source.js'
import { bookListing, type FactListing, fileListing } from '../engines/fact-listing.js'
import { SNOWFLAKE_PLAN } from '../engines/plan/dialects.js'
import type { Account } from '../engines/snowflake/account.js'
import type { FactSource } from '../engines/source.js'
import type { SourceSpec } from './use-case.js'

/** `useCaseId` selects the use case's rows in a table that several share; undefined before it has any. */
export async function withSource<T>(
  context: Accounts,
  tx: Tx,
  spec: SourceSpec,
  useCaseId: string | undefined,
  work: (source: FactSource) => Promise<T>,
): Promise<T> {
  if (spec.engine === 'snowflake') return work(await accountSource(context, spec))
  if (spec.engine === 'books') return work(booksSource(tx, await factTable(tx, spec.table!), useCaseId))
  const { openDuckSource } = await import('../engines/duckdb-source.js')
  const source = await openDuckSource({
    path: spec.path!,
    ...(spec.table === null ? {} : { table: spec.table }),
  })
  try {
    return await work(source)
  } finally {
    source.close()
  }
}

/** What reaches an account: the connections that the environment names, until somebody interrupts. */
export type Accounts = Pick<Context, 'connection' | 'signal'>

async function accountSource(context: Accounts, spec: SourceSpec): Promise<FactSource> {
  const { openSnowflakeSource } = await import('../engines/snowflake/source.js')
  return openSnowflakeSource(await accountOf(context, spec), spec.table!)
}

/** Rows of a query over the table of the source, all values as text; `sql` is given what stands after FROM and a text. */
export async function askAccount(
  context: Accounts,
  spec: SourceSpec,
  sql: (from: string, text: (value: string) => string) => string,
): Promise<readonly (readonly (string | null)[])[]> {
  const { query } = await import('../engines/snowflake/account.js')
  const { nameOfTable } = await import('../engines/snowflake/source.js')
  const account = await accountOf(context, spec)
  const from = nameOfTable(account, spec.table!)
  const { parts } = await query(account, { object: spec.table!, sql: sql(from, SNOWFLAKE_PLAN.text) })
  const rows: (readonly (string | null)[])[] = []
  for await (const part of parts) for (const row of part) rows.push(row)
  return rows
}

async function accountOf({ connection, signal }: Accounts, spec: SourceSpec): Promise<Account> {
  const { isAccount } = await import('../engines/snowflake/account.js')
  const id = spec.connection!
  const found = connection?.(id)
  if (found === undefined || !isAccount(found))
    refuse('TIE-5064', { connection: id, variable: connectionVariable(id) })
  return {
    connection: found,
    signal,
    refuse: (detail) => refuse('TIE-2417', { connection: id, detail }),
    refuseStatement: (source, detail) => refuse('TIE-2418', { source, detail }),
  }
}

/** The same for the facts as text, one by one. Raises TIE-2419 for facts on Snowflake. */
export async function withListing<T>(
  tx: Tx,
  spec: SourceSpec,
  useCaseId: string,
  work: (listing: FactListing) => Promise<T>,
): Promise<T> {
  if (spec.engine === 'snowflake') refuse('TIE-2419', { source: spec.table! })
  if (spec.engine === 'books') return work(bookListing(tx, await factTable(tx, spec.table!), useCaseId))
  const { openDuckFile } = await import('../engines/duckdb-file.js')
  const file = { path: spec.path!, ...(spec.table === null ? {} : { table: spec.table }) }
  const open = await openDuckFile(file)
  try {
    return await work(fileListing(open, file))
  } finally {
    open.close()
  }
}
