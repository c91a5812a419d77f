/**
 * A fact adjustment: a correction of amounts fact by fact, applied before the roll-up to a copy of the values
 * and never to the facts. These are the checked, canonical forms that are stored and applied; the file a person
 * writes is read in adjustments-file.ts. Raises nothing.
 */

import type { IsoDate } from '../../base/dates.js'
import { type Digest, digestOf } from '../../base/digest.js'
import { printText } from '../../language/lexer.js'
import { type Predicate, printPredicate } from '../../language/predicate.js'

/** How a difference is compared with an amount. */
export type Operator = '>' | '>=' | '<' | '<=' | '=' | '!='

/** `> 1000.00`; the amount is canonical decimal text. */
export interface Bound {
  readonly op: Operator
  readonly amount: string
}

/** A condition on the first scenario less the second, over all facts of the same key. */
export interface Compare {
  readonly key: readonly string[]
  /** A measure's name or a numeric column; null where only `prior` is asked for. */
  readonly measure: string | null
  readonly difference: Bound | null
  readonly absolute_difference: Bound | null
  /** Whether the second scenario has a fact of the key. */
  readonly prior: 'missing' | 'present' | null
}

/** Which facts and which of their amounts an action touches. */
export interface Selection {
  /** Of the facts as they are; null: every fact. */
  readonly where: Predicate | null
  readonly compare: Compare | null
  /** Null: every scenario. */
  readonly scenario: string | null
  /** As written: names of measures or numeric columns. */
  readonly measures: readonly string[]
  /** Decimal places of each result, half to even; null: nothing is rounded. */
  readonly round: number | null
}

/** Numbers are canonical decimal text. A cap has at least one of its ends. */
export type Action =
  | { readonly action: 'scale'; readonly factor: string }
  | { readonly action: 'add'; readonly amount: string }
  | { readonly action: 'cap'; readonly at_most: string | null; readonly at_least: string | null }

export type Correction = Action & Selection

/** Takes back, fact by fact, the effect that an earlier adjustment had in the run at hand. */
export interface Reversal {
  readonly action: 'reverse'
  readonly reverses: string
}

export type AdjustmentDefinition = Correction | Reversal

export interface Adjustment {
  /** Within the use case, from 1 in order of entry, which is the order of application. */
  readonly no: number
  readonly name: string
  readonly definition: AdjustmentDefinition
  readonly reason: string
  readonly owner: string
  /** The first and the last COB date on which it is in force; null: open. */
  readonly valid_from: IsoDate | null
  readonly valid_to: IsoDate | null
}

const isValidOn = ({ valid_from, valid_to }: Adjustment, date: IsoDate): boolean =>
  (valid_from === null || valid_from <= date) && (valid_to === null || date <= valid_to)

/** Those in force on the date, in their order. A reversal is in force only where what it reverses is. */
export function adjustmentsInForce(all: readonly Adjustment[], date: IsoDate): Adjustment[] {
  const names = new Set<string>()
  return all.filter((adjustment) => {
    const { name, definition } = adjustment
    const holds =
      isValidOn(adjustment, date) && (definition.action !== 'reverse' || names.has(definition.reverses))
    if (holds) names.add(name)
    return holds
  })
}

/** Whether there is a day on which both are valid. */
export function overlap(a: Adjustment, b: Adjustment): boolean {
  const startsBeforeEnd = (start: IsoDate | null, end: IsoDate | null): boolean =>
    start === null || end === null || start <= end
  return startsBeforeEnd(a.valid_from, b.valid_to) && startsBeforeEnd(b.valid_from, a.valid_to)
}

/** Of what a list of adjustments does to figures: their order, names and definitions, not who entered them and why. */
export const adjustmentsDigest = (list: readonly Adjustment[]): Digest =>
  digestOf(JSON.parse(JSON.stringify(list.map(({ name, definition }) => [name, definition]))))

/** An adjustment in words: `scale daily by 0.975, ACTUAL, where strategy = 'CORE'`. */
export function adjustmentText(definition: AdjustmentDefinition): string {
  if (definition.action === 'reverse') return `reverse ${printText(definition.reverses)}`
  const { scenario, where, compare, round } = definition
  return [
    actionText(definition),
    ...(scenario === null ? [] : [scenario]),
    ...(where === null ? [] : [`where ${printPredicate(where)}`]),
    ...(compare === null ? [] : [compareText(compare)]),
    ...(round === null ? [] : [`rounded to ${round} ${round === 1 ? 'place' : 'places'}`]),
  ].join(', ')
}

function actionText(correction: Correction): string {
  const measures = correction.measures.join(' and ')
  switch (correction.action) {
    case 'scale':
      return `scale ${measures} by ${correction.factor}`
    case 'add':
      return `add ${correction.amount} to ${measures}`
    case 'cap': {
      const { at_most, at_least } = correction
      const ends = [
        ...(at_most === null ? [] : [`most ${at_most}`]),
        ...(at_least === null ? [] : [`least ${at_least}`]),
      ]
      return `cap ${measures} at ${ends.join(' and ')}`
    }
  }
}

function compareText({ key, measure, difference, absolute_difference, prior }: Compare): string {
  const tests = [
    ...(difference === null ? [] : [`difference ${difference.op} ${difference.amount}`]),
    ...(absolute_difference === null
      ? []
      : [`absolute difference ${absolute_difference.op} ${absolute_difference.amount}`]),
    ...(prior === null ? [] : [`prior ${prior}`]),
  ]
  return `comparing ${measure === null ? '' : `${measure} `}by ${key.join(' and ')}: ${tests.join(' and ')}`
}
