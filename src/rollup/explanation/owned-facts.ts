/**
 * Which facts belong to a part of the tree, as a predicate over the driver columns, so that the engine that
 * holds the facts can be asked for them: the first driver column whose value is bound decides; what no column
 * claims is UNASSIGNED's. It shares no code with the kernel's look-up of owners. Raises nothing.
 */

import { parseDate } from '../../base/dates.js'
import { formatDecimal, parseDecimal } from '../../base/decimal.js'
import type { ColumnType } from '../../engines/source.js'
import type { Literal, Predicate } from '../../language/predicate.js'
import type { Bindings } from '../bindings.js'
import { type Tree, UNASSIGNED } from '../hierarchy.js'

/** Positions of the tree from ≤ position < to. */
export interface Range {
  readonly from: number
  readonly to: number
}

export type Facts = 'all' | 'none' | Predicate

export function ownedFacts(
  tree: Tree,
  { columns, bindings }: Bindings,
  types: ReadonlyMap<string, ColumnType>,
  { from, to }: Range,
): Facts {
  if (from === 0 && to === tree.nodes.length) return 'all'
  const claimed: Predicate[] = []
  const ways: Predicate[] = []
  for (const column of columns) {
    const bound = bindings.filter((binding) => binding.column === column)
    const here = bound.filter(({ node }) => from <= node && node < to)
    const mine = memberOf(column, here, types)
    if (mine !== undefined) ways.push(joined('and', [...claimed.map(not), mine]))
    const any = memberOf(column, bound, types)
    if (any !== undefined) claimed.push(any)
  }
  const unassigned = tree.positions.get(UNASSIGNED)!
  if (from <= unassigned && unassigned < to) {
    if (claimed.length === 0) return 'all'
    ways.push(joined('and', claimed.map(not)))
  }
  return ways.length === 0 ? 'none' : joined('or', ways)
}

const not = (arg: Predicate): Predicate => ({ op: 'not', arg })

const joined = (op: 'and' | 'or', args: readonly Predicate[]): Predicate =>
  args.length === 1 ? args[0]! : { op, args }

/** Undefined where none of the values can be one of the column's. */
function memberOf(
  column: string,
  bound: readonly { readonly value: string }[],
  types: ReadonlyMap<string, ColumnType>,
): Predicate | undefined {
  const type = types.get(column)!
  const values = bound.flatMap(({ value }) => literalOf(value, type) ?? [])
  return values.length === 0 ? undefined : { op: 'in', column, values }
}

/** A node's id or name as a value of the column; a name that is no number is none in a column of numbers. */
function literalOf(value: string, type: ColumnType): Literal | undefined {
  switch (type) {
    case 'text':
      return { text: value }
    case 'numeric': {
      const number = parseDecimal(value)
      return number && { number: formatDecimal(number) }
    }
    case 'date':
      return parseDate(value) === undefined ? undefined : { date: value }
    case 'boolean':
      return value === 'true' || value === 'false' ? { boolean: value === 'true' } : undefined
  }
}
