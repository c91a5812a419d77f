/** The sign-off of a run by somebody other than its preparer. */

import { z } from 'zod'
import { type Operation, operation } from '../../books/operation.js'
import { runHeader } from '../../books/run-headers.js'
import { signOff, signOffsOf } from '../../books/sign-offs.js'

export const signOffSchema = z
  .object({ signed_by: z.string(), signed_at: z.string(), note: z.string().nullable() })
  .meta({ id: 'SignOff' })

const sign = operation({
  name: 'runs sign-off',
  summary: 'Stand behind a completed run that somebody else prepared.',
  effect: 'append',
  input: z.object({
    run: z.string().describe('Id of the run, or an unambiguous beginning of it.'),
    note: z.string().min(1).max(1000).optional().describe('What was looked at.'),
  }),
  output: z.object({ run_id: z.string(), sign_offs: z.array(signOffSchema) }),
  errors: ['TIE-1103', 'TIE-1404', 'TIE-1409', 'TIE-1410'],
  positional: ['run'],
  http: {
    method: 'POST',
    path: '/api/v1/runs/{run}/sign-offs',
    location: '/api/v1/runs/{run_id}',
    role: 'approver',
  },
  run: ({ books, tenant, who, now }, { run, note }) =>
    books.transaction(tenant, async (tx) => {
      const header = await runHeader(tx, run)
      await signOff(tx, tenant, header, { signed_by: who, signed_at: now(), note: note ?? null })
      return { run_id: header.id, sign_offs: await signOffsOf(tx, header.id) }
    }),
})

export const signOffOperations: readonly Operation[] = [sign]
