/** Results of a run in the books: written in bulk once, read in the order of the tree. Raises nothing of its own. */

import type { TenantId, Tx } from '../../books/books.js'
import { copyRows } from '../../books/copy-rows.js'
import type { RunId } from '../../books/runs.js'
import type { Figure } from '../figures.js'
import type { Tree } from '../hierarchy.js'

export interface ResultRow {
  readonly node_id: string
  readonly parent_node_id: string | null
  readonly node_name: string
  readonly depth: number
  readonly is_leaf: boolean
  readonly measure: string
  readonly scenario: string
  readonly natural: string
  readonly direct: string
  /** What fact adjustments change at the node and below; 0 where there are none. */
  readonly adjustment: string
  readonly adjusted: string | null
  readonly plug: string | null
  readonly fact_count: number
  readonly rule: string | null
}

/** Bulk COPY through a temporary table, since COPY is refused on a table with row security. */
export async function saveResults(
  tx: Tx,
  tenant: TenantId,
  run: RunId,
  figures: readonly Figure[],
): Promise<void> {
  await tx.execute(
    `CREATE TEMPORARY TABLE result_staging (ordinal integer, node_id text, measure text, scenario text, "natural" numeric,
       direct numeric, adjustment numeric, adjusted numeric, plug numeric, fact_count bigint, rule_no integer, rule text) ON COMMIT DROP`,
  )
  await tx.copyIn('pg_temp.result_staging', copyRows(resultRows(figures)))
  await tx.execute(
    `INSERT INTO fact_calculated_results (tenant_id, calculation_run_id, ordinal, node_id, measure, scenario, "natural",
       direct, adjustment, adjusted, plug, fact_count, rule_no, rule)
     SELECT $1::uuid, $2::uuid, s.* FROM pg_temp.result_staging AS s`,
    [tenant, run],
  )
}

function* resultRows(figures: readonly Figure[]) {
  for (const [ordinal, figure] of figures.entries()) {
    const { node_id, measure, scenario, natural, direct, adjustment, adjusted, plug } = figure
    const { fact_count, rule_no, rule } = figure
    const amounts = [natural, direct, adjustment, adjusted, plug]
    yield [ordinal, node_id, measure, scenario, ...amounts, fact_count, rule_no, rule]
  }
}

interface StoredRow
  extends Omit<ResultRow, 'fact_count' | 'depth' | 'is_leaf' | 'node_name' | 'parent_node_id'> {
  readonly ordinal: number
  readonly fact_count: bigint
}

const COLUMNS =
  'ordinal, node_id, measure, scenario, "natural", direct, adjustment, adjusted, plug, fact_count, rule'

/** Scenario by scenario, nodes in preorder, measures in the order of the mapping. */
export async function loadResults(tx: Tx, run: RunId, tree: Tree): Promise<ResultRow[]> {
  const rows = await tx.rows<StoredRow>(
    `SELECT ${COLUMNS} FROM fact_calculated_results WHERE calculation_run_id = $1 ORDER BY ordinal`,
    [run],
  )
  return rows.map((row) => resultRow(row, tree))
}

export interface ResultsPage {
  /** The place after which the page begins. */
  readonly after: number
  readonly limit: number
  readonly measure: string | undefined
  readonly scenario: string | undefined
}

/** As many of the results as a page holds, each with its place. */
export async function loadResultsPage(
  tx: Tx,
  run: RunId,
  tree: Tree,
  { after, limit, measure, scenario }: ResultsPage,
): Promise<{ readonly ordinal: number; readonly row: ResultRow }[]> {
  const rows = await tx.rows<StoredRow>(
    `SELECT ${COLUMNS} FROM fact_calculated_results
      WHERE calculation_run_id = $1 AND ordinal > $2
        AND ($3::text IS NULL OR measure = $3) AND ($4::text IS NULL OR scenario = $4)
      ORDER BY ordinal LIMIT $5`,
    [run, after, measure ?? null, scenario ?? null, limit],
  )
  return rows.map((row) => ({ ordinal: row.ordinal, row: resultRow(row, tree) }))
}

/** Every measure and scenario of a few nodes, in order. */
export async function loadResultsOfNodes(
  tx: Tx,
  run: RunId,
  tree: Tree,
  nodes: readonly string[],
): Promise<ResultRow[]> {
  const rows = await tx.rows<StoredRow>(
    `SELECT ${COLUMNS} FROM fact_calculated_results
      WHERE calculation_run_id = $1 AND node_id = ANY ($2::text[]) ORDER BY ordinal`,
    [run, nodes],
  )
  return rows.map((row) => resultRow(row, tree))
}

function resultRow(row: StoredRow, tree: Tree): ResultRow {
  const node = tree.nodes[tree.positions.get(row.node_id) ?? -1]
  return {
    node_id: row.node_id,
    parent_node_id: node?.parent_node_id ?? null,
    node_name: node?.node_name ?? row.node_id,
    depth: node?.depth ?? 0,
    is_leaf: node?.isLeaf ?? true,
    measure: row.measure,
    scenario: row.scenario,
    natural: row.natural,
    direct: row.direct,
    adjustment: row.adjustment,
    adjusted: row.adjusted,
    plug: row.plug,
    fact_count: Number(row.fact_count),
    rule: row.rule,
  }
}
