/** Marts as text and rows. Raises nothing. */

import { agreeing, plural } from '../../base/text.js'
import { type Presentation, presentation, type Row, table } from './presentation.js'
import type { Style } from './style.js'
import { columnsOf, textTable } from './table.js'

interface Finding {
  code: string
  severity: string
  message: string
  suggestion: string
  amount?: string
}

interface MartRun {
  project_name: string
  stages: Row[]
  findings: Finding[]
  columns: string[]
  rows: (string | null)[][]
}

interface Generated {
  project_name: string
  dialect: string
  formulas: number
  objects: (Row & {
    layer: string
    refresh_mode: string | null
    refresh_reason: string | null
    ddl?: string
  })[]
  script: string | null
}

interface Validated {
  project_name: string
  valid: boolean
  comparisons: { first: string; second: string; rows: number; cells: number; differences: number }[]
  checks: { check: string; statement: string; holds: boolean }[]
  findings: Finding[]
  not_run: string[]
}

/** Findings shown; --json has all. */
const SHOWN = 20

export const findingLines = (findings: readonly Finding[], style: Style): string[] =>
  findings.flatMap(({ code, severity, message, suggestion }) => [
    `${severity === 'error' ? style.red('✗') : '!'} ${code}  ${message}`,
    ...(suggestion === '' ? [] : [`    ${suggestion}`]),
  ])

interface Checked {
  project_name: string
  dialect: string
  checks: Row[]
  left_out: { check: string; statement: string; rows: number }[]
}

const checkLines = ({ checks, left_out }: Checked, style: Style): string[] => [
  ...checks.map(({ statement }) => `${style.green('✓')} ${statement}`),
  ...left_out.map(
    ({ check, statement, rows }) =>
      `${style.red('✗')} ${statement} ${plural(rows, 'row')} ${agreeing(rows, 'breaks', 'break')} it: ${check} is not written.`,
  ),
]

interface Configured {
  project_name: string
  file: string
  join_patterns: string[]
  dimensions: string[]
  dynamic_column_map: string[]
  /** Of a use case. */
  tables?: { file: string; rows: number }[]
  findings?: Finding[]
}

const configured = presentation<Configured>({
  text: (
    { project_name, file, join_patterns, dimensions, dynamic_column_map, tables = [], findings = [] },
    style,
  ) => {
    const said = (what: string, names: readonly string[]): string =>
      `  ${what}: ${names.length === 0 ? 'none yet' : names.join(', ')}`
    return [
      `${style.green('✓')} ${project_name} in ${file}`,
      said('dimensions', dimensions),
      said('dynamic_column_map', dynamic_column_map),
      said('join_patterns', join_patterns),
      ...tables.map((written) => `  ${written.file}: ${plural(written.rows, 'row')}`),
      ...findingLines(findings, style),
    ].join('\n')
  },
})

const checkRows = ({ checks }: Checked) =>
  table(columnsOf('text check', 'text layer', 'text statement'), checks)

const rowsOf = ({ columns, rows }: Pick<MartRun, 'columns' | 'rows'>) =>
  table(
    columns.map((key) => ({ key, title: key, align: 'left' as const })),
    rows.map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i]!]))),
  )

export const MART_PRESENTATIONS: Readonly<Record<string, Presentation>> = {
  ...Object.fromEntries(
    ['create', 'add-dimension', 'add-join', 'add-column', 'import'].map((verb) => [
      `mart ${verb}`,
      configured,
    ]),
  ),
  'mart run': presentation<MartRun>({
    rows: rowsOf,
    text: (output, style) =>
      [
        textTable(table(columnsOf('text layer', 'text object', 'number rows'), output.stages)),
        '',
        ...findingLines(output.findings, style),
        `${style.green('✓')} ${output.project_name}: ${plural(output.rows.length, 'row')}; --format csv prints them.`,
      ].join('\n'),
  }),
  'mart generate': presentation<Generated>({
    rows: ({ objects }) =>
      table(
        columnsOf('text layer', 'text object_name', 'text object_type', 'text file', 'number bytes'),
        objects,
      ),
    text: ({ project_name, dialect, formulas, objects, script }, style) => {
      if (script === null)
        return objects
          .map(({ ddl }) => ddl!)
          .join('\n')
          .trimEnd()
      return [
        textTable(
          table(
            columnsOf('text layer', 'text object_name', 'text object_type', 'text file', 'number bytes'),
            objects,
          ),
        ),
        '',
        ...objects.flatMap(({ layer, refresh_mode, refresh_reason }) =>
          refresh_mode === null ? [] : [`${layer}: REFRESH_MODE ${refresh_mode}, because: ${refresh_reason}`],
        ),
        `${style.green('✓')} ${project_name} for ${dialect}, ${plural(formulas, 'formula')} in the cascade; all of it in ${script}.`,
      ].join('\n')
    },
  }),
  'mart validate': presentation<Validated>({
    rows: ({ checks }) => table(columnsOf('text check', 'text statement', 'text holds'), checks),
    text: ({ project_name, valid, comparisons, checks, findings, not_run }, style) => {
      const mark = (holds: boolean): string => (holds ? style.green('✓') : style.red('✗'))
      const more =
        findings.length > SHOWN ? [`  and ${findings.length - SHOWN} more findings: --json has all.`] : []
      return [
        ...comparisons.map(
          ({ first, second, rows, cells, differences }) =>
            `${mark(differences === 0)} ${first} = ${second}: ${plural(rows, 'row')}, ${plural(cells, 'cell')}, ${plural(differences, 'difference')}`,
        ),
        ...checks.map(({ statement, holds }) => `${mark(holds)} ${statement}`),
        ...findingLines(findings.slice(0, SHOWN), style),
        ...more,
        ...not_run.map((what) => `! Not run: ${what}.`),
        `${mark(valid)} ${project_name} is ${valid ? 'proved' : 'not proved'}.`,
      ].join('\n')
    },
  }),
  'mart dbt': presentation<Checked & { out: string | null; files: { file: string; text?: string }[] }>({
    rows: checkRows,
    text: (output, style) =>
      [
        ...checkLines(output, style),
        `${style.green('✓')} A dbt project for ${output.dialect}, ${plural(output.files.length, 'file')}${output.out === null ? '; --out DIR writes them' : ` in ${output.out}; build it with: dbt build`}.`,
      ].join('\n'),
  }),
  'mart expectations': presentation<Checked & { suite: string }>({
    rows: checkRows,
    text: (output, style) =>
      [
        ...checkLines(output, style),
        `${style.green('✓')} ${plural(output.checks.length, 'check')} as ${output.suite} and as SQL for ${output.dialect}.`,
      ].join('\n'),
  }),
  'mart export': presentation<{ yaml: string }>({ text: ({ yaml }) => yaml.trimEnd() }),
}
