/**
 * Who asks, and what that one may. Without a login (the embedded default) everyone on this machine is the session's
 * user; a server asks for a credential. Raises TIE-1401 (a host that is not answered), TIE-1402 (no credential),
 * TIE-1403 (a role that may not).
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

const LOOPBACK: readonly string[] = ['localhost', '127.0.0.1', '[::1]']

/** Whether requests for one of these hosts, with any port, are answered. */
export const answersHosts =
  (hosts: readonly string[]) =>
  (host: string): boolean =>
    hosts.includes(host.replace(/:\d+$/, '').toLowerCase())

export const isLoopback = (address: string): boolean => ['localhost', '127.0.0.1', '::1'].includes(address)

/** Of a URL or a header, with or without a port. */
export const isLoopbackHost = answersHosts(LOOPBACK)

/** This machine only, so that no web page elsewhere reaches in by DNS. */
export const withoutLogin = ({ tenant, who }: Context): Access => ({
  answers: isLoopbackHost,
  whoAsks: async () => ({ tenant, who, role: 'admin' }),
})

/** A server on these hosts, and on this machine; `holderOf` says whose a credential is. */
export const withLogin = (
  hosts: readonly string[],
  holderOf: (credential: string) => Promise<Principal>,
): Access => ({
  answers: answersHosts([...LOOPBACK, ...hosts.map((host) => host.toLowerCase())]),
  whoAsks: async (authorization) => {
    const credential = /^bearer +([\x21-\x7e]{1,8000}) *$/i.exec(authorization ?? '')?.[1]
    return credential === undefined ? refuse('TIE-1402', {}) : holderOf(credential)
  },
})

/** Roles that may do what asks for the role; reading every role may. */
const MAY: Readonly<Record<Role, readonly Role[]>> = {
  reader: ['reader', 'preparer', 'approver', 'admin'],
  preparer: ['preparer', 'admin'],
  approver: ['approver', 'admin'],
  admin: ['admin'],
}

export function refuseUnlessMay({ role }: Principal, needed: Role): void {
  if (!MAY[needed].includes(role)) refuse('TIE-1403', { role, needed: MAY[needed].join(' or ') })
}

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
