/**
 * The tours of the documents are executed: their commands run one after another as written, and every line of
 * output that is shown must be printed. Run ids, times and digests, which differ from run to run, are `…` there; RUN_ID is the
 * run of the last command that named one, FIRST_RUN of the first.
 *
 * @module-tag long
 */

import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

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

test.each([
  'README.md',
  'docs/evidence.md',
  'docs/fact-adjustments.md',
  'docs/lots.md',
  'docs/attribution.md',
  'docs/marts.md',
  'docs/mcp.md',
])(
  'every command of the tour prints what %s says',
  async (document) => {
    const directory = mkdtempSync(join(tmpdir(), 'tieout-tour-'))
    try {
      const steps = tour(document)
      expect(steps.length).toBeGreaterThanOrEqual(5)
      let runId = ''
      let firstRunId = ''
      for (const { command, shown } of steps) {
        const line = command
          .replace(/^npx tieout/, `node ${join(root, 'dist', 'cli.js')}`)
          .replaceAll('FIRST_RUN', firstRunId)
          .replaceAll('RUN_ID', runId)
        const environment = {
          PATH: process.env.PATH,
          HOME: process.env.HOME,
          TIEOUT_DB: join(directory, 'db'),
          WORK: directory,
        }
        const { stdout } = await run('sh', ['-c', line], { cwd: root, env: environment })
        for (const expected of shown) expect(stdout, command).toMatch(pattern(expected))
        runId = /Run ([0-9a-f-]{36})/.exec(stdout)?.[1] ?? runId
        if (firstRunId === '') firstRunId = runId
      }
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  },
  300_000,
)
