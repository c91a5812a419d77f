/** Operations that bring in what platforms claim and what was settled. */

import { z } from 'zod'
import type { ErrorCode } from '../../base/errors.js'
import { type Operation, operation } from '../../books/operation.js'
import { digestOfFile } from '../../engines/file-digest.js'
import { type ClaimKind, importClaims } from '../store/claims.js'

const ERRORS: readonly ErrorCode[] = [
  'TIE-1005',
  'TIE-2401',
  'TIE-2404',
  'TIE-2405',
  'TIE-2406',
  'TIE-2410',
  'TIE-2412',
  'TIE-2413',
  'TIE-2415',
  'TIE-4202',
  'TIE-4214',
  'TIE-4220',
  'TIE-4301',
  'TIE-4302',
  'TIE-4303',
]

/** A dry run is the same transaction, rolled back. */
class RolledBack extends Error {}

const imports = (kind: ClaimKind, summary: string): Operation =>
  operation({
    name: `${kind} import`,
    summary,
    effect: 'append',
    input: z.object({
      file: z
        .string()
        .describe('A CSV file with platform, reference, amount_cents, currency and occurred_on.'),
      dry_run: z.boolean().default(false).describe('Do everything but keep nothing.'),
    }),
    output: z.object({
      file: z.string(),
      new: z.number(),
      same: z.number().describe('Rows that were there already with the same content.'),
      refused: z.literal(0).describe('Always 0: a file with a problem is refused as a whole.'),
      import_id: z.string().nullable().describe('Null when nothing was new.'),
      dry_run: z.boolean(),
    }),
    errors: ERRORS,
    positional: ['file'],
    http: { method: 'POST', path: `/api/v1/${kind}/imports`, upload: 'file' },
    async run(context, { file, dry_run }) {
      const digest = await digestOfFile(file)
      let counts: Awaited<ReturnType<typeof importClaims>> | undefined
      try {
        counts = await context.books.transaction(context.tenant, async (tx) => {
          counts = await importClaims(context, tx, { file, digest, kind })
          if (dry_run) throw new RolledBack()
          return counts
        })
      } catch (error) {
        if (!(error instanceof RolledBack)) throw error
      }
      return { file, ...counts!, refused: 0 as const, dry_run }
    },
  })

export const claimOperations: readonly Operation[] = [
  imports('claims', 'Import the revenue that platforms claim to have brought.'),
  imports('settlements', 'Import the amounts that were really settled.'),
]
