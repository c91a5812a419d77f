/**
 * Two runs node by node, with the difference of every figure split into causes. The causes are taken one after
 * the other in a fixed order, the order in which a calculation uses them; each is worth what the figure moves
 * when that input of the left run is replaced by the right run's, with those before it replaced already. So
 * the causes sum to the difference by construction, and what is left over is 0 unless the engine itself gave
 * other figures for equal inputs.
 *
 * A node, measure or scenario that one run does not have counts as 0 there. A state between the two runs that
 * cannot be calculated (its formulas have no order, its bindings clash, a cell divides by zero) is passed
 * over: what it would have been worth counts with the cause after it. Pure. Raises nothing.
 */

import { add, type Decimal, parseDecimal, subtract, ZERO } from '../../base/decimal.js'

export const CAUSES = ['facts', 'mapping', 'hierarchy', 'adjustments', 'rules', 'policy'] as const
export type Cause = (typeof CAUSES)[number]

/** Amounts as decimals; undefined: the cell is empty. */
export interface Figure {
  readonly natural: Decimal
  readonly adjusted: Decimal | undefined
}

/** By `figureKey`. */
export type Figures = ReadonlyMap<string, Figure>

export const figureKey = (node: string, measure: string, scenario: string): string =>
  JSON.stringify([node, measure, scenario])

/** Figures with the inputs up to and including this cause replaced; undefined: they cannot be calculated. */
export interface Step {
  readonly cause: Cause
  readonly figures: Figures | undefined
}

export interface Difference {
  /** Undefined: the run has no such cell, or it is empty. */
  readonly left: Decimal | undefined
  readonly right: Decimal | undefined
  /** Right − left; undefined where a cell is empty. */
  readonly difference: Decimal | undefined
  readonly causes: ReadonlyMap<Cause, Decimal>
  /** Difference − Σ causes. */
  readonly residual: Decimal | undefined
}

/** The difference of one figure of a cell. `steps` are those whose cause differs; the last one's figures are the right run's. */
export function differenceOf(
  key: string,
  which: keyof Figure,
  left: Figures,
  right: Figures,
  steps: readonly Step[],
): Difference {
  const [a, b] = [valueIn(left, key, which), valueIn(right, key, which)]
  const shown = { left: shownValue(left, key, which), right: shownValue(right, key, which) }
  if (a === undefined || b === undefined)
    return { ...shown, difference: undefined, causes: new Map(), residual: undefined }
  const causes = new Map<Cause, Decimal>()
  let before = a
  for (const [i, { cause, figures }] of steps.entries()) {
    const isLast = i === steps.length - 1
    const now = isLast ? b : figures === undefined ? undefined : valueIn(figures, key, which)
    causes.set(cause, now === undefined ? ZERO : subtract(now, before))
    before = now ?? before
  }
  const difference = subtract(b, a)
  let explained = ZERO
  for (const effect of causes.values()) explained = add(explained, effect)
  return { ...shown, difference, causes, residual: subtract(difference, explained) }
}

/** What is not there counts as 0; what is empty has no value. */
function valueIn(figures: Figures, key: string, which: keyof Figure): Decimal | undefined {
  const figure = figures.get(key)
  return figure === undefined ? ZERO : figure[which]
}

const shownValue = (figures: Figures, key: string, which: keyof Figure): Decimal | undefined =>
  figures.get(key)?.[which]

interface Row {
  readonly node_id: string
  readonly measure: string
  readonly scenario: string
  readonly natural: string
  readonly adjusted: string | null
}

export const figuresOfRows = (rows: readonly Row[]): Figures =>
  new Map(
    rows.map((row) => [
      figureKey(row.node_id, row.measure, row.scenario),
      {
        natural: parseDecimal(row.natural)!,
        adjusted: row.adjusted === null ? undefined : parseDecimal(row.adjusted)!,
      },
    ]),
  )
