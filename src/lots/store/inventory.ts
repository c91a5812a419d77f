/**
 * Points of a computation: the open lots of a symbol behind some fact, and all that is needed to go on from there.
 * A version has several of each symbol, so that a late trade rewinds only to the nearest one before it; the
 * newest has the lots that are open now. Raises TIE-1305 when the login may not take the role that supersedes.
 */

import type { Digest } from '../../base/digest.js'
import type { SqlValue, TenantId, Tx } from '../../books/books.js'
import { copyRows } from '../../books/copy-rows.js'
import { insertInChunks } from '../../books/insert-in-chunks.js'
import type { RunId } from '../../books/runs.js'
import type { OpenLot, SymbolState } from '../allocation.js'
import { compareOrder, type OrderKey } from '../order.js'
import { asSuperseder, type Batch } from './allocations.js'

/** Where a symbol stood, without its lots. */
export interface Point {
  readonly symbol: string
  readonly point_no: number
  readonly batch_id: RunId
  /** The last fact taken in; null before the first. */
  readonly through: OrderKey | null
  /** Number of arrival of the newest fact that its computation had seen. */
  readonly trades_through: bigint
  /** Rows of the symbol up to here. */
  readonly allocations: number
  readonly open_lots: number
  /** Of all allocations and open lots up to here; of the newest point always. */
  readonly digest: Digest | null
}

export interface NewPoint {
  readonly state: SymbolState
  readonly digest: Digest | null
}

export interface WrittenPoints {
  readonly symbol: string
  /** Number of the last point that stays; those behind it end. 0: all of them do. */
  readonly kept: number
  /** In the order of facts. The last is where the symbol stands now. */
  readonly points: readonly NewPoint[]
}

const LOT_FIELDS = [
  'pool',
  'order_id',
  'account',
  'strategy',
  'bracket',
  'side',
  'original_size',
  'remaining_size',
  'remaining_gross',
  'remaining_fee',
  'remaining_cost',
  'price',
  'original_cost',
  'opened_at',
  'opened_in',
  'gross_places',
  'fee_places',
  'even',
] as const satisfies readonly (keyof OpenLot)[]

export async function savePoints(
  tx: Tx,
  tenant: TenantId,
  batch: Batch,
  tradesThrough: bigint,
  symbols: readonly WrittenPoints[],
): Promise<void> {
  await endPoints(tx, batch.version, symbols)
  await tx.execute('DROP TABLE IF EXISTS pg_temp.point_staging, pg_temp.lot_staging')
  await tx.execute(
    `CREATE TEMPORARY TABLE point_staging ON COMMIT DROP AS
     SELECT symbol, point_no, through_at, through_rank, through_sequence, through_id, allocations, open_lots, splits,
            chain, pending, digest
       FROM fifo_inventory_points WITH NO DATA`,
  )
  await tx.execute(
    `CREATE TEMPORARY TABLE lot_staging ON COMMIT DROP AS
     SELECT symbol, point_no, position, part, ${LOT_FIELDS.join(', ')} FROM fifo_inventory_snapshot WITH NO DATA`,
  )
  await insertInChunks(tx, 'pg_temp.point_staging', copyRows(pointRows(symbols)), () =>
    tx.execute(
      `INSERT INTO fifo_inventory_points (tenant_id, allocation_version, batch_id, trades_through, symbol, point_no,
         through_at, through_rank, through_sequence, through_id, allocations, open_lots, splits, chain, pending, digest)
       SELECT $1::uuid, $2::integer, $3::uuid, $4::bigint, p.* FROM pg_temp.point_staging AS p`,
      [tenant, batch.version, batch.id, tradesThrough],
    ),
  )
  await insertInChunks(tx, 'pg_temp.lot_staging', copyRows(lotRows(symbols)), () =>
    tx.execute(
      `INSERT INTO fifo_inventory_snapshot (tenant_id, allocation_version, symbol, point_no, position, part, ${LOT_FIELDS.join(', ')})
       SELECT $1::uuid, $2::integer, l.* FROM pg_temp.lot_staging AS l`,
      [tenant, batch.version],
    ),
  )
}

