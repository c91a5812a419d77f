/**
 * Which files of this machine a request may name. The command line names any; a request over HTTP only those under
 * the directory that the server was started with. Raises TIE-1612.
 */

import { lstatSync, realpathSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path'
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

/**
 * The absolute path of a file that the request may write, new or to be replaced. A request over HTTP writes beneath that
 * directory, into a folder that is there, and through no link.
 */
export function writableFile({ filesUnder }: Context, path: string, place?: Place): string {
  if (filesUnder === undefined) return resolve(path)
  if (filesUnder === null) refuse('TIE-1612', { path }, place)
  const [root, folder] = [realPath(filesUnder), realPath(dirname(resolve(filesUnder, path)))]
  const inside = root === undefined || folder === undefined ? '..' : relative(root, folder)
  if (inside.startsWith('..') || isAbsolute(inside)) refuse('TIE-1612', { path }, place)
  const whole = join(folder!, basename(resolve(filesUnder, path)))
  if (!isPlainOrNew(whole) || whole === root) refuse('TIE-1612', { path }, place)
  return whole
}

function isPlainOrNew(path: string): boolean {
  try {
    return lstatSync(path).isFile()
  } catch {
    return true
  }
}

/** With symbolic links followed, so that none leads out. */
function realPath(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch {
    return undefined
  }
}
