/**
 * What the pipeline needs of a configuration that was checked: dimensions with the fact column they are joined by,
 * patterns with their parsed filters, and which columns filters read. `shapeOf` raises (as problems, all at once)
 * TIE-5011 and those of the predicate language.
 */

import { type Problem, problem } from '../../base/errors.js'
import { didYouMean } from '../../base/text.js'
import type { PlaceOf } from '../../base/yaml-file.js'
import { atomicTests } from '../../language/evaluate.js'
import { listOf, toProblem } from '../../language/language.js'
import { type Predicate, parsePredicate } from '../../language/predicate.js'
import { type Dimension, type JoinPattern, type MartConfig, physicalColumn } from '../config.js'

export interface ShapedDimension extends Dimension {
  /** Position in the configuration. */
  readonly at: number
  /** The fact's column; null for a dimension that no pattern joins. */
  readonly factKey: string | null
}

export interface ShapedPattern {
  readonly name: string
  /** In the order of the dimensions. */
  readonly dimensions: readonly ShapedDimension[]
  readonly filter: Predicate | null
}

export interface MartShape {
  readonly config: MartConfig
  readonly dimensions: readonly ShapedDimension[]
  readonly patterns: readonly ShapedPattern[]
  /** Columns that filters read, in the order of their names. A name without a table's columns known is the fact's. */
  readonly filterColumns: { readonly fact: readonly string[]; readonly hierarchy: readonly string[] }
}

export interface KnownColumns {
  readonly fact: readonly string[]
  readonly hierarchy: readonly string[]
}

/** Without known columns, a name that the hierarchy section mentions is the hierarchy's. */
export function shapeOf(
  config: MartConfig,
  placeOf: PlaceOf,
  known: KnownColumns | undefined,
): { readonly shape: MartShape; readonly problems: readonly Problem[] } {
  const problems: Problem[] = []
  const factKeys = factKeysOf(config, placeOf, problems)
  const dimensions = config.dimensions.map((dimension, at) => ({
    ...dimension,
    at,
    factKey: factKeys.get(dimension.filter_column) ?? null,
  }))
  for (const [i, { physical_column }] of config.dynamic_column_map.entries()) {
    if (physicalColumn(config, physical_column) !== undefined) continue
    const aliases = config.dimensions.map(({ alias }) => alias)
    problems.push(
      problem(
        'TIE-5011',
        {
          where: `physical_column ${physical_column}`,
          detail: `expected ALIAS.COLUMN with one of the aliases ${listOf(aliases)}`,
          suggestion: didYouMean(physical_column.split('.')[0]!, aliases),
        },
        placeOf(['dynamic_column_map', i, 'physical_column']),
      ),
    )
  }
  const read = { fact: new Set<string>(), hierarchy: new Set<string>() }
  const patterns = config.join_patterns.map((pattern, i) => {
    const place = placeOf(['join_patterns', i, 'filter'])
    const filter = pattern.filter === null ? null : filterOf(pattern, place, problems)
    for (const { column } of filter === null ? [] : atomicTests(filter)) {
      const side = sideOf(column, config, known)
      if (side !== undefined) read[side].add(column)
      else {
        const names = [...known!.fact, ...known!.hierarchy]
        const detail = `neither the fact nor the hierarchy has a column "${column}"`
        const suggestion = didYouMean(column, names)
        const where = `The filter of the join pattern ${pattern.name}`
        problems.push(problem('TIE-5011', { where, detail, suggestion }, place))
      }
    }
    const keys = new Set(pattern.join_keys)
    return {
      name: pattern.name,
      dimensions: dimensions.filter(({ filter_column }) => keys.has(filter_column)),
      filter,
    }
  })
  checkNames(config, problems)
  const filterColumns = { fact: [...read.fact].sort(), hierarchy: [...read.hierarchy].sort() }
  return { shape: { config, dimensions, patterns, filterColumns }, problems }
}

/** The fact's own columns go before the hierarchy's. */
function sideOf(
  column: string,
  { hierarchy }: MartConfig,
  known: KnownColumns | undefined,
): 'fact' | 'hierarchy' | undefined {
  if (known === undefined) return Object.values(hierarchy).flat().includes(column) ? 'hierarchy' : 'fact'
  if (known.fact.includes(column)) return 'fact'
  return known.hierarchy.includes(column) ? 'hierarchy' : undefined
}

