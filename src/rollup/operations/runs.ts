/** Operations on roll-up runs: create, list, show, and what a screen begins with. */

import { z } from 'zod'
import type { Tx } from '../../books/books.js'
import { type Operation, operation } from '../../books/operation.js'
import { cursorInput, nextCursor, pageOf, positionOf } from '../../books/page.js'
import {
  countRuns,
  findRunHeader,
  latestCompletedRun,
  listRunHeaders,
  type RunHeader,
  runHeader,
} from '../../books/run-headers.js'
import { findingsOf } from '../../books/runs.js'
import { signOffsOf } from '../../books/sign-offs.js'
import { editsSchema } from '../edit-use-case.js'
import { createSnapshot } from '../snapshot.js'
import { staleReasons } from '../stale.js'
import { loadUseCase } from '../store/use-cases.js'
import { POLICIES } from '../use-case.js'
import { amount, cobDate, dateOf, findingSchema, hasErrorFindings } from './schemas.js'
import { signOffSchema } from './sign-off.js'

const tieOutRow = z
  .object({
    scenario: z.string(),
    measure: z.string(),
    facts: amount,
    root_natural: amount,
    unassigned: amount,
    adjustment: amount,
    root_plug: amount.nullable(),
    overrides: amount.nullable(),
  })
  .meta({ id: 'TieOutRow' })

const create = operation({
  name: 'runs create',
  summary: 'Calculate a use case for a date and keep the result as an immutable run.',
  effect: 'append',
  input: z.object({
    use_case: z.string().describe('Name or id of the use case.'),
    date: cobDate,
    name: z
      .string()
      .min(1)
      .max(200)
      .default('Run')
      .describe('What this run is called, such as "Adjusted v2".'),
    policy: z
      .enum(POLICIES as ['most_specific', 'top_down'])
      .optional()
      .describe("Precedence of rules; by default the use case's."),
    edits: editsSchema
      .optional()
      .describe('Makes a trial: the use case with these edits, as use-cases update takes them, unsaved.'),
  }),
  output: z.object({
    run_id: z.string(),
    status: z.string(),
    trial: z.boolean(),
    use_case: z.string(),
    pnl_date: z.string(),
    policy: z.string(),
    result_digest: z.string(),
    input_digest: z.string(),
    duration_ms: z.number(),
    facts: z.number(),
    cells: z.number(),
    tie_out: z.array(tieOutRow),
    stages: z.record(z.string(), z.union([z.number(), z.string()])),
    findings: z.array(findingSchema),
  }),
  errors: [
    'TIE-1102',
    'TIE-2304',
    'TIE-2305',
    'TIE-2306',
    'TIE-2307',
    'TIE-2309',
    'TIE-2402',
    'TIE-2417',
    'TIE-2418',
    'TIE-2501',
    'TIE-2502',
    'TIE-2503',
    'TIE-2704',
    'TIE-2705',
    'TIE-2706',
    'TIE-2709',
    'TIE-2715',
    'TIE-5064',
  ],
  positional: [],
  http: { method: 'POST', path: '/api/v1/use-cases/{use_case}/runs', location: '/api/v1/runs/{run_id}' },
  violated: hasErrorFindings,
  async run(context, { use_case, date, name, policy, edits }) {
    const pnl_date = dateOf(date)
    const made = await createSnapshot(context, {
      use_case,
      pnl_date,
      run_name: name,
      triggered_by: context.who,
      policy,
      edits,
    })
    const header = await context.books.transaction(context.tenant, (tx) => runHeader(tx, made.run_id))
    const { frame, read_ms, calculate_ms, store_ms, facts, cells, frame_bytes, groups } = made.measures
    return {
      run_id: made.run_id,
      status: header.status,
      trial: header.trial,
      use_case,
      pnl_date,
      policy: header.policy!,
      result_digest: made.result_digest,
      input_digest: header.input_digest!,
      duration_ms: Math.round(made.duration_ms),
      facts,
      cells,
      tie_out: header.parameters.tie_out as unknown as z.output<typeof tieOutRow>[],
      stages: {
        frame,
        read_ms: Math.round(read_ms),
        calculate_ms: Math.round(calculate_ms),
        store_ms: Math.round(store_ms),
        frame_bytes,
        groups,
      },
      findings: [...made.findings],
    }
  },
  recover: ({ books, tenant }, id, { use_case }) =>
    books.transaction(tenant, async (tx) => {
      const header = await findRunHeader(tx, id)
      // A run that was not sealed left nothing.
      if (header?.status !== 'COMPLETED') return undefined
      return {
        run_id: header.id,
        status: header.status,
        trial: header.trial,
        use_case,
        pnl_date: header.pnl_date!,
        policy: header.policy!,
        result_digest: header.result_digest!,
        input_digest: header.input_digest!,
        duration_ms: header.calculation_duration_ms!,
        facts: header.parameters.facts as number,
        cells: await countResults(tx, header.id),
        tie_out: header.parameters.tie_out as unknown as z.output<typeof tieOutRow>[],
        // How long each stage took was told to nobody.
        stages: {},
        findings: [...(await findingsOf(tx, header.id))],
      }
    }),
})

async function countResults(tx: Tx, run: string): Promise<number> {
  const [count] = await tx.rows<{ n: bigint }>(
    'SELECT count(*) AS n FROM fact_calculated_results WHERE calculation_run_id = $1',
    [run],
  )
  return Number(count!.n)
}

const listed = z
  .object({
    id: z.string(),
    pnl_date: z.string().nullable(),
    use_case_id: z.string().nullable(),
    use_case: z.string().nullable(),
    run_name: z.string(),
    executed_at: z.string(),
    status: z.string(),
    triggered_by: z.string(),
    trial: z.boolean().describe('Of edits that were not saved.'),
    duration_ms: z.number().nullable(),
  })
  .meta({ id: 'Run' })

