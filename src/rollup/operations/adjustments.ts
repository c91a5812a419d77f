/** Operations on fact adjustments: add a file of them, list them, show what they did in a run. */

import { z } from 'zod'
import type { IsoDate } from '../../base/dates.js'
import {
  equalDecimals,
  formatDecimal,
  parseDecimal,
  add as plus,
  withScaleAtLeast,
  ZERO,
} from '../../base/decimal.js'
import { refuseAll } from '../../base/errors.js'
import type { Tx } from '../../books/books.js'
import { type Operation, operation } from '../../books/operation.js'
import type { RunId } from '../../books/runs.js'
import { textOfFile } from '../../books/text-file.js'
import { amountIndex } from '../../engines/frame.js'
import type { FactSource } from '../../engines/source.js'
import { type Adjustment, adjustmentsInForce, adjustmentText } from '../adjustments/adjustment.js'
import { adjustmentFindings } from '../adjustments/adjustment-findings.js'
import { applyAdjustments } from '../adjustments/apply-adjustments.js'
import { bindAdjustments } from '../adjustments/bind-adjustments.js'
import { checkAdjustments } from '../adjustments/check-adjustments.js'
import { adjustmentColumns } from '../adjustments/columns.js'
import { withSource } from '../sources.js'
import {
  loadAdjustments,
  loadSteps,
  lockAdjustments,
  type StepRow,
  type StoredAdjustment,
  saveAdjustments,
  stepRow,
} from '../store/adjustments.js'
import { completedHeader } from '../store/completed-run.js'
import { loadUseCase, loadUseCaseVersion } from '../store/use-cases.js'
import type { UseCase } from '../use-case.js'
import { amount, dateOf, findingSchema, YAML_UPLOAD } from './schemas.js'

const stepSchema = z.object({
  no: z.number().describe('Number of the adjustment.'),
  name: z.string(),
  adjustment: z.string().describe('What it says.'),
  column: z.string().describe('The amount column of the facts.'),
  measures: z.array(z.string()).describe('The measures that take their values from it.'),
  scenario: z.string(),
  hits: z.number().describe('Facts it touched.'),
  before: amount.describe('Total of the column over the facts of the scenario, as the step found it.'),
  effect: amount,
  after: amount,
})

const entered = z.object({
  no: z.number(),
  name: z.string(),
  adjustment: z.string(),
  reason: z.string(),
  owner: z.string(),
  valid_from: z.string().nullable(),
  valid_to: z.string().nullable(),
})

const told = ({ no, name, definition, reason, owner, valid_from, valid_to }: Adjustment) => ({
  no,
  name,
  adjustment: adjustmentText(definition),
  reason,
  owner,
  valid_from,
  valid_to,
})

/** A step with what its adjustment says and the measures it reaches. */
function toldStep(step: StepRow, adjustments: readonly Adjustment[], useCase: UseCase) {
  const { name, definition } = adjustments.find(({ no }) => no === step.adjustment_no)!
  return {
    no: step.adjustment_no,
    name,
    adjustment: adjustmentText(definition),
    column: step.column_name,
    measures: useCase.measures.filter(({ column }) => column === step.column_name).map((one) => one.name),
    scenario: step.scenario,
    hits: step.hits,
    before: step.amount_before,
    effect: step.effect,
    after: step.amount_after,
  }
}

