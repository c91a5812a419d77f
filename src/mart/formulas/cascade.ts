/**
 * The cascade: formulas in the order of what they need, in five levels. A formula whose result is a weighted sum of
 * nodes is additive and is flattened to their amounts; any other is computed from figures that are summed up already.
 *
 * A level is 1 for sums of nodes and totals, else one above the operands' and at least 2; a stated precedence may
 * raise it. Raises (as problems, all at once): TIE-5014, TIE-5016, TIE-5017, and those of terms.ts.
 */

import {
  add,
  type Decimal,
  decimal,
  divide,
  isZero,
  multiply,
  negate,
  normalize,
} from '../../base/decimal.js'
import { type Problem, problem } from '../../base/errors.js'
import { compareText } from '../../base/text.js'
import type { FormulaRow } from '../config.js'
import type { MartNode } from '../hierarchy.js'
import { identityOf, NameBook, type Named, titleOf } from './names.js'
import { type FormulaTerms, readTerms, type Term } from './terms.js'

export const LEVELS = 5
/** Digits after the point that a weight may have for its formula to be additive. */
export const WEIGHT_SCALE = 4

/** A node's amount times a number. */
export interface Weight {
  readonly node: MartNode
  readonly by: Decimal
}

export interface Formula {
  readonly result: Named
  readonly id: string
  /** 1 to 5. */
  readonly level: number
  readonly terms: readonly Term[]
  /** Its result is turned around, as the node's SIGN_CHANGE_FLAG says. */
  readonly isSignChanged: boolean
  /** Of an additive formula: what it is the sum of, by the node's key; null for one computed after aggregation. */
  readonly weights: readonly Weight[] | null
  /** Of an additive formula: the same in its own operands; null where it adds a number. */
  readonly direct: readonly WeightedOperand[] | null
}

export interface WeightedOperand {
  readonly operand: Named
  readonly by: Decimal
}

export interface Cascade {
  /** By level, then by identity. */
  readonly formulas: readonly Formula[]
  readonly problems: readonly Problem[]
}

export function readCascade(all: readonly MartNode[], rows: readonly FormulaRow[]): Cascade {
  const nodes = all.filter(({ isActive }) => isActive)
  const problems: Problem[] = []
  const terms = readTerms(nodes, rows, new NameBook(nodes), problems)
  if (problems.length > 0) return { formulas: [], problems }
  const builder = new CascadeBuilder(new Map(terms.map((each) => [identityOf(each.result), each])))
  const formulas = builder.build()
  return { formulas: builder.problems.length > 0 ? [] : formulas, problems: builder.problems }
}

class CascadeBuilder {
  readonly problems: Problem[] = []
  private readonly built = new Map<string, Formula>()

  constructor(private readonly terms: ReadonlyMap<string, FormulaTerms>) {}

  build(): readonly Formula[] {
    const order = this.order()
    for (const id of order ?? []) this.built.set(id, this.formula(id, this.terms.get(id)!))
    return [...this.built.values()].sort((a, b) => a.level - b.level || compareText(a.id, b.id))
  }

  private operands(id: string): readonly string[] {
    const ids = this.terms
      .get(id)!
      .terms.flatMap(({ operand }) => (operand === null ? [] : [identityOf(operand)]))
    return ids.filter((operand) => this.terms.has(operand))
  }

  /** Operands before results; undefined with a problem for each circle. Walks without recursion. */
  private order(): readonly string[] | undefined {
    const done = new Set<string>()
    const order: string[] = []
    for (const start of this.terms.keys()) {
      const path: { id: string; open: string[] }[] = done.has(start) ? [] : [this.step(start)]
      const onPath = new Set(path.map(({ id }) => id))
      while (path.length > 0) {
        const top = path.at(-1)!
        const next = top.open.pop()
        if (next === undefined) {
          done.add(top.id)
          onPath.delete(top.id)
          order.push(top.id)
          path.pop()
        } else if (onPath.has(next)) {
          this.refuseCircle([
            ...path.slice(path.findIndex(({ id }) => id === next)).map(({ id }) => id),
            next,
          ])
        } else if (!done.has(next)) {
          path.push(this.step(next))
          onPath.add(next)
        }
      }
    }
    return this.problems.length > 0 ? undefined : order
  }

  private step(id: string): { id: string; open: string[] } {
    return { id, open: [...this.operands(id)] }
  }

  private refuseCircle(ids: readonly string[]): void {
    const path = ids.map((id) => titleOf(this.terms.get(id)!.result)).join(' → ')
    this.problems.push(problem('TIE-5014', { path }))
  }