/** As many as a page holds, and as many as are listed when nothing narrows the list. */
const MAX_PAGE = 10_000
const UNFILTERED = 100

const runPosition = z.object({ executed_at: z.iso.datetime(), id: z.uuid() })

const list = operation({
  name: 'runs list',
  summary: 'List runs, newest first; 100 without filters.',
  effect: 'read',
  input: z.object({
    pnl_date: cobDate.optional().describe('Only runs of this COB date.'),
    use_case: z.string().optional().describe('Only runs of this use case (name or id).'),
    use_case_id: z.string().optional().describe('Only runs of the use case of this id.'),
    limit: z.coerce
      .number()
      .int()
      .min(1)
      .max(MAX_PAGE)
      .optional()
      .describe(`At most so many; ${UNFILTERED} without filters, ${MAX_PAGE} with.`),
    cursor: cursorInput,
  }),
  output: z.object({
    runs: z.array(listed),
    total: z.number().describe('Runs that fit the filters, on all pages.'),
    filters: z.object({ pnl_date: z.string().nullable(), use_case_id: z.string().nullable() }),
    next_cursor: nextCursor,
  }),
  errors: ['TIE-1102', 'TIE-1605', 'TIE-2501'],
  positional: [],
  flags: { pnl_date: 'date' },
  http: { method: 'GET', path: '/api/v1/runs' },
  run: ({ books, tenant }, { pnl_date, use_case, use_case_id, limit, cursor }) =>
    books.transaction(tenant, async (tx) => {
      const named = use_case ?? use_case_id
      const id = named === undefined ? undefined : (await loadUseCase(tx, named)).id
      const date = pnl_date === undefined ? undefined : dateOf(pnl_date)
      const filters = { pnl_date: date ?? null, use_case_id: id ?? null }
      const scope = [tenant, 'runs list', JSON.stringify(filters)]
      const after = positionOf(scope, cursor, runPosition)
      const filter = {
        kind: 'rollup' as const,
        ...(date === undefined ? {} : { pnl_date: date }),
        ...(id === undefined ? {} : { use_case_id: id }),
      }
      const wanted = limit ?? (date === undefined && id === undefined ? UNFILTERED : MAX_PAGE)
      const headers = await listRunHeaders(tx, {
        ...filter,
        limit: wanted + 1,
        ...(after === undefined ? {} : { after }),
      })
      const { rows, next_cursor } = pageOf(headers, wanted, scope, ({ executed_at, id: last }) => ({
        executed_at,
        id: last,
      }))
      return { runs: rows.map(listedRun), total: await countRuns(tx, filter), filters, next_cursor }
    }),
})

const defaults = operation({
  name: 'runs defaults',
  summary:
    'What a screen begins with: the newest COB date that has a completed run, its use case and that run.',
  effect: 'read',
  input: z.object({}),
  output: z.object({
    pnl_date: z.string().nullable(),
    use_case_id: z.string().nullable(),
    use_case: z.string().nullable(),
    run_id: z.string().nullable(),
    run_name: z.string().nullable(),
  }),
  errors: [],
  positional: [],
  http: { method: 'GET', path: '/api/v1/runs/latest/defaults' },
  run: ({ books, tenant }) =>
    books.transaction(tenant, async (tx) => {
      const header = await latestCompletedRun(tx, 'rollup')
      return {
        pnl_date: header?.pnl_date ?? null,
        use_case_id: header?.use_case_id ?? null,
        use_case: (header?.parameters.use_case as string | undefined) ?? null,
        run_id: header?.id ?? null,
        run_name: header?.run_name ?? null,
      }
    }),
})

const listedRun = (header: RunHeader): z.output<typeof listed> => ({
  id: header.id,
  pnl_date: header.pnl_date,
  use_case_id: header.use_case_id,
  use_case: (header.parameters.use_case as string | undefined) ?? null,
  run_name: header.run_name,
  executed_at: header.executed_at,
  status: header.status,
  triggered_by: header.triggered_by,
  trial: header.trial,
  duration_ms: header.calculation_duration_ms,
})

const show = operation({
  name: 'runs show',
  summary: 'Show a run: what it was calculated from, its digests, tie-out and findings.',
  effect: 'read',
  input: z.object({ run: z.string().describe('Id of the run, or an unambiguous beginning of it.') }),
  output: listed.extend({
    policy: z.string().nullable(),
    engine_version: z.string(),
    parameters: z.record(z.string(), z.unknown()),
    digests: z.record(z.string(), z.string()),
    input_digest: z.string().nullable(),
    result_digest: z.string().nullable(),
    results_count: z.number(),
    stale: z.array(z.string()),
    error: z.record(z.string(), z.unknown()).nullable(),
    sign_offs: z.array(signOffSchema),
    findings: z.array(findingSchema),
  }),
  errors: ['TIE-1103'],
  positional: ['run'],
  http: { method: 'GET', path: '/api/v1/runs/{run}' },
  run: ({ books, tenant }, { run }) =>
    books.transaction(tenant, async (tx) => {
      const header = await runHeader(tx, run)
      return {
        ...listedRun(header),
        policy: header.policy,
        engine_version: header.engine_version,
        parameters: header.parameters,
        digests: header.digests,
        input_digest: header.input_digest,
        result_digest: header.result_digest,
        results_count: await countResults(tx, header.id),
        stale:
          header.kind === 'rollup' && header.status === 'COMPLETED' ? await staleReasons(tx, header) : [],
        error: header.error,
        sign_offs: await signOffsOf(tx, header.id),
        findings: [...(await findingsOf(tx, header.id))],
      }
    }),
})

export const runOperations: readonly Operation[] = [create, list, defaults, show]
