/**
 * The one table of refusals. A refusal is what the product says when it will not do what was asked:
 * bad input, a conflict, something not found. Each has a stable code, an HTTP status, an exit code, a
 * message template and a remedy; the reference page is generated from this table.
 *
 * Findings (data about a calculation) and bugs (assertions) are not refusals and never appear here.
 */

import { conflict, denied, type ErrorRow, input, internal, missing, unavailable, usage } from './error-row.js'
import { ADJUSTMENT_ERRORS } from './errors-adjustments.js'
import { ATTRIBUTION_ERRORS } from './errors-attribution.js'
import { ATTRIBUTION_LEDGER_ERRORS } from './errors-attribution-ledger.js'
import { ATTRIBUTION_READ_ERRORS } from './errors-attribution-reads.js'
import { ATTRIBUTION_SET_ERRORS } from './errors-attribution-sets.js'
import { BUNDLE_ERRORS } from './errors-bundles.js'
import { EVIDENCE_ERRORS } from './errors-evidence.js'
import { ACCESS_ERRORS, HTTP_ERRORS } from './errors-http.js'
import { LOT_VERSION_ERRORS } from './errors-lot-versions.js'
import { LOT_ERRORS } from './errors-lots.js'
import { MART_ERRORS } from './errors-mart.js'
import { MART_DISCOVERY_ERRORS } from './errors-mart-discovery.js'
import { TRADE_ERRORS } from './errors-trades.js'
import { LANGUAGE_ERRORS, STRUCTURE_ERRORS, USE_CASE_ERRORS } from './errors-use-cases.js'
export const ERRORS = {
  // 10xx: usage and configuration
  'TIE-1001': {
    ...usage,
    message: 'Unknown command "{command}".',
    remedy: 'Run tieout --help for the list. {suggestion}',
  },
  'TIE-1002': { ...usage, message: '{detail}', remedy: 'Run tieout {command} --help.' },
  'TIE-1003': {
    ...usage,
    message: '{file} is not a valid configuration: {detail}',
    remedy: 'Correct the file, or pass --config with another one.',
  },
  'TIE-1004': {
    ...usage,
    message: 'Unknown error code "{code}".',
    remedy: 'Codes look like TIE-2101; docs/reference/errors.md lists them all. {suggestion}',
  },
  'TIE-1005': {
    ...usage,
    message: 'The file {file} cannot be read: {detail}',
    remedy: 'Check the path and its permissions.',
  },
  'TIE-1006': {
    ...usage,
    message: 'The database "{db}" is neither a directory nor a postgres:// URL.',
    remedy: 'Pass --db DIR for the embedded database or --db postgres://user@host/name for a server.',
  },
  'TIE-1007': {
    ...usage,
    message: '{name} holds {what}, which cannot be stored.',
    remedy: 'Leave the character out.',
  },
  'TIE-1008': {
    ...usage,
    message: '{command} removes for good what it names.',
    remedy: 'Repeat with --yes when that is what you want.',
  },

  // 11xx: not found
  'TIE-1101': {
    ...missing,
    message: 'There is no structure "{structure}".',
    remedy: 'Import it: tieout structures import {structure} FILE.csv. {suggestion}',
  },
  'TIE-1102': {
    ...missing,
    message: 'There is no use case "{use_case}".',
    remedy: 'List them: tieout use-cases list. {suggestion}',
  },
  'TIE-1103': {
    ...missing,
    message: 'There is no run "{run}".',
    remedy: 'List them: tieout runs list. {suggestion}',
  },
  'TIE-1104': {
    ...missing,
    message: 'There is no fact table "{table}".',
    remedy: 'Import it: tieout facts import FILE.csv --table {table}. {suggestion}',
  },
  'TIE-1105': {
    ...missing,
    message: 'There is no tenant "{tenant}".',
    remedy: 'Create it: tieout tenants create {tenant}. {suggestion}',
  },
  'TIE-1106': {
    ...missing,
    message: 'Run {run} is {status}; it has no results.',
    remedy: 'tieout runs show {run} says why.',
  },
  'TIE-1107': {
    ...missing,
    message: 'There is no completed run of {what} to verify.',
    remedy: 'Make one: tieout runs create --use-case NAME --date YYYY-MM-DD, or tieout demo.',
  },
  'TIE-1108': { ...missing, message: 'Nothing is served at {path}.', remedy: 'The page at / lists what is.' },

  // 12xx: conflicts
  'TIE-1201': {
    ...conflict,
    message: 'The database {directory} is in use by process {pid} ({command}) on {host} since {since}.',
    remedy:
      'Stop that process (pid {pid}), or send the request to it. A PostgreSQL server (--db postgres://…) takes many processes at once.',
  },
  'TIE-1109': {
    ...missing,
    message: 'The structure {structure} has no version {version}; the newest is {newest}.',
    remedy: 'List them: tieout structures list.',
  },
  'TIE-1202': {
    ...conflict,
    message: 'The database {directory} is already open in this process.',
    remedy: 'Share the open one; one directory has one writer.',
  },
  'TIE-1203': {
    ...conflict,
    message: 'There is a tenant "{tenant}" already.',
    remedy: 'Use it, or choose another name.',
  },
  'TIE-1204': {
    ...conflict,
    message: 'The port {port} of {host} is in use.',
    remedy: 'Set another one: TIEOUT_PORT=4174 tieout serve.',
  },
  'TIE-1205': {
    status: 412,
    exit: 3,
    message:
      'The use case {use_case} is at version {version}, not {expected}: somebody changed it meanwhile.',
    remedy: 'Look at the current version, then repeat the change on it.',
  },
  'TIE-1206': {
    ...conflict,
    message: 'Run {run} is in progress.',
    remedy: 'Wait until it ends, or interrupt it; then repeat.',
  },

  // 13xx: books
  'TIE-1301': {
    ...unavailable,
    message: 'The database at {url} cannot be reached: {detail}',
    remedy: 'Check that the server runs and that --db or DATABASE_URL names it.',
  },
  'TIE-1302': {
    ...unavailable,
    message: 'The database has {applied} of {known} migrations.',
    remedy: 'Run tieout migrate up.',
  },
  'TIE-1303': {
    ...unavailable,
    message: 'Migration {name} was changed after it was applied (digest {found}, applied as {applied}).',
    remedy: 'Restore the migration file; a change to the schema is a new migration.',
  },
  'TIE-1304': {
    ...unavailable,
    message: 'The database has migration {name}, which this version does not know.',
    remedy: 'Use the version of tieout that made it, or a newer one.',
  },
  'TIE-1305': {
    ...denied,
    message: 'The role {role} may not be used: {detail}',
    remedy:
      'Connect as a login that is a member of tieout_app and tieout_owner (and of tieout_purger to purge); tieout doctor shows what is missing.',
  },
  'TIE-1306': {
    ...unavailable,
    message: 'The connection to the database was lost: {detail}',
    remedy:
      'Nothing of the interrupted operation is kept. Run it again; a run that was in progress shows as FAILED.',
  },
  'TIE-1307': {
    ...usage,
    message: 'migrate down removes the tables of {name} with their rows; {rows}.',
    remedy: 'Repeat with --yes when that is what you want, or on a terminal, where it asks.',
  },
  'TIE-1308': {
    ...unavailable,
    message:
      'The connection to the database was lost while committing; whether the change was kept is not known: {detail}',
    remedy: 'Look whether it is there before doing it again.',
  },
  'TIE-1309': {
    ...usage,
    message: 'The directory {directory} cannot be opened as a database: {detail}.',
    remedy: 'Name a new or empty directory, or the one that holds the database.',
  },
  'TIE-1310': {
    ...missing,
    message: 'There is no applied migration {name}.',
    remedy: 'List them: tieout migrate status.',
  },
  'TIE-1311': {
    ...usage,
    message: 'The answer was "{answer}" and not YES, so nothing was taken back.',
    remedy: 'Run it again and type YES in capitals, or give --yes, when that is what you want.',
  },

  ...ACCESS_ERRORS,
  ...HTTP_ERRORS,

  ...STRUCTURE_ERRORS,
  ...LANGUAGE_ERRORS,
  ...USE_CASE_ERRORS,

  // 24xx: facts
  'TIE-2401': {
    ...input,
    message: 'The row has {found} fields; the header has {expected}.',
    remedy: 'Quote fields that hold a comma, and give every row the fields of the header.',
  },
  'TIE-2402': {
    ...input,
    message: 'Column "{column}" of {source} holds "{value}", which is no finite decimal number.',
    remedy: 'Amounts are plain decimals such as -1234.56.',
  },
  'TIE-2403': {
    ...input,
    message: '"{value}" in column "{column}" is no {type}.',
    remedy:
      'Numbers are plain decimals such as -1234.5600, dates YYYY-MM-DD, booleans true or false. {suggestion}',
  },
  'TIE-2404': {
    ...input,
    message: 'Unknown column "{column}".',
    remedy: 'Expected {known}. Pass --ignore-columns to leave unknown columns out. {suggestion}',
  },
  'TIE-2405': {
    ...input,
    message: 'The column "{column}" is missing.',
    remedy: 'The header needs {expected}.',
  },
  'TIE-2406': {
    ...input,
    message: 'The header names "{column}" {why}.',
    remedy:
      'Give every column a name of its own; tenant_id, fact_seq, import_id and import_line are taken by Tieout.',
  },
  'TIE-2407': {
    ...input,
    message: '{file} cannot be read: {detail}',
    remedy: 'Check that it is a {kind} file.',
  },
  'TIE-2408': {
    ...input,
    message: 'Column "{column}" of {source} is floating point; money needs exact decimals.',
    remedy: 'Write the column as DECIMAL, or import with --types {column}=numeric(18,2).',
  },
  'TIE-2409': {
    ...input,
    message: 'The fact has no {column}, which the use case {use_case} declares as its {what}.',
    remedy: 'Fill in {column}; a fact without it can never be in a run.',
  },
  'TIE-2410': {
    ...input,
    message: 'The file is empty: it has no header row.',
    remedy: 'The first row names the columns.',
  },
  'TIE-2411': {
    ...input,
    message: '"{table}" cannot be a fact table: {why}.',
    remedy: 'Use lower-case letters, digits and underscores, at most 50, such as fact_rb.',
  },
  'TIE-2412': {
    ...input,
    message: 'The CSV cannot be read: {detail}',
    remedy: 'Fields with commas, quotes or line breaks stand in double quotes; a quote inside is doubled.',
  },
  'TIE-2413': {
    ...input,
    message: 'Column "{column}" holds {what}, which cannot be stored.',
    remedy: 'Save the file as UTF-8 without NUL characters.',
  },
  'TIE-2414': {
    ...input,
    message: '--types says "{text}"; expected column=type.',
    remedy:
      'Types are text, numeric, numeric(p,s), date, boolean: --types daily_amt=numeric(18,2),cc_id=text.',
  },
  'TIE-2415': {
    ...input,
    message: '{more} further problems of this file are not listed.',
    remedy: 'Correct the ones above and import again.',
  },
  'TIE-2416': {
    ...input,
    message: 'The file has {found} columns; a fact table has room for {limit}.',
    remedy: 'Split the file, or leave columns out that no report needs.',
  },
  'TIE-2417': {
    ...unavailable,
    message: 'The Snowflake account of {connection} gave no answer that can be used: {detail}.',
    remedy: 'Check its address and token.',
  },
  'TIE-2418': {
    ...input,
    message: 'Snowflake refused to read {source}: {detail}',
    remedy: 'Check the name of the table and what the token may read.',
  },
  'TIE-2419': {
    ...input,
    message:
      'The facts of {source} are on Snowflake, which groups them for runs; they are not read one by one.',
    remedy: 'Look at them there, or import them: tieout facts import.',
  },
  'TIE-2420': {
    ...denied,
    message: 'A request may not point a use case at {table} of {connection}.',
    remedy: 'Apply the use case from the command line; then it is run and edited over HTTP.',
  },

  // 25xx: runs
  'TIE-2501': {
    ...usage,
    message: '"{value}" is no date.',
    remedy: 'Dates are YYYY-MM-DD, such as 2025-12-24.',
  },
  'TIE-2502': {
    ...input,
    message: 'Run {run} is marked FAILED; nothing of it is kept.',
    remedy: 'Correct the cause above and run it again.',
  },
  'TIE-2503': {
    status: 499,
    exit: 130,
    message: 'Interrupted: run {run} is marked FAILED and nothing of it is kept.',
    remedy: 'Run it again.',
  },
  'TIE-2504': {
    status: 499,
    exit: 130,
    message: 'Interrupted.',
    remedy: 'Nothing of the interrupted operation is kept. Run it again.',
  },

  ...EVIDENCE_ERRORS,
  ...ADJUSTMENT_ERRORS,
  ...BUNDLE_ERRORS,
  ...LOT_ERRORS,
  ...TRADE_ERRORS,
  ...LOT_VERSION_ERRORS,
  ...ATTRIBUTION_ERRORS,
  ...MART_ERRORS,
  ...ATTRIBUTION_LEDGER_ERRORS,
  ...ATTRIBUTION_READ_ERRORS,
  ...ATTRIBUTION_SET_ERRORS,
  ...MART_DISCOVERY_ERRORS,
  'TIE-9001': {
    ...internal,
    message: 'Internal error: {detail}',
    remedy: 'This is a bug in Tieout. Run again with --debug and report what it prints.',
  },
} as const satisfies Record<string, ErrorRow>

