/**
 * The zone of local times: UTC, an offset, or a name such as America/New_York, whose rules the runtime knows (Intl).
 * A named zone has local times that do not happen and such that happen twice, and says so; it changes its clocks at
 * most once in two days. Raises nothing; text that names no zone gives undefined.
 */

import { didYouMean } from './text.js'

/** What a local time is: one instant, none (the clocks skipped it), or two. */
export type LocalTime =
  | { readonly is: 'once'; readonly offset: number }
  | { readonly is: 'skipped' }
  | { readonly is: 'twice'; readonly offsets: readonly [earlier: number, later: number] }

export interface TimeZone {
  readonly name: string
  /** Of a local time, as milliseconds as if it were UTC. Offsets are milliseconds east of UTC. */
  at(local: number): LocalTime
}

const HOUR = 3_600_000
const DAY = 24 * HOUR

/** Minutes east of UTC of `Z`, `UTC`, `+01:00`, `+0100`, `+01`; undefined for anything else. */
export function parseOffset(text: string): number | undefined {
  if (/^(?:z|utc)$/i.test(text)) return 0
  const match = /^([+-])(\d{2})(?::?(\d{2}))?$/.exec(text)
  if (match === null) return undefined
  const [hours, minutes] = [Number(match[2]), Number(match[3] ?? '0')]
  if (hours > 15 || minutes > 59) return undefined
  return (match[1] === '-' ? -1 : 1) * (hours * 60 + minutes)
}

/** Abbreviations are not taken: IST is three zones, and EST another one than New York's in summer. */
export function timeZone(text: string): TimeZone | undefined {
  const minutes = parseOffset(text)
  if (minutes !== undefined) {
    const fixed: LocalTime = { is: 'once', offset: minutes * 60_000 }
    return { name: text, at: () => fixed }
  }
  if (!/^[A-Za-z]\w*\/[\w/+-]+$/.test(text)) return undefined
  try {
    return new NamedZone(text)
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

export const zoneSuggestion = (text: string): string => didYouMean(text, Intl.supportedValuesOf('timeZone'))

class NamedZone implements TimeZone {
  private readonly format: Intl.DateTimeFormat
  /** By hour of UTC at whose beginning they hold. */
  private readonly offsets = new Map<number, number>()

  /** Raises RangeError for a name that is none. */
  constructor(readonly name: string) {
    const number = 'numeric'
    this.format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      era: 'short',
      year: number,
      month: number,
      day: number,
      hour: number,
      minute: number,
      second: number,
    })
  }

  at(local: number): LocalTime {
    const [before, after] = [this.inHourOf(local - DAY), this.inHourOf(local + DAY)]
    if (before === after) return { is: 'once', offset: before }
    // The clocks change nearby: an offset counts if it is in force at the instant that it makes of the local time.
    const found = [before, after].filter((offset) => this.offsetAt(local - offset) === offset)
    if (found.length === 2) return { is: 'twice', offsets: [before, after] }
    return found.length === 1 ? { is: 'once', offset: found[0]! } : { is: 'skipped' }
  }

  private inHourOf(instant: number): number {
    const hour = Math.floor(instant / HOUR)
    const known = this.offsets.get(hour)
    if (known !== undefined) return known
    const offset = this.offsetAt(hour * HOUR)
    this.offsets.set(hour, offset)
    return offset
  }

  private offsetAt(instant: number): number {
    const part: Record<string, string> = {}
    for (const { type, value } of this.format.formatToParts(instant)) part[type] = value
    const year = part.era === 'BC' ? 1 - Number(part.year) : Number(part.year)
    const local = new Date(0)
    local.setUTCFullYear(year, Number(part.month) - 1, Number(part.day))
    local.setUTCHours(Number(part.hour), Number(part.minute), Number(part.second))
    return local.getTime() - Math.floor(instant / 1000) * 1000
  }
}

/** `-04:00`, with seconds where there are any. */
export function offsetText(offset: number): string {
  const text = new Date(Math.abs(offset)).toISOString().slice(11, 19)
  return `${offset < 0 ? '-' : '+'}${text.endsWith(':00') ? text.slice(0, 5) : text}`
}
