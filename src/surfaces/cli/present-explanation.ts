/**
 * Why a figure is what it is, as a controller reads it in a terminal: the figures, who decided, what it was
 * made of, what lost, and the command that goes one step deeper. Raises nothing.
 */

import { plural } from '../../base/text.js'
import type { Explanation, LostRule, Operand, RuleShown } from '../../rollup/explanation/explanation.js'
import { shownAmount } from './amounts.js'
import { FACT_PRESENTATIONS } from './present-facts.js'
import { type Presentation, presentation } from './presentation.js'
import { shellWord } from './shell-word.js'
import type { Style } from './style.js'
import { displayWidth, pad, printable } from './table.js'

/** Longer lists are cut for a terminal; --json has them whole. */
const MOST = 30

export const EXPLANATION_PRESENTATIONS: Readonly<Record<string, Presentation>> = {
  'runs explain': presentation<Explanation>({
    text: (out, style) =>
      [
        head(out, style),
        figures(out),
        decision(out, style),
        ...(out.override === null ? [] : [override(out, style)]),
        ...(out.natural.children.length > 0 || out.decided_by.kind !== 'rule' ? [madeOf(out, style)] : []),
        ...(out.lost.length === 0 ? [] : [lost(out.lost, style)]),
        ending(out, style),
      ].join('\n\n'),
  }),
  ...FACT_PRESENTATIONS,
}

interface Named {
  readonly node_id: string
  readonly node_name: string
}
const label = ({ node_id, node_name }: Named): string =>
  printable(node_name === node_id ? node_id : `${node_name} (${node_id})`)

type Cell = string | undefined
/** Lines of cells; the first column to the left, the others to the right but for a last one of words. */
function grid(lines: readonly (readonly Cell[])[], words: 'no words' | 'words last' = 'no words'): string[] {
  const columns = Math.max(0, ...lines.map((line) => line.length))
  const widths = Array.from({ length: columns }, (_, i) =>
    Math.max(...lines.map((line) => displayWidth(line[i] ?? ''))),
  )
  const left = (i: number): boolean => i === 0 || (words === 'words last' && i === columns - 1)
  return lines.map((line) =>
    widths
      .map((width, i) => pad(line[i] ?? '', width, left(i) ? 'left' : 'right'))
      .join('  ')
      .trimEnd(),
  )
}

const indented = (lines: readonly string[]): string => lines.map((line) => `  ${line}`).join('\n')
const money = (text: string | null): string => (text === null ? 'empty ' : shownAmount(text))

/** Inside a sentence a zero is a figure like any other. */
const plainMoney = (text: string | null): string => (isZero(text) ? '0' : money(text).trim())

function head({ cell, run_id, run_name, use_case, pnl_date, policy }: Explanation, style: Style): string {
  const path = cell.path.map(({ node_name }) => printable(node_name)).join(' › ')
  const run = `${use_case}, ${pnl_date}, run ${run_id.slice(0, 8)} ${run_name}, ${policy}`
  return [
    style.bold(`${label(cell)} · ${printable(cell.measure)} · ${printable(cell.scenario)}`),
    style.dim(path),
    style.dim(printable(run)),
  ].join('\n')
}

function figures({
  figures: { natural, adjustment, adjusted, plug, fact_count },
  cell,
  decided_by,
  empty,
}: Explanation): string {
  const because =
    decided_by.kind === 'rule'
      ? `by rule ${decided_by.rule.no}`
      : "own facts and the children's adjusted values"
  return indented(
    grid(
      [
        ['natural', money(natural), `Σ ${printable(cell.column)} of ${plural(fact_count, 'fact')}`],
        ...(isZero(adjustment)
          ? []
          : [['adjustments', money(adjustment), 'fact adjustments at the node and below']]),
        ['adjusted', money(adjusted), empty === null ? because : emptyText(empty)],
        ['plug', money(plug), 'natural − adjusted'],
      ],
      'words last',
    ),
  )
}

function emptyText(empty: NonNullable<Explanation['empty']>): string {
  switch (empty.why) {
    case 'division by zero':
      return `empty: ${printable(empty.at)} divides by ${printable(empty.denominator)}, which is 0`
    case 'operand is empty':
      return `empty: the operand ${printable(empty.at)} is empty`
    case 'children are empty':
      return `empty, because of ${empty.nodes.slice(0, MOST).map(label).join(', ')}`
  }
}

