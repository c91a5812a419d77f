/** What an allocation came to, told while its sets pass by: counts, sums by currency, digests, findings. Raises nothing. */

import { createHash } from 'node:crypto'
import type { Digest } from '../base/digest.js'
import type { Finding } from '../base/finding.js'
import { plural } from '../base/text.js'
import { UNKNOWN } from './channel-map.js'
import type { Planned } from './families.js'

export interface RevenueOf {
  readonly currency: string
  readonly events: number
  /** Whole cents as text. */
  readonly revenue_cents: string
  readonly allocated_cents: string
  /** Of it in the bucket. */
  readonly unknown_cents: string
}

interface Sums {
  events: number
  revenue: bigint
  allocated: bigint
  unknown: bigint
}

/** Codes that a finding names. */
const NAMED = 20

export class AllocationSummary {
  events = 0
  new = 0
  same = 0
  superseded = 0
  private inUnknown = 0
  private readonly sums = new Map<string, Sums>()
  private readonly inputs: string[] = []
  private readonly contents: string[] = []

  add({ is, set, eventDigest }: Planned): void {
    this.events += 1
    this[is] += 1
    if (set.supersedes !== undefined) this.superseded += 1
    const of = this.sums.get(set.currency) ?? { events: 0, revenue: 0n, allocated: 0n, unknown: 0n }
    this.sums.set(set.currency, of)
    of.events += 1
    of.revenue += set.revenue_cents
    for (const { channel, allocated_revenue_cents } of set.allocations) {
      of.allocated += allocated_revenue_cents
      if (channel !== UNKNOWN) continue
      of.unknown += allocated_revenue_cents
      this.inUnknown += 1
    }
    this.inputs.push(`${eventDigest} ${set.input_digest}`)
    this.contents.push(`${eventDigest} ${set.content_digest}`)
  }

  revenue(): RevenueOf[] {
    return [...this.sums]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([currency, { events, revenue, allocated, unknown }]) => ({
        currency,
        events,
        revenue_cents: String(revenue),
        allocated_cents: String(allocated),
        unknown_cents: String(unknown),
      }))
  }

  /** Of all sets, in an order that says nothing of how the events arrived. */
  digests(): { readonly inputs: Digest; readonly contents: Digest } {
    return { inputs: digestOfLines(this.inputs), contents: digestOfLines(this.contents) }
  }

  /** `learnedFrom`: purchases that a learned model learned from now. */
  findings(unknownCodes: readonly string[], learnedFrom: number | undefined): Finding[] {
    return [
      ...(this.inUnknown === 0 ? [] : [this.unknownFinding(unknownCodes)]),
      ...(learnedFrom === undefined ? [] : [learnedFinding(learnedFrom)]),
    ]
  }

  private unknownFinding(codes: readonly string[]): Finding {
    const cents = this.revenue().flatMap(({ currency, unknown_cents }) =>
      unknown_cents === '0' ? [] : `${unknown_cents} ${currency}`,
    )
    return {
      code: 'REVENUE_IN_UNKNOWN',
      severity: 'warning',
      message: `${plural(this.inUnknown, 'event')} have revenue in the channel unknown${cents.length === 0 ? '' : `: ${cents.join(', ')} cents`}.`,
      suggestion:
        codes.length === 0
          ? 'They have no touch inside the look-back window.'
          : `Declare or map the codes: tieout channels add ${codes[0]}`,
      rows: this.inUnknown,
      detail: { cents, codes: codes.slice(0, NAMED) },
    }
  }
}

const learnedFinding = (paths: number): Finding => ({
  code: 'LEARNED_WITHOUT_NULLS',
  severity: 'info',
  message: `The weights were learned from ${plural(paths, 'purchase')}; touches that led to no purchase are in no event.`,
  suggestion:
    'Where paths that did not convert are counted elsewhere: tieout attribution model --paths FILE.',
  rows: paths,
})

function digestOfLines(lines: string[]): Digest {
  const hash = createHash('sha256')
  for (const line of lines.sort()) hash.update(line).update('\n')
  return `sha256:${hash.digest('hex')}` as Digest
}
