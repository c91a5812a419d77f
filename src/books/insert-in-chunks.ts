/**
 * Bulk writes into tables with row security, which COPY refuses: chunk by chunk through a temporary table. While
 * the database takes one chunk over, the next is made. Raises what the database raises.
 */

import { setImmediate } from 'node:timers/promises'
import type { Tx } from './books.js'

/**
 * Chunks are of whole rows, as copyRows makes them. `takeOver` inserts what the temporary table holds, which are
 * `copied` rows, and gives how many it took; the table is empty afterwards. Rows taken over in all.
 */
export async function insertInChunks(
  tx: Tx,
  staging: string,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  takeOver: (copied: number) => Promise<number>,
): Promise<number> {
  let inserted = 0
  const insert = async (copied: number): Promise<void> => {
    inserted += await takeOver(copied)
    await tx.execute(`TRUNCATE ${staging}`)
  }
  let inserting: Promise<void> = Promise.resolve()
  try {
    for await (const chunk of chunks) {
      await inserting
      // Not while the next one is made: a COPY is a dialogue, and this thread would be too busy to lead it.
      inserting = insert(await tx.copyIn(staging, [chunk]))
      // A failure is heard at the next await, which the making of a chunk may put off.
      inserting.catch(() => undefined)
      // The statement leaves for the database before this thread is busy with rows again.
      await setImmediate()
    }
  } finally {
    await inserting
  }
  return inserted
}