const add = operation({
  name: 'adjustments add',
  summary: 'Enter fact adjustments from a YAML file, all or none; with a date, show what each does on it.',
  effect: 'append',
  input: z.object({
    use_case: z.string().describe('Name or id of the use case.'),
    file: z.string().describe('The YAML (or JSON) file.'),
    date: z.string().optional().describe('COB date whose facts show the hits and the effect of every step.'),
    dry_run: z.boolean().default(false).describe('Check and show, store nothing.'),
  }),
  output: z.object({
    use_case: z.string(),
    use_case_id: z.string(),
    new: z.number(),
    adjustments: z.array(entered),
    date: z.string().nullable(),
    steps: z.array(stepSchema).describe('Of all adjustments in force on the date, the new ones among them.'),
    dry_run: z.boolean(),
    findings: z.array(findingSchema),
  }),
  errors: [
    'TIE-1102',
    'TIE-2201',
    'TIE-2202',
    'TIE-2203',
    'TIE-2207',
    'TIE-2208',
    'TIE-2209',
    'TIE-2210',
    'TIE-2211',
    'TIE-2304',
    'TIE-2305',
    'TIE-2501',
    'TIE-2701',
    'TIE-2702',
    'TIE-2703',
    'TIE-2704',
    'TIE-2705',
    'TIE-2706',
    'TIE-2707',
    'TIE-2708',
    'TIE-2709',
    'TIE-2710',
    'TIE-2711',
    'TIE-2712',
    'TIE-2713',
    'TIE-2714',
    'TIE-2715',
    'TIE-2716',
  ],
  positional: ['file'],
  http: { method: 'POST', path: '/api/v1/use-cases/{use_case}/adjustments', ...YAML_UPLOAD },
  async run(context, { use_case, file, date, dry_run }) {
    const { books, tenant, who, progress, signal } = context
    // Loaded here, because the reader of YAML would slow the start of every other command.
    const { readAdjustmentsFile } = await import('../adjustments/adjustments-file.js')
    const drafts = readAdjustmentsFile(await textOfFile(file, 'TIE-2701'), file)
    const on = date === undefined ? null : dateOf(date)
    const onRows = (rows: number): void => {
      progress.report('reading facts', rows)
      signal.throwIfAborted()
    }
    return books.transaction(tenant, async (tx) => {
      const { id, useCase } = await loadUseCase(tx, use_case)
      await lockAdjustments(tx, id)
      const known = await loadAdjustments(tx, id)
      return withSource(context, tx, useCase.source, id, async (source) => {
        const fresh = bindAdjustments(drafts, { useCase, columns: source.columns, known })
        const all = [...known, ...fresh]
        const shown =
          on === null ? { steps: [], findings: [] } : await effectsOn(on, all, useCase, source, onRows)
        if (!dry_run) await saveAdjustments(tx, tenant, id, fresh, who)
        const numbers = new Set(fresh.map(({ no }) => String(no)))
        return {
          use_case: useCase.name,
          use_case_id: id,
          new: fresh.length,
          adjustments: fresh.map(told),
          date: on,
          steps: shown.steps,
          dry_run,
          findings: shown.findings.filter(({ detail }) => numbers.has(String(detail?.adjustment))),
        }
      })
    })
  },
})

/** The steps of the adjustments in force on the date, over the facts as they are now. */
async function effectsOn(
  date: IsoDate,
  all: readonly Adjustment[],
  useCase: UseCase,
  source: FactSource,
  onRows: (rows: number) => void,
) {
  const adjustments = adjustmentsInForce(all, date)
  refuseAll(checkAdjustments(adjustments, useCase, source.columns))
  const { date: dateColumn, scenario } = useCase.source
  const { coded, amounts } = adjustmentColumns(useCase, adjustments)
  const facts = await source.read({
    coded: [...new Set([...coded, ...(scenario === null ? [] : [scenario])])],
    amounts: [...new Set(amounts)],
    where: dateColumn === null ? [] : [{ column: dateColumn, equals: date }],
    through: null,
    onRows,
  })
  const { frame, steps } = applyAdjustments({ frame: facts, useCase, adjustments })
  return {
    steps: steps.map((step) => {
      const { scale } = frame.amounts[amountIndex(frame, step.column)]!
      return toldStep(stepRow(step, scale), adjustments, useCase)
    }),
    findings: adjustmentFindings({ frame, useCase, adjustments, steps }),
  }
}

