/** Days between instants, by their UTC dates. Raises nothing. */

const DAY = 86_400_000

/** Whole days from the date of one instant to that of the other; negative when the other is earlier. */
export const daysBetween = (from: string, to: string): number =>
  Math.round(
    (Date.parse(`${to.slice(0, 10)}T00:00:00Z`) - Date.parse(`${from.slice(0, 10)}T00:00:00Z`)) / DAY,
  )

/**
 * Held for more than one year: a sale on the same day of the next year is short term, a day later long term.
 * Acquired on 29 February, it is long term from 1 March of the next year on.
 */
export function isLongTerm(acquired: string, sold: string): boolean {
  const next = String(Number(acquired.slice(0, 4)) + 1).padStart(4, '0')
  return sold.slice(0, 10) > `${next}${acquired.slice(4, 10)}`
}
