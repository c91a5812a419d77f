/**
 * The revenue event: one purchase, refund, chargeback or correction, as it was reported, never changed. An object of JSON
 * whose numbers are text becomes an event or all its problems (TIE-4201 to TIE-4207, TIE-4212 to TIE-4214, TIE-4220, TIE-4221).
 */

import { type Digest, digestOf } from '../base/digest.js'
import { type Problem, problem } from '../base/errors.js'
import { type NanoInstant, parseInstant } from '../base/instant.js'
import { didYouMean, unstorable } from '../base/text.js'
import { MILESTONES, type Milestone } from './paths.js'

export const EVENT_TYPES = ['purchase', 'refund', 'chargeback', 'correction'] as const
export type EventType = (typeof EVENT_TYPES)[number]

export interface Touch {
  /** As it was said; which channel that is, the taxonomy says when revenue is allocated. */
  readonly channel: string
  readonly at: NanoInstant
  readonly milestone: Milestone | null
}

export interface RevenueEvent {
  readonly external_event_id: string | null
  readonly correlation_id: string | null
  readonly type: EventType
  readonly occurred_at: NanoInstant
  /** What it adds to revenue, in minor units: refunds and chargebacks are negative, however they were written. */
  readonly revenue_cents: bigint
  readonly currency: string
  /** External id of the purchase that it adjusts. */
  readonly refund_of: string | null
  readonly customer_id: string | null
  readonly session_id: string | null
  /** In the order of time; touches of one instant in the order in which they were said. */
  readonly touches: readonly Touch[]
}

export type ParsedEvent =
  | { readonly is: 'event'; readonly event: RevenueEvent }
  | { readonly is: 'refused'; readonly problems: readonly Problem[] }

export const EVENT_FIELDS = [
  'external_event_id',
  'correlation_id',
  'type',
  'occurred_at',
  'revenue_cents',
  'currency',
  'refund_of',
  'customer_id',
  'session_id',
  'touches',
] as const
type Field = (typeof EVENT_FIELDS)[number]

/** More are no path that a model can say anything of. */
export const MAX_TOUCHES = 10_000
/** Bytes of ids and codes: what an index has room for. */
export const MAX_ID = 500
/** Cents of one event, either way: sums of a billion events stay whole numbers of the database. */
const MAX_CENTS = 10n ** 15n

/** Undefined for what is no whole number of cents, or too many. */
export function wholeCents(text: string): bigint | undefined {
  const cents = /^-?\d{1,16}$/.test(text) ? BigInt(text) : MAX_CENTS
  return cents < MAX_CENTS && cents > -MAX_CENTS ? cents : undefined
}

/** `value` is JSON with its numbers as text (engines/ndjson.ts). */
export function parseEvent(value: unknown): ParsedEvent {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { is: 'refused', problems: [problem('TIE-4212', { detail: 'it is no object' })] }
  const read = new EventReader(value as Readonly<Record<string, unknown>>)
  const event = read.event()
  return read.problems.length === 0 ? { is: 'event', event } : { is: 'refused', problems: read.problems }
}

class EventReader {
  readonly problems: Problem[] = []

  constructor(private readonly given: Readonly<Record<string, unknown>>) {}

  event(): RevenueEvent {
    for (const field of Object.keys(this.given)) {
      if ((EVENT_FIELDS as readonly string[]).includes(field)) continue
      const suggestion = didYouMean(field, EVENT_FIELDS)
      const known = EVENT_FIELDS.join(', ')
      this.problems.push(problem('TIE-4213', { field: field.slice(0, 60), known, suggestion }))
    }
    const external_event_id = this.text('external_event_id')
    const correlation_id = this.text('correlation_id')
    if (external_event_id === null && correlation_id === null) this.missing('external_event_id')
    const type = this.type()
    const refund_of = this.text('refund_of')
    if (type === 'purchase' && refund_of !== null) this.shape('a purchase adjusts nothing: refund_of')
    if (type !== 'purchase' && refund_of === null) this.missing('refund_of')
    const occurred_at = this.instant('occurred_at', this.text('occurred_at'))
    return {
      external_event_id,
      correlation_id,
      type,
      occurred_at,
      revenue_cents: this.cents(type),
      currency: this.currency(),
      refund_of,
      customer_id: this.text('customer_id'),
      session_id: this.text('session_id'),
      touches: this.touches(type, occurred_at),
    }
  }

  private text(field: Field): string | null {
    const value = this.given[field]
    if (value === undefined || value === null || value === '') return null
    if (typeof value === 'string') return this.storable(field, value.trim())
    this.shape(`${field} is no text`)
    return null
  }

