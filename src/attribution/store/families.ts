/**
 * Revenue events as columns: purchases with their touches, and what adjusts them. Three COPYs, all up to one number of
 * arrival: imports end in the order of their numbers, so no event below it can still come. Raises nothing.
 */

import type { NanoInstant } from '../../base/instant.js'
import { compareText } from '../../base/text.js'
import type { Tx } from '../../books/books.js'
import { copiedRows } from '../../engines/copied-rows.js'
import { type Channel, channelsOf, UNKNOWN } from '../channel-map.js'
import { type Adjustment, type Families, inOrderOfSettling } from '../families.js'
import { type Milestone, milestoneBits } from '../paths.js'

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

/** `taxonomy`: which channels the codes of touches mean. */
export async function readFamilies(
  tx: Tx,
  taxonomy: readonly Channel[],
  filter: FamilyFilter,
): Promise<ReadFamilies> {
  const through = await newestEvent(tx)
  return familiesOf(tx, taxonomy, through, filtered(filter, through))
}

/**
 * Purchases that arrived after a number, and those that something adjusts which did. They are found first and looked up by
 * their keys, so that this costs what they are, whatever the number of events before. Their numbers stand in
 * `pg_temp.changed_families` until the end of the transaction.
 */
export async function readChangedFamilies(
  tx: Tx,
  taxonomy: readonly Channel[],
  after: number,
): Promise<ReadFamilies> {
  const through = await newestEvent(tx)
  await tx.execute(
    `CREATE TEMPORARY TABLE changed_families ON COMMIT DROP AS
       SELECT DISTINCT coalesce(original_event_id, event_id) AS event_id FROM attribution_events
        WHERE tenant_id = tieout_current_tenant() AND event_id > ${after} AND event_id <= ${through}`,
  )
  await tx.execute('ANALYZE pg_temp.changed_families')
  return familiesOf(tx, taxonomy, through, changed(through))
}

async function newestEvent(tx: Tx): Promise<number> {
  const [row] = await tx.rows<{ newest: bigint }>(
    'SELECT coalesce(max(event_id), 0) AS newest FROM attribution_events WHERE tenant_id = tieout_current_tenant()',
  )
  return Number(row!.newest)
}

/** What follows FROM, of the purchases as `p`, of their touches as `t`, of what adjusts them as `e`. */
interface Sources {
  readonly purchases: string
  readonly touches: string
  readonly adjustments: string
}

const TENANT = 'tenant_id = tieout_current_tenant()'

/** COPY takes no parameters; what stands here are numbers and canonical instants. */
function filtered({ since, until, purchase }: FamilyFilter, through: number): Sources {
  const chosen = [
    ...(since === undefined ? [] : [`p.occurred_at >= '${since}'::timestamptz`]),
    ...(until === undefined ? [] : [`p.occurred_at < '${until}'::timestamptz`]),
    ...(purchase === undefined ? [] : [`p.event_id = ${purchase}`]),
  ]
  const all = [`p.${TENANT} AND p.event_type = 'purchase' AND p.event_id <= ${through}`, ...chosen]
  const purchases = `attribution_events p WHERE ${all.join(' AND ')}`
  if (chosen.length > 0)
    return { ...belongingTo(`(SELECT p.event_id FROM ${purchases})`, through), purchases }
  // Nothing is joined: of a tenant that the planner knows nothing of, it would go through all touches for each purchase.
  return {
    purchases,
    touches: `attribution_touchpoints t WHERE t.${TENANT} AND t.event_id <= ${through}`,
    adjustments: `attribution_events e
      WHERE e.${TENANT} AND e.original_event_id IS NOT NULL AND e.event_id <= ${through}`,
  }
}

const changed = (through: number): Sources => ({
  purchases: lookedUp('pg_temp.changed_families', 'attribution_events', 'p', 'x.event_id = f.event_id'),
  ...belongingTo('pg_temp.changed_families', through),
})

