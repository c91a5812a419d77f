/**
 * Purchases with what adjusts them, allocated together: the purchase by its path, each refund, chargeback and correction
 * by what remains of its channels. Beside the sets that hold already this says which are new, which replace one, and
 * which stay.
 *
 * A family has one model version. While its sets come out as they are, what is new joins them; when an input of one of
 * them changed, all of the family is allocated anew as the next revision.
 *
 * Raises TIE-4402 when a set comes out otherwise though nothing changed, and what settle.ts raises.
 */

import { apportion } from '../base/apportion.js'
import { refuse } from '../base/errors.js'
import { type Allocations, allocate, eventWeigher, RATIO_UNITS, ratioText } from './allocate.js'
import type { AllocationSet } from './allocation-set.js'
import { type Model, modelVersion, revisedVersion, revisionOf, type WeightTable } from './model.js'
import type { Paths } from './paths.js'
import { type AllocatedChannel, adjustmentDigest, contentDigest, purchaseDigest } from './set-digest.js'
import { type Remaining, settle } from './settle.js'

/** Purchases in the order of their arrival, and all that adjusts them. */
export interface Families {
  readonly paths: Paths
  readonly eventId: readonly number[]
  readonly revenue: BigInt64Array
  readonly currency: readonly string[]
  /** Of what each event says. */
  readonly eventDigest: readonly string[]
  /** By index of the purchase, in the order in which they are settled. */
  readonly adjustments: ReadonlyMap<number, readonly Adjustment[]>
}

export interface Adjustment {
  readonly event_id: number
  /** What came in one import came at once. */
  readonly import_id: string
  readonly revenue: bigint
  readonly eventDigest: string
}

/** Of an event under one model: the set that holds, and how often each version was revised. */
export interface HeldSets {
  readonly current: HeldSet | undefined
  readonly revisions: ReadonlyMap<string, number>
}

export interface HeldSet {
  readonly model_version: string
  readonly input_digest: string
  readonly content_digest: string
}

export interface Planned {
  readonly is: 'new' | 'same'
  readonly eventDigest: string
  readonly set: AllocationSet & { readonly content_digest: string }
}

/**
 * Adjustments in the order in which they are settled: import by import as they arrived, and within one what adds first,
 * because only all of an import together is known to leave something.
 */
export function inOrderOfSettling(adjustments: readonly Adjustment[]): Adjustment[] {
  const arrived = adjustments.toSorted((a, b) => a.event_id - b.event_id)
  const imports = new Map(arrived.map(({ import_id }) => [import_id, 0]))
  let next = 0
  for (const id of imports.keys()) imports.set(id, next++)
  return arrived.sort(
    (a, b) =>
      imports.get(a.import_id)! - imports.get(b.import_id)! ||
      Number(b.revenue > 0n) - Number(a.revenue > 0n),
  )
}

export function* planFamilies(
  families: Families,
  held: (event: number) => HeldSets | undefined,
  model: Model,
  table?: WeightTable,
): Generator<Planned> {
  const version = modelVersion(model, table)
  const allocations = allocate(families.paths, families.revenue, model, table)
  const weightsOf = eventWeigher(families.paths, model, table)
  let row = 0
  for (let i = 0; i < families.eventId.length; i++) {
    const rows: AllocatedChannel[] = []
    for (; row < allocations.rows && allocations.event[row] === i; row++)
      rows.push(rowOf(families.paths, allocations, row))
    const drafts = draftFamily(families, i, rows, version, weightsOf)
    yield* placed(drafts, version, held)
  }
}

const rowOf = (paths: Paths, { channel, cents, ratio }: Allocations, row: number): AllocatedChannel => ({
  channel: paths.channels[channel[row]!]!,
  allocated_revenue_cents: cents[row]!,
  allocation_ratio: ratioText(ratio[row]!),
})

/** A set without its version. */
type Draft = Omit<Planned['set'], 'model_version' | 'supersedes'> & { readonly eventDigest: string }

