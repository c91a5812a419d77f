/** The scenarios of a frame by their codes: those a use case calculates, in the order of its results. Raises nothing. */

import { compareText } from '../../base/text.js'
import { type Block, codedIndex, type Frame } from '../../engines/frame.js'
import type { UseCase } from '../use-case.js'

export class ScenarioCodes {
  /** Those with facts: the declared ones first, in their order, then the others by name. */
  readonly found: readonly { readonly label: string; readonly code: number }[]
  /** How many codes there are. */
  readonly count: number
  /** Codes of the two that are compared; −1 where one has no fact. */
  readonly first: number
  readonly second: number
  private readonly column: number | undefined

  constructor(frame: Frame, { source, scenarios }: UseCase) {
    this.column = source.scenario === null ? undefined : codedIndex(frame, source.scenario)
    const dictionary = this.column === undefined ? [scenarios[0]!] : frame.coded[this.column]!.dictionary
    this.count = dictionary.length
    const rank = (label: string): number =>
      scenarios.includes(label) ? scenarios.indexOf(label) : scenarios.length
    this.found = (frame.facts === 0 ? [] : dictionary)
      .flatMap((label, code) => (label === null ? [] : [{ label, code }]))
      .sort((a, b) => rank(a.label) - rank(b.label) || compareText(a.label, b.label))
    const codeOf = (label: string | undefined): number =>
      label === undefined ? -1 : dictionary.indexOf(label)
    this.first = codeOf(scenarios[0])
    this.second = codeOf(scenarios[1])
  }

  /** Undefined: every fact is of the scenario at code 0. */
  codesOf(block: Block): Int32Array | undefined {
    return this.column === undefined ? undefined : block.codes[this.column]!
  }

  /** 1 for each code that is touched; facts without a scenario are in none and never are. Null: every scenario. */
  allowed(scenario: string | null): Uint8Array {
    const allowed = new Uint8Array(this.count)
    for (const { label, code } of this.found) if (scenario === null || label === scenario) allowed[code] = 1
    return allowed
  }
}
