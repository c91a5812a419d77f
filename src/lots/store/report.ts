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

/** What is not wrong with a version, but not as it should be either. */
export interface Standing {
  readonly rule: string
  readonly statement: string
  readonly violations: number
  /** At most 100. */
  readonly rows: readonly {
    readonly rule: string
    readonly symbol: string
    readonly order_id: string
    readonly message: string
  }[]
}

const LISTED = 100

/** What `--strict` asks for beside the proof. */
export async function standingOf(tx: Tx, version: number): Promise<Standing[]> {
  const unmatched = await tx.rows<{ symbol: string; order_id: string; size: string; total: bigint }>(
    `SELECT symbol, sell_order_id AS order_id, allocated_size AS size, count(*) OVER () AS total
       FROM fifo_allocations WHERE allocation_version = $1 AND class = 'unmatched'
      ORDER BY symbol, allocation_no LIMIT ${LISTED}`,
    [version],
  )
  const [newest] = await tx.rows<{ failed: readonly { symbol: string; message: string }[]; since: bigint }>(
    `SELECT failed_symbols AS failed, (
         SELECT count(*) FROM trade_records AS t WHERE t.trade_seq > l.trades_through
       ) AS since
       FROM fifo_computation_log AS l
      WHERE allocation_version = $1 AND status IN ('completed', 'partial') ORDER BY computation_no DESC LIMIT 1`,
    [version],
  )
  const { failed, since } = newest!
  return [
    {
      rule: 'UNMATCHED',
      statement: 'Every sell is covered by lots.',
      violations: Number(unmatched[0]?.total ?? 0),
      rows: unmatched.map(({ symbol, order_id, size }) => ({
        rule: 'UNMATCHED',
        symbol,
        order_id,
        message: `No lot covers ${size} of ${order_id}.`,
      })),
    },
    {
      rule: 'SYMBOL_FAILED',
      statement: 'The last computation could compute every symbol.',
      violations: failed.length,
      rows: failed.slice(0, LISTED).map(({ symbol, message }) => ({
        rule: 'SYMBOL_FAILED',
        symbol,
        order_id: '',
        message,
      })),
    },
    {
      rule: 'BEHIND',
      statement: 'No trades have arrived since the last computation.',
      violations: since > 0n ? 1 : 0,
      rows:
        since === 0n
          ? []
          : [{ rule: 'BEHIND', symbol: '', order_id: '', message: `${since} trade records came since.` }],
    },
  ]
}

/** What a version says of a symbol's money. */
export interface SymbolMoney {
  readonly symbol: string
  readonly pnl: string
  readonly unmatched_net_proceeds: string
  readonly open_cost: string
  readonly open_short_proceeds: string
}

export function moneyBySymbol(tx: Tx, version: number): Promise<SymbolMoney[]> {
  return tx.rows(
    `WITH rows AS (
       SELECT symbol, coalesce(sum(pnl), 0) AS pnl,
              coalesce(sum(net_proceeds) FILTER (WHERE class = 'unmatched'), 0) AS unmatched
         FROM fifo_allocations WHERE allocation_version = $1 GROUP BY symbol
     ), lots AS (
       SELECT p.symbol, coalesce(sum(l.remaining_cost) FILTER (WHERE l.side = 'long'), 0) AS long,
              coalesce(sum(l.remaining_cost) FILTER (WHERE l.side = 'short'), 0) AS short
         FROM v_allocation_progress AS p
         LEFT JOIN fifo_inventory_snapshot AS l USING (tenant_id, allocation_version, symbol, point_no)
        WHERE p.allocation_version = $1 GROUP BY p.symbol
     )
     SELECT lots.symbol, trim_scale(coalesce(pnl, 0)) AS pnl, trim_scale(coalesce(unmatched, 0)) AS unmatched_net_proceeds,
            trim_scale(long) AS open_cost, trim_scale(short) AS open_short_proceeds
       FROM lots LEFT JOIN rows USING (symbol) ORDER BY lots.symbol COLLATE "C"`,
    [version],
  )
}

/** A monitoring view, with the scale of amounts as written; rows in its order. */
const VIEWS = {
  'pnl-by-symbol': `SELECT symbol, allocations, sells, trim_scale(matched_size) AS matched_size,
      trim_scale(cost_basis) AS cost_basis, trim_scale(proceeds) AS proceeds, trim_scale(net_proceeds) AS net_proceeds,
      trim_scale(pnl) AS pnl, trim_scale(unmatched_size) AS unmatched_size,
      trim_scale(unmatched_net_proceeds) AS unmatched_net_proceeds
    FROM v_pnl_by_symbol ORDER BY symbol COLLATE "C"`,
  unmatched: `SELECT sell_order_id, symbol, account, strategy, sell_executed_at, trim_scale(sell_size) AS sell_size,
      trim_scale(unmatched_size) AS unmatched_size, trim_scale(sell_price) AS sell_price,
      trim_scale(proceeds) AS proceeds, trim_scale(net_proceeds) AS net_proceeds
    FROM v_unmatched_sells ORDER BY symbol COLLATE "C", sell_executed_at, sell_order_id COLLATE "C"`,
  discrepancies: `SELECT symbol, order_id, discrepancy, expected, found FROM v_allocation_discrepancies
    ORDER BY symbol COLLATE "C", order_id COLLATE "C", discrepancy`,
} as const
export type MonitoringView = keyof typeof VIEWS

export async function readView(
  tx: Tx,
  view: MonitoringView,
): Promise<Readonly<Record<string, string | number | null>>[]> {
  return (await tx.rows(VIEWS[view])).map((row) => counted<Record<string, string | number | null>>(row))
}
