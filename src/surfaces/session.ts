/**
 * Opens the books for a surface and makes the context of operations: tenant, user, clock. Runs that a dead
 * process left open are marked FAILED here, and said. Raises what opening the books raises.
 */

import { totalmem } from 'node:os'
import { refuse } from '../base/errors.js'
import { heeding } from '../books/books.js'
import type { Context, Progress } from '../books/operation.js'
import { failOrphans, type RunId } from '../books/runs.js'
import { DEFAULT_TENANT, tenantNamed } from '../books/tenants.js'
import type { MaintainedBooks } from '../books/transaction.js'
import { KeptFrames } from '../engines/kept-frames.js'
import { connectionsOf, languageModelOf } from './connections.js'
import type { Environment } from './environment.js'
import { NO_FRAMES, type Settings } from './settings.js'

/** Characters that runs and imports have for who made them. */
const MAX_USER = 100

export interface Session {
  readonly context: Context
  readonly books: MaintainedBooks
  readonly frames: KeptFrames
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
  const books = await environment.openBooks({ db: settings.db.value, command, migrate: 'never' })
  try {
    const name = settings.tenant.value
    const tenant = name === 'default' ? DEFAULT_TENANT : await tenantNamed(books, name)
    const orphans = await failOrphans(books, tenant, environment.now())
    const frames = keptFrames(environment, settings)
    const context: Context = {
      books: heeding(books, environment.signal),
      frames,
      tenant,
      who: settings.user.value,
      engineVersion: environment.version,
      now: environment.now,
      newId: environment.newId,
      elapsed: environment.elapsed,
      progress,
      signal: environment.signal,
      connection: connectionsOf(environment),
      ...languageModelOf(environment, settings),
    }
    const close = async (): Promise<void> => {
      try {
        await books.close()
      } finally {
        await frames.settle()
      }
    }
    return { context, books, frames, orphans, close }
  } catch (error) {
    await books.close()
    throw error
  }
}

const GIB = 1024 ** 3

/** In memory a quarter of the machine's at most; on disk as much as a few large books take. */
function keptFrames({ now }: Environment, { frames }: Settings): KeptFrames {
  return new KeptFrames({
    memoryBytes: Math.min(GIB, totalmem() / 4),
    directory: frames.value === NO_FRAMES ? null : frames.value,
    diskBytes: 8 * GIB,
    now: () => Date.parse(now()),
  })
}
