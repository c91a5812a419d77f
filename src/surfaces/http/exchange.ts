/** What a request is served with, and the one way in which a body is given with its tag. Raises nothing. */

import type { Hono, Context as HonoContext } from 'hono'
import type { Context, Operation } from '../../books/operation.js'
import type { Access } from './access.js'
import { hasAlready } from './negotiation.js'
import type { RequestLimits } from './request-input.js'

export interface HttpLimits extends RequestLimits {
  /** Requests worked on at once. */
  readonly maxRequests: number
}

export interface HttpHost {
  /** What operations are given; tenant and user are those of the request. */
  readonly context: Context
  readonly operations: readonly Operation[]
  readonly access: Access
  readonly limits: HttpLimits
  /** Directory of files that a request may name; null for none. */
  readonly files: string | null
  /** One line about a request; nothing of bodies or credentials is in it. */
  log(line: string): void
  /** One line about a bug. */
  complain(line: string): void
}

export interface Variables {
  requestId: string
}
export type App = Hono<{ Variables: Variables }>
export type Exchange = HonoContext<{ Variables: Variables }>

/** With its tag; without its body when the client has it. */
export function tagged(c: Exchange, etag: string, body: string): Response {
  c.header('ETag', etag)
  if (hasAlready(c.req.header('if-none-match'), etag)) return c.body(null, 304)
  return c.body(body, 200)
}
