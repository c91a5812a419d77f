/**
 * Registered fact tables: where imported facts live. A table is made by its first import, is append-only and
 * tenant-protected like every other, and is known to its tenant by the name the user gave it. Columns are
 * read from the catalogue, never from a list in code.
 *
 * Raises TIE-1104 (no such table), TIE-2411 (a name that cannot be one).
 */

import { refuse } from '../base/errors.js'
import { didYouMean } from '../base/text.js'
import type { TenantId, Tx } from './books.js'

export type FactColumnType = 'text' | 'numeric' | 'date' | 'boolean'

/** What a column can hold; null: any. */
export interface ColumnLimits {
  readonly type: FactColumnType
  /** Digits of a number. */
  readonly precision: number | null
  /** Digits after the point. */
  readonly scale: number | null
  /** Characters of a text. */
  readonly maxLength: number | null
}

export interface StoredColumn extends ColumnLimits {
  readonly name: string
  readonly notNull: boolean
}

export interface FactTable {
  /** The tenant's name for it. */
  readonly name: string
  /** The table in the database. */
  readonly physical: string
  readonly columns: readonly StoredColumn[]
  /** Built-in tables hold the facts of several use cases, told apart by use_case_id. */
  readonly sharedByUseCases: boolean
}

/** The entries table of the sources: made by the migrations, for every tenant. */
export const PNL_ENTRIES = 'fact_pnl_entries'
/** What the published version of lots earned: a view, so that nothing can be imported into it. */
export const REALIZED_PNL = 'v_fifo_realized_pnl'
/** Entries of the revenue ledger: a view too. */
export const POSTED_REVENUE = 'v_posted_revenue'
const BUILT_IN: readonly string[] = [PNL_ENTRIES, REALIZED_PNL, POSTED_REVENUE]
const DEFAULT_TENANT = '00000000-0000-0000-0000-000000000001'

/** Where `createStaging` puts rows: named with its schema, since a fact table may have any name. */
export const STAGING = 'pg_temp.fact_staging'

/** Columns Tieout adds to every fact table. */
export const SYSTEM_COLUMNS: readonly string[] = ['tenant_id', 'fact_seq', 'import_id', 'import_line']

/** Columns PostgreSQL itself has in every table. */
export const ENGINE_COLUMNS: readonly string[] = ['tableoid', 'cmax', 'xmax', 'cmin', 'xmin', 'ctid']

export const quoteIdentifier = (name: string): string => `"${name.replaceAll('"', '""')}"`

export async function findFactTable(tx: Tx, name: string): Promise<FactTable | undefined> {
  const physical = await physicalName(tx, name)
  if (physical === undefined) return undefined
  const sharedByUseCases = physical === PNL_ENTRIES
  const hidden = sharedByUseCases ? [...SYSTEM_COLUMNS, 'use_case_id'] : SYSTEM_COLUMNS
  const columns = (await storedColumns(tx, physical)).filter((column) => !hidden.includes(column.name))
  return { name, physical, columns, sharedByUseCases }
}

export async function factTable(tx: Tx, name: string): Promise<FactTable> {
  const table = await findFactTable(tx, name)
  if (table !== undefined) return table
  const known = await tx.rows<{ table_name: string }>(
    'SELECT table_name FROM fact_tables ORDER BY table_name',
  )
  const names = [...BUILT_IN, ...known.map((row) => row.table_name)]
  refuse('TIE-1104', { table: name, suggestion: didYouMean(name, names) })
}

async function physicalName(tx: Tx, name: string): Promise<string | undefined> {
  if (BUILT_IN.includes(name)) return name
  const [row] = await tx.rows<{ physical_name: string }>(
    'SELECT physical_name FROM fact_tables WHERE table_name = $1',
    [name],
  )
  return row?.physical_name
}

