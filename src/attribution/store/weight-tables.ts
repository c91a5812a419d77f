/** Weights as they were learned, by the model version that goes by them. Raises nothing. */

import type { Tx } from '../../books/books.js'
import type { RunId } from '../../books/runs.js'
import { tableOf } from '../learn.js'
import type { WeightTable } from '../model.js'

export interface StoredTable {
  readonly model_version: string
  readonly table_digest: string
  readonly run_id: string
  readonly learned_at: string
  readonly weights: readonly { readonly channel: string; readonly weight: string }[]
}

/** Weights learned again that come out the same are the same version. */
export async function saveTable(
  tx: Tx,
  version: string,
  table: WeightTable,
  by: { readonly run: RunId; readonly at: string },
): Promise<void> {
  const weights = [...table.weights].map(([channel, weight]) => ({ channel, weight: String(weight) }))
  await tx.execute(
    `INSERT INTO attribution_weight_tables (tenant_id, model_version, table_digest, run_id, learned_at, weights)
     VALUES (tieout_current_tenant(), $1, $2, $3::uuid, $4::timestamptz, $5::jsonb) ON CONFLICT DO NOTHING`,
    [version, table.digest, by.run, by.at, JSON.stringify(weights)],
  )
}

/** `version` without a revision. */
export async function storedTable(tx: Tx, version: string): Promise<StoredTable | undefined> {
  const [row] = await tx.rows<StoredTable>(
    `SELECT model_version, table_digest, run_id, learned_at, weights FROM attribution_weight_tables
      WHERE tenant_id = tieout_current_tenant() AND model_version = $1`,
    [version],
  )
  return row
}

export const weightsOf = ({ weights }: StoredTable): WeightTable =>
  tableOf(
    weights.map(({ channel }) => channel),
    weights.map(({ weight }) => BigInt(weight)),
  )

/** Versions of a model that were learned, the newest first. */
export const tableVersions = async (tx: Tx, key: string): Promise<string[]> =>
  (
    await tx.rows<{ model_version: string }>(
      `SELECT model_version FROM attribution_weight_tables
        WHERE tenant_id = tieout_current_tenant() AND starts_with(model_version, $1 || '.')
        ORDER BY learned_at DESC, model_version LIMIT 100`,
      [key],
    )
  ).map(({ model_version }) => model_version)
