/** A directory of a test file's own, removed afterwards. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface TestFiles {
  path(name: string): string
  /** Writes the file and returns its path. */
  write(name: string, content: string | Uint8Array): string
  remove(): void
}

export function testFiles(): TestFiles {
  const directory = mkdtempSync(join(tmpdir(), 'tieout-test-'))
  const path = (name: string): string => join(directory, name)
  return {
    path,
    write: (name, content) => {
      writeFileSync(path(name), content)
      return path(name)
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}
