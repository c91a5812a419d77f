/** Reads a text file that a command names. Raises TIE-1005 (it cannot be read) and the code given for bytes that are not UTF-8. */

import { readFile } from 'node:fs/promises'
import { refuse } from '../base/errors.js'

export async function textOfFile(
  file: string,
  notYaml: 'TIE-2301' | 'TIE-2701' | 'TIE-5001',
): Promise<string> {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file))
  } catch (error) {
    if (error instanceof TypeError)
      refuse(notYaml, { detail: 'it holds bytes that are not UTF-8.' }, { file, line: 1 })
    refuse('TIE-1005', { file, detail: (error as Error).message })
  }
}
