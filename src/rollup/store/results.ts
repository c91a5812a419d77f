/** Results of a run in the books: written in bulk once, read in the order of the tree. Raises nothing of its own. */

import { type Decimal, formatDecimal, withScaleAtLeast } from '../../base/decimal.js'
import type { TenantId, Tx } from '../../books/books.js'
import { copyRows } from '../../books/copy-rows.js'
import type { RunId } from '../../books/runs.js'
import type { Cell } from '../calculate.js'
import { type Tree, UNASSIGNED } from '../hierarchy.js'
import { ruleText } from '../rule-text.js'
import type { UseCase } from '../use-case.js'

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
  tree: Tree,
  useCase: UseCase,
  scales: readonly number[],
  cells: readonly Cell[],
): Promise<void> {
  await tx.execute(
    `CREATE TEMPORARY TABLE result_staging (ordinal integer, node_id text, measure text, scenario text, "natural" numeric,
       direct numeric, adjusted numeric, plug numeric, fact_count bigint, rule_no integer, rule text) ON COMMIT DROP`,
  )
  await tx.copyIn('pg_temp.result_staging', copyRows(resultRows(tree, useCase, scales, cells)))
  await tx.execute(
    `INSERT INTO fact_calculated_results (tenant_id, calculation_run_id, ordinal, node_id, measure, scenario, "natural",
       direct, adjusted, plug, fact_count, rule_no, rule)
     SELECT $1::uuid, $2::uuid, s.* FROM pg_temp.result_staging AS s`,
    [tenant, run],
  )
}

function* resultRows(tree: Tree, useCase: UseCase, scales: readonly number[], cells: readonly Cell[]) {
  const texts = new Map(useCase.rules.map((rule) => [rule, ruleText(rule)]))
  let ordinal = 0
  for (const cell of cells) {
    const shown = (value: Decimal | undefined): string | null =>
      value === undefined ? null : formatDecimal(withScaleAtLeast(value, scales[cell.measure]!))
    yield [
      ordinal,
      tree.nodes[cell.node]!.node_id,
      useCase.measures[cell.measure]!.name,
      cell.scenario,
      shown(cell.natural),
      shown(cell.direct),
      shown(cell.adjusted),
      shown(cell.plug),
      cell.factCount,
      cell.rule?.no ?? null,
      cell.rule === undefined ? autoRule(tree, useCase, cell.node) : texts.get(cell.rule)!,
    ]
    ordinal += 1
  }
}

/** The virtual rule of a node that has a driver and no explicit rule. */
function autoRule(tree: Tree, { drivers }: UseCase, node: number): string | null {
  const { rollup_driver, rollup_value_source, isLeaf, node_id } = tree.nodes[node]!
  const driver = drivers?.find(
    ({ nodes }) => nodes === 'all' || (nodes === 'leaves' ? isLeaf : nodes.includes(node_id)),
  )
  const column = drivers === null ? rollup_driver : driver?.column
  const value = drivers === null ? rollup_value_source : driver?.value
  if (column === null || column === undefined || node_id === UNASSIGNED) return null
  return `auto ${column} = ${value}`
}

/** Scenario by scenario, nodes in preorder, measures in the order of the mapping. */
export async function loadResults(tx: Tx, run: RunId, tree: Tree): Promise<ResultRow[]> {
  const rows = await tx.rows<Omit<ResultRow, 'fact_count' | 'depth'> & { fact_count: bigint }>(
    `SELECT node_id, measure, scenario, "natural", direct, adjusted, plug, fact_count, rule
       FROM fact_calculated_results WHERE calculation_run_id = $1 ORDER BY ordinal`,
    [run],
  )
  return rows.map((row) => {
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
      adjusted: row.adjusted,
      plug: row.plug,
      fact_count: Number(row.fact_count),
      rule: row.rule,
    }
  })
}
