/** The rows 41xx of the table of refusals, which errors.ts puts together: models of attribution and counted paths. Raises nothing. */

import { type ErrorRow, input, usage } from './error-row.js'

export const ATTRIBUTION_ERRORS = {
  'TIE-4101': {
    ...usage,
    message: 'There is no attribution model "{model}".',
    remedy: 'List them: tieout attribution models. {suggestion}',
  },
  'TIE-4102': {
    ...usage,
    message: 'The model {model} has no version "{version}"; this program has {known}.',
    remedy: 'Write {model}@{known}, or {model} for the newest.',
  },
  'TIE-4103': {
    ...usage,
    message: 'The model {model} takes no parameter "{parameter}".',
    remedy: 'It takes {known}. {suggestion}',
  },
  'TIE-4104': {
    ...usage,
    message: '"{value}" is no value of {parameter} of the model {model}.',
    remedy: 'Expected {expected}. {suggestion}',
  },
  'TIE-4105': {
    ...usage,
    message: 'The model text "{text}" cannot be read.',
    remedy: 'Write NAME@VERSION?PARAMETER=VALUE&…, such as time-decay@1?half-life=7.',
  },
  'TIE-4106': {
    ...usage,
    message: 'The model {model} needs the instants of touches, which counted paths do not have.',
    remedy: 'Use it on events, or take one of {known}.',
  },
  'TIE-4107': {
    ...usage,
    message: 'The parameter {parameter} of the model {model} is said twice.',
    remedy: 'Say it once.',
  },
  'TIE-4108': {
    ...usage,
    message:
      'A look-back window of {lookback} days needs the instants of touches, which counted paths do not have.',
    remedy: 'Leave lookback out; on events it holds.',
  },
  'TIE-4110': {
    ...input,
    message: '"{value}" in column "{column}" is no whole number from 0 to {limit}.',
    remedy: 'Conversions and nulls are counts of paths; write 0 when there are none.',
  },
  'TIE-4111': {
    ...input,
    message: 'The path is empty.',
    remedy: 'A path names at least one channel: a > b > c.',
  },
  'TIE-4112': {
    ...input,
    message: 'Touch {touch} of the path names no channel.',
    remedy: 'Channels stand between the signs >, as in a > b > c.',
  },
  'TIE-4113': {
    ...input,
    message: 'The path has {touches} touches; at most {limit} are taken.',
    remedy: 'Shorten it, or count its touches in a coarser way.',
  },
  'TIE-4115': {
    ...input,
    message:
      'A chain of order {order} over these paths has {states} states; exactly solved are at most {limit}.',
    remedy: 'Take a lower order, or shorten the paths: transform=exposure or transform=first.',
  },
  'TIE-4116': {
    ...input,
    message: 'The paths leave one state of the chain {count} times; at most {limit} are counted exactly.',
    remedy: 'Divide all counts by a common factor, or take a shorter period.',
  },
  'TIE-4117': {
    ...input,
    message: '{file} counts no conversion.',
    remedy: 'Weights are learned from paths that convert; give at least one row conversions above 0.',
  },
  'TIE-4120': {
    ...input,
    message: '{amount} cents cannot be taken back: {remaining} cents remain.',
    remedy: 'Refund at most what remains of the event.',
  },
} as const satisfies Record<string, ErrorRow>
