/** The rows 315x of the table of refusals, which errors.ts puts together: the books of lots. Raises nothing. */

import { conflict, type ErrorRow, input, missing, usage } from './error-row.js'

export const TRADE_ERRORS = {
  'TIE-3150': {
    ...input,
    message: 'Column "{column}" holds {length} characters; the limit is {limit}.',
    remedy: 'Names and ids are short; leave out what is no part of the {record}.',
  },
  'TIE-3151': {
    ...input,
    message: 'The line is no record: {detail}.',
    remedy: 'Every line of an NDJSON file is one JSON object, whose values are text, numbers or null.',
  },
  'TIE-3152': {
    ...usage,
    message: '"{value}" is no time zone that a file can be read in.',
    remedy: 'Write UTC, an offset such as +01:00, or a name such as America/New_York. {suggestion}',
  },
  'TIE-3153': {
    ...missing,
    message: 'There is no trade "{order_id}".',
    remedy: 'List them: tieout trades list. {suggestion}',
  },
  'TIE-3154': {
    ...missing,
    message: 'There is no version {version} of allocations.',
    remedy: 'Compute it: tieout lots compute --version {version} --all-symbols. {suggestion}',
  },
  'TIE-3155': {
    ...conflict,
    message: 'Version {version} is of another configuration: {differences}.',
    remedy: 'Compute under a new version number, or take the other configuration with --force.',
  },
  'TIE-3156': {
    ...conflict,
    message: 'Version {version} is being computed by another process.',
    remedy: 'Wait for its end: tieout lots report --computation-log.',
  },
  'TIE-3157': {
    ...conflict,
    message: 'Version {version} cannot be published: {why}.',
    remedy: 'Compute it to the end: tieout lots compute --version {version} --all-symbols.',
  },
  'TIE-3158': {
    ...missing,
    message: 'There is no review {review}.',
    remedy: 'List them: tieout review list.',
  },
  'TIE-3159': {
    ...conflict,
    message: 'Review {review} is {status} and cannot be {what}.',
    remedy: 'A review goes from pending over in_progress to resolved or dismissed; it reopens by itself.',
  },
  'TIE-3160': {
    ...usage,
    message: '"{value}" is no date of a historical snapshot.',
    remedy: 'Dates are YYYY-MM-DD: historical_pnl_snapshot_20251120 is --date 2025-11-20.',
  },
} as const satisfies Record<string, ErrorRow>
