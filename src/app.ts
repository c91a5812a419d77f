/**
 * The composition root: the only place that reads the environment, the clock and randomness. It makes the
 * environment of the surfaces from the process and turns their answer into an exit code.
 */

import { randomBytes, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { instantOf } from './base/dates.js'
import { openBooks } from './books/open.js'
import { runCommandLine } from './surfaces/cli/command-line.js'
import type { Environment } from './surfaces/environment.js'

const packageDirectory = fileURLToPath(new URL('..', import.meta.url))

export function processEnvironment(signal: AbortSignal): Environment {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  return {
    // Containers often set no USER; the account has a name all the same.
    variables: { USER: userInfo().username, ...process.env },
    directory: process.cwd(),
    packageDirectory,
    version,
    pid: process.pid,
    stdin: { isTerminal: process.stdin.isTTY === true, readLine: () => readLine(signal) },
    stdout: { isTerminal: process.stdout.isTTY === true, write: (text) => void process.stdout.write(text) },
    stderr: { isTerminal: process.stderr.isTTY === true, write: (text) => void process.stderr.write(text) },
    now: () => instantOf(new Date()),
    newId: () => randomUUID(),
    newSecret: () => randomBytes(32).toString('base64url'),
    openBooks,
    elapsed: () => performance.now(),
    signal,
  }
}

/** Without editing, so that Ctrl-C stays the signal that it is anywhere else. */
function readLine(signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const lines = createInterface({ input: process.stdin, terminal: false })
    const interrupted = (): void => {
      reject(signal.reason)
      lines.close()
    }
    signal.addEventListener('abort', interrupted, { once: true })
    lines.once('line', (line) => {
      resolve(line)
      lines.close()
    })
    lines.once('close', () => {
      signal.removeEventListener('abort', interrupted)
      resolve(undefined)
    })
  })
}

/** The first interrupt asks the work to stop and be marked FAILED; the second ends the process at once. */
export async function main(argv: readonly string[]): Promise<void> {
  const interrupt = new AbortController()
  const onSignal = (): void => {
    if (interrupt.signal.aborted) process.exit(130)
    interrupt.abort(new Error('interrupted'))
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  // A reader that has seen enough (`| head`) is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    throw error
  })
  process.exitCode = await runCommandLine(processEnvironment(interrupt.signal), argv)
  process.off('SIGINT', onSignal)
  process.off('SIGTERM', onSignal)
}
