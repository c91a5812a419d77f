/** Single cells of a run, where a whole run's results would be too much. Raises nothing of its own. */

import type { Tx } from '../../books/books.js'
import type { RunId } from '../../books/runs.js'

export interface StoredCell {
  readonly node_id: string
  readonly natural: string
  readonly direct: string
  /** What fact adjustments change at the node and below. */
  readonly adjustment: string
  readonly adjusted: string | null
  readonly plug: string | null
  readonly fact_count: number
  readonly rule: string | null
}

export interface CellsRequest {
  readonly run: RunId
  readonly measure: string
  readonly scenario: string
  readonly nodes: readonly string[]
}

/** The cells of the nodes, for one measure and scenario, by node id. */
export async function loadCells(
  tx: Tx,
  { run, measure, scenario, nodes }: CellsRequest,
): Promise<ReadonlyMap<string, StoredCell>> {
  const rows = await tx.rows<Omit<StoredCell, 'fact_count'> & { fact_count: bigint }>(
    `SELECT node_id, "natural", direct, adjustment, adjusted, plug, fact_count, rule
       FROM fact_calculated_results
      WHERE calculation_run_id = $1 AND measure = $2 AND scenario = $3 AND node_id = ANY ($4::text[])`,
    [run, measure, scenario, nodes],
  )
  return new Map(rows.map((row) => [row.node_id, { ...row, fact_count: Number(row.fact_count) }]))
}
