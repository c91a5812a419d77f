/** The rows 43xx of the table of refusals, which errors.ts puts together: claims, reconciliation, reads of revenue. Raises nothing. */

import { conflict, type ErrorRow, input, missing, usage } from './error-row.js'

export const ATTRIBUTION_READ_ERRORS = {
  'TIE-4301': {
    ...conflict,
    message: 'The {what} "{reference}" of {platform} is there already with other content{where}.',
    remedy: 'Claims and settled amounts never change: send what is new under a reference of its own.',
  },
  'TIE-4302': {
    ...input,
    message: 'The row has no {field}.',
    remedy: 'Fill in {field}: every row says platform, reference, amount_cents, currency and occurred_on.',
  },
  'TIE-4303': {
    ...input,
    message: '"{value}" in {field} is no date.',
    remedy: 'Write a day of the calendar as YYYY-MM-DD.',
  },
  'TIE-4304': {
    ...conflict,
    message: 'A reconciliation is running.',
    remedy: 'Wait until it has ended: tieout reconciliation status.',
  },
  'TIE-4305': {
    ...missing,
    message: 'The run {run} is no reconciliation.',
    remedy: 'List them: tieout reconciliation list.',
  },
  'TIE-4306': {
    ...usage,
    message: 'Say by which model: {known}.',
    remedy:
      'Revenue of channels is told by one model: --model linear@1. Allocate first: tieout attribution allocate.',
  },
  'TIE-4307': {
    ...usage,
    message: 'No day is from {from} to {to}.',
    remedy: 'Write the earlier day first; both belong to the period.',
  },
  'TIE-4308': {
    ...input,
    message: 'There are more rows than the {limit} of a sheet.',
    remedy: 'Export a shorter period (--from, --to), or take --as csv.',
  },
} as const satisfies Record<string, ErrorRow>
