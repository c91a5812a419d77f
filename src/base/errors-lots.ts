/** The rows 31xx of the table of refusals, which errors.ts puts together: trades and lots. Raises nothing. */

import { conflict, type ErrorRow, input, usage } from './error-row.js'

export const LOT_ERRORS = {
  'TIE-3101': {
    ...input,
    message: 'The column "{column}" is empty.',
    remedy: 'Every {record} needs it; only a cancellation (replaces without size) may leave it out.',
  },
  'TIE-3102': {
    ...input,
    message: '"{value}" in column "{column}" is no finite decimal number of at most {limit} digits.',
    remedy: 'Write a plain decimal such as 0.0000001; 1e-7 is taken as that too.',
  },
  'TIE-3103': {
    ...input,
    message: '"{value}" in column "{column}" must be {rule}.',
    remedy: 'A sale is side sell with a positive size; a wrong row is corrected by a row that replaces it.',
  },
  'TIE-3104': {
    ...input,
    message: '"{value}" is no side.',
    remedy: 'A side is buy or sell. {suggestion}',
  },
  'TIE-3105': {
    ...input,
    message: '"{value}" in column "{column}" says no time zone.',
    remedy:
      'Write {value}Z if it is UTC, or say the zone of the whole file: --timezone +01:00 or America/New_York.',
  },
  'TIE-3106': {
    ...input,
    message: '"{value}" in column "{column}" is no {what}.',
    remedy: 'Expected {expected}.',
  },
  'TIE-3107': {
    ...conflict,
    message: 'There is a row "{order_id}" already, with other content{differences}.',
    remedy:
      'Rows never change: give the correction an order_id of its own and let it say replaces {order_id}.',
  },
  'TIE-3108': {
    ...input,
    message: 'The row "{order_id}" replaces "{replaces}", which does not exist.',
    remedy: 'Name the order_id of an earlier row. {suggestion}',
  },
  'TIE-3109': {
    ...input,
    message: 'The rows {path} replace one another in a circle.',
    remedy: 'A correction names the row before it; the first row of a chain replaces nothing.',
  },
  'TIE-3110': {
    ...conflict,
    message: 'The row "{replaces}" is replaced by "{first}" and by "{second}".',
    remedy: 'Let the later correction replace the earlier one.',
  },
  'TIE-3111': {
    ...input,
    message: 'The fee of "{order_id}" is in {currency}, which is neither the base nor the quote of {symbol}.',
    remedy:
      'Import the fee in the quote currency at the rate of the fill; name the assets of {symbol} under assets if they are not {assets}.',
  },
  'TIE-3112': {
    ...usage,
    message: 'The lot configuration is not valid: {detail}.',
    remedy: 'docs/lots.md lists methods, scopes and options. {suggestion}',
  },
  'TIE-3113': {
    ...input,
    message: 'The fee of "{order_id}" in {currency} leaves nothing of its size.',
    remedy: 'Correct the fee or its currency by a row that replaces {order_id}.',
  },
  'TIE-3114': {
    ...input,
    message: '"{value}" in column "{column}" is a time that the clocks of {zone} skip.',
    remedy: 'Correct the time, or the zone of the file; a row may also say its own offset, as in +01:00.',
  },
  'TIE-3115': {
    ...input,
    message: '"{value}" in column "{column}" is a time that the clocks of {zone} show twice.',
    remedy: 'Say which one it is: {value}{first} for the first, {value}{second} for the second.',
  },
} as const satisfies Record<string, ErrorRow>
