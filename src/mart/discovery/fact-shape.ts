/**
 * Which table is the fact, by which of its columns each dimension is joined, and what its other columns are: amounts,
 * volumes and their units, what stays in the mart, flags that a filter may test. Raises nothing.
 */

import { FALSE_FLAGS, TRUE_FLAGS } from '../config.js'
import type { PlacedSource } from './column-map.js'
import { type ColumnProfile, isUnique, likeness, overlap, type TableProfile, wordsOf } from './profile.js'
import { best } from './roles.js'

export interface FoundDimension {
  readonly alias: string
  readonly table: TableProfile
  /** What the fact holds. */
  readonly key: string
  readonly factKey: string
  readonly filterColumn: string
  readonly segmentColumn: string | null
}

export interface FactShape {
  readonly table: TableProfile
  readonly dimensions: readonly FoundDimension[]
  readonly measures: readonly ColumnProfile[]
  readonly volume: { readonly column: ColumnProfile; readonly unit: ColumnProfile | null } | null
  readonly grain: readonly string[]
  /** Columns of few values that nothing else is made of. */
  readonly flags: readonly ColumnProfile[]
  /** Columns that are in no part of the configuration. */
  readonly unused: readonly string[]
}

const KEY_NAME = /(?:^|_)(?:ID|KEY|NO|NUMBER|CODE)$/i
const TIME_NAME = /YEAR|MONTH|PERIOD|QUARTER|DATE|DAY|FISCAL/i
const VOLUME_NAME = /^(?:.*_)?(?:VOL|VOLUME|VOLUMES|QTY|QUANTITY)(?:_.*)?$/i
const UNIT_NAME = /^(?:.*_)?(?:UNIT|UNITS|UOM)(?:_.*)?$/i
const FEW = 5

/** Undefined when no table holds keys of the dimensions that the ids are of. */
export function factShapeOf(
  placed: readonly PlacedSource[],
  tables: readonly TableProfile[],
  prefix: string,
  hasVolumes: boolean,
): FactShape | undefined {
  const used = [...new Set(placed.map(({ table }) => table))]
  const candidates = tables.map((table) => ({
    table,
    joins: used.map((dimension) => joinOf(dimension, table, placed)),
  }))
  const winner = best(
    candidates.filter(
      ({ table, joins }) => joins.some((join) => join !== undefined) && amounts(table).length > 0,
    ),
    ({ table, joins }) => joins.filter((join) => join !== undefined).length + table.rows / 1e12,
    ({ table }) => table.name,
  )
  if (winner === undefined) return undefined
  const { table } = winner
  const aliases = aliasesOf(used)
  const dimensions = used.flatMap((dimension, i): FoundDimension[] => {
    const join = winner.joins[i]
    if (join === undefined) return []
    const sources = placed.filter((one) => one.table === dimension)
    return [
      {
        alias: aliases[i]!,
        table: dimension,
        ...join,
        filterColumn: filterColumnOf(aliases[i]!, sources, prefix),
        segmentColumn: dimension === table ? null : segmentOf(dimension),
      },
    ]
  })
  return { table, dimensions, ...columnsOf(table, dimensions, hasVolumes) }
}

/** The unique column of the dimension that has the most keys of a column of the fact. */
function joinOf(dimension: TableProfile, fact: TableProfile, placed: readonly PlacedSource[]) {
  if (dimension === fact) {
    const [own] = placed.filter(({ table }) => table === fact)
    return { key: own!.column.name, factKey: own!.column.name }
  }
  const joins = dimension.columns
    .filter((key) => isUnique(dimension, key))
    .flatMap((key) =>
      fact.columns
        .filter(({ values, filled }) => values !== null && filled > 0)
        .map((column) => ({
          key: key.name,
          factKey: column.name,
          share: overlap(column.values!, key),
          like: likeness(key.name, column.name),
        })),
    )
    .filter(({ share }) => share >= 0.5)
  const found = best(
    joins,
    ({ share, like }) => share + like,
    ({ key, factKey }) => `${key} ${factKey}`,
  )
  return found && { key: found.key, factKey: found.factKey }
}

const amounts = (table: TableProfile): readonly ColumnProfile[] =>
  table.columns.filter(
    (column) =>
      column.scale !== null &&
      column.filled > 0 &&
      !KEY_NAME.test(column.name) &&
      !TIME_NAME.test(column.name) &&
      (column.scale > 0 || !isUnique(table, column)),
  )

function columnsOf(table: TableProfile, dimensions: readonly FoundDimension[], hasVolumes: boolean) {
  const keys = new Set(dimensions.map(({ factKey }) => factKey))
  const free = table.columns.filter(({ name, filled }) => !keys.has(name) && filled > 0)
  const numbers = amounts(table).filter(({ name }) => !keys.has(name))
  const volumeColumn = hasVolumes ? numbers.find(({ name }) => VOLUME_NAME.test(name)) : undefined
  const unit =
    volumeColumn &&
    free.find(({ name, distinct, scale }) => UNIT_NAME.test(name) && scale === null && distinct <= 100)
  const volume = volumeColumn === undefined ? null : { column: volumeColumn, unit: unit ?? null }
  const measures = numbers.filter((column) => column !== volumeColumn)
  const rest = free.filter((column) => !numbers.includes(column) && column !== unit)
  const flags = rest.filter(
    ({ distinct, filled, values }) =>
      values !== null && distinct <= FEW && (filled < table.rows || [...values].every(isFlag)),
  )
  const grain = rest.filter(
    (column) => !flags.includes(column) && column.filled === table.rows && column.distinct <= table.rows / 2,
  )
  const taken = new Set([...keys, ...[...numbers, ...flags, ...grain].map(({ name }) => name), unit?.name])
  return {
    measures,
    volume,
    flags,
    grain: grain.map(({ name }) => name),
    unused: table.columns.map(({ name }) => name).filter((name) => !taken.has(name)),
  }
}

const isFlag = (value: string): boolean => [...TRUE_FLAGS, ...FALSE_FLAGS].includes(value.toUpperCase())

const segmentOf = ({ columns }: TableProfile): string | null =>
  columns.find(({ name, distinct }) => /SEGMENT/i.test(name) && distinct > 0 && distinct <= 20)?.name ?? null

/** `DIM_ACCOUNT` is ACCOUNT; the second of one name has a number. */
function aliasesOf(tables: readonly TableProfile[]): readonly string[] {
  const seen = new Map<string, number>()
  return tables.map(({ parts }) => {
    const words = wordsOf(parts.at(-1)!).filter(
      (word) => !['DIM', 'D', 'TBL', 'DIMENSION', '0'].includes(word),
    )
    const base = (words.join('_') || 'DIMENSION').replace(/([^S])S$/, '$1')
    const count = (seen.get(base) ?? 0) + 1
    seen.set(base, count)
    return count === 1 ? base : `${base}_${count}`
  })
}

/** As reports call them: the code where ids are codes of the dimension itself, else its id. */
const filterColumnOf = (alias: string, sources: readonly PlacedSource[], prefix: string): string =>
  [
    ...(prefix === '' ? [] : [prefix]),
    alias,
    sources.some(({ column }) => column.name.toUpperCase() === `${alias}_CODE`) ? 'CODE' : 'ID',
    'FILTER',
  ].join('_')
