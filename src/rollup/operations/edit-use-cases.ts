/** Changing a use case by its parts: the same checks as a file, as the next version. Its status has no versions. */

import { z } from 'zod'
import { namedFile } from '../../books/named-file.js'
import { type Operation, operation } from '../../books/operation.js'
import { applyDraft } from '../apply-use-case.js'
import { sourceOf } from '../bind-use-case.js'
import { editDraft, editsSchema } from '../edit-use-case.js'
import { loadUseCase, setStatus, statusOf } from '../store/use-cases.js'
import { draftOf } from '../use-case-draft.js'
import { appliedSchema, BINDING_ERRORS } from './schemas.js'

const statuses = ['DRAFT', 'ACTIVE', 'ARCHIVED'] as const

const update = operation({
  name: 'use-cases update',
  summary: 'Change parts of a use case, as its next version; its status at once.',
  effect: 'append',
  input: z.object({
    use_case: z.string().describe('Name or id of the use case.'),
    status: z.enum(statuses).optional().describe('An archived use case takes no runs.'),
    ...editsSchema.shape,
    expected_version: z.coerce
      .number()
      .int()
      .min(1)
      .optional()
      .describe('Refuse unless the use case is still at this version.'),
    dry_run: z.boolean().default(false).describe('Check, store nothing.'),
  }),
  output: appliedSchema.extend({ status: z.string() }),
  errors: ['TIE-1102', 'TIE-1205', 'TIE-1612', 'TIE-2314', ...BINDING_ERRORS],
  positional: ['use_case'],
  http: { method: 'PATCH', path: '/api/v1/use-cases/{use_case}' },
  run: (context, { use_case, status, expected_version, dry_run, ...edits }) =>
    context.books.transaction(context.tenant, async (tx) => {
      const stored = await loadUseCase(tx, use_case)
      const { draft, placeOf } = editDraft(draftOf(stored.useCase), edits)
      const spec = sourceOf(draft, placeOf)
      const source =
        spec.path === null || spec.path === stored.useCase.source.path
          ? spec
          : { ...spec, path: namedFile(context, spec.path, '.', placeOf(['source', 'path'])) }
      const options = { dry_run, expected_version: expected_version ?? stored.version }
      const applied = await applyDraft(context, tx, { draft, source, placeOf }, options)
      if (status !== undefined && !dry_run) await setStatus(tx, stored.id, status)
      return { ...applied, status: status ?? (await statusOf(tx, stored.id)) }
    }),
})

export const useCaseEditOperations: readonly Operation[] = [update]
