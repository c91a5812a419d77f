/** The taxonomy of channels. Raises TIE-4218, TIE-4219. */

import { refuse } from '../../base/errors.js'
import { didYouMean } from '../../base/text.js'
import type { Tx } from '../../books/books.js'
import { UNKNOWN } from '../channel-map.js'

export interface StoredChannel {
  readonly code: string
  readonly family: string
  readonly is_paid: boolean | null
  readonly state: 'discovered' | 'active' | 'deprecated' | 'mapped'
  readonly maps_to: string | null
}

export const listChannels = (tx: Tx): Promise<StoredChannel[]> =>
  tx.rows(
    `SELECT code, family, is_paid, state, maps_to FROM channel_taxonomy
      WHERE tenant_id = tieout_current_tenant() ORDER BY code`,
  )

export interface ChannelChange {
  readonly code: string
  readonly family: string
  readonly is_paid: boolean | null
  readonly state: 'active' | 'deprecated'
  readonly at: string
  readonly who: string
}

/** Declares a channel, or says anew what it is. */
export async function addChannel(tx: Tx, change: ChannelChange): Promise<void> {
  if (change.code === UNKNOWN) {
    refuse('TIE-4219', {
      channel: UNKNOWN,
      what: 'declared',
      why: 'it is the bucket for codes that nobody knows',
    })
  }
  await tx.execute(
    `INSERT INTO channel_taxonomy (tenant_id, code, family, is_paid, state, changed_at, changed_by)
     VALUES (tieout_current_tenant(), $1, $2, $3, $4, $5, $6)
     ON CONFLICT (tenant_id, code) DO UPDATE SET family = EXCLUDED.family, is_paid = EXCLUDED.is_paid,
       state = EXCLUDED.state, maps_to = NULL, changed_at = EXCLUDED.changed_at, changed_by = EXCLUDED.changed_by`,
    [change.code, change.family, change.is_paid, change.state, change.at, change.who],
  )
}

/** From now on a code means another channel. The code need not have been seen. */
export async function mapChannel(tx: Tx, code: string, to: string, at: string, who: string): Promise<void> {
  const channels = await listChannels(tx)
  const target = channels.find((one) => one.code === to)
  if (target === undefined) {
    const suggestion = didYouMean(
      to,
      channels.map((one) => one.code),
    )
    refuse('TIE-4218', { channel: to, suggestion })
  }
  const why =
    code === UNKNOWN
      ? 'it is the bucket for codes that nobody knows'
      : code === to
        ? 'it would map to itself'
        : target.state === 'mapped'
          ? `${to} maps to ${target.maps_to} itself`
          : channels.some(({ maps_to }) => maps_to === code)
            ? 'other codes map to it'
            : undefined
  if (why !== undefined) refuse('TIE-4219', { channel: code, what: 'mapped', why })
  await tx.execute(
    `INSERT INTO channel_taxonomy (tenant_id, code, family, is_paid, state, maps_to, changed_at, changed_by)
     VALUES (tieout_current_tenant(), $1, $2, $3, 'mapped', $4, $5, $6)
     ON CONFLICT (tenant_id, code) DO UPDATE SET state = 'mapped', maps_to = EXCLUDED.maps_to,
       changed_at = EXCLUDED.changed_at, changed_by = EXCLUDED.changed_by`,
    [code, target.family, target.is_paid, to, at, who],
  )
}
