/**
 * Whether an engine had better group the facts before it delivers them: one row for each combination of the
 * coded columns, with how many facts it stands for and the sum of each amount. A frame of tuples gives the
 * same figures, findings and digest as one of facts; it is only smaller. It pays where there are many facts
 * to a tuple, which is estimated from a sample. Raises nothing.
 */

/** A sample of the facts in scope, and the combinations found in it. */
export interface Sample {
  /** Facts in scope, about. */
  readonly facts: number
  readonly sampled: number
  readonly distinct: number
  /** Combinations that only one fact of the sample has. */
  readonly single: number
}

/** Engines group and deliver in about the time of delivering alone when this many facts make a tuple. */
const FACTS_PER_TUPLE = 20

/** A sample of fewer facts tells too little. */
const LEAST_SAMPLE = 1000

/** `alike`: how many times more tuples there may be, because the facts of the sample are more alike than others. */
export function worthGrouping(sample: Sample, alike = 1): boolean {
  const tuples = estimatedTuples(sample) * alike
  return sample.sampled >= LEAST_SAMPLE && tuples * FACTS_PER_TUPLE <= sample.facts
}

/** The estimator of Haas and Stokes: combinations seen once stand for those that were not seen. */
function estimatedTuples({ facts, sampled, distinct, single }: Sample): number {
  const unseen = sampled - single + (single * sampled) / Math.max(facts, sampled)
  return unseen === 0 ? facts : (sampled * distinct) / unseen
}
