/**
 * The application: a route for every operation that has a binding, the reference page and the errors' entries.
 * Refusals are problem documents (RFC 9457) and every answer names its request. Raises nothing: what operations
 * raise is answered, as are TIE-1108 (no such path) and TIE-1608 (no such method).
 */

import { Hono } from 'hono'
import { problem, Refusal, refuse } from '../../base/errors.js'
import { refuseForeignHost } from './access.js'
import { errorEntry } from './error-entry.js'
import type { App, Exchange, HttpHost } from './exchange.js'
import { PROBLEM_JSON, problemDocument, refusalOf } from './problem-document.js'
import { referencePage } from './reference-page.js'
import { type Route, routesOf } from './routes.js'
import { serveOperation } from './serve-operation.js'

export function makeApp(host: HttpHost): App {
  const app: App = new Hono()
  const routes = routesOf(host.operations)
  app.use((c, next) => attended(host, c, next))
  app.use((c, next) => {
    refuseForeignHost(host.access, c.req.header('host'), c.req.header('origin'))
    return next()
  })
  app.get('/', (c) => c.html(referencePage(routes)))
  app.get('/errors/:code', (c) => errorEntry(c, c.req.param('code')))
  for (const group of byShape(routes)) addGroup(app, host, group)
  app.notFound((c) => {
    const path = c.req.path.slice(0, 200)
    return refused(host, c, new Refusal([problem('TIE-1108', { path })]))
  })
  app.onError((error, c) => refused(host, c, error))
  return app
}

/** Every request: an id, a line for the operator, headers that keep a browser from doing more than showing. */
async function attended(host: HttpHost, c: Exchange, next: () => Promise<void>): Promise<void> {
  const began = host.context.elapsed()
  const given = c.req.header('x-request-id')
  c.set('requestId', given !== undefined && /^[\w.-]{1,100}$/.test(given) ? given : host.context.newId())
  c.header('X-Request-Id', c.get('requestId'))
  c.header('X-Content-Type-Options', 'nosniff')
  c.header('Content-Security-Policy', "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
  c.header('Cache-Control', 'no-store')
  await next()
  const ms = Math.round(host.context.elapsed() - began)
  host.log(`${c.req.method} ${c.req.routePath} ${c.res.status} ${ms} ms ${c.get('requestId')}`)
}

/** Routes of one shape, whatever their path calls its inputs. */
function byShape(routes: readonly Route[]): (readonly Route[])[] {
  const shapes = new Map<string, Route[]>()
  for (const route of routes) {
    const shape = route.binding.path.replaceAll(/\{\w+\}/g, '{}')
    shapes.set(shape, [...(shapes.get(shape) ?? []), route])
  }
  return [...shapes.values()]
}

export const patternOf = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ':$1')

function addGroup(app: App, host: HttpHost, group: readonly Route[]): void {
  for (const route of group) {
    app.on(route.binding.method, patternOf(route.binding.path), (c) => serveOperation(host, c, route))
  }
  const methods = group.map(({ binding }) => binding.method)
  answerOtherMethods(app, patternOf(group[0]!.binding.path), methods)
}

/** OPTIONS says what there is; any other method is refused with the same list. */
export function answerOtherMethods(app: App, pattern: string, methods: readonly string[]): void {
  const allow = [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ')
  app.options(pattern, (c) => c.body(null, 204, { Allow: allow }))
  app.all(pattern, (c) => {
    c.header('Allow', allow)
    refuse('TIE-1608', { path: c.req.path.slice(0, 200), method: c.req.method, allow })
  })
}

function refused(host: HttpHost, c: Exchange, error: Error): Response {
  const id = c.get('requestId')
  const refusal = refusalOf(error, id)
  if (refusal.code === 'TIE-9001') host.complain(`request ${id}: ${error.stack ?? error.message}`)
  const document = JSON.stringify(problemDocument(refusal, id))
  return c.body(document, refusal.status as 400, { 'Content-Type': PROBLEM_JSON })
}
