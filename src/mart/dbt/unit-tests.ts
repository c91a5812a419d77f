/**
 * dbt unit tests of a mart: small tables whose results follow from the configuration by thought, not by running it.
 * VW_1 translates every ID_SOURCE; DT_3A gives a fact to its nodes, turns signs and takes exclusions away.
 * Raises nothing.
 */

import type { PlanDialect } from '../../engines/plan/dialects.js'
import { type Expr, nothing, type Rel, TEXT, type Typed, text } from '../../engines/plan/plan.js'
import { printPlan } from '../../engines/plan/print.js'
import { dimensionColumns, factColumns, hierarchyColumns, mappingColumns } from '../check-data.js'
import { measureColumn, partsOf, physicalColumn } from '../config.js'
import { FLAGS, KEY, objectNames } from '../pipeline/columns.js'
import type { MartShape } from '../pipeline/shape.js'
import { jinjaText } from './jinja.js'

interface Fixture {
  readonly input: string
  readonly format: 'sql'
  readonly rows: string
}

export interface UnitTest {
  readonly name: string
  readonly description: string
  readonly model: string
  readonly given: readonly Fixture[]
  readonly expect: { readonly rows: readonly Readonly<Record<string, string | number | null>>[] }
}

export interface DbtNames {
  model(object: string): string
  source(parts: readonly string[]): string
}

type Texts = Readonly<Record<string, string | null>>

export function unitTests(shape: MartShape, names: DbtNames, dialect: PlanDialect): readonly UnitTest[] {
  const fixture = (input: string, columns: readonly string[], rows: readonly Texts[]): Fixture => ({
    input,
    format: 'sql',
    rows: printPlan(valuesOf([...new Set(columns)], rows), dialect).sql,
  })
  return [...translation(shape, names, fixture), ...preAggregation(shape, names, fixture)]
}

type MakeFixture = (input: string, columns: readonly string[], rows: readonly Texts[]) => Fixture

function valuesOf(columns: readonly string[], rows: readonly Texts[]): Rel {
  const typed: readonly Typed[] = columns.map((name) => ({ name, type: TEXT }))
  const cell = (value: string | null | undefined): Expr =>
    value === null || value === undefined ? nothing(TEXT) : text(value)
  return { rel: 'values', columns: typed, rows: rows.map((row) => columns.map((name) => cell(row[name]))) }
}

const namesOf = (columns: readonly (readonly [string, string])[]): string[] => columns.map(([name]) => name)

function translation(shape: MartShape, names: DbtNames, fixture: MakeFixture): readonly UnitTest[] {
  const { config } = shape
  const { hierarchy, mapping, dynamic_column_map } = config
  if (dynamic_column_map.length === 0) return []
  const ids = dynamic_column_map.map(({ id_source }, i) => ({
    [mapping.node]: 'N1',
    [mapping.id]: `id ${i + 1}`,
    [mapping.id_source]: id_source,
  }))
  const node = { [hierarchy.key]: 'N1', [hierarchy.levels[0]!]: 'Node' }
  return [
    {
      name: 'vw_1_translates_every_id_source',
      description: 'Each ID_SOURCE of dynamic_column_map stands for its dimension and physical column.',
      model: names.model(objectNames(config).vw1),
      given: [
        fixture(names.source(partsOf(config.hierarchy_table)), namesOf(hierarchyColumns(config)), [node]),
        fixture(names.source(partsOf(config.mapping_table)), namesOf(mappingColumns(config)), ids),
      ],
      expect: {
        rows: dynamic_column_map.map(({ id_source, physical_column }, i) => ({
          [KEY]: 'N1',
          ID: `id ${i + 1}`,
          ID_SOURCE: jinjaText(id_source),
          DIMENSION: jinjaText(physicalColumn(config, physical_column)!.dimension.alias),
          PHYSICAL_COLUMN: jinjaText(physical_column),
        })),
      },
    },
  ]
}

/** By the first pattern that lets every fact through. */
function preAggregation(shape: MartShape, names: DbtNames, fixture: MakeFixture): readonly UnitTest[] {
  const { config, dimensions, patterns, filterColumns } = shape
  const pattern = patterns.find(({ filter }) => filter === null)
  if (pattern === undefined) return []
  const { dt2, dt3a } = objectNames(config)
  const [first] = config.fact.measures
  const keys = Object.fromEntries(pattern.dimensions.map(({ filter_column }) => [filter_column, 'k']))
  const nodes: Texts[] = ['PLAIN', ...(config.has_sign_change ? ['TURNED'] : [])].map((key) => ({
    [KEY]: key,
    [FLAGS.sign_change]: key === 'TURNED' ? 'Y' : 'N',
  }))
  const excluded: Texts[] = config.has_exclusions ? [{ [KEY]: 'LESS', [FLAGS.sign_change]: 'N' }] : []
  const all = [...nodes, ...excluded]
  const only = pattern.dimensions[0]!
  const rows = [
    ...all.map((row) => ({ ...row, ROW_KIND: 'NODE', [FLAGS.volume]: 'N' })),
    ...all.map((row) => ({ [KEY]: row[KEY]!, ROW_KIND: 'INCLUDE', ...keys })),
    ...excluded.map((row) => ({ [KEY]: row[KEY]!, ROW_KIND: 'EXCLUDE', [only.filter_column]: 'k' })),
  ]
  const dt2Columns = [
    'ROW_KIND',
    KEY,
    ...dimensions.map(({ filter_column }) => filter_column),
    FLAGS.volume,
    FLAGS.sign_change,
    'FORMULA_GROUP',
  ]
  const fact = {
    ...Object.fromEntries(pattern.dimensions.map(({ factKey }) => [factKey!, 'k'])),
    [first!.column]: '7',
  }
  const segmented = dimensions.filter(
    ({ segment_column, factKey }) =>
      segment_column !== null && factKey !== null && config.account_segment !== null,
  )
  // A dimension of the facts' own columns has their rows.
  if (segmented.some(({ table }) => table === config.fact.table)) return []
  const measure = measureColumn(config, first!)
  return [
    {
      name: 'dt_3a_gives_facts_to_nodes',
      description:
        'A fact of 7 is 7 for its node, -7 for one that changes signs, and nothing for one that excludes it.',
      model: names.model(dt3a),
      given: [
        fixture(`ref('${names.model(dt2)}')`, dt2Columns, rows),
        fixture(
          names.source(partsOf(config.fact.table)),
          [...namesOf(factColumns(config)), ...filterColumns.fact],
          [fact],
        ),
        ...segmented.map((dimension) =>
          fixture(
            names.source(partsOf(dimension.table)),
            namesOf(dimensionColumns(config, dimension.alias)),
            [{ [dimension.key]: 'k', [dimension.segment_column!]: config.account_segment }],
          ),
        ),
        ...(filterColumns.hierarchy.length === 0
          ? []
          : [
              fixture(
                names.source(partsOf(config.hierarchy_table)),
                [config.hierarchy.key, ...filterColumns.hierarchy],
                [],
              ),
            ]),
      ],
      expect: {
        rows: nodes.map((row) => ({
          [KEY]: row[KEY]!,
          [jinjaText(measure)]: row[FLAGS.sign_change] === 'Y' ? -7 : 7,
          FACT_ROWS: 1,
        })),
      },
    },
  ]
}
