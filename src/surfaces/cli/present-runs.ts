/** Runs and their verification as rows and text. Raises nothing. */

import type { Finding } from '../../base/finding.js'
import { plural } from '../../base/text.js'
import { type Presentation, presentation, type Row, table } from './presentation.js'
import {
  findingsText,
  type TieOutRow,
  tieOutText,
  treeText,
  type VarianceRow,
  type ViewRow,
} from './run-view.js'
import type { Style } from './style.js'
import { columnsOf, pad } from './table.js'

interface RunCreated {
  run_id: string
  trial: boolean
  use_case: string
  pnl_date: string
  policy: string
  result_digest: string
  duration_ms: number
  facts: number
  cells: number
  tie_out: TieOutRow[]
  stages: Record<string, number | string>
  findings: Finding[]
}
interface RunResults {
  run_id: string
  has_adjustments: boolean
  rows: ViewRow[]
  variance: VarianceRow[]
}
interface Verified {
  run_id: string
  verdict: string
  recorded: string
  stored: string
  recalculated: string
  stale: string[]
}
interface HybridChecked {
  ok: boolean
  use_cases: {
    use_case: string
    run_id: string
    pnl_date: string
    cells: number
    matching: number
    match_percent: string
    stored_digest_ok: boolean
    differences: Row[]
  }[]
}
interface RunShown {
  id: string
  use_case: string | null
  pnl_date: string
  run_name: string
  status: string
  executed_at: string
  triggered_by: string
  duration_ms: number | null
  policy: string | null
  parameters: Record<string, unknown>
  digests: Record<string, string>
  result_digest: string | null
  results_count: number
  stale: string[]
  error: { message?: string } | null
  sign_offs: SignOffRow[]
  findings: Finding[]
}
interface SignOffRow {
  signed_by: string
  signed_at: string
  note: string | null
}
const signOffLines = (signOffs: readonly SignOffRow[], style: Style): string[] =>
  signOffs.map(
    ({ signed_by, signed_at, note }) =>
      `${style.green('✓')} signed off by ${signed_by} at ${signed_at}${note === null ? '' : `: ${note}`}`,
  )

const adjustmentsSeen = ({ parameters: { adjustments_through: through } }: RunShown): string =>
  through === undefined || through === 0 ? '' : `, adjustments up to ${through}`

/** Runs of lots, attribution and reconciliation are of no report. */
const reportOf = ({ use_case, pnl_date }: RunShown): string =>
  use_case === null ? '' : ` of ${use_case}, ${pnl_date}`

const versionsSeen = (out: RunShown): string =>
  `structure ${out.parameters.structure} version ${out.parameters.structure_version}, use case version ${out.parameters.use_case_version}${adjustmentsSeen(out)}`

/** Where the facts came from when they were not read again. */
const KEPT: Readonly<Record<string, string>> = { memory: ' (kept in memory)', disk: ' (kept on disk)' }

