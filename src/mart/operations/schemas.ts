/** What the operations of marts share: the configuration file and where its tables are. Raises TIE-5025. */

import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import type { ErrorCode } from '../../base/errors.js'
import { refuse } from '../../base/errors.js'
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

/** The source that was asked for, or the file's own, from where the file stands. */
export function sourceOf(
  { config }: ConfigFile,
  file: string,
  asked: string | undefined,
): string | undefined {
  if (asked !== undefined) return asked
  if (config.source === null || /^postgres(?:ql)?:\/\//.test(config.source)) return config.source ?? undefined
  return resolve(dirname(file), config.source)
}

export function neededSource(found: ConfigFile, file: string, asked: string | undefined): string {
  return (
    sourceOf(found, file, asked) ?? refuse('TIE-5025', { detail: `neither --source nor ${file} names one` })
  )
}
