/** Versions of allocations as rows and text: computed, validated, listed, reported on. Raises nothing. */

import type { Finding } from '../../base/finding.js'
import { plural } from '../../base/text.js'
import { shownAmount } from './amounts.js'
import { type Presentation, presentation, type Row, table } from './presentation.js'
import { findingsText } from './run-view.js'
import type { Style } from './style.js'
import { columnsOf, printable, type Table, textTable } from './table.js'

interface Computed {
  run_id: string
  allocation_version: number
  status: string
  mode: string
  config: { method: string; scope: string; short: string; dust: string }
  trades: number
  symbols_done: number
  failed_symbols: { symbol: string; code: string; message: string }[]
  allocations: number
  unmatched: number
  open_lots: number
  rows_written: number
  rows_superseded: number
  result_digest: string
  verified: boolean
  reviews: { opened: number; escalated: number; resolved: number; reopened: number }
  duration_ms: number
  findings: Finding[]
}

const count = (n: number): string => n.toLocaleString('en-US')
const amountOf = (text: string | null): string => shownAmount(text).trim()

function computedText(out: Computed, style: Style): string {
  const { allocation_version: version, config, failed_symbols: failed, reviews } = out
  const mark = out.status === 'completed' ? style.green('✓') : style.yellow('!')
  const dust = config.dust === '0' ? '' : `, dust ${config.dust}`
  const moved = Object.entries(reviews).filter(([, n]) => n > 0)
  return [
    `${mark} Version ${style.bold(String(version))} ${out.status}: ${config.method} by ${config.scope}, short ${config.short}${dust}; ${out.mode}, ${plural(out.trades, 'trade')} of ${plural(out.symbols_done, 'symbol')} in ${out.duration_ms} ms`,
    `  ${plural(out.allocations, 'allocation')}, ${count(out.unmatched)} unmatched, ${plural(out.open_lots, 'open lot')}; ${count(out.rows_written)} written, ${count(out.rows_superseded)} superseded`,
    `  ${style.dim(`run ${out.run_id} · ${out.result_digest}`)}`,
    ...(out.verified ? [`${style.green('✓')} Verified: all facts computed anew give the same.`] : []),
    ...failed.map(
      ({ symbol, code, message }) =>
        `${style.red('✗')} ${printable(`${symbol} keeps what it had: ${code} ${message}`)}`,
    ),
    ...(moved.length === 0 ? [] : [`  Reviews: ${moved.map(([what, n]) => `${n} ${what}`).join(', ')}.`]),
    ...findingLines(
      out.findings.filter(({ code }) => code !== 'SYMBOL_FAILED'),
      style,
    ),
    style.dim(
      `tieout lots validate --version ${version} proves it; tieout lots publish --version ${version} publishes it.`,
    ),
  ].join('\n')
}

const findingLines = (findings: readonly Finding[], style: Style): string[] =>
  findings.length === 0 ? [] : [findingsText(findings, style)]

/** The exchange format; other columns come with --json. */
const ALLOCATION_COLUMNS = columnsOf(
  'text sell_order_id',
  'text buy_order_id',
  'text symbol',
  'number allocated_size',
  'number buy_price',
  'number sell_price',
  'number cost_basis',
  'number proceeds',
  'number net_proceeds',
  'number pnl',
  'text class',
)

interface Page {
  allocation_version: number
  next_cursor: string | null
}

const nextPage = ({ next_cursor }: Page, style: Style): string[] =>
  next_cursor === null
    ? []
    : [style.dim(`The next page: --cursor ${next_cursor}; all of them: --all --format csv`)]

const only = ({ columns }: { columns: Table['columns'] }, rows: readonly Row[]): Table =>
  table(
    columns,
    rows.map((row) => Object.fromEntries(columns.map(({ key }) => [key, row[key] ?? null]))),
  )

/** Numbers as controllers read them; an empty one stays empty. */
const shownRows = ({ columns, rows }: Table, exact: readonly string[] = []): Table => ({
  columns,
  rows: rows.map((row) =>
    Object.fromEntries(
      columns.map(({ key, align }) => {
        const value = row[key] ?? null
        const shown = align === 'right' && typeof value === 'string' && !exact.includes(key)
        return [key, shown ? shownAmount(value) : value]
      }),
    ),
  ),
})

const LOT_COLUMNS = columnsOf(
  'text symbol',
  'text order_id',
  'text account',
  'text strategy',
  'text side',
  'number remaining_size',
  'number price',
  'number remaining_cost',
  'text opened_at',
)

