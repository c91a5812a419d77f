/**
 * Files of revenue events as lines of JSON, which is what an import takes: NDJSON as it is, CSV row by row. A CSV file has
 * the fields of an event as columns, and its touches either in one cell, `email@2025-05-01T00:00:00Z > search@…#lead`, or
 * in columns of their own, a row a touch: rows of one event follow one another.
 *
 * Streams. A row that is none becomes its problems (TIE-2401, TIE-2413, TIE-4207, TIE-4222); raises TIE-2404 to TIE-2406,
 * TIE-2412 and those of ndjson.ts.
 */

import { extname } from 'node:path'
import { type Problem, problem } from '../../base/errors.js'
import { type CsvRecord, readCsv } from '../../engines/csv.js'
import { checkHeader, checkRecord, FileProblems } from '../../engines/csv-table.js'
import { MAX_LINE, readLines, type TextLine } from '../../engines/ndjson.js'
import { EVENT_FIELDS, MAX_TOUCHES } from '../revenue-event.js'

const REQUIRED = ['type', 'occurred_at', 'revenue_cents', 'currency']
const TOUCH_COLUMNS = ['touch_channel', 'touch_at', 'touch_milestone'] as const
const SAID = EVENT_FIELDS.filter((field) => field !== 'touches')

export const readEventsFile = (file: string): AsyncGenerator<readonly TextLine[]> =>
  extname(file).toLowerCase() === '.csv' ? readEventsCsv(file) : readLines(file)

async function* readEventsCsv(file: string): AsyncGenerator<readonly TextLine[]> {
  let rows: EventRows | undefined
  for await (const batch of readCsv(file, undefined, MAX_LINE)) {
    const lines: TextLine[] = []
    for (const record of batch) {
      if (rows === undefined) rows = new EventRows(file, record)
      else lines.push(...rows.add(record))
    }
    yield lines
  }
  yield rows?.end() ?? []
}

type Row = Readonly<Record<string, string>>

interface GivenTouch {
  readonly channel: string
  readonly at: string
  readonly milestone?: string
}

/** An event whose rows are being read. */
interface OpenEvent {
  readonly line: number
  readonly row: Row
  readonly touches: GivenTouch[]
  /** Also of those that are too many to be kept. */
  touchCount: number
  /** On another line than the first, where rows disagree. */
  wrong: { readonly line: number; readonly problem: Problem } | undefined
}

class EventRows {
  private readonly names: readonly string[]
  /** Whether an event may have several rows. */
  private readonly isLong: boolean
  private open: OpenEvent | undefined

  constructor(
    private readonly file: string,
    header: CsvRecord,
  ) {
    const problems = new FileProblems(file)
    const optional = [...EVENT_FIELDS.filter((field) => !REQUIRED.includes(field)), ...TOUCH_COLUMNS]
    checkHeader(header, { required: REQUIRED, optional, ignoreUnknown: false }, problems)
    problems.stop()
    this.names = header.fields
    this.isLong = header.fields.includes('touch_channel')
  }

  /** The events that end with this row. */
  add(record: CsvRecord): TextLine[] {
    const { line, fields } = record
    const found = new FileProblems(this.file)
    if (!checkRecord(record, this.names, found))
      return [...this.end(), { line, text: JSON.stringify(fields), problems: found.problems }]
    const row = Object.fromEntries(this.names.map((name, i) => [name, fields[i]!.trim()]))
    const ended =
      this.open !== undefined && this.isLong && isOfSameEvent(this.open.row, row) ? [] : this.end()
    this.open ??= { line, row, touches: [], touchCount: 0, wrong: undefined }
    this.continue(this.open, line, row)
    return ended
  }

  end(): TextLine[] {
    if (this.open === undefined) return []
    const { line, row, touches, touchCount, wrong } = this.open
    this.open = undefined
    const said = Object.fromEntries(SAID.flatMap((name) => (row[name] ? [[name, row[name]]] : [])))
    const text = JSON.stringify(touches.length === 0 ? said : { ...said, touches })
    if (wrong !== undefined) return [{ line: wrong.line, text, problems: [wrong.problem] }]
    if (touchCount <= MAX_TOUCHES) return [{ line, text }]
    return [{ line, text, problems: [problem('TIE-4207', { found: touchCount, limit: MAX_TOUCHES })] }]
  }

  private continue(open: OpenEvent, line: number, row: Row): void {
    for (const touch of touchesOf(row)) {
      open.touchCount += 1
      if (open.touchCount <= MAX_TOUCHES) open.touches.push(touch)
    }
    const other = SAID.find((name) => row[name] && row[name] !== open.row[name])
    if (other === undefined) return
    const names = {
      column: other,
      value: row[other]!.slice(0, 60),
      said: (open.row[other] ?? '').slice(0, 60),
    }
    open.wrong ??= { line, problem: problem('TIE-4222', { ...names, first: open.line }) }
  }
}

/** By the key of the event: rows without any are events of their own, which are then refused for it. */
function isOfSameEvent(first: Row, row: Row): boolean {
  const key = row.external_event_id || row.correlation_id
  return Boolean(key) && (first.external_event_id || first.correlation_id) === key
}

function touchesOf(row: Row): GivenTouch[] {
  const touches = row.touches ? row.touches.split('>').map(touchOf) : []
  const { touch_channel: channel, touch_at: at, touch_milestone: milestone } = row
  return channel || at || milestone ? [...touches, given(channel ?? '', at ?? '', milestone)] : touches
}

/** `email@2025-05-01T00:00:00Z#lead`; what is written otherwise becomes a touch that is refused. */
function touchOf(text: string): GivenTouch {
  const match = /^(.*)@([^@#]*)(?:#([^#]*))?$/s.exec(text)
  return match === null ? given(text, '', undefined) : given(match[1]!, match[2]!, match[3])
}

const given = (channel: string, at: string, milestone: string | undefined): GivenTouch => ({
  channel: channel.trim(),
  at: at.trim(),
  ...(milestone?.trim() ? { milestone: milestone.trim() } : {}),
})
