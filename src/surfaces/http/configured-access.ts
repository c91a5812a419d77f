/**
 * Access as the settings say it: no login on this machine, API keys, or tokens of an issuer. Raises TIE-1406 (a
 * server without a login), TIE-1407 (settings that do not fit).
 */

import { refuse } from '../../base/errors.js'
import { holderOf } from '../../books/api-keys.js'
import type { TenantId } from '../../books/books.js'
import type { Context } from '../../books/operation.js'
import { failOrphans } from '../../books/runs.js'
import type { Settings } from '../settings.js'
import { type Access, isLoopback, type Principal, withLogin, withoutLogin } from './access.js'

export async function configuredAccess(context: Context, settings: Settings): Promise<Access> {
  const { auth, host, hosts } = settings
  if (auth.value === 'none') {
    if (!isLoopback(host.value)) refuse('TIE-1406', { host: host.value })
    return withoutLogin(context)
  }
  const names = [host.value, ...hosts.value.split(',').map((name) => name.trim())].filter(
    (name) => name !== '',
  )
  return withLogin(names, mindful(context, await holders(context, settings)))
}

async function holders(
  context: Context,
  { auth, jwks, issuer, audience }: Settings,
): Promise<(credential: string) => Promise<Principal>> {
  if (auth.value === 'keys') return (credential) => holderOf(context.books, credential, context.now())
  if (auth.value !== 'jwt') refuse('TIE-1407', { setting: 'auth', detail: 'it is none, keys or jwt' })
  // Loaded here: only a server with tokens needs it.
  const { jwtHolders } = await import('./jwt-access.js')
  return jwtHolders(context, { jwks: jwks.value, issuer: issuer.value, audience: audience.value })
}

/** The first time that a tenant asks, the runs of its that a dead process left open are marked FAILED. */
function mindful(
  { books, now }: Context,
  holderOfCredential: (credential: string) => Promise<Principal>,
): (credential: string) => Promise<Principal> {
  const minded = new Map<TenantId, Promise<unknown>>()
  return async (credential) => {
    const principal = await holderOfCredential(credential)
    const { tenant } = principal
    if (!minded.has(tenant)) {
      const minding = failOrphans(books, tenant, now())
      minding.catch(() => minded.delete(tenant))
      minded.set(tenant, minding)
    }
    await minded.get(tenant)
    return principal
  }
}
