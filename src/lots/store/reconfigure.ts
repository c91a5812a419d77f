/**
 * Another configuration for a version, by force: what it was computed with before stays in the log and in the
 * headers of its runs. Raises TIE-1305 when the login may not take the role that supersedes.
 */

import type { Tx } from '../../books/books.js'
import { configDigest, type LotConfig } from '../config.js'
import { configText } from '../config-text.js'
import { asSuperseder } from './allocations.js'

export async function reconfigure(tx: Tx, version: number, config: LotConfig): Promise<void> {
  await asSuperseder(tx, () =>
    tx.execute(
      `UPDATE lot_versions SET config = $2::jsonb, config_digest = $3
        WHERE allocation_version = $1 AND config_digest <> $3`,
      [version, JSON.stringify(configText(config)), configDigest(config)],
    ),
  )
}
