/**
 * The SQL of an import: rows are copied into a temporary table and taken over, chunk by chunk; those that cannot be
 * taken over as they come are held until the whole file is known. Everything here runs in the one transaction of an
 * import. Raises nothing of its own.
 */

import type { Instant } from '../../base/dates.js'
import type { SqlValue, TenantId, Tx } from '../../books/books.js'
import type { FactKind, ImportKind } from '../fact-kinds.js'

/** Where a chunk of the rows of a file is put first. */
export const STAGING = 'pg_temp.trade_staging'
/** Rows that wait for the end of the file: corrections, and what is there already with other content. */
export const HELD = 'pg_temp.held_trades'

/** Facts whose arrival is numbered together, so that one number says what a computation has seen. */
const NUMBERED = ['trade_records', 'lot_splits', 'lot_transfers', 'balance_anchors']

/** One import of the tenant at a time, so that arrival numbers follow the order in which imports are committed. */
export async function lockImports(tx: Tx): Promise<void> {
  await tx.execute(
    `SELECT pg_advisory_xact_lock(hashtextextended('trades:' || tieout_current_tenant()::text, 0))`,
  )
}

/** The arrival number of the newest fact; 0 before the first. */
export async function newestArrival(tx: Tx): Promise<bigint> {
  const newest = NUMBERED.map((table) => `SELECT max(trade_seq) AS seq FROM ${table}`)
  const [row] = await tx.rows<{ seq: bigint }>(
    `SELECT coalesce(max(seq), 0) AS seq FROM (${newest.join(' UNION ALL ')}) AS newest`,
  )
  return row!.seq
}

/** `row_no` counts the rows staged, `line` is where each begins in the file. */
export async function createStaging(tx: Tx, { fields }: FactKind): Promise<void> {
  const columns = fields.map(({ name, type }) => `${name} ${type}`)
  for (const table of ['trade_staging', 'held_trades']) {
    await tx.execute(
      `CREATE TEMPORARY TABLE ${table} (row_no bigint, line bigint, ${columns.join(', ')}, payload text, row_digest text)
       ON COMMIT DROP`,
    )
  }
}

export interface ImportRecord {
  readonly importId: string
  readonly kind: ImportKind
  readonly fileName: string
  readonly fileDigest: string
  readonly header: readonly string[] | null
  readonly rows: number
  readonly importedAt: Instant
  readonly importedBy: string
}

export async function recordImport(tx: Tx, tenant: TenantId, record: ImportRecord): Promise<void> {
  await tx.execute(
    `INSERT INTO trade_imports (tenant_id, import_id, kind, file_name, file_digest, header, row_count, imported_at, imported_by)
     VALUES ($1, $2, $3, $4, $5, $6::text[], $7, $8, $9)`,
    [
      tenant,
      record.importId,
      record.kind,
      record.fileName,
      record.fileDigest,
      record.header,
      record.rows,
      record.importedAt,
      record.importedBy,
    ],
  )
}

export interface Target {
  /** The physical table. */
  readonly table: string
  /** Added to `row_no`; null: the table numbers no arrivals. */
  readonly after: bigint | null
}

const replaces = ({ fields }: FactKind): boolean => fields.some(({ name }) => name === 'replaces')

/** Takes over the staged rows whose id is not there yet, but no corrections. Rows that are new. */
export const insertNew = (
  tx: Tx,
  tenant: TenantId,
  importId: string,
  kind: FactKind,
  target: Target,
): Promise<number> =>
  insertFrom(
    tx,
    tenant,
    importId,
    kind,
    target,
    `${STAGING}${replaces(kind) ? ' WHERE replaces IS NULL' : ''}`,
  )

/** The same of the rows that were held, with corrections; without an import, of rows that no file brought. */
export const insertHeld = (
  tx: Tx,
  tenant: TenantId,
  importId: string | null,
  kind: FactKind,
  target: Target,
): Promise<number> => insertFrom(tx, tenant, importId, kind, target, HELD)

function insertFrom(
  tx: Tx,
  tenant: TenantId,
  importId: string | null,
  { fields }: FactKind,
  { table, after }: Target,
  from: string,
): Promise<number> {
  const names = fields.map(({ name }) => name).join(', ')
  const params: SqlValue[] = [tenant, importId]
  if (after !== null) params.push(after)
  return tx.execute(
    `INSERT INTO ${table} (tenant_id, import_id, import_line, ${after === null ? '' : 'trade_seq, '}${names}, payload, row_digest)
     SELECT $1::uuid, $2::uuid, line, ${after === null ? '' : '$3::bigint + row_no, '}${names}, payload, row_digest
       FROM ${from}
     ON CONFLICT (tenant_id, ${fields[0]!.name}) DO NOTHING`,
    params,
  )
}

/** Holds the staged rows that are not there with the same content. How many. */
export function holdOthers(tx: Tx, { fields }: FactKind, { table }: Target): Promise<number> {
  const id = fields[0]!.name
  return tx.execute(
    `INSERT INTO ${HELD} SELECT s.* FROM ${STAGING} AS s LEFT JOIN ${table} AS t ON t.${id} = s.${id}
      WHERE t.row_digest IS DISTINCT FROM s.row_digest`,
  )
}

export interface Conflict {
  readonly line: number | null
  readonly id: string
  /** Where the other row came from; null: an earlier line of the same file. */
  readonly file: string | null
  /** Null: no file brought it. */
  readonly otherLine: number | null
  readonly differences: readonly {
    readonly column: string
    readonly there: string | null
    readonly here: string | null
  }[]
}

interface ConflictRow {
  readonly line: bigint | null
  readonly id: string
  readonly file: string | null
  readonly other_line: bigint | null
  readonly differences: readonly (readonly [string, string | null, string | null] | null)[]
}

