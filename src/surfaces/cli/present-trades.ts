/** Imports of lots' facts and trades as rows and text. Raises nothing. */

import { shownAmount } from './amounts.js'
import { type Presentation, presentation, type Row, table } from './presentation.js'
import type { Style } from './style.js'
import { columnsOf, printable, type Table, textTable, type Value } from './table.js'

interface Counted {
  table: string
  new: number
  same: number
  refused: number
  dry_run: boolean
}

const counted = (what: string, found: Counted): string =>
  `${what} into ${found.table}: ${found.new.toLocaleString('en-US')} new, ${found.same.toLocaleString('en-US')} same, ${found.refused} refused${found.dry_run ? ' (dry run: nothing stored)' : ''}.`

const imports = (what: string): Presentation =>
  presentation<Counted>({ text: (out) => printable(counted(what, out)) })

interface Trade {
  trade_seq: number
  order_id: string
  symbol: string | null
  side: string | null
  size: string | null
  price: string | null
  fee: string | null
  fee_currency: string | null
  executed_at: string | null
  placed_at: string | null
  account: string | null
  strategy: string | null
  venue_sequence: string | null
  lot_ids: string[]
  bracket: string | null
  parent_id: string | null
  pnl_usd: string | null
  replaces: string | null
  replaced_by: string | null
}

interface Shown {
  trade: Trade
  origin: {
    file_name: string
    line: number
    imported_at: string
    imported_by: string
    header: string[] | null
    payload: string
    row_digest: string
  }
}

/** As in a file that is imported, so that a list can be. */
const COLUMNS = columnsOf(
  'text order_id',
  'text symbol',
  'text side',
  'number size',
  'number price',
  'number fee',
  'text executed_at',
  'text placed_at',
  'text account',
  'text strategy',
  'text fee_currency',
  'number venue_sequence',
  'text lot_ids',
  'text bracket',
  'text replaces',
  'text parent_id',
  'number pnl_usd',
)

const rowOf = (trade: Trade): Row => ({ ...trade, lot_ids: trade.lot_ids.join(';') })

const tradeTable = ({ trades }: { trades: Trade[] }): Table => table(COLUMNS, trades.map(rowOf))

/** Columns that hold nothing on this page are left out of it. */
function listText(out: { trades: Trade[]; next_cursor: string | null }, style: Style): string {
  const { trades, next_cursor } = out
  if (trades.length === 0) return 'No trades.'
  const { columns, rows } = tradeTable(out)
  const marked = rows.map((row, i) => ({ ...row, ...shownNumbers(row), state: stateOf(trades[i]!) }))
  const all = [...columns, ...columnsOf('text state')]
  const filled = all.filter(({ key }) => marked.some((row) => !isEmpty((row as Row)[key])))
  return [
    textTable({ columns: filled, rows: marked }),
    ...(next_cursor === null ? [] : [style.dim(`The next page: --cursor ${next_cursor}`)]),
  ].join('\n')
}

const isEmpty = (value: Value | undefined): boolean => value === null || value === undefined || value === ''

const AMOUNTS = ['size', 'price', 'fee', 'pnl_usd']
const shownNumbers = (row: Row): Row =>
  Object.fromEntries(AMOUNTS.map((name) => [name, shownAmount(row[name] as string | null)]))

function stateOf({ side, replaced_by, replaces }: Trade): string {
  if (replaced_by !== null) return `replaced by ${replaced_by}`
  return side === null ? `cancels ${replaces}` : ''
}

function shownText({ trade, origin }: Shown, style: Style): string {
  const { replaced_by, trade_seq } = trade
  const values = COLUMNS.flatMap(({ key }): [string, string][] => {
    const value = rowOf(trade)[key]
    return isEmpty(value) ? [] : [[key, String(value)]]
  })
  const width = Math.max(...values.map(([key]) => key.length))
  return [
    style.bold(printable(`Trade ${trade.order_id}, number ${trade_seq} to arrive`)),
    ...values.slice(1).map(([key, value]) => printable(`  ${key.padEnd(width)}  ${value}`)),
    ...(replaced_by === null ? [] : [`  ${style.yellow('!')} ${printable(`replaced by ${replaced_by}`)}`]),
    style.dim(
      printable(`${origin.file_name} line ${origin.line}, ${origin.imported_at} by ${origin.imported_by}`),
    ),
    ...(origin.header === null ? [] : [style.dim(printable(origin.header.join(',')))]),
    style.dim(printable(origin.payload)),
  ].join('\n')
}

export const TRADE_PRESENTATIONS: Readonly<Record<string, Presentation>> = {
  'trades import': imports('Trades'),
  'splits import': imports('Splits'),
  'transfers import': imports('Transfers'),
  'balances import': imports('Balances'),
  'historical-pnl import': imports('Historical P&L'),
  'historical-pnl snapshot': imports('Historical P&L'),
  'trades list': presentation<{ trades: Trade[]; next_cursor: string | null }>({
    rows: tradeTable,
    text: listText,
  }),
  'trades show': presentation<Shown>({
    rows: ({ trade }) => tradeTable({ trades: [trade] }),
    text: shownText,
  }),
}