/** `families`: the numbers of purchases. */
const belongingTo = (families: string, through: number): Omit<Sources, 'purchases'> => ({
  touches: lookedUp(families, 'attribution_touchpoints', 't', 'x.event_id = f.event_id'),
  adjustments: lookedUp(
    families,
    'attribution_events',
    'e',
    `x.original_event_id = f.event_id AND x.event_id <= ${through}`,
  ),
})

/** Fenced, so that each is found by its key, whatever the planner thinks of the tables. */
const lookedUp = (families: string, table: string, as: string, where: string): string =>
  `${families} f CROSS JOIN LATERAL (SELECT * FROM ${table} x WHERE x.${TENANT} AND ${where} OFFSET 0) ${as}`

async function familiesOf(
  tx: Tx,
  taxonomy: readonly Channel[],
  through: number,
  sources: Sources,
): Promise<ReadFamilies> {
  const channelOf = channelsOf(taxonomy)
  const purchases = await readPurchases(tx, sources)
  const touches = await readTouches(tx, sources, purchases.eventId)
  const codes = [...touches.codes.keys()]
  const channels = [...new Set([UNKNOWN, ...codes.map(channelOf)])].sort(compareText)
  const indexOf = new Map(channels.map((code, index) => [code, index]))
  const channelOfCode = Int32Array.from(codes, (code) => indexOf.get(channelOf(code))!)
  return {
    ...purchases,
    adjustments: await readAdjustments(tx, sources, purchases.eventId),
    paths: {
      channels,
      events: purchases.eventId.length,
      starts: touches.starts,
      channel: Int32Array.from(touches.code, (code) => channelOfCode[code]!),
      at: Float64Array.from(touches.at),
      milestones: Uint8Array.from(touches.milestones),
      convertedAt: Float64Array.from(purchases.convertedAt),
    },
    through,
    unknownCodes: codes.filter((code) => code !== UNKNOWN && channelOf(code) === UNKNOWN).sort(compareText),
  }
}

const microseconds = (column: string): string => `(extract(epoch FROM ${column}) * 1000000)::bigint`

async function readPurchases(tx: Tx, { purchases }: Sources) {
  const eventId: number[] = []
  const revenue: bigint[] = []
  const currency: string[] = []
  const eventDigest: string[] = []
  const convertedAt: number[] = []
  const rows = tx.copyOut(
    `SELECT p.event_id, p.revenue_cents, p.currency, p.request_digest, ${microseconds('p.occurred_at')}
       FROM ${purchases} ORDER BY p.event_id`,
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
async function readTouches(tx: Tx, { touches }: Sources, eventId: readonly number[]) {
  const codes = new Map<string, number>()
  const starts = new Int32Array(eventId.length + 1)
  const code: number[] = []
  const at: number[] = []
  const milestones: number[] = []
  const rows = tx.copyOut(
    `SELECT t.event_id, t.channel, ${microseconds('t.touched_at')}, t.milestone
       FROM ${touches} ORDER BY t.event_id, t.position`,
  )
  let index = 0
  for await (const batch of copiedRows(rows))
    for (const [event, channel, instant, milestone] of batch) {
      const id = Number(event)
      while (eventId[index] !== id) starts[++index] = code.length
      if (!codes.has(channel!)) codes.set(channel!, codes.size)
      code.push(codes.get(channel!)!)
      at.push(Number(instant))
      milestones.push(milestoneBits(milestone as Milestone | null))
    }
  while (index < eventId.length) starts[++index] = code.length
  return { codes, starts, code, at, milestones }
}

async function readAdjustments(tx: Tx, { adjustments }: Sources, eventId: readonly number[]) {
  const byPurchase = new Map<number, Adjustment[]>()
  const rows = tx.copyOut(
    `SELECT e.original_event_id, e.event_id, e.import_id, e.revenue_cents, e.request_digest
       FROM ${adjustments} ORDER BY e.original_event_id, e.event_id`,
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