export const RUN_PRESENTATIONS: Readonly<Record<string, Presentation>> = {
  'runs sign-off': presentation<{ run_id: string; sign_offs: SignOffRow[] }>({
    rows: ({ sign_offs }) =>
      table(
        columnsOf('text signed_by', 'text signed_at', 'text note'),
        sign_offs.map((row) => ({ ...row })),
      ),
    text: ({ run_id, sign_offs }, style) => [`Run ${run_id}`, ...signOffLines(sign_offs, style)].join('\n'),
  }),
  'runs create': presentation<RunCreated>({
    text: (out, style) =>
      [
        `${style.green('✓')} ${out.trial ? 'Trial run' : 'Run'} ${style.bold(out.run_id)}  ${out.use_case}, ${out.pnl_date}, ${out.policy}: ${plural(out.facts, 'fact')} → ${plural(out.cells, 'cell')} in ${out.duration_ms} ms`,
        `  ${style.dim(`read ${out.stages.read_ms} ms${KEPT[out.stages.frame as string] ?? ''}, calculate ${out.stages.calculate_ms} ms, store ${out.stages.store_ms} ms · ${out.result_digest}`)}`,
        tieOutText(out.tie_out, style),
        findingsText(out.findings, style),
        style.dim(
          `tieout runs results ${out.run_id.slice(0, 8)} shows the tree; tieout runs verify ${out.run_id.slice(0, 8)} calculates it again.`,
        ),
      ].join('\n'),
  }),
  'runs list': presentation<{ runs: Row[] }>({
    rows: ({ runs }) =>
      table(
        columnsOf(
          'text id',
          'text pnl_date',
          'text use_case',
          'text run_name',
          'text status',
          'text executed_at',
          'text triggered_by',
          'number duration_ms',
        ),
        runs,
      ),
  }),
  'runs show': presentation<RunShown>({
    text: (out, style) =>
      [
        `${style.bold(out.id)}  ${out.run_name}${reportOf(out)}: ${out.status}${out.stale.length > 0 ? style.yellow(` (stale: ${out.stale.join(', ')})`) : ''}`,
        `by ${out.triggered_by} at ${out.executed_at}, ${out.duration_ms ?? '?'} ms${out.policy === null ? '' : `, policy ${out.policy}`}, ${plural(out.results_count, 'result')}`,
        ...(out.use_case === null ? [] : [versionsSeen(out)]),
        ...Object.entries({ result: out.result_digest ?? 'none', ...out.digests }).map(
          ([name, digest]) => `  ${pad(name, 11, 'left')} ${digest}`,
        ),
        ...(out.error === null ? [] : [style.red(`failed: ${out.error.message ?? ''}`)]),
        ...signOffLines(out.sign_offs, style),
        tieOutText((out.parameters.tie_out as TieOutRow[] | undefined) ?? [], style),
        findingsText(out.findings, style),
      ].join('\n'),
  }),
  'runs results': presentation<RunResults>({
    // The columns are an exchange format: `adjustment` is there only where there are adjustments.
    rows: ({ has_adjustments, rows }) =>
      table(
        columnsOf(
          'text node_id',
          'text parent_node_id',
          'text node_name',
          'number depth',
          'text is_leaf',
          'text measure',
          'text scenario',
          'number natural',
          'number direct',
          ...(has_adjustments ? ['number adjustment'] : []),
          'number adjusted',
          'number plug',
          'number fact_count',
          'text rule',
        ),
        rows as unknown as Row[],
      ),
    text: (out, style) => {
      const measures = [...new Set(out.rows.map(({ measure }) => measure))]
      const scenarios = [...new Set(out.rows.map(({ scenario }) => scenario))]
      if (measures.length === 0) return 'This run has no results: no scenario had facts in scope.'
      return measures.map((measure) => treeText({ ...out, measure, scenarios }, style)).join('\n\n')
    },
  }),
  'runs verify': presentation<Verified>({
    text: (out, style) =>
      [
        out.verdict === 'match'
          ? `${style.green('✓')} Run ${out.run_id} verified: stored rows and a new calculation both give ${out.recorded}`
          : `${style.red('✗')} Run ${out.run_id} does not verify.\n  recorded     ${out.recorded}\n  stored rows  ${out.stored}\n  recalculated ${out.recalculated}`,
        ...(out.stale.length > 0 ? [style.yellow(`Inputs have moved since: ${out.stale.join(', ')}.`)] : []),
      ].join('\n'),
  }),
  'verify-hybrid-engine': presentation<HybridChecked>({
    rows: ({ use_cases }) =>
      table(
        columnsOf(
          'text use_case',
          'text run_id',
          'text pnl_date',
          'number cells',
          'number matching',
          'number match_percent',
          'text stored_digest_ok',
        ),
        use_cases.map(({ differences: _, ...rest }) => rest),
      ),
    text: (out, style) => out.use_cases.map((one) => hybridText(one, style)).join('\n'),
  }),
}

function hybridText(
  {
    use_case,
    pnl_date,
    cells,
    matching,
    match_percent,
    stored_digest_ok,
    differences,
  }: HybridChecked['use_cases'][number],
  style: Style,
): string {
  const ok = matching === cells && stored_digest_ok
  const head = `${ok ? style.green('✓') : style.red('✗')} ${use_case} ${pnl_date}: ${match_percent} % match, ${matching} of ${cells} cells equal an independent SQL roll-up`
  const digest = stored_digest_ok
    ? []
    : [style.red('  the stored figures do not give the digest that the run recorded')]
  const shown = differences.map(
    (row) => `  ${row.node_id} ${row.measure} ${row.scenario}: stored ${row.stored}, SQL ${row.sql}`,
  )
  return [head, ...digest, ...shown].join('\n')
}
