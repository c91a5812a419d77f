/** The figures of a run, whole or in pages. */

import { z } from 'zod'
import { add, formatDecimal, negate, parseDecimal } from '../../base/decimal.js'
import type { Tx } from '../../books/books.js'
import { type Operation, operation } from '../../books/operation.js'
import { cursorInput, nextCursor, pageOf, positionOf } from '../../books/page.js'
import type { RunHeader } from '../../books/run-headers.js'
import type { Tree } from '../hierarchy.js'
import { completedHeader, treeOfRun } from '../store/completed-run.js'
import { loadResults, loadResultsOfNodes, loadResultsPage, type ResultRow } from '../store/results.js'
import { loadUseCaseVersion } from '../store/use-cases.js'
import { type Variance, varianceOf } from '../variance.js'
import { amount } from './schemas.js'

/** Rows of a page at most. */
const MAX_PAGE = 10_000

const resultRow = z
  .object({
    node_id: z.string(),
    parent_node_id: z.string().nullable(),
    node_name: z.string(),
    depth: z.number(),
    is_leaf: z.boolean(),
    measure: z.string(),
    scenario: z.string(),
    natural: amount,
    direct: amount,
    adjustment: amount.describe('What fact adjustments change.'),
    adjusted: amount.nullable(),
    plug: amount.nullable().describe('natural − adjusted = adjustment_plug + rule_plug.'),
    adjustment_plug: amount.describe('The part of the plug that fact adjustments make: −adjustment.'),
    rule_plug: amount.nullable().describe('The part that rules make: natural + adjustment − adjusted.'),
    fact_count: z.number(),
    rule: z.string().nullable(),
  })
  .meta({ id: 'ResultRow' })

const results = operation({
  name: 'runs results',
  summary: 'The figures of a run: a row per node, measure and scenario.',
  effect: 'read',
  input: z.object({
    run: z.string().describe('Id of the run, or an unambiguous beginning of it.'),
    measure: z.string().optional().describe('Only this measure.'),
    scenario: z.string().optional().describe('Only this scenario.'),
    limit: z.coerce
      .number()
      .int()
      .min(1)
      .max(MAX_PAGE)
      .optional()
      .describe('Rows of a page; by default all.'),
    cursor: cursorInput,
  }),
  output: z.object({
    run_id: z.string(),
    has_adjustments: z.boolean().describe('Whether fact adjustments were in force.'),
    rows: z.array(resultRow),
    variance: z
      .array(
        z.object({
          node_id: z.string(),
          measure: z.string(),
          natural: amount.nullable(),
          adjusted: amount.nullable(),
        }),
      )
      .describe('First less second scenario; on a page, of the nodes and measures on it.'),
    next_cursor: nextCursor,
  }),
  errors: ['TIE-1103', 'TIE-1106', 'TIE-1605'],
  positional: ['run'],
  http: { method: 'GET', path: '/api/v1/runs/{run}/results' },
  run: ({ books, tenant }, { run, measure, scenario, limit, cursor }) =>
    books.transaction(tenant, async (tx) => {
      const header = await completedHeader(tx, run)
      const filters = { run: header.id, measure: measure ?? null, scenario: scenario ?? null }
      const scope = [tenant, 'runs results', JSON.stringify(filters)]
      const after = positionOf(scope, cursor, z.int())
      const asked = { header, tree: await treeOfRun(tx, header), measure, scenario }
      const { rows, variance, next_cursor } =
        limit === undefined && after === undefined
          ? await wholeResults(tx, asked)
          : await resultsOnPage(tx, asked, { scope, after: after ?? -1, limit: limit ?? MAX_PAGE })
      return {
        run_id: header.id,
        has_adjustments: header.digests.adjustments !== undefined,
        rows: rows.map((row) => ({ ...row, ...plugsOf(row) })),
        variance,
        next_cursor,
      }
    }),
})

interface Asked {
  readonly header: RunHeader
  readonly tree: Tree
  readonly measure: string | undefined
  readonly scenario: string | undefined
}

interface Shown {
  readonly rows: readonly ResultRow[]
  readonly variance: Variance[]
  readonly next_cursor: string | null
}

async function wholeResults(tx: Tx, { header, tree, measure, scenario }: Asked): Promise<Shown> {
  const rows = await loadResults(tx, header.id, tree)
  return {
    rows: rows.filter(
      (row) =>
        (measure === undefined || row.measure === measure) &&
        (scenario === undefined || row.scenario === scenario),
    ),
    variance: varianceOf(rows, await scenariosOfRun(tx, header)),
    next_cursor: null,
  }
}

interface Place {
  readonly scope: readonly string[]
  readonly after: number
  readonly limit: number
}

/** Read by place, so that a page costs what a page holds. */
async function resultsOnPage(
  tx: Tx,
  { header, tree, measure, scenario }: Asked,
  { scope, after, limit }: Place,
): Promise<Shown> {
  const page = { after, limit: limit + 1, measure, scenario }
  const places = await loadResultsPage(tx, header.id, tree, page)
  const shown = pageOf(places, limit, scope, ({ ordinal }) => ordinal)
  const rows = shown.rows.map(({ row }) => row)
  const keyOf = (one: { node_id: string; measure: string }) => JSON.stringify([one.node_id, one.measure])
  const onPage = new Set(rows.map(keyOf))
  const nodes = [...new Set(rows.map(({ node_id }) => node_id))]
  const compared = await loadResultsOfNodes(tx, header.id, tree, nodes)
  const variance = varianceOf(compared, await scenariosOfRun(tx, header))
  return {
    rows,
    variance: variance.filter((one) => onPage.has(keyOf(one))),
    next_cursor: shown.next_cursor,
  }
}

/** What of the plug is due to adjustments, and what to rules; the latter is empty where the plug is. */
function plugsOf({ adjustment, plug }: ResultRow) {
  const changed = parseDecimal(adjustment)!
  return {
    adjustment_plug: formatDecimal(negate(changed)),
    rule_plug: plug === null ? null : formatDecimal(add(parseDecimal(plug)!, changed)),
  }
}

async function scenariosOfRun(tx: Tx, header: RunHeader): Promise<readonly string[]> {
  const { useCase } = await loadUseCaseVersion(
    tx,
    header.use_case_id!,
    header.parameters.use_case_version as number,
  )
  return useCase.source.scenario === null ? [] : useCase.scenarios
}

export const runResultOperations: readonly Operation[] = [results]
