/** The sets that events have under one model, by event, for a computation beside them. Raises nothing. */

import type { Tx } from '../../books/books.js'
import { copiedRows } from '../../engines/copied-rows.js'
import type { HeldSet, HeldSets } from '../families.js'
import { revisionOf } from '../model.js'

/** `key`: of the model, which is letters, digits, @, points, hyphens and +, so that it can stand in the text of a COPY. */
export const heldSets = (tx: Tx, key: string): Promise<ReadonlyMap<number, HeldSets>> =>
  setsOf(
    tx,
    `attribution_allocation_sets s WHERE s.tenant_id = tieout_current_tenant() AND s.model = '${keyText(key)}'`,
  )

/** Of the events of `pg_temp.changed_families` alone. */
export const heldSetsOfChanged = (tx: Tx, key: string): Promise<ReadonlyMap<number, HeldSets>> =>
  setsOf(
    tx,
    `(SELECT event_id FROM pg_temp.changed_families
       UNION ALL
       SELECT e.event_id FROM pg_temp.changed_families f CROSS JOIN LATERAL (
         SELECT x.event_id FROM attribution_events x
          WHERE x.tenant_id = tieout_current_tenant() AND x.original_event_id = f.event_id OFFSET 0) e
     ) f CROSS JOIN LATERAL (
       SELECT * FROM attribution_allocation_sets x
        WHERE x.tenant_id = tieout_current_tenant() AND x.event_id = f.event_id AND x.model = '${keyText(key)}'
        OFFSET 0) s`,
  )

function keyText(key: string): string {
  if (!/^[\w@.+-]+$/.test(key)) throw new RangeError(`${key} is no key of a model`)
  return key
}

async function setsOf(tx: Tx, from: string): Promise<ReadonlyMap<number, HeldSets>> {
  const sets = new Map<number, { current: HeldSet | undefined; revisions: ReadonlyMap<string, number> }>()
  // Nearly all events have one set, of one and the same version.
  const single = new Map<string, ReadonlyMap<string, number>>()
  const rows = tx.copyOut(
    `SELECT s.event_id, s.model_version, s.input_digest, s.content_digest, s.superseded_by IS NULL FROM ${from}`,
  )
  for await (const batch of copiedRows(rows))
    for (const [event, model_version, input_digest, content_digest, isCurrent] of batch) {
      const id = Number(event)
      const { version, revision } = revisionOf(model_version!)
      const known = sets.get(id)
      const of = known ?? { current: undefined, revisions: single.get(model_version!) ?? new Map() }
      if (known === undefined) {
        sets.set(id, of)
        if (!single.has(model_version!)) {
          of.revisions = new Map([[version, revision]])
          single.set(model_version!, of.revisions)
        }
      } else {
        const newest = Math.max(revision, of.revisions.get(version) ?? 0)
        of.revisions = new Map([...of.revisions, [version, newest]])
      }
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
