/** Allocations of revenue, why each cent, comparisons and the ledger as rows and text. Raises nothing. */

import { plural } from '../../base/text.js'
import { shownAmount } from './amounts.js'
import { type Presentation, presentation, type Row, table } from './presentation.js'
import type { Style } from './style.js'
import { columnsOf, printable, textTable } from './table.js'

interface Allocated {
  run_id: string | null
  model: string
  model_version: string
  mode: 'full' | 'incremental'
  events: number
  computed: number
  new: number
  same: number
  superseded: number
  revenue: { currency: string; events: number; revenue_cents: string; allocated_cents: string }[]
  result_digest: string
  findings: { code: string; severity: string; message: string; suggestion: string }[]
  dry_run: boolean
}

interface Step {
  channel: string
  remaining_cents: string | null
  share: string
  exact_cents: string
  whole_cents: string
  remainder: string
  extra_cent: boolean
  allocated_revenue_cents: string
}

interface Explained {
  event: {
    external_event_id: string | null
    event_id: number
    type: string
    revenue_cents: string
    currency: string
  }
  sets: {
    model: string
    model_version: string
    split_by: 'weights' | 'remaining'
    inputs_changed: boolean
    allocations: Row[]
    touches: {
      position: number
      channel: string
      code: string
      at: string
      milestone: string | null
      why_not: string | null
    }[]
    left_over_cents: string | null
    steps: Step[]
  }[]
}

const ALLOCATION = columnsOf(
  'text external_event_id',
  'text channel',
  'number allocation_ratio',
  'number allocated_revenue_cents',
  'text currency',
)
const COMPARED = columnsOf(
  'text channel',
  'text currency',
  'number left_cents',
  'number right_cents',
  'number difference_cents',
)
const ENTRY = columnsOf(
  'number entry_no',
  'text event',
  'text channel',
  'number amount_cents',
  'text currency',
  'text effective_date',
  'text posted_at',
  'number reverses',
  'text model_version',
  'text entry_hash',
)
const BALANCE = columnsOf('text channel', 'text currency', 'number balance_cents', 'number entries')
const STEP = columnsOf(
  'text channel',
  'number remaining_cents',
  'number share',
  'number exact_cents',
  'number whole_cents',
  'number remainder',
  'text extra_cent',
  'number allocated_revenue_cents',
)

const paged =
  (columns: ReturnType<typeof columnsOf>, nothing: string) =>
  (rows: readonly Row[], cursor: string | null, style: Style): string =>
    rows.length === 0
      ? nothing
      : [
          textTable({ columns, rows }),
          ...(cursor === null ? [] : [style.dim(`The next page: --cursor ${cursor}`)]),
        ].join('\n')

function allocatedText(out: Allocated, style: Style): string {
  const isFull = out.mode === 'full'
  const nothing = isFull
    ? `${plural(out.same, 'set')} came out as stored`
    : 'nothing has changed since the last allocation'
  const done =
    out.new === 0
      ? `nothing to do: ${nothing}`
      : `${out.new.toLocaleString('en-US')} new, ${out.same.toLocaleString('en-US')} same, ${out.superseded.toLocaleString('en-US')} superseded${isFull ? '' : `; incremental, ${out.computed.toLocaleString('en-US')} computed`}`
  return [
    `${style.green('✓')} ${out.model}: ${plural(out.events, 'event')}, ${done}${out.dry_run ? ' (dry run: nothing stored)' : ''}.`,
    ...out.revenue.map(
      ({ currency, revenue_cents, allocated_cents }) =>
        `${style.green('✓')} ${currency}: Σ allocated ${shownAmount(allocated_cents).trim()} = Σ revenue ${shownAmount(revenue_cents).trim()} cents`,
    ),
    ...out.findings.flatMap(({ severity, code, message, suggestion }) => [
      printable(`${severity === 'info' ? '·' : style.yellow('!')} ${code}  ${message}`),
      style.dim(printable(`    ${suggestion}`)),
    ]),
    style.dim(`model version ${out.model_version}, contents ${out.result_digest}`),
    ...(out.run_id === null ? [] : [style.dim(`run ${out.run_id}`)]),
  ].join('\n')
}

