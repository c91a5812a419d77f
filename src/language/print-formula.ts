/**
 * Formula tree to canonical text with the fewest parentheses; it parses back to the same tree. Raises
 * nothing.
 */

import { type Arithmetic, type FormulaOf, foldFormula, type LeafOf, type NodeName } from './formula-tree.js'
import { printBracket, printName } from './lexer.js'
import { printPredicate } from './print-predicate.js'

/** A piece of text and how tightly its outermost operator binds. */
interface Printed {
  readonly text: string
  readonly binds: 1 | 2 | 3 | 4
}

const BINDS: Readonly<Record<Arithmetic<unknown>['op'], 1 | 2>> = { '+': 1, '-': 1, '*': 2, '/': 2 }

/** Prints what was parsed (nodes by id or name) and what was bound (nodes by id). */
export function printFormula(formula: FormulaOf<NodeName | string>): string {
  return foldFormula<NodeName | string, Printed>(formula, {
    leaf: (leaf) => ({ text: printLeaf(leaf), binds: 4 }),
    minus: (_, arg) => ({ text: `-${wrap(arg, 3)}`, binds: 3 }),
    arithmetic({ op }, left, right) {
      const binds = BINDS[op]
      // Operators of one level go left to right, so the right operand needs to bind tighter.
      return { text: `${wrap(left, binds)} ${op} ${wrap(right, binds + 1)}`, binds }
    },
  }).text
}

const wrap = ({ text, binds }: Printed, least: number): string => (binds < least ? `(${text})` : text)

function printLeaf(leaf: LeafOf<NodeName | string>): string {
  switch (leaf.op) {
    case 'const':
      return leaf.value
    case 'sum':
      return leaf.where === undefined
        ? `sum(${printName(leaf.column)})`
        : `sum(${printName(leaf.column)} where ${printPredicate(leaf.where)})`
    case 'node':
      return leaf.value === 'bare' ? printNode(leaf.node) : `${leaf.value}(${printNode(leaf.node)})`
  }
}

function printNode(node: NodeName | string): string {
  if (typeof node === 'string') return printName(node)
  return 'id' in node ? printName(node.id) : printBracket(node.name)
}
