/**
 * Instants of trades: UTC text with nine digits of a second, so that text order is time order and no
 * nanosecond is lost. Raises nothing; text that is no instant is told apart from text without a zone.
 */

import { parseDate } from './dates.js'
import { type TimeZone, timeZone } from './time-zone.js'

/** `2025-12-24T09:00:00.123456789Z`, always of this length. */
export type NanoInstant = string & { readonly __nanoInstant: never }

export type ParsedInstant =
  | { readonly is: 'instant'; readonly instant: NanoInstant }
  | { readonly is: 'without_zone' }
  /** In its zone the clocks skip that time, or show it twice. */
  | { readonly is: 'skipped'; readonly zone: string }
  | { readonly is: 'twice'; readonly zone: string; readonly offsets: readonly [number, number] }
  | { readonly is: 'none' }

const FORM =
  /^(\d{4}-\d{2}-\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d+))?)?\s*([Zz]|[+-]\d{2}(?::?\d{2})?)?$/
const NONE: ParsedInstant = { is: 'none' }

/** ISO 8601 date and time; seconds may be left out. `zone` holds where the text says none. */
export function parseInstant(text: string, zone?: TimeZone): ParsedInstant {
  const usual = usualInstant(text)
  if (usual !== undefined) return usual
  const match = FORM.exec(text)
  if (match === null) return NONE
  const [, date, hour, minute, second = '00', fraction = ''] = match
  if (parseDate(date!) === undefined || hour! > '23' || minute! > '59' || second > '59') return NONE
  if (/[1-9]/.test(fraction.slice(9))) return NONE
  const said = match[6] === undefined ? zone : timeZone(match[6])
  if (said === undefined) return match[6] === undefined ? { is: 'without_zone' } : NONE
  const local = Date.parse(`${date}T${hour}:${minute}:${second}.000Z`)
  const time = said.at(local)
  if (time.is === 'skipped') return { is: 'skipped', zone: said.name }
  if (time.is === 'twice') return { is: 'twice', zone: said.name, offsets: time.offsets }
  const utc = utcText(local - time.offset)
  if (utc === undefined) return NONE
  return { is: 'instant', instant: `${utc}.${fraction.slice(0, 9).padEnd(9, '0')}Z` as NanoInstant }
}

/** To the second; undefined outside the years 0001 to 9999. */
function utcText(time: number): string | undefined {
  const text = new Date(time).toISOString()
  return /^\d{4}-/.test(text) && text >= '0001' ? text.slice(0, 19) : undefined
}

const ZEROS = '000000000'

/** `2025-12-24T09:00:00Z` with up to nine digits more, which nearly all are; undefined for anything else. */
function usualInstant(text: string): ParsedInstant | undefined {
  const end = text.length - 1
  if (end < 19 || end > 29 || end === 20 || text[end] !== 'Z' || (end > 19 && text[19] !== '.'))
    return undefined
  for (let i = 0; i < end; i++) {
    const code = text.charCodeAt(i)
    const wanted = i === 4 || i === 7 ? 45 : i === 10 ? 84 : i === 13 || i === 16 ? 58 : i === 19 ? 46 : 0
    if (wanted === 0 ? code < 48 || code > 57 : code !== wanted) return undefined
  }
  const day = Number(text.slice(8, 10))
  const month = text.slice(5, 7)
  // Days that every month has; the others and what is out of range go the long way.
  if (day < 1 || day > 28 || month < '01' || month > '12' || text.startsWith('0000')) return undefined
  if (text.slice(11, 13) > '23' || text[14]! > '5' || text[17]! > '5') return undefined
  const fraction = end === 19 ? '' : text.slice(20, end)
  const instant = `${text.slice(0, 19)}.${fraction}${ZEROS.slice(fraction.length)}Z` as NanoInstant
  return { is: 'instant', instant }
}

/** An instant with its zone, or a date, which begins at midnight UTC; undefined for anything else. */
export function parseInstantOrDate(text: string): NanoInstant | undefined {
  const parsed = parseInstant(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00Z` : text)
  return parsed.is === 'instant' ? parsed.instant : undefined
}
