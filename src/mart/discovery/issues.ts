/**
 * What is wrong or odd in a hierarchy and its mapping, told before anything is configured: misspelled code systems,
 * orphans, duplicates, ids that nothing has, flags that contradict the rows. Findings are data; raises nothing.
 */

import type { Finding, Severity } from '../../base/finding.js'
import { compareText, didYouMean, plural } from '../../base/text.js'
import type { MartNode } from '../hierarchy.js'
import { lastPart } from './column-map.js'
import type { Survey, SurveyedRow } from './survey.js'

/** Rows that a message names; it counts the others. */
const NAMED = 5

export function issuesOf(survey: Survey): readonly Finding[] {
  return [
    ...survey.problems.map(
      (found): Finding => ({
        code: 'HIERARCHY_ROW_REFUSED',
        severity: 'error',
        message: found.message,
        suggestion: found.remedy,
      }),
    ),
    ...typos(survey),
    ...unplaced(survey),
    ...wrongTables(survey),
    ...orphans(survey),
    ...unknownIds(survey),
    ...duplicates(survey),
    ...contradictions(survey),
    ...levelGaps(survey),
  ]
}

function issue(
  code: string,
  severity: Severity,
  message: string,
  suggestion: string,
  rows: number,
  more: Pick<Finding, 'node_id' | 'detail'> = {},
): Finding {
  return { code, severity, message, suggestion, rows, ...more }
}

const rowList = (rows: readonly { readonly row: number }[]): string => {
  const shown = rows.slice(0, NAMED).map(({ row }) => row)
  const more = rows.length > NAMED ? ` and ${rows.length - NAMED} more` : ''
  return `${rows.length === 1 ? 'row' : 'rows'} ${shown.join(', ')}${more}`
}

const typos = ({ map }: Survey): Finding[] =>
  map.placed.flatMap(({ source, typoOf, confidence, column }) =>
    typoOf === null
      ? []
      : [
          issue(
            'ID_SOURCE_TYPO',
            'warning',
            `The ID_SOURCE "${source.name}" of ${plural(source.rows, 'row')} looks like a misspelling of "${typoOf}": both have ids of ${column.name}.`,
            'Correct the rows, or keep it as an alias in dynamic_column_map, as proposed.',
            source.rows,
            { detail: { typo_of: typoOf, confidence: String(confidence) } },
          ),
        ],
  )

const unplaced = ({ map }: Survey): Finding[] =>
  map.unplaced.map((source) =>
    issue(
      'ID_SOURCE_UNKNOWN',
      'error',
      `No column of any table has the ids of the ID_SOURCE "${source.name}" (${plural(source.rows, 'row')}).`,
      'Add the table that has them to the source, or correct the rows.',
      source.rows,
    ),
  )

/** ID_TABLE names one table, the values are of another. */
const wrongTables = ({ map }: Survey): Finding[] =>
  map.placed.flatMap(({ source, table }) => {
    const others = [...source.tables].filter((name) => name !== lastPart(table.name)).sort(compareText)
    return others.length === 0
      ? []
      : [
          issue(
            'ID_TABLE_CONTRADICTS_IDS',
            'warning',
            `Rows of the ID_SOURCE "${source.name}" name the table ${others.join(', ')}, but its ids are of ${table.name}.`,
            'Correct ID_TABLE; the proposal goes by the ids.',
            source.rows,
          ),
        ]
  })

function orphans({ rows, nodes }: Survey): Finding[] {
  const keys = new Set(nodes.map(({ key }) => key))
  const lost = grouped(
    rows.filter(({ node }) => node !== null && !keys.has(node)),
    ({ node }) => node!,
  )
  return [
    ...lost.map(([node, own]) =>
      issue(
        'ORPHAN_MAPPING_ROW',
        'error',
        `Mapping ${rowList(own)} ${own.length === 1 ? 'belongs' : 'belong'} to the node "${node}", which is not in the hierarchy.`,
        `Correct them or add the node. ${didYouMean(node, keys)}`.trim(),
        own.length,
        { node_id: node },
      ),
    ),
    ...(['node', 'id', 'idSource'] as const).flatMap((role) => {
      const empty = rows.filter((row) => row[role] === null || row[role] === '')
      const name = { node: 'node', id: 'id', idSource: 'ID_SOURCE' }[role]
      return empty.length === 0
        ? []
        : [
            issue(
              'INCOMPLETE_MAPPING_ROW',
              'error',
              `Mapping ${rowList(empty)} ${empty.length === 1 ? 'has' : 'have'} no ${name}.`,
              'Fill it in, or remove the rows.',
              empty.length,
            ),
          ]
    }),
  ]
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): [string, T[]][] {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const key = keyOf(item)
    const known = groups.get(key)
    if (known === undefined) groups.set(key, [item])
    else known.push(item)
  }
  return [...groups]
}

