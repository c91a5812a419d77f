/**
 * A model of Snowflake Cortex: a statement of AI_COMPLETE with a response format, run by the SQL REST API of the
 * account that a connection names. Without a connection there is only the statement to show. Raises TIE-5062 (no
 * Snowflake connection), TIE-5063.
 */

import { refuse } from '../../../base/errors.js'
import type { Connection } from '../../../books/operation.js'
import { PLAN_DIALECTS } from '../../../engines/plan/dialects.js'
import { execute, isAccount } from '../../../engines/snowflake/account.js'
import type { LanguageModel } from '../../discovery/language-model.js'
import type { Prompt } from '../../discovery/model-prompt.js'
import { refuseStatement } from '../run-snowflake.js'

/** When no setting names one. */
export const CORTEX_MODEL = 'mistral-large2'

/** One statement: its only value is the answer's text. */
export function cortexStatement(
  model: string,
  prompt: Prompt,
  schema: Readonly<Record<string, unknown>>,
): string {
  return [
    'SELECT AI_COMPLETE(',
    `  model => ${text(model)},`,
    `  prompt => ${text(`${prompt.system}\n\n${prompt.user}`)},`,
    "  model_parameters => {'temperature': 0},",
    `  response_format => ${constant({ type: 'json', schema })}`,
    ')::VARCHAR AS ANSWER',
  ].join('\n')
}

const { text } = PLAN_DIALECTS.snowflake

/** JSON as Snowflake writes constants of it. */
function constant(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(constant).join(', ')}]`
  if (typeof value === 'object' && value !== null)
    return `{${Object.entries(value)
      .map(([key, inner]) => `${text(key)}: ${constant(inner)}`)
      .join(', ')}}`
  return typeof value === 'string' ? text(value) : value === null ? 'NULL' : String(value).toUpperCase()
}

export function cortexModel(
  id: string,
  model: string,
  connection: Connection | undefined,
  signal: AbortSignal,
): LanguageModel {
  return {
    name: `Snowflake Cortex ${model} by ${id}`,
    shown: (prompt, schema) => cortexStatement(model, prompt, schema),
    async complete(prompt, schema) {
      if (connection === undefined || !isAccount(connection))
        refuse('TIE-5062', {
          detail: `the connection ${id} is no Snowflake account`,
          how: 'Set the connection to https://ACCOUNT.snowflakecomputing.com and its token beside it',
        })
      const sql = cortexStatement(model, prompt, schema)
      const account = {
        connection,
        signal,
        refuse: (detail: string): never => refuse('TIE-5063', { detail }),
        refuseStatement,
      }
      const [rows] = await execute(
        account,
        { statements: [{ object: 'AI_COMPLETE', sql }], timeout: 120 },
        [0],
      )
      const value = rows?.[0]?.[0]
      return typeof value === 'string' ? value : refuse('TIE-5063', { detail: 'the statement gave no row' })
    },
  }
}
