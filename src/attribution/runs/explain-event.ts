/**
 * Why the channels of an event have their cents, set by set: the touches that count, the exact weights, the steps of the
 * split. Worked out again from what the set was made of; where that changed since, only what is stored is told.
 *
 * Raises TIE-4215 (no such event), TIE-4404 (not allocated), TIE-4410 (no such channel of it).
 */

import { refuse } from '../../base/errors.js'
import { type Fraction, fractionText } from '../../base/fraction.js'
import { didYouMean } from '../../base/text.js'
import type { Tx } from '../../books/books.js'
import { eventWeigher } from '../allocate.js'
import { type ExplainedSplit, explainSplit } from '../explain-split.js'
import { type Planned, planFamilies } from '../families.js'
import { type Model, modelKey, modelText, revisionOf, type WeightTable } from '../model.js'
import { parseModel } from '../model-text.js'
import type { Milestone } from '../paths.js'
import { listChannels } from '../store/channels.js'
import { modelOfRun, type StoredSet, setsOf } from '../store/event-sets.js'
import { findEvent, type StoredEvent, touchesOf } from '../store/events.js'
import { type ReadFamilies, readFamilies } from '../store/families.js'
import { storedTable, weightsOf } from '../store/weight-tables.js'
import { touchFates } from '../touch-fates.js'

export interface ExplainRequest {
  readonly event: string
  readonly model?: Model | undefined
  readonly channel?: string | undefined
}

export interface ExplainedEvent {
  readonly event: StoredEvent
  readonly sets: readonly ExplainedSet[]
}

export interface ExplainedSet extends StoredSet {
  /** As it is said: `linear@1.0.0`. */
  readonly model: string
  /** What its cents were split by: the weights of the path, or what remained of each channel. */
  readonly split_by: 'weights' | 'remaining'
  /** Since it was computed; the next allocation supersedes it. Touches and steps are not told then. */
  readonly inputs_changed: boolean
  readonly touches: readonly ExplainedTouch[]
  /** Cents that the whole parts left over. */
  readonly left_over_cents: string | null
  readonly steps: readonly ExplainedStep[]
}

export interface ExplainedTouch {
  readonly position: number
  readonly code: string
  readonly channel: string
  readonly at: string
  readonly milestone: Milestone | null
  readonly counts: boolean
  readonly why_not: string | null
}

export interface ExplainedStep {
  readonly channel: string
  /** Before the event, where it was split by what remained. */
  readonly remaining_cents: string | null
  readonly share: string
  readonly exact_cents: string
  readonly whole_cents: string
  readonly remainder: string
  readonly rank: number
  readonly extra_cent: boolean
  readonly allocated_revenue_cents: string
}

export async function explainEvent(tx: Tx, request: ExplainRequest): Promise<ExplainedEvent> {
  const event = await findEvent(tx, request.event)
  const key = request.model === undefined ? undefined : modelKey(request.model)
  const sets = (await setsOf(tx, event.event_id)).filter(
    (set) => set.superseded_by === null && (key === undefined || set.model === key),
  )
  if (sets.length === 0) {
    const by = request.model === undefined ? '' : ` by ${modelText(request.model)}`
    refuse('TIE-4404', { event: request.event, by })
  }
  const known = [...new Set(sets.flatMap((set) => set.allocations.map(({ channel }) => channel)))].sort()
  if (request.channel !== undefined && !known.includes(request.channel)) {
    const suggestion = didYouMean(request.channel, known)
    refuse('TIE-4410', {
      event: request.event,
      channel: request.channel,
      known: known.join(', '),
      suggestion,
    })
  }
  const purchase = await purchaseOf(tx, event.event_id)
  const families = await readFamilies(tx, await listChannels(tx), { purchase })
  const explained: ExplainedSet[] = []
  for (const set of sets) explained.push(await explainSet(tx, event, set, families, request.channel))
  return { event, sets: explained }
}

async function purchaseOf(tx: Tx, event: number): Promise<number> {
  const [row] = await tx.rows<{ purchase: bigint }>(
    `SELECT coalesce(original_event_id, event_id) AS purchase FROM attribution_events
      WHERE tenant_id = tieout_current_tenant() AND event_id = $1`,
    [event],
  )
  return Number(row!.purchase)
}

async function explainSet(
  tx: Tx,
  event: StoredEvent,
  set: StoredSet,
  families: ReadFamilies,
  channel: string | undefined,
): Promise<ExplainedSet> {
  const model = parseModel(await modelOfRun(tx, set.run_id))
  const stored = await storedTable(tx, revisionOf(set.model_version).version)
  const table = stored === undefined ? undefined : weightsOf(stored)
  const plan = [...planFamilies(families, () => undefined, model, table)]
  const place = plan.findIndex((one) => one.set.event_id === event.event_id)
  const isShown = (row: { readonly channel: string }): boolean =>
    channel === undefined || row.channel === channel
  const shown = {
    ...set,
    model: modelText(model),
    allocations: set.allocations.filter(isShown),
    split_by: event.type === 'purchase' || event.revenue_cents[0] !== '-' ? 'weights' : 'remaining',
  } as const
  if (plan[place]!.set.input_digest !== set.input_digest)
    return { ...shown, inputs_changed: true, touches: [], left_over_cents: null, steps: [] }
  const { remaining, split } = splitOf(families, plan, place, { model, table })
  return {
    ...shown,
    inputs_changed: false,
    touches: event.type === 'purchase' ? await touchesSeen(tx, event, families, model) : [],
    left_over_cents: String(split.left),
    steps: split.steps.filter(isShown).map(({ channel: code, share, exact, remainder, ...step }) => ({
      channel: code,
      remaining_cents: shown.split_by === 'weights' ? null : String(remaining.get(code)!),
      share: fractionText(share),
      exact_cents: fractionText(exact),
      whole_cents: String(step.whole),
      remainder: fractionText(remainder as Fraction),
      rank: step.rank,
      extra_cent: step.isExtra,
      allocated_revenue_cents: String(step.cents),
    })),
  }
}

function splitOf(
  families: ReadFamilies,
  plan: readonly Planned[],
  place: number,
  { model, table }: { readonly model: Model; readonly table: WeightTable | undefined },
): { readonly remaining: ReadonlyMap<string, bigint>; readonly split: ExplainedSplit } {
  const { revenue_cents: total } = plan[place]!.set
  const remaining = new Map<string, bigint>()
  for (const { set } of plan.slice(0, place))
    for (const { channel, allocated_revenue_cents } of set.allocations)
      remaining.set(channel, (remaining.get(channel) ?? 0n) + allocated_revenue_cents)
  const parts =
    total < 0n
      ? [...remaining].map(([channel, weight]) => ({ channel, weight }))
      : eventWeigher(families.paths, model, table)(0)
  return { remaining, split: explainSplit(total, parts) }
}

async function touchesSeen(
  tx: Tx,
  event: StoredEvent,
  { paths }: ReadFamilies,
  model: Model,
): Promise<ExplainedTouch[]> {
  const touches = Array.from(paths.channel, (channel, i) => ({
    channel: paths.channels[channel]!,
    at: paths.at[i]!,
  }))
  const fates = touchFates(touches, paths.convertedAt[0]!, model)
  return (await touchesOf(tx, event.event_id)).map(({ channel: code, ...touch }, i) => ({
    ...touch,
    code,
    channel: touches[i]!.channel,
    counts: fates[i] === null,
    why_not: fates[i]!,
  }))
}
