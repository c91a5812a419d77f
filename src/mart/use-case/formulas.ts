/**
 * Arithmetic rules of a use case as formulas of a mart: weighted sums of nodes, and one division of them at the end, which
 * both round alike. A bare node of a rule is its adjusted value: what its own rule makes of it where that is a formula
 * here, and its natural value where no rule moves it. Whatever else a rule says is left out, with the reason. Raises
 * nothing.
 */

import {
  add,
  canonicalDecimal,
  type Decimal,
  decimal,
  isZero,
  multiply,
  negate,
  parseDecimal,
  ZERO,
} from '../../base/decimal.js'
import type { Finding } from '../../base/finding.js'
import { foldFormula, type NodeValue } from '../../language/formula.js'
import { byNode, type ReportRule, type UseCaseReport } from './report.js'

export interface SaidTerm {
  readonly result: string
  readonly operand: string | null
  readonly operator: string
  readonly constant: string | null
}

export interface SaidFormulas {
  readonly terms: readonly SaidTerm[]
  /** Name of the formula of each rule that is said, by the rule's number. */
  readonly names: ReadonlyMap<number, string>
  readonly findings: readonly Finding[]
}

/** Levels of a mart's cascade; formulas of nodes begin at the second. */
const LAST_LEVEL = 5

interface Sum {
  readonly weights: ReadonlyMap<string, Decimal>
  readonly constant: Decimal
}
interface Said {
  readonly top: Sum
  readonly bottom: Sum | null
}

class Unsayable extends Error {}
const cannot = (reason: string): never => {
  throw new Unsayable(reason)
}

export function saidFormulas(report: UseCaseReport, paths: readonly (readonly string[])[]): SaidFormulas {
  return new Sayer(report, paths).said()
}

class Sayer {
  private readonly positions: ReadonlyMap<string, number>
  private readonly rulesOf: ReadonlyMap<number, readonly ReportRule[]>
  private readonly ends: readonly number[]
  private readonly done = new Map<ReportRule, { name: string; level: number } | { reason: string }>()
  private readonly terms: SaidTerm[] = []

  constructor(
    private readonly report: UseCaseReport,
    private readonly paths: readonly (readonly string[])[],
  ) {
    const { nodes, rules } = report
    this.positions = new Map(nodes.map(({ id }, i) => [id, i]))
    this.rulesOf = byNode(rules)
    const ends = nodes.map((_, i) => i + 1)
    for (let i = nodes.length - 1; i > 0; i--) {
      const { parent } = nodes[i]!
      ends[parent] = Math.max(ends[parent]!, ends[i]!)
    }
    this.ends = ends
  }

  said(): SaidFormulas {
    const { rules, nodes } = this.report
    const names = new Map<number, string>()
    const findings: Finding[] = []
    for (const rule of rules) {
      const said = this.say(rule)
      if ('name' in said) {
        names.set(rule.no, said.name)
        continue
      }
      findings.push({
        code: 'RULE_NOT_IN_MART',
        severity: 'warning',
        node_id: nodes[rule.node]!.id,
        message: `Rule ${rule.no} on ${nodes[rule.node]!.id} is left out: ${said.reason}. It says: ${rule.text}`,
        suggestion: 'The mart has the natural figure of the node; tieout runs results has the adjusted one.',
      })
    }
    return { terms: this.terms, names, findings }
  }

  /** Rules that it reads come first; a use case has no circles among them. */
  private say(rule: ReportRule): { name: string; level: number } | { reason: string } {
    const known = this.done.get(rule)
    if (known !== undefined) return known
    const result = this.attempt(rule)
    this.done.set(rule, result)
    return result
  }

  private attempt(rule: ReportRule): { name: string; level: number } | { reason: string } {
    const { nodes, measures } = this.report
    const name = `${nodes[rule.node]!.id} by rule ${rule.no}`
    try {
      if (rule.formula === null) return { reason: 'it selects facts, and a formula reads figures' }
      if (rule.into !== null && measures.length > 1)
        return { reason: `it sets ${rule.into} alone, and a formula is of every measure` }
      const used: number[] = []
      const said = this.normal(rule, used)
      const level = Math.max(1, ...used) + 1
      if (level > LAST_LEVEL) return { reason: `it would be at level ${level} of ${LAST_LEVEL}` }
      this.terms.push(...termsOf(name, said))
      return { name, level }
    } catch (error) {
      if (error instanceof Unsayable) return { reason: error.message }
      throw error
    }
  }

