/**
 * Revenue events as columns: purchases with their touches, and what adjusts them. Three COPYs, all up to one number of
 * arrival: imports end in the order of their numbers, so no event below it can still come. Raises nothing.
 */

import type { NanoInstant } from '../../base/instant.js'
import { compareText } from '../../base/text.js'
import type { Tx } from '../../books/books.js'
import { copiedRows } from '../../engines/copied-rows.js'
import { channelsOf, UNKNOWN } from '../channel-map.js'
import { type Adjustment, type Families, inOrderOfSettling } from '../families.js'
import { listChannels } from './channels.js'

/** Which purchases; each comes with all that adjusts it. */
export interface FamilyFilter {
  /** From this instant on. */
  readonly since?: NanoInstant | undefined
  /** Before this instant. */
  readonly until?: NanoInstant | undefined
  /** This one alone. */
  readonly purchase?: number | undefined
}

export interface ReadFamilies extends Families {
  /** The number of arrival up to which events were read. */
  readonly through: number
  /** Codes of touches that the taxonomy takes for the bucket, in code point order. */
  readonly unknownCodes: readonly string[]
}

export async function readFamilies(tx: Tx, filter: FamilyFilter): Promise<ReadFamilies> {
  const channelOf = channelsOf(await listChannels(tx))
  const [newest] = await tx.rows<{ newest: bigint }>(
    'SELECT coalesce(max(event_id), 0) AS newest FROM attribution_events WHERE tenant_id = tieout_current_tenant()',
  )
  const through = Number(newest!.newest)
  const where = wanted(filter, through)
  const purchases = await readPurchases(tx, where)
  const touches = await readTouches(tx, where, purchases.eventId)
  const codes = [...touches.codes.keys()]
  const channels = [...new Set([UNKNOWN, ...codes.map(channelOf)])].sort(compareText)
  const indexOf = new Map(channels.map((code, index) => [code, index]))
  const channelOfCode = Int32Array.from(codes, (code) => indexOf.get(channelOf(code))!)
  return {
    ...purchases,
    adjustments: await readAdjustments(tx, where, through, purchases.eventId),
    paths: {
      channels,
      events: purchases.eventId.length,
      starts: touches.starts,
      channel: Int32Array.from(touches.code, (code) => channelOfCode[code]!),
      at: Float64Array.from(touches.at),
      milestones: new Uint8Array(touches.at.length),
      convertedAt: Float64Array.from(purchases.convertedAt),
    },
    through,
    unknownCodes: codes.filter((code) => code !== UNKNOWN && channelOf(code) === UNKNOWN).sort(compareText),
  }
}

/** COPY takes no parameters; what stands here are numbers and canonical instants. */
function wanted({ since, until, purchase }: FamilyFilter, through: number): string {
  return [
    `p.tenant_id = tieout_current_tenant() AND p.event_type = 'purchase' AND p.event_id <= ${through}`,
    ...(since === undefined ? [] : [`p.occurred_at >= '${since}'::timestamptz`]),
    ...(until === undefined ? [] : [`p.occurred_at < '${until}'::timestamptz`]),
    ...(purchase === undefined ? [] : [`p.event_id = ${purchase}`]),
  ].join(' AND ')
}

const microseconds = (column: string): string => `(extract(epoch FROM ${column}) * 1000000)::bigint`

async function readPurchases(tx: Tx, where: string) {
  const eventId: number[] = []
  const revenue: bigint[] = []
  const currency: string[] = []
  const eventDigest: string[] = []
  const convertedAt: number[] = []
  const rows = tx.copyOut(
    `SELECT p.event_id, p.revenue_cents, p.currency, p.request_digest, ${microseconds('p.occurred_at')}
       FROM attribution_events p WHERE ${where} ORDER BY p.event_id`,
  )
  for await (const batch of copiedRows(rows))
    for (const [event, cents, code, digest, at] of batch) {
      eventId.push(Number(event))
      revenue.push(BigInt(cents!))
      currency.push(code!)
      eventDigest.push(digest!)
      convertedAt.push(Number(at))
    }
  return { eventId, revenue: BigInt64Array.from(revenue), currency, eventDigest, convertedAt }
}

/** In the order of the purchases; codes are numbered as they are met. */
async function readTouches(tx: Tx, where: string, eventId: readonly number[]) {
  const codes = new Map<string, number>()
  const starts = new Int32Array(eventId.length + 1)
  const code: number[] = []
  const at: number[] = []
  const rows = tx.copyOut(
    `SELECT t.event_id, t.channel, ${microseconds('t.touched_at')}
       FROM attribution_touchpoints t JOIN attribution_events p USING (tenant_id, event_id)
      WHERE ${where} ORDER BY t.event_id, t.position`,
  )
  let index = 0
  for await (const batch of copiedRows(rows))
    for (const [event, channel, instant] of batch) {
      const id = Number(event)
      while (eventId[index] !== id) starts[++index] = code.length
      if (!codes.has(channel!)) codes.set(channel!, codes.size)
      code.push(codes.get(channel!)!)
      at.push(Number(instant))
    }
  while (index < eventId.length) starts[++index] = code.length
  return { codes, starts, code, at }
}

async function readAdjustments(tx: Tx, where: string, through: number, eventId: readonly number[]) {
  const byPurchase = new Map<number, Adjustment[]>()
  const rows = tx.copyOut(
    `SELECT p.event_id, e.event_id, e.import_id, e.revenue_cents, e.request_digest
       FROM attribution_events e
       JOIN attribution_events p ON p.tenant_id = e.tenant_id AND p.event_id = e.original_event_id
      WHERE e.event_id <= ${through} AND ${where} ORDER BY p.event_id, e.event_id`,
  )
  let index = 0
  for await (const batch of copiedRows(rows))
    for (const [purchase, event, import_id, cents, digest] of batch) {
      const id = Number(purchase)
      while (eventId[index] !== id) index++
      const one = {
        event_id: Number(event),
        import_id: import_id!,
        revenue: BigInt(cents!),
        eventDigest: digest!,
      }
      const of = byPurchase.get(index)
      if (of === undefined) byPurchase.set(index, [one])
      else of.push(one)
    }
  return new Map([...byPurchase].map(([i, all]) => [i, inOrderOfSettling(all)]))
}
