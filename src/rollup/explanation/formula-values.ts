/**
 * A formula with its values: each operand in the order of the text, the formula with the values put in, and,
 * where it has no value, the operand that took it. Raises nothing.
 */

import type { Decimal } from '../../base/decimal.js'
import type { FactTotal } from '../../engines/fact-rows.js'
import {
  evaluateFormula,
  type Formula,
  type FormulaResult,
  foldFormula,
  type LeafOf,
  printFormula,
} from '../../language/formula.js'
import type { Tree } from '../hierarchy.js'
import type { Rule } from '../use-case.js'
import type { Empty, Operand } from './explanation.js'

type Leaf = LeafOf<string>
type NodeLeaf = Extract<Leaf, { op: 'node' }>
type SumLeaf = Extract<Leaf, { op: 'sum' }>

export interface FormulaInput {
  readonly tree: Tree
  readonly rule: Rule & { readonly flavour: 'arithmetic' }
  /** Of stored cells; undefined: empty. */
  readonly figureOf: (node: string, value: 'natural' | 'adjusted') => Decimal | undefined
  /** Of `sum:1`, `sum:2`, …; undefined when the facts cannot be asked. */
  readonly totalOf: ((part: string) => FactTotal) | undefined
  readonly shown: (value: Decimal) => string
}

export interface FormulaValues {
  readonly operands: readonly Operand[]
  /** Undefined when a sum cannot be asked for. */
  readonly result: FormulaResult | undefined
  readonly evaluated: string | null
  readonly divides: boolean
}

export function formulaValues(input: FormulaInput): FormulaValues {
  const { rule, figureOf, totalOf } = input
  const parts = sumNames(rule.formula)
  const read = (leaf: NodeLeaf | SumLeaf): Decimal | undefined =>
    leaf.op === 'sum'
      ? totalOf?.(parts.get(leaf)!).amounts[0]
      : figureOf(leaf.node, readsNatural(rule, leaf) ? 'natural' : 'adjusted')
  const known = parts.size === 0 || totalOf !== undefined
  const sums = [...parts.keys()][Symbol.iterator]()
  // Sums are asked for in the order of the text, so each occurrence meets its own.
  const result = known
    ? evaluateFormula(rule.formula, {
        self: rule.node,
        natural: (node) => figureOf(node, 'natural'),
        adjusted: (node) => figureOf(node, 'adjusted'),
        sum: () => read(sums.next().value!)!,
      })
    : undefined
  return {
    operands: operandsOf(input, parts, read),
    result,
    evaluated: known ? printFormula(withValues(rule.formula, read, input.shown)) : null,
    divides: hasDivision(rule.formula),
  }
}

const readsNatural = (rule: Rule, { value, node }: NodeLeaf): boolean =>
  value === 'natural' || (value === 'bare' && node === rule.node)

function sumNames(formula: Formula): ReadonlyMap<SumLeaf, string> {
  const names = new Map<SumLeaf, string>()
  for (const leaf of leavesOf(formula)) if (leaf.op === 'sum') names.set(leaf, `sum:${names.size + 1}`)
  return names
}

function leavesOf(formula: Formula): Leaf[] {
  const leaves: Leaf[] = []
  const ignore = (): void => undefined
  foldFormula<string, void>(formula, {
    leaf: (leaf) => void leaves.push(leaf),
    minus: ignore,
    arithmetic: ignore,
  })
  return leaves
}

/** A node that is named twice in one way is one operand; sums are one each. */
function operandsOf(
  { tree, rule, totalOf, shown }: FormulaInput,
  parts: ReadonlyMap<SumLeaf, string>,
  read: (leaf: NodeLeaf | SumLeaf) => Decimal | undefined,
): Operand[] {
  const seen = new Set<string>()
  return leavesOf(rule.formula).flatMap((leaf): Operand[] => {
    if (leaf.op === 'const') return []
    const text = printFormula(leaf)
    if (leaf.op === 'node' && seen.has(text)) return []
    seen.add(text)
    const number = read(leaf)
    const value = number === undefined ? null : shown(number)
    if (leaf.op === 'sum') {
      const part = parts.get(leaf)!
      const rows = totalOf?.(part).rows ?? null
      const none = { node_id: null, node_name: null, value_of: null }
      return [{ text, kind: 'sum', ...none, part, column: leaf.column, rows, value }]
    }
    return [
      {
        text,
        kind: 'node',
        node_id: leaf.node,
        node_name: tree.nodes[tree.positions.get(leaf.node)!]!.node_name,
        value_of: readsNatural(rule, leaf) ? 'natural' : 'adjusted',
        part: null,
        column: null,
        rows: null,
        value,
      },
    ]
  })
}

/** For printing only: values stand where operands stood, negative ones in parentheses. */
function withValues(
  formula: Formula,
  read: (leaf: NodeLeaf | SumLeaf) => Decimal | undefined,
  shown: (value: Decimal) => string,
): Formula {
  return foldFormula<string, Formula>(formula, {
    leaf(leaf) {
      if (leaf.op === 'const') return leaf
      const number = read(leaf)
      const text = number === undefined ? 'empty' : shown(number)
      return { op: 'const', value: text.startsWith('-') ? `(${text})` : text }
    },
    minus: (_, arg) => ({ op: 'neg', arg }),
    arithmetic: ({ op }, left, right) => ({ op, left, right }),
  })
}

function hasDivision(formula: Formula): boolean {
  return foldFormula<string, boolean>(formula, {
    leaf: () => false,
    minus: (_, arg) => arg,
    arithmetic: ({ op }, left, right) => op === '/' || left || right,
  })
}

export function emptyFormula(tree: Tree, result: FormulaResult): Empty | null {
  if ('value' in result) return null
  if (result.empty === 'division by zero')
    return {
      why: 'division by zero',
      at: printFormula(result.at),
      denominator: printFormula(result.at.right),
    }
  const { node } = result.at
  const { node_name } = tree.nodes[tree.positions.get(node)!]!
  return { why: 'operand is empty', at: printFormula(result.at), node_id: node, node_name }
}