  /** `used` collects the levels of the formulas that it reads. */
  private normal(rule: ReportRule, used: number[]): Said {
    const whole = ({ top, bottom }: Said): Sum =>
      bottom === null ? top : cannot('it goes on after a division')
    return foldFormula<string, Said>(rule.formula!, {
      leaf: (leaf) => {
        if (leaf.op === 'sum') return cannot('it sums facts, and a formula reads figures')
        if (leaf.op === 'const') return alone({ weights: new Map(), constant: parseDecimal(leaf.value)! })
        return alone(this.value(leaf, rule, used))
      },
      minus: (_, { top, bottom }) => ({ top: scaled(top, decimal(-1n)), bottom }),
      arithmetic: ({ op }, left, right) => {
        if (op === '/') return { top: whole(left), bottom: whole(right) }
        const [a, b] = [whole(left), whole(right)]
        if (op === '+') return alone(sumOf(a, b))
        if (op === '-') return alone(sumOf(a, scaled(b, decimal(-1n))))
        if (b.weights.size === 0) return alone(scaled(a, b.constant))
        if (a.weights.size === 0) return alone(scaled(b, a.constant))
        return cannot('it multiplies nodes with one another')
      },
    })
  }

  private value({ node, value }: NodeValue<string>, rule: ReportRule, used: number[]): Sum {
    const at = this.positions.get(node)!
    if (value === 'natural' || at === rule.node) return this.natural(at)
    return this.adjusted(at, used)
  }

  private natural(at: number): Sum {
    const { nodes } = this.report
    const isTotal = this.ends[at]! > at + 1
    const name = isTotal ? this.paths[at]!.join(' > ') : nodes[at]!.id
    if (isTotal && (this.paths[at]!.length === 1 || this.positions.has(name)))
      cannot(`the total of ${nodes[at]!.id} has no name of its own in a mart`)
    return { weights: new Map([[name, decimal(1n)]]), constant: ZERO }
  }

  /** Its rule, or its natural value with what the rules next below change of it. */
  private adjusted(at: number, used: number[]): Sum {
    const rules = this.rulesOf.get(at) ?? []
    if (rules.length > 0) {
      const said =
        rules.length === 1 ? this.say(rules[0]!) : cannot(`${this.report.nodes[at]!.id} has several rules`)
      if ('reason' in said) return cannot(`it reads ${this.report.nodes[at]!.id}, whose own rule is left out`)
      used.push(said.level)
      return { weights: new Map([[said.name, decimal(1n)]]), constant: ZERO }
    }
    let sum = this.natural(at)
    for (let below = at + 1; below < this.ends[at]!; below++) {
      if (!this.rulesOf.has(below)) continue
      sum = sumOf(sum, sumOf(this.adjusted(below, used), scaled(this.natural(below), decimal(-1n))))
      below = this.ends[below]! - 1
    }
    return sum
  }
}

const alone = (top: Sum): Said => ({ top, bottom: null })

function sumOf(a: Sum, b: Sum): Sum {
  const weights = new Map(a.weights)
  for (const [name, by] of b.weights) weights.set(name, add(weights.get(name) ?? ZERO, by))
  return { weights, constant: add(a.constant, b.constant) }
}

const scaled = ({ weights, constant }: Sum, by: Decimal): Sum => ({
  weights: new Map([...weights].map(([name, weight]) => [name, multiply(weight, by)])),
  constant: multiply(constant, by),
})

function termsOf(result: string, { top, bottom }: Said): SaidTerm[] {
  const terms = [...top.weights]
    .filter(([, by]) => !isZero(by))
    .map(([operand, by]) => weighted(result, operand, by))
  if (terms.length === 0) cannot('it reads no node')
  if (!isZero(top.constant)) terms.push(weighted(result, null, top.constant))
  return bottom === null ? terms : [...terms, divisor(result, bottom)]
}

function weighted(result: string, operand: string | null, by: Decimal): SaidTerm {
  const size = by.units < 0n ? negate(by) : by
  const isOne = operand !== null && canonicalDecimal(size) === '1'
  return {
    result,
    operand,
    operator: by.units < 0n ? 'SUBTRACT' : 'ADD',
    constant: isOne ? null : constantText(size),
  }
}

function divisor(result: string, { weights, constant }: Sum): SaidTerm {
  const [only, ...others] = [...weights].filter(([, by]) => !isZero(by))
  if (only === undefined) {
    if (constant.units <= 0n) cannot('it divides by a number that is not positive')
    return { result, operand: null, operator: 'DIVIDE', constant: constantText(constant) }
  }
  if (others.length > 0 || !isZero(constant) || canonicalDecimal(only[1]) !== '1')
    cannot('it divides by something else than one node or one number')
  return { result, operand: only[0], operator: 'DIVIDE', constant: null }
}

/** As configurations take numbers. */
function constantText(value: Decimal): string {
  const text = canonicalDecimal(value)
  return /^\d{1,18}(?:\.\d{1,10})?$/.test(text) ? text : cannot(`the number ${text} is too long`)
}
