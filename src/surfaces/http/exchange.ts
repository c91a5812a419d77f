/** What a request is served with, and the ways in which every route answers alike. Raises TIE-1608 (no such method). */

import type { Hono, Context as HonoContext } from 'hono'
import { type ErrorCode, refuse } from '../../base/errors.js'
import type { Context, Operation } from '../../books/operation.js'
import type { Access } from './access.js'
import type { Answer } from './answer.js'
import type { Jobs } from './jobs.js'
import { hasAlready } from './negotiation.js'
import { PROBLEM_JSON, problemDocument, refusalOf } from './problem-document.js'
import type { RateLimit } from './rate-limit.js'
import type { RequestLimits } from './request-input.js'

export interface HttpLimits extends RequestLimits {
  /** Requests worked on at once. */
  readonly maxRequests: number
  /** Hours that the answer to a request with an Idempotency-Key is kept. */
  readonly idempotencyHours: number
}

export interface HttpHost {
  /** What operations are given; tenant and user are those of the request. */
  readonly context: Context
  readonly operations: readonly Operation[]
  readonly access: Access
  readonly limits: HttpLimits
  readonly jobs: Jobs
  readonly rate: RateLimit
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

/** What went wrong as an answer; a bug is told to the operator. */
export function problemAnswer(
  host: Pick<HttpHost, 'complain'>,
  error: unknown,
  requestId: string,
  signal?: AbortSignal,
): Answer {
  const refusal = refusalOf(error, requestId, signal)
  if (refusal.code === 'TIE-9001') {
    host.complain(`request ${requestId}: ${error instanceof Error ? (error.stack ?? error.message) : error}`)
  }
  return {
    status: refusal.status,
    headers: {
      'Content-Type': PROBLEM_JSON,
      ...(refusal.status === 401 ? { 'WWW-Authenticate': challengeOf(refusal.code) } : {}),
    },
    body: JSON.stringify(problemDocument(refusal, requestId)),
  }
}

/** RFC 6750: what to send, and whether what was sent did not hold. */
const challengeOf = (code: ErrorCode): string =>
  `Bearer realm="tieout"${code === 'TIE-1405' ? ', error="invalid_token"' : ''}`

/** OPTIONS says what there is; any other method is refused with the same list. */
export function answerOtherMethods(app: App, pattern: string, methods: readonly string[]): void {
  const allow = [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ')
  app.options(pattern, (c) => c.body(null, 204, { Allow: allow }))
  app.all(pattern, (c) => {
    c.header('Allow', allow)
    refuse('TIE-1608', { path: c.req.path.slice(0, 200), method: c.req.method, allow })
  })
}
