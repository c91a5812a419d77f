/**
 * States that lead to one place for certain are merged with it. Of higher orders most states are so: their last touches
 * occur in one path. What is left has the same solution and is much smaller. Raises nothing.
 */

/** One equation of the probabilities of conversion: total · x − Σ count · x(next) = conversions. */
export interface Equation {
  readonly total: number
  readonly conversions: number
  /** Each unknown once. */
  readonly next: readonly (readonly [unknown: number, count: number])[]
}

/** Where an unknown that is certain leads: to another one, or to conversion. */
type Lead = number | 'conversion'

/** The equations with those of certain unknowns substituted; the first stays the first. Every unknown reaches conversion. */
export function withoutCertain(equations: readonly Equation[]): Equation[] {
  let left = equations.map(reduced)
  for (;;) {
    const leads = left.map((equation, unknown) => (unknown === 0 ? undefined : leadOf(equation)))
    if (leads.every((lead) => lead === undefined)) return left
    left = substituted(left, leads)
  }
}

function leadOf({ total, conversions, next }: Equation): Lead | undefined {
  if (conversions === total) return 'conversion'
  return next.length === 1 && next[0]![1] === total ? next[0]![0] : undefined
}

function substituted(equations: readonly Equation[], leads: readonly (Lead | undefined)[]): Equation[] {
  const end = (unknown: number): Lead => {
    let at: Lead = unknown
    while (at !== 'conversion' && leads[at] !== undefined) at = leads[at]!
    return at
  }
  const kept = equations.flatMap((_, unknown) => (leads[unknown] === undefined ? [unknown] : []))
  const renamed = new Map(kept.map((unknown, i) => [unknown, i]))
  return kept.map((unknown) => {
    let { total, conversions } = equations[unknown]!
    const next = new Map<number, number>()
    for (const [to, count] of equations[unknown]!.next) {
      const lead = end(to)
      if (lead === 'conversion') conversions += count
      // What comes back for certain was no step: x · count on both sides.
      else if (lead === unknown) total -= count
      else next.set(renamed.get(lead)!, (next.get(renamed.get(lead)!) ?? 0) + count)
    }
    return reduced({ total, conversions, next: [...next] })
  })
}

/** Divided by what its numbers have in common: smaller numbers make shorter solutions. */
function reduced({ total, conversions, next }: Equation): Equation {
  let divisor = conversions === 0 ? total : common(total, conversions)
  for (const [, count] of next) divisor = common(divisor, count)
  return {
    total: total / divisor,
    conversions: conversions / divisor,
    next: next.map(([unknown, count]) => [unknown, count / divisor]),
  }
}

function common(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b]
  return a
}
