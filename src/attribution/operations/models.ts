/** Operations about models that ask nothing of the books: what there is, and what they make of counted paths. */

import { z } from 'zod'
import { apportionInOrder } from '../../base/apportion.js'
import { fraction, fractionText } from '../../base/fraction.js'
import { type Operation, operation } from '../../books/operation.js'
import { RATIO_UNITS, ratioText } from '../allocate.js'
import { type CountedResult, modelOfCountedPaths } from '../counted-model.js'
import { readCountedPaths } from '../files/counted-paths-file.js'
import { modelText } from '../model.js'
import { parseModel } from '../model-text.js'
import { MODELS } from '../models.js'
import { expectedOf } from '../parameter.js'

const listModels = operation({
  name: 'attribution models',
  summary: 'List the models of attribution with their parameters, defaults and meaning.',
  effect: 'read',
  books: 'none',
  input: z.object({}),
  output: z.object({
    models: z
      .array(
        z.object({
          model: z.string(),
          version: z.string(),
          summary: z.string(),
          aliases: z.array(z.string()).readonly(),
          parameters: z.array(
            z.object({
              parameter: z.string(),
              default: z.string().nullable().describe('Null: it has to be said where it is needed.'),
              expected: z.string(),
              meaning: z.string(),
            }),
          ),
        }),
      )
      .readonly(),
  }),
  errors: [],
  positional: [],
  http: { method: 'GET', path: '/api/v1/attribution/models' },
  run: async () => ({
    models: MODELS.map(({ name, version, summary, aliases, parameters }) => ({
      model: name,
      version,
      summary,
      aliases,
      parameters: parameters.map((parameter) => ({
        parameter: parameter.name,
        default: parameter.fallback,
        expected: expectedOf(parameter.kind),
        meaning: parameter.meaning,
      })),
    })),
  }),
})

const parameter = (text: string) => z.string().optional().describe(text)

const channelResult = z.object({
  channel: z.string(),
  conversions: z
    .string()
    .nullable()
    .describe(
      'Exact: a whole number or a fraction such as 12/5. Null where it would have thousands of digits; removal effects and weights are there.',
    ),
  share: z.string().nullable().describe('Of all conversions, exact; null as conversions are.'),
  ratio: z.string().describe('The share at five places; by largest remainders, so that they sum to 1.'),
  removal_effect: z
    .string()
    .nullable()
    .describe('Of markov: the part of conversions lost without it, exact.'),
  weight: z
    .string()
    .nullable()
    .describe('Of learned models: the share to eighteen decimals, by which events are split.'),
})

const countedModel = operation({
  name: 'attribution model',
  summary: 'Divide the conversions of counted paths over their channels by a model, exactly.',
  effect: 'read',
  books: 'none',
  input: z.object({
    model: z.string().describe('A model, such as markov or position@1?shape=J.'),
    paths: z.string().describe('A CSV file: path,conversions,nulls with path as a > b > c.'),
    order: parameter('Of markov: how many touches back the next one depends on.'),
    shape: parameter('Of position: U, W, Z, J, inverse-J or custom.'),
    shares: parameter('Of position with shape custom: first/between/last, such as 40/20/40.'),
    direct: parameter('Of last-non-direct: codes of the channels that are direct.'),
    weights: parameter('Of custom: weights such as email:3,search:1.'),
    transform: parameter('How paths are shortened first: unique, first, exposure or frequency.'),
  }),
  output: z.object({
    model: z.string(),
    model_version: z.string(),
    conversions: z.string(),
    nulls: z.string(),
    conversion_probability: z.string(),
    table_digest: z.string().nullable().describe('Of learned models: the digest of the weights.'),
    channels: z.array(channelResult),
  }),
  errors: [
    'TIE-1005',
    'TIE-2401',
    'TIE-2404',
    'TIE-2405',
    'TIE-2406',
    'TIE-2410',
    'TIE-2412',
    'TIE-2413',
    'TIE-2415',
    'TIE-4101',
    'TIE-4102',
    'TIE-4103',
    'TIE-4104',
    'TIE-4105',
    'TIE-4106',
    'TIE-4107',
    'TIE-4108',
    'TIE-4110',
    'TIE-4111',
    'TIE-4112',
    'TIE-4113',
    'TIE-4115',
    'TIE-4116',
    'TIE-4117',
  ],
  positional: ['model'],
  http: { method: 'POST', path: '/api/v1/attribution/models/{model}/conversions', upload: 'paths' },
  async run(_, { model: text, paths: file, ...parameters }) {
    const model = parseModel(text, given(parameters))
    const found = modelOfCountedPaths(model, await readCountedPaths(file), file)
    const { conversions, nulls, table } = found
    return {
      model: modelText(model),
      model_version: found.modelVersion,
      conversions: String(conversions),
      nulls: String(nulls),
      conversion_probability: fractionText(fraction(conversions, conversions + nulls)),
      table_digest: table?.digest ?? null,
      channels: channelRows(found),
    }
  },
})

const given = (parameters: Readonly<Record<string, string | undefined>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(parameters).filter((pair): pair is [string, string] => pair[1] !== undefined),
  )

/** Bringing fractions with longer terms to lowest ones takes longer than all the rest. */
const LONGEST_TERM = 1n << 32_768n

function channelRows({
  channels,
  whole,
  conversions,
  table,
}: CountedResult): z.input<typeof channelResult>[] {
  const ratios = apportionInOrder(
    BigInt(RATIO_UNITS),
    channels.map(({ part }) => part),
  )
  const exact = (part: bigint): string | null =>
    whole > LONGEST_TERM ? null : fractionText(fraction(part, whole))
  return channels.map(({ channel, part, removalEffect }, i) => ({
    channel,
    conversions: exact(part * conversions),
    share: exact(part),
    ratio: ratioText(Number(ratios[i]!)),
    removal_effect: removalEffect === null ? null : fractionText(removalEffect),
    weight: table === null ? null : String(table.weights.get(channel)!),
  }))
}

export const modelOperations: readonly Operation[] = [listModels, countedModel]