export type ErrorCode = keyof typeof ERRORS

type ParamsOf<S extends string> = S extends `${string}{${infer P}}${infer Rest}` ? P | ParamsOf<Rest> : never
type ParamsOfRow<R extends ErrorRow> = ParamsOf<R['message']> | Exclude<ParamsOf<R['remedy']>, 'suggestion'>
/** The parameters a code's message and remedy name; `suggestion` may always be left out. */
export type ErrorParams<C extends ErrorCode> = Readonly<
  Record<ParamsOfRow<(typeof ERRORS)[C]>, string | number>
> & {
  readonly suggestion?: string
}

/** Where in the input a problem is: a file with line and column, a JSON pointer into a body, or a parameter's name. */
export interface Place {
  readonly file?: string
  /** 1-based. */
  readonly line?: number
  /** 1-based. */
  readonly column?: number
  readonly pointer?: string
  /** Of a path or a query. */
  readonly parameter?: string
  /** The text at fault with a caret beneath it. */
  readonly frame?: string
}

export interface Problem {
  readonly code: ErrorCode
  readonly message: string
  readonly remedy: string
  readonly place?: Place
}

const fill = (template: string, params: Readonly<Record<string, string | number | undefined>>): string =>
  template.replace(/\{(\w+)\}/g, (_, name: string) => String(params[name] ?? '')).trim()