  private storable(field: string, text: string): string {
    const length = Buffer.byteLength(text)
    if (length > MAX_ID) this.problems.push(problem('TIE-4220', { field, length, limit: MAX_ID }))
    const what = text.includes('\uFFFD') ? 'bytes that are not UTF-8' : unstorable(text)
    if (what !== undefined) this.problems.push(problem('TIE-2413', { column: field, what }))
    return text
  }

  private type(): EventType {
    const value = this.text('type')
    if (value === null) this.missing('type')
    else if (!(EVENT_TYPES as readonly string[]).includes(value)) {
      this.problems.push(problem('TIE-4204', { value, suggestion: didYouMean(value, EVENT_TYPES) }))
    } else return value as EventType
    return 'purchase'
  }

  private cents(type: EventType): bigint {
    const value = this.text('revenue_cents')
    if (value === null) {
      this.missing('revenue_cents')
      return 0n
    }
    const cents = wholeCents(value)
    if (cents === undefined) {
      this.problems.push(problem('TIE-4202', { field: 'revenue_cents', value: value.slice(0, 60) }))
      return 0n
    }
    const rule =
      type === 'purchase' ? (cents < 0n ? 'it is below 0' : undefined) : cents === 0n ? 'it is 0' : undefined
    if (rule !== undefined) this.problems.push(problem('TIE-4203', { type, value, rule }))
    return type === 'refund' || type === 'chargeback' ? (cents < 0n ? cents : -cents) : cents
  }

  private currency(): string {
    const value = this.text('currency')
    if (value === null) this.missing('currency')
    else if (!/^[A-Z]{3}$/.test(value)) this.problems.push(problem('TIE-4214', { value }))
    return value ?? ''
  }

  private instant(field: string, text: string | null): NanoInstant {
    if (text === null) {
      this.missing(field)
      return '' as NanoInstant
    }
    const parsed = parseInstant(text)
    if (parsed.is === 'instant') return parsed.instant
    this.problems.push(problem('TIE-4205', { field, value: text.slice(0, 60) }))
    return '' as NanoInstant
  }

  private touches(type: EventType, occurred_at: NanoInstant): readonly Touch[] {
    const given = this.given.touches ?? []
    if (!Array.isArray(given)) {
      this.shape('touches is no list')
      return []
    }
    if (given.length > MAX_TOUCHES) {
      this.problems.push(problem('TIE-4207', { found: given.length, limit: MAX_TOUCHES }))
      return []
    }
    if (given.length > 0 && type !== 'purchase') this.touchProblem(1, `a ${type} has no path of its own`)
    const touches = given.map((touch, i) => this.touch(touch, i + 1, occurred_at))
    // A stable sort: equal instants stay as they were said.
    return touches.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))
  }

  private touch(touch: unknown, position: number, occurred_at: NanoInstant): Touch {
    const { channel, at, milestone, ...rest } = (touch ?? {}) as Readonly<Record<string, unknown>>
    if (typeof channel !== 'string' || channel.trim() === '' || Object.keys(rest).length > 0) {
      this.shape(`touch ${position} is not {"channel", "at"}, with a "milestone" or without`)
      return { channel: '', at: occurred_at, milestone: null }
    }
    const instant = this.instant(`touch ${position}`, typeof at === 'string' ? at : null)
    if (instant !== '' && occurred_at !== '' && instant > occurred_at)
      this.touchProblem(position, `it is after the event, at ${instant}`)
    return {
      channel: this.storable(`the channel of touch ${position}`, channel.trim()),
      at: instant,
      milestone: this.milestone(milestone, position),
    }
  }

  private milestone(value: unknown, position: number): Milestone | null {
    if (value === undefined || value === null || value === '') return null
    if ((MILESTONES as readonly unknown[]).includes(value)) return value as Milestone
    const text = typeof value === 'string' ? value.slice(0, 60) : JSON.stringify(value).slice(0, 60)
    const suggestion = didYouMean(text, MILESTONES)
    this.problems.push(problem('TIE-4221', { position, value: text, suggestion }))
    return null
  }

  private touchProblem(position: number, why: string): void {
    this.problems.push(problem('TIE-4206', { position, why }))
  }

  private missing(field: string): void {
    this.problems.push(problem('TIE-4201', { field }))
  }

  private shape(detail: string): void {
    this.problems.push(problem('TIE-4212', { detail }))
  }
}

/** What an event says, whatever its spelling: the same key with another digest is another content. */
export const eventDigest = ({ revenue_cents, touches, ...event }: RevenueEvent): Digest =>
  digestOf({
    ...event,
    revenue_cents: String(revenue_cents),
    touches: touches.map(({ channel, at, milestone }) =>
      milestone === null ? [channel, at] : [channel, at, milestone],
    ),
  })
