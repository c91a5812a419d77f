/** How many rows of a version are unmatched, without counting those that stay. Raises nothing. */

import type { Tx } from '../../books/books.js'
import { UNMATCHED } from '../allocation-builder.js'
import type { SymbolChange } from '../symbol-change.js'

/** Once the changes are written; before they are. */
export async function unmatchedAfter(
  tx: Tx,
  version: number,
  changes: readonly SymbolChange[],
): Promise<number> {
  const [row] = await tx.rows<{ before: bigint; ending: bigint }>(
    `SELECT coalesce((
         SELECT unmatched FROM fifo_computation_log
          WHERE allocation_version = $1 AND status IN ('completed', 'partial') ORDER BY computation_no DESC LIMIT 1
       ), 0) AS before, (
         SELECT count(*) FROM unnest($2::text[], $3::bigint[]) AS e (symbol, kept)
           JOIN fifo_allocations AS a ON a.allocation_version = $1 AND a.symbol = e.symbol AND a.allocation_no > e.kept
          WHERE a.class = 'unmatched'
       ) AS ending`,
    [
      version,
      changes.map(({ result }) => result.symbol),
      changes.map(({ from }) => from?.state.allocations ?? 0),
    ],
  )
  let written = 0
  for (const { result } of changes)
    for (const kind of result.allocations.class) if (kind === UNMATCHED) written += 1
  return Number(row!.before) - Number(row!.ending) + written
}
