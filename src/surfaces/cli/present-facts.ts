/** Fact rows behind a figure as rows and text. Raises nothing. */

import { plural } from '../../base/text.js'
import { shownAmount } from './amounts.js'
import { type Presentation, presentation, type Row, table } from './presentation.js'
import type { Style } from './style.js'
import { columnsOf, printable, type Table, textTable } from './table.js'

interface FactPage {
  run_id: string
  node_id: string
  node_name: string
  measure: string
  scenario: string
  part: string
  total: { rows: number; amount: string; rule_amount: string | null }
  position: string
  columns: string[]
  rows: {
    position: string
    import_id: string | null
    import_line: number | null
    amount: string
    rule_amount: string | null
    values: (string | null)[]
  }[]
  imports: { import_id: string; file_name: string; imported_at: string; imported_by: string }[]
  next_cursor: string | null
  note: string | null
}

export const FACT_PRESENTATIONS: Readonly<Record<string, Presentation>> = {
  'runs facts': presentation<FactPage>({ rows: factTable, text: factText }),
}

/** The names of Tieout's own columns make way for the source's. */
function ownName(name: string, columns: readonly string[]): string {
  let free = name
  while (columns.includes(free)) free += '_'
  return free
}

function factTable({ rows, columns, position, total }: FactPage): Table {
  const [at, id, line, amount, byRule] = [
    position,
    'import_id',
    'import_line',
    total.rule_amount === null ? 'amount' : 'tree_amount',
    'rule_amount',
  ].map((name) => ownName(name, columns)) as [string, string, string, string, string]
  const imported = rows.some(({ import_id }) => import_id !== null) || position === 'fact_seq'
  const both = total.rule_amount !== null
  const specs = [
    `number ${at}`,
    ...(imported ? [`text ${id}`, `number ${line}`] : []),
    `number ${amount}`,
    ...(both ? [`number ${byRule}`] : []),
  ]
  return table(
    [...columnsOf(...specs), ...columns.map((name) => ({ key: name, title: name, align: 'left' as const }))],
    rows.map((row) =>
      Object.fromEntries([
        [at, row.position],
        ...(imported
          ? [
              [id, row.import_id],
              [line, row.import_line],
            ]
          : []),
        [amount, row.amount],
        ...(both ? [[byRule, row.rule_amount]] : []),
        ...columns.map((name, i) => [name, row.values[i]]),
      ]),
    ) as Row[],
  )
}

function factText(out: FactPage, style: Style): string {
  const { node_id, node_name, measure, scenario, part, total, rows, imports, next_cursor, note } = out
  const label = node_name === node_id ? node_id : `${node_name} (${node_id})`
  const sum =
    total.rule_amount === null
      ? `Σ ${shownAmount(total.amount).trim()}`
      : `Σ ${shownAmount(total.amount).trim()} in the tree, ${shownAmount(total.rule_amount).trim()} by the rule`
  return [
    style.bold(
      printable(`${label} · ${measure} · ${scenario} · ${part}: ${plural(total.rows, 'fact')}, ${sum}`),
    ),
    ...(rows.length === 0 ? [] : [textTable(shortIds(factTable(out)))]),
    ...imports.map(({ import_id, file_name, imported_at, imported_by }) =>
      style.dim(printable(`import ${import_id.slice(0, 8)}: ${file_name}, ${imported_at} by ${imported_by}`)),
    ),
    ...(note === null ? [] : [`${style.yellow('!')} ${note}`]),
    ...(next_cursor === null
      ? []
      : [
          `${plural(rows.length, 'row')} of ${total.rows.toLocaleString('en-US')}. ${style.dim(`The next page: --cursor ${next_cursor}; all of them: --all --format csv`)}`,
        ]),
  ].join('\n')
}

/** Imports are told apart by their first characters; below the table they stand with their files. */
const shortIds = ({ columns, rows }: Table): Table => ({
  columns,
  rows: rows.map((row) => ({
    ...row,
    ...(typeof row.import_id === 'string' ? { import_id: row.import_id.slice(0, 8) } : {}),
  })),
})
