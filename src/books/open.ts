/**
 * Opens the books, wherever they are, and refuses those that would not keep one tenant from another.
 *
 * The login itself may be a superuser (the one of PGlite always is): every transaction takes the role
 * tieout_app, and it is that role which is examined here. No operation runs SQL of a user, so nothing
 * can put the login's role back.
 * Raises TIE-1006 (neither a directory nor a URL), TIE-1302 (not migrated), TIE-1305 (not safe), and what
 * opening and migrating raise.
 */

import { refuse } from '../base/errors.js'
import { isServer, withoutPassword } from './location.js'
import { migrateUp, migrationStatus } from './migrate.js'
import { DEFAULT_TENANT } from './tenants.js'
import type { MaintainedBooks } from './transaction.js'
import { isSqlError } from './types.js'

export interface OpenOptions {
  /** A directory, `memory://`, or a postgres:// URL. */
  readonly db: string
  readonly command: string
  /** A directory is always brought up to date; a server, which others may use, only when asked: `auto`. */
  readonly migrate: 'auto' | 'never'
  readonly cacheDirectory?: string
}

export async function openBooks({
  db,
  command,
  migrate,
  cacheDirectory,
}: OpenOptions): Promise<MaintainedBooks> {
  const books = await openUnchecked({
    db,
    command,
    ...(cacheDirectory === undefined ? {} : { cacheDirectory }),
  })
  try {
    await bringUpToDate(books, isServer(db) ? migrate : 'auto')
    const [danger] = await dangersOf(books)
    if (danger !== undefined) refuse('TIE-1305', danger)
    return books
  } catch (error) {
    await books.close()
    throw error
  }
}

/** The books as they are, whatever their schema: for migrations. Loads only the engine that is asked for. */
export async function openUnchecked({
  db,
  command,
  cacheDirectory,
}: Omit<OpenOptions, 'migrate'>): Promise<MaintainedBooks> {
  if (isServer(db)) return (await import('./postgres.js')).openPostgres({ url: db })
  if (db !== 'memory://' && (db === '' || /^\w[\w+.-]+:\/\//.test(db))) {
    refuse('TIE-1006', { db: withoutPassword(db) })
  }
  const { openPglite } = await import('./pglite.js')
  return openPglite({ directory: db, command, ...(cacheDirectory === undefined ? {} : { cacheDirectory }) })
}

async function bringUpToDate(books: MaintainedBooks, migrate: 'auto' | 'never'): Promise<void> {
  const { applied, pending } = await books.maintain((session) => migrationStatus(session))
  if (pending.length === 0) return
  if (migrate === 'never') {
    refuse('TIE-1302', { applied: applied.length, known: applied.length + pending.length })
  }
  await books.maintain((session) => migrateUp(session))
}

export interface Danger {
  readonly role: string
  readonly detail: string
}

/** What would let a transaction see or change what is another tenant's; empty when nothing would. */
export async function dangersOf(books: MaintainedBooks): Promise<readonly Danger[]> {
  try {
    return await books.transaction(DEFAULT_TENANT, (tx) => tx.rows<Danger>(DANGERS))
  } catch (error) {
    // The login may not take the role, or there is none.
    if (isSqlError(error, '42501', '22023', '42704')) return [{ role: 'tieout_app', detail: error.message }]
    throw error
  }
}

/** A member of the owner may do what the owner may, so membership counts as ownership. */
const DANGERS = `
WITH me AS (
  SELECT oid, rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user
), kept AS (
  SELECT c.*, c.oid::regclass::text AS name FROM pg_class c
  WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
)
SELECT rolname::text AS role, detail FROM me, LATERAL (
  SELECT 1 AS place, 'it is a superuser' AS detail WHERE rolsuper
  UNION ALL
  SELECT 2, 'it bypasses row security' WHERE rolbypassrls
  UNION ALL
  SELECT 3, 'it owns ' || name FROM kept WHERE NOT rolsuper AND pg_has_role(me.oid, relowner, 'USAGE')
  UNION ALL
  SELECT 4, 'the table ' || name || ' has a tenant_id but does not force row security' FROM kept
  WHERE relkind IN ('r', 'p') AND NOT (relrowsecurity AND relforcerowsecurity)
    AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = kept.oid AND a.attname = 'tenant_id')
  UNION ALL
  SELECT 5, 'the view ' || name || ' is not security_invoker' FROM kept
  WHERE relkind = 'v' AND NOT EXISTS (
    SELECT FROM pg_options_to_table(reloptions)
    WHERE option_name = 'security_invoker' AND option_value::boolean
  )
  UNION ALL
  SELECT 6, 'the materialized view ' || name || ' can be read, and row security does not reach it' FROM kept
  WHERE relkind = 'm' AND has_table_privilege(me.oid, kept.oid, 'SELECT')
) found
ORDER BY place, detail COLLATE "C"`
