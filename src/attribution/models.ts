/** The models there are: names, versions, parameters with defaults and meaning. Raises nothing. */

import type { Parameter } from './parameter.js'
import { TRANSFORMS } from './window.js'

export type ModelName =
  | 'first'
  | 'last'
  | 'last-non-direct'
  | 'linear'
  | 'position'
  | 'time-decay'
  | 'custom'
  | 'markov'
  | 'shapley'

export interface ModelDefinition {
  readonly name: ModelName
  /** Changes when a figure of the model could change: a new one makes other allocations beside the old ones. */
  readonly version: string
  readonly summary: string
  /** Other names that are taken. */
  readonly aliases: readonly string[]
  readonly parameters: readonly Parameter[]
  /** by the place of a touch, by its instants, by its channel, or learned: by weights of channels learned from paths. */
  readonly weighs: 'place' | 'instants' | 'channel' | 'learned'
}

export const SHAPES = ['U', 'W', 'Z', 'J', 'inverse-J', 'custom'] as const
export type Shape = (typeof SHAPES)[number]

/** States of a Markov chain grow with this power of the channels. */
const MAX_ORDER = 4

const LOOKBACK: Parameter = {
  name: 'lookback',
  kind: { is: 'days', none: 'allowed' },
  fallback: 'none',
  meaning: 'Days before the conversion within which a touch counts, the edge included.',
}
const TRANSFORM: Parameter = {
  name: 'transform',
  kind: { is: 'choice', choices: TRANSFORMS },
  fallback: 'unique',
  meaning:
    'How a path is shortened first: unique keeps every touch, exposure makes touches of a channel in succession one, first keeps the first of each channel, frequency too but learns by how often it occurs.',
}

const define = (
  name: ModelName,
  weighs: ModelDefinition['weighs'],
  summary: string,
  parameters: readonly Parameter[] = [],
  aliases: readonly string[] = [],
): ModelDefinition => ({
  name,
  version: '1.0.0',
  summary,
  aliases,
  parameters: [...parameters, TRANSFORM, LOOKBACK],
  weighs,
})

export const MODELS: readonly ModelDefinition[] = [
  define('first', 'place', 'All to the first touch.', [], ['first-touch', 'first-click']),
  define('last', 'place', 'All to the last touch.', [], ['last-touch', 'last-click']),
  define(
    'last-non-direct',
    'place',
    'All to the last touch that is not direct; to the last one when all are.',
    [
      {
        name: 'direct',
        kind: { is: 'channels' },
        fallback: 'direct',
        meaning: 'Codes of the channels that are direct.',
      },
    ],
  ),
  define('linear', 'place', 'Equally to every touch.', [], ['linear-touch']),
  define(
    'position',
    'place',
    'By place: U 40/20/40, J 20/20/60, inverse-J 60/20/20, W 30/30/30/10, Z 22.5 × 4 and 10.',
    [
      {
        name: 'shape',
        kind: { is: 'choice', choices: SHAPES },
        fallback: 'U',
        meaning: 'The shape: shares of first touch, milestones, last touch, and the rest.',
      },
      {
        name: 'shares',
        kind: { is: 'shares' },
        fallback: null,
        meaning: 'With shape=custom: shares of the first touch, of those between together, and of the last.',
      },
    ],
    ['position-based'],
  ),
  define(
    'time-decay',
    'instants',
    'More to later touches: half as much for every half-life before the newest.',
    [
      {
        name: 'half-life',
        kind: { is: 'days', none: 'refused' },
        fallback: '7',
        meaning: 'Days in which the weight of a touch halves.',
      },
    ],
  ),
  define('custom', 'channel', 'To the channels of the path by weights of your own.', [
    {
      name: 'weights',
      kind: { is: 'weights' },
      fallback: null,
      meaning: 'Weight of each channel; others have none.',
    },
  ]),
  define(
    'markov',
    'learned',
    'To the channels of the path by removal effect: what part of conversions is lost without the channel.',
    [
      {
        name: 'order',
        kind: { is: 'count', least: 1, most: MAX_ORDER },
        fallback: '1',
        meaning: 'How many touches back the next one depends on.',
      },
    ],
    ['markov-chain'],
  ),
  define(
    'shapley',
    'learned',
    'To the channels of the path by Shapley value: what paths converted, divided over their distinct channels.',
    [],
    ['shapley-value'],
  ),
]

export const definitionOf = (name: ModelName): ModelDefinition => MODELS.find((model) => model.name === name)!
