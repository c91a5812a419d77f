/**
 * An answer as data, before it is a response: so it can be stored beside the effect it tells of and given again.
 * Outputs are parsed by their schema, strictly from the inside out, before they are sent: nothing leaks that is
 * not declared.
 */

import { createHash } from 'node:crypto'
import type { TenantId } from '../../books/books.js'
import type { Route } from './routes.js'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** The members of an output that headers tell of. */
export interface Told extends Answer {
  readonly version: number | undefined
  readonly nextCursor: string | undefined
}

export const JSON_TYPE = 'application/json'

/** The answer of an operation that has run. `input` fills in what the output does not say. */
export function answerOf(
  route: Route,
  input: unknown,
  output: unknown,
  hidePlace: (text: string) => string = (text) => text,
): Told {
  const parsed = route.operation.output.parse(output)
  const body = hidePlace(JSON.stringify(parsed))
  const told = { ...(input as object), ...(parsed as object) } as Readonly<Record<string, unknown>>
  const { location } = route.binding
  const isMade = location !== undefined && told.dry_run !== true
  return {
    status: isMade ? 201 : 200,
    headers: { 'Content-Type': JSON_TYPE, ...(isMade ? { Location: filledIn(location, told) } : {}) },
    body,
    version: route.versioned ? Number(told.version) : undefined,
    nextCursor: route.paged && typeof told.next_cursor === 'string' ? told.next_cursor : undefined,
  }
}

const filledIn = (location: string, told: Readonly<Record<string, unknown>>): string =>
  location.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(told[name] ?? '')))

/** Strong: equal tags, equal bytes. */
export const digestTag = (body: string): string => `"${shortDigest(body)}"`

/** With the version where the resource has one, and bound to the tenant. */
export const etagOf = ({ version, body }: Told, tenant: TenantId): string =>
  version === undefined ? digestTag(body) : `"v${version}-${tenantMark(tenant)}${shortDigest(body)}"`

const shortDigest = (body: string): string => createHash('sha256').update(body).digest('hex').slice(0, 32)

export const tenantMark = (tenant: TenantId): string =>
  createHash('sha256').update(tenant).digest('hex').slice(0, 8)
