/**
 * HTTP as a process: settings become an application on a port, until interrupted. Raises TIE-1204 (the port is
 * taken), TIE-1406 and TIE-1407 (settings that do not fit).
 */

import { once } from 'node:events'
import { serve } from '@hono/node-server'
import { refuse } from '../../base/errors.js'
import { CATALOGUE } from '../catalogue.js'
import type { CommandContext } from '../cli/command-line.js'
import type { Session } from '../session.js'
import type { Settings } from '../settings.js'
import { configuredAccess } from './configured-access.js'
import { makeApp } from './http-app.js'
import { Jobs } from './jobs.js'
import { RateLimit } from './rate-limit.js'

const MIB = 2 ** 20

/** Milliseconds that a client may take to send the head of a request, and all of it. */
const TIMEOUTS = { headersTimeout: 15_000, requestTimeout: 900_000, keepAliveTimeout: 10_000 }

/** Serves until interrupted; returns the exit code. */
export async function serveHttp(
  { settings, environment, options, note }: CommandContext,
  session: Session,
): Promise<number> {
  const { host, port, files } = settings
  const { context } = session
  const access = await configuredAccess(context, settings)
  const jobs = new Jobs(context, { maxJobs: 16 })
  const app = makeApp({
    context,
    jobs,
    rate: new RateLimit(countOf(settings, 'rate_limit', 0), () => context.elapsed()),
    operations: CATALOGUE,
    access,
    limits: {
      maxBody: MIB,
      maxUpload: countOf(settings, 'max_upload') * MIB,
      maxRequests: 64,
      idempotencyHours: countOf(settings, 'idempotency_hours'),
    },
    files: files.value === '' ? null : files.value,
    log: options.verbose === true ? note : () => undefined,
    complain: (line) => environment.stderr.write(`${line}\n`),
  })
  const server = serve({
    fetch: app.fetch,
    hostname: host.value,
    port: Number(port.value),
    serverOptions: { ...TIMEOUTS, maxHeaderSize: 16 * 1024 },
  })
  try {
    await once(server, 'listening')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    refuse('TIE-1204', { host: host.value, port: port.value })
  }
  const address = server.address()
  const bound = typeof address === 'object' && address !== null ? address.port : port.value
  note(`Serving on http://${host.value}:${bound}/  (Ctrl-C stops)`)
  if (!environment.signal.aborted) await once(environment.signal, 'abort')
  server.close()
  // Runs that are interrupted are marked FAILED before the books are closed.
  await jobs.settled()
  if ('closeAllConnections' in server) server.closeAllConnections()
  return 0
}

function countOf(
  settings: Settings,
  setting: 'max_upload' | 'idempotency_hours' | 'rate_limit',
  least = 1,
): number {
  const { value } = settings[setting]
  return /^(?:0|[1-9]\d{0,6})$/.test(value) && Number(value) >= least
    ? Number(value)
    : refuse('TIE-1407', {
        setting,
        detail: `"${value}" is no whole number ${least === 0 ? 'from 0 on' : 'above 0'}`,
      })
}
