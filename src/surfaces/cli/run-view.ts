/**
 * A run as a controller reads it in a terminal: the tree with natural, adjusted, plug and the comparison,
 * the tie-out lines, the findings. Raises nothing.
 */

import { equalDecimals, parseDecimal, subtract } from '../../base/decimal.js'
import type { Finding } from '../../base/finding.js'
import { plural } from '../../base/text.js'
import { shownAmount } from './amounts.js'
import type { Style } from './style.js'
import { displayWidth, pad, printable } from './table.js'

export interface ViewRow {
  readonly node_id: string
  readonly parent_node_id: string | null
  readonly node_name: string
  readonly depth: number
  readonly measure: string
  readonly scenario: string
  readonly natural: string
  readonly adjustment: string
  readonly adjusted: string | null
  readonly plug: string | null
  readonly fact_count: number
  readonly rule: string | null
}

export interface VarianceRow {
  readonly node_id: string
  readonly measure: string
  readonly adjusted: string | null
}

export interface TreeView {
  readonly has_adjustments: boolean
  readonly rows: readonly ViewRow[]
  readonly variance: readonly VarianceRow[]
  readonly measure: string
  readonly scenarios: readonly string[]
}

/** Rules are shown to this many characters. */
const RULE_WIDTH = 44
/** Deeper trees are cut for a terminal; `runs results --format csv` has them whole. */
const MAX_ROWS = 400

export function treeText(view: TreeView, style: Style): string {
  const { rows, variance, measure, scenarios, has_adjustments } = view
  const [first, second] = scenarios
  const shown = rows.filter((row) => row.measure === measure && row.scenario === first)
  const compared = second !== undefined && rows.some(({ scenario }) => scenario === second)
  const others = new Map(
    rows.filter((row) => row.measure === measure && row.scenario === second).map((row) => [row.node_id, row]),
  )
  const variances = new Map(
    variance.filter((row) => row.measure === measure).map((row) => [row.node_id, row.adjusted]),
  )
  const labels = treeLabels(shown)
  const header = [
    '',
    'facts',
    `natural ${measure}`,
    ...(has_adjustments ? ['adjustment'] : []),
    'adjusted',
    'plug',
    ...(compared ? [second, 'variance'] : []),
    '',
  ]
  const lines = shown
    .slice(0, MAX_ROWS)
    .map((row, i) => [
      labels[i]!,
      row.fact_count === 0 ? '' : row.fact_count.toLocaleString('en-US'),
      row.fact_count === 0 && row.natural === row.adjusted ? '' : shownAmount(row.natural),
      ...(has_adjustments ? [isZero(row.adjustment) ? '' : shownAmount(row.adjustment)] : []),
      row.fact_count === 0 && row.natural === row.adjusted
        ? ''
        : row.adjusted === null
          ? 'n/a '
          : shownAmount(row.adjusted),
      !isExplicit(row.rule) && row.plug !== null && isZero(row.plug) ? '' : shownAmount(row.plug),
      ...(compared
        ? [shownAmount(others.get(row.node_id)?.adjusted), shownAmount(variances.get(row.node_id))]
        : []),
      ruleMark(row.rule),
    ])
  const widths = header.map((title, i) =>
    Math.max(displayWidth(title), ...lines.map((line) => displayWidth(line[i]!))),
  )
  const align = (i: number): 'left' | 'right' => (i === 0 || i === header.length - 1 ? 'left' : 'right')
  const text = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => pad(cell, widths[i]!, align(i)))
      .join('  ')
      .trimEnd()
  const more =
    shown.length > MAX_ROWS ? [style.dim(`… and ${plural(shown.length - MAX_ROWS, 'more node')}`)] : []
  return [
    style.dim(text(header)),
    ...lines.map((line, i) => (shown[i]!.depth === 0 ? style.bold(text(line)) : text(line))),
    ...more,
  ].join('\n')
}

const isZero = (amount: string): boolean => /^-?0*(\.0*)?$/.test(amount)

const isExplicit = (rule: string | null): boolean => rule !== null && !rule.startsWith('auto ')

function ruleMark(rule: string | null): string {
  if (!isExplicit(rule)) return ''
  const text = printable(rule ?? '')
  return `◆ ${text.length > RULE_WIDTH ? `${text.slice(0, RULE_WIDTH - 1)}…` : text}`
}

/** `├─ Rates (N12)`: rows come in preorder. */
function treeLabels(rows: readonly ViewRow[]): string[] {
  const lastOf = new Map<string | null, string>()
  for (const { parent_node_id, node_id } of rows) lastOf.set(parent_node_id, node_id)
  const open: boolean[] = []
  return rows.map(({ node_id, parent_node_id, node_name, depth }) => {
    const isLast = lastOf.get(parent_node_id) === node_id
    open[depth] = !isLast
    const stem = open
      .slice(1, depth)
      .map((more) => (more ? '│  ' : '   '))
      .join('')
    const branch = depth === 0 ? '' : isLast ? '└─ ' : '├─ '
    return stem + branch + printable(node_name === node_id ? node_id : `${node_name} (${node_id})`)
  })
}

export interface TieOutRow {
  readonly scenario: string
  readonly measure: string
  readonly facts: string
  readonly root_natural: string
  readonly unassigned: string
  /** Missing in runs from before there were adjustments. */
  readonly adjustment?: string
  readonly root_plug: string | null
  readonly overrides: string | null
}

export function tieOutText(rows: readonly TieOutRow[], style: Style): string {
  return rows
    .map(({ scenario, measure, facts, root_natural, unassigned, adjustment = '0', root_plug, overrides }) => {
      const ties = facts === root_natural && tiesOut(root_plug, overrides, adjustment)
      const less = isZero(adjustment) ? '' : ` − adjustment ${shownAmount(adjustment).trim()}`
      const plug =
        root_plug === null
          ? 'root plug empty'
          : `root plug ${shownAmount(root_plug).trim()} = Σ overrides ${shownAmount(overrides).trim()}${less}`
      const mark = ties ? style.green('✓') : style.red('✗')
      const left = isZero(unassigned) ? '' : `, unassigned ${shownAmount(unassigned).trim()}`
      return `${mark} ${scenario} ${measure}: Σ facts ${shownAmount(facts).trim()} = root natural ${shownAmount(root_natural).trim()}${left}; ${plug}`
    })
    .join('\n')
}

/** The root's plug is what overrides took, less what adjustments added. */
function tiesOut(rootPlug: string | null, overrides: string | null, adjustment: string): boolean {
  if (rootPlug === null || overrides === null) return rootPlug === overrides
  const explained = subtract(parseDecimal(overrides)!, parseDecimal(adjustment)!)
  return equalDecimals(parseDecimal(rootPlug)!, explained)
}

export function findingsText(findings: readonly Finding[], style: Style): string {
  if (findings.length === 0) return style.green('No findings.')
  const mark = { error: style.red('✗'), warning: style.yellow('!'), info: style.cyan('i') }
  return findings
    .map(
      ({ severity, code, message, suggestion }) =>
        `${mark[severity]} ${style.bold(code)}  ${printable(message)}\n    ${style.dim(printable(suggestion))}`,
    )
    .join('\n')
}
