/** Discoveries, lineages and plans of marts as text and rows. Raises nothing. */

import { agreeing, plural } from '../../base/text.js'
import { findingLines } from './present-marts.js'
import { type Presentation, presentation, type Row, table } from './presentation.js'
import type { Style } from './style.js'
import { columnsOf, textTable } from './table.js'

type FindingLike = Parameters<typeof findingLines>[0][number]

interface Discovered {
  hierarchy_type: string
  level_count: number
  node_count: number
  mapping_count: number
  join_pattern_suggestion: {
    name: string
    join_keys: string[]
    fact_keys: string[]
    filter: string | null
    groups: number
  }[]
  column_map_suggestion: {
    id_source: string
    physical_column: string
    is_alias: boolean
    overlap: number
    confidence: number
  }[]
  data_quality_issues: FindingLike[]
  proved: boolean
  explanation: string[]
  explained: boolean
  prompt: string | null
  advice: { model: string; accepted: boolean; reason: string } | null
}

/** Columns of a terminal that prose takes. */
const WIDTH = 100

function wrapped(paragraph: string): string {
  const lines: string[] = []
  let line = ''
  for (const word of paragraph.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > WIDTH) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line].join('\n')
}

export const MART_DISCOVERY_PRESENTATIONS: Readonly<Record<string, Presentation>> = {
  'mart discover': presentation<Discovered>({
    rows: ({ data_quality_issues: issues }) =>
      table(
        columnsOf('text code', 'text severity', 'text message', 'text suggestion'),
        issues as unknown as Row[],
      ),
    text: (found, style) => {
      if (found.prompt !== null) return found.prompt
      const paragraphs = found.explanation.map(wrapped)
      const issues = findingLines(found.data_quality_issues, style)
      const mark = found.proved ? style.green('✓') : style.red('✗')
      const verdict = `${mark} ${found.explanation.at(-1)}`
      const advice =
        found.advice === null
          ? []
          : [
              `${found.advice.model}: ${found.advice.accepted ? 'taken' : 'not taken'}, because ${found.advice.reason}.`,
            ]
      if (found.explained) return [paragraphs.join('\n\n'), ...issues, ...advice].join('\n')
      return [
        `${found.hierarchy_type}: ${plural(found.node_count, 'node')} on ${plural(found.level_count, 'level')}, ${plural(found.mapping_count, 'mapping row')}`,
        '',
        textTable(
          table(
            columnsOf('text pattern', 'number groups', 'text join_keys', 'text fact_keys', 'text filter'),
            found.join_pattern_suggestion.map(({ name, join_keys, fact_keys, filter, groups }) => ({
              pattern: name,
              groups,
              join_keys: join_keys.join(' '),
              fact_keys: fact_keys.join(' '),
              filter: filter ?? '',
            })),
          ),
        ),
        '',
        textTable(
          table(
            columnsOf(
              'text id_source',
              'text physical_column',
              'number overlap',
              'number confidence',
              'text alias',
            ),
            found.column_map_suggestion.map(({ is_alias, ...row }) => ({
              ...row,
              alias: is_alias ? 'misspelt' : '',
            })),
          ),
        ),
        ...issues,
        ...advice,
        verdict,
      ].join('\n')
    },
  }),
  'mart suggest': presentation<{ file: string; project_name: string; explanation: string[] }>({
    text: ({ file, project_name, explanation }, style) =>
      `${style.green('✓')} ${project_name} is in ${file}. ${explanation.at(-1)}`,
  }),
  'mart lineage': presentation<Traced>({
    rows: ({ facts }) => {
      const columns = Object.keys(facts[0]?.fact ?? {})
      return table(
        columnsOf('number row', 'text node', 'number value', ...columns.map((name) => `text ${name}`)),
        facts.map(({ row, node, value, fact }) => ({ row, node, value, ...fact })),
      )
    },
    text: (cell, style) => tracedLines(cell, style, '').join('\n'),
  }),
  'mart plan': presentation<Planned>({
    rows: ({ moves }) => table(columnsOf(...MOVE_COLUMNS), moves.map(moveRow)),
    text: ({ project_name, edited, figures_moved, moves, keys, ddl }) =>
      [
        `${project_name}${edited === null ? '' : ` with ${edited} as edited`}: ${plural(figures_moved, 'figure')} ${agreeing(figures_moved, 'moves', 'move')}.`,
        ...(moves.length === 0
          ? []
          : [textTable(table(columnsOf(...MOVE_COLUMNS), moves.slice(0, SHOWN).map(moveRow)))]),
        `Keys: ${keys.survive} survive, ${keys.added.length} come${listed(keys.added)}, ${keys.gone.length} go${listed(keys.gone)}; ${keys.ranks_moved} ranks move.`,
        ...ddl.flatMap(({ object_name, diff }) =>
          diff.length === 0
            ? [`${object_name} stays.`]
            : [`${object_name} changes:`, ...diff.map((line) => `  ${line}`)],
        ),
      ].join('\n'),
  }),
}

