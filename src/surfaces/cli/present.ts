/**
 * How an operation's output looks: rows for --format, and a text for a terminal. Operations without an entry
 * are shown as indented JSON. Raises nothing.
 */

import type { Finding } from '../../base/finding.js'
import { plural } from '../../base/text.js'
import {
  findingsText,
  type TieOutRow,
  tieOutText,
  treeText,
  type VarianceRow,
  type ViewRow,
} from './run-view.js'
import type { Style } from './style.js'
import { columnsOf, pad, printable, type Table, textTable, type Value } from './table.js'

interface Presentation {
  readonly rows?: (output: never) => Table
  readonly text?: (output: never, style: Style) => string
}

const presentation = <T>(given: {
  rows?: (output: T) => Table
  text?: (output: T, style: Style) => string
}): Presentation => given as Presentation

type Row = Readonly<Record<string, Value>>

const table = (columns: Table['columns'], rows: readonly Row[]): Table => ({ columns, rows })

const counts = (given: { new: number; same: number; refused: number }): string =>
  `${given.new.toLocaleString('en-US')} new, ${given.same.toLocaleString('en-US')} same, ${given.refused} refused`

const dry = (isDry: boolean): string => (isDry ? ' (dry run: nothing stored)' : '')

interface StructureImported {
  structure: string
  version: number
  nodes: number
  new: number
  same: number
  changed: number
  removed: number
  refused: number
  dry_run: boolean
  findings: Finding[]
}
interface FactsImported {
  table: string
  file: string
  new: number
  same: number
  refused: number
  created: boolean
  dry_run: boolean
  columns: { name: string; type: string }[]
}
interface Applied {
  use_case: string
  version: number
  changed: boolean
  measures: string[]
  rules: number
  structure: string
  dry_run: boolean
  findings: Finding[]
}
interface RunCreated {
  run_id: string
  use_case: string
  pnl_date: string
  policy: string
  result_digest: string
  duration_ms: number
  facts: number
  cells: number
  tie_out: TieOutRow[]
  stages: Record<string, number>
  findings: Finding[]
}
interface RunResults {
  run_id: string
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
  policy: string
  parameters: Record<string, unknown>
  digests: Record<string, string>
  result_digest: string | null
  results_count: number
  stale: string[]
  error: { message?: string } | null
  findings: Finding[]
}
interface UseCaseShown {
  name: string
  version: number
  description: string | null
  structure: string
  policy: string
  source: Record<string, Value>
  measures: { name: string; column: string }[]
  rules: Row[]
}

