/** A dbt profile of each engine. What differs from place to place and every secret is a variable. Raises nothing. */

import type { DialectName } from '../../engines/plan/dialects.js'

const variable = (name: string, otherwise?: string): string =>
  otherwise === undefined ? `{{ env_var('${name}') }}` : `{{ env_var('${name}', '${otherwise}') }}`

export function profileOf(
  profile: string,
  dialect: DialectName,
  attachments: readonly object[],
): Readonly<Record<string, object>> {
  const outputs: Readonly<Record<DialectName, object>> = {
    duckdb: {
      type: 'duckdb',
      path: variable('MART_DATABASE', 'mart.duckdb'),
      threads: 1,
      ...(attachments.length === 0 ? {} : { attach: attachments }),
    },
    postgres: {
      type: 'postgres',
      host: variable('PGHOST', 'localhost'),
      port: "{{ env_var('PGPORT', '5432') | int }}",
      user: variable('PGUSER'),
      password: variable('PGPASSWORD', ''),
      dbname: variable('PGDATABASE'),
      schema: variable('MART_SCHEMA', 'public'),
      threads: 1,
    },
    snowflake: {
      type: 'snowflake',
      account: variable('SNOWFLAKE_ACCOUNT'),
      user: variable('SNOWFLAKE_USER'),
      password: variable('SNOWFLAKE_PASSWORD'),
      role: variable('SNOWFLAKE_ROLE'),
      warehouse: variable('SNOWFLAKE_WAREHOUSE'),
      database: variable('SNOWFLAKE_DATABASE'),
      schema: variable('SNOWFLAKE_SCHEMA'),
      threads: 1,
    },
  }
  return { [profile]: { target: dialect, outputs: { [dialect]: outputs[dialect] } } }
}
