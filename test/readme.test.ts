/**
 * The tours of the documents are executed: their commands run one after another as written, and every line of
 * output that is shown must be printed. Run ids, times and digests, which differ from run to run, are `…` there; RUN_ID is the
 * run of the last command that named one, FIRST_RUN of the first.
 *
 * @module-tag long
 */

import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { type CliDatabase, cliDatabase, type Folder, makeFolder } from './support/cli.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const run = promisify(execFile)

interface Step {
  readonly command: string
  readonly shown: readonly string[]
}

/** The ```console blocks: `$ command`, then the lines it prints. */
function tour(document: string): Step[] {
  const text = readFileSync(join(root, document), 'utf8')
  const blocks = [...text.matchAll(/^```console\n([\s\S]*?)^```/gm)].map((match) => match[1]!)
  const steps: { command: string; shown: string[] }[] = []
  for (const line of blocks.join('').split('\n')) {
    if (line.startsWith('$ ')) steps.push({ command: line.slice(2), shown: [] })
    else if (line.trim() !== '') steps.at(-1)!.shown.push(line)
  }
  return steps
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
const pattern = (line: string): RegExp =>
  new RegExp(`^${line.trimEnd().split('…').map(escaped).join('.*')}\\s*$`, 'm')

/** Words as the shell makes them of a command: quoted, expanded. */
async function wordsOf(text: string, env: Record<string, string>): Promise<string[]> {
  const { stdout } = await run('sh', ['-c', `printf '%s\\0' ${text}`], { cwd: root, env })
  return stdout.split('\0').slice(0, -1)
}

/** A line of the shell as it stands, `npx tieout` being this tree's. */
async function inShell(line: string, env: Record<string, string>): Promise<string> {
  const own = line.replace(/\bnpx tieout\b/, `node ${join(root, 'dist', 'cli.js')}`)
  return (await run('sh', ['-c', own], { cwd: root, env })).stdout
}

/** In this process where the line is a command and nothing else: a process for each costs seconds. */
async function inProcess(database: CliDatabase, line: string, env: Record<string, string>): Promise<string> {
  const words = /^npx tieout ([^|<>&;]*)$/.exec(line)?.[1]
  if (words === undefined) {
    await database.release()
    return inShell(line, env)
  }
  const ended = await database.run(...(await wordsOf(words, env)))
  expect(ended, line).toMatchObject({ exit: 0 })
  return ended.stdout
}

/** `carryOut` gives what a line prints. */
async function follow(
  document: string,
  folder: Folder,
  carryOut: (line: string, env: Record<string, string>) => Promise<string>,
): Promise<void> {
  const steps = tour(document)
  expect(steps.length).toBeGreaterThanOrEqual(5)
  const env = {
    PATH: process.env.PATH!,
    HOME: process.env.HOME!,
    TIEOUT_DB: join(folder.path, 'db'),
    WORK: folder.path,
  }
  let runId = ''
  let firstRunId = ''
  for (const { command, shown } of steps) {
    const line = command.replaceAll('FIRST_RUN', firstRunId).replaceAll('RUN_ID', runId)
    const printed = await carryOut(line, env)
    for (const expected of shown) expect(printed, command).toMatch(pattern(expected))
    runId = /Run ([0-9a-f-]{36})/.exec(printed)?.[1] ?? runId
    if (firstRunId === '') firstRunId = runId
  }
}

test.each([
  'README.md',
  'docs/evidence.md',
  'docs/fact-adjustments.md',
  'docs/lots.md',
  'docs/attribution.md',
  'docs/marts.md',
  'docs/mcp.md',
])('every command of the tour prints what %s says', async (document) => {
  const folder = makeFolder()
  const database = await cliDatabase(folder)
  try {
    await follow(document, folder, (line, env) => inProcess(database, line, env))
  } finally {
    await database.drop()
    folder.remove()
  }
})
