/**
 * Rows of text as RFC 4180 CSV for files that are taken away. A cell that a spreadsheet would run as a formula is
 * led by an apostrophe; negative numbers are left alone. Raises nothing.
 */

const NUMBER = /^-?\d+(?:\.\d+)?$/

function csvField(value: string | null): string {
  if (value === null) return ''
  const text = /^[=+\-@\t\r]/.test(value) && !NUMBER.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(text) || text !== text.trim() ? `"${text.replaceAll('"', '""')}"` : text
}

/** Lines end in CRLF. */
export const csvHeader = (columns: readonly string[]): string => `${columns.map(csvField).join(',')}\r\n`

export const csvLines = <K extends string>(
  columns: readonly K[],
  rows: readonly Readonly<Record<K, string | null>>[],
): string => rows.map((row) => `${columns.map((name) => csvField(row[name])).join(',')}\r\n`).join('')