const list = operation({
  name: 'adjustments list',
  summary: 'List the fact adjustments of a use case in the order in which they apply.',
  effect: 'read',
  input: z.object({
    use_case: z.string().describe('Name or id of the use case.'),
    date: z.string().optional().describe('Only those in force on this COB date.'),
  }),
  output: z.object({
    use_case: z.string(),
    use_case_id: z.string(),
    date: z.string().nullable(),
    adjustments: z.array(
      entered.extend({
        definition: z.record(z.string(), z.unknown()),
        reversed_by: z.array(z.string()),
        entered_by: z.string(),
        entered_at: z.string(),
      }),
    ),
  }),
  errors: ['TIE-1102', 'TIE-2501'],
  positional: [],
  http: { method: 'GET', path: '/api/v1/use-cases/{use_case}/adjustments' },
  run: ({ books, tenant }, { use_case, date }) =>
    books.transaction(tenant, async (tx) => {
      const { id, useCase } = await loadUseCase(tx, use_case)
      const all = await loadAdjustments(tx, id)
      const on = date === undefined ? null : dateOf(date)
      const inForce = new Set<Adjustment>(on === null ? all : adjustmentsInForce(all, on))
      return {
        use_case: useCase.name,
        use_case_id: id,
        date: on,
        adjustments: all.filter((one) => inForce.has(one)).map((one) => listed(one, all)),
      }
    }),
})

const listed = (one: StoredAdjustment, all: readonly StoredAdjustment[]) => ({
  ...told(one),
  definition: { ...one.definition } as Record<string, unknown>,
  reversed_by: all
    .filter(({ definition }) => definition.action === 'reverse' && definition.reverses === one.name)
    .map(({ name }) => name),
  entered_by: one.entered_by,
  entered_at: one.entered_at,
})

const total = z.object({
  scenario: z.string(),
  measure: z.string(),
  effect: amount.describe('Σ effects of the steps on the column of the measure.'),
  root_adjustment: amount.describe("The adjustment in the root's cell."),
  ties: z.boolean(),
})

const ofRun = operation({
  name: 'runs adjustments',
  summary: 'Show what every fact adjustment did in a run, step by step.',
  effect: 'read',
  input: z.object({ run: z.string().describe('Id of the run, or an unambiguous beginning of it.') }),
  output: z.object({ run_id: z.string(), steps: z.array(stepSchema), totals: z.array(total) }),
  errors: ['TIE-1103', 'TIE-1106'],
  positional: ['run'],
  http: { method: 'GET', path: '/api/v1/runs/{run}/adjustments' },
  violated: ({ totals }) => totals.some(({ ties }) => !ties),
  run: ({ books, tenant }, { run }) =>
    books.transaction(tenant, async (tx) => {
      const header = await completedHeader(tx, run)
      const { use_case_version, structure_version } = header.parameters as Record<string, number>
      const { id, useCase } = await loadUseCaseVersion(tx, header.use_case_id!, use_case_version!)
      const adjustments = await loadAdjustments(tx, id)
      const rows = await loadSteps(tx, header.id)
      const roots = await rootAdjustments(tx, header.id, useCase.structure, structure_version!)
      return {
        run_id: header.id,
        steps: rows.map((row) => toldStep(row, adjustments, useCase)),
        totals: rows.length === 0 ? [] : roots.map((root) => totalOf(root, rows, useCase)),
      }
    }),
})

interface RootAdjustment {
  readonly measure: string
  readonly scenario: string
  readonly adjustment: string
}

/** From the stored results, which know nothing of steps. */
const rootAdjustments = (tx: Tx, run: RunId, structure: string, version: number): Promise<RootAdjustment[]> =>
  tx.rows<RootAdjustment>(
    `SELECT r.measure, r.scenario, r.adjustment FROM fact_calculated_results AS r
       JOIN dim_hierarchy AS h ON h.atlas_source = $2 AND h.structure_version = $3 AND h.node_id = r.node_id
      WHERE r.calculation_run_id = $1 AND h.parent_node_id IS NULL ORDER BY r.ordinal`,
    [run, structure, version],
  )

function totalOf(
  { measure, scenario, adjustment }: RootAdjustment,
  rows: readonly StepRow[],
  useCase: UseCase,
) {
  const column = useCase.measures.find(({ name }) => name === measure)!.column
  const effect = rows
    .filter((row) => row.column_name === column && row.scenario === scenario)
    .reduce((sum, row) => plus(sum, parseDecimal(row.effect)!), ZERO)
  const root = parseDecimal(adjustment)!
  return {
    scenario,
    measure,
    effect: formatDecimal(withScaleAtLeast(effect, root.scale)),
    root_adjustment: adjustment,
    ties: equalDecimals(effect, root),
  }
}

export const adjustmentOperations: readonly Operation[] = [add, list, ofRun]
