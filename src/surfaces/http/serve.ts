/**
 * HTTP on this machine: the reading operations that have a route, and a reference page. Loopback only, and
 * only for requests that name the loopback host, so that no web page elsewhere can reach in by DNS.
 */

import { once } from 'node:events'
import { serve } from '@hono/node-server'
import { refuse } from '../../base/errors.js'
import type { CommandContext } from '../cli/command-line.js'
import type { Session } from '../session.js'
import { makeApp } from './http-app.js'

/** Serves until interrupted; returns the exit code. */
export async function serveHttp(
  { settings, environment, note }: CommandContext,
  session: Session,
): Promise<number> {
  const app = makeApp(session.context)
  const server = serve({ fetch: app.fetch, hostname: settings.host.value, port: Number(settings.port.value) })
  try {
    await once(server, 'listening')
  } catch (error) {
    const { host, port } = settings
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    refuse('TIE-1204', { host: host.value, port: port.value })
  }
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : settings.port.value
  note(`Serving on http://${settings.host.value}:${port}/  (Ctrl-C stops)`)
  if (!environment.signal.aborted) await once(environment.signal, 'abort')
  server.close()
  if ('closeAllConnections' in server) server.closeAllConnections()
  return 0
}
