/**
 * Versions of allocations: what each is computed with, which one is published, and the lock of a computation.
 * Raises TIE-3154 (no such version), TIE-3155 (of another configuration), TIE-3156 (being computed), TIE-3157 (not
 * to be published).
 */

import type { Instant } from '../../base/dates.js'
import type { Digest } from '../../base/digest.js'
import { refuse } from '../../base/errors.js'
import type { Books, TenantId, Tx } from '../../books/books.js'
import type { JsonObject, RunId } from '../../books/runs.js'

export interface LotVersion {
  readonly allocation_version: number
  /** As written by its author, with the defaults filled in. */
  readonly config: JsonObject
  readonly config_digest: Digest
  readonly created_at: string
  readonly created_by: string
}

const COLUMNS = 'allocation_version, config, config_digest, created_at, created_by'

export async function findVersion(tx: Tx, version: number): Promise<LotVersion | undefined> {
  const [row] = await tx.rows<LotVersion>(
    `SELECT ${COLUMNS} FROM lot_versions WHERE allocation_version = $1`,
    [version],
  )
  return row
}

/** Raises TIE-3154. */
export async function loadVersion(tx: Tx, version: number): Promise<LotVersion> {
  const found = await findVersion(tx, version)
  if (found !== undefined) return found
  const known = (await listVersions(tx)).map(({ allocation_version }) => allocation_version)
  const suggestion = known.length === 0 ? '' : `Known: ${known.join(', ')}.`
  refuse('TIE-3154', { version, suggestion })
}

export function listVersions(tx: Tx): Promise<LotVersion[]> {
  return tx.rows(`SELECT ${COLUMNS} FROM lot_versions ORDER BY allocation_version`)
}

/** The version, made when it is new. Raises TIE-3155 when it is there with another configuration. */
export async function ensureVersion(
  tx: Tx,
  tenant: TenantId,
  wanted: Omit<LotVersion, 'created_at'> & { readonly created_at: Instant },
): Promise<LotVersion> {
  const { allocation_version, config, config_digest, created_at, created_by } = wanted
  await tx.execute(
    `INSERT INTO lot_versions (tenant_id, allocation_version, config, config_digest, created_at, created_by)
     VALUES ($1, $2, $3::jsonb, $4, $5, $6) ON CONFLICT DO NOTHING`,
    [tenant, allocation_version, JSON.stringify(config), config_digest, created_at, created_by],
  )
  const found = await loadVersion(tx, allocation_version)
  if (found.config_digest === config_digest) return found
  const differences = configDifferences(found.config, config)
  refuse('TIE-3155', { version: allocation_version, differences })
}

/** `method fifo there, lifo here`. */
function configDifferences(there: JsonObject, here: JsonObject): string {
  const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value ?? null))
  const names = [...new Set([...Object.keys(there), ...Object.keys(here)])].sort()
  const differing = names.filter((name) => canonical(there[name]) !== canonical(here[name]))
  return differing.length === 0
    ? 'made by another engine'
    : differing.map((name) => `${name} ${text(there[name])} there, ${text(here[name])} here`).join('; ')
}

/** The database orders the members of an object in its own way. */
const canonical = (value: unknown): string =>
  JSON.stringify(value ?? null, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )

/** Runs `work` as the only computation of the version, in whatever process; raises TIE-3156 when there is another. */
export async function whileComputing<T>(
  books: Books,
  tenant: TenantId,
  version: number,
  work: () => Promise<T>,
): Promise<T> {
  const done = await books.whileHolding(`lots:${tenant}:${version}`, async () => ({ value: await work() }))
  if (done === undefined) refuse('TIE-3156', { version })
  return done.value
}

export interface Publication {
  readonly publication_no: number
  readonly allocation_version: number
  /** The computation that stood when the version was published. */
  readonly batch_id: RunId
  readonly result_digest: Digest
  readonly published_at: string
  readonly published_by: string
  readonly note: string | null
}

const PUBLICATION =
  'publication_no, allocation_version, batch_id, result_digest, published_at, published_by, note'

/** The newest publication; undefined before the first. */
export async function published(tx: Tx): Promise<Publication | undefined> {
  const [row] = await tx.rows<Publication>(
    `SELECT ${PUBLICATION} FROM lot_publications ORDER BY publication_no DESC LIMIT 1`,
  )
  return row
}

/** Newest first. */
export function publications(tx: Tx, limit = 1000): Promise<Publication[]> {
  return tx.rows(`SELECT ${PUBLICATION} FROM lot_publications ORDER BY publication_no DESC LIMIT $1`, [limit])
}

export interface NewPublication {
  readonly allocation_version: number
  readonly published_at: Instant
  readonly published_by: string
  readonly note?: string | undefined
}

/**
 * Points to the version from now on: one row, so readers see the one or the other. Publishing an earlier version
 * again is going back to it. Raises TIE-3154, TIE-3157.
 */
export async function publish(tx: Tx, tenant: TenantId, given: NewPublication): Promise<Publication> {
  const version = given.allocation_version
  await loadVersion(tx, version)
  // Publications take turns, so that their numbers are those of the order in which they are committed.
  await tx.execute(`SELECT pg_advisory_xact_lock(hashtextextended('lots:publish:' || $1::text, 0))`, [tenant])
  const [newest] = await tx.rows<{ batch_id: RunId; result_digest: Digest }>(
    `SELECT batch_id, result_digest FROM fifo_computation_log
      WHERE allocation_version = $1 AND status IN ('completed', 'partial') ORDER BY computation_no DESC LIMIT 1`,
    [version],
  )
  if (newest === undefined) refuse('TIE-3157', { version, why: 'no computation of it has completed' })
  const [row] = await tx.rows<Publication>(
    `INSERT INTO lot_publications (tenant_id, publication_no, allocation_version, batch_id, result_digest, published_at, published_by, note)
     SELECT $1::uuid, coalesce(max(publication_no), 0) + 1, $2::integer, $3::uuid, $4::text, $5::timestamptz, $6::text, $7::text
       FROM lot_publications
     RETURNING ${PUBLICATION}`,
    [
      tenant,
      version,
      newest.batch_id,
      newest.result_digest,
      given.published_at,
      given.published_by,
      given.note ?? null,
    ],
  )
  return row!
}
