/**
 * What a mart needs of a use case to be made from it. Roll-ups and marts do not import one another: the catalogue hands
 * over who can tell. Raises nothing.
 */

import type { Formula } from '../../language/formula.js'
import type { Cell } from '../table.js'

export interface ReportNode {
  readonly id: string
  readonly name: string
  /** Position of the parent; -1 for the root. */
  readonly parent: number
}

/** A fact whose column has the value belongs to the node. */
export interface ReportBinding {
  readonly column: string
  /** As `facts` writes values of the column. */
  readonly value: string
  /** Position of the node. */
  readonly node: number
}

export interface ReportRule {
  readonly no: number
  /** Position of the node. */
  readonly node: number
  /** In the words of the use case. */
  readonly text: string
  /** Of arithmetic; null for any other rule. */
  readonly formula: Formula | null
  /** The measure it sets; null: every one. */
  readonly into: string | null
}

export interface UseCaseReport {
  readonly name: string
  readonly version: number
  readonly structure: string
  readonly structureVersion: number
  /** In preorder, siblings in their order; the last one takes the facts that no binding claims. */
  readonly nodes: readonly ReportNode[]
  /** The column that wins where two claim a fact comes first. */
  readonly driverColumns: readonly string[]
  readonly bindings: readonly ReportBinding[]
  readonly measures: readonly { readonly name: string; readonly column: string }[]
  /** Column of the COB date and of the scenario; null where the facts have none. */
  readonly date: string | null
  readonly scenario: string | null
  readonly rules: readonly ReportRule[]
  /** Every fact of the source, its values in the order of the columns, numbers without trailing zeros; in batches. */
  facts(columns: readonly string[]): AsyncIterable<readonly (readonly Cell[])[]>
}

/** In the order given. */
export function byNode<T extends { readonly node: number }>(
  those: readonly T[],
): ReadonlyMap<number, readonly T[]> {
  const found = new Map<number, T[]>()
  for (const one of those) {
    const same = found.get(one.node)
    if (same === undefined) found.set(one.node, [one])
    else same.push(one)
  }
  return found
}
