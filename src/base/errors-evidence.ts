/** The rows of the table of refusals that are about explaining and comparing runs. Raises nothing. */

import { conflict, type ErrorRow, input } from './error-row.js'

/** 26xx */
export const EVIDENCE_ERRORS = {
  'TIE-2606': {
    ...input,
    message:
      'Run {left} is of the use case {left_case}, run {right} of {right_case}: only runs of one use case are compared.',
    remedy: 'List the runs of one: tieout runs list --use-case NAME.',
  },
  'TIE-2607': {
    ...conflict,
    message: '{file} has changed since run {run}: the difference cannot be split into its causes any more.',
    remedy: 'Restore the file, or compare with a newer run.',
  },
} as const satisfies Record<string, ErrorRow>
