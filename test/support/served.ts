/** The server as a process of its own on a free port, for tests that stop it or kill it. */

import { createServer } from 'node:net'
import type { CliDatabase, Started } from './cli.js'

export interface Served {
  readonly url: string
  readonly port: number
  readonly process: Started
  stop(signal?: NodeJS.Signals): Promise<{ exit: number | null; stderr: string }>
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Resolves when it listens. */
export async function serveProcess(database: CliDatabase, ...flags: string[]): Promise<Served> {
  const port = await freePort()
  const process = await database.start(['serve', '--port', String(port), ...flags])
  await process.said('Serving on')
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    process,
    stop: async (signal = 'SIGTERM') => {
      process.child.kill(signal)
      return process.ended
    },
  }
}

/** Looks again and again until there is something. */
export async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
