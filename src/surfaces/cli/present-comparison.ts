/** Two runs, or a use case and a trial of edits, side by side as rows and text. Raises nothing. */

import type { Finding } from '../../base/finding.js'
import { plural } from '../../base/text.js'
import { shownAmount } from './amounts.js'
import { type Presentation, presentation, type Row, table } from './presentation.js'
import { findingsText } from './run-view.js'
import type { Style } from './style.js'
import { columnsOf, printable, textTable } from './table.js'

interface Compared {
  readonly left: string | null
  readonly right: string | null
  readonly difference: string | null
  readonly causes: Readonly<Record<string, string>>
  readonly residual: string | null
}
interface ComparedCell {
  readonly node_id: string
  readonly node_name: string
  readonly depth: number
  readonly measure: string
  readonly scenario: string
  readonly natural: Compared
  readonly adjusted: Compared
}
interface Side {
  readonly run_id: string
  readonly run_name: string
  readonly pnl_date: string | null
  readonly policy: string | null
}
interface Comparison {
  readonly left: Side
  readonly right: Side
  readonly order: readonly string[]
  readonly differing: readonly string[]
  readonly cells: number
  readonly different: number
  readonly residual_zero: boolean
  readonly rows: readonly ComparedCell[]
}

/** More rows are for --format csv. */
const MAX_ROWS = 60

export const COMPARISON_PRESENTATIONS: Readonly<Record<string, Presentation>> = {
  'runs compare': presentation<Comparison>({
    rows: ({ rows, order }) =>
      table(
        columnsOf(
          'text node_id',
          'text node_name',
          'number depth',
          'text measure',
          'text scenario',
          'text figure',
          'number left',
          'number right',
          'number difference',
          ...order.map((cause) => `number ${cause}`),
          'number residual',
        ),
        rows.flatMap((cell) => [flatRow(cell, 'natural', order), flatRow(cell, 'adjusted', order)]),
      ),
    text: comparisonText,
  }),
  whatif: presentation<WhatIf>({
    rows: ({ rows }) =>
      table(
        columnsOf(
          'text node_id',
          'text node_name',
          'number depth',
          'text measure',
          'text scenario',
          'number natural_before',
          'number natural_after',
          'number adjusted_before',
          'number adjusted_after',
          'number difference',
          'number plug_before',
          'number plug_after',
          'text rule_after',
        ),
        rows.map(({ before, after, node_id, node_name, depth, measure, scenario, difference }) => ({
          ...{ node_id, node_name, depth, measure, scenario, difference },
          natural_before: before?.natural ?? null,
          natural_after: after?.natural ?? null,
          adjusted_before: before?.adjusted ?? null,
          adjusted_after: after?.adjusted ?? null,
          plug_before: before?.plug ?? null,
          plug_after: after?.plug ?? null,
          rule_after: after?.rule ?? null,
        })),
      ),
    text: whatIfText,
  }),
  'rules preview': presentation<Preview>({ text: previewText }),
}

interface TrialSide {
  readonly natural: string | null
  readonly adjusted: string | null
  readonly plug: string | null
  readonly rule: string | null
}
interface WhatIf {
  readonly use_case: string
  readonly version: number
  readonly pnl_date: string
  readonly facts: number
  readonly policy: { readonly before: string; readonly after: string }
  readonly cells: number
  readonly changed: number
  readonly rows: readonly {
    readonly node_id: string
    readonly node_name: string
    readonly depth: number
    readonly measure: string
    readonly scenario: string
    readonly before: TrialSide | null
    readonly after: TrialSide | null
    readonly difference: string | null
  }[]
  readonly findings: readonly Finding[]
  readonly new_findings: number
}

const shownOrEmpty = (side: TrialSide | null, figure: 'adjusted' | 'plug'): string =>
  side === null ? '' : side[figure] === null ? 'n/a ' : shownAmount(side[figure])

const CELL_COLUMNS = columnsOf(
  'text node',
  'text measure',
  'text scenario',
  'number before',
  'number after',
  'number difference',
)
const PLUG_COLUMNS = (['plug before', 'plug after'] as const).map((key) => ({
  key,
  title: key,
  align: 'right' as const,
}))

const beforeAfter = (row: WhatIf['rows'][number]): Row => ({
  node: `${'  '.repeat(row.depth)}${row.node_name}`,
  measure: row.measure,
  scenario: row.scenario,
  before: shownOrEmpty(row.before, 'adjusted'),
  after: shownOrEmpty(row.after, 'adjusted'),
  difference: shownAmount(row.difference),
  'plug before': shownOrEmpty(row.before, 'plug'),
  'plug after': shownOrEmpty(row.after, 'plug'),
})

function whatIfText(out: WhatIf, style: Style): string {
  const policy =
    out.policy.before === out.policy.after ? out.policy.after : `${out.policy.before} → ${out.policy.after}`
  const head = `${style.bold('Trial')} of ${printable(out.use_case)} (version ${out.version} with edits), ${out.pnl_date}, ${policy}: ${out.changed} of ${plural(out.cells, 'cell')} would change. Nothing is stored.`
  const shown = out.rows.slice(0, MAX_ROWS)
  const rows = shown.map(beforeAfter)
  const more = out.rows.length - shown.length
  return [
    head,
    ...(rows.length === 0 ? [] : [textTable(table([...CELL_COLUMNS, ...PLUG_COLUMNS], rows))]),
    ...(more > 0 ? [style.dim(`… and ${plural(more, 'more cell')}; --format csv has them all.`)] : []),
    ...(out.new_findings === 0 ? [] : [findingsText([...out.findings].slice(0, out.new_findings), style)]),
  ].join('\n')
}

