/**
 * Posting. Where the ledger comes back to a model that another had replaced, the sets of that model are first made again
 * as their next revision, by a run of its own, and both are one transaction: an allocation is posted once, and those of
 * the new sets were never posted.
 *
 * Raises TIE-4406 (the ledger is kept by another model), TIE-4411 (by which model), TIE-4401 (allocated elsewhere at the
 * same time), TIE-2502 and TIE-2503.
 */

import { type Digest, RowDigest } from '../../base/digest.js'
import { refuse } from '../../base/errors.js'
import type { Tx } from '../../books/books.js'
import type { Context } from '../../books/operation.js'
import { failed } from '../../books/run-failure.js'
import { openRun, type RunId, runLock, sealRun } from '../../books/runs.js'
import { parseModel } from '../model-text.js'
import { modelHeld } from '../store/event-sets.js'
import {
  allocatedModels,
  ledgerModels,
  openLedger,
  type Posted,
  postAllocations,
} from '../store/ledger-posting.js'
import { hasReversed, reviseReversed } from '../store/revised-sets.js'

export interface PostLedgerRequest {
  /** Of the model; the one that the ledger is kept by, or the only one allocated by, when not said. */
  readonly key?: string | undefined
  /** Entries by another model are reversed instead of refused. */
  readonly isReplacing: boolean
}

export interface PostedLedger extends Posted {
  /** Key of the model. */
  readonly model: string
  /** Sets that were made again, because their allocations had been posted and reversed. */
  readonly revised: number
}

export async function postLedger(context: Context, request: PostLedgerRequest): Promise<PostedLedger> {
  const { books, tenant, who, now } = context
  const first = await books.transaction(tenant, async (tx) => {
    const key = request.key ?? (await onlyModel(tx))
    await openLedger(tx, key, request.isReplacing)
    if (await hasReversed(tx, key)) return { key, text: await modelHeld(tx, key) }
    return { key, posted: await postAllocations(tx, { key, who, now }) }
  })
  if (first.posted !== undefined) return { model: first.key, revised: 0, ...first.posted }
  const done = await books.whileHolding(`attribution:${tenant}:${first.key}`, async () => ({
    value: await postAgain(context, first, request.isReplacing),
  }))
  return done === undefined ? refuse('TIE-4401', { model: first.text }) : done.value
}

async function onlyModel(tx: Tx): Promise<string> {
  const kept = await ledgerModels(tx)
  const known = kept.length > 0 ? kept : await allocatedModels(tx)
  if (known.length !== 1)
    refuse('TIE-4411', { known: known.length === 0 ? 'none was allocated by yet' : known.join(', ') })
  return known[0]!
}

async function postAgain(
  context: Context,
  { key, text }: { readonly key: string; readonly text: string },
  isReplacing: boolean,
): Promise<PostedLedger> {
  const { books, tenant, who, now } = context
  const began = context.elapsed()
  const run = context.newId() as RunId
  const made = await books.whileHolding(runLock(run), async () => {
    await openRun(books, tenant, {
      id: run,
      kind: 'attribution',
      run_name: `Posting by ${text} again`,
      executed_at: now(),
      triggered_by: who,
      policy: parseModel(text).name,
      engine_version: context.engineVersion,
      parameters: { model: text, posted_again: true },
    })
    try {
      return await books.transaction(tenant, async (tx) => {
        await openLedger(tx, key, isReplacing)
        const sets = await reviseReversed(tx, key, { run, at: now() })
        const posted = await postAllocations(tx, { key, who, now })
        context.signal.throwIfAborted()
        await sealRun(tx, {
          id: run,
          input_digest: digestOfRows(sets.map((set) => [set.eventDigest, set.input_digest])),
          result_digest: digestOfRows(sets.map((set) => [set.eventDigest, set.content_digest])),
          finished_at: now(),
          calculation_duration_ms: context.elapsed() - began,
          findings: [],
          parameters: { revised: sets.length },
        })
        return { model: key, revised: sets.length, ...posted }
      })
    } catch (error) {
      return failed(context, run, began, error)
    }
  })
  if (made === undefined) throw new Error(`the lock of the new run ${run} was taken`)
  return made
}

function digestOfRows(rows: readonly (readonly string[])[]): Digest {
  const digest = new RowDigest()
  for (const row of rows) digest.add(row)
  return digest.end()
}
