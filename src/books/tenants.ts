/**
 * Tenants: whose data it is. A tenant sees its own row only; the list of names is read as tieout_owner.
 * Raises TIE-1105 (no such tenant) and TIE-1203 (the name is taken).
 */

import { refuse } from '../base/errors.js'
import { didYouMean } from '../base/text.js'
import type { Books, TenantId } from './books.js'
import { isSqlError } from './types.js'

/** Made by the first migration, for those who never asked for tenants. */
export const DEFAULT_TENANT = '00000000-0000-0000-0000-000000000001' as TenantId

export interface Tenant {
  readonly tenant_id: TenantId
  readonly name: string
}

export function listTenants(books: Books): Promise<readonly Tenant[]> {
  return books.transaction(DEFAULT_TENANT, (tx) =>
    tx.asOwner(() => tx.rows<Tenant>('SELECT tenant_id, name FROM tenants ORDER BY name COLLATE "C"')),
  )
}

export async function tenantNamed(books: Books, name: string): Promise<TenantId> {
  const tenants = await listTenants(books)
  const tenant = tenants.find((one) => one.name === name)
  if (tenant === undefined) {
    const suggestion = didYouMean(
      name,
      tenants.map((one) => one.name),
    )
    refuse('TIE-1105', { tenant: name, suggestion })
  }
  return tenant.tenant_id
}

export async function createTenant(books: Books, { tenant_id, name }: Tenant): Promise<void> {
  try {
    await books.transaction(tenant_id, (tx) =>
      tx.execute('INSERT INTO tenants (tenant_id, name) VALUES ($1, $2)', [tenant_id, name]),
    )
  } catch (error) {
    if (isSqlError(error, '23505')) refuse('TIE-1203', { tenant: name })
    throw error
  }
}