/** Lots by the points that they are of, so that the index finds them. */
async function endPoints(tx: Tx, version: number, symbols: readonly WrittenPoints[]): Promise<void> {
  const params = [version, symbols.map(({ symbol }) => symbol), symbols.map(({ kept }) => kept)]
  const ending = `SELECT p.symbol, p.point_no FROM fifo_inventory_points AS p
    JOIN unnest($2::text[], $3::integer[]) AS e(symbol, kept) ON p.symbol = e.symbol AND p.point_no > e.kept
   WHERE p.allocation_version = $1`
  await asSuperseder(tx, async () => {
    for (const table of ['fifo_inventory_snapshot', 'fifo_inventory_points']) {
      await tx.execute(
        `DELETE FROM ${table} AS d USING (${ending}) AS e
          WHERE d.allocation_version = $1 AND d.symbol = e.symbol AND d.point_no = e.point_no`,
        params,
      )
    }
  })
}

function* pointRows(symbols: readonly WrittenPoints[]): Generator<readonly SqlValue[]> {
  for (const { symbol, kept, points } of symbols) {
    for (const [i, { state, digest }] of points.entries()) {
      const { through, lots, splits, chain, pending, allocations } = state
      const place = [
        through?.at ?? null,
        through?.rank ?? null,
        through?.venue_sequence ?? null,
        through?.id ?? null,
      ]
      const rest = [allocations, lots.length, JSON.stringify(splits), chain, pending, digest]
      yield [symbol, kept + i + 1, ...place, ...rest]
    }
  }
}

function* lotRows(symbols: readonly WrittenPoints[]): Generator<readonly SqlValue[]> {
  for (const { symbol, kept, points } of symbols) {
    for (const [i, { state }] of points.entries()) {
      let part = 0
      let position = -1
      for (const lot of state.lots) {
        part = lot.position === position ? part + 1 : 0
        position = lot.position
        yield [symbol, kept + i + 1, position, part, ...LOT_FIELDS.map((name) => lot[name])]
      }
    }
  }
}

interface PointRow {
  readonly symbol: string
  readonly point_no: number
  readonly batch_id: RunId
  readonly through_at: string | null
  readonly through_rank: number | null
  readonly through_sequence: string | null
  readonly through_id: string | null
  readonly trades_through: bigint
  readonly allocations: bigint
  readonly open_lots: number
  readonly digest: Digest | null
}

const POINT = `p.symbol, p.point_no, p.batch_id, p.through_at, p.through_rank, p.through_sequence, p.through_id,
  p.trades_through, p.allocations, p.open_lots, p.digest`

const pointOf = (row: PointRow): Point => ({
  symbol: row.symbol,
  point_no: row.point_no,
  batch_id: row.batch_id,
  through:
    row.through_at === null
      ? null
      : {
          at: row.through_at,
          rank: row.through_rank!,
          venue_sequence: row.through_sequence,
          id: row.through_id!,
        },
  trades_through: row.trades_through,
  allocations: Number(row.allocations),
  open_lots: row.open_lots,
  digest: row.digest,
})

/** Where every symbol of the version stands, by name. */
export async function newestPoints(tx: Tx, version: number): Promise<Point[]> {
  const rows = await tx.rows<PointRow>(
    `SELECT DISTINCT ON (p.symbol) ${POINT} FROM fifo_inventory_points AS p
      WHERE p.allocation_version = $1 ORDER BY p.symbol, p.point_no DESC`,
    [version],
  )
  return rows.map(pointOf)
}

/** The last point of each symbol that stands before `at`, an instant; a symbol without one begins anew. */
export async function pointsBefore(
  tx: Tx,
  version: number,
  symbols: readonly { readonly symbol: string; readonly from: string }[],
): Promise<Point[]> {
  const rows = await tx.rows<PointRow>(
    `SELECT DISTINCT ON (p.symbol) ${POINT}
       FROM fifo_inventory_points AS p
       JOIN unnest($2::text[], $3::text[]) AS w(symbol, at) ON w.symbol = p.symbol
      WHERE p.allocation_version = $1 AND p.through_at COLLATE "C" < w.at
      ORDER BY p.symbol, p.point_no DESC`,
    [version, symbols.map(({ symbol }) => symbol), symbols.map(({ from }) => from)],
  )
  return rows.map(pointOf)
}

