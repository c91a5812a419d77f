/** Two computations of a mart's rows, cell by cell; figures as decimals, everything else as text. Raises nothing. */

import { canonicalDecimal, parseDecimal } from '../../base/decimal.js'
import { compareText } from '../../base/text.js'
import type { Cell } from '../table.js'

export interface Difference {
  readonly surrogate_key: string
  readonly column: string
  readonly first: Cell
  readonly second: Cell
}

export interface Comparison {
  readonly rows: number
  readonly cells: number
  readonly differences: number
  /** The first of them by key and column. */
  readonly examples: readonly Difference[]
}

export type KeyedRows = readonly Readonly<Record<string, Cell>>[]

const EXAMPLES = 20
const KEY = 'SURROGATE_KEY'

/** Rows are matched by their surrogate key; a row that only one has differs in that column. */
export function compareRows(
  first: KeyedRows,
  second: KeyedRows,
  columns: readonly string[],
  figures: ReadonlySet<string>,
): Comparison {
  const others = new Map<string, Readonly<Record<string, Cell>>>()
  const differences: Difference[] = []
  const add = (key: string, column: string, a: Cell, b: Cell): void => {
    differences.push({ surrogate_key: key, column, first: a, second: b })
  }
  for (const row of second) {
    if (others.has(row[KEY]!)) add(row[KEY]!, KEY, null, 'twice')
    others.set(row[KEY]!, row)
  }
  const seen = new Set<string>()
  for (const row of first) {
    const key = row[KEY]!
    if (seen.has(key)) add(key, KEY, 'twice', null)
    seen.add(key)
    const other = others.get(key)
    if (other === undefined) {
      add(key, KEY, key, null)
      continue
    }
    for (const column of columns) {
      const same = figures.has(column) ? canonical : (cell: Cell) => cell
      if (same(row[column] ?? null) !== same(other[column] ?? null))
        add(key, column, row[column] ?? null, other[column] ?? null)
    }
  }
  for (const key of others.keys()) if (!seen.has(key)) add(key, KEY, null, key)
  differences.sort((a, b) => compareText(a.surrogate_key, b.surrogate_key) || compareText(a.column, b.column))
  return {
    rows: first.length,
    cells: first.length * columns.length,
    differences: differences.length,
    examples: differences.slice(0, EXAMPLES),
  }
}

function canonical(cell: Cell): Cell {
  const value = cell === null ? undefined : parseDecimal(cell)
  return value === undefined ? cell : canonicalDecimal(value)
}

export const keyed = (columns: readonly string[], rows: readonly (readonly Cell[])[]): KeyedRows =>
  rows.map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i]!])))
