/** The sets that events have under one model, by event, for a computation beside them. Raises nothing. */

import type { Tx } from '../../books/books.js'
import { copiedRows } from '../../engines/copied-rows.js'
import type { HeldSet, HeldSets } from '../families.js'
import { revisionOf } from '../model.js'

/** `key`: of the model, which is letters, digits, @, points, hyphens and +, so that it can stand in the text of a COPY. */
export async function heldSets(tx: Tx, key: string): Promise<ReadonlyMap<number, HeldSets>> {
  const sets = new Map<number, { current: HeldSet | undefined; revisions: Map<string, number> }>()
  if (!/^[\w@.+-]+$/.test(key)) throw new RangeError(`${key} is no key of a model`)
  const rows = tx.copyOut(
    `SELECT event_id, model_version, input_digest, content_digest, superseded_by IS NULL
       FROM attribution_allocation_sets WHERE tenant_id = tieout_current_tenant() AND model = '${key}'`,
  )
  for await (const batch of copiedRows(rows))
    for (const [event, model_version, input_digest, content_digest, isCurrent] of batch) {
      const id = Number(event)
      const of = sets.get(id) ?? { current: undefined, revisions: new Map<string, number>() }
      sets.set(id, of)
      const { version, revision } = revisionOf(model_version!)
      of.revisions.set(version, Math.max(revision, of.revisions.get(version) ?? 0))
      if (isCurrent === 't') {
        of.current = {
          model_version: model_version!,
          input_digest: input_digest!,
          content_digest: content_digest!,
        }
      }
    }
  return sets
}
