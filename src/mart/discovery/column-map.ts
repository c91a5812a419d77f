/**
 * Which column of which table each ID_SOURCE means: the one that has its ids, and among several that one whose name
 * is the most alike. An ID_SOURCE that is almost the name of another one with the same column is a misspelling of
 * it. Raises nothing.
 */

import { compareText, editDistance } from '../../base/text.js'
import { type ColumnProfile, likeness, overlap, rounded, type TableProfile } from './profile.js'
import { best } from './roles.js'

/** What the mapping says of one ID_SOURCE. */
export interface IdSource {
  readonly name: string
  readonly rows: number
  readonly ids: ReadonlySet<string>
  /** Tables that its rows name in ID_TABLE, without their schemas. */
  readonly tables: ReadonlySet<string>
}

export interface PlacedSource {
  readonly source: IdSource
  readonly table: TableProfile
  readonly column: ColumnProfile
  /** 0 to 1: how many of its ids the column has. */
  readonly overlap: number
  /** What it misspells; null for a spelling of its own. */
  readonly typoOf: string | null
  readonly confidence: number
}

export interface ColumnMap {
  readonly placed: readonly PlacedSource[]
  readonly unplaced: readonly IdSource[]
}

/** A name tells little where the values do, and breaks ties where they do not. */
const NAME_WEIGHT = 0.25
const TABLE_WEIGHT = 0.1
/** Fewer ids than this share in no way mean the column, unless the name does. */
const LEAST_OVERLAP = 0.5

export function columnMapOf(sources: readonly IdSource[], tables: readonly TableProfile[]): ColumnMap {
  const placed: PlacedSource[] = []
  const open: IdSource[] = []
  for (const source of sources) {
    const place = placeOf(source, tables)
    if (place === undefined) open.push(source)
    else placed.push(place)
  }
  const canonical = placed.map((one) => ({ ...one, ...typoAmong(one, placed) }))
  const unplaced: IdSource[] = []
  for (const source of open) {
    const near = nearestOf(
      source.name,
      canonical.filter(({ typoOf }) => typoOf === null),
    )
    if (near === undefined) unplaced.push(source)
    else
      canonical.push({
        ...near,
        source,
        overlap: 0,
        typoOf: near.source.name,
        confidence: rounded(closeness(source.name, near.source.name) / 2),
      })
  }
  canonical.sort((a, b) => compareText(a.source.name, b.source.name))
  return { placed: canonical, unplaced }
}

export const lastPart = (name: string): string => name.split('.').at(-1)!.toUpperCase()

function placeOf(source: IdSource, tables: readonly TableProfile[]): PlacedSource | undefined {
  const candidates = tables.flatMap((table) =>
    table.columns.map((column) => {
      const share = overlap(source.ids, column)
      const like = likeness(source.name, column.name)
      const isNamed = source.tables.has(lastPart(table.name))
      const score = share + NAME_WEIGHT * like + (isNamed ? TABLE_WEIGHT : 0)
      return { table, column, share, like, score }
    }),
  )
  const winner = best(
    candidates.filter(({ share, like }) => share >= LEAST_OVERLAP || (share > 0 && like >= 0.85)),
    ({ score }) => score,
    ({ table, column }) => `${table.name}.${column.name}`,
  )
  if (winner === undefined) return undefined
  const { table, column, share } = winner
  return { source, table, column, overlap: share, typoOf: null, confidence: rounded(share) }
}

const closeness = (a: string, b: string): number =>
  1 - editDistance(a.toUpperCase(), b.toUpperCase()) / Math.max(a.length, b.length)

/** Names that differ by case, or by one letter in five. */
const isNear = (a: string, b: string): boolean => a !== b && closeness(a, b) >= 0.8

function typoAmong(
  { source, table, column, overlap: share }: PlacedSource,
  placed: readonly PlacedSource[],
): Pick<PlacedSource, 'typoOf' | 'confidence'> {
  const nearer = (name: string, rows: number): readonly number[] => [likeness(name, column.name), rows]
  const own = nearer(source.name, source.rows)
  const rivals = placed.filter((other) => {
    if (other.table !== table || other.column !== column || !isNear(source.name, other.source.name))
      return false
    const theirs = nearer(other.source.name, other.source.rows)
    return theirs[0]! > own[0]! || (theirs[0] === own[0] && theirs[1]! > own[1]!)
  })
  const found = nearestOf(source.name, rivals)
  if (found === undefined) return { typoOf: null, confidence: rounded(share) }
  return {
    typoOf: found.source.name,
    confidence: rounded(closeness(source.name, found.source.name) * share),
  }
}

const nearestOf = (name: string, placed: readonly PlacedSource[]): PlacedSource | undefined =>
  best(
    placed.filter(({ source }) => isNear(name, source.name)),
    ({ source }) => closeness(name, source.name),
    ({ source }) => source.name,
  )
