/** Why lots are what they are, as rows and text: explanations, trials, comparisons, reviews. Raises nothing. */

import { plural } from '../../base/text.js'
import { shownAmount } from './amounts.js'
import { type Presentation, presentation, type Row, table } from './presentation.js'
import type { Style } from './style.js'
import { columnsOf, printable, textTable } from './table.js'

const amountOf = (text: string | null): string => shownAmount(text).trim()

interface Explained {
  allocation_version: number
  sell_order_id: string
  symbol: string
  size: string
  cost_basis: string
  net_proceeds: string
  pnl: string
  unmatched_size: string
  unmatched_net_proceeds: string
  bracket: string | null
  lines: {
    allocation: {
      buy_order_id: string | null
      allocated_size: string
      class: string
      buy_price: string | null
      sell_price: string
      pnl: string | null
    }
    arithmetic: string
    days_held: number | null
  }[]
  sources: {
    trade: { order_id: string; replaces: string | null }
    origin: { file_name: string; line: number; imported_at: string; imported_by: string; payload: string }
  }[]
}

function explainedText(out: Explained, style: Style): string {
  const { lines, sources } = out
  const bracket = out.bracket === null ? '' : ` of bracket ${out.bracket}`
  return [
    style.bold(
      printable(`${out.sell_order_id} sold ${out.size} ${out.symbol}${bracket}: P&L ${amountOf(out.pnl)}`),
    ),
    ...lines.flatMap(({ allocation: row, arithmetic, days_held }) => {
      const held = days_held === null ? '' : `, held ${plural(days_held, 'day')}`
      const lot =
        row.buy_order_id === null
          ? `${row.allocated_size} of no lot`
          : `${row.allocated_size} of ${row.buy_order_id}, ${row.buy_price} → ${row.sell_price}${held}`
      return [printable(`  ${lot}${row.class === 'matched' ? '' : ` (${row.class})`}`), `    ${arithmetic}`]
    }),
    ...(out.unmatched_size === '0'
      ? []
      : [
          `${style.yellow('!')} No lot covers ${out.unmatched_size}, net proceeds ${amountOf(out.unmatched_net_proceeds)}.`,
        ]),
    ...sources.flatMap(({ trade, origin }) => [
      style.dim(
        printable(
          `${trade.order_id}${trade.replaces === null ? '' : ` (replaces ${trade.replaces})`}: ${origin.file_name} line ${origin.line}, ${origin.imported_at} by ${origin.imported_by}`,
        ),
      ),
      printable(`  ${origin.payload}`),
    ]),
  ].join('\n')
}

interface Tried {
  symbol: string
  size: string
  price: string
  open_size: string
  method: string
  methods: (Row & { method: string })[]
}

const TRIED = columnsOf(
  'text method',
  'number pnl',
  'number cost_basis',
  'number net_proceeds',
  'number long_term',
  'number short_term',
  'number unmatched_size',
)

function triedRows({ methods }: Tried, shown: (text: string) => string): Row[] {
  return methods.map((one) =>
    Object.fromEntries(
      TRIED.map(({ key }) => [key, key === 'method' ? one.method : shown(String(one[key]))]),
    ),
  )
}

interface Difference {
  sell_order_id: string | null
  symbol: string | null
  left: string | null
  right: string | null
  difference: string
  causes: { cause: string; amount: string }[]
}

interface Compared {
  left: string
  right: string
  left_pnl: string
  right_pnl: string
  difference: string
  causes: { cause: string; amount: string }[]
  symbols: Difference[]
  sells: Difference[]
}

const causesText = (causes: Difference['causes'], shown = amountOf): string =>
  causes.map(({ cause, amount }) => `${cause} ${shown(amount)}`).join(', ')

const DIFFERENCES = columnsOf(
  'text symbol',
  'text sell_order_id',
  'number left',
  'number right',
  'number difference',
  'text causes',
)
const differenceRow =
  (shown: (text: string | null) => string | null, causes: (given: Difference['causes']) => string) =>
  (one: Difference): Row => ({
    symbol: one.symbol,
    sell_order_id: one.sell_order_id,
    left: shown(one.left),
    right: shown(one.right),
    difference: shown(one.difference),
    causes: causes(one.causes),
  })

const LISTED = 50

function comparedText(out: Compared, style: Style): string {
  const row = differenceRow(shownAmount, causesText)
  const titled = DIFFERENCES.map((column) =>
    column.key === 'left'
      ? { ...column, title: out.left }
      : column.key === 'right'
        ? { ...column, title: out.right }
        : column,
  )
  const shown = out.sells.slice(0, LISTED)
  return [
    style.bold(
      `${out.left} ${amountOf(out.left_pnl)}, ${out.right} ${amountOf(out.right_pnl)}: ${amountOf(out.difference)}`,
    ),
    ...(out.causes.length === 0 ? [] : [`  ${causesText(out.causes)}`]),
    ...(out.symbols.length === 0
      ? []
      : [
          '',
          textTable({
            columns: titled.filter(({ key }) => key !== 'sell_order_id'),
            rows: out.symbols.map(row),
          }),
        ]),
    ...(shown.length === 0
      ? ['No sell differs.']
      : ['', textTable({ columns: titled, rows: shown.map(row) })]),
    ...(shown.length < out.sells.length
      ? [
          style.dim(
            `${shown.length} of ${plural(out.sells.length, 'sell')} that differ; all of them: --format csv`,
          ),
        ]
      : []),
  ].join('\n')
}