export const PRESENTATIONS: Readonly<Record<string, Presentation>> = {
  'structures import': presentation<StructureImported>({
    text: (out, style) =>
      [
        `Structure ${out.structure} version ${out.version}: ${plural(out.nodes, 'node')}; ${counts(out)}, ${out.changed} changed, ${out.removed} removed${dry(out.dry_run)}.`,
        ...(out.findings.length > 0 ? [findingsText(out.findings, style)] : []),
      ].join('\n'),
  }),
  'structures list': presentation<{ structures: Row[] }>({
    rows: ({ structures }) =>
      table(
        columnsOf(
          'text name',
          'number version',
          'number node_count',
          'text imported_at',
          'text imported_by',
          'text digest',
        ),
        structures,
      ),
  }),
  'structures show': presentation<{ nodes: (Row & { depth: number; node_name: string; node_id: string })[] }>(
    {
      rows: ({ nodes }) =>
        table(
          columnsOf(
            'text node_id',
            'text parent_node_id',
            'text node_name',
            'number depth',
            'text is_leaf',
            'text rollup_driver',
            'text rollup_value_source',
          ),
          nodes,
        ),
      text: ({ nodes }) =>
        nodes
          .map(
            ({ depth, node_name, node_id }) =>
              `${'  '.repeat(depth)}${printable(node_name)}${node_name === node_id ? '' : ` (${printable(node_id)})`}`,
          )
          .join('\n'),
    },
  ),
  'facts import': presentation<FactsImported>({
    text: (out) =>
      `Facts into ${out.table}${out.created ? ' (made)' : ''}: ${counts(out)}${dry(out.dry_run)}.${out.created ? `\nColumns: ${out.columns.map(({ name, type }) => `${name} ${type}`).join(', ')}` : ''}`,
  }),
  'facts tables': presentation<{
    tables: { table: string; rows: number; imports: number; columns: { name: string; type: string }[] }[]
  }>({
    rows: ({ tables }) =>
      table(
        columnsOf('text table', 'number rows', 'number imports', 'text columns'),
        tables.map(({ columns, ...rest }) => ({
          ...rest,
          columns: columns.map(({ name, type }) => `${name} ${type}`).join(', '),
        })),
      ),
  }),
  'use-cases apply': presentation<Applied>({
    text: (out, style) =>
      [
        `Use case ${out.use_case} version ${out.version}${out.changed ? '' : ' (unchanged)'}: ${out.measures.join(', ')} over ${out.structure}, ${plural(out.rules, 'rule')}${dry(out.dry_run)}.`,
        ...(out.findings.length > 0 ? [findingsText(out.findings, style)] : []),
      ].join('\n'),
  }),
  'use-cases export': presentation<{ yaml: string }>({ text: ({ yaml }) => yaml.trimEnd() }),
  'use-cases list': presentation<{ use_cases: (Row & { measure_mapping: Record<string, string> })[] }>({
    rows: ({ use_cases }) =>
      table(
        columnsOf(
          'text name',
          'number version',
          'text status',
          'text atlas_structure_id',
          'text input_table_name',
          'text measures',
          'text policy',
          'text use_case_id',
        ),
        use_cases.map(
          ({ measure_mapping, ...rest }) =>
            ({
              ...rest,
              measures: Object.entries(measure_mapping as object)
                .map(([name, column]) => `${name}=${column}`)
                .join(' '),
            }) as Row,
        ),
      ),
  }),
  'use-cases show': presentation<UseCaseShown>({
    rows: ({ rules }) =>
      table(
        columnsOf(
          'number no',
          'text node',
          'text flavour',
          'text rule',
          'text outcome',
          'text reason',
          'text note',
        ),
        rules,
      ),
    text: (out, style) =>
      [
        `${style.bold(out.name)}  version ${out.version}, structure ${out.structure}, policy ${out.policy}`,
        ...(out.description === null ? [] : [out.description]),
        `source ${out.source.path ?? out.source.table}, date ${out.source.date ?? 'none'}, scenario ${out.source.scenario ?? 'none'}`,
        `measures ${out.measures.map(({ name, column }) => `${name} = ${column}`).join(', ')}`,
        '',
        textTable(
          table(
            columnsOf('number no', 'text node', 'text flavour', 'text rule', 'text outcome', 'text note'),
            out.rules,
          ),
        ),
      ].join('\n'),
  }),
  'runs create': presentation<RunCreated>({
    text: (out, style) =>
      [
        `${style.green('✓')} Run ${style.bold(out.run_id)}  ${out.use_case}, ${out.pnl_date}, ${out.policy}: ${plural(out.facts, 'fact')} → ${plural(out.cells, 'cell')} in ${out.duration_ms} ms`,
        `  ${style.dim(`read ${out.stages.read_ms} ms, calculate ${out.stages.calculate_ms} ms, store ${out.stages.store_ms} ms · ${out.result_digest}`)}`,
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
        `${style.bold(out.id)}  ${out.run_name} of ${out.use_case}, ${out.pnl_date}: ${out.status}${out.stale.length > 0 ? style.yellow(` (stale: ${out.stale.join(', ')})`) : ''}`,
        `by ${out.triggered_by} at ${out.executed_at}, ${out.duration_ms ?? '?'} ms, policy ${out.policy}, ${plural(out.results_count, 'result')}`,
        `structure ${out.parameters.structure} version ${out.parameters.structure_version}, use case version ${out.parameters.use_case_version}`,
        ...Object.entries({ result: out.result_digest ?? 'none', ...out.digests }).map(
          ([name, digest]) => `  ${pad(name, 10, 'left')} ${digest}`,
        ),
        ...(out.error === null ? [] : [style.red(`failed: ${out.error.message ?? ''}`)]),
        tieOutText((out.parameters.tie_out as TieOutRow[] | undefined) ?? [], style),
        findingsText(out.findings, style),
      ].join('\n'),
  }),
  'runs results': presentation<RunResults>({
    rows: ({ rows }) =>
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
