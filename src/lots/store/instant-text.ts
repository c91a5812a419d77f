/** Instants out of the books as text: microseconds are one column, the three digits below another. Raises nothing. */

/** `2025-12-24T09:00:00.5Z`, with all nine digits where there is anything below the microsecond. */
export function instantText(at: string | null, ns: number | null): string | null {
  if (at === null || ns === null || ns === 0) return at
  const [seconds, fraction = ''] = at.replace('Z', '').split('.')
  return `${seconds}.${fraction.padEnd(6, '0')}${String(ns).padStart(3, '0')}Z`
}