interface Validated {
  allocation_version: number
  valid: boolean
  computation_no: number
  result_digest: string
  symbols: number
  trades: number
  rows: number
  open_lots: number
  rules: { rule: string; statement: string; violations: number }[]
  violations: { rule: string; symbol: string; order_id: string; message: string }[]
}

function validatedText(out: Validated, style: Style): string {
  const { allocation_version: version } = out
  const broken = out.rules.filter(({ violations }) => violations > 0)
  const found = broken.reduce((sum, { violations }) => sum + violations, 0)
  const head = out.valid
    ? `${style.green('✓')} Version ${version} is proved: ${plural(out.rows, 'allocation')} and ${plural(out.open_lots, 'open lot')} follow from ${plural(out.trades, 'trade')} of ${plural(out.symbols, 'symbol')}; ${out.rules.length} rules hold.`
    : `${style.red('✗')} Version ${version}: ${plural(found, 'violation')} of ${plural(broken.length, 'rule')}.`
  return [
    head,
    `  ${style.dim(`computation ${out.computation_no} · ${out.result_digest}`)}`,
    ...broken.flatMap(({ rule, statement, violations }) => {
      const rows = out.violations.filter((one) => one.rule === rule)
      const more = violations - rows.length
      return [
        `${style.red('✗')} ${style.bold(rule)}  ${statement} ${count(violations)} not:`,
        ...rows.map(({ symbol, message }) =>
          printable(`    ${symbol === '' ? '' : `${symbol}  `}${message}`),
        ),
        ...(more > 0 ? [`    and ${count(more)} more`] : []),
      ]
    }),
  ].join('\n')
}

interface Health {
  allocation_version: number
  published: boolean
  method: string
  health: string
  allocations: number
  unmatched: number
  dust: number
  open_lots: number
  total_pnl: string
  unmatched_net_proceeds: string
  open_reviews: number
  trades_since: number
  last_computed_at: string | null
}

interface Publication {
  publication_no: number
  allocation_version: number
  published_at: string
  published_by: string
  note: string | null
}

const VERSION_COLUMNS = columnsOf(
  'number allocation_version',
  'text published',
  'text method',
  'text health',
  'number allocations',
  'number unmatched',
  'number open_lots',
  'number total_pnl',
  'number open_reviews',
  'number trades_since',
  'text last_computed_at',
)

const publicationText = ({
  publication_no,
  allocation_version,
  published_at,
  published_by,
  note,
}: Publication) =>
  printable(
    `  ${publication_no}. version ${allocation_version} at ${published_at} by ${published_by}${note === null ? '' : `: ${note}`}`,
  )

interface Exported {
  allocation_version: number
  file: string
  as: string
  rows: number
  bytes: number
  left_out: { symbol: string; why: string }[]
}

interface Reported {
  view: string
  allocation_version: number | null
  version?: Health
  rows: Row[]
}

/** Columns of a report are those of its rows; numbers go to the right. */
function reportTable({ rows, view }: Reported): Table {
  const names = view === 'computation-log' ? LOG_COLUMNS : Object.keys(rows[0] ?? {})
  const isNumber = (name: string): boolean =>
    rows.some((row) => /^-?\d+(\.\d+)?$/.test(String(row[name] ?? ''))) && !/_id$|_at$/.test(name)
  return only(
    { columns: columnsOf(...names.map((name) => `${isNumber(name) ? 'number' : 'text'} ${name}`)) },
    rows,
  )
}

const LOG_COLUMNS = [
  'computation_no',
  'allocation_version',
  'status',
  'mode',
  'started_at',
  'computed_by',
  'duration_ms',
  'symbols_done',
  'failed',
  'trades',
  'allocations',
  'unmatched',
  'open_lots',
  'rows_written',
  'rows_superseded',
  'error',
  'result_digest',
]
const NOTHING: Readonly<Record<string, string>> = {
  unmatched: 'No sell is unmatched.',
  discrepancies: 'No discrepancies. tieout lots validate proves more.',
  'pnl-by-symbol': 'No allocations.',
  'computation-log': 'No computations.',
}

function reportText(out: Reported, style: Style): string {
  if (out.view === 'summary') return summaryText(out, style)
  if (out.rows.length === 0) return NOTHING[out.view]!
  const shown = shownRows(reportTable(out))
  const columns = shown.columns.filter(
    ({ key }) => key !== 'result_digest' && shown.rows.some((row) => (row[key] ?? '') !== ''),
  )
  return textTable({ columns, rows: shown.rows })
}

