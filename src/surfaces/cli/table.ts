/**
 * Rows as people and programs read them: an aligned text table, RFC 4180 CSV, JSON, or a JSON document a
 * line. Raises nothing.
 */

export type Value = string | number | boolean | null

export interface Column {
  readonly key: string
  readonly title: string
  readonly align: 'left' | 'right'
}

export interface Table {
  readonly columns: readonly Column[]
  readonly rows: readonly Readonly<Record<string, Value>>[]
}

/** `text node_id` → left-aligned, `number natural` → right-aligned; the title is the key. */
export const columnsOf = (...specs: readonly string[]): Column[] =>
  specs.map((spec) => {
    const [kind, key] = spec.split(' ') as [string, string]
    return { key, title: key, align: kind === 'number' ? 'right' : 'left' }
  })

/** Columns of the terminal that a text takes: wide East Asian characters and emoji take two, marks none. */
export function displayWidth(text: string): number {
  let width = 0
  for (const char of text) {
    if (/\p{Mark}|\p{Cc}|\p{Cf}/u.test(char)) continue
    width +=
      /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u.test(
        char,
      )
        ? 2
        : 1
  }
  return width
}

export function pad(text: string, width: number, align: 'left' | 'right'): string {
  const fill = ' '.repeat(Math.max(0, width - displayWidth(text)))
  return align === 'left' ? text + fill : fill + text
}

/** Control characters would move the cursor, marks of direction would turn the text around. */
export const printable = (text: string): string =>
  text.replace(/[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, (char) =>
    char === '\n' ? '⏎' : '·',
  )

export function textTable({ columns, rows }: Table): string {
  const cells = rows.map((row) => columns.map(({ key }) => printable(String(row[key] ?? ''))))
  const widths = columns.map(({ title }, i) =>
    Math.max(displayWidth(title), ...cells.map((row) => displayWidth(row[i]!))),
  )
  const line = (values: readonly string[]): string =>
    values
      .map((value, i) => pad(value, widths[i]!, columns[i]!.align))
      .join('  ')
      .trimEnd()
  return [
    line(columns.map(({ title }) => title)),
    widths.map((width) => '─'.repeat(width)).join('  '),
    ...cells.map(line),
  ].join('\n')
}

const NUMBER = /^-?\d+(?:\.\d+)?$/

/** A text cell that a spreadsheet would run as a formula is led by an apostrophe; numbers are left alone. */
export function guarded(value: string): string {
  return /^[=+\-@\t\r]/.test(value) && !NUMBER.test(value) ? `'${value}` : value
}

function csvField(value: Value | undefined): string {
  if (value === null || value === undefined) return ''
  const text = typeof value === 'string' ? guarded(value) : String(value)
  return /[",\r\n]/.test(text) || text !== text.trim() ? `"${text.replaceAll('"', '""')}"` : text
}

/** Lines end in CRLF, as RFC 4180 has it. */
export const csv = (table: Table): string =>
  `${table.columns.map(({ key }) => csvField(key)).join(',')}\r\n${csvLines(table)}`

/** The rows without their header, for what comes after a first part. */
export const csvLines = ({ columns, rows }: Table): string =>
  rows.map((row) => `${columns.map(({ key }) => csvField(row[key])).join(',')}\r\n`).join('')

export const ndjson = ({ rows }: Table): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('')
