/**
 * Tokens of an issuer: a JWT signed by one of its keys, for this server, with who asks, whose data and which role.
 * Keys come from the issuer's JWKS, fetched or as a file. Algorithms are asymmetric ones only: with a shared secret,
 * whoever can check a token could make one. Raises TIE-1405 (a token that does not hold), TIE-1407 (settings that do
 * not fit), TIE-1408 (claims that say nothing here), TIE-1412 (the keys cannot be read).
 */

import { readFile } from 'node:fs/promises'
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose'
import { refuse } from '../../base/errors.js'
import { unstorable } from '../../base/text.js'
import { ROLES } from '../../books/api-keys.js'
import type { TenantId } from '../../books/books.js'
import type { Context, Role } from '../../books/operation.js'
import { listTenants } from '../../books/tenants.js'
import { isLoopbackHost, type Principal } from './access.js'

export interface JwtSettings {
  /** An https URL, or a file. */
  readonly jwks: string
  readonly issuer: string
  readonly audience: string
}

const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
]
/** Seconds by which two clocks may differ. */
const CLOCK_TOLERANCE = 5
/** Milliseconds that the issuer may take to send its keys. */
const FETCH_TIMEOUT = 5000
/** Characters that runs have for who made them. */
const MAX_SUBJECT = 100

export async function jwtHolders(
  { books, now }: Context,
  settings: JwtSettings,
): Promise<(token: string) => Promise<Principal>> {
  for (const setting of ['jwks', 'issuer', 'audience'] as const) {
    if (settings[setting] === '') refuse('TIE-1407', { setting, detail: '--auth jwt needs it' })
  }
  const keys = await keysOf(settings.jwks)
  const { issuer, audience } = settings
  const tenants = new Map<string, TenantId>()
  return async (token) => {
    const claims = await verified(token, keys, { issuer, audience, now: new Date(Date.parse(now())) })
    const { sub, role, tenant } = claims
    if (typeof sub !== 'string' || sub === '' || sub.length > MAX_SUBJECT || unstorable(sub) !== undefined)
      refuse('TIE-1408', { claim: 'sub' })
    if (!ROLES.includes(role as Role)) refuse('TIE-1408', { claim: 'role' })
    return { tenant: await tenantOf(tenant), who: sub, role: role as Role }
  }

  /** Tenants are only added, so one that was found stays. */
  async function tenantOf(name: unknown): Promise<TenantId> {
    if (typeof name !== 'string') refuse('TIE-1408', { claim: 'tenant' })
    if (!tenants.has(name)) for (const one of await listTenants(books)) tenants.set(one.name, one.tenant_id)
    return tenants.get(name) ?? refuse('TIE-1408', { claim: 'tenant' })
  }
}

async function keysOf(jwks: string): Promise<JWTVerifyGetKey> {
  if (/^\w+:\/\//.test(jwks)) return createRemoteJWKSet(secureUrl(jwks), { timeoutDuration: FETCH_TIMEOUT })
  try {
    return createLocalJWKSet(JSON.parse(await readFile(jwks, 'utf8')))
  } catch (error) {
    refuse('TIE-1407', { setting: 'jwks', detail: `${jwks}: ${(error as Error).message.split('\n')[0]}` })
  }
}

/** Keys that came over an open line could be anybody's. */
function secureUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isHere = url !== undefined && isLoopbackHost(url.host)
  if (url === undefined || (url.protocol !== 'https:' && !(url.protocol === 'http:' && isHere))) {
    refuse('TIE-1407', { setting: 'jwks', detail: 'an https URL or a file is expected' })
  }
  return url
}

interface Expected {
  readonly issuer: string
  readonly audience: string
  readonly now: Date
}

async function verified(
  token: string,
  keys: JWTVerifyGetKey,
  { now, ...expected }: Expected,
): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(token, keys, {
      ...expected,
      algorithms: ALGORITHMS,
      clockTolerance: CLOCK_TOLERANCE,
      currentDate: now,
      requiredClaims: ['exp'],
    })
    return payload
  } catch (error) {
    if (isAboutToken(error)) refuse('TIE-1405', {})
    refuse('TIE-1412', { detail: (error as Error).message.split('\n')[0]! })
  }
}

/** Everything else went wrong while the keys were fetched. */
const isAboutToken = (error: unknown): boolean =>
  error instanceof errors.JOSEError &&
  !['ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID', 'ERR_JOSE_GENERIC'].includes(error.code)
