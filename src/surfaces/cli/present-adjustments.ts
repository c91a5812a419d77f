/** Fact adjustments and their steps as rows and text. Raises nothing. */

import type { Finding } from '../../base/finding.js'
import { plural } from '../../base/text.js'
import { shownAmount } from './amounts.js'
import { type Presentation, presentation, type Row, table } from './presentation.js'
import { findingsText } from './run-view.js'
import type { Style } from './style.js'
import { columnsOf, printable, textTable } from './table.js'

interface Entered extends Row {
  no: number
  name: string
  adjustment: string
}
interface Added {
  use_case: string
  new: number
  adjustments: Entered[]
  date: string | null
  steps: Step[]
  dry_run: boolean
  findings: Finding[]
}
interface Listed {
  use_case: string
  date: string | null
  adjustments: (Entered & { reversed_by: string[] })[]
}
interface Step {
  no: number
  name: string
  column: string
  measures: string[]
  scenario: string
  hits: number
  before: string
  effect: string
  after: string
}
interface Steps {
  run_id: string
  steps: Step[]
  totals: { scenario: string; measure: string; effect: string; root_adjustment: string; ties: boolean }[]
}

const STEP_COLUMNS = columnsOf(
  'number no',
  'text name',
  'text column',
  'text measures',
  'text scenario',
  'number hits',
  'number before',
  'number effect',
  'number after',
)

const stepRows = (steps: readonly Step[]): Row[] =>
  steps.map(({ no, name, column, measures, scenario, hits, before, effect, after }) => ({
    no,
    name,
    column,
    measures: measures.join(' '),
    scenario,
    hits,
    before,
    effect,
    after,
  }))

/** Amounts as controllers read them. */
const stepsText = (steps: readonly Step[]): string => {
  const rows = stepRows(steps).map(({ before, effect, after, ...rest }) => ({
    ...rest,
    before: shownAmount(before as string),
    effect: shownAmount(effect as string),
    after: shownAmount(after as string),
  }))
  return textTable(table(STEP_COLUMNS, rows))
}

const validity = ({ valid_from, valid_to }: Row): string =>
  valid_from === null && valid_to === null ? '' : ` (${valid_from ?? '…'} to ${valid_to ?? '…'})`

export const ADJUSTMENT_PRESENTATIONS: Readonly<Record<string, Presentation>> = {
  'adjustments add': presentation<Added>({
    rows: ({ steps }) => table(STEP_COLUMNS, stepRows(steps)),
    text: (out, style) => {
      // What the steps say already is not said twice.
      const noticed = out.findings.filter(({ severity }) => severity !== 'info')
      return [
        `${plural(out.new, 'adjustment')} of ${printable(out.use_case)}${out.dry_run ? ' checked (dry run: nothing stored)' : ' entered'}:`,
        ...out.adjustments.map(
          (one) =>
            `  ${one.no} ${style.bold(printable(one.name))}${validity(one)}: ${printable(one.adjustment)}`,
        ),
        ...(out.date === null ? [] : [`On ${out.date}:`, stepsText(out.steps)]),
        ...(noticed.length > 0 ? [findingsText(noticed, style)] : []),
      ].join('\n')
    },
  }),
  'adjustments list': presentation<Listed>({
    rows: ({ adjustments }) =>
      table(
        columnsOf(
          'number no',
          'text name',
          'text adjustment',
          'text valid_from',
          'text valid_to',
          'text reversed_by',
          'text owner',
          'text reason',
          'text entered_by',
          'text entered_at',
        ),
        adjustments.map(
          ({ reversed_by, ...rest }) => ({ ...rest, reversed_by: reversed_by.join(', ') }) as Row,
        ),
      ),
  }),
  'runs adjustments': presentation<Steps>({
    rows: ({ steps }) => table(STEP_COLUMNS, stepRows(steps)),
    text: (out, style) =>
      out.steps.length === 0
        ? 'No fact adjustment was in force for this run, or there were no facts.'
        : [stepsText(out.steps), ...out.totals.map((row) => totalText(row, style))].join('\n'),
  }),
}

function totalText(
  { scenario, measure, effect, root_adjustment, ties }: Steps['totals'][number],
  style: Style,
): string {
  const mark = ties ? style.green('✓') : style.red('✗')
  return `${mark} ${scenario} ${measure}: Σ effects ${shownAmount(effect).trim()} = root adjustment ${shownAmount(root_adjustment).trim()}`
}
