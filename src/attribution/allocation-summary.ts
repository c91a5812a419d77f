/**
 * What the sets of a model come to, told while they pass by: counts, sums by currency, digests, findings. It can go on
 * from what was kept of the sets of all events up to a number, and then comes to what it would of all of them. Raises
 * TIE-4402 when the set of an event before that number would be another now.
 */

import type { Digest } from '../base/digest.js'
import { refuse } from '../base/errors.js'
import type { Finding } from '../base/finding.js'
import { type KeptSum, MultisetDigest } from '../base/multiset-digest.js'
import { compareText, plural } from '../base/text.js'
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

/** What is kept of sets to go on from. */
export interface KeptSums {
  readonly revenue: readonly RevenueOf[]
  readonly inputs: KeptSum
  readonly contents: KeptSum
  /** Events with revenue in the bucket. */
  readonly in_unknown: number
  /** The first codes that the taxonomy takes for the bucket, in code point order. */
  readonly unknown_codes: readonly string[]
}

/** The sums of the sets of all events up to a number of arrival. */
export interface SumsThrough {
  readonly events_through: number
  readonly sums: KeptSums
}

interface Sums {
  events: number
  revenue: bigint
  allocated: bigint
  unknown: bigint
}

/** Codes that a finding names. */
const NAMED = 20

const NONE = { lines: 0, sum: '' }
export const NO_SETS: SumsThrough = {
  events_through: 0,
  sums: { revenue: [], inputs: NONE, contents: NONE, in_unknown: 0, unknown_codes: [] },
}

export class AllocationSummary {
  /** Sets that passed by. */
  computed = 0
  new = 0
  superseded = 0
  private inUnknown: number
  private readonly before: number
  private readonly codesBefore: readonly string[]
  private readonly sums: Map<string, Sums>
  private readonly inputs: MultisetDigest
  private readonly contents: MultisetDigest

  constructor({ events_through, sums }: SumsThrough = NO_SETS) {
    this.before = events_through
    this.inUnknown = sums.in_unknown
    this.codesBefore = sums.unknown_codes
    this.inputs = new MultisetDigest(sums.inputs)
    this.contents = new MultisetDigest(sums.contents)
    this.sums = new Map(
      sums.revenue.map(({ currency, events, revenue_cents, allocated_cents, unknown_cents }) => [
        currency,
        {
          events,
          revenue: BigInt(revenue_cents),
          allocated: BigInt(allocated_cents),
          unknown: BigInt(unknown_cents),
        },
      ]),
    )
  }

  add({ is, set, eventDigest }: Planned): void {
    this.computed += 1
    if (is === 'new') this.new += 1
    if (set.supersedes !== undefined) this.superseded += 1
    if (set.event_id <= this.before) {
      // It is counted already.
      if (is === 'new') refuse('TIE-4402', { event: set.event_id, version: set.model_version })
      return
    }
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
    this.inputs.add(`${eventDigest} ${set.input_digest}`)
    this.contents.add(`${eventDigest} ${set.content_digest}`)
  }

  get events(): number {
    return this.inputs.kept().lines
  }

  /** `unknownCodes`: of the events that passed by. Those kept are as many as a finding names. */
  kept(unknownCodes: readonly string[]): KeptSums {
    const codes = [...new Set([...this.codesBefore, ...unknownCodes])].sort(compareText)
    return {
      revenue: this.revenue(),
      inputs: this.inputs.kept(),
      contents: this.contents.kept(),
      in_unknown: this.inUnknown,
      unknown_codes: codes.slice(0, NAMED),
    }
  }

  /** Of all sets, in an order that says nothing of how the events arrived. */
  digests(): { readonly inputs: Digest; readonly contents: Digest } {
    return { inputs: this.inputs.digest(), contents: this.contents.digest() }
  }

  /** `learnedFrom`: purchases that a learned model learned from now. */
  findings(unknownCodes: readonly string[], learnedFrom: number | undefined): Finding[] {
    return [
      ...(this.inUnknown === 0 ? [] : [unknownFinding(this.kept(unknownCodes))]),
      ...(learnedFrom === undefined ? [] : [learnedFinding(learnedFrom)]),
    ]
  }

  private revenue(): RevenueOf[] {
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
}

function unknownFinding({ revenue, in_unknown: rows, unknown_codes: codes }: KeptSums): Finding {
  const cents = revenue.flatMap(({ currency, unknown_cents }) =>
    unknown_cents === '0' ? [] : `${unknown_cents} ${currency}`,
  )
  return {
    code: 'REVENUE_IN_UNKNOWN',
    severity: 'warning',
    message: `${plural(rows, 'event')} have revenue in the channel unknown${cents.length === 0 ? '' : `: ${cents.join(', ')} cents`}.`,
    suggestion:
      codes.length === 0
        ? 'They have no touch inside the look-back window.'
        : `Declare or map the codes: tieout channels add ${codes[0]}`,
    rows,
    detail: { cents, codes },
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