async function storedColumns(tx: Tx, physical: string): Promise<StoredColumn[]> {
  const rows = await tx.rows<{ name: string; type: string; modifier: number; not_null: boolean }>(
    `SELECT attname AS name, format_type(atttypid, NULL) AS type, atttypmod AS modifier, attnotnull AS not_null
       FROM pg_attribute
      WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped
      ORDER BY attnum`,
    [`public.${quoteIdentifier(physical)}`],
  )
  return rows.map(({ name, type, modifier, not_null }) => ({
    name,
    type: columnType(type),
    ...limitsOf(type, modifier),
    notNull: not_null,
  }))
}

/** The modifier of numeric(p,s) is ((p << 16) | s) + 4, that of varchar(n) is n + 4. */
function limitsOf(type: string, modifier: number): Omit<ColumnLimits, 'type'> {
  const limited = modifier >= 4
  return {
    precision: type === 'numeric' && limited ? (modifier - 4) >> 16 : null,
    scale: type === 'numeric' && limited ? (modifier - 4) & 0xffff : null,
    maxLength: type === 'character varying' && limited ? modifier - 4 : null,
  }
}

function columnType(type: string): FactColumnType {
  if (type === 'numeric' || type === 'integer' || type === 'bigint' || type === 'smallint') return 'numeric'
  return type === 'date' || type === 'boolean' ? type : 'text'
}

export interface NewColumn {
  readonly name: string
  readonly type: FactColumnType
  /** For numeric: `numeric(18,2)`; undefined for numeric of any precision. */
  readonly typeSql?: string
}

/** Makes the table as tieout_owner, protects it and registers it for the tenant. */
export async function createFactTable(
  tx: Tx,
  tenant: TenantId,
  name: string,
  columns: readonly NewColumn[],
): Promise<FactTable> {
  checkTableName(name)
  const physical = tenant === DEFAULT_TENANT ? name : `${name}__${tenant.replaceAll('-', '').slice(-8)}`
  const table = quoteIdentifier(physical)
  const taken = await tx.rows<{ taken: boolean }>('SELECT to_regclass($1) IS NOT NULL AS taken', [
    `public.${table}`,
  ])
  if (taken[0]!.taken)
    refuse('TIE-2411', { table: name, why: 'a table of that name exists that is none of the fact tables' })
  const list = columns.map(
    ({ name: column, type, typeSql }) => `${quoteIdentifier(column)} ${typeSql ?? type}`,
  )
  await tx.asOwner(async () => {
    await tx.execute(`CREATE TABLE public.${table} (
      tenant_id uuid NOT NULL,
      fact_seq bigint GENERATED ALWAYS AS IDENTITY,
      import_id uuid NOT NULL,
      import_line bigint NOT NULL,
      ${list.join(',\n      ')},
      PRIMARY KEY (tenant_id, fact_seq),
      CONSTRAINT facts_come_from_an_import FOREIGN KEY (tenant_id, import_id) REFERENCES fact_imports (tenant_id, import_id)
    )`)
    await tx.execute(`COMMENT ON TABLE public.${table} IS 'tieout fact table'`)
    await tx.execute(`SELECT tieout_protect_tenant('public.${table.replaceAll("'", "''")}')`)
    await tx.execute(`SELECT tieout_append_only('public.${table.replaceAll("'", "''")}')`)
  })
  await tx.execute('INSERT INTO fact_tables (tenant_id, table_name, physical_name) VALUES ($1, $2, $3)', [
    tenant,
    name,
    physical,
  ])
  return (await findFactTable(tx, name))!
}

export function checkTableName(name: string): void {
  if (!/^[a-z_][a-z0-9_]{0,49}$/.test(name))
    refuse('TIE-2411', { table: name, why: 'the name has other characters or is too long' })
}

export interface ImportRecord {
  readonly importId: string
  readonly table: string
  readonly useCaseId: string | undefined
  readonly fileName: string
  readonly fileDigest: string
  readonly rows: number
  readonly importedBy: string
}

