/** Revenue events, channels and dead events as rows and text. Raises nothing. */

import { type Presentation, presentation, type Row, table } from './presentation.js'
import type { Style } from './style.js'
import { columnsOf, printable, textTable } from './table.js'

interface Counts {
  new: number
  same: number
  refused: number
  dry_run: boolean
}

const counted = ({ new: fresh, same, refused, dry_run }: Counts): string =>
  `Events: ${fresh.toLocaleString('en-US')} new, ${same.toLocaleString('en-US')} same, ${refused} refused${dry_run ? ' (dry run: nothing stored)' : ''}.`

const counts = presentation<Counts>({
  text: (out, style) =>
    [counted(out), ...(out.refused > 0 ? [style.dim('What was refused: tieout dead-events list')] : [])].join(
      '\n',
    ),
})

const EVENT = columnsOf(
  'number event_id',
  'text external_event_id',
  'text type',
  'text occurred_at',
  'number revenue_cents',
  'text currency',
  'text refund_of',
)
const CHANNEL = columnsOf('text code', 'text family', 'text is_paid', 'text state', 'text maps_to')
const DEAD = columnsOf(
  'number dead_event_id',
  'text file_name',
  'number import_line',
  'text state',
  'number attempts',
  'text code',
  'text message',
)

const next = (cursor: string | null, style: Style): string[] =>
  cursor === null ? [] : [style.dim(`The next page: --cursor ${cursor}`)]

interface Dead extends Row {
  problems: never
}
const deadRows = (events: readonly Dead[]): Row[] =>
  events.map((event) => {
    const [first] = event.problems as readonly { code: string; message: string }[]
    return { ...event, code: first?.code ?? null, message: first?.message ?? null }
  })

interface Touches {
  event: Row
  touches: { position: number; code: string; channel: string; at: string; milestone: string | null }[]
}

export const EVENT_PRESENTATIONS: Readonly<Record<string, Presentation>> = {
  'events import': counts,
  'events record': counts,
  'events list': presentation<{ events: Row[]; next_cursor: string | null }>({
    rows: ({ events }) => table(EVENT, events),
    text: ({ events, next_cursor }, style) =>
      events.length === 0
        ? 'No events.'
        : [textTable({ columns: EVENT, rows: events }), ...next(next_cursor, style)].join('\n'),
  }),
  'events show': presentation<Touches>({
    rows: ({ event }) => table(EVENT, [event]),
    text: ({ event, touches }) =>
      [
        textTable({ columns: EVENT, rows: [event] }),
        ...touches.map(({ position, code, channel, at, milestone }) =>
          printable(
            `  ${position}  ${at}  ${channel}${code === channel ? '' : ` (${code})`}${milestone === null ? '' : `  ${milestone}`}`,
          ),
        ),
      ].join('\n'),
  }),
  ...Object.fromEntries(
    ['channels list', 'channels add', 'channels map'].map((name) => [
      name,
      presentation<{ channels: Row[] }>({
        rows: ({ channels }) => table(CHANNEL, channels),
        text: ({ channels }) =>
          channels.length === 0 ? 'No channels.' : textTable({ columns: CHANNEL, rows: channels }),
      }),
    ]),
  ),
  'dead-events list': presentation<{ dead_events: Dead[]; next_cursor: string | null }>({
    rows: ({ dead_events }) => table(DEAD, deadRows(dead_events)),
    text: ({ dead_events, next_cursor }, style) =>
      dead_events.length === 0
        ? 'No dead events.'
        : [textTable({ columns: DEAD, rows: deadRows(dead_events) }), ...next(next_cursor, style)].join('\n'),
  }),
}
