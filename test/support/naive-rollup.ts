/**
 * A second opinion on the roll-up, for tests only: it shares no code with src. Facts are looked at one by
 * one, values are fractions of BigInts, every node is worked out by recursion from the definitions in the
 * specification, as slowly as it takes.
 */

export interface Fraction {
  readonly n: bigint
  readonly d: bigint
}

export type NaiveFact = Readonly<Record<string, string | null>>

export interface NaivePredicate {
  /** In the rule language. */
  readonly text: string
  readonly holds: (fact: NaiveFact) => boolean
}

export type NaiveFormula =
  | { readonly is: 'constant'; readonly text: string }
  | { readonly is: 'node'; readonly node: number; readonly value: 'bare' | 'natural' | 'adjusted' }
  | { readonly is: 'sum'; readonly column: string; readonly where: NaivePredicate | undefined }
  | { readonly is: '+' | '-' | '*' | '/'; readonly left: NaiveFormula; readonly right: NaiveFormula }

export interface NaiveRule {
  readonly node: number
  readonly scope: 'node' | 'table'
  readonly where: NaivePredicate | undefined
  /** A measure switch when given. */
  readonly column: string | undefined
  readonly formula: NaiveFormula | undefined
  /** The measure it sets; undefined: all. */
  readonly into: number | undefined
}

export interface NaiveRollUp {
  /** Parent of each node; node 0 is the root and has −1. Parents come before their children. */
  readonly parents: readonly number[]
  /** Measure → column. */
  readonly measures: readonly string[]
  readonly policy: 'most_specific' | 'top_down'
  readonly facts: readonly NaiveFact[]
  /** Driver columns, the one that wins first, each value → node. */
  readonly drivers: readonly { readonly column: string; readonly nodes: ReadonlyMap<string, number> }[]
  readonly rules: readonly NaiveRule[]
  /** Column → the field of the facts with its values after adjustments, on which rules and adjusted values stand. */
  readonly adjusted?: ReadonlyMap<string, string>
}

export interface NaiveCell {
  readonly natural: Fraction
  readonly direct: Fraction
  /** What the node's facts sum to after adjustments, rules apart. */
  readonly onAdjustedFacts: Fraction
  /** Undefined: empty. */
  readonly adjusted: Fraction | undefined
  readonly facts: number
}

export class NaiveCycle extends Error {}

export const zero: Fraction = { n: 0n, d: 1n }
export const fraction = (text: string): Fraction => {
  const [whole, decimals = ''] = text.split('.')
  return { n: BigInt(`${whole}${decimals}`), d: 10n ** BigInt(decimals.length) }
}
export const plus = (a: Fraction, b: Fraction): Fraction => ({ n: a.n * b.d + b.n * a.d, d: a.d * b.d })
export const minus = (a: Fraction, b: Fraction): Fraction => plus(a, { n: -b.n, d: b.d })
export const times = (a: Fraction, b: Fraction): Fraction => ({ n: a.n * b.n, d: a.d * b.d })
export const sameFraction = (a: Fraction, b: Fraction): boolean => a.n * b.d === b.n * a.d

/** The quotient to twelve places, a tie to the even neighbour. */
export function over(a: Fraction, b: Fraction): Fraction | undefined {
  if (b.n === 0n) return undefined
  let n = a.n * b.d * 10n ** 12n
  let d = a.d * b.n
  if (d < 0n) [n, d] = [-n, -d]
  // floor, then what is left above it
  const floor = n >= 0n ? n / d : -((-n + d - 1n) / d)
  const twice = 2n * (n - floor * d)
  const up = twice > d || (twice === d && floor % 2n !== 0n)
  return { n: up ? floor + 1n : floor, d: 10n ** 12n }
}

