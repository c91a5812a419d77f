/**
 * Formula text to tree: `+ -` < `* /` < unary minus < parentheses, left to right. Chains are read by loops
 * and nesting is counted, so neither a long sum nor hostile parentheses reach the stack's end.
 *
 * Raises (as results): TIE-2201, TIE-2207, TIE-2208, TIE-2211.
 */

import { didYouMean } from '../base/text.js'
import { Cursor } from './cursor.js'
import { foldFormula, type NodeName, type NodeValue, type UnboundFormula } from './formula-tree.js'
import { attempt, type LanguageProblems, type Located, MAX_FACTORS } from './language.js'
import { isReserved, printName } from './lexer.js'
import { readColumn, readPredicate } from './parse-predicate.js'
import type { Literal, Predicate } from './predicate.js'

export type FormulaPart = UnboundFormula | Predicate | Literal

export interface ParsedFormula extends Located<FormulaPart> {
  readonly ok: true
  readonly formula: UnboundFormula
}

export function parseFormula(text: string): ParsedFormula | LanguageProblems {
  return attempt(() => {
    const offsets = new Map<FormulaPart, number>()
    const cursor = new Cursor(text)
    const formula = new FormulaReader(cursor, offsets).readSum()
    cursor.expectEnd('+ - * / or the end of the text')
    const product = firstLongProduct(formula)
    if (product !== undefined) {
      const what = `More than ${MAX_FACTORS} numbers are multiplied here`
      cursor.stop('TIE-2207', { what, limit: `${MAX_FACTORS} factors` }, offsets.get(product)!)
    }
    return { ok: true, formula, text, offsets }
  })
}

/** Exact products keep all decimal places of their factors; a quotient is rounded, so it counts as one. */
function firstLongProduct(formula: UnboundFormula): UnboundFormula | undefined {
  let found: UnboundFormula | undefined
  foldFormula<NodeName, number>(formula, {
    leaf: () => 1,
    minus: (_, factors) => factors,
    arithmetic(part, left, right) {
      if (part.op === '/') return 1
      const factors = part.op === '*' ? left + right : Math.max(left, right)
      if (factors > MAX_FACTORS) found ??= part
      return factors
    },
  })
  return found
}

const FUNCTIONS = ['natural', 'adjusted', 'sum']
const OPERAND = 'a node, a number, natural(…), adjusted(…), sum(…) or ('

class FormulaReader {
  private readonly cursor: Cursor
  private readonly offsets: Map<FormulaPart, number>

  constructor(cursor: Cursor, offsets: Map<FormulaPart, number>) {
    this.cursor = cursor
    this.offsets = offsets
  }

  readSum(): UnboundFormula {
    return this.readChain(['+', '-'], () => this.readChain(['*', '/'], () => this.readOperand()))
  }

  private readChain(ops: readonly ('+' | '-' | '*' | '/')[], readNext: () => UnboundFormula): UnboundFormula {
    let left = readNext()
    for (;;) {
      const op = ops.find((each) => this.cursor.isSymbol(each))
      if (op === undefined) return left
      const { offset } = this.cursor.take()
      left = this.locate({ op, left, right: readNext() }, offset)
    }
  }

  private readOperand(): UnboundFormula {
    const { cursor } = this
    const { offset, kind, value } = cursor.token
    if (cursor.takeSymbol('-')) {
      return this.locate({ op: 'neg', arg: cursor.nested(() => this.readOperand()) }, offset)
    }
    if (cursor.takeSymbol('(')) {
      const inner = cursor.nested(() => this.readSum())
      cursor.expectSymbol(')', '+ - * / or )')
      return inner
    }
    if (kind === 'number') return this.locate({ op: 'const', value: cursor.take().value }, offset)
    const isCall = cursor.following.kind === 'symbol' && cursor.following.value === '('
    if (kind === 'name' && isCall) return this.readCall(value.toLowerCase(), offset)
    return this.locate({ op: 'node', node: this.readNode(OPERAND), value: 'bare' }, offset)
  }

  private readCall(called: string, offset: number): UnboundFormula {
    const { cursor } = this
    if (!FUNCTIONS.includes(called)) cursor.unexpected(OPERAND, didYouMean(called, FUNCTIONS))
    cursor.take()
    cursor.expectSymbol('(')
    if (called === 'sum') return this.readSumCall(offset)
    const node = this.readNode('a node')
    cursor.expectSymbol(')')
    return this.locate({ op: 'node', node, value: called as NodeValue<NodeName>['value'] }, offset)
  }

  private readSumCall(offset: number): UnboundFormula {
    const { cursor } = this
    const column = readColumn(cursor)
    if (cursor.takeSymbol(')')) return this.locate({ op: 'sum', column }, offset)
    if (!cursor.takeKeyword('where')) cursor.unexpected('where or )')
    const where = cursor.nested(() => readPredicate(cursor, this.offsets as Map<Predicate | Literal, number>))
    cursor.expectSymbol(')', 'and, or or )')
    return this.locate({ op: 'sum', column, where }, offset)
  }

  private readNode(expected: string): NodeName {
    const { cursor } = this
    const { kind, value } = cursor.token
    if (kind === 'bracket' && value !== '') return { name: cursor.take().value }
    if (kind === 'quoted' && value !== '') return { id: cursor.take().value }
    if (kind === 'name' && !isReserved(value)) return { id: cursor.take().value }
    const isNode = kind === 'name' || kind === 'text' || (kind === 'number' && expected === 'a node')
    if (!isNode || value === '') return cursor.unexpected(expected)
    const written = printName(value).startsWith('"') ? printName(value) : `"${value}"`
    return cursor.unexpected(expected, `The id of a node can stand in double quotes: ${written}.`)
  }

  private locate<Part extends FormulaPart>(part: Part, offset: number): Part {
    this.offsets.set(part, offset)
    return part
  }
}
