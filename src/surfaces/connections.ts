/**
 * Connections and the language model, as settings and environment name them. Secrets come from the environment alone:
 * no setting holds one, so none is printed. Raises nothing.
 */

import { connectionVariable } from '../books/connection.js'
import type { Connection, ModelEndpoint } from '../books/operation.js'
import type { Environment } from './environment.js'
import type { Settings } from './settings.js'

export function connectionsOf({
  variables,
}: Pick<Environment, 'variables'>): (id: string) => Connection | undefined {
  return (id) => {
    const name = connectionVariable(id)
    const location = variables[name] ?? ''
    if (location !== '') return { location, token: variables[`${name}_TOKEN`] ?? null }
    return id === 'snowflake' ? usualAccount(variables) : undefined
  }
}

/** The account by the variables that other tools of Snowflake read; a token, for its SQL API takes no password. */
function usualAccount(variables: Environment['variables']): Connection | undefined {
  const [account = '', token = '', database = '', schema = ''] = [
    'ACCOUNT',
    'TOKEN',
    'DATABASE',
    'SCHEMA',
  ].map((name) => variables[`SNOWFLAKE_${name}`])
  if (account === '' || token === '') return undefined
  const place = [database, database === '' ? '' : schema]
    .filter((part) => part !== '')
    .map(encodeURIComponent)
  // Names of hosts have no underscores.
  const host = `${account.toLowerCase().replaceAll('_', '-')}.snowflakecomputing.com`
  return { location: [`https://${host}`, ...place].join('/'), token }
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
