/**
 * docs/http.md is executed: its commands run in one shell as written, and what is shown must be printed.
 *
 * @module-tag long
 */

import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { cliDatabase, makeFolder, REPOSITORY } from '../support/cli.js'

const SEPARATOR = '----- next -----'
const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
const pattern = (line: string): RegExp =>
  new RegExp(`^${line.trimEnd().split('…').map(escaped).join('.*')}`, 'm')

test('every command of docs/http.md prints what is shown', async () => {
  const text = readFileSync(join(REPOSITORY, 'docs/http.md'), 'utf8')
  const steps: { command: string; shown: string[] }[] = []
  for (const [, block] of text.matchAll(/^```console\n([\s\S]*?)^```/gm)) {
    for (const line of block!.trimEnd().split('\n')) {
      if (line.startsWith('$ ')) steps.push({ command: line.slice(2), shown: [] })
      else steps.at(-1)!.shown.push(line)
    }
  }
  expect(steps.length).toBeGreaterThan(15)

  const folder = makeFolder()
  const database = await cliDatabase(folder)
  const port = await new Promise<number>((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const found = (server.address() as { port: number }).port
      server.close(() => resolve(found))
    })
  })
  const served = await database.start(['serve', '--port', String(port)])
  try {
    await served.said('Serving on')
    const script = steps.map(({ command }) => `${command}\necho; echo '${SEPARATOR}'`).join('\n')
    const { stdout } = await promisify(execFile)(
      'bash',
      ['-c', script.replaceAll('localhost:4173', `127.0.0.1:${port}`)],
      {
        cwd: REPOSITORY,
      },
    )
    const printed = stdout.split(SEPARATOR)
    for (const [i, { command, shown }] of steps.entries()) {
      for (const line of shown) expect(printed[i]!.trim(), command).toMatch(pattern(line))
    }
  } finally {
    served.child.kill('SIGTERM')
    await served.ended
    await database.drop()
    folder.remove()
  }
}, 300_000)
