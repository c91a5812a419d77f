/**
 * Adjustments against the use case and the source they are for: every measure, column, scenario and literal is
 * looked up in what is really there. Asked when one is entered, and again before each run, since the use case
 * may have moved since.
 *
 * Raises (as a list) TIE-2304, TIE-2305, TIE-2704, TIE-2705, TIE-2706, the language's TIE-22xx, and TIE-2715 for
 * a stored one.
 */

import { type Place, type Problem, problem } from '../../base/errors.js'
import { didYouMean } from '../../base/text.js'
import type { Path } from '../../base/yaml-file.js'
import type { ColumnType, FactColumn } from '../../engines/source.js'
import { listOf, toProblem } from '../../language/language.js'
import { bindPredicate, type ParsedPredicate, type Predicate } from '../../language/predicate.js'
import { sourceName, type UseCase } from '../use-case.js'
import type { Adjustment } from './adjustment.js'
import { amountColumn } from './columns.js'

/** The place in the input of a part of the adjustment; undefined when it is a stored one. */
export type PlaceOfPart = (path: Path, offset?: number) => Place | undefined

export class AdjustmentCheck {
  readonly problems: Problem[] = []
  private readonly types: ReadonlyMap<string, ColumnType>

  constructor(
    private readonly useCase: UseCase,
    columns: readonly FactColumn[],
    private readonly placeOf: PlaceOfPart,
  ) {
    this.types = new Map(columns.map(({ name, type }) => [name, type]))
  }

  add(found: Problem): undefined {
    this.problems.push(found)
    return undefined
  }

  /** A measure, or a numeric column. */
  amount(name: string, role: string, path: Path): void {
    const { measures, source } = this.useCase
    const column = amountColumn(this.useCase, name)
    const type = this.types.get(column)
    if (type === 'numeric') return
    const numeric = [...this.types].flatMap(([known, is]) => (is === 'numeric' ? [known] : []))
    const known = [...new Set([...measures.map((measure) => measure.name), ...numeric])]
    const params = {
      source: sourceName(source),
      role,
      known: listOf(known),
      suggestion: didYouMean(name, known),
    }
    const place = this.placeOf(path)
    this.add(
      type === undefined
        ? problem('TIE-2704', { ...params, measure: name }, place)
        : problem('TIE-2305', { ...params, column, type }, place),
    )
  }

  column(name: string, role: string, path: Path): void {
    if (this.types.has(name)) return
    const known = [...this.types.keys()]
    const params = { source: sourceName(this.useCase.source), column: name, role, known: listOf(known) }
    this.add(problem('TIE-2304', { ...params, suggestion: didYouMean(name, known) }, this.placeOf(path)))
  }

  /** A source without scenarios has the first one. */
  scenario(name: string, path: Path): void {
    const { scenarios, source } = this.useCase
    const known = source.scenario === null ? scenarios.slice(0, 1) : scenarios
    if (known.includes(name)) return
    const params = { scenario: name, known: known.join(', '), suggestion: didYouMean(name, known) }
    this.add(problem('TIE-2705', params, this.placeOf(path)))
  }

  twoScenarios(adjustment: string, path: Path): void {
    const { scenarios, source } = this.useCase
    if (source.scenario !== null && scenarios.length >= 2) return
    const detail =
      source.scenario === null
        ? 'the source has no scenarios to compare'
        : `the use case has one scenario, ${scenarios[0]}`
    this.add(problem('TIE-2706', { name: adjustment, detail }, this.placeOf(path)))
  }

  predicate(predicate: Predicate, path: Path, source?: ParsedPredicate): Predicate | undefined {
    const bound = bindPredicate(predicate, this.types, source)
    if (bound.ok) return bound.predicate
    for (const found of bound.problems) this.add(toProblem(found, this.placeOf(path, found.offset)))
    return undefined
  }
}

/** What of the stored adjustments the use case and its source have no place for any more; each is named. */
export function checkAdjustments(
  list: readonly Adjustment[],
  useCase: UseCase,
  columns: readonly FactColumn[],
): Problem[] {
  return list.flatMap(({ no, name, definition }) => {
    if (definition.action === 'reverse') return []
    const check = new AdjustmentCheck(useCase, columns, () => undefined)
    const { where, compare, scenario, measures } = definition
    const role = `adjustment ${no}`
    for (const measure of measures) check.amount(measure, role, [])
    if (scenario !== null) check.scenario(scenario, [])
    if (where !== null) check.predicate(where, [])
    if (compare !== null) {
      check.twoScenarios(name, [])
      for (const key of compare.key) check.column(key, role, [])
      if (compare.measure !== null) check.amount(compare.measure, role, [])
    }
    return check.problems.length === 0 ? [] : [...check.problems, problem('TIE-2715', { no, name })]
  })
}
