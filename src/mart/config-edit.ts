/**
 * Edits of a configuration file that leave comments and order alone. What comes out is read again and checked as far as
 * a configuration can be without its tables, so no edit leaves a file that is none. Raises TIE-5001, TIE-5002, TIE-5011,
 * TIE-5031 (a name that is taken).
 */

import { type Document, isSeq, parseDocument } from 'yaml'
import { refuse, refuseAll } from '../base/errors.js'
import type { MartConfig } from './config.js'
import { readConfigFile } from './config-file.js'
import { shapeOf } from './pipeline/shape.js'

export interface Edited {
  readonly text: string
  readonly config: MartConfig
}

/** The lists that verbs add to, with the key that names an entry. */
const LISTS = {
  join_patterns: 'name',
  dynamic_column_map: 'id_source',
  dimensions: 'alias',
} as const
export type ListName = keyof typeof LISTS

/** The text as it would be kept: read, and its parts agree. */
export function checkedConfig(text: string, file: string): Edited {
  const { config, placeOf } = readConfigFile(text, file)
  refuseAll(shapeOf(config, placeOf, undefined).problems)
  return { text, config }
}

export function withEntry(
  text: string,
  file: string,
  list: ListName,
  entry: Readonly<Record<string, unknown>>,
): Edited {
  const { config } = readConfigFile(text, file)
  const key = LISTS[list]
  const name = String(entry[key])
  if (config[list].some((one) => (one as Readonly<Record<string, unknown>>)[key] === name))
    refuse('TIE-5031', { list, name })
  const document: Document = parseDocument(text)
  const said = Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== undefined))
  if (isSeq(document.get(list))) document.addIn([list], document.createNode(said))
  else document.set(list, document.createNode([said]))
  return checkedConfig(document.toString({ lineWidth: 0 }), file)
}
