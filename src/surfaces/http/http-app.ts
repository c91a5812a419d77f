/**
 * The application: a route for every operation that has a binding, the reference page and the errors' entries.
 * Refusals are problem documents (RFC 9457) and every answer names its request. Raises nothing: what operations
 * raise is answered, as are TIE-1108 (no such path) and TIE-1608 (no such method).
 */

import { Hono } from 'hono'
import { problem, Refusal, refuse } from '../../base/errors.js'
import { refuseForeignHost } from './access.js'
import { digestTag, JSON_TYPE } from './answer.js'
import { errorEntry } from './error-entry.js'
import {
  type App,
  answerOtherMethods,
  type Exchange,
  type HttpHost,
  problemAnswer,
  tagged,
} from './exchange.js'
import { addJobRoutes } from './job-routes.js'
import { openApiOf } from './openapi.js'
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
  app.use('/api/:rest{.+}', bounded(host))
  addPages(app, host, routes)
  addJobRoutes(app, host)
  for (const group of byShape(routes)) addGroup(app, host, group)
  app.notFound((c) => {
    const path = c.req.path.slice(0, 200)
    return refused(host, c, new Refusal([problem('TIE-1108', { path })]))
  })
  app.onError((error, c) => refused(host, c, error))
  return app
}

/** Requests that are worked on at once; one too many hears so instead of waiting for all the others. */
function bounded({ limits }: HttpHost): (c: Exchange, next: () => Promise<void>) => Promise<void> {
  let active = 0
  return async (c, next) => {
    if (active >= limits.maxRequests) {
      c.header('Retry-After', '1')
      refuse('TIE-1619', { count: active })
    }
    active++
    try {
      await next()
    } finally {
      active--
    }
  }
}

/** What tells of the routes; made once, since it is the same for everyone. */
function addPages(app: App, { context }: HttpHost, routes: readonly Route[]): void {
  const reference = referencePage(routes)
  const openApi = JSON.stringify(openApiOf(routes, context.engineVersion))
  app.get('/', (c) => c.html(reference))
  app.get('/openapi.json', (c) => {
    c.header('Content-Type', JSON_TYPE)
    return tagged(c, digestTag(openApi), openApi)
  })
  app.get('/errors/:code', (c) => errorEntry(c, c.req.param('code')))
  for (const pattern of ['/', '/openapi.json', '/errors/:code']) answerOtherMethods(app, pattern, ['GET'])
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

function refused(host: HttpHost, c: Exchange, error: Error): Response {
  const { status, headers, body } = problemAnswer(host, error, c.get('requestId'), c.req.raw.signal)
  return c.body(body, status as 400, headers)
}
