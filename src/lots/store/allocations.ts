/**
 * Allocations in the books: the current rows of every version, written symbol by symbol in bulk, and those that
 * ended, each with the batch that superseded it, so that the state as of any computation can be listed again.
 * Raises TIE-1305 when the login may not take the role that supersedes.
 */

import { problem, Refusal } from '../../base/errors.js'
import type { NanoInstant } from '../../base/instant.js'
import type { SqlValue, TenantId, Tx } from '../../books/books.js'
import { copyRows } from '../../books/copy-rows.js'
import { insertInChunks } from '../../books/insert-in-chunks.js'
import type { RunId } from '../../books/runs.js'
import { isSqlError } from '../../books/types.js'
import type { AllocationClass, AllocationColumns, AllocationRow } from '../allocation.js'
import { ALLOCATION_FIELDS, allocationFields } from '../allocation-rows.js'
import { microseconds, nanoseconds } from '../fact-kinds.js'
import { instantText } from './instant-text.js'

export interface Batch {
  readonly version: number
  /** The run that writes. */
  readonly id: RunId
}

export interface WrittenSymbol {
  readonly symbol: string
  /** Rows that the symbol has now. */
  readonly stored: number
  /** Rows of the symbol that stay; those behind them end. 0: all of them do. */
  readonly kept: number
  /** What comes behind the kept rows. */
  readonly allocations: AllocationColumns
}

export interface Written {
  readonly written: number
  readonly superseded: number
}

const DATA = [
  ...ALLOCATION_FIELDS.filter((name) => name !== 'symbol'),
  'buy_executed_ns',
  'sell_executed_ns',
] as const

/** Of the rows behind what is kept: a symbol that comes out as it is need not be among them. */
export async function saveAllocations(
  tx: Tx,
  tenant: TenantId,
  batch: Batch,
  symbols: readonly WrittenSymbol[],
): Promise<Written> {
  const superseded = await supersede(tx, batch, symbols)
  await tx.execute('DROP TABLE IF EXISTS pg_temp.allocation_staging')
  await tx.execute(
    `CREATE TEMPORARY TABLE allocation_staging ON COMMIT DROP AS
     SELECT symbol, allocation_no, ${DATA.join(', ')} FROM fifo_allocations WITH NO DATA`,
  )
  const written = await insertInChunks(tx, 'pg_temp.allocation_staging', copyRows(stagedRows(symbols)), () =>
    tx.execute(
      `INSERT INTO fifo_allocations (tenant_id, allocation_version, batch_id, symbol, allocation_no, ${DATA.join(', ')})
       SELECT $1::uuid, $2::integer, $3::uuid, s.* FROM pg_temp.allocation_staging AS s`,
      [tenant, batch.version, batch.id],
    ),
  )
  return { written, superseded }
}

/** One array serves all rows: each is text before the next is made. */
function* stagedRows(symbols: readonly WrittenSymbol[]): Generator<readonly SqlValue[]> {
  const fields: (string | null)[] = []
  const row: SqlValue[] = []
  const place = Object.fromEntries(ALLOCATION_FIELDS.map((name, i) => [name, i])) as Record<string, number>
  const columns = ALLOCATION_FIELDS.filter((name) => name !== 'symbol').map((name) => place[name]!)
  const [buyAt, sellAt] = [place.buy_executed_at!, place.sell_executed_at!]
  for (const { symbol, kept, allocations } of symbols) {
    for (let i = 0; i < allocations.sell.length; i++) {
      allocationFields(allocations, i, fields)
      const [bought, sold] = [fields[buyAt] as NanoInstant | null, fields[sellAt] as NanoInstant]
      fields[buyAt] = bought === null ? null : microseconds(bought)
      fields[sellAt] = microseconds(sold)
      row.length = 0
      row.push(symbol, kept + i + 1)
      for (const column of columns) row.push(fields[column]!)
      row.push(bought === null ? null : nanoseconds(bought), nanoseconds(sold))
      yield row
    }
  }
}

const ALL = `tenant_id, allocation_version, symbol, allocation_no, batch_id, ${DATA.join(', ')}, allocation_seq`

/** Moves the rows that end to where they stay for good. */
async function supersede(tx: Tx, { version, id }: Batch, symbols: readonly WrittenSymbol[]): Promise<number> {
  const ending = symbols.filter(({ stored, kept }) => stored > kept)
  if (ending.length === 0) return 0
  return asSuperseder(tx, () =>
    tx.execute(
      `WITH ending AS (
         DELETE FROM fifo_allocations AS a USING unnest($3::text[], $4::bigint[]) AS e(symbol, kept)
          WHERE a.allocation_version = $1 AND a.symbol = e.symbol AND a.allocation_no > e.kept
         RETURNING a.*
       )
       INSERT INTO fifo_allocations_superseded (${ALL}, superseded_by)
       SELECT ${ALL}, $2::uuid FROM ending`,
      [version, id, ending.map(({ symbol }) => symbol), ending.map(({ kept }) => kept)],
    ),
  )
}

