/**
 * What reviews are about, as the books say it once a computation has written its rows: sells that no lot covers,
 * and issues of facts that the computation did not look at again. Raises nothing.
 */

import type { Tx } from '../../books/books.js'
import type { Issue } from '../review.js'
import { instantText } from './instant-text.js'

export interface UnmatchedRow {
  readonly sell_order_id: string
  readonly symbol: string
  readonly account: string | null
  readonly strategy: string | null
  readonly bracket: string | null
  readonly executed_at: string
  readonly unmatched_size: string
  readonly net_proceeds: string
}

export async function unmatchedRows(tx: Tx, version: number): Promise<UnmatchedRow[]> {
  const rows = await tx.rows<UnmatchedRow & { readonly ns: number }>(
    `SELECT a.sell_order_id, a.symbol, a.account, a.strategy, t.bracket, a.sell_executed_at AS executed_at,
            a.sell_executed_ns AS ns, a.allocated_size AS unmatched_size, a.net_proceeds
       FROM fifo_allocations AS a
       JOIN trade_records AS t ON t.tenant_id = a.tenant_id AND t.order_id = a.sell_order_id
      WHERE a.allocation_version = $1 AND a.class = 'unmatched' ORDER BY a.symbol, a.allocation_no`,
    [version],
  )
  return rows.map(({ ns, ...row }) => ({ ...row, executed_at: instantText(row.executed_at, ns)! }))
}

/** Issues of these codes that the last computation found, but those of trades that have been replaced. */
export async function presentIssues(tx: Tx, version: number, codes: readonly string[]): Promise<Issue[]> {
  return tx.rows<Issue>(
    `SELECT issue_key AS key, code, symbol, order_id, account, amount, message, detail, severity
       FROM manual_review_queue AS q WHERE allocation_version = $1 AND cause_present AND code = ANY($2::text[])
        AND NOT EXISTS (SELECT FROM trade_records AS t WHERE t.tenant_id = q.tenant_id AND t.replaces = q.order_id)`,
    [version, codes],
  )
}