const conflictOf = ({ line, id, file, other_line, differences }: ConflictRow): Conflict => ({
  line: line === null ? null : Number(line),
  id,
  file,
  otherLine: other_line === null ? null : Number(other_line),
  differences: differences.flatMap((one) =>
    one === null ? [] : [{ column: one[0], there: one[1], here: one[2] }],
  ),
})

/** Which of the fields differ between the held row `s` and the other row `t`, as JSON. */
function differing({ fields }: FactKind): string {
  const each = fields
    .slice(1)
    .map(
      ({ name }) =>
        `CASE WHEN s.${name} IS DISTINCT FROM t.${name} THEN ARRAY['${name}', t.${name}::text, s.${name}::text] END`,
    )
  return `jsonb_build_array(${each.join(', ')})`
}

/** Held rows whose id the table has with other content; `limit` at most, in the order of the file. */
export async function conflictsWithBooks(
  tx: Tx,
  kind: FactKind,
  table: string,
  importId: string | null,
  limit: number,
): Promise<readonly Conflict[]> {
  const id = kind.fields[0]!.name
  const rows = await tx.rows<ConflictRow>(
    `SELECT s.line, s.${id} AS id, CASE WHEN t.import_id = $1::uuid THEN NULL ELSE coalesce(i.file_name, 'the trades') END AS file,
            t.import_line AS other_line, ${differing(kind)} AS differences
       FROM ${HELD} AS s
       JOIN ${table} AS t ON t.${id} = s.${id} AND t.row_digest <> s.row_digest
       LEFT JOIN trade_imports AS i ON i.import_id = t.import_id
      ORDER BY s.row_no LIMIT ${limit}`,
    [importId],
  )
  return rows.map(conflictOf)
}

/** Held rows whose id stands earlier in the file, and not in the table, with other content. */
export async function conflictsInFile(
  tx: Tx,
  kind: FactKind,
  table: string,
  limit: number,
): Promise<readonly Conflict[]> {
  const id = kind.fields[0]!.name
  const rows = await tx.rows<ConflictRow>(
    `SELECT s.line, s.${id} AS id, NULL AS file, t.line AS other_line, ${differing(kind)} AS differences
       FROM (SELECT ${id}, min(row_no) AS row_no FROM ${HELD} GROUP BY ${id} HAVING count(*) > 1) AS twice
       JOIN ${HELD} AS t ON t.${id} = twice.${id} AND t.row_no = twice.row_no
       JOIN ${HELD} AS s ON s.${id} = t.${id} AND s.row_digest <> t.row_digest
      WHERE NOT EXISTS (SELECT FROM ${table} AS there WHERE there.${id} = s.${id})
      ORDER BY s.row_no LIMIT ${limit}`,
  )
  return rows.map(conflictOf)
}

/** An index and statistics, without which every row would be looked up by reading all of them. */
export async function prepareLookups(tx: Tx, kind: FactKind): Promise<void> {
  await tx.execute(`CREATE INDEX ON ${HELD} (${kind.fields[0]!.name})`)
  if (replaces(kind)) {
    await tx.execute(`CREATE INDEX ON ${HELD} (replaces) WHERE replaces IS NOT NULL`)
  }
  await tx.execute(`ANALYZE ${HELD}`)
}

/** Held corrections that name a row which neither the books nor the file have. */
export function replacesNothing(
  tx: Tx,
  limit: number,
): Promise<{ line: bigint; order_id: string; replaces: string }[]> {
  return tx.rows(
    `SELECT s.line, s.order_id, s.replaces FROM ${HELD} AS s
      WHERE s.replaces IS NOT NULL
        AND NOT EXISTS (SELECT FROM trade_records AS t WHERE t.order_id = s.replaces)
        AND NOT EXISTS (SELECT FROM ${HELD} AS o WHERE o.order_id = s.replaces)
      ORDER BY s.row_no LIMIT ${limit}`,
  )
}

/** Held corrections of a row that another one corrects already, in the books or earlier in the file. */
export function replacesTwice(
  tx: Tx,
  limit: number,
): Promise<{ line: bigint; order_id: string; replaces: string; first: string }[]> {
  return tx.rows(
    `SELECT s.line, s.order_id, s.replaces, f.order_id AS first FROM ${HELD} AS s
       JOIN LATERAL (
         SELECT * FROM (
           SELECT t.order_id, 0 AS row_no FROM trade_records AS t WHERE t.replaces = s.replaces
           UNION ALL
           SELECT o.order_id, o.row_no FROM ${HELD} AS o
            WHERE o.replaces = s.replaces AND o.row_no < s.row_no
         ) AS earlier ORDER BY row_no LIMIT 1
       ) AS f ON f.order_id <> s.order_id
      WHERE s.replaces IS NOT NULL
      ORDER BY s.row_no LIMIT ${limit}`,
  )
}

/** Held corrections of held rows: only these can go round in a circle, for what is there names what was there. */
export async function heldCorrections(
  tx: Tx,
): Promise<ReadonlyMap<string, { readonly line: number; readonly replaces: string }>> {
  const rows = await tx.rows<{ line: bigint; order_id: string; replaces: string }>(
    `SELECT DISTINCT ON (s.order_id) s.line, s.order_id, s.replaces FROM ${HELD} AS s
      WHERE s.replaces IS NOT NULL AND EXISTS (SELECT FROM ${HELD} AS o WHERE o.order_id = s.replaces)
      ORDER BY s.order_id, s.row_no`,
  )
  return new Map(rows.map(({ line, order_id, replaces }) => [order_id, { line: Number(line), replaces }]))
}