function draftFamily(
  families: Families,
  index: number,
  rows: readonly AllocatedChannel[],
  version: string,
  weightsOf: (event: number) => readonly { readonly channel: string; readonly weight: bigint }[],
): Draft[] {
  const { paths, currency: currencies, eventId, eventDigest, revenue } = families
  const currency = currencies[index]!
  const channels = Array.from(
    paths.channel.subarray(paths.starts[index]!, paths.starts[index + 1]!),
    (channel) => paths.channels[channel]!,
  )
  const purchase: Draft = {
    event_id: eventId[index]!,
    revenue_cents: revenue[index]!,
    currency,
    input_digest: purchaseDigest({ modelVersion: version, eventDigest: eventDigest[index]!, channels }),
    content_digest: contentDigest(revenue[index]!, currency, rows),
    allocations: rows,
    eventDigest: eventDigest[index]!,
  }
  const adjustments = families.adjustments.get(index)
  if (adjustments === undefined) return [purchase]
  const drafts = [purchase]
  // What adds is split by exact weights; they are found only where something does.
  const weights = adjustments.some((one) => one.revenue > 0n)
    ? new Map(weightsOf(index).map(({ channel, weight }) => [channel, weight]))
    : undefined
  let remaining = rows.map(({ channel, allocated_revenue_cents: cents }) => ({
    channel,
    cents,
    weight: weights?.get(channel) ?? 0n,
  }))
  for (const one of adjustments) {
    const settled = settledRows(one.revenue, remaining)
    drafts.push({
      event_id: one.event_id,
      revenue_cents: one.revenue,
      currency,
      input_digest: adjustmentDigest(
        one.eventDigest,
        purchase.input_digest,
        drafts.map((draft) => draft.content_digest),
      ),
      content_digest: contentDigest(one.revenue, currency, settled),
      allocations: settled,
      eventDigest: one.eventDigest,
    })
    remaining = remaining.map((channel, i) => ({
      ...channel,
      cents: channel.cents + settled[i]!.allocated_revenue_cents,
    }))
  }
  return drafts
}

/** Rows of an adjustment, of every channel of its purchase; the ratios are of what it was split by. */
export function settledRows(change: bigint, remaining: readonly Remaining[]): AllocatedChannel[] {
  const cents = settle(change, remaining)
  const ratios = apportion(
    BigInt(RATIO_UNITS),
    remaining.map(({ channel, cents: left, weight }) => ({
      key: channel,
      weight: change > 0n ? weight : left,
    })),
  )
  return remaining.map(({ channel }, i) => ({
    channel,
    allocated_revenue_cents: cents[i]!,
    allocation_ratio: ratioText(Number(ratios[i]!)),
  }))
}

function* placed(
  drafts: readonly Draft[],
  version: string,
  held: (event: number) => HeldSets | undefined,
): Generator<Planned> {
  const sets = drafts.map(({ event_id }) => held(event_id))
  const first = sets[0]?.current
  const holds = sets.every((set, i) => {
    if (set?.current === undefined) return true
    const { model_version, input_digest } = set.current
    return (
      model_version === first?.model_version &&
      revisionOf(model_version).version === version &&
      input_digest === drafts[i]!.input_digest
    )
  })
  const made = Math.max(0, ...sets.map((set) => set?.revisions.get(version) ?? 0))
  const model_version = holds && first !== undefined ? first.model_version : revisedVersion(version, made + 1)
  for (const [i, { eventDigest, ...draft }] of drafts.entries()) {
    const current = sets[i]?.current
    const set = { ...draft, model_version }
    if (!holds || current === undefined) {
      const supersedes = current === undefined ? {} : { supersedes: current.model_version }
      yield { is: 'new', eventDigest, set: { ...set, ...supersedes } }
      continue
    }
    if (current.content_digest !== draft.content_digest)
      refuse('TIE-4402', { event: draft.event_id, version })
    yield { is: 'same', eventDigest, set }
  }
}
