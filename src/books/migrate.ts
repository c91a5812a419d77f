/**
 * The schema as named SQL files, applied in order, each in a transaction of its own, all under one lock so
 * that two processes may start at once. Everything is owned by tieout_owner, which nobody logs in as.
 * Raises TIE-1303 (an applied file was changed), TIE-1304 (applied by a newer version), TIE-1310 (no such migration).
 */

import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { type Digest, digestOfBytes } from '../base/digest.js'
import { refuse } from '../base/errors.js'
import { compareText } from '../base/text.js'
import type { Session } from './transaction.js'

export interface Migration {
  /** `0001_books`: the files' name without `.up.sql` and `.down.sql`. */
  readonly name: string
  readonly digest: Digest
  readonly up: string
  readonly down: string
  /** Keeps rows aside before the way back takes their tables; not when the tenants go too. */
  readonly keep?: string
  /** Brings back what was kept aside. */
  readonly restore?: string
}

export interface MigrationStatus {
  readonly applied: readonly string[]
  readonly pending: readonly string[]
}

const FILES = new URL('./sql/', import.meta.url)

/** Line ends are the checkout's business, not the schema's. */
const readSql = (file: string): string => readFileSync(new URL(file, FILES), 'utf8').replaceAll('\r\n', '\n')

export function knownMigrations(): readonly Migration[] {
  return readdirSync(FILES)
    .filter((file) => file.endsWith('.up.sql'))
    .sort(compareText)
    .map((file) => {
      const name = file.slice(0, -'.up.sql'.length)
      const up = readSql(file)
      const migration = {
        name,
        up,
        down: readSql(`${name}.down.sql`),
        digest: digestOfBytes(Buffer.from(up)),
      }
      if (!existsSync(new URL(`${name}.keep.sql`, FILES))) return migration
      return { ...migration, keep: readSql(`${name}.keep.sql`), restore: readSql(`${name}.restore.sql`) }
    })
}

/** Names a schema together with what else decides it, such as the engine's version. */
export function migrationsDigest(engine: string): string {
  const hash = createHash('sha256').update(BOOTSTRAP).update('\0').update(engine)
  for (const { name, digest } of knownMigrations()) hash.update(`\0${name}\0${digest}`)
  return hash.digest('hex').slice(0, 16)
}

/** Reads alone; a database without the table has nothing applied. */
export async function migrationStatus(session: Session, known = knownMigrations()): Promise<MigrationStatus> {
  const [table] = await session.rows<{ name: string | null }>(
    `SELECT to_regclass('public.schema_migrations')::text AS name`,
  )
  const applied = table!.name === null ? [] : await session.rows<{ name: string; digest: string }>(APPLIED)
  for (const { name, digest } of applied) {
    const migration = known.find((one) => one.name === name)
    if (migration === undefined) refuse('TIE-1304', { name })
    if (migration.digest !== digest) refuse('TIE-1303', { name, found: migration.digest, applied: digest })
  }
  const names = applied.map(({ name }) => name)
  return { applied: names, pending: known.map(({ name }) => name).filter((name) => !names.includes(name)) }
}

const APPLIED = `SELECT name, digest FROM public.schema_migrations ORDER BY name COLLATE "C"`

/** Applies what is pending; the names applied. */
export function migrateUp(session: Session, known = knownMigrations()): Promise<readonly string[]> {
  return underLock(session, async () => {
    await session.script(BOOTSTRAP)
    const { pending } = await migrationStatus(session, known)
    for (const migration of known.filter(({ name }) => pending.includes(name))) {
      await asOwner(session, async () => {
        await session.script(migration.up)
        if (migration.restore !== undefined) await session.script(migration.restore)
        await session.rows('INSERT INTO public.schema_migrations (name, digest) VALUES ($1, $2)', [
          migration.name,
          migration.digest,
        ])
      })
    }
    return pending
  })
}

/**
 * Takes back, newest first, every migration after the one named; `none` takes back all. The roles stay: they
 * belong to the server, where other databases may use them. The names taken back.
 */
