/**
 * A second opinion on fact adjustments, for tests only: it shares no code with src. Facts are looked at one by
 * one, values are fractions of BigInts, and a reversal looks up what the step did to each fact.
 */

import { type Fraction, fraction, type NaiveFact, type NaivePredicate } from './naive-rollup.js'

export interface NaiveCompare {
  readonly key: readonly string[]
  /** A column. */
  readonly measure: string
  readonly difference: { readonly op: string; readonly amount: string } | undefined
  readonly absolute: { readonly op: string; readonly amount: string } | undefined
  readonly prior: 'missing' | 'present' | undefined
}

export type NaiveAdjustment =
  | { readonly reverses: number }
  | {
      readonly scale?: string
      readonly add?: string
      readonly atMost?: string
      readonly atLeast?: string
      readonly where: NaivePredicate | undefined
      readonly compare: NaiveCompare | undefined
      readonly scenario: string | undefined
      readonly columns: readonly string[]
      readonly round: number | undefined
    }

export interface NaiveStep {
  /** Position in the list, from 0. */
  readonly index: number
  readonly column: string
  readonly scenario: string
  readonly hits: number
  readonly before: Fraction
  readonly effect: Fraction
  readonly after: Fraction
}

type Values = Record<string, Fraction>

const zero: Fraction = { n: 0n, d: 1n }
const plus = (a: Fraction, b: Fraction): Fraction => ({ n: a.n * b.d + b.n * a.d, d: a.d * b.d })
const minus = (a: Fraction, b: Fraction): Fraction => plus(a, { n: -b.n, d: b.d })
const times = (a: Fraction, b: Fraction): Fraction => ({ n: a.n * b.n, d: a.d * b.d })
const sign = (a: Fraction): number => (a.n === 0n ? 0 : a.n > 0n ? 1 : -1)

/** Half to even, by going down to the whole number below and looking at what is left. */
function rounded(a: Fraction, places: number): Fraction {
  const unit = 10n ** BigInt(places)
  const n = a.n * unit
  const below = n >= 0n ? n / a.d : -((-n + a.d - 1n) / a.d)
  const left = 2n * (n - below * a.d)
  const up = left > a.d || (left === a.d && below % 2n !== 0n)
  return { n: up ? below + 1n : below, d: unit }
}

function holds(value: Fraction, { op, amount }: { op: string; amount: string }): boolean {
  const order = sign(minus(value, fraction(amount)))
  if (op === '>') return order > 0
  if (op === '>=') return order >= 0
  if (op === '<') return order < 0
  if (op === '<=') return order <= 0
  return op === '=' ? order === 0 : order !== 0
}

/** The values of every fact after all steps, and the steps of each scenario that has facts. */
export function naiveAdjust(
  facts: readonly NaiveFact[],
  columns: readonly string[],
  adjustments: readonly NaiveAdjustment[],
  [first, second]: readonly string[],
): { readonly values: readonly Values[]; readonly steps: readonly NaiveStep[] } {
  const values: Values[] = facts.map((fact) =>
    Object.fromEntries(columns.map((column) => [column, fraction(fact[column] ?? '0')])),
  )
  const scenarios = [...new Set(facts.map(({ scenario }) => scenario))].filter((s) => s !== null)
  const total = (column: string, scenario: string): Fraction =>
    values.reduce((sum, one, i) => (facts[i]!.scenario === scenario ? plus(sum, one[column]!) : sum), zero)
  const effects: {
    hit: boolean[]
    by: Values[]
    columns: readonly string[]
    scenario: string | undefined
  }[] = []
  const steps: NaiveStep[] = []

  adjustments.forEach((adjustment, index) => {
    const target = 'reverses' in adjustment ? effects[adjustment.reverses]! : undefined
    const touched = 'reverses' in adjustment ? target!.columns : [...new Set(adjustment.columns)]
    const scenario = 'reverses' in adjustment ? target!.scenario : adjustment.scenario
    const hit =
      'reverses' in adjustment
        ? target!.hit
        : facts.map(
            (fact) =>
              fact.scenario !== null &&
              (adjustment.scenario === undefined || fact.scenario === adjustment.scenario) &&
              (adjustment.where === undefined || adjustment.where.holds(fact)) &&
              (adjustment.compare === undefined || compares(adjustment.compare, fact)),
          )
    const before = new Map(touched.flatMap((c) => scenarios.map((s) => [`${c} ${s}`, total(c, s!)] as const)))
    const by = values.map((one, i): Values => {
      const changes: [string, Fraction][] = touched.map((column) => {
        if (!hit[i]) return [column, zero]
        if ('reverses' in adjustment) return [column, minus(zero, target!.by[i]![column]!)]
        let x = one[column]!
        if (adjustment.scale !== undefined) x = times(x, fraction(adjustment.scale))
        if (adjustment.add !== undefined) x = plus(x, fraction(adjustment.add))
        const [most, least] = [adjustment.atMost, adjustment.atLeast]
        if (most !== undefined && sign(minus(x, fraction(most))) > 0) x = fraction(most)
        if (least !== undefined && sign(minus(x, fraction(least))) < 0) x = fraction(least)
        if (adjustment.round !== undefined) x = rounded(x, adjustment.round)
        return [column, minus(x, one[column]!)]
      })
      return Object.fromEntries(changes)
    })
    by.forEach((change, i) => {
      for (const column of touched) values[i]![column] = plus(values[i]![column]!, change[column]!)
    })
    effects.push({ hit, by, columns: touched, scenario })
    for (const column of touched) {
      for (const label of scenarios) {
        if (scenario !== undefined && label !== scenario) continue
        const was = before.get(`${column} ${label}`)!
        const after = total(column, label!)
        const hits = hit.filter((is, i) => is && facts[i]!.scenario === label).length
        steps.push({ index, column, scenario: label!, hits, before: was, effect: minus(after, was), after })
      }
    }
  })
  return { values, steps }

  function compares({ key, measure, difference, absolute, prior }: NaiveCompare, fact: NaiveFact): boolean {
    if (key.some((column) => fact[column] === null)) return false
    const same = facts.flatMap((other, i) => (key.every((c) => isEqual(c, other[c]!, fact[c]!)) ? [i] : []))
    const sum = (scenario: string): Fraction =>
      same.reduce((all, i) => (facts[i]!.scenario === scenario ? plus(all, values[i]![measure]!) : all), zero)
    const apart = minus(sum(first!), sum(second!))
    const size = sign(apart) < 0 ? minus(zero, apart) : apart
    if (difference !== undefined && !holds(apart, difference)) return false
    if (absolute !== undefined && !holds(size, absolute)) return false
    return prior === undefined || same.some((i) => facts[i]!.scenario === second) === (prior === 'present')
  }

  /** Amounts are equal as numbers: 0.00 is 0. */
  function isEqual(column: string, a: string | null, b: string | null): boolean {
    if (a === null || b === null || !columns.includes(column)) return a === b
    return sign(minus(fraction(a), fraction(b))) === 0
  }
}

/** A fraction of a power of ten as decimal text, for the naive roll-up. */
export function decimalText({ n, d }: Fraction): string {
  const digits = d.toString().length - 1
  const text = (n < 0n ? -n : n).toString().padStart(digits + 1, '0')
  const cut = text.length - digits
  return `${n < 0n ? '-' : ''}${text.slice(0, cut)}.${text.slice(cut)}`
}
