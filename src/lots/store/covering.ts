/**
 * The computation that an incremental one goes on from: the newest that was completed for every symbol, unless the
 * version has been computed with another configuration since. Raises nothing.
 */

import type { Digest } from '../../base/digest.js'
import type { Tx } from '../../books/books.js'
import { ENGINE_VERSION } from '../config.js'
import type { FactSums } from './facts.js'

export type Covering =
  /** Every symbol has taken in the facts up to `through`. */
  | { readonly is: 'covering'; readonly through: bigint; readonly facts: FactSums }
  | { readonly is: 'none' }
  | { readonly is: 'of another configuration' }

export async function coveringComputation(tx: Tx, version: number, config: Digest): Promise<Covering> {
  const [newest] = await tx.rows<{ config_digest: Digest; engine: string | null }>(
    `SELECT l.config_digest, r.parameters ->> 'lots_engine' AS engine
       FROM fifo_computation_log AS l JOIN calculation_runs AS r ON r.tenant_id = l.tenant_id AND r.id = l.batch_id
      WHERE l.allocation_version = $1 AND l.status IN ('completed', 'partial')
      ORDER BY l.computation_no DESC LIMIT 1`,
    [version],
  )
  if (newest === undefined) return { is: 'none' }
  if (newest.config_digest !== config || newest.engine !== ENGINE_VERSION) {
    return { is: 'of another configuration' }
  }
  const [row] = await tx.rows<{ through: bigint; facts: FactSums }>(
    `SELECT l.trades_through AS through, r.parameters -> 'facts' AS facts
       FROM fifo_computation_log AS l JOIN calculation_runs AS r ON r.tenant_id = l.tenant_id AND r.id = l.batch_id
      WHERE l.allocation_version = $1 AND l.status = 'completed' AND l.config_digest = $2
        AND r.parameters ->> 'symbol' IS NULL AND l.computation_no > (
          SELECT coalesce(max(o.computation_no), 0) FROM fifo_computation_log AS o
           WHERE o.allocation_version = $1 AND o.status IN ('completed', 'partial') AND o.config_digest <> $2)
      ORDER BY l.computation_no DESC LIMIT 1`,
    [version, config],
  )
  return row === undefined ? { is: 'none' } : { is: 'covering', ...row }
}