export function migrateDown(
  session: Session,
  to: string,
  known = knownMigrations(),
): Promise<readonly string[]> {
  return underLock(session, async () => {
    const { applied } = await migrationStatus(session, known)
    const undone = migrationsAfter(applied, to)
    for (const name of undone) {
      await asOwner(session, async () => {
        const { down, keep } = known.find((one) => one.name === name)!
        if (name === known[0]!.name) await session.script(DROP_KEPT)
        if (keep !== undefined && to !== 'none') await session.script(keep)
        await session.script(down)
        await session.rows('DELETE FROM public.schema_migrations WHERE name = $1', [name])
      })
    }
    return undone
  })
}

/** What was kept aside goes with the tenants. */
const DROP_KEPT = `
DO $$
DECLARE kept record;
BEGIN
  FOR kept IN
    SELECT c.oid::regclass AS name FROM pg_class c
    WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
      AND obj_description(c.oid, 'pg_class') = 'tieout: kept aside by migrate down'
  LOOP
    EXECUTE format('DROP TABLE %s', kept.name);
  END LOOP;
END $$`

/** What `migrateDown` takes back, newest first. Raises TIE-1310. */
export function migrationsAfter(applied: readonly string[], to: string): readonly string[] {
  const keep = to === 'none' ? 0 : applied.indexOf(to) + 1
  if (to !== 'none' && keep === 0) refuse('TIE-1310', { name: to })
  return applied.slice(keep).reverse()
}

async function underLock<T>(session: Session, work: () => Promise<T>): Promise<T> {
  await session.rows(`SELECT pg_advisory_lock(hashtextextended('tieout:migrate', 0))`)
  try {
    return await work()
  } finally {
    // A connection that is gone has let go of the lock, and why it went is what the caller must hear.
    await session.rows(`SELECT pg_advisory_unlock(hashtextextended('tieout:migrate', 0))`).catch(() => {})
  }
}

export async function asOwner(session: Session, work: () => Promise<void>): Promise<void> {
  await session.script('BEGIN; SET LOCAL ROLE tieout_owner; SET LOCAL search_path = public, pg_temp')
  try {
    await work()
    await session.script('COMMIT')
  } catch (error) {
    await session.script('ROLLBACK').catch(() => {})
    throw error
  }
}

/**
 * The roles belong to the server and not to the database, and the lock above to the database alone, so two
 * databases may create them at once: whoever comes second finds a duplicate, of the name or of the index.
 * A login that is no superuser becomes a member. From PostgreSQL 16 on, creating a role makes a member that
 * may not yet set it, so what is tried is the setting itself.
 */
const BOOTSTRAP = `
DO $$
DECLARE
  wanted text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['tieout_owner', 'tieout_app', 'tieout_purger', 'tieout_superseder'] LOOP
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = wanted) THEN
      BEGIN
        EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
      EXCEPTION WHEN duplicate_object OR unique_violation THEN
        NULL;
      END;
    END IF;
    BEGIN
      EXECUTE format('SET LOCAL ROLE %I', wanted);
      SET LOCAL ROLE NONE;
    EXCEPTION WHEN insufficient_privilege THEN
      EXECUTE format('GRANT %I TO %I', wanted, session_user);
    END;
  END LOOP;
  IF NOT has_schema_privilege('tieout_owner', 'public', 'CREATE') THEN
    GRANT USAGE, CREATE ON SCHEMA public TO tieout_owner;
  END IF;
  IF NOT has_schema_privilege('tieout_app', 'public', 'USAGE') THEN
    GRANT USAGE ON SCHEMA public TO tieout_app;
  END IF;
  IF NOT has_schema_privilege('tieout_purger', 'public', 'USAGE') THEN
    GRANT USAGE ON SCHEMA public TO tieout_purger;
  END IF;
  IF NOT has_schema_privilege('tieout_superseder', 'public', 'USAGE') THEN
    GRANT USAGE ON SCHEMA public TO tieout_superseder;
  END IF;
  IF to_regclass('public.schema_migrations') IS NULL THEN
    SET LOCAL ROLE tieout_owner;
    CREATE TABLE public.schema_migrations (
      name text PRIMARY KEY,
      digest text NOT NULL,
      applied_at timestamptz NOT NULL DEFAULT now()
    );
    GRANT SELECT ON public.schema_migrations TO PUBLIC;
  END IF;
END
$$`
