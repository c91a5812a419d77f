/** Connections by the names that people give them; where they lead, and their secrets, are the environment's. Raises nothing. */

/** `snowflake-prod` is TIEOUT_CONNECTION_SNOWFLAKE_PROD, its token the same with _TOKEN. */
export const connectionVariable = (id: string): string =>
  `TIEOUT_CONNECTION_${id.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`
