/** The rows of the table of refusals that are about explaining and comparing runs. Raises nothing. */

import { conflict, type ErrorRow, input, missing } from './error-row.js'

/** 26xx */
export const EVIDENCE_ERRORS = {
  'TIE-2601': {
    ...missing,
    message: 'The run has no node "{node}".',
    remedy: 'Its nodes are those of tieout runs results {run}. {suggestion}',
  },
  'TIE-2602': {
    ...conflict,
    message: '{source} is not what run {run} was calculated from: {detail}.',
    remedy:
      'The figures of the run stand; their facts can be shown only from the file as it was. Restore it, or make a new run.',
  },
  'TIE-2603': {
    ...missing,
    message: 'The run has no scenario "{scenario}"; it has {known}.',
    remedy: 'Use one of them. {suggestion}',
  },
  'TIE-2604': {
    ...missing,
    message: 'The cell {cell} has no facts called "{part}"; it has {known}.',
    remedy: 'tieout runs explain says what each of them is. {suggestion}',
  },
  'TIE-2605': {
    ...missing,
    message: 'Run {run} found no facts of its date, so it has no figures.',
    remedy: 'tieout runs show {run} says what it was calculated from.',
  },
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
