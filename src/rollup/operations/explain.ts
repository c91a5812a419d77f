/** Operations that say why a figure is what it is: one cell explained, and the facts behind it page by page. */

import { z } from 'zod'
import { Refusal, refuse } from '../../base/errors.js'
import { didYouMean } from '../../base/text.js'
import type { Tx } from '../../books/books.js'
import { makeCursor, readCursor } from '../../books/cursor.js'
import { type Operation, operation } from '../../books/operation.js'
import type { FactRow } from '../../engines/fact-rows.js'
import { type Explanation, explanationSchema } from '../explanation/explanation.js'
import { type ExplainedFacts, explainedWithoutFacts, findCell, withExplainedFacts } from '../run-cell.js'
import { amount } from './schemas.js'

const cellInput = {
  run: z.string().describe('Id of the run, or an unambiguous beginning of it.'),
  node: z.string().describe('Id of the node.'),
  measure: z.string().describe('Measure of the use case.'),
  scenario: z.string().optional().describe("Scenario; by default the run's first."),
}

const explain = operation({
  name: 'runs explain',
  summary:
    'Why a figure is what it is: its parts, the rule that decided, those that lost, its operands and facts.',
  effect: 'read',
  input: z.object(cellInput),
  output: explanationSchema,
  errors: ['TIE-1103', 'TIE-1106', 'TIE-2303', 'TIE-2601', 'TIE-2603', 'TIE-2605'],
  positional: ['run', 'node', 'measure'],
  http: { method: 'GET', path: '/api/v1/runs/{run}/cells/{node}/{measure}' },
  run: ({ books, tenant }, input) =>
    books.transaction(tenant, async (tx) => {
      const cell = await findCell(tx, input)
      try {
        return await withExplainedFacts(tx, cell, async ({ explanation }) => explanation)
      } catch (error) {
        // The figures of a run stand also when the file they came from has gone or changed.
        if (!(error instanceof Refusal) || cell.useCase.source.engine === 'books') throw error
        return explainedWithoutFacts(cell, error.problems[0].message)
      }
    }),
})

const factRow = z.object({
  position: z.string(),
  import_id: z.string().nullable(),
  import_line: z.number().nullable(),
  amount: amount.describe('What the row counts for, decimal text.'),
  rule_amount: amount.nullable().describe('What the rule counts it for, in the part `both`.'),
  values: z.array(z.string().nullable()).describe('By column.'),
})

const facts = operation({
  name: 'runs facts',
  summary: 'The facts behind a figure, page by page, with their number and exact sum.',
  effect: 'read',
  input: z.object({
    ...cellInput,
    part: z
      .string()
      .default('natural')
      .describe(
        'Which facts: natural, direct, rule, tree_only, rule_only, both, or sum:1, sum:2, … of a formula.',
      ),
    limit: z.coerce.number().int().min(1).max(10_000).default(100).describe('At most so many on a page.'),
    cursor: z.string().optional().describe('Where the page begins: next_cursor of the page before.'),
  }),
  output: z.object({
    run_id: z.string(),
    node_id: z.string(),
    node_name: z.string(),
    measure: z.string(),
    scenario: z.string(),
    part: z.string(),
    total: z.object({ rows: z.number(), amount, rule_amount: amount.nullable() }),
    position: z
      .string()
      .describe('What the position of a row is: its number of arrival, or its place in a file.'),
    columns: z.array(z.string()),
    rows: z.array(factRow),
    imports: z.array(
      z.object({
        import_id: z.string(),
        file_name: z.string(),
        imported_at: z.string(),
        imported_by: z.string(),
      }),
    ),
    next_cursor: z.string().nullable(),
    note: z.string().nullable(),
  }),
  errors: [
    'TIE-1103',
    'TIE-1106',
    'TIE-1605',
    'TIE-2303',
    'TIE-2419',
    'TIE-2601',
    'TIE-2602',
    'TIE-2603',
    'TIE-2604',
    'TIE-2605',
  ],
  positional: ['run', 'node', 'measure'],
  http: { method: 'GET', path: '/api/v1/runs/{run}/cells/{node}/{measure}/facts' },
  run: ({ books, tenant }, { part, limit, cursor, ...name }) =>
    books.transaction(tenant, async (tx) => {
      const cell = await findCell(tx, name)
      return withExplainedFacts(tx, cell, async (found) => {
        const { run_id, cell: named } = found.explanation
        const { node_id, node_name, measure, scenario } = named
        const list = [tenant, 'runs facts', run_id, node_id, measure, scenario, part]
        const set = found.parts.get(part) ?? refusePart(found, part)
        const after = cursor === undefined ? null : positionOf(list, cursor)
        // One row more than asked for tells whether there is another page.
        const read = await found.rows.page(found.scope, set, { after, limit: limit + 1 })
        const rows = read.slice(0, limit)
        const {
          rows: count,
          amount: sum,
          rule_amount,
        } = found.explanation.facts.parts.find((one) => one.part === part)!
        return {
          run_id,
          node_id,
          node_name,
          measure,
          scenario,
          part,
          total: { rows: count, amount: sum, rule_amount },
          position: found.rows.position,
          columns: found.rows.columns.map((column) => column.name),
          rows: rows.map(shownRow),
          imports: await importsOf(tx, rows),
          next_cursor: read.length > limit ? makeCursor(list, rows.at(-1)!.position) : null,
          note: found.explanation.note,
        }
      })
    }),
})

function refusePart({ explanation, parts }: ExplainedFacts, part: string): never {
  const { cell } = explanation
  const known = [...parts.keys()]
  refuse('TIE-2604', {
    cell: `${cell.node_id} ${cell.measure} ${cell.scenario}`,
    part,
    known: known.join(', '),
    suggestion: `${didYouMean(part, known)} ${whyNoRule(explanation)}`.trim(),
  })
}

const whyNoRule = ({ decided_by }: Explanation): string =>
  decided_by.kind === 'rule' ? '' : 'No rule of its own decides this cell.'

/** A cursor is no secret, so what it holds is looked at like any other input. */
function positionOf(list: readonly string[], cursor: string): string {
  const position = readCursor(list, cursor)
  return /^\d{1,18}$/.test(position) ? position : refuse('TIE-1605', {})
}

const shownRow = ({ amounts, ...row }: FactRow): z.output<typeof factRow> => ({
  position: row.position,
  import_id: row.import_id,
  import_line: row.import_line,
  amount: amounts[0]!,
  rule_amount: amounts[1] ?? null,
  values: [...row.values],
})

/** The files that brought the rows of a page. */
function importsOf(tx: Tx, rows: readonly FactRow[]) {
  const ids = [...new Set(rows.flatMap(({ import_id }) => import_id ?? []))]
  if (ids.length === 0) return Promise.resolve([])
  return tx.rows<{ import_id: string; file_name: string; imported_at: string; imported_by: string }>(
    `SELECT import_id::text, file_name, imported_at, imported_by FROM fact_imports
      WHERE import_id = ANY ($1::uuid[]) ORDER BY imported_at, import_id`,
    [ids],
  )
}

export const explainOperations: readonly Operation[] = [explain, facts]