export function problem<C extends ErrorCode>(code: C, params: ErrorParams<C>, place?: Place): Problem {
  const row: ErrorRow = ERRORS[code]
  const base = { code, message: fill(row.message, params), remedy: fill(row.remedy, params) }
  return place === undefined ? base : { ...base, place }
}

/** Thrown when the product will not do what was asked; carries every problem that was found, at least one. */
export class Refusal extends Error {
  readonly problems: readonly [Problem, ...Problem[]]

  constructor(problems: readonly Problem[], options?: ErrorOptions) {
    const [first, ...rest] = problems
    if (first === undefined) throw new Error('a refusal names at least one problem')
    super(
      rest.length === 0
        ? `${first.code}: ${first.message}`
        : `${first.code}: ${first.message} (and ${rest.length} more)`,
      options,
    )
    this.name = 'Refusal'
    this.problems = [first, ...rest]
  }

  get code(): ErrorCode {
    return this.problems[0].code
  }
  get status(): number {
    return ERRORS[this.code].status
  }
  get exit(): number {
    return ERRORS[this.code].exit
  }
}

export function refuse<C extends ErrorCode>(code: C, params: ErrorParams<C>, place?: Place): never {
  throw new Refusal([problem(code, params, place)])
}

/** Throws all problems at once; does nothing when there are none. */
export function refuseAll(problems: readonly Problem[]): void {
  if (problems.length > 0) throw new Refusal(problems)
}
