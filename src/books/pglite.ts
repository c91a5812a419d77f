/**
 * The books in a directory: PGlite in a worker thread, one writer, transactions one after another. The
 * session user of PGlite is a superuser, whom no row security binds, so every transaction takes the role
 * tieout_app. PGlite never fsyncs: a killed process loses nothing, a power cut may.
 * Raises TIE-1201 and TIE-1202 (in use), TIE-1306 (thread died), TIE-1309 (no database in there).
 */

import { AsyncLocalStorage } from 'node:async_hooks'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { refuse } from '../base/errors.js'
import type { TenantId, Tx } from './books.js'
import { type DirectoryLock, lockDirectory, writeWhole } from './lock.js'
import { migrateUp, migrationsDigest } from './migrate.js'
import { PgliteThread } from './pglite-thread.js'
import { type MaintainedBooks, runTransaction, type Session, sessionOf } from './transaction.js'

export interface PgliteOptions {
  /** The data directory itself, or `memory://` for one that is gone when it is closed. */
  readonly directory: string
  /** Where the template of a new database is kept; by default in the user's cache. */
  readonly cacheDirectory?: string
  /** What this process is, for whoever finds the directory locked. */
  readonly command: string
}

const IN_MEMORY = 'memory://'

/** The major version of PostgreSQL in PGlite 0.5, whose directories alone it can open. */
const MAJOR = '18'

export async function openPglite({
  directory,
  cacheDirectory,
  command,
}: PgliteOptions): Promise<MaintainedBooks> {
  const cache = cacheDirectory ?? join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'tieout')
  if (directory === IN_MEMORY) return new PgliteBooks(await create(IN_MEMORY, cache), IN_MEMORY, undefined)
  const lock = await lockDirectory(directory, command, new Date())
  try {
    return new PgliteBooks(await openOrCreate(lock.directory, cache), lock.directory, lock)
  } catch (error) {
    lock.release()
    throw error
  }
}

/** A directory whose creation was cut short is marked, and holds nothing that anyone was told of. */
async function openOrCreate(directory: string, cache: string): Promise<PgliteThread> {
  const marker = `${directory}.creating`
  if (existsSync(marker)) rmSync(directory, { recursive: true, force: true })
  const entries = existsSync(directory) ? readdirSync(directory) : []
  if (entries.length > 0) {
    const version = entries.includes('PG_VERSION')
      ? readFileSync(join(directory, 'PG_VERSION'), 'utf8').trim()
      : ''
    const detail =
      version === '' ? 'it holds other files' : `it was made by PostgreSQL ${version}, not ${MAJOR}`
    if (version !== MAJOR) refuse('TIE-1309', { directory, detail })
    rmSync(marker, { force: true })
    return start(directory, undefined)
  }
  writeFileSync(marker, '', { flush: true })
  mkdirSync(directory, { recursive: true })
  const thread = await create(directory, cache)
  rmSync(marker, { force: true })
  return thread
}

/** From the template in the cache, which takes a tenth of the time, or from nothing, leaving a template. */
async function create(directory: string, cache: string): Promise<PgliteThread> {
  const template = join(cache, `template-${migrationsDigest(`${pgliteVersion()} ${GRANT_COPY}`)}.tar`)
  if (existsSync(template)) {
    try {
      return await start(directory, new Uint8Array(readFileSync(template)))
    } catch {
      // A damaged template costs time, not the database: it is made again.
      if (directory !== IN_MEMORY) {
        rmSync(directory, { recursive: true, force: true })
        mkdirSync(directory, { recursive: true })
      }
    }
  }
  const thread = await start(directory, undefined)
  try {
    await migrateUp(sessionOf(thread))
    await thread.script(GRANT_COPY)
    await thread.script('CHECKPOINT')
    saveTemplate(template, await thread.dump())
  } catch (error) {
    await thread.close()
    throw error
  }
  return thread
}

/** PGlite copies by way of the file /dev/blob. The login is a superuser here anyway, so this opens nothing. */
const GRANT_COPY = 'GRANT pg_read_server_files, pg_write_server_files TO tieout_app, tieout_owner'

function saveTemplate(file: string, bytes: Uint8Array): void {
  try {
    writeWhole(file, bytes)
  } catch {
    // A cache that cannot be written makes the next creation slow, nothing else.
  }
}

function pgliteVersion(): string {
  const manifest = new URL('../package.json', import.meta.resolve('@electric-sql/pglite'))
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version: string }).version
}

async function start(
  directory: string,
  template: Uint8Array<ArrayBuffer> | undefined,
): Promise<PgliteThread> {
  const thread = new PgliteThread()
  try {
    await thread.open(directory, template)
    await thread.script(`SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET search_path = public, pg_temp`)
    return thread
  } catch (error) {
    await thread.close()
    throw error
  }
}

class PgliteBooks implements MaintainedBooks {
  readonly kind = 'pglite'
  private readonly held = new Set<string>()
  private readonly inside = new AsyncLocalStorage<{ running: boolean }>()
  private last: Promise<unknown> = Promise.resolve()
  private closing: Promise<void> | undefined

  constructor(
    private readonly thread: PgliteThread,
    readonly location: string,
    private readonly lock: DirectoryLock | undefined,
  ) {}

  transaction<T>(tenant: TenantId, work: (tx: Tx) => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.alone(() => runTransaction(this.thread, tenant, work, signal))
  }

  maintain<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.alone(() => work(sessionOf(this.thread)))
  }

  async whileHolding<T>(key: string, work: () => Promise<T>): Promise<T | undefined> {
    // One process has the directory, so a lock that ends with the process is a set of that process.
    if (this.held.has(key)) return undefined
    this.held.add(key)
    try {
      return await work()
    } finally {
      this.held.delete(key)
    }
  }

  close(): Promise<void> {
    this.closing ??= this.last.then(() => this.thread.close()).finally(() => this.lock?.release())
    return this.closing
  }

  private async alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.closing !== undefined) throw new Error('the books are closed')
    if (this.inside.getStore()?.running === true) {
      throw new Error('a transaction was begun inside another of the same books, which would wait forever')
    }
    const scope = { running: true }
    const turn = this.last.then(() => this.inside.run(scope, work))
    this.last = turn.then(
      () => {},
      () => {},
    )
    try {
      return await turn
    } finally {
      scope.running = false
    }
  }
}