function decision({ decided_by }: Explanation, style: Style): string {
  switch (decided_by.kind) {
    case 'unassigned':
      return 'No rule: the facts that no node claims.'
    case 'auto':
      return `No rule of its own. Its own facts are those with ${printable(decided_by.text.replace(/^auto /, ''))}.`
    case 'children':
      return 'No rule of its own, and no facts are bound to it: the sum of its children.'
    case 'rule': {
      const { rule, outcome, reason, formula } = decided_by
      return [
        `${style.yellow('◆')} ${style.bold(`Rule ${rule.no} decided`)} (${FLAVOURS[rule.flavour]}): ${printable(rule.text)}`,
        ...noteLines(rule, style),
        ...(outcome === 'shadowed' ? [`  ${style.dim(`Shadowed: ${printable(reason)}.`)}`] : []),
        ...(formula === null ? [] : [formulaLines(formula, style)]),
      ].join('\n')
    }
  }
}

const FLAVOURS: Readonly<Record<RuleShown['flavour'], string>> = {
  filter: 'filter',
  measure_switch: 'measure switch',
  arithmetic: 'arithmetic',
}

const noteLines = ({ note }: RuleShown, style: Style): string[] =>
  note === null ? [] : [`  ${style.dim(printable(note))}`]

type FormulaShown = NonNullable<Extract<Explanation['decided_by'], { kind: 'rule' }>['formula']>

function formulaLines({ operands, evaluated, value, division }: FormulaShown, style: Style): string {
  const lines = operands
    .slice(0, MOST)
    .map((operand) => [
      printable(operand.text),
      operand.kind === 'sum' && operand.value === null ? 'n/a ' : money(operand.value),
      origin(operand),
    ])
  return indented([
    ...(lines.length === 0 ? [] : grid(lines, 'words last')),
    ...more(operands.length, 'operand'),
    ...(evaluated === null || evaluated.length > 400 ? [] : [`= ${printable(evaluated)}`]),
    ...(value === null ? [] : [`= ${plainMoney(value)}`]),
    ...(division === null
      ? []
      : [
          style.dim(
            `Every quotient is rounded to ${division.scale} places, ${division.rounding.replace('_', ' ')}.`,
          ),
        ]),
  ])
}

function origin({ kind, node_name, value_of, part, column, rows }: Operand): string {
  if (kind === 'node') return `${value_of} of ${printable(node_name ?? '')}`
  return `${part}: Σ ${printable(column ?? '')}${rows === null ? '' : ` of ${plural(rows, 'fact')}`}`
}

const more = (count: number, what: string): string[] =>
  count > MOST ? [`… and ${plural(count - MOST, `more ${what}`)}`] : []

/** The plug, fact by fact: what the tree counts and the rule does not, and the other way round. */
function override({ override: sets, facts, figures: { plug }, note }: Explanation, style: Style): string {
  const { tree_only, rule_only, both } = sets!
  const amountOf = (name: string): string => facts.parts.find(({ part }) => part === name)!.amount
  const count = (rows: number): string => rows.toLocaleString('en-US')
  const [tree, rule] = [amountOf('natural'), amountOf('rule')]
  const lines = grid([
    ['Fact by fact', 'facts', 'in the tree', 'by the rule'],
    ['  in the tree only', count(tree_only.rows), money(tree_only.amount)],
    ['  in the rule only', count(rule_only.rows), undefined, money(rule_only.amount)],
    ['  in both', count(both.rows), money(both.tree_amount), money(both.rule_amount)],
    ['  Σ', count(tree_only.rows + rule_only.rows + both.rows), money(tree), money(rule)],
  ])
  const difference = `  ${plainMoney(tree)} − ${plainMoney(rule)} = ${plainMoney(plug)} plug`
  return [style.dim(lines[0]!), ...lines.slice(1), ...(note === null ? [difference] : [])].join('\n')
}

