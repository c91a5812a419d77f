/**
 * Runs the DuckDB print of a mart over its source and reads the rows of DT_3. Raises TIE-5022 (a name that cannot be
 * written), TIE-5019 (two nodes of a formula group claim one fact), TIE-5023 (DuckDB refuses a statement).
 */

import { canonicalDecimal, formatDecimal, parseDecimal, withScaleAtLeast } from '../../base/decimal.js'
import { problem, refuseAll } from '../../base/errors.js'
import { plural } from '../../base/text.js'
import { DUCKDB_PLAN } from '../../engines/plan/dialects.js'
import { printName, printPlan } from '../../engines/plan/print.js'
import { type MartConfig, measureColumn } from '../config.js'
import { claimsByGroup } from '../pipeline/claims.js'
import { levelColumn, objectNames, sortColumn } from '../pipeline/columns.js'
import { type Layer, type PipelineObject, planPipeline, printPipeline } from '../pipeline/pipeline.js'
import { shapeOf } from '../pipeline/shape.js'
import type { Cell } from '../table.js'
import { type LoadedMart, localConfig } from './load.js'

export interface MartRows {
  readonly columns: readonly string[]
  /** In the order of the report: levels by their place, then the grain. */
  readonly rows: readonly (readonly Cell[])[]
  readonly stages: readonly { readonly layer: Layer; readonly object: string; readonly rows: number }[]
}

/** The columns of DT_3, in order. */
export const martColumns = (config: MartConfig): readonly string[] => [
  'SURROGATE_KEY',
  'NODE_SURROGATE_KEY',
  'NODE_RANK',
  'ROW_KIND',
  'FORMULA_LEVEL',
  'ADDITIVE_FLAG',
  'XREF_HIERARCHY_KEY',
  'HIERARCHY_GROUP_NAME',
  ...config.hierarchy.levels.map((_, i) => levelColumn(i)),
  ...config.hierarchy.levels.map((_, i) => sortColumn(i)),
  ...config.fact.grain,
  ...config.fact.measures.flatMap((measure) => {
    const name = measureColumn(config, measure)
    return [name, `${name}_STATUS`]
  }),
  ...(config.extension?.columns ?? []),
]

/** The pipeline over the names that the tables have here. */
export function localPipeline({ shape, data, source }: LoadedMart) {
  const config = localConfig(shape.config, source)
  const local = { ...shapeOf(config, () => ({}), undefined).shape, filterColumns: shape.filterColumns }
  return { config, shape: local, objects: planPipeline(local, data.formulas) }
}

export function refuseUnsupported(objects: readonly PipelineObject[], dialect: string): void {
  refuseAll(
    objects.flatMap(({ object_name: object, unsupported }) =>
      unsupported.map((what) => problem('TIE-5022', { dialect, what, object })),
    ),
  )
}

export async function runOnDuckDB(mart: LoadedMart): Promise<MartRows> {
  const { source } = mart
  const { config, shape, objects } = localPipeline(mart)
  const printed = printPipeline(objects, config, 'duckdb')
  refuseUnsupported(printed, 'DuckDB')
  const stages: { layer: Layer; object: string; rows: number }[] = []
  for (const { layer, object_name: object, ddl } of printed) {
    await source.run(object, ddl)
    const [count] = await source.rows(object, `SELECT CAST(count(*) AS VARCHAR) FROM ${nameOf(object)}`)
    stages.push({ layer, object, rows: Number(count![0]) })
    if (layer === 'DT_2') await refuseDoubleClaims(mart, claimsByGroup(shape))
  }
  const columns = martColumns(config)
  const order = [
    ...config.hierarchy.levels.flatMap((_, i) => [sortColumn(i), levelColumn(i)]),
    'ROW_KIND',
    ...config.fact.grain,
    'SURROGATE_KEY',
  ]
  const rows = await source.rows(
    objectNames(config).dt3,
    `SELECT ${columns.map((name) => `CAST(${nameOf(name)} AS VARCHAR)`).join(', ')}
     FROM ${nameOf(objectNames(config).dt3)} ORDER BY ${order.map((name) => `${nameOf(name)} NULLS LAST`).join(', ')}`,
  )
  return { columns, rows: rows.map((row) => withFigures(config, columns, row)), stages }
}

const nameOf = (name: string): string => printName([name], DUCKDB_PLAN).sql

/** Figures with as many digits as they need, at least those of their measure. */
function withFigures(config: MartConfig, columns: readonly string[], row: readonly Cell[]): readonly Cell[] {
  const scales = new Map(
    config.fact.measures.map((measure) => [measureColumn(config, measure), measure.scale]),
  )
  return row.map((cell, i) => {
    const scale = scales.get(columns[i]!)
    if (scale === undefined || cell === null) return cell
    return formatDecimal(withScaleAtLeast(parseDecimal(cell)!, scale))
  })
}

/** No fact is counted twice within one formula group. */
async function refuseDoubleClaims(
  { shape: { config }, source }: LoadedMart,
  plan: ReturnType<typeof claimsByGroup>,
): Promise<void> {
  const rows = await source.rows('the claims of formula groups', printPlan(plan, DUCKDB_PLAN).sql)
  refuseAll(
    rows
      .map((row) => row.map(String))
      .sort((a, b) => (a.join('|') < b.join('|') ? -1 : 1))
      .map(([group, first, second, facts, amount]) =>
        problem('TIE-5019', {
          group: group!,
          first: first!,
          second: second!,
          rows: plural(Number(facts), 'fact'),
          measure: config.fact.measures[0]!.name,
          amount: canonicalDecimal(parseDecimal(amount!)!),
        }),
      ),
  )
}