/** Ids that the column of their code system does not have. */
const unknownIds = ({ map, rows }: Survey): Finding[] =>
  map.placed.flatMap(({ source, column, table }) => {
    if (column.values === null) return []
    const dead = rows.filter(
      ({ idSource, id }) => idSource === source.name && id !== null && !column.values!.has(id),
    )
    if (dead.length === 0) return []
    const ids = [...new Set(dead.map(({ id }) => id!))]
    return [
      issue(
        'DEAD_MAPPING_ROW',
        'warning',
        `Mapping ${rowList(dead)} of "${source.name}" ${dead.length === 1 ? 'finds' : 'find'} nothing: ${table.name}.${column.name} has no "${ids[0]}"${ids.length > 1 ? ` (nor ${ids.length - 1} more)` : ''}.`,
        `Correct the ids, or remove the rows. ${didYouMean(ids[0]!, column.values)}`.trim(),
        dead.length,
        { detail: { ids: ids.slice(0, 20) } },
      ),
    ]
  })

function duplicates({ rows, map }: Survey): Finding[] {
  const columnOf = new Map(
    map.placed.map(({ source, table, column }) => [source.name, `${table.name}.${column.name}`]),
  )
  const same = grouped(rows, ({ node, id, idSource, isExcluded, group }) =>
    JSON.stringify([node, id, columnOf.get(idSource ?? '') ?? idSource, isExcluded, group]),
  )
  return same.flatMap(([, own]) =>
    own.length === 1
      ? []
      : [
          issue(
            'DUPLICATE_MAPPING_ROW',
            'info',
            `Mapping ${rowList(own)} say the same.`,
            'Keep one of them.',
            own.length - 1,
            own[0]!.node === null ? {} : { node_id: own[0]!.node },
          ),
        ],
  )
}

/** Flags that say one thing and rows that say another. */
function contradictions({ nodes, rows }: Survey): Finding[] {
  const mapped = new Map(
    grouped(
      rows.filter(({ node }) => node !== null),
      ({ node }) => node!,
    ),
  )
  const terms = new Set(
    nodes.flatMap(({ isCalculated, formulaGroup }) => (isCalculated ? [] : (formulaGroup ?? []))),
  )
  const told = (node: MartNode, code: string, what: string, what_to_do: string): Finding =>
    issue(
      code,
      'warning',
      `${node.key} (${node.name}) ${what}.`,
      what_to_do,
      mapped.get(node.key)?.length ?? 0,
      {
        node_id: node.key,
      },
    )
  return nodes.flatMap((node) => {
    const own: readonly SurveyedRow[] = mapped.get(node.key) ?? []
    const hasFormula =
      node.logic !== null || [node.formulaGroup, node.name].some((name) => terms.has(name ?? ''))
    const found: Finding[] = []
    if (!node.isActive && own.length > 0)
      found.push(
        told(
          node,
          'MAPPING_OF_INACTIVE_NODE',
          'is inactive and has mapping rows',
          'Remove the rows, or make it active.',
        ),
      )
    if (node.isActive && node.isCalculated && own.length > 0)
      found.push(
        told(
          node,
          'MAPPING_OF_CALCULATED_NODE',
          'is calculated and has mapping rows, which have no effect',
          'Remove the rows, or its CALCULATION_FLAG.',
        ),
      )
    if (node.isActive && node.isCalculated && !hasFormula)
      found.push(
        told(
          node,
          'CALCULATED_NODE_WITHOUT_FORMULA',
          'is calculated, but no row is a term of it',
          'Add its formula, or remove its CALCULATION_FLAG.',
        ),
      )
    if (node.isActive && !node.isCalculated && own.length === 0)
      found.push(
        told(
          node,
          'NODE_WITHOUT_MAPPING',
          'has no mapping row, so no fact can belong to it',
          'Map ids to it, or make it inactive.',
        ),
      )
    if (own.length > 0 && own.every(({ isExcluded }) => isExcluded))
      found.push(
        told(
          node,
          'EXCLUSIONS_ALONE',
          'only excludes: there is nothing to take away from',
          'Map what it has, or remove the exclusions.',
        ),
      )
    return found
  })
}

/** A filler with a name below it: the path has a hole. */
const levelGaps = ({ nodes }: Survey): Finding[] =>
  nodes.flatMap(({ key, name, levels }) => {
    const hole = levels.indexOf(null)
    return hole < 0 || levels.slice(hole).every((level) => level === null)
      ? []
      : [
          issue(
            'LEVEL_GAP',
            'warning',
            `${key} (${name}) has nothing at level ${hole + 1} and a name below it.`,
            'Fill the level in, or move the name up.',
            1,
            { node_id: key },
          ),
        ]
  })
