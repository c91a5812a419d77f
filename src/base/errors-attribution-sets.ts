/** The rows 44xx of the table of refusals, which errors.ts puts together: allocation sets and the ledger. Raises nothing. */

import { conflict, type ErrorRow, input, missing, usage } from './error-row.js'

export const ATTRIBUTION_SET_ERRORS = {
  'TIE-4401': {
    ...conflict,
    message: 'Another session is allocating by {model} right now.',
    remedy: 'Wait for it, then allocate again; what it did is then found done.',
  },
  'TIE-4402': {
    ...conflict,
    message:
      'The set of event {event} by {version} comes out otherwise than it is stored, though nothing it is made of changed.',
    remedy:
      'Its rows or the program were changed. Run tieout doctor, and restore the books from a copy that is sound.',
  },
  'TIE-4403': {
    ...missing,
    message: 'There are no learned weights of {version}.',
    remedy: 'Say a model version of that model as runs and allocations have it. {suggestion}',
  },
  'TIE-4404': {
    ...missing,
    message: 'The event "{event}" has no allocations{by}.',
    remedy: 'Allocate: tieout attribution allocate --model linear@1.',
  },
  'TIE-4405': {
    ...usage,
    message: '"{value}" in {input} is neither an instant with its zone nor a date.',
    remedy: 'Write 2025-12-24T09:00:00Z, or 2025-12-24, which begins at midnight UTC.',
  },
  'TIE-4406': {
    ...conflict,
    message: 'The ledger is kept by {kept}; posting by {model} as well would count revenue twice.',
    remedy: 'Post by that model, or say --replace: its entries are then reversed.',
  },
  'TIE-4408': {
    ...input,
    message: 'The line is no entry of a ledger: {detail}.',
    remedy: 'Give a file that tieout ledger export wrote.',
  },
  'TIE-4409': {
    ...usage,
    message: 'The model {model} learns no weights.',
    remedy: 'Leave weights out; it is for markov and shapley.',
  },
  'TIE-4410': {
    ...missing,
    message: 'The event "{event}" has nothing for the channel "{channel}".',
    remedy: 'Its channels are {known}. {suggestion}',
  },
  'TIE-4411': {
    ...usage,
    message: 'Say by which model to post: {known}.',
    remedy: 'The ledger is kept by one model: tieout ledger post --model linear@1.',
  },
  'TIE-4412': {
    ...usage,
    message: 'Say the model or the model version, one of the two.',
    remedy: 'A model, such as linear@1, has the sets that hold; a version also those that were superseded.',
  },
  'TIE-4413': {
    ...usage,
    message:
      'Say what to erase: the events of a customer, those of a session, or one event; one of the three.',
    remedy: 'For example: tieout events erase --session SESSION_ID.',
  },
} as const satisfies Record<string, ErrorRow>
