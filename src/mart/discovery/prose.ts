/** A discovery in sentences, for people who decide whether to believe it. Raises nothing. */

import type { Finding } from '../../base/finding.js'
import { plural } from '../../base/text.js'
import { measureColumn } from '../config.js'
import { pathOf } from '../formulas/names.js'
import type { FoundPattern } from './patterns.js'
import type { Proposal } from './propose.js'
import type { Survey } from './survey.js'

const list = (words: readonly string[]): string =>
  words.length <= 1 ? (words[0] ?? 'nothing') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`
/** Whole only when all of it is. */
const percent = (share: number): string => `${Math.floor(share * 100 + 1e-9)} %`

/** Paragraphs without the verdict, which the proof gives. */
export function proseOf(
  survey: Survey,
  patterns: readonly FoundPattern[],
  issues: readonly Finding[],
  { config, assumptions }: Proposal,
): readonly string[] {
  const { type, nodes, rows, hierarchy, map, fact, tables } = survey
  const calculated = nodes.filter(({ isCalculated }) => isCalculated).length
  const tops = [...new Set(nodes.flatMap(({ levels }) => pathOf(levels).slice(0, 1)))]
  const shape = `${tables.hierarchyProfile.name} is a tree of ${plural(nodes.length, 'node')} on ${plural(hierarchy.levels.length, 'level')} with ${list(tops.slice(0, 8))} at the top${tops.length > 8 ? ' and more' : ''}; ${calculated} of its nodes are calculated. ${kindOf(survey)}`
  const codes = `${tables.mappingProfile.name} has ${plural(rows.length, 'row')} in ${plural(map.placed.length + map.unplaced.length, 'code system')}. ${map.placed
    .map(({ source, table, column, overlap, typoOf, confidence }) =>
      typoOf === null
        ? `${source.name} is ${table.name}.${column.name}, which has ${percent(overlap)} of its ids.`
        : `${source.name} is most likely a misspelling of ${typoOf} (confidence ${percent(confidence)}).`,
    )
    .join(' ')}`
  const joins = `Facts are in ${fact.table.name}. ${fact.dimensions.map(({ table, key, factKey }) => `${factKey} holds keys of ${table.name} (${key}).`).join(' ')} It reports ${list(config.fact.measures.map((measure) => measureColumn(config, measure)))} by ${list(fact.grain)}${fact.unused.length === 0 ? '' : `; ${list(fact.unused)} ${fact.unused.length === 1 ? 'has' : 'have'} no part in it`}.`
  const branches = patterns
    .map(({ name, dimensions, groups, filter, reason }) => {
      const what = `${plural(groups, 'group')} of the mapping ${groups === 1 ? 'has' : 'have'} ${list(dimensions.map(({ alias }) => alias))} together, which makes the join pattern "${name}"`
      return filter === null ? `${what}.` : `${what}, with the filter ${filter}, because ${reason}.`
    })
    .join(' ')
  return [
    shape,
    codes,
    joins,
    branches,
    ...(assumptions.length === 0 ? [] : [`Assumed: ${assumptions.join(' ')}`]),
    issues.length === 0
      ? 'Nothing in the hierarchy or the mapping looks wrong.'
      : `${plural(issues.length, 'thing')} in the tables ${issues.length === 1 ? 'deserves' : 'deserve'} a look: ${summaryOf(issues)}.`,
    ...(type.confidence > 0 && type.confidence < 0.5 ? ['The kind of report is no more than likely.'] : []),
  ]
}

const kindOf = ({ type }: Survey): string =>
  type.confidence === 0
    ? 'Its words are of no kind of report that is known.'
    : `By its words (${type.words.slice(0, 6).join(', ').toLowerCase()}) it is a ${type.type}, ${percent(type.confidence)} sure.`

function summaryOf(issues: readonly Finding[]): string {
  const counts = new Map<string, number>()
  for (const { code } of issues) counts.set(code, (counts.get(code) ?? 0) + 1)
  return list([...counts].map(([code, count]) => `${count} × ${code}`))
}
