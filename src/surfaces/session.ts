/**
 * Opens the books for a surface and makes the context of operations: tenant, user, clock. Runs that a dead
 * process left open are marked FAILED here, and said. Raises what opening the books raises.
 */

import { refuse } from '../base/errors.js'
import { openBooks } from '../books/open.js'
import type { Context, Progress } from '../books/operation.js'
import { failOrphans, type RunId } from '../books/runs.js'
import { DEFAULT_TENANT, tenantNamed } from '../books/tenants.js'
import type { MaintainedBooks } from '../books/transaction.js'
import type { Environment } from './environment.js'
import type { Settings } from './settings.js'

/** Characters that runs and imports have for who made them. */
const MAX_USER = 100

export interface Session {
  readonly context: Context
  readonly books: MaintainedBooks
  /** Runs whose process had ended, now FAILED. */
  readonly orphans: readonly RunId[]
  close(): Promise<void>
}

export async function openSession(
  environment: Environment,
  settings: Settings,
  command: string,
  progress: Progress,
): Promise<Session> {
  const { user } = settings
  if (user.value.length > MAX_USER) {
    refuse('TIE-1002', {
      command: '',
      detail: `The user's name (${user.origin}) is longer than ${MAX_USER} characters.`,
    })
  }
  const books = await openBooks({ db: settings.db.value, command, migrate: 'never' })
  try {
    const name = settings.tenant.value
    const tenant = name === 'default' ? DEFAULT_TENANT : await tenantNamed(books, name)
    const orphans = await failOrphans(books, tenant, environment.now())
    const context: Context = {
      books,
      tenant,
      who: settings.user.value,
      engineVersion: environment.version,
      now: environment.now,
      newId: environment.newId,
      elapsed: environment.elapsed,
      progress,
      signal: environment.signal,
    }
    return { context, books, orphans, close: () => books.close() }
  } catch (error) {
    await books.close()
    throw error
  }
}
