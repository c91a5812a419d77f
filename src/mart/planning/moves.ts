/** What moves between two runs of a mart: figures with their amounts, rows that come and go, keys. Raises nothing. */

import {
  canonicalDecimal,
  compareDecimals,
  type Decimal,
  negate,
  parseDecimal,
  subtract,
  ZERO,
} from '../../base/decimal.js'
import { compareText } from '../../base/text.js'
import { type MartConfig, measureColumn } from '../config.js'
import type { KeyedRows } from '../proof/compare.js'
import type { Cell } from '../table.js'

export interface Move {
  readonly change: 'moved' | 'added' | 'gone'
  readonly surrogate_key: string
  readonly row_kind: string
  /** The node's key, or the name at its deepest level. */
  readonly node: string
  readonly slice: Readonly<Record<string, Cell>>
  readonly measure: string
  readonly before: Cell
  readonly after: Cell
  /** After less before, an empty figure as zero. */
  readonly by: string
}

export interface KeyChanges {
  readonly survive: number
  readonly added: readonly string[]
  readonly gone: readonly string[]
  /** Of those that survive: how many have another NODE_RANK. */
  readonly ranks_moved: number
}

type Row = KeyedRows[number]

/** The largest moves first. */
export function movesOf(config: MartConfig, before: KeyedRows, after: KeyedRows): readonly Move[] {
  const old = new Map(before.map((row) => [row.SURROGATE_KEY!, row]))
  const now = new Map(after.map((row) => [row.SURROGATE_KEY!, row]))
  const moves: Move[] = []
  for (const key of new Set([...old.keys(), ...now.keys()]))
    for (const measure of config.fact.measures) {
      const column = measureColumn(config, measure)
      const [first, second] = [old.get(key), now.get(key)]
      const [was, is] = [first?.[column] ?? null, second?.[column] ?? null]
      if (first !== undefined && second !== undefined && canonical(was) === canonical(is)) continue
      const row = (second ?? first)!
      moves.push({
        change: first === undefined ? 'added' : second === undefined ? 'gone' : 'moved',
        surrogate_key: key,
        row_kind: row.ROW_KIND!,
        node: nodeOf(row, config),
        slice: Object.fromEntries(config.fact.grain.map((name) => [name, row[name] ?? null])),
        measure: column,
        before: canonical(was),
        after: canonical(is),
        by: canonicalDecimal(subtract(amount(is), amount(was))),
      })
    }
  return moves.sort(
    (a, b) =>
      compareDecimals(size(parseDecimal(b.by)!), size(parseDecimal(a.by)!)) ||
      compareText(a.surrogate_key + a.measure, b.surrogate_key + b.measure),
  )
}

const amount = (cell: Cell): Decimal => (cell === null ? ZERO : parseDecimal(cell)!)
const size = (value: Decimal): Decimal => (value.units < 0n ? negate(value) : value)
const canonical = (cell: Cell): Cell => (cell === null ? null : canonicalDecimal(amount(cell)))

const nodeOf = (row: Row, config: MartConfig): string =>
  row.XREF_HIERARCHY_KEY ?? row[`LEVEL_${config.hierarchy.levels.length}`] ?? ''

/** Keys of nodes, totals and formulas: those that survive point at the same row before and after. */
export function keyChangesOf(config: MartConfig, before: KeyedRows, after: KeyedRows): KeyChanges {
  const [old, now] = [byNode(before), byNode(after)]
  const named = (rows: ReadonlyMap<string, Row>, others: ReadonlyMap<string, Row>): string[] =>
    [...rows]
      .filter(([key]) => !others.has(key))
      .map(([, row]) => nodeOf(row, config))
      .sort(compareText)
  const survivors = [...old].filter(([key]) => now.has(key))
  return {
    survive: survivors.length,
    added: named(now, old),
    gone: named(old, now),
    ranks_moved: survivors.filter(([key, row]) => now.get(key)!.NODE_RANK !== row.NODE_RANK).length,
  }
}

const byNode = (rows: KeyedRows): ReadonlyMap<string, Row> =>
  new Map(rows.map((row) => [row.NODE_SURROGATE_KEY!, row]))
