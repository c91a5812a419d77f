/**
 * The cells of a base as they are without any rule: natural and adjusted differ only by fact adjustments.
 * Rules move few nodes of a tree, so calculations over one base share the cells of all others. Raises nothing.
 */

import { type Decimal, decimal, subtract, ZERO } from '../base/decimal.js'
import type { Cell, ScenarioCode } from './calculate.js'
import { decimalAt } from './group-sums.js'
import type { RollUpBase } from './roll-up-base.js'
import type { Measure } from './use-case.js'

/** Where a measure's amounts stand in the frame. */
export interface MeasureColumns {
  readonly measure: Measure
  /** As the facts say. */
  readonly column: number
  /** After fact adjustments; the same where there are none. */
  readonly adjusted: number
}

/** The last ones made of each base: edits of rules ask for the same again. */
const kept = new WeakMap<RollUpBase, { readonly key: string; readonly cells: readonly Cell[] }>()

/** Scenario by scenario, nodes in preorder, measures in the order of the mapping. */
export function unruledCells(
  base: RollUpBase,
  measures: readonly MeasureColumns[],
  scenarios: readonly ScenarioCode[],
): readonly Cell[] {
  const key = JSON.stringify([measures, scenarios])
  const known = kept.get(base)
  if (known?.key === key) return known.cells
  const cells: Cell[] = []
  for (const scenario of scenarios) addCells(base, measures, scenario, cells)
  kept.set(base, { key, cells })
  return cells
}

function addCells(
  base: RollUpBase,
  measures: readonly MeasureColumns[],
  { label, code }: ScenarioCode,
  cells: Cell[],
): void {
  const facts = base.factsUnder(code)
  const cellOf = measures.map((columns, measure) => cellMaker(base, columns, measure, code))
  for (let node = 0; node < facts.length; node++)
    for (const cell of cellOf) cells.push(cell(node, label, facts[node]!))
}

type CellMaker = (node: number, scenario: string, factCount: number) => Cell

function cellMaker(
  base: RollUpBase,
  { column, adjusted: adjustedColumn }: MeasureColumns,
  measure: number,
  code: number,
): CellMaker {
  const facts = base.sumsOf(column, code)
  const { scale } = facts
  const naturalAt = (node: number): Decimal => decimalAt(facts.natural, node, scale)
  const directAt = (node: number, natural: Decimal): Decimal =>
    facts.direct[node] === facts.natural[node] ? natural : decimalAt(facts.direct, node, scale)
  const none = decimal(0n, scale)
  if (adjustedColumn === column)
    return (node, scenario, factCount) => {
      const natural = naturalAt(node)
      const direct = directAt(node, natural)
      return {
        node,
        measure,
        scenario,
        natural,
        direct,
        adjustment: ZERO,
        adjusted: natural,
        plug: none,
        factCount,
        rule: undefined,
      }
    }
  const adjustedFacts = base.sumsOf(adjustedColumn, code)
  return (node, scenario, factCount) => {
    const natural = naturalAt(node)
    const direct = directAt(node, natural)
    const adjusted = decimalAt(adjustedFacts.natural, node, adjustedFacts.scale)
    const adjustment = subtract(adjusted, natural)
    const plug = subtract(natural, adjusted)
    return {
      node,
      measure,
      scenario,
      natural,
      direct,
      adjustment,
      adjusted,
      plug,
      factCount,
      rule: undefined,
    }
  }
}
