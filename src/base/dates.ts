/**
 * COB dates are plain `YYYY-MM-DD` text and never pass through a JS Date, which would move them with the
 * time zone. Instants are ISO text in UTC. Raises nothing; text that is no date parses to undefined.
 */

export type IsoDate = string & { readonly __isoDate: never }
export type Instant = string & { readonly __instant: never }

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
const isLeap = (year: number): boolean => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0

/** A day of the proleptic Gregorian calendar, years 0001 to 9999. */
export function parseDate(text: string): IsoDate | undefined {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text)
  if (match === null) return undefined
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])]
  if (year < 1 || month < 1 || month > 12) return undefined
  const days = month === 2 && isLeap(year) ? 29 : DAYS[month - 1]!
  return day >= 1 && day <= days ? (text as IsoDate) : undefined
}

/** PostgreSQL's timestamptz text (session in UTC) as ISO: `2025-12-24 09:00:00.5+00` → `2025-12-24T09:00:00.5Z`. */
export const instantOfPostgres = (text: string): Instant =>
  text.replace(' ', 'T').replace(/\+00(?::?00)?$/, 'Z') as Instant

export const instantOf = (date: Date): Instant => date.toISOString() as Instant
