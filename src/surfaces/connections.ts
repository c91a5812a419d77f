/**
 * Connections and the language model, as settings and environment name them. Secrets come from the environment alone:
 * no setting holds one, so none is printed. Raises nothing.
 */

import type { Connection, ModelEndpoint } from '../books/operation.js'
import type { Environment } from './environment.js'
import type { Settings } from './settings.js'

/** `snowflake-prod` is TIEOUT_CONNECTION_SNOWFLAKE_PROD, its token the same with _TOKEN. */
export const connectionVariable = (id: string): string =>
  `TIEOUT_CONNECTION_${id.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`

export function connectionsOf({ variables }: Environment): (id: string) => Connection | undefined {
  return (id) => {
    const name = connectionVariable(id)
    const location = variables[name]
    if (location === undefined || location === '') return undefined
    return { location, token: variables[`${name}_TOKEN`] ?? null }
  }
}

export function languageModelOf(
  { variables }: Environment,
  settings: Settings,
): { readonly languageModel?: ModelEndpoint } {
  const url = settings.model_url.value
  if (url === '') return {}
  const key = variables.TIEOUT_MODEL_KEY ?? null
  return { languageModel: { url: url.replace(/\/+$/, ''), model: settings.model_name.value, key } }
}