/** Figures and names shown; --json has more. */
const SHOWN = 20
const MOVE_COLUMNS = [
  'text change',
  'text kind',
  'text node',
  'text slice',
  'text measure',
  'number before',
  'number after',
  'number by',
]

const listed = (names: readonly string[]): string =>
  names.length === 0 ? '' : ` (${names.slice(0, SHOWN).join(', ')}${names.length > SHOWN ? ', …' : ''})`

interface Planned {
  project_name: string
  edited: string | null
  figures_moved: number
  moves: (Row & { row_kind: string; slice: Record<string, string | null> })[]
  keys: { survive: number; added: string[]; gone: string[]; ranks_moved: number }
  ddl: { object_name: string; diff: string[] }[]
}

const moveRow = ({ row_kind, slice, ...move }: Planned['moves'][number]): Row => ({
  ...(move as Row),
  kind: row_kind,
  slice: Object.values(slice).join(' '),
})

interface Traced {
  node: string
  kind: string
  measure: string
  value: string | null
  nodes: {
    node: string
    name: string
    weight: string
    mapping_rows: { row: number; id_source: string; id: string; excluded: boolean }[]
    fact_filter: string | null
    facts: number
    amount: string | null
  }[]
  operands: { op: string; operand: string; value: string | null; cell: Traced | null }[]
  fact_count: number
  facts: { row: number; node: string; value: string | null; fact: Record<string, string | null> }[]
  checks: { statement: string; holds: boolean }[]
}

function tracedLines(cell: Traced, style: Style, indent: string): string[] {
  const lines = [`${cell.node} (${cell.kind.toLowerCase()}) ${cell.measure} ${cell.value ?? 'empty'}`]
  for (const { node, name, weight, mapping_rows: rows, fact_filter: filter, facts, amount } of cell.nodes) {
    lines.push(
      `  ${weight === '1' ? '' : `${weight} × `}${node} (${name}): ${plural(facts, 'fact')}, ${amount ?? 'nothing'}`,
    )
    if (rows.length > 0)
      lines.push(
        `    mapping ${rows.map(({ row, id, id_source, excluded }) => `${excluded ? 'not ' : ''}${id_source} ${id} (row ${row})`).join(', ')}`,
      )
    if (filter !== null) lines.push(...filter.split('\n').map((line) => `    ${style.dim(line)}`))
  }
  for (const { op, operand, value, cell: below } of cell.operands) {
    lines.push(`  ${op} ${value ?? 'empty'}${below === null ? '' : `: ${operand}`}`)
    if (below !== null) lines.push(...tracedLines(below, style, '    '))
  }
  if (indent === '')
    for (const { statement, holds } of cell.checks)
      lines.push(`${holds ? style.green('✓') : style.red('✗')} ${statement}`)
  return lines.map((line) => `${indent}${line}`)
}
