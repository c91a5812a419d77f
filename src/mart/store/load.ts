/**
 * A mart ready to be printed and run: the configuration checked against its tables, which are read as far as the
 * checks need them. Without a source only the configuration is checked. Raises every problem at once: those of
 * shape.ts and check-data.ts, TIE-2408, TIE-5003, TIE-5020, TIE-5021, TIE-5027.
 */

import { type Problem, problem, refuseAll } from '../../base/errors.js'
import { didYouMean, plural } from '../../base/text.js'
import type { PlaceOf } from '../../base/yaml-file.js'
import { literal, quoted } from '../../engines/duckdb-file.js'
import {
  checkData,
  dimensionColumns,
  factColumns,
  formulaColumns,
  hierarchyColumns,
  type MartData,
  mappingColumns,
  missingColumns,
} from '../check-data.js'
import { type MartConfig, partsOf } from '../config.js'
import { type MartShape, shapeOf } from '../pipeline/shape.js'
import type { MartTables } from '../table.js'
import { type MartSource, openMartSource } from './source.js'

export interface LoadedMart {
  readonly shape: MartShape
  readonly data: MartData
  readonly tables: MartTables
  readonly source: MartSource
}

/** The tables that a configuration names. */
export const tablesOf = (config: MartConfig): readonly (readonly string[])[] =>
  [
    config.hierarchy_table,
    config.mapping_table,
    ...config.dimensions.map(({ table }) => table),
    config.fact.table,
    ...(config.extension === null ? [] : [config.extension.table]),
    ...(config.formulas_table === null ? [] : [config.formulas_table.table]),
  ].map(partsOf)

/** Checks and runs `work` on the mart; the source is closed after. */
export async function withMart<T>(
  config: MartConfig,
  placeOf: PlaceOf,
  location: string,
  work: (mart: LoadedMart) => Promise<T>,
): Promise<T> {
  const source = await openMartSource(location, tablesOf(config))
  try {
    return await work(await loadMart(config, placeOf, source))
  } finally {
    source.close()
  }
}

export async function loadMart(
  config: MartConfig,
  placeOf: PlaceOf,
  source: MartSource,
): Promise<LoadedMart> {
  const named = [
    [config.hierarchy_table, hierarchyColumns(config)],
    [config.mapping_table, mappingColumns(config)],
    ...config.dimensions.map(({ table, alias }) => [table, dimensionColumns(config, alias)] as const),
    [config.fact.table, factColumns(config)],
    ...(config.formulas_table === null
      ? []
      : [[config.formulas_table.table, formulaColumns(config)] as const]),
    ...(config.extension === null
      ? []
      : [
          [
            config.extension.table,
            [config.extension.key, ...config.extension.columns].map((name) => [name, 'extension'] as const),
          ] as const,
        ]),
  ] as const
  const known = new Map<string, readonly string[]>()
  const problems: Problem[] = []
  for (const [table, columns] of named) {
    const has = (await source.columns(partsOf(table))).map(({ name }) => name)
    known.set(table, has)
    problems.push(...missingColumns(table, has, columns))
  }
  const { shape, problems: shapeProblems } = shapeOf(config, placeOf, {
    fact: known.get(config.fact.table)!,
    hierarchy: known.get(config.hierarchy_table)!,
  })
  refuseAll([...problems, ...shapeProblems])
  const tables: MartTables = {
    hierarchy: await source.read(partsOf(config.hierarchy_table)),
    mapping: await source.read(partsOf(config.mapping_table)),
    dimensions: new Map(
      await Promise.all(
        config.dimensions.map(async ({ alias, table }) => {
          const columns = [...new Set(dimensionColumns(config, alias).map(([name]) => name))]
          return [alias, await source.read(partsOf(table), columns)] as const
        }),
      ),
    ),
    formulas: config.formulas_table === null ? null : await source.read(partsOf(config.formulas_table.table)),
  }
  const { data, problems: dataProblems } = checkData(shape, tables)
  refuseAll([...dataProblems, ...(await factProblems(config, source))])
  return { shape, data, tables, source }
}

/** DuckDB's decimals have 38 digits, and its sums of them wrap in silence: what comes near is refused. */
const MOST_DIGITS = 25

async function factProblems(config: MartConfig, source: MartSource): Promise<readonly Problem[]> {
  const { table, measures } = config.fact
  const problems: Problem[] = []
  const name = source.localName(partsOf(table))
  const columns = await source.columns(partsOf(table))
  const checkAmount = async (column: string, scale: number): Promise<void> => {
    if (columns.some((one) => one.name === column && one.isFloating)) {
      problems.push(problem('TIE-2408', { column, source: table }))
      return
    }
    const value = `CAST(${quoted(column)} AS VARCHAR)`
    const pattern = literal(`[+-]?[0-9]{1,24}(\\.[0-9]{0,${scale}}0*)?`)
    const wrong = await source.rows(
      table,
      `SELECT ${value} FROM ${quoted(name)} WHERE NOT coalesce(regexp_full_match(${value}, ${pattern}), true) ORDER BY 1 LIMIT 5`,
    )
    problems.push(...wrong.map(([text]) => problem('TIE-5020', { value: text!, table, column, scale })))
    if (wrong.length > 0) return
    const [sum] = await source.rows(
      table,
      `SELECT CAST(coalesce(sum(abs(CAST(${value} AS DOUBLE))), 0) >= 1e${MOST_DIGITS - scale} AS VARCHAR) FROM ${quoted(name)}`,
    )
    if (sum![0] === 'true') problems.push(problem('TIE-5027', { table, column, limit: MOST_DIGITS - scale }))
  }
  for (const { name: measure, column, scale, volume } of measures) {
    await checkAmount(column, scale)
    if (volume === null) continue
    await checkAmount(volume.column, volume.scale)
    if (volume.unit_column === null) continue
    const units = await source.rows(
      table,
      `SELECT CAST(${quoted(volume.unit_column)} AS VARCHAR), CAST(count(*) AS VARCHAR) FROM ${quoted(name)}
       WHERE ${quoted(volume.column)} IS NOT NULL GROUP BY 1 ORDER BY 1`,
    )
    const known = volume.factors.map(({ unit }) => unit)
    for (const [unit, rows] of units) {
      if (unit !== null && known.includes(unit!)) continue
      const params = { unit: unit ?? '', rows: plural(Number(rows), 'fact'), measure }
      problems.push(problem('TIE-5021', { ...params, suggestion: didYouMean(unit ?? '', known) }))
    }
  }
  return problems
}

/** The configuration with the names that its tables have in DuckDB. */
export function localConfig(config: MartConfig, source: MartSource): MartConfig {
  const local = (name: string): string => quoted(source.localName(partsOf(name)))
  return {
    ...config,
    hierarchy_table: local(config.hierarchy_table),
    mapping_table: local(config.mapping_table),
    dimensions: config.dimensions.map((dimension) => ({ ...dimension, table: local(dimension.table) })),
    fact: { ...config.fact, table: local(config.fact.table) },
    extension: config.extension && { ...config.extension, table: local(config.extension.table) },
    formulas_table: config.formulas_table && {
      ...config.formulas_table,
      table: local(config.formulas_table.table),
    },
  }
}
