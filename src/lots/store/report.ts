/** What the monitoring views say, as rows. Raises nothing. */

import type { Tx } from '../../books/books.js'

export interface VersionHealth {
  readonly allocation_version: number
  readonly published: boolean
  readonly method: string
  readonly health: string
  readonly last_status: string | null
  readonly last_computed_at: string | null
  readonly symbols: number
  readonly symbols_failed: number | null
  readonly allocations: number
  readonly matched: number
  readonly unmatched: number
  readonly dust: number
  readonly short: number
  readonly sells: number
  readonly unmatched_sells: number
  readonly open_lots: number
  readonly total_pnl: string
  readonly unmatched_net_proceeds: string
  readonly open_reviews: number
  readonly trades_since: number
}

/** int8 leaves the books as bigint; counts of rows fit a number. */
const counted = <T>(row: object): T =>
  Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, typeof value === 'bigint' ? Number(value) : value]),
  ) as T

/** Every version, by number. */
export async function versionHealth(tx: Tx): Promise<VersionHealth[]> {
  const rows = await tx.rows(
    `SELECT allocation_version, published, method, health, last_status, last_computed_at, symbols, symbols_failed,
            allocations, matched, unmatched, dust, short, sells, unmatched_sells, open_lots::bigint AS open_lots,
            trim_scale(total_pnl) AS total_pnl, trim_scale(unmatched_net_proceeds) AS unmatched_net_proceeds,
            open_reviews, trades_since
       FROM v_allocation_health ORDER BY allocation_version`,
  )
  return rows.map((row) => counted<VersionHealth>(row))
}
