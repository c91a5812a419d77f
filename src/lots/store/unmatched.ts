/** How many rows of a version are unmatched, without counting those that stay. Raises nothing. */

import type { Tx } from '../../books/books.js'
import { UNMATCHED } from '../allocation-builder.js'
import type { SymbolChange } from '../symbol-change.js'

/** Once the changes are written; before they are. */
export async function unmatchedAfter(
  tx: Tx,
  version: number,
  {
    changed,
    stored,
  }: { readonly changed: readonly SymbolChange[]; readonly stored: ReadonlyMap<string, number> },
): Promise<number> {
  const ending = changed
    .map(({ from, result }) => ({ symbol: result.symbol, kept: from?.state.allocations ?? 0 }))
    .filter(({ symbol, kept }) => (stored.get(symbol) ?? 0) > kept)
  const [row] = await tx.rows<{ before: bigint }>(
    `SELECT coalesce((
         SELECT unmatched FROM fifo_computation_log
          WHERE allocation_version = $1 AND status IN ('completed', 'partial') ORDER BY computation_no DESC LIMIT 1
       ), 0) AS before`,
    [version],
  )
  let written = 0
  for (const { result } of changed)
    for (const kind of result.allocations.class) if (kind === UNMATCHED) written += 1
  return (
    Number(row!.before) - (ending.length === 0 ? 0 : await unmatchedBehind(tx, version, ending)) + written
  )
}

async function unmatchedBehind(
  tx: Tx,
  version: number,
  ending: readonly { readonly symbol: string; readonly kept: number }[],
): Promise<number> {
  const [row] = await tx.rows<{ rows: bigint }>(
    `SELECT count(*) AS rows FROM unnest($2::text[], $3::bigint[]) AS e (symbol, kept)
       JOIN fifo_allocations AS a ON a.allocation_version = $1 AND a.symbol = e.symbol AND a.allocation_no > e.kept
      WHERE a.class = 'unmatched'`,
    [version, ending.map(({ symbol }) => symbol), ending.map(({ kept }) => kept)],
  )
  return Number(row!.rows)
}
