/**
 * Who asks, and what that one may. Without a login (the embedded default) everyone on this machine is the session's
 * user; a server asks for a credential. Raises TIE-1401.
 */

import { refuse } from '../../base/errors.js'
import type { TenantId } from '../../books/books.js'
import type { Context, Role } from '../../books/operation.js'

export interface Principal {
  readonly tenant: TenantId
  readonly who: string
  readonly role: Role
}

export interface Access {
  /** Whether requests that name this host (with or without a port) are answered. */
  answers(host: string): boolean
  /** Who the header Authorization says is asking. */
  whoAsks(authorization: string | undefined): Promise<Principal>
}

const LOOPBACK = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/i

/** This machine only, so that no web page elsewhere reaches in by DNS. */
export const withoutLogin = ({ tenant, who }: Context): Access => ({
  answers: (host) => LOOPBACK.test(host),
  whoAsks: async () => ({ tenant, who, role: 'admin' }),
})

/** The header Host, and Origin where a browser sends one, name a host that is answered. */
export function refuseForeignHost(
  access: Access,
  host: string | undefined,
  origin: string | undefined,
): void {
  const page = origin?.replace(/^https?:\/\//, '')
  if (access.answers(host ?? '') && (page === undefined || access.answers(page))) return
  refuse('TIE-1401', { host: (access.answers(host ?? '') ? page! : (host ?? '')).slice(0, 200) })
}
