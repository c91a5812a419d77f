/** Writes a file beside its place first and moves it there, so that nobody finds half of one. Raises TIE-2801, TIE-2802. */

import { existsSync } from 'node:fs'
import { rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { Refusal, refuse } from '../../base/errors.js'

/** `token` tells two writers' drafts apart. */
export async function replaceFile(
  file: string,
  text: string | AsyncIterable<string>,
  { token, existing }: { readonly token: string; readonly existing: 'replace' | 'refuse' },
): Promise<void> {
  if (existing === 'refuse' && existsSync(file)) refuse('TIE-2801', { file })
  const draft = join(dirname(file), `.${basename(file)}.${token}.part`)
  try {
    await writeFile(draft, text, { flag: 'wx' })
    await rename(draft, file)
  } catch (error) {
    await rm(draft, { force: true })
    if (error instanceof Refusal) throw error
    refuse('TIE-2802', { file, detail: (error as Error).message })
  }
}
