/** What a reconciliation found, as findings of its run: amounts that differ, by currency, and references that say something odd. Raises nothing. */

import type { Finding } from '../base/finding.js'
import { plural } from '../base/text.js'

interface Amounts {
  readonly finding: 'matched' | 'missing' | 'excess' | 'amount_difference'
  readonly currency: string
  readonly references: number
  readonly claimed_cents: string
  readonly settled_cents: string
}

interface Odd {
  readonly claimed_by_several: number
  readonly without_event: number
  readonly other_revenue: number
}

const DIFFERENCES = {
  missing: {
    code: 'CLAIMS_NOT_SETTLED',
    what: 'claimed and not settled',
    suggestion: 'Ask the platform for the payment, or import what was settled: tieout settlements import.',
  },
  excess: {
    code: 'SETTLED_WITHOUT_CLAIM',
    what: 'settled and not claimed',
    suggestion: 'Import what the platform claims: tieout claims import; or look why it does not claim it.',
  },
  amount_difference: {
    code: 'AMOUNTS_DIFFER',
    what: 'settled otherwise than claimed',
    suggestion: 'Look at each: tieout reconciliation show RUN --finding amount_difference.',
  },
} as const

export function reconciliationFindings(amounts: readonly Amounts[], odd: Odd): Finding[] {
  const differences = amounts.flatMap(({ finding, currency, references, claimed_cents, settled_cents }) => {
    if (finding === 'matched') return []
    const { code, what, suggestion } = DIFFERENCES[finding]
    const difference = BigInt(settled_cents) - BigInt(claimed_cents)
    const told: Finding = {
      code,
      severity: 'warning',
      message: `${plural(references, 'reference')} in ${currency}: ${what}, ${difference} minor units.`,
      suggestion,
      amount: String(difference),
      rows: references,
      detail: { currency },
    }
    return [told]
  })
  const oddities = [
    oddity('CLAIMED_BY_SEVERAL', odd.claimed_by_several, 'claimed by more than one platform', {
      suggestion: 'One of them earned it: the model says whose it is, not the claims.',
    }),
    oddity(
      'SETTLED_OTHER_REVENUE',
      odd.other_revenue,
      'settled, but the event of that id has other revenue',
      {
        suggestion: 'These events are not verified. Look at one: tieout events show ID.',
      },
    ),
    oddity('SETTLED_WITHOUT_EVENT', odd.without_event, 'settled, but no event has that id', {
      suggestion: 'They verify nothing. References are external ids of events.',
    }),
  ]
  return [...differences, ...oddities.flat()]
}

const oddity = (
  code: string,
  count: number,
  what: string,
  { suggestion }: Pick<Finding, 'suggestion'>,
): Finding[] =>
  count === 0
    ? []
    : [
        {
          code,
          severity: 'warning',
          message: `${plural(count, 'reference')}: ${what}.`,
          suggestion,
          rows: count,
        },
      ]
