/**
 * Snapshots of what an older system had computed: tables historical_pnl_snapshot_YYYYMMDD, which every tenant
 * shares and which `migrate down` keeps. Made by their first import. Raises TIE-3160 for what is no date.
 */

import { type IsoDate, parseDate } from '../../base/dates.js'
import { refuse } from '../../base/errors.js'
import type { Tx } from '../../books/books.js'

const PREFIX = 'historical_pnl_snapshot_'
/** Marks the tables, so that they are found again, also by the migrations. */
const COMMENT = 'tieout historical P&L snapshot'

export interface HistoricalRow {
  readonly order_id: string
  readonly symbol: string | null
  /** The buy that the older system had matched the sell with. */
  readonly parent_id: string | null
  readonly pnl_usd: string | null
}

/** Raises TIE-3160. */
export const snapshotDate = (text: string): IsoDate => parseDate(text) ?? refuse('TIE-3160', { value: text })

export const snapshotTable = (date: IsoDate): string => `${PREFIX}${date.replaceAll('-', '')}`

/** Makes the table of the date if there is none. */
export async function ensureSnapshot(tx: Tx, date: IsoDate): Promise<string> {
  const table = snapshotTable(date)
  await tx.rows(`SELECT pg_advisory_xact_lock(hashtextextended('historical_pnl', 0))`)
  const [found] = await tx.rows<{ there: boolean }>('SELECT to_regclass($1) IS NOT NULL AS there', [
    `public.${table}`,
  ])
  if (found!.there) return table
  await tx.asOwner(async () => {
    await tx.execute(`CREATE TABLE public.${table} (
      tenant_id uuid NOT NULL REFERENCES tenants (tenant_id),
      -- Null: taken from trade_records.
      import_id uuid,
      import_line bigint,
      order_id text NOT NULL,
      symbol text,
      parent_id text,
      pnl_usd numeric,
      payload text,
      row_digest text NOT NULL,
      PRIMARY KEY (tenant_id, order_id),
      FOREIGN KEY (tenant_id, import_id) REFERENCES trade_imports (tenant_id, import_id)
        DEFERRABLE INITIALLY DEFERRED,
      CONSTRAINT historical_pnl_is_finite CHECK (pnl_usd > '-Infinity' AND pnl_usd < 'Infinity')
    )`)
    await tx.execute(`COMMENT ON TABLE public.${table} IS '${COMMENT}'`)
    await tx.execute(`SELECT tieout_protect_tenant('public.${table}')`)
    await tx.execute(`SELECT tieout_append_only('public.${table}')`)
  })
  return table
}

/** Dates of the snapshots that have rows of this tenant, newest first. */
export async function snapshotDates(tx: Tx): Promise<readonly IsoDate[]> {
  const tables = await tx.rows<{ name: string }>(
    `SELECT c.relname AS name FROM pg_class AS c
      WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND obj_description(c.oid, 'pg_class') = $1
      ORDER BY c.relname COLLATE "C" DESC`,
    [COMMENT],
  )
  const dates: IsoDate[] = []
  for (const { name } of tables) {
    const date = parseDate(name.slice(PREFIX.length).replace(/^(\d{4})(\d{2})(\d{2})$/, '$1-$2-$3'))
    if (date === undefined) continue
    const [row] = await tx.rows<{ some: boolean }>(
      `SELECT EXISTS (SELECT FROM ${snapshotTable(date)}) AS some`,
    )
    if (row!.some) dates.push(date)
  }
  return dates
}

/** All rows of a snapshot, by order id. */
export function loadSnapshot(tx: Tx, date: IsoDate): Promise<HistoricalRow[]> {
  return tx.rows(
    `SELECT order_id, symbol, parent_id, pnl_usd FROM ${snapshotTable(date)} ORDER BY order_id COLLATE "C"`,
  )
}

/** What the trades themselves say of an older system: sells that name a parent or a P&L. */
export function historicalRowsOfTrades(tx: Tx): Promise<HistoricalRow[]> {
  return tx.rows(
    `SELECT order_id, symbol, parent_id, pnl_usd FROM trade_records
      WHERE side = 'sell' AND (parent_id IS NOT NULL OR pnl_usd IS NOT NULL) ORDER BY trade_seq`,
  )
}
