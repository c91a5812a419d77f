/** The digest of a file's bytes, by which an import says what it was made from. Raises TIE-1005. */

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import type { Digest } from '../base/digest.js'
import { refuse } from '../base/errors.js'

export async function digestOfFile(file: string): Promise<Digest> {
  const hash = createHash('sha256')
  try {
    for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer)
  } catch (error) {
    refuse('TIE-1005', { file, detail: (error as Error).message })
  }
  return `sha256:${hash.digest('hex')}` as Digest
}
