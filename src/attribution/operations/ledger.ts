/** Operations on the ledger. */

import { z } from 'zod'
import { type Operation, operation } from '../../books/operation.js'
import { proveLedger } from '../store/ledger.js'

const verify = operation({
  name: 'ledger verify',
  summary: 'Prove the hash chain of the ledger from its first entry on; the first bad entry is named.',
  effect: 'read',
  input: z.object({}),
  output: z.object({
    entries: z.number().describe('Entries that follow from the first one.'),
    head: z.string().describe('Hash of the last of them.'),
    violation: z.object({ entry_no: z.number(), what: z.string() }).nullable(),
  }),
  errors: [],
  positional: [],
  http: { method: 'GET', path: '/api/v1/ledger/proof' },
  violated: ({ violation }) => violation !== null,
  run: ({ books, tenant }) => books.transaction(tenant, proveLedger),
})

export const ledgerOperations: readonly Operation[] = [verify]