function flatRow(cell: ComparedCell, figure: 'natural' | 'adjusted', order: readonly string[]): Row {
  const { node_id, node_name, depth, measure, scenario } = cell
  const { left, right, difference, causes, residual } = cell[figure]
  const effects = order.map((cause) => [cause, difference === null ? null : (causes[cause] ?? '0')])
  return {
    ...{ node_id, node_name, depth, measure, scenario, figure, left, right, difference },
    ...Object.fromEntries(effects),
    residual,
  }
}

function comparisonText(out: Comparison, style: Style): string {
  const side = ({ run_id, run_name, pnl_date, policy }: Side): string =>
    `${style.bold(run_id.slice(0, 8))} ${printable(run_name)} (${pnl_date}, ${policy})`
  const head = `${side(out.left)} → ${side(out.right)}: ${out.different} of ${plural(out.cells, 'cell')} differ`
  if (out.different === 0) return `${head}.`
  const shown = out.rows.slice(0, MAX_ROWS)
  const rows = shown.map((cell) => ({
    node: `${'  '.repeat(cell.depth)}${cell.node_name}`,
    measure: cell.measure,
    scenario: cell.scenario,
    left: cell.adjusted.left === null ? 'n/a ' : shownAmount(cell.adjusted.left),
    right: cell.adjusted.right === null ? 'n/a ' : shownAmount(cell.adjusted.right),
    difference: shownAmount(cell.adjusted.difference),
    ...Object.fromEntries(out.differing.map((cause) => [cause, shownAmount(cell.adjusted.causes[cause])])),
  }))
  const columns = columnsOf(
    'text node',
    'text measure',
    'text scenario',
    'number left',
    'number right',
    'number difference',
    ...out.differing.map((cause) => `number ${cause}`),
  )
  const more = out.rows.length - shown.length
  return [
    head,
    textTable(table(columns, rows)),
    ...(more > 0 ? [style.dim(`… and ${plural(more, 'more cell')}; --format csv has them all.`)] : []),
    out.residual_zero
      ? `${style.green('✓')} The causes, taken in the order ${out.order.join(', ')}, sum to every difference; residual 0.`
      : `${style.red('✗')} The causes do not sum to every difference: equal inputs gave other figures (see residual in --format csv).`,
    style.dim('Adjusted values; natural ones are in --format csv and --json.'),
  ].join('\n')
}

interface Preview {
  readonly use_case: string
  readonly pnl_date: string
  readonly rule: string
  readonly outcome: string
  readonly reason: string
  readonly found: readonly {
    readonly scenario: string
    readonly where: string | null
    readonly facts: number
    readonly amounts: readonly { readonly column: string; readonly amount: string }[]
  }[]
  readonly examples: readonly {
    readonly values: Readonly<Record<string, string | null>>
    readonly amounts: Readonly<Record<string, string>>
    readonly facts: number
  }[]
  readonly near_misses: readonly string[]
  readonly node: WhatIf['rows']
  readonly root: WhatIf['rows']
  readonly changed: number
  readonly findings: readonly Finding[]
}

function previewText(out: Preview, style: Style): string {
  const name = out.node[0]?.node_name ?? ''
  const found = out.found.map(({ scenario, where, facts, amounts }) => {
    const sums = amounts.map(({ column, amount }) => `${column} ${shownAmount(amount).trim()}`).join(', ')
    return `  ${scenario}: ${plural(facts, 'fact')}${where === null ? '' : ` where ${printable(where)}`}; ${sums}`
  })
  const examples = out.examples.map(({ values, amounts, facts }) => ({ ...values, ...amounts, facts }))
  const names = Object.keys(out.examples[0]?.values ?? {})
  const sums = Object.keys(out.examples[0]?.amounts ?? {})
  const columns = [
    ...names.map((key) => ({ key, title: key, align: 'left' as const })),
    ...sums.map((key) => ({ key, title: key, align: 'right' as const })),
    { key: 'facts', title: 'facts', align: 'right' as const },
  ]
  const cells = [...out.node, ...out.root.filter(({ node_id }) => node_id !== out.node[0]?.node_id)]
  return [
    `${style.bold('Preview')} on ${printable(name)}, ${printable(out.use_case)}, ${out.pnl_date}: ${printable(out.rule)}`,
    out.reason === ''
      ? `It ${out.outcome}.`
      : style.yellow(`It is ${out.outcome}: ${printable(out.reason)}.`),
    ...(found.length === 0 ? [] : ['It finds', ...found]),
    ...(out.near_misses.length === 0
      ? []
      : [style.yellow(`Did you mean ${out.near_misses.map(printable).join(' or ')}?`)]),
    ...(examples.length === 0 ? [] : ['Such as', textTable(table(columns, examples))]),
    textTable(table([...CELL_COLUMNS, ...PLUG_COLUMNS], cells.map(beforeAfter))),
    `${plural(out.changed, 'cell')} of the tree would change. Nothing is stored.`,
    ...(out.findings.length === 0 ? [] : [findingsText([...out.findings], style)]),
  ].join('\n')
}