  private formula(id: string, { result, terms, stated }: FormulaTerms): Formula {
    const isSignChanged = result.kind === 'node' && result.node.isSignChanged
    const direct = this.direct(terms, isSignChanged)
    const weights = direct === null ? null : this.flattened(direct)
    const level = this.level(id, result, terms, stated)
    return { result, id, level, terms, isSignChanged, weights, direct: weights === null ? null : direct }
  }

  private level(id: string, result: Named, terms: readonly Term[], stated: readonly string[]): number {
    const below = this.operands(id).map((operand) => this.built.get(operand)!)
    const deepest = below.reduce<Formula | undefined>(
      (a, b) => (a !== undefined && a.level >= b.level ? a : b),
      undefined,
    )
    const isTotal = deepest === undefined && terms.every(({ isSum }) => isSum)
    const derived = isTotal ? 1 : Math.max(2, (deepest?.level ?? 0) + 1)
    const title = titleOf(result)
    if (derived > LEVELS) {
      const path = `${titleOf(deepest!.result)} at level ${deepest!.level}`
      this.problems.push(problem('TIE-5017', { result: title, level: derived, path }))
      return derived
    }
    if (stated.length === 0) return derived
    const refuse = (reason: string): number => {
      this.problems.push(
        problem('TIE-5016', { result: title, stated: stated.join(' and '), reason, derived }),
      )
      return derived
    }
    if (stated.length > 1) return refuse('a result has one')
    const precedence = /^[1-5]$/.test(stated[0]!) ? Number(stated[0]) : undefined
    if (precedence === undefined) return refuse('precedences go from 1 to 5')
    if (precedence >= derived) return precedence
    return refuse(
      deepest === undefined
        ? 'only sums of nodes are at 1'
        : `its operand ${titleOf(deepest.result)} is at ${deepest.level}`,
    )
  }

  /** Σ of weighted operands, or null for a result that is none. */
  private direct(terms: readonly Term[], isSignChanged: boolean): readonly WeightedOperand[] | null {
    let factor: Decimal = decimal(isSignChanged ? -1n : 1n)
    for (const { op, operand, constant } of terms) {
      if (op === 'average') return null
      if (op !== 'multiply' && op !== 'divide') continue
      if (operand !== null) return null
      const next = op === 'multiply' ? multiply(factor, constant!) : exactQuotient(factor, constant!)
      if (next === undefined) return null
      factor = next
    }
    const direct: WeightedOperand[] = []
    for (const { op, operand, constant } of terms) {
      if (op !== 'add' && op !== 'subtract') continue
      if (operand === null) return null
      const by = multiply(op === 'add' ? factor : negate(factor), constant ?? decimal(1n))
      direct.push({ operand, by: normalize(by) })
    }
    return direct.length === 0 ? null : direct
  }

  /** In nodes, or null where the result is not additive to the last digit. */
  private flattened(direct: readonly WeightedOperand[]): readonly Weight[] | null {
    const sums = new Map<string, { node: MartNode; by: Decimal }>()
    for (const { operand, by: weight } of direct) {
      const inner = this.weightsOf(operand)
      if (inner === null) return null
      for (const { node, by } of inner) {
        const own = multiply(by, weight)
        sums.set(node.key, { node, by: add(sums.get(node.key)?.by ?? decimal(0n), own) })
      }
    }
    const weights = [...sums.values()]
      .map(({ node, by }) => ({ node, by: normalize(by) }))
      .filter(({ by }) => !isZero(by))
      .sort((a, b) => compareText(a.node.key, b.node.key))
    return weights.some(({ by }) => by.scale > WEIGHT_SCALE) ? null : weights
  }

  private weightsOf(operand: Named): readonly Weight[] | null {
    const formula = this.built.get(identityOf(operand))
    if (formula !== undefined) return formula.weights
    const one = decimal(1n)
    if (operand.kind === 'node') return [{ node: operand.node, by: one }]
    return operand.kind === 'total' ? operand.nodes.map((node) => ({ node, by: one })) : null
  }
}

/** a ÷ b where that is a decimal of few digits. */
function exactQuotient(a: Decimal, b: Decimal): Decimal | undefined {
  const quotient = normalize(divide(a, b, 30, 'down'))
  const back = normalize(multiply(quotient, b))
  const same = normalize(a)
  return back.units === same.units && back.scale === same.scale ? quotient : undefined
}
