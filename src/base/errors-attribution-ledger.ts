/** The rows 42xx of the table of refusals, which errors.ts puts together: revenue events and channels. Raises nothing. */

import { conflict, type ErrorRow, input, missing } from './error-row.js'

export const ATTRIBUTION_LEDGER_ERRORS = {
  'TIE-4201': {
    ...input,
    message: 'The event has no {field}.',
    remedy: 'Fill in {field}; an event also needs external_event_id or correlation_id.',
  },
  'TIE-4202': {
    ...input,
    message: '"{value}" in {field} is no whole number of cents.',
    remedy:
      'Write the amount in the minor unit of its currency, such as 10000 for 100.00, below 10^15 either way.',
  },
  'TIE-4203': {
    ...input,
    message: 'A {type} cannot have revenue_cents {value}: {rule}.',
    remedy:
      'Take revenue back by a refund, a chargeback or a correction that names the purchase in refund_of.',
  },
  'TIE-4204': {
    ...input,
    message: '"{value}" is no type of event.',
    remedy: 'Types are purchase, refund, chargeback and correction. {suggestion}',
  },
  'TIE-4205': {
    ...input,
    message: '"{value}" in {field} is no instant with its zone.',
    remedy: 'Write an ISO time with its zone, such as 2025-12-24T09:00:00Z.',
  },
  'TIE-4206': {
    ...input,
    message: 'Touch {position} cannot belong to the event: {why}.',
    remedy: 'A path has the touches before a purchase, and no other event has one.',
  },
  'TIE-4207': {
    ...input,
    message: 'The event has {found} touches; the limit is {limit}.',
    remedy: 'Send the touches within the look-back window of the model.',
  },
  'TIE-4208': {
    ...conflict,
    message: 'The event "{key}" is there already with other content{where}.',
    remedy:
      'Events never change: send what is new under another id, as a refund or a correction of this one.',
  },
  'TIE-4209': {
    ...missing,
    message: 'There is no event "{original}" that "{key}" could adjust.',
    remedy: 'refund_of names the external_event_id of a purchase in the books or in the same file.',
  },
  'TIE-4210': {
    ...input,
    message: 'The event "{key}" cannot adjust "{original}": {why}.',
    remedy: 'A refund, chargeback or correction names a purchase and has its currency.',
  },
  'TIE-4211': {
    ...input,
    message: 'The event "{key}" takes back {taken} of "{original}", of which {left} is left.',
    remedy: 'All adjustments of a purchase together take back at most its revenue.',
  },
  'TIE-4212': {
    ...input,
    message: 'The event cannot be read: {detail}.',
    remedy: 'An event is a JSON object on one line; touches is a list of objects with channel and at.',
  },
  'TIE-4213': {
    ...input,
    message: 'The event has an unknown field "{field}".',
    remedy: 'Known are {known}. {suggestion}',
  },
  'TIE-4214': {
    ...input,
    message: '"{value}" is no currency.',
    remedy: 'Write the three letters of ISO 4217, such as USD.',
  },
  'TIE-4215': {
    ...missing,
    message: 'There is no event "{event}".',
    remedy: 'List them: tieout events list.',
  },
  'TIE-4216': {
    ...missing,
    message: 'There is no dead event {dead_event}.',
    remedy: 'List them: tieout dead-events list.',
  },
  'TIE-4217': {
    ...conflict,
    message: 'Dead event {dead_event} is {state} already.',
    remedy: 'Only what is pending can be retried or discarded.',
  },
  'TIE-4218': {
    ...missing,
    message: 'There is no channel "{channel}".',
    remedy: 'Add it: tieout channels add {channel}. {suggestion}',
  },
  'TIE-4219': {
    ...conflict,
    message: 'The channel "{channel}" cannot be {what}: {why}.',
    remedy: 'A code maps to one channel that stands for itself.',
  },
  'TIE-4220': {
    ...input,
    message: '{field} holds {length} bytes; the limit is {limit}.',
    remedy: 'Ids, channels and codes are short.',
  },
  'TIE-4221': {
    ...input,
    message: 'Touch {position} has an unknown milestone "{value}".',
    remedy: 'Milestones are lead, opportunity, and lead+opportunity where one touch made both. {suggestion}',
  },
  'TIE-4222': {
    ...input,
    message: 'The row says "{value}" in {column}, its event says "{said}" on line {first}.',
    remedy:
      'Rows of one event follow one another and agree, but for their touches; leave blank what is said.',
  },
} as const satisfies Record<string, ErrorRow>