/** By measure, then node; the last node is UNASSIGNED, a child of the root. Throws NaiveCycle. */
export function naiveRollUp(input: NaiveRollUp): NaiveCell[][] {
  const parents = [...input.parents, 0]
  const unassigned = parents.length - 1
  const childrenOf = (node: number): number[] => parents.flatMap((parent, i) => (parent === node ? [i] : []))
  const isBelow = (node: number, above: number): boolean =>
    node === above || (node > 0 && isBelow(parents[node]!, above))
  const nodeOf = (fact: NaiveFact): number => {
    for (const { column, nodes } of input.drivers) {
      const node = fact[column] === null ? undefined : nodes.get(fact[column]!)
      if (node !== undefined) return node
    }
    return unassigned
  }
  const sum = (facts: readonly NaiveFact[], column: string): Fraction =>
    facts.reduce((total, fact) => plus(total, fraction(fact[column] ?? '0')), zero)
  const adjustedColumn = (column: string): string => input.adjusted?.get(column) ?? column
  const under = (node: number): NaiveFact[] => input.facts.filter((fact) => isBelow(nodeOf(fact), node))

  // A formula that names the adjusted value of its own node or of an ancestor stands on itself.
  for (const { node, formula } of input.rules) {
    for (const leaf of formula === undefined ? [] : nodesOf(formula)) {
      const adjusted = leaf.value === 'adjusted' || (leaf.value === 'bare' && leaf.node !== node)
      if (adjusted && isBelow(node, leaf.node)) throw new NaiveCycle()
    }
  }
  const standing = input.rules.filter(
    ({ node, formula }) =>
      formula !== undefined ||
      input.policy === 'top_down' ||
      !input.rules.some((other) => other.node !== node && isBelow(other.node, node)),
  )

  return input.measures.map((column, measure) => {
    const known = new Map<number, Fraction | undefined>()
    const open = new Set<number>()
    const natural = (node: number): Fraction => sum(under(node), column)
    const own = (node: number, of: string): Fraction =>
      sum(
        input.facts.filter((fact) => nodeOf(fact) === node),
        of,
      )
    const adjusted = (node: number): Fraction | undefined => {
      if (known.has(node)) return known.get(node)
      if (open.has(node)) throw new NaiveCycle()
      open.add(node)
      const value = work(node)
      open.delete(node)
      known.set(node, value)
      return value
    }
    const work = (node: number): Fraction | undefined => {
      const rule = standing.find((r) => r.node === node && (r.into === undefined || r.into === measure))
      if (rule === undefined) {
        const children = childrenOf(node).map(adjusted)
        return children.reduce(
          (total, value) => (total && value ? plus(total, value) : undefined),
          own(node, adjustedColumn(column)),
        )
      }
      if (rule.formula !== undefined) return evaluate(rule.formula, node)
      const facts = rule.scope === 'table' ? input.facts : under(node)
      return sum(
        facts.filter((fact) => rule.where === undefined || rule.where.holds(fact)),
        adjustedColumn(rule.column ?? column),
      )
    }
    const evaluate = (formula: NaiveFormula, self: number): Fraction | undefined => {
      switch (formula.is) {
        case 'constant':
          return fraction(formula.text)
        case 'sum':
          return sum(
            input.facts.filter((fact) => formula.where === undefined || formula.where.holds(fact)),
            adjustedColumn(formula.column),
          )
        case 'node': {
          const isNatural = formula.value === 'natural' || (formula.value === 'bare' && formula.node === self)
          return isNatural ? natural(formula.node) : adjusted(formula.node)
        }
        default: {
          const left = evaluate(formula.left, self)
          const right = evaluate(formula.right, self)
          if (left === undefined || right === undefined) return undefined
          if (formula.is === '+') return plus(left, right)
          if (formula.is === '-') return minus(left, right)
          return formula.is === '*' ? times(left, right) : over(left, right)
        }
      }
    }
    return parents.map((_, node) => ({
      natural: natural(node),
      direct: own(node, column),
      onAdjustedFacts: sum(under(node), adjustedColumn(column)),
      adjusted: adjusted(node),
      facts: under(node).length,
    }))
  })
}

function nodesOf(formula: NaiveFormula): Extract<NaiveFormula, { is: 'node' }>[] {
  if (formula.is === 'node') return [formula]
  return 'left' in formula ? [...nodesOf(formula.left), ...nodesOf(formula.right)] : []
}
