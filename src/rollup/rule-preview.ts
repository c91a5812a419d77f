/**
 * What one rule finds and does before it is saved: the facts it looks for, some of them, values of the data that
 * nearly fit, and the cells of its node and of the root before and after. Pure. Raises nothing.
 */

import { type Decimal, decimal } from '../base/decimal.js'
import type { Frame } from '../engines/frame.js'
import { printPredicate } from '../language/predicate.js'
import type { Inputs } from './inputs.js'
import { keptBase } from './kept-bases.js'
import { nearMisses } from './rule-findings.js'
import { searchesOf } from './searches.js'
import type { ChangedCell, Trial } from './trial.js'
import type { Rule } from './use-case.js'

/** What a search of the rule finds in a scenario. */
export interface Found {
  readonly scenario: string
  /** The predicate; null: every fact there. */
  readonly where: string | null
  readonly facts: number
  /** By amount column of the frame. */
  readonly amounts: readonly { readonly column: string; readonly amount: Decimal }[]
}

/** A fact, or facts that agree in every column that is named here. */
export interface Example {
  readonly values: Readonly<Record<string, string | null>>
  readonly amounts: Readonly<Record<string, Decimal>>
  readonly facts: number
}

export interface RulePreview {
  readonly found: readonly Found[]
  readonly examples: readonly Example[]
  readonly near_misses: readonly string[]
}

export function previewRule({ after }: Trial, rule: Rule, exampleLimit: number): RulePreview {
  const { inputs, frame, calculation } = after
  const { base, tree } = keptBase(frame, inputs)
  const searches = searchesOf(tree, rule)
  const found = searches.flatMap((search) =>
    calculation.scenarios.map((scenario): Found => {
      const sums = base.search(codeOf(inputs, base.scenarios, scenario), search)
      return {
        scenario,
        where: search.where === null ? null : printPredicate(search.where),
        facts: sums.facts,
        amounts: shownColumns(frame, inputs).map(({ name, index }) => ({
          column: name,
          amount: sums.amounts[index]!,
        })),
      }
    }),
  )
  const places = searches.flatMap((search) => base.examples(search, exampleLimit)).slice(0, exampleLimit)
  return {
    found,
    examples: places.map(({ block, row }) => exampleAt(frame, inputs, block, row)),
    near_misses: searches.flatMap(({ where }) => (where === null ? [] : nearMisses(frame, where))),
  }
}

/** A source without scenarios has its facts at code 0. */
const codeOf = ({ useCase }: Inputs, labels: readonly (string | null)[], scenario: string): number =>
  useCase.source.scenario === null ? 0 : labels.indexOf(scenario)

/** Columns as the facts have them, not those that adjustments add. */
const shownColumns = (
  frame: Frame,
  { useCase }: Inputs,
): { readonly name: string; readonly index: number }[] => {
  const wanted = new Set([
    ...useCase.measures.map(({ column }) => column),
    ...useCase.rules.flatMap((rule) => (rule.flavour === 'measure_switch' ? [rule.column] : [])),
  ])
  return frame.amounts.flatMap(({ name }, index) => (wanted.has(name) ? [{ name, index }] : []))
}

function exampleAt(frame: Frame, inputs: Inputs, at: number, row: number): Example {
  const block = frame.blocks[at]!
  const values = frame.coded.map(({ name, dictionary }, i) => [name, dictionary[block.codes[i]![row]!]!])
  const amounts = shownColumns(frame, inputs).map(({ name, index }) => [
    name,
    decimal(BigInt(block.amounts[index]![row]!), frame.amounts[index]!.scale),
  ])
  return {
    values: Object.fromEntries(values) as Example['values'],
    amounts: Object.fromEntries(amounts) as Example['amounts'],
    facts: block.counts === null ? 1 : block.counts[row]!,
  }
}

/** The cells of a node on both sides, whether they change or not. */
export function cellsOfNode({ before, after }: Trial, node: string): ChangedCell[] {
  const of = ({ inputs, calculation }: Trial['before']) =>
    calculation.cells.filter((cell) => inputs.tree.nodes[cell.node]!.node_id === node)
  const [old, fresh] = [of(before), of(after)]
  return fresh.map((cell, i) => ({ before: old[i], after: cell }))
}
