/**
 * The facts as they were written, held against what the run recorded: how many there were, and what each measure
 * summed to in each scenario. Counted from the written texts alone. Raises Error for an amount that is no decimal:
 * a bug of its source.
 */

import { add, type Decimal, equalDecimals, formatDecimal, parseDecimal, ZERO } from '../../base/decimal.js'
import { plural } from '../../base/text.js'
import type { ListedFact } from '../../engines/fact-listing.js'
import type { UseCase } from '../use-case.js'

export interface RecordedTotals {
  readonly facts: number
  readonly scenarios: readonly string[]
  readonly tie_out: readonly { readonly scenario: string; readonly measure: string; readonly facts: string }[]
}

export class ControlTotals {
  private facts = 0
  private readonly scenario: number
  private readonly amounts: readonly number[]
  private readonly sums = new Map<string, Decimal[]>()

  /** `columns` are those of the listed facts, after the position. */
  constructor(
    private readonly useCase: UseCase,
    columns: readonly string[],
  ) {
    const place = (column: string): number => columns.indexOf(column) + 1
    this.scenario = useCase.source.scenario === null ? 0 : place(useCase.source.scenario)
    this.amounts = useCase.measures.map(({ column }) => place(column))
  }

  add(fact: ListedFact): void {
    this.facts += 1
    const scenario = this.scenario === 0 ? this.useCase.scenarios[0]! : fact[this.scenario]
    if (scenario === null || scenario === undefined) return
    let sums = this.sums.get(scenario)
    if (sums === undefined) {
      sums = this.amounts.map(() => ZERO)
      this.sums.set(scenario, sums)
    }
    for (let m = 0; m < sums.length; m++) {
      const text = fact[this.amounts[m]!]
      if (text === null || text === undefined) continue
      const amount = parseDecimal(text)
      if (amount === undefined) throw new Error(`"${text}" among the facts is no decimal`)
      sums[m] = add(sums[m]!, amount)
    }
  }

  /** The first thing that differs, in words; undefined when all is as recorded. */
  differenceFrom(recorded: RecordedTotals): string | undefined {
    if (this.facts !== recorded.facts)
      return `${plural(this.facts, 'fact')} in place of ${plural(recorded.facts, 'fact')}`
    const more = [...this.sums.keys()].find((scenario) => !recorded.scenarios.includes(scenario))
    if (more !== undefined) return `there are facts of ${more}, of which the run had none`
    for (const { scenario, measure, facts } of recorded.tie_out) {
      const sum = this.sums.get(scenario)?.[this.useCase.measures.findIndex(({ name }) => name === measure)]
      if (sum === undefined || !equalDecimals(sum, parseDecimal(facts)!)) {
        const found = sum === undefined ? 'nothing' : formatDecimal(sum)
        return `${measure} of ${scenario} sums to ${found} where the run recorded ${facts}`
      }
    }
    return undefined
  }
}