function filterOf(
  { filter }: JoinPattern,
  place: ReturnType<PlaceOf>,
  problems: Problem[],
): Predicate | null {
  const parsed = parsePredicate(filter!)
  if (parsed.ok) return parsed.predicate
  problems.push(...parsed.problems.map((found) => toProblem(found, place)))
  return null
}

/** The fact column of each filter column; one for all patterns, because exclusions and segments need it too. */
function factKeysOf(config: MartConfig, placeOf: PlaceOf, problems: Problem[]): ReadonlyMap<string, string> {
  const filters = config.dimensions.map(({ filter_column }) => filter_column)
  const factKeys = new Map<string, string>()
  config.join_patterns.forEach(({ name, join_keys, fact_keys }, i) => {
    const where = `The join pattern ${name}`
    const refuse = (detail: string, path: string, suggestion = ''): void => {
      const place = placeOf(['join_patterns', i, path])
      problems.push(problem('TIE-5011', { where, detail, suggestion }, place))
    }
    if (join_keys.length !== fact_keys.length)
      refuse(`it has ${join_keys.length} join keys and ${fact_keys.length} fact keys`, 'fact_keys')
    if (new Set(join_keys).size < join_keys.length) refuse('it names a join key twice', 'join_keys')
    join_keys.forEach((key, at) => {
      const fact = fact_keys[at]
      if (!filters.includes(key)) {
        refuse(`no dimension has the filter column "${key}"`, 'join_keys', didYouMean(key, filters))
      } else if (fact !== undefined) {
        const known = factKeys.get(key)
        if (known !== undefined && known !== fact)
          refuse(`"${key}" is joined by "${known}" in another pattern and by "${fact}" here`, 'fact_keys')
        factKeys.set(key, fact)
      }
    })
  })
  return factKeys
}

/** Columns of the mart and of DT_2 that would have one name. DuckDB does not tell case apart. */
function checkNames(config: MartConfig, problems: Problem[]): void {
  const { fact, hierarchy, extension } = config
  const own = [
    'SURROGATE_KEY',
    'NODE_SURROGATE_KEY',
    'NODE_RANK',
    'ROW_KIND',
    'XREF_HIERARCHY_KEY',
    'HIERARCHY_GROUP_NAME',
    'FORMULA_LEVEL',
    'ADDITIVE_FLAG',
    'GROUP_KEY',
    ...hierarchy.levels.flatMap((_, i) => [`LEVEL_${i + 1}`, `LEVEL_${i + 1}_SORT`]),
  ]
  const prefix = config.measure_prefix ?? config.report_type
  const measures = fact.measures.flatMap(({ name }) => [`${prefix}_${name}`, `${prefix}_${name}_STATUS`])
  const refuseTwice = (where: string, names: readonly string[]): void => {
    const seen = new Set<string>()
    for (const name of names) {
      const lower = name.toLowerCase()
      if (seen.has(lower))
        problems.push(problem('TIE-5011', { where, detail: `two columns would be named "${name}"` }))
      seen.add(lower)
    }
  }
  refuseTwice('The mart', [...own, ...fact.grain, ...measures, ...(extension?.columns ?? [])])
  refuseTwice('DT_2', [...own, ...config.dimensions.map(({ filter_column }) => filter_column)])
  refuseTwice(
    'The dimensions',
    config.dimensions.map(({ alias }) => alias),
  )
  refuseTwice(
    'join_patterns',
    config.join_patterns.map(({ name }) => name),
  )
  const sources = config.dynamic_column_map.map(({ id_source }) => id_source)
  for (const source of sources.filter((name, i) => sources.indexOf(name) < i))
    problems.push(problem('TIE-5011', { where: 'dynamic_column_map', detail: `"${source}" is there twice` }))
  for (const { name, scale, volume } of fact.measures) {
    const widest = Math.max(scale, volume === null ? 0 : volume.scale + factorScale(volume.factors))
    if (widest > 8)
      problems.push(
        problem('TIE-5011', {
          where: `The measure ${name}`,
          detail: `scale and factors have ${widest} digits after the point together; 8 at most`,
        }),
      )
  }
}

/** The most digits after the point that a factor has. */
export const factorScale = (factors: readonly { readonly factor: string }[]): number =>
  Math.max(0, ...factors.map(({ factor }) => factor.split('.')[1]?.length ?? 0))
