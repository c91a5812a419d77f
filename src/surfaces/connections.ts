/**
 * Connections and the language model, as settings and environment name them. Secrets come from the environment alone:
 * no setting holds one, so none is printed. Raises nothing.
 */

import { connectionVariable } from '../books/connection.js'
import type { Connection, ModelEndpoint } from '../books/operation.js'
import type { Environment } from './environment.js'
import type { Settings } from './settings.js'

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