function summaryText({ version: found, rows }: Reported, style: Style): string {
  const version = found!
  const whole = rows.at(-1)! as Readonly<Record<string, string>>
  const ties = whole.difference === '0'
  const bridge = shownRows(reportTable({ view: 'summary', allocation_version: null, rows }))
  return [
    `${style.bold(`Version ${version.allocation_version}`)}${version.published ? ' (published)' : ''}, ${version.method}: ${version.health}, computed ${version.last_computed_at}`,
    `  ${plural(version.allocations, 'allocation')}, ${count(version.unmatched)} unmatched, ${count(version.dust)} dust, ${plural(version.open_lots, 'open lot')}, ${plural(version.open_reviews, 'open review')}`,
    `  P&L ${amountOf(version.total_pnl)}, net proceeds of unmatched sells ${amountOf(version.unmatched_net_proceeds)}`,
    ...(version.trades_since === 0
      ? []
      : [`${style.yellow('!')} ${plural(version.trades_since, 'trade record')} came since.`]),
    '',
    textTable({
      columns: bridge.columns,
      rows: bridge.rows.map((row, i) => (i === rows.length - 1 ? { ...row, symbol: 'all' } : row)),
    }),
    `${ties ? style.green('✓') : style.red('✗')} P&L + unmatched − open cost + open short proceeds = cash flow of the trades${ties ? '' : `, but for ${amountOf(whole.difference!)}`}`,
  ].join('\n')
}

export const LOT_PRESENTATIONS: Readonly<Record<string, Presentation>> = {
  'lots compute': presentation<Computed>({ text: computedText }),
  'lots allocations': presentation<Page & { allocations: Row[] }>({
    rows: ({ allocations }) => only({ columns: ALLOCATION_COLUMNS }, allocations),
    text: (out, style) =>
      [
        ...(out.allocations.length === 0
          ? [`Version ${out.allocation_version} has no such allocations.`]
          : [textTable(shownRows(only({ columns: ALLOCATION_COLUMNS }, out.allocations)))]),
        ...nextPage(out, style),
      ].join('\n'),
  }),
  'lots open': presentation<Page & { lots: Row[] }>({
    rows: ({ lots }) => only({ columns: LOT_COLUMNS }, lots),
    text: (out, style) =>
      [
        ...(out.lots.length === 0
          ? ['No lots are open.']
          : [textTable(shownRows(only({ columns: LOT_COLUMNS }, out.lots)))]),
        ...nextPage(out, style),
      ].join('\n'),
  }),
  'lots validate': presentation<Validated>({
    rows: ({ violations }) =>
      table(columnsOf('text rule', 'text symbol', 'text order_id', 'text message'), violations),
    text: validatedText,
  }),
  'lots versions': presentation<{ versions: Health[]; publications: Publication[] }>({
    rows: ({ versions }) => only({ columns: VERSION_COLUMNS }, versions as unknown as Row[]),
    text: ({ versions, publications }, style) =>
      versions.length === 0
        ? 'No versions. tieout lots compute --version 1 --all-symbols makes one.'
        : [
            textTable(
              shownRows(
                only(
                  { columns: VERSION_COLUMNS },
                  versions.map((one) => ({
                    ...one,
                    published: one.published ? '✓' : '',
                  })) as unknown as Row[],
                ),
              ),
            ),
            ...(publications.length === 0
              ? ['No version is published.']
              : ['', style.bold('Published, newest first')]),
            ...publications.map(publicationText),
          ].join('\n'),
  }),
  'lots publish': presentation<Publication & { before: number | null }>({
    text: (out, style) =>
      `${style.green('✓')} Version ${out.allocation_version} is published${out.before === null ? '' : `; before it was version ${out.before}`}.`,
  }),
  'lots export': presentation<Exported>({
    text: ({ allocation_version, file, as, rows, bytes, left_out }, style) =>
      [
        `${style.green('✓')} Version ${allocation_version} is in ${printable(file)} as ${as}: ${plural(rows, 'allocation')}, ${count(bytes)} bytes.`,
        ...left_out.map(
          ({ symbol, why }) => `${style.yellow('!')} ${printable(symbol)} is left out: ${why}.`,
        ),
      ].join('\n'),
  }),
  'lots report': presentation<Reported>({ rows: reportTable, text: reportText }),
}
