/**
 * CSV for another program: exact texts, so nothing guards a spreadsheet here. RFC 4180 with CRLF; a missing value is
 * an empty field, an empty text is two quotes. Raises nothing.
 */

export type Field = string | number | boolean | null

const NEEDS_QUOTES = /[",\r\n]|^\s|\s$/

function field(value: Field): string {
  if (value === null) return ''
  const text = String(value)
  return text === '' || NEEDS_QUOTES.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

export const csvLine = (values: readonly Field[]): string => `${values.map(field).join(',')}\r\n`

/** The named columns of the rows under a header. */
export function csvText<K extends string>(
  columns: readonly K[],
  rows: readonly Readonly<Record<K, Field>>[],
): string {
  return [csvLine(columns), ...rows.map((row) => csvLine(columns.map((column) => row[column])))].join('')
}
