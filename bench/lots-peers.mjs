// Lots beside beancount and RP2, on the same trades in one run: text in, allocations in memory. Their interpreters
// and ours are started before the clock; ours is measured as it comes, and when its code has been compiled.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { child } from './child.mjs'

const CHILD = fileURLToPath(new URL('./lots-match-child.mjs', import.meta.url))
const PEERS = fileURLToPath(new URL('./lots_peers.py', import.meta.url))
const TRADES = 20_000

export function benchLotsBesidePeers({ python }) {
  if (python === undefined) {
    console.log(
      'beancount and RP2 are left out: name a Python that has them, as test/outside/lots.sh installs it, with --python',
    )
    return
  }
  const directory = mkdtempSync(join(tmpdir(), 'tieout-bench-'))
  try {
    const lines = execFileSync(python, [PEERS, String(TRADES), directory], { encoding: 'utf8' })
      .trim()
      .split('\n')
    for (const { peer, method, ms, allocations } of lines.map((line) => JSON.parse(line))) {
      const ours = child(CHILD, 'match', { file: join(directory, `${peer}.csv`), method })
      const said = (took) => `${took.toFixed(0)} ms, ${(ms / took).toFixed(1)} ×`
      console.log(
        `${method} of ${TRADES} trades: ${peer} ${ms.toFixed(0)} ms; tieout parsed and matched ${said(ours.first)} as it comes, ${said(ours.best)} when compiled; ` +
          `matched ${said(ours.matched)}; ${ours.allocations} allocations`,
      )
      if (ours.allocations !== allocations) {
        console.error(`${peer} has ${allocations} allocations`)
        process.exitCode = 1
      }
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