/** The points of one symbol in the order of facts; only those before a fact where one is given. */
export async function pointsOf(tx: Tx, version: number, symbol: string, before?: OrderKey): Promise<Point[]> {
  const rows = await tx.rows<PointRow>(
    `SELECT ${POINT} FROM fifo_inventory_points AS p
      WHERE p.allocation_version = $1 AND p.symbol = $2 ORDER BY p.point_no`,
    [version, symbol],
  )
  return rows
    .map(pointOf)
    .filter(({ through }) => before === undefined || through === null || compareOrder(through, before) < 0)
}

/** What the engine goes on from at each of the points, by symbol. */
export async function loadStates(
  tx: Tx,
  version: number,
  points: readonly Pick<Point, 'symbol' | 'point_no'>[],
): Promise<ReadonlyMap<string, SymbolState>> {
  const params = [version, points.map(({ symbol }) => symbol), points.map(({ point_no }) => point_no)]
  const wanted = 'JOIN unnest($2::text[], $3::integer[]) AS w(symbol, point_no) USING (symbol, point_no)'
  const heads = await tx.rows<
    PointRow & { readonly splits: SymbolState['splits']; readonly chain: string; readonly pending: string }
  >(
    `SELECT ${POINT}, p.splits, p.chain, p.pending FROM fifo_inventory_points AS p ${wanted} WHERE p.allocation_version = $1`,
    params,
  )
  const lots = await tx.rows<OpenLot>(
    `SELECT symbol, position, ${LOT_FIELDS.join(', ')} FROM fifo_inventory_snapshot AS l ${wanted}
      WHERE l.allocation_version = $1 ORDER BY symbol, position, part`,
    params,
  )
  const bySymbol = new Map<string, OpenLot[]>()
  for (const lot of lots) {
    const known = bySymbol.get(lot.symbol)
    if (known === undefined) bySymbol.set(lot.symbol, [lot])
    else known.push(lot)
  }
  return new Map(
    heads.map((head) => {
      const { symbol, through, allocations } = pointOf(head)
      const { splits, chain, pending } = head
      return [
        symbol,
        { symbol, through, lots: bySymbol.get(symbol) ?? [], splits, chain, pending, allocations },
      ]
    }),
  )
}

/** The place of an open lot in a version. */
export interface LotPlace {
  readonly symbol: string
  readonly position: number
  readonly part: number
}

export interface ListedLot extends OpenLot {
  readonly part: number
}

/** Lots that are open now, by symbol and time of opening; only those after a place. */
export function listOpenLots(
  tx: Tx,
  filter: {
    readonly version: number
    readonly symbol?: string | undefined
    readonly account?: string | undefined
  },
  after: LotPlace | undefined,
  limit: number,
): Promise<ListedLot[]> {
  return tx.rows(
    `SELECT l.symbol, l.position, l.part, ${LOT_FIELDS.map((name) => `l.${name}`).join(', ')}
       FROM fifo_inventory_snapshot AS l
       JOIN v_allocation_progress AS p USING (tenant_id, allocation_version, symbol, point_no)
      WHERE l.allocation_version = $1 AND ($2::text IS NULL OR l.symbol = $2) AND ($3::text IS NULL OR l.account = $3)
        AND ($4::text IS NULL OR (l.symbol, l.position, l.part) > ($4, $5::integer, $6::integer))
      ORDER BY l.symbol, l.position, l.part LIMIT $7`,
    [
      filter.version,
      filter.symbol ?? null,
      filter.account ?? null,
      after?.symbol ?? null,
      after?.position ?? null,
      after?.part ?? null,
      limit,
    ],
  )
}
