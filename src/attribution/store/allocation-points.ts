/** From where an allocation goes on: the newest point of its model. Raises nothing. */

import { isDeepStrictEqual } from 'node:util'
import { digestOf } from '../../base/digest.js'
import { compareText } from '../../base/text.js'
import type { Tx } from '../../books/books.js'
import type { RunId } from '../../books/runs.js'
import { type KeptSums, NO_SETS, type SumsThrough } from '../allocation-summary.js'
import { type Channel, UNKNOWN } from '../channel-map.js'

/** What sets follow from besides their events: while it is the same, the sets of old events stay. */
export interface Basis {
  /** With the weights that were learned, without a revision. */
  readonly model_version: string
  readonly taxonomy_digest: string
}

export interface AllocationPoint extends Basis, SumsThrough {
  readonly point_no: number
}

/** Of what decides the channel of every code: codes that nobody declared decide nothing. */
export const taxonomyDigest = (channels: readonly Channel[]): string =>
  digestOf(
    channels
      .filter(({ code, state }) => code !== UNKNOWN && state !== 'discovered')
      .toSorted((a, b) => compareText(a.code, b.code))
      .map(({ code, maps_to }) => [code, maps_to]),
  )

export const isOn = (point: Basis | undefined, basis: Basis): boolean =>
  point?.model_version === basis.model_version && point.taxonomy_digest === basis.taxonomy_digest

export const isReached = (point: SumsThrough, reached: SumsThrough): boolean =>
  point.events_through === reached.events_through && isDeepStrictEqual(point.sums, reached.sums)

/** `key`: of the model. */
export async function newestPoint(tx: Tx, key: string): Promise<AllocationPoint | undefined> {
  const [row] = await tx.rows<{ point_no: bigint; events_through: bigint; sums: KeptSums } & Basis>(
    `SELECT point_no, model_version, taxonomy_digest, events_through, sums FROM attribution_allocation_points
      WHERE tenant_id = tieout_current_tenant() AND model = $1 ORDER BY point_no DESC LIMIT 1`,
    [key],
  )
  return row && { ...row, point_no: Number(row.point_no), events_through: Number(row.events_through) }
}

export interface NewPoint {
  readonly key: string
  readonly run: RunId
  readonly basis: Basis
  /** Not said where only some of the events were allocated: then the next allocation begins anew. */
  readonly reached?: SumsThrough
}

export async function savePoint(
  tx: Tx,
  after: AllocationPoint | undefined,
  { key, run, basis, reached = NO_SETS }: NewPoint,
): Promise<void> {
  await tx.execute(
    `INSERT INTO attribution_allocation_points (tenant_id, model, point_no, run_id, model_version, taxonomy_digest,
       events_through, sums) VALUES (tieout_current_tenant(), $1, $2, $3::uuid, $4, $5, $6, $7::jsonb)`,
    [
      key,
      (after?.point_no ?? 0) + 1,
      run,
      basis.model_version,
      basis.taxonomy_digest,
      reached.events_through,
      JSON.stringify(reached.sums),
    ],
  )
}
