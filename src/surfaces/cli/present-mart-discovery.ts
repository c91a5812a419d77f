/** Discoveries, lineages and plans of marts as text and rows. Raises nothing. */

import { findingLines } from './present-marts.js'
import { type Presentation, presentation, type Row, table } from './presentation.js'
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
        `${found.hierarchy_type}: ${found.node_count} nodes on ${found.level_count} levels, ${found.mapping_count} mapping rows`,
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
}
