/**
 * Rows as a workbook of one sheet (Office Open XML), as a stream of bytes. Entries have no time of their own, so the same
 * rows give the same bytes. Text is text whatever it begins with: cells that a spreadsheet would take for a formula once
 * somebody edits them carry the quote prefix. Numbers are written as their decimal text and only where a double and the
 * fifteen digits that spreadsheets show hold them exactly; longer ones are text.
 *
 * Raises RangeError for more rows than a sheet holds; callers count before.
 */

import { Readable } from 'node:stream'

export interface SheetColumn {
  readonly name: string
  readonly type: 'text' | 'number'
}

export interface Sheet {
  readonly name: string
  readonly columns: readonly SheetColumn[]
  readonly rows: AsyncIterable<readonly (readonly (string | null)[])[]>
}

/** The header included. */
export const MAX_SHEET_ROWS = 1_048_576

/** The earliest day a ZIP can say, read by the same clock everywhere: it has no time zone. */
const ENTRY = { mtime: new Date(1980, 0, 1), mode: 0o100644, forceDosTimestamp: true } as const

export async function* xlsxFile(sheet: Sheet): AsyncGenerator<Uint8Array> {
  const { ZipFile } = await import('yazl')
  const zip = new ZipFile()
  const output = zip.outputStream as Readable
  for (const [name, text] of PARTS) zip.addBuffer(Buffer.from(text), name, ENTRY)
  zip.addBuffer(Buffer.from(workbook(sheet.name)), 'xl/workbook.xml', ENTRY)
  const source = Readable.from(sheetXml(sheet), { objectMode: false })
  source.on('error', (error) => output.destroy(error))
  zip.addReadStream(source, 'xl/worksheets/sheet1.xml', ENTRY)
  zip.end()
  try {
    yield* output as AsyncIterable<Uint8Array>
  } finally {
    source.destroy()
  }
}

async function* sheetXml({ columns, rows }: Sheet): AsyncGenerator<Buffer> {
  const header = columns.map(({ name }) => textCell(name, HEADER)).join('')
  yield Buffer.from(
    `${XML}<worksheet xmlns="${MAIN}"><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" ` +
      `activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetData><row>${header}</row>`,
  )
  let count = 1
  for await (const batch of rows) {
    count += batch.length
    if (count > MAX_SHEET_ROWS) throw new RangeError(`a sheet holds ${MAX_SHEET_ROWS} rows`)
    yield Buffer.from(
      batch.map((row) => `<row>${row.map((value, i) => cell(value, columns[i]!)).join('')}</row>`).join(''),
    )
  }
  yield Buffer.from('</sheetData></worksheet>')
}

function cell(value: string | null, { type }: SheetColumn): string {
  if (value === null) return '<c/>'
  if (type === 'number' && isExact(value)) return `<c><v>${value}</v></c>`
  return textCell(value, /^[=+\-@\t\r]/.test(value) ? QUOTED : PLAIN)
}

/** A decimal of at most fifteen digits is the same after a double and back. */
const isExact = (text: string): boolean =>
  /^-?\d+(?:\.\d+)?$/.test(text) && text.replace(/^-?0*\.?0*|\./g, '').length <= 15

/** Of the cell formats below. */
const [PLAIN, QUOTED, HEADER] = [0, 1, 2]

const textCell = (text: string, style: number): string =>
  `<c t="inlineStr"${style === 0 ? '' : ` s="${style}"`}><is><t xml:space="preserve">${escaped(text)}</t></is></c>`

/** XML cannot hold control characters; the format writes them _xHHHH_, and what looks like that with its underscore so. */
const escaped = (text: string): string =>
  text
    .replace(/_(?=x[0-9A-Fa-f]{4}_)/g, '_x005F_')
    .replace(
      /(?![\t\n])[\p{Cc}\ufffe\uffff]/gu,
      (char) => `_x${char.charCodeAt(0).toString(16).padStart(4, '0').toUpperCase()}_`,
    )
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')

const XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
const MAIN = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main'
const OFFICE = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'
const PACKAGE = 'http://schemas.openxmlformats.org/package/2006'
const TYPE = 'application/vnd.openxmlformats-officedocument.spreadsheetml'

const workbook = (name: string): string =>
  `${XML}<workbook xmlns="${MAIN}" xmlns:r="${OFFICE}"><sheets><sheet name="${escaped(name)}" sheetId="1" r:id="rId1"/></sheets></workbook>`

const PARTS: readonly (readonly [name: string, text: string])[] = [
  [
    '[Content_Types].xml',
    `${XML}<Types xmlns="${PACKAGE}/content-types">` +
      '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>' +
      `<Override PartName="/xl/workbook.xml" ContentType="${TYPE}.sheet.main+xml"/>` +
      `<Override PartName="/xl/worksheets/sheet1.xml" ContentType="${TYPE}.worksheet+xml"/>` +
      `<Override PartName="/xl/styles.xml" ContentType="${TYPE}.styles+xml"/></Types>`,
  ],
  [
    '_rels/.rels',
    `${XML}<Relationships xmlns="${PACKAGE}/relationships">` +
      `<Relationship Id="rId1" Type="${OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
  ],
  [
    'xl/_rels/workbook.xml.rels',
    `${XML}<Relationships xmlns="${PACKAGE}/relationships">` +
      `<Relationship Id="rId1" Type="${OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>` +
      `<Relationship Id="rId2" Type="${OFFICE}/styles" Target="styles.xml"/></Relationships>`,
  ],
  [
    'xl/styles.xml',
    `${XML}<styleSheet xmlns="${MAIN}"><fonts count="2"><font/><font><b/></font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill>` +
      '<fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border/></borders>' +
      '<cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="3"><xf xfId="0"/><xf xfId="0" quotePrefix="1"/>' +
      '<xf xfId="0" fontId="1" applyFont="1"/></cellXfs></styleSheet>',
  ],
]
