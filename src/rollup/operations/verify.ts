/** Verification: a run by its own recipe, and every use case by an independent SQL roll-up. */

import { z } from 'zod'
import { refuse } from '../../base/errors.js'
import type { Tx } from '../../books/books.js'
import { type Context, type Operation, operation } from '../../books/operation.js'
import { listRunHeaders } from '../../books/run-headers.js'
import { compareNatural, naturalBySql } from '../hybrid-check.js'
import { resultDigest } from '../result-digest.js'
import { recalculate } from '../snapshot.js'
import { staleReasons } from '../stale.js'
import { completedRun } from '../store/completed-run.js'
import { listUseCases, loadUseCase, loadUseCaseVersion } from '../store/use-cases.js'

const verifyRunOperation = operation({
  name: 'runs verify',
  summary: 'Calculate a run again from its recorded inputs and compare digests.',
  effect: 'read',
  input: z.object({ run: z.string().describe('Id of the run, or an unambiguous beginning of it.') }),
  output: z.object({
    run_id: z.string(),
    verdict: z.enum(['match', 'mismatch']),
    recorded: z.string(),
    stored: z.string(),
    recalculated: z.string(),
    facts_recorded: z.string(),
    facts_now: z.string(),
    stale: z.array(z.string()),
  }),
  errors: ['TIE-1103', 'TIE-1106'],
  positional: ['run'],
  http: { method: 'GET', path: '/api/v1/runs/{run}/verify' },
  violated: ({ verdict }) => verdict === 'mismatch',
  run: (context, { run }) => context.books.transaction(context.tenant, (tx) => verifyRun(context, tx, run)),
})

/** Three digests must be one: recorded in the header, of the rows as stored, of a new calculation. */
async function verifyRun(context: Context, tx: Tx, run: string) {
  const { header, rows } = await completedRun(tx, run)
  const stored = resultDigest(rows)
  const again = await recalculate(context, tx, header)
  const recorded = header.result_digest!
  const verdict =
    stored === recorded && again.result_digest === recorded ? ('match' as const) : ('mismatch' as const)
  return {
    run_id: header.id,
    verdict,
    recorded,
    stored,
    recalculated: again.result_digest,
    facts_recorded: header.digests.facts ?? '',
    facts_now: again.facts_digest,
    stale: await staleReasons(tx, header),
  }
}

const MAX_DIFFERENCES = 50

const checked = z.object({
  use_case: z.string(),
  run_id: z.string(),
  pnl_date: z.string(),
  cells: z.number(),
  matching: z.number(),
  match_percent: z.string(),
  stored_digest_ok: z.boolean(),
  differences: z.array(
    z.object({
      node_id: z.string(),
      measure: z.string(),
      scenario: z.string(),
      stored: z.string(),
      sql: z.string(),
    }),
  ),
})

const verifyHybridEngine = operation({
  name: 'verify-hybrid-engine',
  summary:
    "Compare every use case's newest run with a plain SQL roll-up of the facts; exit 1 unless all of it matches.",
  effect: 'read',
  input: z.object({ use_case: z.string().optional().describe('Only this use case.') }),
  output: z.object({ ok: z.boolean(), use_cases: z.array(checked) }),
  errors: ['TIE-1102', 'TIE-1107', 'TIE-2417', 'TIE-2418', 'TIE-5064'],
  positional: [],
  http: { method: 'GET', path: '/api/v1/verify-hybrid-engine' },
  violated: ({ ok }) => !ok,
  run: (context, { use_case }) =>
    context.books.transaction(context.tenant, async (tx) => {
      const wanted =
        use_case === undefined
          ? (await listUseCases(tx)).map(({ use_case_id }) => use_case_id)
          : [(await loadUseCase(tx, use_case)).id]
      const found: z.output<typeof checked>[] = []
      for (const [i, id] of wanted.entries()) {
        context.progress.report('verifying', i + 1, (i + 1) / wanted.length)
        found.push(...(await checkUseCaseById(context, tx, id)))
      }
      // Nothing compared is no proof.
      if (found.length === 0) refuse('TIE-1107', { what: use_case ?? 'any use case' })
      return {
        ok: found.every((one) => one.matching === one.cells && one.stored_digest_ok),
        use_cases: found,
      }
    }),
})

async function checkUseCaseById(context: Context, tx: Tx, id: string): Promise<z.output<typeof checked>[]> {
  const headers = await listRunHeaders(tx, { kind: 'rollup', use_case_id: id, limit: 1000 })
  const newest = headers.find(({ status }) => status === 'COMPLETED')
  if (newest === undefined) return []
  const { header, tree, rows } = await completedRun(tx, newest.id)
  const { use_case_version, facts_through } = header.parameters as {
    use_case_version: number
    facts_through: string | null
  }
  const { useCase } = await loadUseCaseVersion(tx, id, use_case_version)
  const sql = await naturalBySql(context, tx, {
    useCase,
    useCaseId: id,
    tree,
    date: header.pnl_date!,
    through: facts_through,
  })
  const { cells, matching, differences } = compareNatural(rows, sql)
  return [
    {
      use_case: useCase.name,
      run_id: header.id,
      pnl_date: header.pnl_date!,
      cells,
      matching,
      // Rounded down: only a whole match shows 100.
      match_percent: cells === 0 ? '100.00' : (Math.floor((matching * 10_000) / cells) / 100).toFixed(2),
      stored_digest_ok: resultDigest(rows) === header.result_digest,
      differences: differences.slice(0, MAX_DIFFERENCES),
    },
  ]
}

export const verifyOperations: readonly Operation[] = [verifyRunOperation, verifyHybridEngine]
