/**
 * Checks the adjustments of a file against the use case, its source and the adjustments there already are, and
 * numbers them after those. All problems are found before any is told.
 *
 * Raises TIE-2703 to TIE-2714, TIE-2716, TIE-2304, TIE-2305 and the rule language's TIE-22xx.
 */

import { type IsoDate, parseDate } from '../../base/dates.js'
import { canonicalDecimal, compareDecimals, parseDecimal } from '../../base/decimal.js'
import { type Problem, problem, refuseAll } from '../../base/errors.js'
import { didYouMean } from '../../base/text.js'
import type { Path } from '../../base/yaml-file.js'
import type { FactColumn } from '../../engines/source.js'
import { MAX_NUMBER, toProblem } from '../../language/language.js'
import { type Predicate, parsePredicate } from '../../language/predicate.js'
import type { UseCase } from '../use-case.js'
import type {
  Action,
  Adjustment,
  AdjustmentDefinition,
  Bound,
  Compare,
  Operator,
  Selection,
} from './adjustment.js'
import { overlap } from './adjustment.js'
import type { AdjustmentDraft } from './adjustment-draft.js'
import type { AdjustmentsFile } from './adjustments-file.js'
import { AdjustmentCheck } from './check-adjustments.js'
import { MAX_FACTOR_DIGITS, overloadOf, overloads } from './digit-limit.js'

export interface BindAdjustmentsContext {
  readonly useCase: UseCase
  readonly columns: readonly FactColumn[]
  /** All that the use case has, in their order. */
  readonly known: readonly Adjustment[]
}

export function bindAdjustments(file: AdjustmentsFile, context: BindAdjustmentsContext): Adjustment[] {
  const problems: Problem[] = []
  const first = context.known.length + 1
  const all = [...context.known]
  const bound = file.drafts.map((draft, index) => {
    const binder = new AdjustmentBinder(draft, index, first + index, file, context)
    const adjustment = binder.bind(all)
    problems.push(...binder.problems)
    all.push(adjustment)
    return adjustment
  })
  refuseAll(problems)
  refuseAll(digitProblems(bound, all, file))
  return bound
}

function digitProblems(
  bound: readonly Adjustment[],
  all: readonly Adjustment[],
  file: AdjustmentsFile,
): Problem[] {
  const found = overloads(all)
  return bound.flatMap((adjustment, index) => {
    const overload = overloadOf(adjustment, found)
    if (overload === undefined) return []
    const when = overload.date === '' ? 'From the first day' : `On ${overload.date}`
    const params = { when, digits: overload.digits, limit: MAX_FACTOR_DIGITS }
    return [problem('TIE-2716', params, file.placeOf(['adjustments', index, 'scale']))]
  })
}

/** Rounding to more places than amounts have changes nothing. */
const MAX_PLACES = 18

const ACTIONS = ['scale', 'add', 'cap'] as const
const SELECTIONS = ['where', 'compare', 'scenario', 'measures', 'round'] as const

/** Stands for an action that was refused, so that the problems of the other parts are found as well. */
const NOTHING: Action = { action: 'add', amount: '0' }

class AdjustmentBinder {
  private readonly check: AdjustmentCheck
  private readonly role: string

  constructor(
    private readonly draft: AdjustmentDraft,
    private readonly index: number,
    private readonly no: number,
    private readonly file: AdjustmentsFile,
    context: BindAdjustmentsContext,
  ) {
    this.check = new AdjustmentCheck(context.useCase, context.columns, (path, offset) =>
      this.at(path, offset),
    )
    this.role = `adjustment "${draft.name}"`
  }

  get problems(): readonly Problem[] {
    return this.check.problems
  }

  /** `earlier` are those before it: of the use case, and of the file. */
  bind(earlier: readonly Adjustment[]): Adjustment {
    const { name, reason, owner } = this.draft
    const same = earlier.find((one) => one.name === name)
    if (same !== undefined) this.check.add(problem('TIE-2710', { name, no: same.no }, this.at(['name'])))
    const validity = this.validity()
    const definition = this.definition()
    const adjustment = { no: this.no, name, definition, reason, owner, ...validity }
    this.checkReversal(adjustment, earlier)
    return adjustment
  }

  private at(path: Path, offset?: number) {
    return this.file.placeOf(['adjustments', this.index, ...path], offset)
  }

  private shapeProblem(detail: string, path: Path): undefined {
    return this.check.add(problem('TIE-2703', { name: this.draft.name, detail }, this.at(path)))
  }

  private definition(): AdjustmentDefinition {
    const { draft } = this
    const actions = ACTIONS.filter((key) => draft[key] !== undefined)
    if (draft.reverses !== undefined) {
      for (const key of [...actions, ...SELECTIONS]) {
        if (draft[key] !== undefined)
          this.shapeProblem(
            `reverses another and has ${key} as well: a reversal takes back exactly what was done`,
            [key],
          )
      }
      return { action: 'reverse', reverses: draft.reverses }
    }
    if (actions.length !== 1)
      this.shapeProblem(
        actions.length === 0 ? 'has no scale, add, cap or reverses' : `has ${actions.join(' and ')} at once`,
        actions.slice(1, 2),
      )
    return { ...(this.action() ?? NOTHING), ...this.selection() }
  }

  private action(): Action | undefined {
    const { scale, add, cap } = this.draft
    if (scale !== undefined) return { action: 'scale', factor: this.number(scale, ['scale']) }
    if (add !== undefined) return { action: 'add', amount: this.number(add, ['add']) }
    if (cap === undefined) return undefined
    const at_most = cap.at_most === undefined ? null : this.number(cap.at_most, ['cap', 'at_most'])
    const at_least = cap.at_least === undefined ? null : this.number(cap.at_least, ['cap', 'at_least'])
    if (at_most === null && at_least === null)
      this.shapeProblem('has a cap with neither at_most nor at_least', ['cap'])
    if (
      at_most !== null &&
      at_least !== null &&
      compareDecimals(parseDecimal(at_least)!, parseDecimal(at_most)!) > 0
    )
      this.shapeProblem(`caps at least ${at_least}, which is above at most ${at_most}`, ['cap'])
    return { action: 'cap', at_most, at_least }
  }

