/** What the operations of marts share: the configuration file and where its tables are. Raises TIE-5025. */

import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import type { ErrorCode } from '../../base/errors.js'
import { refuse } from '../../base/errors.js'
import { namedFile } from '../../books/named-file.js'
import type { Context, HttpBinding } from '../../books/operation.js'
import { textOfFile } from '../../books/text-file.js'
import type { ConfigFile } from '../config-file.js'

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
  if (context.filesUnder !== undefined)
    return namedFile(context, named, '', asked === undefined ? placeOf(['source']) : { parameter: 'source' })
  if (asked !== undefined || /^postgres(?:ql)?:\/\//.test(named)) return named
  return resolve(dirname(file), named)
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
