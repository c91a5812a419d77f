/** The rows 27xx of the table of refusals, which errors.ts puts together: fact adjustments. Raises nothing. */

import { type ErrorRow, input } from './error-row.js'

export const ADJUSTMENT_ERRORS = {
  'TIE-2701': {
    ...input,
    message: 'The file is not valid YAML: {detail}',
    remedy: 'Correct the line; docs/fact-adjustments.md shows the format.',
  },
  'TIE-2702': {
    ...input,
    message: '{detail}',
    remedy: 'docs/fact-adjustments.md shows the format. {suggestion}',
  },
  'TIE-2703': {
    ...input,
    message: 'Adjustment "{name}" {detail}.',
    remedy:
      'An adjustment has exactly one of scale, add and cap, with measures (and where, compare, scenario and round where it needs them), or reverses alone.',
  },
  'TIE-2704': {
    ...input,
    message: 'The use case has no measure "{measure}" and {source} no column of that name ({role}).',
    remedy: 'Use one of them: {known}. {suggestion}',
  },
  'TIE-2705': {
    ...input,
    message: 'The use case has no scenario "{scenario}"; it has {known}.',
    remedy: 'Use one of them, or declare it in the scenarios of the use case. {suggestion}',
  },
  'TIE-2706': {
    ...input,
    message: 'compare of adjustment "{name}": {detail}.',
    remedy:
      'compare has a key, and difference or absolute_difference (such as "> 1000.00") of a measure, or prior: missing or present.',
  },
  'TIE-2707': {
    ...input,
    message: '{key}: "{value}" is no {what}.',
    remedy: 'Correct {key}. Numbers are plain, without exponents and separators, such as -1234.56.',
  },
  'TIE-2708': {
    ...input,
    message: '{key}: the number has {length} characters; the limit is {limit}.',
    remedy: 'Write it with fewer digits.',
  },
  'TIE-2709': {
    ...input,
    message: 'Adjustment {no} "{name}" would make amounts of "{column}" with more than {limit} digits.',
    remedy:
      'Only facts of hundreds of digits get there: let the adjustment leave them out by where, or report them apart.',
  },
  'TIE-2710': {
    ...input,
    message: 'The use case has an adjustment "{name}" already: number {no}.',
    remedy:
      'Give each adjustment a name of its own; one that was wrong is taken back by a further one with reverses.',
  },
  'TIE-2711': {
    ...input,
    message: 'There is no earlier adjustment "{name}" to reverse.',
    remedy: 'List them: tieout adjustments list --use-case NAME. {suggestion}',
  },
  'TIE-2712': {
    ...input,
    message: 'The adjustment "{name}" is reversed already, by "{by}".',
    remedy: 'To bring it back, reverse "{by}".',
  },
  'TIE-2713': {
    ...input,
    message: '{detail}.',
    remedy: 'Dates are YYYY-MM-DD, both inclusive; null or nothing leaves an end open.',
  },
  'TIE-2714': {
    ...input,
    message: 'The adjustment "{name}" is in force on no day on which "{by}" would reverse it.',
    remedy: 'Give the reversal dates within those of the adjustment, or leave them out.',
  },
  'TIE-2715': {
    ...input,
    message: 'Adjustment {no} "{name}" does not fit the use case any more.',
    remedy: 'Give the use case back what the adjustment names: its measures, columns and scenarios.',
  },
  'TIE-2716': {
    ...input,
    message: '{when} the factors in force would have {digits} digits together; the limit is {limit}.',
    remedy: 'Round the results, write the factor with fewer digits, or enter it for other days.',
  },
} as const satisfies Record<string, ErrorRow>
