/** The variance of a run: the first declared scenario less the second, node by node. Raises nothing. */

import { formatDecimal, parseDecimal, subtract } from '../base/decimal.js'
import type { ResultRow } from './store/results.js'

export interface Variance {
  readonly node_id: string
  readonly measure: string
  readonly natural: string | null
  readonly adjusted: string | null
}

/** First − second scenario, for natural and adjusted; empty where either is missing. */
export function varianceOf(rows: readonly ResultRow[], [first, second]: readonly string[]): Variance[] {
  if (first === undefined || second === undefined) return []
  const key = (row: ResultRow): string => JSON.stringify([row.node_id, row.measure])
  const others = new Map(rows.filter((row) => row.scenario === second).map((row) => [key(row), row]))
  const less = (a: string | null, b: string | null | undefined): string | null =>
    a === null || b === null || b === undefined
      ? null
      : formatDecimal(subtract(parseDecimal(a)!, parseDecimal(b)!))
  return rows
    .filter((row) => row.scenario === first)
    .map((row) => {
      const other = others.get(key(row))
      return {
        node_id: row.node_id,
        measure: row.measure,
        natural: less(row.natural, other?.natural),
        adjusted: less(row.adjusted, other?.adjusted),
      }
    })
}
