/**
 * Formulas as sets of terms, read from the hierarchy's columns and from the configuration, in both forms: term rows
 * (result, operand, operator, constant) and two parameters (logic, param_ref, param2_ref). A result is
 * (Σ added − Σ subtracted) × Π factors ÷ Π divisors, or an average. Raises (as problems): TIE-5012, TIE-5013,
 * TIE-5015, TIE-5018.
 */

import { type Decimal, isZero, parseDecimal } from '../../base/decimal.js'
import { type Problem, problem } from '../../base/errors.js'
import { compareText, didYouMean } from '../../base/text.js'
import type { FormulaRow } from '../config.js'
import type { MartNode } from '../hierarchy.js'
import { identityOf, type NameBook, type Named, titleOf } from './names.js'

export type TermOp = 'add' | 'subtract' | 'multiply' | 'divide' | 'average'

export interface Term {
  readonly op: TermOp
  /** Null for a constant alone. */
  readonly operand: Named | null
  /** Of an added or subtracted operand its weight, otherwise the number itself. */
  readonly constant: Decimal | null
  /** True for SUM, which makes a level of its own when all terms are. */
  readonly isSum: boolean
}

export interface FormulaTerms {
  readonly result: Named
  readonly terms: readonly Term[]
  /** Every precedence that a row states for the result. */
  readonly stated: readonly string[]
}

const OPERATORS: Readonly<Record<string, TermOp>> = {
  ...of('add', 'SUM', 'TOTAL', 'ADD', 'ADDITION', 'PLUS', '+'),
  ...of('subtract', 'SUBTRACT', 'SUBTRACTION', 'SUB', 'MINUS', 'DIFFERENCE', '-'),
  ...of('multiply', 'MULTIPLY', 'MULTIPLICATION', 'MUL', 'TIMES', 'PRODUCT', '*'),
  ...of('divide', 'DIVIDE', 'DIVISION', 'DIV', 'RATIO', 'QUOTIENT', '/'),
  ...of('average', 'AVERAGE', 'AVG', 'MEAN'),
}
function of(op: TermOp, ...words: readonly string[]): Record<string, TermOp> {
  return Object.fromEntries(words.map((word) => [word, op]))
}
const SUMS = new Set(['SUM', 'TOTAL'])

const EXPECTED = {
  term: 'A term has an operand, a constant, or both as a weighted operand.',
  two: 'Two parameters are param_ref and either param2_ref or a constant.',
  formula: 'Give it terms, or take the calculation flag away.',
} as const

export function readTerms(
  nodes: readonly MartNode[],
  rows: readonly FormulaRow[],
  names: NameBook,
  problems: Problem[],
): readonly FormulaTerms[] {
  const reader = new TermReader(names, problems)
  // Results first: a formula may name one that is stated after it.
  for (const row of rows) names.result('result' in row ? row.result : row.formula_group)
  for (const node of nodes)
    if (!node.isCalculated && node.logic !== null && node.formulaGroup !== null)
      names.result(node.formulaGroup)
  for (const row of rows) {
    if ('result' in row) reader.term(row)
    else reader.twoParameters(names.result(row.formula_group), { ...row, precedence: row.precedence_level })
  }
  for (const node of nodes) {
    if (node.isCalculated) reader.calculated(node, nodes)
    else if (node.logic !== null && node.formulaGroup !== null)
      reader.term({
        result: node.formulaGroup,
        operand: node.key,
        operator: node.logic,
        constant: node.constant,
        precedence: node.precedence,
      })
  }
  return reader.finish(nodes)
}

interface TermRow {
  readonly result: string
  readonly operand: string | null
  readonly operator: string
  readonly constant: string | null
  readonly precedence: string | null
}

interface TwoParameters {
  readonly logic: string
  readonly param_ref: string
  readonly param2_ref: string | null
  readonly constant: string | null
  readonly precedence: string | null
}

class TermReader {
  private readonly formulas = new Map<
    string,
    { result: Named; terms: Term[]; stated: string[]; rows: number }
  >()
  /** Rows with an operand and a constant to multiply or divide by, which only stand alone. */
  private readonly whole = new Set<string>()

  constructor(
    private readonly names: NameBook,
    private readonly problems: Problem[],
  ) {}

  term(row: TermRow): void {
    const result = this.names.result(row.result)
    const title = titleOf(result)
    const op = this.operator(row.operator, title)
    const constant = this.constant(row.constant, title)
    const operand = row.operand === null ? null : this.names.operand(row.operand, title, this.problems)
    if (op === undefined || constant === undefined || operand === undefined) return
    const formula = this.formula(result, row.precedence)
    formula.rows += 1
    const isSum = SUMS.has(row.operator.toUpperCase())
    if (operand === null && constant === null) {
      this.refuse(title, 'has a term of nothing', EXPECTED.term)
      return
    }
    if (op === 'average' && (operand === null || constant !== null)) {
      this.refuse(title, 'averages something else than an operand', EXPECTED.term)
      return
    }
    if ((op === 'multiply' || op === 'divide') && operand !== null && constant !== null) {
      this.whole.add(identityOf(result))
      formula.terms.push({ op: 'add', operand, constant: null, isSum: false })
      formula.terms.push({ op, operand: null, constant, isSum: false })
      return
    }
    formula.terms.push({ op, operand, constant, isSum })
  }