/** Rows that an earlier import of the same file put into the table; undefined when there was none. */
export async function earlierImport(
  tx: Tx,
  table: string,
  fileDigest: string,
  useCaseId: string | undefined,
): Promise<number | undefined> {
  const [row] = await tx.rows<{ row_count: bigint }>(
    `SELECT row_count FROM fact_imports
      WHERE table_name = $1 AND file_digest = $2 AND use_case_id IS NOT DISTINCT FROM $3::uuid LIMIT 1`,
    [table, fileDigest, useCaseId ?? null],
  )
  return row === undefined ? undefined : Number(row.row_count)
}

export async function recordImport(tx: Tx, tenant: TenantId, record: ImportRecord): Promise<void> {
  await tx.execute(
    `INSERT INTO fact_imports (tenant_id, import_id, table_name, use_case_id, file_name, file_digest, row_count, imported_by)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [
      tenant,
      record.importId,
      record.table,
      record.useCaseId ?? null,
      record.fileName,
      record.fileDigest,
      record.rows,
      record.importedBy,
    ],
  )
}

/** A temporary table of text columns c1…cn beside the line number, gone at the end of the transaction. */
export async function createStaging(tx: Tx, columns: number): Promise<void> {
  const list = Array.from({ length: columns }, (_, i) => `c${i + 1} text`)
  await tx.execute(`CREATE TEMPORARY TABLE fact_staging (line bigint, ${list.join(', ')}) ON COMMIT DROP`)
}

/** Casts the staged rows into the table in the order of the file; `columns[i]` receives staging column i + 1. Rows inserted. */
export async function insertFromStaging(
  tx: Tx,
  table: FactTable,
  tenant: TenantId,
  importId: string,
  columns: readonly (StoredColumn | undefined)[],
  useCaseId: string | undefined,
): Promise<number> {
  const kept = columns.flatMap((column, i) => (column === undefined ? [] : [{ column, value: `c${i + 1}` }]))
  const names = kept.map(({ column }) => quoteIdentifier(column.name))
  const values = kept.map(({ column, value }) =>
    column.type === 'text' ? value : `${value}::${column.type}`,
  )
  const shared = table.sharedByUseCases
  return tx.execute(
    `INSERT INTO public.${quoteIdentifier(table.physical)}
       (tenant_id, import_id, import_line, ${shared ? 'use_case_id, ' : ''}${names.join(', ')})
     SELECT $1::uuid, $2::uuid, line, ${shared ? '$3::uuid, ' : ''}${values.join(', ')} FROM pg_temp.fact_staging ORDER BY line`,
    shared ? [tenant, importId, useCaseId ?? null] : [tenant, importId],
  )
}

/** One import of a table at a time, so that arrival numbers follow the order in which imports are committed. */
export async function lockFactTable(tx: Tx, name: string): Promise<void> {
  await tx.execute(
    `SELECT pg_advisory_xact_lock(hashtextextended('facts:' || tieout_current_tenant()::text || ':' || $1, 0))`,
    [name],
  )
}

/** The tenant's fact tables with their rows and imports. */
export function listFactTables(tx: Tx): Promise<{ table: string; rows: number; imports: number }[]> {
  return tx
    .rows<{ table: string; rows: bigint; imports: bigint }>(
      `SELECT t.table_name AS table, coalesce(sum(i.row_count), 0)::bigint AS rows, count(i.import_id) AS imports
         FROM (SELECT table_name FROM fact_tables UNION SELECT $1) AS t
         LEFT JOIN fact_imports AS i ON i.table_name = t.table_name
        GROUP BY t.table_name ORDER BY t.table_name COLLATE "C"`,
      [PNL_ENTRIES],
    )
    .then((rows) =>
      rows.map(({ table, rows: count, imports }) => ({
        table,
        rows: Number(count),
        imports: Number(imports),
      })),
    )
}
