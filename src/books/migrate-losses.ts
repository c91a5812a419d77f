/**
 * What taking migrations back removes, told before it is done: rows by table, counted. Tables are those that the way back
 * drops by name and no migration keeps aside; with the tenants everything goes. Raises nothing of its own.
 */

import { asOwner, type Migration } from './migrate.js'
import type { Session } from './transaction.js'

export interface LostRows {
  readonly table: string
  readonly rows: number
}

/** Of the migrations of `undone`, which `migrateDown` takes back as far as `to`; tables without rows are left out. */
export async function rowsThatGo(
  session: Session,
  undone: readonly Migration[],
  to: string,
): Promise<readonly LostRows[]> {
  if (undone.length === 0) return []
  const named = undone.flatMap(droppedTables)
  const isKept = (table: string): boolean => undone.some(({ keep }) => keep?.includes(`'${table}'`) === true)
  const lost = new Map<string, number>()
  await asOwner(session, async () => {
    const there = await session.rows<{ name: string }>(
      `SELECT c.relname::text AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' ORDER BY c.relname COLLATE "C"`,
    )
    const tables = there
      .map(({ name }) => name)
      .filter((name) => to === 'none' || (named.includes(name) && !isKept(name)))
    if (tables.length === 0) return
    // Row security binds the owner too: rows are counted tenant by tenant.
    const counts = tables.map(
      (table) =>
        `SELECT '${table}' AS name, count(*) AS n FROM "${table}" WHERE tenant_id = tieout_current_tenant()`,
    )
    for (const { tenant } of await session.rows<{ tenant: string }>(
      'SELECT tenant_id AS tenant FROM tenants',
    )) {
      await session.rows(`SELECT set_config('app.current_tenant_id', $1, true)`, [tenant])
      const rows = await session.rows<{ name: string; n: bigint }>(counts.join(' UNION ALL '))
      for (const { name, n } of rows) lost.set(name, (lost.get(name) ?? 0) + Number(n))
    }
  })
  return [...lost].flatMap(([table, rows]) => (rows === 0 ? [] : [{ table, rows }]))
}

const droppedTables = ({ down }: Migration): string[] =>
  [...down.matchAll(/^DROP TABLE (?:IF EXISTS )?([^;]+);/gm)].flatMap(([, names]) =>
    names!.split(',').map((name) => name.trim()),
  )
