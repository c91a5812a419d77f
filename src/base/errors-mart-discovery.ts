/** The rows 506x of the table of refusals: discovery, lineage and plans of marts, models, MCP. Raises nothing. */

import { conflict, denied, type ErrorRow, input, missing, unavailable, usage } from './error-row.js'

export const MART_DISCOVERY_ERRORS = {
  'TIE-5060': {
    ...input,
    message: 'No column of "{table}" can be its {what}: expected {expected}.',
    remedy: 'It has {known}. Write the configuration by hand and name the column there.',
  },
  'TIE-5061': {
    ...input,
    message: 'No table can be the fact: none of {tables} has amounts and keys of {dimensions}.',
    remedy: 'Put the fact table and the tables that have the ids of the mapping into the source.',
  },
  'TIE-5062': {
    ...usage,
    message: 'No language model is configured: {detail}.',
    remedy: '{how}. Discovery needs none: leave --model out.',
  },
  'TIE-5063': {
    ...unavailable,
    message: 'The language model gave no answer that can be used: {detail}.',
    remedy: 'Nothing was taken from it. Discovery needs none: leave --model out.',
  },
  'TIE-5064': {
    ...missing,
    message: 'There is no connection "{connection}".',
    remedy:
      'Set {variable} to a folder, a DuckDB file, a postgres:// URL or https:// of a Snowflake account.',
  },
  'TIE-5065': {
    ...missing,
    message: 'The mart has no node, total or formula "{node}".',
    remedy: 'Name a key, a name, or a path with " > " between the levels. {suggestion}',
  },
  'TIE-5066': {
    ...missing,
    message: 'The mart has no cell of "{node}" at {slice}.',
    remedy: 'Give a value of each of {grain}. {suggestion}',
  },
  'TIE-5067': {
    ...input,
    message: '{file} has the columns of neither the hierarchy nor the mapping: {detail}.',
    remedy: 'Edit a copy of one of the two tables and keep its header.',
  },
  'TIE-5068': {
    ...denied,
    message: 'The tool {tool} writes, and this server only reads.',
    remedy: 'Start it with tieout mcp --allow-writes.',
  },
  'TIE-5069': {
    ...conflict,
    message: 'The proposed configuration is not proved, so {file} was not written: {detail}.',
    remedy: 'tieout mart discover with --json shows all of it; settle what it names first.',
  },
  'TIE-5070': {
    ...usage,
    message: 'Nothing says what to plan for.',
    remedy: 'Pass --edit FILE.csv, or --to with the source that has the tables as they will be.',
  },
  'TIE-5071': {
    ...unavailable,
    message: 'The Snowflake account of {connection} gave no answer that can be used: {detail}.',
    remedy: 'Check its address and token, or prove the mart without it.',
  },
  'TIE-5072': {
    ...usage,
    message:
      'The mart with its tables is {bytes} bytes of SQL, and {connection} takes {limit} in one request.',
    remedy:
      'Prove it on Snowflake over fewer facts; DuckDB, PostgreSQL and the evaluator have no such limit.',
  },
} as const satisfies Record<string, ErrorRow>
