/** Structures, facts and use cases as rows and text. Raises nothing. */

import type { Finding } from '../../base/finding.js'
import { plural } from '../../base/text.js'
import { type Presentation, presentation, type Row, table } from './presentation.js'
import { findingsText } from './run-view.js'
import { columnsOf, printable, textTable, type Value } from './table.js'

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

interface HierarchyNode {
  readonly node_id: string
  readonly parent_node_id: string | null
  readonly node_name: string
  readonly depth: number
  readonly is_leaf: boolean
  readonly bindings: readonly { readonly rollup_driver: string; readonly value: string }[]
  readonly rules: readonly { readonly no: number }[]
}

/** A use case's next version, whatever brought it. */
const APPLIED = presentation<Applied>({
  text: (out, style) =>
    [
      `Use case ${out.use_case} version ${out.version}${out.changed ? '' : ' (unchanged)'}: ${out.measures.join(', ')} over ${out.structure}, ${plural(out.rules, 'rule')}${dry(out.dry_run)}.`,
      ...(out.findings.length > 0 ? [findingsText(out.findings, style)] : []),
    ].join('\n'),
})

export const INPUT_PRESENTATIONS: Readonly<Record<string, Presentation>> = {
  'use-cases purge': presentation<{ message: string }>({ text: ({ message }) => message }),
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
  'use-cases apply': APPLIED,
  'use-cases update': APPLIED,
  'rules add': APPLIED,
  'rules replace': APPLIED,
  'rules remove': APPLIED,
  'rules set': APPLIED,
  'rules list': presentation<{ rules: Row[] }>({
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
  }),
  'use-cases hierarchy': presentation<{ nodes: HierarchyNode[] }>({
    rows: ({ nodes }) =>
      table(
        columnsOf(
          'text node_id',
          'text parent_node_id',
          'text node_name',
          'number depth',
          'text is_leaf',
          'text bindings',
          'text rules',
        ),
        nodes.map(({ bindings, rules, ...node }) => ({
          ...node,
          bindings: bindings.map(({ rollup_driver, value }) => `${rollup_driver} = ${value}`).join(', '),
          rules: rules.map(({ no }) => no).join(', '),
        })),
      ),
  }),
  'use-cases fields': presentation<{ fields: { name: string; type: string; roles: string[] }[] }>({
    rows: ({ fields }) =>
      table(
        columnsOf('text name', 'text type', 'text roles'),
        fields.map(({ roles, ...field }) => ({ ...field, roles: roles.join(', ') })),
      ),
  }),
  'use-cases values': presentation<{ values: Row[] }>({
    rows: ({ values }) => table(columnsOf('text value', 'number facts'), values),
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
}
