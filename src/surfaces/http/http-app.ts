/**
 * The routes: a fold over the catalogue's operations that read and have a path. Refusals are problem
 * documents (RFC 9457); responses are parsed by their schema before they are sent.
 */

import { Hono, type Context as HonoContext } from 'hono'
import { problem, Refusal } from '../../base/errors.js'
import type { Context, Operation } from '../../books/operation.js'
import { CATALOGUE } from '../catalogue.js'
import { problemDocument } from '../cli/problems.js'
import { referencePage } from './reference-page.js'

const LOOPBACK = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/

export function makeApp(context: Context): Hono {
  const app = new Hono()
  app.use(async (c, next) => {
    const host = c.req.header('host') ?? ''
    const origin = c.req.header('origin')
    if (
      !LOOPBACK.test(host) ||
      (origin !== undefined && !LOOPBACK.test(origin.replace(/^https?:\/\//, '')))
    ) {
      return c.json(problemDocument(new Refusal([problem('TIE-1401', { host })])), 403, JSON_PROBLEM)
    }
    await next()
    c.header('X-Content-Type-Options', 'nosniff')
    c.header(
      'Content-Security-Policy',
      "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    )
    c.header('Cache-Control', 'no-store')
  })
  app.get('/', (c) => c.html(referencePage(servedOperations())))
  for (const operation of servedOperations()) {
    app.get(operation.http!.path.replaceAll(/\{(\w+)\}/g, ':$1'), (c) => answer(c, context, operation))
  }
  app.notFound((c) =>
    c.json(problemDocument(new Refusal([problem('TIE-1108', { path: c.req.path })])), 404, JSON_PROBLEM),
  )
  app.onError((error, c) => refused(c, error))
  return app
}

const JSON_PROBLEM = { 'Content-Type': 'application/problem+json' }

export const servedOperations = (): Operation[] =>
  CATALOGUE.filter(({ http, effect }) => http?.method === 'GET' && effect === 'read')

async function answer(c: HonoContext, context: Context, operation: Operation): Promise<Response> {
  const input = operation.input.strict().safeParse({ ...c.req.query(), ...c.req.param() })
  if (!input.success) {
    throw new Refusal(
      input.error.issues.map((issue) =>
        problem('TIE-1002', {
          command: operation.name,
          detail: `${issue.path.join('.')}: ${issue.message}.`,
        }),
      ),
    )
  }
  const output = await operation.run(context, input.data as never)
  return c.json(operation.output.parse(output) as object)
}

function refused(c: HonoContext, error: Error): Response {
  const refusal =
    error instanceof Refusal ? error : new Refusal([problem('TIE-9001', { detail: error.message })])
  return c.json(problemDocument(refusal), refusal.status as 400, JSON_PROBLEM)
}