function explainedText({ event, sets }: Explained, style: Style): string {
  const head = `${event.type} ${event.external_event_id ?? event.event_id}: ${shownAmount(event.revenue_cents).trim()} ${event.currency} cents`
  return [
    style.bold(printable(head)),
    ...sets.map((set) => {
      const by =
        set.split_by === 'weights' ? 'by the weights of its path' : 'by what remained of each channel'
      if (set.inputs_changed)
        return `${set.model}: what it was made of changed since; the next allocation supersedes it.`
      const columns = STEP.filter(({ key }) => key !== 'remaining_cents' || set.split_by === 'remaining')
      return [
        `${style.bold(set.model)} ${by}`,
        ...set.touches.map(({ position, channel, code, at, milestone, why_not }) =>
          printable(
            `  ${position}  ${at}  ${channel}${code === channel ? '' : ` (${code})`}${milestone === null ? '' : `  ${milestone}`}${why_not === null ? '' : `  does not count: ${why_not}`}`,
          ),
        ),
        textTable({
          columns,
          rows: set.steps.map(({ extra_cent, ...step }) => ({ ...step, extra_cent: extra_cent ? '+1' : '' })),
        }),
        `${set.left_over_cents} left over by whole parts, one each to the largest remainders.`,
        style.dim(`model version ${set.model_version}`),
      ].join('\n')
    }),
  ].join('\n\n')
}

export const ALLOCATION_PRESENTATIONS: Readonly<Record<string, Presentation>> = {
  'attribution allocate': presentation<Allocated>({ text: allocatedText }),
  'attribution allocations': presentation<{ allocations: Row[]; next_cursor: string | null }>({
    rows: ({ allocations }) => table(ALLOCATION, allocations),
    text: ({ allocations, next_cursor }, style) =>
      paged(ALLOCATION, 'No allocations.')(allocations, next_cursor, style),
  }),
  'attribution explain': presentation<Explained>({
    rows: ({ sets }) =>
      table(
        [...columnsOf('text model_version'), ...STEP],
        sets.flatMap(({ steps, model_version }) => steps.map((step) => ({ model_version, ...step }))),
      ),
    text: explainedText,
  }),
  'attribution compare': presentation<{
    models: [string, string]
    events: number
    only_left: number
    only_right: number
    channels: Row[]
  }>({
    rows: ({ channels }) => table(COMPARED, channels),
    text: ({ models: [left, right], events, only_left, only_right, channels }) =>
      [
        `${left} → ${right}: ${plural(events, 'event')}${only_left + only_right === 0 ? '' : `; left out: ${only_left} of ${left} alone, ${only_right} of ${right} alone`}`,
        ...(channels.length === 0 ? [] : [textTable({ columns: COMPARED, rows: channels })]),
      ].join('\n'),
  }),
  'ledger post': presentation<{
    posted: number
    reversed: number
    entries: number
    head: string
    model: string
  }>({
    text: ({ posted, reversed, entries, head, model }, style) =>
      [
        `Ledger by ${model}: ${posted.toLocaleString('en-US')} posted, ${reversed.toLocaleString('en-US')} reversed, ${entries.toLocaleString('en-US')} entries.`,
        style.dim(`the last ${head}`),
      ].join('\n'),
  }),
  'ledger list': presentation<{ entries: Row[]; next_cursor: string | null }>({
    rows: ({ entries }) => table(ENTRY, entries),
    text: ({ entries, next_cursor }, style) => paged(ENTRY, 'No entries.')(entries, next_cursor, style),
  }),
  'ledger balance': presentation<{ channels: Row[] }>({
    rows: ({ channels }) => table(BALANCE, channels),
    text: ({ channels }, style) => paged(BALANCE, 'No entries.')(channels, null, style),
  }),
  'ledger export': presentation<{ file: string; entries: number; head: string }>({
    text: ({ file, entries, head }) => `${plural(entries, 'entry', 'entries')} in ${file}, the last ${head}.`,
  }),
  'ledger verify': presentation<{
    entries: number
    head: string
    violation: { entry_no: number; what: string } | null
  }>({
    text: ({ entries, head, violation }) =>
      violation === null
        ? `✓ The ledger is proved: ${entries.toLocaleString('en-US')} entries, the last ${head}.`
        : `✗ Entry ${violation.entry_no} is the first bad one: ${violation.what}. ${entries} entries before it are right.`,
  }),
}
