/**
 * The server as a process: over stdin and stdout until the client closes them, or over HTTP on this machine until
 * interrupted. Raises TIE-1204 (the port is taken), TIE-1406 (an address that others reach).
 */

import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import { serve } from '@hono/node-server'
import { createMcpHandler } from '@modelcontextprotocol/server'
import { StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio'
import { Refusal, refuse } from '../../base/errors.js'
import { CATALOGUE } from '../catalogue.js'
import type { CommandContext } from '../cli/command-line.js'
import { isLoopback, refuseForeignHost, withoutLogin } from '../http/access.js'
import { PROBLEM_JSON, problemDocument } from '../http/problem-document.js'
import type { Session } from '../session.js'
import type { McpHost } from './host.js'
import { makeServer } from './server.js'

export interface McpOptions {
  readonly http: boolean
  readonly allowsWrites: boolean
  readonly marts: string
}

const MAX_BODY = 2 ** 20

/** Serves until it is over; returns the exit code. */
export async function serveMcp(
  command: CommandContext,
  session: Session,
  { http, allowsWrites, marts }: McpOptions,
): Promise<number> {
  const { environment } = command
  const host: McpHost = {
    context: session.context,
    operations: CATALOGUE,
    version: environment.version,
    marts,
    allowsWrites,
    agent: { connection: null, discovered: new Map() },
    answering: new Set(),
    complain: (line) => environment.stderr.write(`${line}\n`),
  }
  return http ? overHttp(command, host) : overStdio(command, host)
}

/** A client that closes its end has asked all that it will ask, and still reads. */
async function answeredAll({ answering }: McpHost): Promise<void> {
  do {
    // What has arrived is handed over, and what was answered is written, in turns of their own.
    await setTimeout(HAND_OVER)
    await Promise.allSettled(answering)
  } while (answering.size > 0)
  await setTimeout(HAND_OVER)
}

/** Milliseconds. */
const HAND_OVER = 20

async function overStdio({ environment, note }: CommandContext, host: McpHost): Promise<number> {
  // The transport drops what it has not answered when its input ends, so that end is kept from it.
  const input = new PassThrough()
  process.stdin.pipe(input, { end: false })
  const transport = new StdioServerTransport(input)
  const ended = new Promise<void>((resolve) => {
    process.stdin.once('end', resolve)
    process.stdin.once('close', resolve)
    environment.signal.addEventListener('abort', () => resolve(), { once: true })
  })
  const served = serveStdio(() => makeServer(host), {
    transport,
    onerror: ({ message }) => host.complain(message),
  })
  note('MCP on stdin and stdout.')
  await ended
  if (!environment.signal.aborted) await answeredAll(host)
  await served.close()
  return 0
}

/** Answers /mcp; a web page elsewhere cannot reach it by a name of its own. */
export function httpFetch(host: McpHost): (request: Request) => Promise<Response> {
  const access = withoutLogin(host.context)
  const handler = createMcpHandler(() => makeServer(host), {
    maxRequestBodySize: MAX_BODY,
    onerror: ({ message }) => host.complain(message),
  })
  return async (request) => {
    try {
      refuseForeignHost(
        access,
        request.headers.get('host') ?? undefined,
        request.headers.get('origin') ?? undefined,
      )
      const { pathname } = new URL(request.url)
      if (pathname !== '/mcp') refuse('TIE-1108', { path: pathname.slice(0, 200) })
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      const document = problemDocument(error, host.context.newId())
      return new Response(JSON.stringify(document), {
        status: error.status,
        headers: { 'content-type': PROBLEM_JSON },
      })
    }
    return handler.fetch(request)
  }
}

async function overHttp({ environment, settings, note }: CommandContext, host: McpHost): Promise<number> {
  const { host: address, port } = settings
  if (!isLoopback(address.value)) refuse('TIE-1406', { host: address.value })
  const server = serve({
    fetch: httpFetch(host),
    hostname: address.value,
    port: Number(port.value),
    serverOptions: { headersTimeout: 15_000, requestTimeout: 900_000, maxHeaderSize: 16 * 1024 },
  })
  try {
    await once(server, 'listening')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    refuse('TIE-1204', { host: address.value, port: port.value })
  }
  const bound = server.address()
  note(
    `MCP on http://${address.value}:${typeof bound === 'object' && bound !== null ? bound.port : port.value}/mcp  (Ctrl-C stops)`,
  )
  if (!environment.signal.aborted) await once(environment.signal, 'abort')
  server.close()
  if ('closeAllConnections' in server) server.closeAllConnections()
  return 0
}
