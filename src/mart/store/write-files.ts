/** Writes files into a folder; those of the same names are replaced. Raises TIE-2802. */

import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { refuse } from '../../base/errors.js'
import type { WrittenFile } from '../checks/write-checks.js'

export async function writeFiles(folder: string, files: readonly WrittenFile[]): Promise<void> {
  try {
    await mkdir(folder, { recursive: true })
    for (const { path, text } of files) {
      await mkdir(dirname(join(folder, path)), { recursive: true })
      await writeFile(join(folder, path), text)
    }
  } catch (error) {
    refuse('TIE-2802', { file: folder, detail: (error as Error).message })
  }
}