/** Runs as the one role that may end computed rows; raises TIE-1305 when the login may not take it. */
export async function asSuperseder<T>(tx: Tx, work: () => Promise<T>): Promise<T> {
  try {
    return await tx.asSuperseder(work)
  } catch (error) {
    if (!isSqlError(error, '42501')) throw error
    const detail = 'this login is no member of it, so it cannot compute lots.'
    throw new Refusal([problem('TIE-1305', { role: 'tieout_superseder', detail })], { cause: error })
  }
}

export interface StoredAllocation extends AllocationRow {
  readonly allocation_no: number
  readonly batch_id: RunId
}

export interface AllocationFilter {
  readonly version: number
  readonly symbol?: string | undefined
  readonly class?: AllocationClass | undefined
  readonly sell_order_id?: string | undefined
  readonly buy_order_id?: string | undefined
}

/** The place of an allocation in a version. */
export interface AllocationPlace {
  readonly symbol: string
  readonly allocation_no: number
}

type Row = Omit<StoredAllocation, 'allocation_no'> & {
  readonly allocation_no: bigint
  readonly buy_executed_ns: number | null
  readonly sell_executed_ns: number
}

const SHOWN = `a.symbol, a.allocation_no, a.batch_id, ${DATA.map((name) => `a.${name}`).join(', ')}`
const FILTER = `a.allocation_version = $1 AND ($2::text IS NULL OR a.symbol = $2) AND ($3::text IS NULL OR a.class = $3)
  AND ($4::text IS NULL OR a.sell_order_id = $4) AND ($5::text IS NULL OR a.buy_order_id = $5)
  AND ($6::text IS NULL OR (a.symbol, a.allocation_no) > ($6, $7::bigint))`

const filterValues = (filter: AllocationFilter, after: AllocationPlace | undefined): SqlValue[] => [
  filter.version,
  filter.symbol ?? null,
  filter.class ?? null,
  filter.sell_order_id ?? null,
  filter.buy_order_id ?? null,
  after?.symbol ?? null,
  after?.allocation_no ?? null,
]

/** Current rows by symbol (in code point order) and in the order in which they arose; only those after a place. */
export async function listAllocations(
  tx: Tx,
  filter: AllocationFilter,
  after: AllocationPlace | undefined,
  limit: number,
): Promise<StoredAllocation[]> {
  const rows = await tx.rows<Row>(
    `SELECT ${SHOWN} FROM fifo_allocations AS a WHERE ${FILTER} ORDER BY a.symbol, a.allocation_no LIMIT $8`,
    [...filterValues(filter, after), limit],
  )
  return rows.map(allocationOf)
}

/** The same rows as they stood when a computation had ended. */
export async function listAllocationsAsOf(
  tx: Tx,
  filter: AllocationFilter,
  computationNo: number,
  after: AllocationPlace | undefined,
  limit: number,
): Promise<StoredAllocation[]> {
  const rows = await tx.rows<Row>(
    `SELECT ${SHOWN} FROM (
         SELECT ${ALL}, NULL::uuid AS superseded_by FROM fifo_allocations
         UNION ALL
         SELECT ${ALL}, superseded_by FROM fifo_allocations_superseded
       ) AS a
       JOIN fifo_computation_log AS wrote ON wrote.tenant_id = a.tenant_id AND wrote.batch_id = a.batch_id
       LEFT JOIN fifo_computation_log AS ended ON ended.tenant_id = a.tenant_id AND ended.batch_id = a.superseded_by
      WHERE ${FILTER} AND wrote.computation_no <= $8
        AND (ended.computation_no IS NULL OR ended.computation_no > $8)
      ORDER BY a.symbol, a.allocation_no LIMIT $9`,
    [...filterValues(filter, after), computationNo, limit],
  )
  return rows.map(allocationOf)
}

function allocationOf({ allocation_no, buy_executed_ns, sell_executed_ns, ...row }: Row): StoredAllocation {
  return {
    ...row,
    allocation_no: Number(allocation_no),
    buy_executed_at: instantText(row.buy_executed_at, buy_executed_ns),
    sell_executed_at: instantText(row.sell_executed_at, sell_executed_ns)!,
  }
}

export interface AllocationTotals {
  readonly allocations: number
  readonly unmatched: number
  /** Σ pnl of what is matched, decimal text. */
  readonly pnl: string
}

/** Of the current rows of a version. */
export async function countAllocations(tx: Tx, version: number): Promise<AllocationTotals> {
  const [row] = await tx.rows<{ allocations: bigint; unmatched: bigint; pnl: string }>(
    `SELECT count(*) AS allocations, count(*) FILTER (WHERE class = 'unmatched') AS unmatched,
            trim_scale(coalesce(sum(pnl), 0)) AS pnl
       FROM fifo_allocations WHERE allocation_version = $1`,
    [version],
  )
  return { allocations: Number(row!.allocations), unmatched: Number(row!.unmatched), pnl: row!.pnl }
}