function madeOf(out: Explanation, style: Style): string {
  const { natural, figures: own, decided_by, facts } = out
  const ruled = decided_by.kind === 'rule'
  const ownRows = facts.parts.find(({ part }) => part === 'direct')?.rows
  const ranked = [...natural.children].sort((a, b) => Number(isZero(a.plug)) - Number(isZero(b.plug)))
  const lines = grid(
    [
      ['Made of', 'facts', 'natural', 'adjusted', 'plug', ''],
      [
        '  own facts',
        ownRows?.toLocaleString('en-US'),
        money(natural.direct),
        ruled ? '' : money(natural.direct_adjusted),
      ],
      ...ranked
        .slice(0, MOST)
        .map((child) => [
          `  ${label(child)}`,
          child.fact_count.toLocaleString('en-US'),
          money(child.natural),
          money(child.adjusted),
          isZero(child.plug) ? '' : money(child.plug),
          child.rule === null || child.rule.startsWith('auto ')
            ? ''
            : `◆ ${shortened(printable(child.rule))}`,
        ]),
      [
        '  Σ',
        own.fact_count.toLocaleString('en-US'),
        money(own.natural),
        ...(ruled ? [] : [money(own.adjusted), isZero(own.plug) ? '' : money(own.plug)]),
      ],
    ],
    'words last',
  )
  return [style.dim(lines[0]!), ...lines.slice(1), ...more(natural.children.length, 'child')].join('\n')
}

const shortened = (text: string): string => (text.length > 44 ? `${text.slice(0, 43)}…` : text)
const isZero = (text: string | null): boolean => text !== null && /^-?0*(\.0*)?$/.test(text)

function lost(rules: readonly LostRule[], style: Style): string {
  const lines = rules
    .slice(0, MOST)
    .flatMap((rule) => [
      `  ${style.dim('○')} rule ${rule.no} on ${label(rule)}: ${printable(rule.text)}`,
      `    ${OUTCOMES[rule.outcome]}${printable(rule.reason)}.`,
    ])
  return [style.dim('Rules that did not decide this figure'), ...lines, ...more(rules.length, 'rule')].join(
    '\n',
  )
}

const OUTCOMES: Readonly<Record<LostRule['outcome'], string>> = {
  skipped: 'Skipped: ',
  shadowed: 'Shadowed: ',
  other_measure: 'Another measure: ',
}

function ending(out: Explanation, style: Style): string {
  const { checks, facts, note } = out
  return [
    `${style.green('✓')} ${plural(checks.length, 'identity is', 'identities are')} checked and ${checks.length === 1 ? 'holds' : 'hold'}; --json has each with both sides.`,
    ...(facts.unavailable === null
      ? []
      : [`${style.red('✗')} Its facts cannot be shown: ${printable(facts.unavailable)}`]),
    ...(note === null ? [] : [`${style.yellow('!')} ${note}`]),
    ...grid(
      nextCommands(out).map(([command, why]) => [`  ${command}`, style.dim(`# ${why}`)]),
      'words last',
    ),
  ].join('\n')
}

/** At most four commands, the ones that lead to what is unusual first. */
function nextCommands(out: Explanation): [string, string][] {
  const { cell, run_id, facts, decided_by, plug_from } = out
  const scenario = `--scenario ${shellWord(cell.scenario)}`
  const run = run_id.slice(0, 8)
  const factsOf = (part: string, why: string): [string, string] => [
    `tieout runs facts ${run} ${shellWord(cell.node_id)} ${shellWord(cell.measure)} ${scenario}${part === 'natural' ? '' : ` --part ${part}`}`,
    why,
  ]
  const explain = (node: string, why: string): [string, string] => [
    `tieout runs explain ${run} ${shellWord(node)} ${shellWord(cell.measure)} ${scenario}`,
    why,
  ]
  const parts = facts.parts
    .filter(({ rows, part }) => rows > 0 && part !== 'direct')
    .map(({ part, rows }) => factsOf(part, `${plural(rows, 'fact')}: ${PARTS[part] ?? part}`))
  const formula = decided_by.kind === 'rule' ? decided_by.formula : null
  const operands = (formula?.operands ?? []).flatMap(({ node_id, text }) =>
    node_id === null || node_id === cell.node_id ? [] : [explain(node_id, `the operand ${printable(text)}`)],
  )
  const plugs = (plug_from ?? []).map((child) =>
    explain(child.node_id, `its plug is ${money(child.plug).trim()}`),
  )
  const special = parts.filter(([command]) => /--part (?:tree_only|rule_only|both|sum:\d+)$/.test(command))
  const rest = parts.filter((part) => !special.includes(part))
  const adjustments: [string, string][] = isZero(out.figures.adjustment)
    ? []
    : [[`tieout runs adjustments ${run}`, 'each fact adjustment with its effect']]
  return [...adjustments, ...operands, ...plugs, ...special, ...rest].slice(0, 4)
}

const PARTS: Readonly<Record<string, string>> = {
  natural: 'what the tree counts',
  rule: 'what the rule counts',
  tree_only: 'what the tree counts and the rule does not',
  rule_only: 'what the rule counts and the tree does not',
  both: 'what both count',
}
