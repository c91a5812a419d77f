/**
 * API keys: `tieout_<id>_<secret>`, shown once, kept as the hash of the secret. A key belongs to a tenant and has a
 * role; it expires and can be revoked, and never changes otherwise. Raises TIE-1002 (a name or a number of days that
 * cannot be), TIE-1405 (a credential that does not hold), TIE-1411 (no such key).
 */

import { createHash, timingSafeEqual } from 'node:crypto'
import type { Instant } from '../base/dates.js'
import { refuse } from '../base/errors.js'
import type { Books, TenantId } from './books.js'
import type { Role } from './operation.js'
import { DEFAULT_TENANT } from './tenants.js'

export const ROLES: readonly Role[] = ['reader', 'preparer', 'approver', 'admin']

export interface ApiKey {
  readonly key_id: string
  readonly name: string
  readonly role: Role
  readonly created_at: Instant
  readonly created_by: string
  readonly expires_at: Instant | null
  readonly revoked_at: Instant | null
}

export interface NewApiKey {
  /** 16 hexadecimal digits. */
  readonly key_id: string
  /** 32 random bytes in base64url. */
  readonly secret: string
  readonly name: string
  readonly role: Role
  readonly created_at: Instant
  readonly created_by: string
  readonly expires_at: Instant | null
}

const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex')

/** Stores the key and returns it as its holder must write it: it cannot be shown again. */
export async function createApiKey(books: Books, tenant: TenantId, key: NewApiKey): Promise<string> {
  await books.transaction(tenant, (tx) =>
    tx.execute(
      `INSERT INTO api_keys (tenant_id, key_id, name, role, secret_hash, created_at, created_by, expires_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [
        tenant,
        key.key_id,
        key.name,
        key.role,
        hashOf(key.secret),
        key.created_at,
        key.created_by,
        key.expires_at,
      ],
    ),
  )
  return `tieout_${key.key_id}_${key.secret}`
}

export const listApiKeys = (books: Books, tenant: TenantId): Promise<readonly ApiKey[]> =>
  books.transaction(tenant, (tx) =>
    tx.rows<ApiKey>(
      `SELECT key_id, name, role, created_at, created_by, expires_at, revoked_at
         FROM api_keys ORDER BY created_at, key_id COLLATE "C"`,
    ),
  )

/** Revoking a key again changes nothing. */
export async function revokeApiKey(
  books: Books,
  tenant: TenantId,
  { key_id, at, by }: { readonly key_id: string; readonly at: Instant; readonly by: string },
): Promise<ApiKey> {
  await books.transaction(tenant, (tx) =>
    tx.execute(
      'UPDATE api_keys SET revoked_at = $2, revoked_by = $3 WHERE key_id = $1 AND revoked_at IS NULL',
      [key_id, at, by],
    ),
  )
  const keys = await listApiKeys(books, tenant)
  return keys.find((key) => key.key_id === key_id) ?? refuse('TIE-1411', { key: key_id })
}

export interface KeyHolder {
  readonly tenant: TenantId
  readonly who: string
  readonly role: Role
}

const FORM = /^tieout_([0-9a-f]{16})_([\w-]{43})$/
/** Compared with when there is no such key, so that both take the same time. */
const NOBODY = hashOf('')

/** Whose the credential is. Every way in which it may not hold is told alike. */
export async function holderOf(books: Books, credential: string, now: Instant): Promise<KeyHolder> {
  const [, id, secret] = FORM.exec(credential) ?? []
  if (id === undefined || secret === undefined) refuse('TIE-1405', {})
  const key = await findKey(books, id)
  const given = Buffer.from(hashOf(secret), 'hex')
  const isRight = timingSafeEqual(given, Buffer.from(key?.secret_hash ?? NOBODY, 'hex'))
  const isOpen =
    key !== undefined &&
    key.revoked_at === null &&
    (key.expires_at === null || Date.parse(key.expires_at) > Date.parse(now))
  if (!isRight || !isOpen) refuse('TIE-1405', {})
  return { tenant: key.tenant_id, who: key.name, role: key.role }
}

interface FoundKey {
  readonly tenant_id: TenantId
  readonly name: string
  readonly role: Role
  readonly secret_hash: string
  readonly expires_at: Instant | null
  readonly revoked_at: Instant | null
}

/** Before the tenant is known: the function of the schema that looks past row security, for this one id. */
async function findKey(books: Books, id: string): Promise<FoundKey | undefined> {
  const [key] = await books.transaction(DEFAULT_TENANT, (tx) =>
    tx.rows<FoundKey>('SELECT * FROM tieout_find_api_key($1)', [id]),
  )
  return key
}
