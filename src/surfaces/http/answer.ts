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

export const JSON_TYPE = 'application/json'

/** The answer of an operation that has run. `input` fills in what the output does not say. */
export function answerOf(
  route: Route,
  input: unknown,
  output: unknown,
  hidePlace: (text: string) => string = (text) => text,
): Answer {
  const parsed = route.operation.output.parse(output)
  const body = hidePlace(JSON.stringify(parsed))
  const told = { ...(input as object), ...(parsed as object) } as Readonly<Record<string, unknown>>
  const { location } = route.binding
  const headers = { 'Content-Type': JSON_TYPE }
  if (location === undefined || told.dry_run === true) return { status: 200, headers, body }
  return { status: 201, headers: { ...headers, Location: filledIn(location, told) }, body }
}

const filledIn = (location: string, told: Readonly<Record<string, unknown>>): string =>
  location.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(told[name] ?? '')))

/** Strong: equal tags, equal bytes. With the version where the resource has one, and bound to the tenant. */
export function etagOf({ versioned }: Route, tenant: TenantId, body: string): string {
  const digest = createHash('sha256').update(body).digest('hex').slice(0, 32)
  if (!versioned) return `"${digest}"`
  const { version } = JSON.parse(body) as { readonly version: number }
  return `"v${version}-${tenantMark(tenant)}${digest}"`
}

export const tenantMark = (tenant: TenantId): string =>
  createHash('sha256').update(tenant).digest('hex').slice(0, 8)
