/**
 * Points that stand so close to the one before that a late fact rewinds hardly further without them: every
 * computation ends with a point, and small ones one after another would leave as many copies of the open lots.
 * Raises nothing.
 */

import type { Tx } from '../../books/books.js'
import type { Point } from './inventory.js'

/** Allocations between two points that are both worth keeping. */
const APART = 500

/** Symbols of those of the points that do. */
export async function closePoints(
  tx: Tx,
  version: number,
  points: readonly Pick<Point, 'symbol' | 'point_no' | 'allocations'>[],
): Promise<ReadonlySet<string>> {
  const rows = await tx.rows<{ symbol: string }>(
    `SELECT p.symbol FROM unnest($2::text[], $3::integer[], $4::bigint[]) AS p (symbol, point_no, allocations)
       JOIN fifo_inventory_points AS q ON q.allocation_version = $1 AND q.symbol = p.symbol AND q.point_no = p.point_no - 1
      WHERE p.allocations - q.allocations < ${APART}`,
    [
      version,
      points.map(({ symbol }) => symbol),
      points.map(({ point_no }) => point_no),
      points.map(({ allocations }) => allocations),
    ],
  )
  return new Set(rows.map(({ symbol }) => symbol))
}
