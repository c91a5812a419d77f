/** The sanctioned purge of a use case, with the summary of the source document. */

import { z } from 'zod'
import { plural } from '../../base/text.js'
import { type Operation, operation } from '../../books/operation.js'
import { logPurge, purgeUseCase } from '../store/purge.js'
import { loadUseCase } from '../store/use-cases.js'

const purge = operation({
  name: 'use-cases purge',
  summary: 'Remove a use case with its rules, its runs and its facts of fact_pnl_entries for good; logged.',
  effect: 'purge',
  input: z.object({ use_case: z.string().describe('Name or id of the use case.') }),
  output: z.object({
    deleted_use_case: z.string(),
    rules_purged: z.number(),
    legacy_runs_purged: z.number(),
    calculation_runs_purged: z.number(),
    facts_purged: z.number(),
    total_items_deleted: z.number(),
    message: z.string(),
  }),
  errors: ['TIE-1102', 'TIE-1206', 'TIE-1305'],
  positional: ['use_case'],
  http: { method: 'DELETE', path: '/api/v1/admin/use-case/{use_case}' },
  run: ({ books, tenant, who, newId }, { use_case }) =>
    books.transaction(tenant, async (tx) => {
      const { id, useCase } = await loadUseCase(tx, use_case)
      const { rules, runs, facts } = await purgeUseCase(tx, id)
      const kept = useCase.source.table === 'fact_pnl_entries' ? '' : ` The facts of its source stay.`
      const summary = {
        deleted_use_case: id,
        rules_purged: rules,
        // Runs of the predecessor of calculation_runs: Tieout never had them.
        legacy_runs_purged: 0,
        calculation_runs_purged: runs,
        facts_purged: facts,
        total_items_deleted: rules + runs + facts,
        message: `Use case ${useCase.name} is deleted with ${plural(rules, 'rule')}, ${plural(runs, 'run')} and ${plural(facts, 'fact')}.${kept}`,
      }
      await logPurge(tx, tenant, { id: newId(), by: who, use_case_id: id, use_case: useCase.name, summary })
      return summary
    }),
})

export const purgeOperations: readonly Operation[] = [purge]