  /** As canonical text; 0 stands for what is none. */
  private number(text: string, path: Path): string {
    const key = path.join('.')
    if (text.length > MAX_NUMBER) {
      this.check.add(problem('TIE-2708', { key, length: text.length, limit: MAX_NUMBER }, this.at(path)))
      return '0'
    }
    const value = parseDecimal(text)
    if (value !== undefined) return canonicalDecimal(value)
    this.check.add(problem('TIE-2707', { key, value: text, what: 'plain decimal' }, this.at(path)))
    return '0'
  }

  private selection(): Selection {
    const { where, compare, scenario, measures, round } = this.draft
    if (measures === undefined) this.shapeProblem('does not say which measures it touches', [])
    measures?.forEach((name, i) => {
      this.check.amount(name, this.role, ['measures', i])
    })
    if (scenario !== undefined) this.check.scenario(scenario, ['scenario'])
    return {
      where: where === undefined ? null : (this.predicate(where) ?? null),
      compare: compare === undefined ? null : this.compare(compare),
      scenario: scenario ?? null,
      measures: measures ?? [],
      round: round === undefined ? null : this.places(round),
    }
  }

  private places(text: string): number {
    const places = /^\d{1,2}$/.test(text) ? Number(text) : MAX_PLACES + 1
    if (places <= MAX_PLACES) return places
    const what = `number of decimal places (0 to ${MAX_PLACES})`
    this.check.add(problem('TIE-2707', { key: 'round', value: text, what }, this.at(['round'])))
    return 0
  }

  private predicate(text: string): Predicate | undefined {
    const parsed = parsePredicate(text)
    if (parsed.ok) return this.check.predicate(parsed.predicate, ['where'], parsed)
    for (const found of parsed.problems) this.check.add(toProblem(found, this.at(['where'], found.offset)))
    return undefined
  }

  private compare(draft: NonNullable<AdjustmentDraft['compare']>): Compare {
    const { key, measure, difference, absolute_difference, prior } = draft
    this.check.twoScenarios(this.draft.name, ['compare'])
    key.forEach((column, i) => {
      this.check.column(column, `a key of ${this.role}`, ['compare', 'key', i])
    })
    if (measure !== undefined) this.check.amount(measure, this.role, ['compare', 'measure'])
    const bounded = difference !== undefined || absolute_difference !== undefined
    if (!bounded && prior === undefined)
      this.compareProblem('it asks for neither a difference nor for prior', ['compare'])
    if (bounded && measure === undefined)
      this.compareProblem('it does not say of which measure the difference is', ['compare'])
    return {
      key: [...new Set(key)],
      measure: measure ?? null,
      difference: difference === undefined ? null : this.bound(difference, ['compare', 'difference']),
      absolute_difference:
        absolute_difference === undefined
          ? null
          : this.bound(absolute_difference, ['compare', 'absolute_difference']),
      prior: prior ?? null,
    }
  }

  private compareProblem(detail: string, path: Path): undefined {
    return this.check.add(problem('TIE-2706', { name: this.draft.name, detail }, this.at(path)))
  }

  private bound(text: string, path: Path): Bound {
    const [, op, amount] = /^\s*(>=|<=|!=|<>|>|<|=)\s*(\S+)\s*$/.exec(text) ?? []
    if (op === undefined || amount === undefined) {
      this.compareProblem(`"${text}" is no comparison`, path)
      return { op: '=', amount: '0' }
    }
    return { op: (op === '<>' ? '!=' : op) as Operator, amount: this.number(amount, path) }
  }

  private validity(): Pick<Adjustment, 'valid_from' | 'valid_to'> {
    const valid_from = this.date('valid_from')
    const valid_to = this.date('valid_to')
    if (valid_from !== null && valid_to !== null && valid_from > valid_to) {
      const detail = `valid_to: ${valid_to} is before valid_from, ${valid_from}`
      this.check.add(problem('TIE-2713', { detail }, this.at(['valid_to'])))
    }
    return { valid_from, valid_to }
  }

  private date(key: 'valid_from' | 'valid_to'): IsoDate | null {
    const text = this.draft[key] ?? null
    if (text === null) return null
    const date = parseDate(text)
    if (date !== undefined) return date
    this.check.add(problem('TIE-2713', { detail: `${key}: "${text}" is no date` }, this.at([key])))
    return null
  }

  private checkReversal(adjustment: Adjustment, earlier: readonly Adjustment[]): void {
    const { name, definition } = adjustment
    if (definition.action !== 'reverse') return
    const place = this.at(['reverses'])
    const target = earlier.find((one) => one.name === definition.reverses)
    if (target === undefined) {
      const names = earlier.map((one) => one.name)
      const suggestion = didYouMean(definition.reverses, names)
      this.check.add(problem('TIE-2711', { name: definition.reverses, suggestion }, place))
      return
    }
    if (!overlap(target, adjustment)) {
      this.check.add(problem('TIE-2714', { name: target.name, by: name }, place))
      return
    }
    const other = earlier.find(
      (one) =>
        one.definition.action === 'reverse' &&
        one.definition.reverses === target.name &&
        overlap(one, adjustment),
    )
    if (other !== undefined) this.check.add(problem('TIE-2712', { name: target.name, by: other.name }, place))
  }
}
