/** Revenue at a glance, claims and reconciliations, as rows and text. Raises nothing. */

import type { Finding } from '../../base/finding.js'
import { type Presentation, presentation, type Row, table } from './presentation.js'
import type { Style } from './style.js'
import { columnsOf, textTable } from './table.js'

const CURRENCIES = columnsOf(
  'text currency',
  'number revenue',
  'number revenue_cents',
  'number verified_cents',
  'number unverified_cents',
  'number posted_cents',
  'number events',
  'number verified_events',
  'number entries',
)
const CHANNELS = columnsOf(
  'text currency',
  'text family',
  'text channel',
  'number allocated_revenue_cents',
  'number allocated_revenue',
  'number allocations',
)
const FAMILIES = CHANNELS.filter(({ key }) => key !== 'channel')
const AMOUNTS = columnsOf(
  'text finding',
  'text currency',
  'number references',
  'number claimed_cents',
  'number settled_cents',
)
const REFERENCES = columnsOf(
  'text platform',
  'text reference',
  'text finding',
  'number claimed_cents',
  'text claimed_currency',
  'number settled_cents',
  'text settled_currency',
  'number difference_cents',
)
const RUNS = columnsOf(
  'text run_id',
  'text state',
  'text started_at',
  'text finished_at',
  'text triggered_by',
)

interface Realtime {
  total_revenue: string | null
  currency: string | null
  verified: boolean
  data_freshness_seconds: number | null
  currencies: Row[]
}

interface Counts {
  new: number
  same: number
  refused: number
  dry_run: boolean
}

interface Reconciled {
  run_id: string
  references: number
  amounts: Row[]
  newly_verified: number
  findings: Finding[]
}

interface Shown {
  run_id: string
  state: string
  error: string | null
  amounts: Row[]
  findings: Finding[]
  references: Row[]
  next_cursor: string | null
}

const counted = (what: string): Presentation =>
  presentation<Counts>({
    text: ({ new: fresh, same, refused, dry_run }) =>
      `${what}: ${fresh.toLocaleString('en-US')} new, ${same.toLocaleString('en-US')} same, ${refused} refused${dry_run ? ' (dry run: nothing stored)' : ''}.`,
  })

const next = (cursor: string | null, style: Style): string[] =>
  cursor === null ? [] : [style.dim(`The next page: --cursor ${cursor}`)]

const findingLines = (findings: readonly Finding[], style: Style): string[] =>
  findings.flatMap(({ code, message, suggestion }) => [
    `! ${code}  ${message}`,
    style.dim(`    ${suggestion}`),
  ])

export const REVENUE_PRESENTATIONS: Readonly<Record<string, Presentation>> = {
  'attribution realtime': presentation<Realtime>({
    rows: ({ currencies }) => table(CURRENCIES, currencies),
    text: ({ total_revenue, currency, verified, data_freshness_seconds, currencies }, style) =>
      [
        total_revenue === null
          ? style.bold('Revenue in several currencies; they are not added up')
          : style.bold(`Revenue ${total_revenue}${currency === null ? '' : ` ${currency}`}`),
        `${verified ? 'All of it is verified' : 'Not all of it is verified'}; ${data_freshness_seconds === null ? 'nothing is recorded yet' : `${data_freshness_seconds} s old`}.`,
        '',
        textTable(table(CURRENCIES, currencies)),
      ].join('\n'),
  }),
  'attribution channels': presentation<{ model: string; channels: Row[]; families: Row[] }>({
    rows: ({ channels }) => table(CHANNELS, channels),
    text: ({ model, channels, families }, style) =>
      [
        style.bold(model),
        '',
        textTable(table(CHANNELS, channels)),
        '',
        textTable(table(FAMILIES, families)),
      ].join('\n'),
  }),
  'claims import': counted('Claims'),
  'settlements import': counted('Settled amounts'),
  reconcile: presentation<Reconciled>({
    rows: ({ amounts }) => table(AMOUNTS, amounts),
    text: ({ run_id, references, amounts, newly_verified, findings }, style) =>
      [
        `✓ Run ${run_id}  ${references.toLocaleString('en-US')} references compared, ${newly_verified.toLocaleString('en-US')} events newly verified`,
        '',
        textTable(table(AMOUNTS, amounts)),
        ...(findings.length > 0 ? ['', ...findingLines(findings, style)] : []),
      ].join('\n'),
  }),
  'reconciliation list': presentation<{ reconciliations: Row[]; next_cursor: string | null }>({
    rows: ({ reconciliations }) => table(RUNS, reconciliations),
    text: ({ reconciliations, next_cursor }, style) =>
      [textTable(table(RUNS, reconciliations)), ...next(next_cursor, style)].join('\n'),
  }),
  'reconciliation show': presentation<Shown>({
    rows: ({ references }) => table(REFERENCES, references),
    text: ({ run_id, state, error, amounts, findings, references, next_cursor }, style) =>
      [
        style.bold(`Run ${run_id} ${state}${error === null ? '' : `: ${error}`}`),
        '',
        textTable(table(AMOUNTS, amounts)),
        '',
        textTable(table(REFERENCES, references)),
        ...(findings.length > 0 ? ['', ...findingLines(findings, style)] : []),
        ...next(next_cursor, style),
      ].join('\n'),
  }),
  'reconciliation status': presentation<{ state: string; last_run_at: string | null }>({
    text: ({ state, last_run_at }) =>
      last_run_at === null ? 'idle: nobody has reconciled yet' : `${state}, ${last_run_at}`,
  }),
  'export revenue': presentation<{ file: string; rows: number; bytes: number; model: string }>({
    text: ({ file, rows, bytes, model }) =>
      `${file}: ${rows.toLocaleString('en-US')} rows by ${model}, ${bytes.toLocaleString('en-US')} bytes.`,
  }),
}
