/** What the operations of marts share: the configuration file and where its tables are. Raises TIE-5025. */

import { realpathSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { z } from 'zod'
import type { ErrorCode } from '../../base/errors.js'
import { refuse } from '../../base/errors.js'
import { namedFile } from '../../books/named-file.js'
import type { Context, HttpBinding } from '../../books/operation.js'
import { textOfFile } from '../../books/text-file.js'
import type { ConfigFile } from '../config-file.js'
import { isPostgres } from '../store/source-tables.js'

export const configInput = z.string().min(1).describe('The YAML file of the mart.')
export const sourceInput = z
  .string()
  .min(1)
  .optional()
  .describe(
    'Folder of CSV and Parquet files, a DuckDB file or a postgres:// URL; `source` of the file when not said.',
  )

export const LOAD_ERRORS: readonly ErrorCode[] = [
  'TIE-1612',
  'TIE-2408',
  'TIE-5001',
  'TIE-5002',
  'TIE-5003',
  'TIE-5004',
  'TIE-5005',
  'TIE-5006',
  'TIE-5007',
  'TIE-5008',
  'TIE-5009',
  'TIE-5010',
  'TIE-5011',
  'TIE-5012',
  'TIE-5013',
  'TIE-5014',
  'TIE-5015',
  'TIE-5016',
  'TIE-5017',
  'TIE-5018',
  'TIE-5020',
  'TIE-5021',
  'TIE-5022',
  'TIE-5023',
  'TIE-5024',
  'TIE-5025',
  'TIE-5027',
]

export async function configOf(file: string): Promise<ConfigFile> {
  // Loaded here, because the reader of YAML would slow the start of every other command.
  const { readConfigFile } = await import('../config-file.js')
  return readConfigFile(await textOfFile(file, 'TIE-5001'), file)
}

/** The file that a request names: over HTTP beneath the directory that the server was started with. */
export async function namedConfigOf(
  context: Context,
  file: string,
): Promise<{ found: ConfigFile; path: string }> {
  const path = context.filesUnder === undefined ? file : namedFile(context, file, '', { pointer: '/file' })
  const { readConfigFile } = await import('../config-file.js')
  return { found: readConfigFile(await textOfFile(path, 'TIE-5001'), file), path }
}

/**
 * The source that was asked for, or the file's own, from where the file stands. A request over HTTP names one beneath
 * the directory that the server was started with, in its input and in the file it sends; no database.
 */
export function sourceOf(
  context: Context,
  { config, placeOf }: ConfigFile,
  file: string,
  asked: string | undefined,
): string | undefined {
  const named = asked ?? config.source
  if (named === null) return undefined
  if (context.filesUnder !== undefined) {
    const place = asked === undefined ? placeOf(['source']) : { parameter: 'source' }
    return namedFile(context, asked ?? ownSource(context.filesUnder, file, named), '', place)
  }
  if (asked !== undefined || isPostgres(named)) return named
  return resolve(dirname(file), named)
}

/** Of a file beneath the directory from where it stands; of one that was sent, from the directory. */
function ownSource(root: string | null, file: string, source: string): string {
  if (root === null || isPostgres(source) || relative(realpathSync(root), file).startsWith('..'))
    return source
  return resolve(dirname(file), source)
}

export function neededSource(
  context: Context,
  found: ConfigFile,
  file: string,
  asked: string | undefined,
): string {
  return (
    sourceOf(context, found, file, asked) ??
    refuse('TIE-5025', { detail: `neither --source nor ${file} names one` })
  )
}

/** A mart over HTTP: its configuration is the body, and what it gives comes back. */
export const martBinding = (verb: string, without: readonly string[] = []): HttpBinding => ({
  method: 'POST',
  path: `/api/v1/marts/${verb}`,
  upload: 'file',
  mediaTypes: { 'application/yaml': '.yaml', 'text/yaml': '.yaml', 'application/json': '.json' },
  uploadLimit: 4_000_000,
  without,
})

/** A verb over a configuration file beneath the server's directory; what writes one asks for a preparer. */
export const configBinding = (verb: string, without: readonly string[] = []): HttpBinding => ({
  method: 'POST',
  path: `/api/v1/marts/${verb}`,
  without,
  beneath: ['file'],
  role: 'preparer',
})

/** A source as a file names it, from where it will stand; a URL may hold a password and is not written. */
export const sourceBeside = (location: string, file: string): string | null =>
  isPostgres(location) ? null : relative(dirname(resolve(file)), resolve(location)) || '.'
