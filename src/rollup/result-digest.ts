/**
 * The digest of a run's figures: every cell by node id, measure and scenario in code point order, amounts as
 * canonical decimals. The same figures give the same digest on every machine, database, time zone and order
 * of the facts; ids, names of tables and times are no part of it. What fact adjustments change is a part of each
 * row where they change anything in the run at all, and of none where they do not: a run without adjustments has
 * the digest of its other figures alone. Raises nothing.
 */

import { canonicalDecimal, parseDecimal } from '../base/decimal.js'
import { type Digest, RowDigest } from '../base/digest.js'
import { compareText } from '../base/text.js'

export interface Figures {
  readonly node_id: string
  readonly measure: string
  readonly scenario: string
  readonly natural: string
  readonly direct: string
  /** What fact adjustments change; left out: nothing. */
  readonly adjustment?: string
  readonly adjusted: string | null
  readonly plug: string | null
  readonly fact_count: number
}

export function resultDigest(rows: readonly Figures[]): Digest {
  const digest = new RowDigest()
  const isAdjusted = rows.some(({ adjustment }) => canonical(adjustment ?? '0') !== '0')
  for (const row of inOrder(rows)) {
    const adjustment = isAdjusted ? [row.adjustment ?? '0'] : []
    const amounts = [row.natural, row.direct, ...adjustment, row.adjusted, row.plug].map((text) =>
      text === null ? null : canonical(text),
    )
    digest.add([row.node_id, row.measure, row.scenario, ...amounts, row.fact_count])
  }
  return digest.end()
}

/** By node id, measure and scenario. Every name is compared once and ranked, since each stands in many rows. */
function inOrder(rows: readonly Figures[]): Figures[] {
  const nodes = ranksOf(rows.map(({ node_id }) => node_id))
  const measures = ranksOf(rows.map(({ measure }) => measure))
  const scenarios = ranksOf(rows.map(({ scenario }) => scenario))
  return [...rows.keys()]
    .sort((a, b) => nodes[a]! - nodes[b]! || measures[a]! - measures[b]! || scenarios[a]! - scenarios[b]!)
    .map((row) => rows[row]!)
}

function ranksOf(names: readonly string[]): Int32Array {
  const ranks = new Map([...new Set(names)].sort(compareText).map((name, rank) => [name, rank]))
  return Int32Array.from(names, (name) => ranks.get(name)!)
}

/** Amounts are nearly always plain already, so only the zeros at the end are taken off. */
function canonical(text: string): string {
  if (PLAIN.test(text)) {
    const least = text.includes('.') ? text.replace(/\.?0+$/, '') : text
    return least === '-0' ? '0' : least
  }
  const value = parseDecimal(text)
  if (value === undefined) throw new Error(`"${text}" in the results is no decimal`)
  return canonicalDecimal(value)
}

const PLAIN = /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/