  twoParameters(result: Named, row: TwoParameters): void {
    const title = titleOf(result)
    const op = this.operator(row.logic, title)
    const constant = this.constant(row.constant, title)
    const first = this.names.operand(row.param_ref, title, this.problems)
    const second = row.param2_ref === null ? null : this.names.operand(row.param2_ref, title, this.problems)
    if (op === undefined || constant === undefined || first === undefined || second === undefined) return
    const formula = this.formula(result, row.precedence)
    formula.rows += 1
    const isSum = SUMS.has(row.logic.toUpperCase())
    const hasSecond = second !== null || constant !== null
    if (second !== null && constant !== null) {
      this.refuse(title, 'has a second parameter and a constant', EXPECTED.two)
      return
    }
    if (!hasSecond && (op === 'multiply' || op === 'divide')) {
      this.refuse(title, `has one parameter to ${op}`, EXPECTED.two)
      return
    }
    if (op === 'average' && constant !== null) {
      this.refuse(title, 'averages something else than an operand', EXPECTED.two)
      return
    }
    const opensWith = op === 'average' || (!hasSecond && op === 'subtract') ? op : 'add'
    formula.terms.push({ op: opensWith, operand: first, constant: null, isSum })
    if (hasSecond) formula.terms.push({ op, operand: second, constant, isSum })
  }

  /** A calculated row states its own formula, or sums the group that other rows put themselves into. */
  calculated(node: MartNode, nodes: readonly MartNode[]): void {
    if (node.logic === null) return
    const result: Named = { kind: 'node', node }
    if (node.paramRef !== null) {
      this.twoParameters(result, {
        logic: node.logic,
        param_ref: node.paramRef,
        param2_ref: node.param2Ref,
        constant: node.constant,
        precedence: node.precedence,
      })
      return
    }
    const members = nodes.filter(
      (other) =>
        !other.isCalculated &&
        other.logic === null &&
        other.formulaGroup !== null &&
        other.formulaGroup === node.formulaGroup,
    )
    for (const member of members)
      this.term({
        result: node.key,
        operand: member.key,
        operator: node.logic,
        constant: node.constant,
        precedence: node.precedence,
      })
  }

  finish(nodes: readonly MartNode[]): readonly FormulaTerms[] {
    for (const node of nodes) {
      const id = identityOf({ kind: 'node', node })
      if (node.isCalculated && !this.formulas.has(id) && this.problems.length === 0)
        this.refuse(node.key, 'is missing though the node is calculated', EXPECTED.formula)
    }
    const formulas = [...this.formulas].sort(([a], [b]) => compareText(a, b))
    return formulas.map(([id, { result, terms, stated, rows }]) => {
      const sorted = [...terms].sort(compareTerms)
      this.check(result, sorted, this.whole.has(id) && rows > 1)
      return { result, terms: sorted, stated: [...new Set(stated)].sort(compareText) }
    })
  }

  private check(result: Named, terms: readonly Term[], isAmbiguous: boolean): void {
    const title = titleOf(result)
    const ops = new Set(terms.map(({ op }) => op))
    if (isAmbiguous)
      this.refuse(title, 'has a row with an operand and a factor beside other rows', EXPECTED.term)
    if (ops.has('average') && ops.size > 1)
      this.refuse(title, 'averages and does something else', 'An average is a formula of its own.')
    if (ops.has('divide') && !ops.has('add') && !ops.has('subtract') && !ops.has('multiply'))
      this.refuse(title, 'divides nothing', 'Name what is divided with ADD or SUM.')
    if (terms.some(({ op, operand, constant }) => op === 'divide' && operand === null && isZero(constant!)))
      this.refuse(title, 'divides by the constant 0', 'Correct the constant.')
    const seen = new Set<string>()
    for (const term of terms) {
      if (term.operand === null) continue
      const same = `${term.op} ${identityOf(term.operand)}`
      if (seen.has(same)) this.refuse(title, `has "${titleOf(term.operand)}" twice`, 'State a term once.')
      seen.add(same)
    }
  }

  private formula(result: Named, precedence: string | null) {
    const id = identityOf(result)
    const formula = this.formulas.get(id) ?? { result, terms: [], stated: [], rows: 0 }
    this.formulas.set(id, formula)
    if (precedence !== null && precedence !== '') formula.stated.push(precedence)
    return formula
  }

  private operator(word: string, result: string): TermOp | undefined {
    const upper = word.trim().toUpperCase()
    if (Object.hasOwn(OPERATORS, upper)) return OPERATORS[upper]
    const suggestion = didYouMean(upper, Object.keys(OPERATORS))
    this.problems.push(problem('TIE-5015', { operator: word, result, suggestion }))
    return undefined
  }

  private constant(text: string | null, result: string): Decimal | null | undefined {
    if (text === null || text === '') return null
    const value = text.length > 40 ? undefined : parseDecimal(text)
    if (value === undefined) this.refuse(result, `has "${text}" as its constant`, 'Write a plain decimal.')
    return value
  }

  private refuse(result: string, detail: string, expected: string): void {
    this.problems.push(problem('TIE-5018', { result, detail, expected }))
  }
}

function compareTerms(a: Term, b: Term): number {
  const key = ({ op, operand, constant }: Term): string =>
    JSON.stringify([
      op,
      operand === null ? '' : identityOf(operand),
      constant === null ? '' : String(constant.units),
    ])
  return compareText(key(a), key(b))
}
