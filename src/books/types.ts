/**
 * How SQL values go in and come out, the same for PGlite and pg. The defaults of the two differ (a date
 * becomes a JS Date of one zone or another, int8 a number or text), so neither default is ever used.
 * Raises RangeError for a number that is not finite: it has no place in an exact column.
 */

import { toUSVString } from 'node:util'
import { instantOfPostgres } from '../base/dates.js'
import type { SqlValue } from './books.js'

export type ParseText = (text: string) => unknown

const asText: ParseText = (text) => text
const asNumber: ParseText = (text) => Number(text)
const asBoolean: ParseText = (text) => text === 't'
const asBytes: ParseText = (text) => new Uint8Array(Buffer.from(text.slice(2), 'hex'))
const asJson: ParseText = (text) => JSON.parse(text)

const arrayOf =
  (element: ParseText): ParseText =>
  (text) =>
    parseArray(text, element)

/** By type OID; a type that is not here comes out as its text. */
export const PARSERS: Readonly<Record<number, ParseText>> = {
  16: asBoolean,
  17: asBytes,
  20: BigInt,
  21: asNumber,
  23: asNumber,
  26: asNumber,
  114: asJson,
  700: asNumber,
  701: asNumber,
  1082: asText, // date
  1114: asText, // timestamp
  1184: instantOfPostgres,
  1186: asText, // interval
  1700: asText, // numeric
  3802: asJson,
  1000: arrayOf(asBoolean),
  1002: arrayOf(asText), // "char"[]
  1003: arrayOf(asText), // name[]
  1005: arrayOf(asNumber),
  1007: arrayOf(asNumber),
  1009: arrayOf(asText),
  1015: arrayOf(asText), // varchar[]
  1016: arrayOf(BigInt),
  1028: arrayOf(asNumber), // oid[]
  1115: arrayOf(asText),
  1182: arrayOf(asText),
  1185: arrayOf(instantOfPostgres as ParseText),
  1231: arrayOf(asText),
  2951: arrayOf(asText), // uuid[]
} as Readonly<Record<number, ParseText>>

export const parserOf = (oid: number): ParseText => PARSERS[oid] ?? asText

/** PostgreSQL's array text, any depth: `{1,NULL,"a,\"b"}`. */
function parseArray(text: string, element: ParseText): unknown[] {
  // Bounds other than 1 are written before the braces: `[0:2]={1,2,3}`.
  let at = text.indexOf('{') + 1
  const quoted = (): string => {
    let value = ''
    for (at++; text[at] !== '"'; at++) value += text[at] === '\\' ? text[++at] : text[at]
    at++
    return value
  }
  const list = (): unknown[] => {
    const items: unknown[] = []
    while (text[at] !== '}') {
      if (text[at] === ',') at++
      else if (text[at] === '{') {
        at++
        items.push(list())
      } else if (text[at] === '"') items.push(element(quoted()))
      else {
        const start = at
        while (text[at] !== ',' && text[at] !== '}') at++
        const bare = text.slice(start, at)
        items.push(bare === 'NULL' ? null : element(bare))
      }
    }
    at++
    return items
  }
  return list()
}

const quotedElement = (text: string): string => `"${text.replace(/[\\"]/g, '\\$&')}"`

/** A parameter as the text the server reads; its type is inferred from the statement. */
export function textOfValue(value: SqlValue): string | null {
  if (value === null) return null
  // Half of a surrogate pair has no UTF-8 form, and the drivers disagree on its length.
  if (typeof value === 'string') return toUSVString(value)
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new RangeError(`${value} is no SQL value`)
    return String(value)
  }
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString('hex')}`
  if (typeof value === 'object') {
    return `{${value.map((item: string | number) => quotedElement(textOfValue(item)!)).join(',')}}`
  }
  return String(value)
}

/** The fields of PostgreSQL's ErrorResponse that both drivers keep. */
export interface SqlError extends Error {
  /** SQLSTATE, five characters. */
  readonly code: string
  readonly detail?: string
  readonly hint?: string
  readonly where?: string
  readonly constraint?: string
  readonly table?: string
  readonly column?: string
  readonly position?: string
}

export const SQL_ERROR_FIELDS = [
  'code',
  'severity',
  'detail',
  'hint',
  'where',
  'constraint',
  'schema',
  'table',
  'column',
  'position',
] as const

/** Whether the server refused the statement, with one of the SQLSTATEs when any are given. */
export function isSqlError(error: unknown, ...states: readonly string[]): error is SqlError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (typeof code !== 'string' || !/^[0-9A-Z]{5}$/.test(code)) return false
  return states.length === 0 || states.includes(code)
}
