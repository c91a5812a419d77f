/**
 * A file that an operation writes for its user: beside its place first, so that nobody finds half of it.
 * Raises TIE-2801 (there is a file already), TIE-2802 (cannot be written).
 */

import { existsSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { refuse } from '../base/errors.js'

export interface FilePlace {
  readonly file: string
  readonly existing: 'refuse' | 'replace'
  /** Makes the name of the draft its own. */
  readonly token: string
}

/** Before the work is done. */
export function refuseTaken({ file, existing }: FilePlace): void {
  if (existing === 'refuse' && existsSync(file)) refuse('TIE-2801', { file })
}

/** Bytes written. */
export async function writeFileWhole(
  place: FilePlace,
  chunks: AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>,
): Promise<number> {
  const { file, token } = place
  const draft = join(dirname(file), `.${basename(file)}.${token}.part`)
  let bytes = 0
  try {
    const handle = await open(draft, 'wx')
    try {
      for await (const chunk of chunks) {
        const encoded = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
        await handle.writeFile(encoded)
        bytes += encoded.length
      }
      await handle.sync()
    } finally {
      await handle.close()
    }
    refuseTaken(place)
    await rename(draft, file)
    return bytes
  } catch (error) {
    await rm(draft, { force: true })
    const { code, message } = error as NodeJS.ErrnoException
    if (code === undefined || !/^E[A-Z]+$/.test(code)) throw error
    refuse('TIE-2802', { file, detail: message })
  }
}
