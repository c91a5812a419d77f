/**
 * Checks a formula against the structure's nodes, the source's columns and the use case's measures, and
 * replaces every name by what it stands for: a node's name by its id, a measure by its column.
 *
 * Raises (as results, all at once): TIE-2204, TIE-2205, TIE-2206, and those of `bindPredicate`.
 */

import { bindParts, type Columns } from './bind-predicate.js'
import {
  type Formula,
  foldFormula,
  type NodeName,
  type NodeValue,
  type Sum,
  type UnboundFormula,
} from './formula-tree.js'
import { type LanguageProblems, type Located, listOf, ProblemList } from './language.js'
import { printBracket, printName } from './lexer.js'
import { type FormulaPart, parseFormula } from './parse-formula.js'
import { printFormula } from './print-formula.js'

export interface FormulaScope {
  readonly nodes: ReadonlyMap<string, { readonly name: string }>
  readonly columns: Columns
  /** Measure to column. */
  readonly measures: ReadonlyMap<string, string>
}

export interface BoundFormula {
  readonly ok: true
  readonly formula: Formula
}

/** `source` is the parsed text; without it (a tree made by a program) the carets stand in the canonical text. */
export function bindFormula(
  formula: UnboundFormula,
  scope: FormulaScope,
  source?: Located<FormulaPart>,
): BoundFormula | LanguageProblems {
  if (source === undefined) {
    const text = printFormula(formula)
    const again = parseFormula(text)
    return again.ok
      ? bindFormula(again.formula, scope, again)
      : bindFormula(formula, scope, { text, offsets: new Map() })
  }
  const binder = new FormulaBinder(scope, source)
  const bound = foldFormula<NodeName, Formula>(formula, {
    leaf(leaf) {
      if (leaf.op === 'const') return leaf
      return leaf.op === 'node' ? binder.bindNode(leaf) : binder.bindSum(leaf)
    },
    minus: (_, arg) => ({ op: 'neg', arg }),
    arithmetic: ({ op }, left, right) => ({ op, left, right }),
  })
  return binder.problems.result() ?? { ok: true, formula: bound }
}

/**
 * A bound formula from its own canonical text, as it is stored: nodes stand there by id and sums by column,
 * so nothing needs looking up.
 */
export function formulaOfText(text: string): Formula {
  const parsed = parseFormula(text)
  if (!parsed.ok) throw new Error(`a stored formula cannot be read: ${parsed.problems[0].frame}`)
  return foldFormula<NodeName, Formula>(parsed.formula, {
    leaf(leaf) {
      if (leaf.op !== 'node') return leaf
      if (!('id' in leaf.node)) throw new Error('a stored formula names a node in brackets')
      return { op: 'node', node: leaf.node.id, value: leaf.value }
    },
    minus: (_, arg) => ({ op: 'neg', arg }),
    arithmetic: ({ op }, left, right) => ({ op, left, right }),
  })
}

class FormulaBinder {
  readonly problems: ProblemList<FormulaPart>
  private readonly scope: FormulaScope
  private readonly idsByName = new Map<string, string[]>()

  constructor(scope: FormulaScope, source: Located<FormulaPart>) {
    this.scope = scope
    this.problems = new ProblemList(source)
    for (const [id, { name }] of scope.nodes) {
      const ids = this.idsByName.get(name)
      if (ids === undefined) this.idsByName.set(name, [id])
      else ids.push(id)
    }
  }

  /** An unknown node keeps its text as its id: the problem it adds refuses the whole formula. */
  bindNode(leaf: NodeValue<NodeName>): NodeValue<string> {
    const id = 'id' in leaf.node ? this.idOf(leaf.node.id, leaf) : this.idOfName(leaf.node.name, leaf)
    return { op: 'node', node: id, value: leaf.value }
  }

  private idOf(id: string, leaf: NodeValue<NodeName>): string {
    if (this.scope.nodes.has(id)) return id
    const named = this.idsByName.get(id) ?? []
    const suggestion =
      named.length === 1
        ? `A name stands in brackets: ${printBracket(id)}.`
        : named.length > 1
          ? `It is the name of ${listOf(named)}; write one of these ids.`
          : this.problems.nearest(id, this.scope.nodes.keys())
    this.problems.add('TIE-2204', { node: `"${id}"`, suggestion }, leaf)
    return id
  }

  private idOfName(name: string, leaf: NodeValue<NodeName>): string {
    const ids = this.idsByName.get(name) ?? []
    if (ids.length === 0) {
      const suggestion = this.scope.nodes.has(name)
        ? `It is an id: write ${printName(name)}.`
        : this.problems.nearest(name, this.idsByName.keys())
      this.problems.add('TIE-2204', { node: printBracket(name), suggestion }, leaf)
    }
    if (ids.length > 1) {
      this.problems.add('TIE-2205', { name, nodes: listOf(ids), first: printName(ids[0]!) }, leaf)
    }
    return ids[0] ?? name
  }

  bindSum(leaf: Sum): Sum {
    const { columns } = this.scope
    const column = this.numericColumn(leaf)
    if (leaf.where === undefined) return { op: 'sum', column }
    return { op: 'sum', column, where: bindParts(leaf.where, columns, this.problems) }
  }

  private numericColumn(leaf: Sum): string {
    const { columns, measures } = this.scope
    const { column } = leaf
    if (columns.get(column) === 'numeric') return column
    const measured = measures.get(column)
    if (measured !== undefined && columns.get(measured) === 'numeric') return measured
    const what =
      measured !== undefined
        ? `a measure whose column "${measured}" is ${columns.get(measured) ?? 'missing'}`
        : columns.has(column)
          ? `a ${columns.get(column)} column`
          : 'no column and no measure'
    const numeric = [...columns].filter(([, type]) => type === 'numeric').map(([name]) => name)
    const known = new Set([...numeric, ...measures.keys()])
    this.problems.add(
      'TIE-2206',
      { column, what, known: listOf(known), suggestion: this.problems.nearest(column, known) },
      leaf,
    )
    return column
  }
}
