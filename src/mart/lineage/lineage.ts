/**
 * Where a cell of a mart comes from: the nodes it is the sum of, their mapping rows, the filter that says which facts
 * they take, and those facts, which sum to the cell. Worked out from facts and claims, not from the pipeline; the
 * cell is the pipeline's, and the two are held against each other. Raises nothing.
 */

import { formatDecimal } from '../../base/decimal.js'
import { compareText } from '../../base/text.js'
import type { Measure } from '../config.js'
import type { ClaimedFact } from '../evaluate/claims.js'
import { by, type Fraction, figureText, fraction, minus, plus, whole } from '../evaluate/fraction.js'
import type { Formula } from '../formulas/cascade.js'
import { identityOf, type Named, titleOf, totalsOf } from '../formulas/names.js'
import type { MartNode } from '../hierarchy.js'
import type { Cell, Table } from '../table.js'

/** A node of the cell and how often it counts: 1, −1, or the weight of a formula. */
export interface Part {
  readonly node: MartNode
  readonly weight: string
}

/** What a figure is made of. */
export type Making =
  | { readonly kind: 'sum'; readonly parts: readonly Part[] }
  /** Computed from figures that are summed up already: each has a making of its own. */
  | {
      readonly kind: 'computed'
      readonly operands: readonly {
        readonly op: string
        readonly operand: Named | null
        readonly constant: string | null
      }[]
    }

export interface FactShare {
  /** 1-based, without the header. */
  readonly row: number
  readonly cells: readonly Cell[]
  readonly node: string
  /** With sign, unit and weight; null where the fact says nothing. */
  readonly value: string | null
}

/** Every row of the mart that is there: details, totals of the level paths, formulas. */
export function namedRows(nodes: readonly MartNode[], formulas: readonly Formula[]): readonly Named[] {
  const active = nodes.filter(({ isActive }) => isActive)
  const results = new Set(formulas.map(({ result }) => identityOf(result)))
  const details = active.map((node): Named => ({ kind: 'node', node }))
  return [
    ...details,
    ...totalsOf(active),
    ...formulas
      .map(({ result }) => result)
      .filter((one) => one.kind === 'formula' || !results.has(identityOf(one))),
  ]
}

/** By key, path or name; several where a name is not unique. */
export function namedAs(text: string, rows: readonly Named[]): readonly Named[] {
  const byKey = rows.filter((one) => one.kind === 'node' && one.node.key === text)
  if (byKey.length > 0) return byKey
  const exact = rows.filter((one) => one.kind !== 'node' && titleOf(one) === text)
  if (exact.length > 0) return exact
  return rows.filter((one) =>
    one.kind === 'node'
      ? one.node.name === text || one.node.levels.filter((level) => level !== null).join(' > ') === text
      : one.kind === 'total' && one.path.at(-1) === text,
  )
}

/** The formula of a calculated node or of a result of its own comes first: its figure is what the row shows. */
export function makingOf(named: Named, formulas: readonly Formula[]): Making {
  const formula = formulas.find(({ result }) => identityOf(result) === identityOf(named))
  if (formula !== undefined && formula.weights !== null)
    return {
      kind: 'sum',
      parts: formula.weights.map(({ node, by: weight }) => ({ node, weight: formatDecimal(weight) })),
    }
  if (formula !== undefined)
    return {
      kind: 'computed',
      operands: formula.terms.map(({ op, operand, constant }) => ({
        op,
        operand,
        constant: constant === null ? null : formatDecimal(constant),
      })),
    }
  const nodes = named.kind === 'node' ? [named.node] : named.kind === 'total' ? named.nodes : []
  return { kind: 'sum', parts: nodes.map((node) => ({ node, weight: '1' })) }
}

export interface Share {
  readonly facts: readonly FactShare[]
  /** Null where no fact says anything. */
  readonly sum: string | null
}

/** What each fact of the slice adds to the measure of the parts. */
export function shareOf(
  parts: readonly Part[],
  measure: Measure,
  facts: Table,
  claimed: readonly ClaimedFact[],
  slice: ReadonlyMap<string, Cell>,
): Share {
  const inSlice = [...slice].map(([name, value]) => [facts.reader(name), value] as const)
  const figureOf = readerOf(measure, facts)
  const places = new Map(facts.rows.map((cells, i) => [cells, i + 1]))
  const weights = new Map(parts.map(({ node, weight }) => [node.key, fraction(weight)]))
  const shares: FactShare[] = []
  let sum: Fraction | null = null
  for (const { cells, nodes } of claimed) {
    if (!inSlice.every(([read, value]) => read(cells) === value)) continue
    for (const node of nodes) {
      const weight = weights.get(node.key)
      if (weight === undefined) continue
      const own = figureOf(cells, node)
      const value = own === null ? null : by(node.isSignChanged ? minus(own) : own, weight)
      if (value !== null) sum = plus(sum ?? whole(0n), value)
      shares.push({
        row: places.get(cells)!,
        cells,
        node: node.key,
        value: value === null ? null : figureText(value),
      })
    }
  }
  shares.sort((a, b) => a.row - b.row || compareText(a.node, b.node))
  return { facts: shares, sum: sum === null ? null : figureText(sum) }
}

function readerOf({ column, volume }: Measure, facts: Table) {
  const amount = facts.reader(column)
  const [quantity, unit] = [facts.reader(volume?.column ?? null), facts.reader(volume?.unit_column ?? null)]
  return (cells: readonly Cell[], { isVolume }: MartNode): Fraction | null => {
    const text = isVolume ? quantity(cells) : amount(cells)
    if (text === null || text === '') return null
    if (!isVolume || volume === null || volume.unit_column === null) return fraction(text)
    const factor = volume.factors.find((one) => one.unit === unit(cells))?.factor
    return factor === undefined ? null : by(fraction(text), fraction(factor))
  }
}
