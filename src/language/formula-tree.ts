/**
 * The tree of arithmetic rules, plain data, and the one way to walk it. A flat sum of thousands of nodes is
 * a left-deep tree, so everything that walks a formula does it through `foldFormula`, which uses no stack.
 * Raises nothing.
 */

import type { Predicate } from './predicate.js'

/** How an author names a node: by id, or by its name in [brackets]. */
export type NodeName = { readonly id: string } | { readonly name: string }

export interface Arithmetic<N> {
  readonly op: '+' | '-' | '*' | '/'
  readonly left: FormulaOf<N>
  readonly right: FormulaOf<N>
}

export interface Minus<N> {
  readonly op: 'neg'
  readonly arg: FormulaOf<N>
}

export interface Constant {
  readonly op: 'const'
  /** Plain decimal text without a sign; `-3` is the neg of 3. */
  readonly value: string
}

export interface NodeValue<N> {
  readonly op: 'node'
  readonly node: N
  /** A bare node means its adjusted value; the rule's own node, bare, means its natural value. */
  readonly value: 'bare' | 'natural' | 'adjusted'
}

export interface Sum {
  readonly op: 'sum'
  readonly column: string
  readonly where?: Predicate
}

export type LeafOf<N> = Constant | NodeValue<N> | Sum
export type FormulaOf<N> = Arithmetic<N> | Minus<N> | LeafOf<N>

/** As written: nodes by id or name, sums by column or measure. */
export type UnboundFormula = FormulaOf<NodeName>
/** As executed: nodes by id, sums by column, literals of the columns' types. */
export type Formula = FormulaOf<string>

export interface Fold<N, T> {
  leaf(leaf: LeafOf<N>): T
  minus(minus: Minus<N>, arg: T): T
  arithmetic(arithmetic: Arithmetic<N>, left: T, right: T): T
}

/** Combines a formula from its leaves up, left to right, without recursion. */
export function foldFormula<N, T>(formula: FormulaOf<N>, fold: Fold<N, T>): T {
  const pending: { readonly part: FormulaOf<N>; readonly ready: boolean }[] = [
    { part: formula, ready: false },
  ]
  const values: T[] = []
  for (;;) {
    const next = pending.pop()
    if (next === undefined) return values.pop()!
    const { part, ready } = next
    if (part.op === 'const' || part.op === 'node' || part.op === 'sum') values.push(fold.leaf(part))
    else if (!ready) {
      pending.push({ part, ready: true })
      if (part.op === 'neg') pending.push({ part: part.arg, ready: false })
      else pending.push({ part: part.right, ready: false }, { part: part.left, ready: false })
    } else if (part.op === 'neg') values.push(fold.minus(part, values.pop()!))
    else {
      const right = values.pop()!
      values.push(fold.arithmetic(part, values.pop()!, right))
    }
  }
}

function leavesOf<N>(formula: FormulaOf<N>): LeafOf<N>[] {
  const leaves: LeafOf<N>[] = []
  const ignore = (): void => undefined
  foldFormula<N, void>(formula, { leaf: (leaf) => void leaves.push(leaf), minus: ignore, arithmetic: ignore })
  return leaves
}

/** The node values a formula reads, each once, in the order of the text. */
export function formulaReferences(formula: Formula): NodeValue<string>[] {
  const seen = new Map<string, NodeValue<string>>()
  for (const leaf of leavesOf(formula)) {
    if (leaf.op === 'node' && !seen.has(`${leaf.value} ${leaf.node}`)) {
      seen.set(`${leaf.value} ${leaf.node}`, leaf)
    }
  }
  return [...seen.values()]
}

/** Every sum(…) of a formula, in the order of the text, each occurrence by its own identity. */
export const formulaSums = (formula: FormulaOf<unknown>): Sum[] =>
  leavesOf(formula).filter((leaf) => leaf.op === 'sum')
