/** Models of attribution and what they make of counted paths, as rows and text. Raises nothing. */

import { type Presentation, presentation, type Row, table } from './presentation.js'
import { columnsOf, textTable } from './table.js'

interface ModelRow {
  model: string
  version: string
  summary: string
  parameters: { parameter: string; default: string | null; expected: string; meaning: string }[]
}

interface Counted {
  model: string
  model_version: string
  conversions: string
  nulls: string
  conversion_probability: string
  channels: Row[]
}

const PARAMETERS = columnsOf(
  'text model',
  'text version',
  'text parameter',
  'text default',
  'text expected',
  'text meaning',
)

const parameterRows = (models: readonly ModelRow[]): Row[] =>
  models.flatMap(({ model, version, parameters }) =>
    parameters.map((parameter) => ({ model, version, ...parameter })),
  )

export const ATTRIBUTION_PRESENTATIONS: Readonly<Record<string, Presentation>> = {
  'attribution models': presentation<{ models: ModelRow[] }>({
    rows: ({ models }) => table(PARAMETERS, parameterRows(models)),
    text: ({ models }, style) =>
      models
        .flatMap(({ model, version, summary, parameters }) => [
          `${style.bold(`${model}@${version}`)}  ${summary}`,
          ...parameters.map(
            ({ parameter, default: fallback, meaning }) =>
              `    ${parameter}${fallback === null ? '' : `=${fallback}`}  ${style.dim(meaning)}`,
          ),
        ])
        .join('\n'),
  }),
  'attribution model': presentation<Counted>({
    rows: ({ channels }) => table(COUNTED, channels),
    text: ({ model, model_version, conversions, nulls, conversion_probability, channels }, style) =>
      [
        `${style.bold(model)}: ${conversions} conversions and ${nulls} nulls, probability ${conversion_probability}`,
        '',
        textTable(table(shownColumns(channels), channels)),
        '',
        style.dim(`model version ${model_version}`),
      ].join('\n'),
  }),
}

const COUNTED = columnsOf(
  'text channel',
  'number conversions',
  'number share',
  'number ratio',
  'number removal_effect',
  'number weight',
)

/** Models that learn nothing have neither removal effects nor weights. */
const shownColumns = (channels: readonly Row[]) =>
  COUNTED.filter(({ key }) => channels.some((row) => row[key] !== null))
