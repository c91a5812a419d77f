/**
 * Which files of this machine a request may name. The command line names any; a request over HTTP only those under
 * the directory that the server was started with. Raises TIE-1612.
 */

import { realpathSync } from 'node:fs'
import { isAbsolute, relative, resolve } from 'node:path'
import { type Place, refuse } from '../base/errors.js'
import type { Context } from './operation.js'

/** The absolute path of a file that the input names, relative to `base` where the request may name any file. */
export function namedFile({ filesUnder }: Context, path: string, base: string, place?: Place): string {
  if (filesUnder === undefined) return resolve(base, path)
  if (filesUnder === null) refuse('TIE-1612', { path }, place)
  const whole = realPath(resolve(filesUnder, path))
  const inside = whole === undefined ? '..' : relative(realPath(filesUnder) ?? filesUnder, whole)
  // One refusal for what is outside and for what is not there: the answer is no way to look around.
  if (inside === '' || inside.startsWith('..') || isAbsolute(inside)) refuse('TIE-1612', { path }, place)
  return whole!
}

/** With symbolic links followed, so that none leads out. */
function realPath(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch {
    return undefined
  }
}
