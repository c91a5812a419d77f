/**
 * A file that an operation writes for its user: beside its place first, so that nobody finds half of it.
 * Raises TIE-2801 (there is a file already), TIE-2802 (cannot be written).
 */

import { createHash } from 'node:crypto'
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

/** Takes the next piece of a file; it is waited for. */
export type Put = (piece: string | Uint8Array) => Promise<void>

export interface WrittenFile {
  readonly bytes: number
  /** SHA-256. */
  readonly digest: string
}

/** What `write` puts is the file; with what it gives. */
export async function writeFileWhole<T>(
  place: FilePlace,
  write: (put: Put) => Promise<T>,
): Promise<WrittenFile & { readonly written: T }> {
  const { file, token } = place
  const draft = join(dirname(file), `.${basename(file)}.${token}.part`)
  const hash = createHash('sha256')
  let bytes = 0
  try {
    const handle = await open(draft, 'wx')
    let written: T
    try {
      written = await write(async (piece) => {
        const encoded = typeof piece === 'string' ? Buffer.from(piece) : piece
        hash.update(encoded)
        await handle.writeFile(encoded)
        bytes += encoded.length
      })
      await handle.sync()
    } finally {
      await handle.close()
    }
    refuseTaken(place)
    await rename(draft, file)
    return { written, bytes, digest: `sha256:${hash.digest('hex')}` }
  } catch (error) {
    await rm(draft, { force: true })
    const { code, message } = error as NodeJS.ErrnoException
    if (code === undefined || !/^E[A-Z]+$/.test(code)) throw error
    refuse('TIE-2802', { file, detail: message })
  }
}

/** A text, or its pieces as they come. */
export async function writeTextWhole(place: FilePlace, text: string | AsyncIterable<string>): Promise<void> {
  refuseTaken(place)
  await writeFileWhole(place, async (put) => {
    for await (const piece of typeof text === 'string' ? [text] : text) await put(piece)
  })
}