interface ProbableCause {
  cause: string
  covers: string
  evidence: string[]
  correction: string
}
interface Review {
  review_id: number
  allocation_version: number
  code: string
  symbol: string | null
  order_id: string | null
  amount: string | null
  message: string
  severity: string
  status: string
  assignee: string | null
  resolution: string | null
  opened_at: string
  probable_cause?: ProbableCause | null
}

const REVIEWS = columnsOf(
  'number review_id',
  'number allocation_version',
  'text severity',
  'text status',
  'text assignee',
  'text code',
  'text symbol',
  'text order_id',
  'number amount',
  'text opened_at',
  'text probable_cause',
  'text correction',
  'text message',
)

const reviewRow = ({ probable_cause: cause, ...review }: Review): Row =>
  Object.fromEntries(
    REVIEWS.map(({ key }) => [
      key,
      key === 'probable_cause'
        ? (cause?.cause ?? null)
        : key === 'correction'
          ? (cause?.correction ?? null)
          : (review[key as 'code'] ?? null),
    ]),
  )

function reviewLines(review: Review, style: Style): string[] {
  const { review_id, severity, status, assignee, message, amount, resolution, probable_cause } = review
  const worth = amount === null ? '' : `, ${amountOf(amount)}`
  const whose = assignee === null ? '' : ` by ${assignee}`
  const bad = severity === 'critical' || severity === 'high'
  const head = `${style.bold(`${review_id}`)}  ${bad ? style.red(severity) : severity}, ${status}${whose}${worth}  ${printable(message)}`
  return [
    head,
    ...(resolution === null ? [] : [printable(`    ${status}: ${resolution}`)]),
    ...(probable_cause == null ? [] : causeLines([probable_cause])),
  ]
}

const causeLines = (causes: readonly ProbableCause[]): string[] =>
  causes.map(({ cause, evidence, correction }) =>
    printable(`    ${cause}${evidence.length === 0 ? '' : ` (${evidence.join(', ')})`}: ${correction}`),
  )

interface ReviewShown {
  review: Review
  causes: ProbableCause[]
  detail: Record<string, unknown>
  history: {
    at: string
    who: string
    event: string
    to_status: string
    to_severity: string
    assignee: string | null
    note: string | null
  }[]
}

const closed = presentation<{ review: Review }>({
  rows: ({ review }) => table(REVIEWS, [reviewRow(review)]),
  text: ({ review }, style) => reviewLines(review, style).join('\n'),
})

export const LOT_EVIDENCE_PRESENTATIONS: Readonly<Record<string, Presentation>> = {
  'lots explain': presentation<Explained>({
    rows: ({ lines }) =>
      table(
        columnsOf(
          'text buy_order_id',
          'number allocated_size',
          'number buy_price',
          'number sell_price',
          'number pnl',
          'text class',
          'number days_held',
          'text arithmetic',
        ),
        lines.map(({ allocation, arithmetic, days_held }) => ({
          buy_order_id: allocation.buy_order_id,
          allocated_size: allocation.allocated_size,
          buy_price: allocation.buy_price,
          sell_price: allocation.sell_price,
          pnl: allocation.pnl,
          class: allocation.class,
          days_held,
          arithmetic,
        })),
      ),
    text: explainedText,
  }),
  'lots whatif': presentation<Tried>({
    rows: (out) => table(TRIED, triedRows(out, String)),
    text: (out, style) =>
      [
        style.bold(printable(`Selling ${out.size} of ${out.open_size} ${out.symbol} at ${out.price}`)),
        textTable(
          table(
            TRIED,
            triedRows(out, shownAmount).map((row) =>
              row.method === out.method ? { ...row, method: `${row.method} (the version's)` } : row,
            ),
          ),
        ),
      ].join('\n'),
  }),
  'lots compare': presentation<Compared>({
    rows: ({ symbols, sells }) =>
      table(
        DIFFERENCES,
        [...symbols, ...sells].map(
          differenceRow(
            (text) => text,
            (causes) => causesText(causes, (text) => text ?? ''),
          ),
        ),
      ),
    text: comparedText,
  }),
  'review list': presentation<{ reviews: Review[]; next_cursor: string | null }>({
    rows: ({ reviews }) => table(REVIEWS, reviews.map(reviewRow)),
    text: ({ reviews, next_cursor }, style) =>
      [
        ...(reviews.length === 0 ? ['No reviews.'] : reviews.flatMap((one) => reviewLines(one, style))),
        ...(next_cursor === null ? [] : [style.dim(`The next page: --cursor ${next_cursor}`)]),
      ].join('\n'),
  }),
  'review show': presentation<ReviewShown>({
    rows: ({ review, causes }) =>
      table(REVIEWS, [reviewRow({ ...review, probable_cause: causes[0] ?? null })]),
    text: ({ review, causes, history }, style) =>
      [
        ...reviewLines(review, style),
        ...causeLines(causes),
        ...history.map(({ at, who, event, to_status, to_severity, assignee, note }) =>
          printable(
            `  ${at}  ${event}${assignee === null ? '' : ` to ${assignee}`}: ${to_status}, ${to_severity}, by ${who}${note === null ? '' : `: ${note}`}`,
          ),
        ),
      ].join('\n'),
  }),
  'review assign': closed,
  'review resolve': closed,
  'review dismiss': closed,
}
