/** The rows 50xx of the table of refusals, which errors.ts puts together: marts. Raises nothing. */

import { conflict, type ErrorRow, input, missing, usage } from './error-row.js'

export const MART_ERRORS = {
  'TIE-5001': { ...input, message: 'The file is not YAML: {detail}', remedy: 'Correct the line named.' },
  'TIE-5002': {
    ...input,
    message: 'The mart configuration is not valid: {detail}',
    remedy: 'docs/marts.md describes the file. {suggestion}',
  },
  'TIE-5003': {
    ...missing,
    message: 'There is no table "{table}" in {source}.',
    remedy: 'It has {known}. {suggestion}',
  },
  'TIE-5004': {
    ...input,
    message: 'The table "{table}" has no column "{column}", which the configuration names as {what}.',
    remedy: 'It has {known}. Name another column, or null where the table has none. {suggestion}',
  },
  'TIE-5005': {
    ...input,
    message: 'The ID_SOURCE "{id_source}" is not in dynamic_column_map ({rows}).',
    remedy: 'Add it, with is_alias: true when it is a misspelling. {suggestion}',
  },
  'TIE-5006': {
    ...input,
    message: 'Mapping row {row} belongs to the node "{node}", which is not in the hierarchy.',
    remedy: 'Correct the row or add the node. {suggestion}',
  },
  'TIE-5007': {
    ...input,
    message: 'Row {row} of "{table}" has no {column}.',
    remedy: 'Fill it in; without it the row means nothing.',
  },
  'TIE-5008': {
    ...input,
    message: 'Rows {first} and {second} of "{table}" have the same {column} "{value}".',
    remedy: 'A key names one row.',
  },
  'TIE-5009': {
    ...input,
    message: '{flag} is false, but {rows} of "{table}" need it: {example}.',
    remedy: 'Set {flag}: true, or correct the rows.',
  },
  'TIE-5010': {
    ...input,
    message: 'No join pattern joins {dimensions} alone, as the mapping of the node "{node}" needs ({group}).',
    remedy: 'Add a join pattern with the filter columns {columns}, or correct the mapping.',
  },
  'TIE-5011': {
    ...input,
    message: '{where}: {detail}',
    remedy: 'Let the parts of the configuration agree. {suggestion}',
  },
  'TIE-5012': {
    ...input,
    message: 'The formula of "{result}" names "{operand}", which is no node, total or result.',
    remedy: 'Name a key, a name or the path of a total. {suggestion}',
  },
  'TIE-5013': {
    ...input,
    message: '"{name}" in the formula of "{result}" can be {meanings}.',
    remedy: 'Name a node by its key, a total by its path with " > " between the levels.',
  },
  'TIE-5014': {
    ...input,
    message: 'Formulas depend on each other in a circle: {path}.',
    remedy: 'Take one of the steps out.',
  },
  'TIE-5015': {
    ...input,
    message: '"{operator}" in the formula of "{result}" is no operator.',
    remedy: 'SUM, ADD, SUBTRACT, MULTIPLY, DIVIDE or AVERAGE. {suggestion}',
  },
  'TIE-5016': {
    ...input,
    message: 'The formula of "{result}" states precedence {stated}, but {reason}.',
    remedy: 'State {derived} or leave it out: it follows from the operands.',
  },
  'TIE-5017': {
    ...input,
    message: 'The formula of "{result}" is at level {level}; the cascade has five: {path}.',
    remedy: 'Let it name the operands of its operands where it can.',
  },
  'TIE-5018': { ...input, message: 'The formula of "{result}" {detail}.', remedy: '{expected}' },
  'TIE-5019': {
    ...input,
    message:
      'The nodes "{first}" and "{second}" of the formula group "{group}" both claim {rows} of {measure} {amount}.',
    remedy: 'Take the ids that overlap out of one of them, or exclude them there.',
  },
  'TIE-5020': {
    ...input,
    message: '"{value}" in {table}.{column} is no decimal of at most {scale} digits after the point.',
    remedy: 'Correct the value, or raise the scale of the measure.',
  },
  'TIE-5021': {
    ...input,
    message: 'The unit "{unit}" of {rows} has no factor in the measure {measure}.',
    remedy: 'Add it to the factors of its volume. {suggestion}',
  },
  'TIE-5022': {
    ...usage,
    message: '{dialect} cannot say {what} in {object}.',
    remedy: 'Choose a shorter or other name for that dialect.',
  },
  'TIE-5023': {
    ...input,
    message: '{engine} refused {object}: {detail}',
    remedy: 'Correct the data it names; tieout mart validate looks for the usual causes.',
  },
  'TIE-5024': {
    ...input,
    message: '"{value}" in column {column} of row {row} of "{table}" is no {what}.',
    remedy: 'Expected {expected}.',
  },
  'TIE-5025': {
    ...usage,
    message: 'There is no source of the tables: {detail}.',
    remedy: 'Pass --source DIR, FILE.duckdb or postgres://…, or name it in the configuration.',
  },
  'TIE-5026': {
    ...usage,
    message: 'The configuration has no formula rows of a hierarchy to read without a source.',
    remedy: 'Pass --source, so that formulas and totals of the hierarchy are in the cascade.',
  },
  'TIE-5027': {
    ...input,
    message: 'The amounts of {table}.{column} sum up beyond {limit} digits.',
    remedy: 'Lower the scale of the measure, or split the facts.',
  },
  'TIE-5030': {
    ...usage,
    message: 'A dbt project on DuckDB does not read {source}.',
    remedy: 'Write it with --dialect postgres, or name a folder or a DuckDB file as the source.',
  },
  'TIE-5031': {
    ...conflict,
    message: '"{name}" is in {list} already.',
    remedy: 'Choose another name, or edit the entry in the file.',
  },
  'TIE-5032': {
    ...usage,
    message: 'The level columns of {table} are not known.',
    remedy: 'Name them with --levels, or pass --source so that LEVEL_1, LEVEL_2, … are seen.',
  },
  'TIE-5033': {
    ...input,
    message: 'The use case "{use_case}" cannot be said as a mart: {detail}.',
    remedy: 'Change what it names, or write the configuration by hand.',
  },
  'TIE-5034': {
    ...usage,
    message: 'Neither a use case nor all of a configuration is given: {missing}.',
    remedy: 'Pass --use-case NAME, or --project-name, --report-type, the three tables and --measures.',
  },
} as const satisfies Record<string, ErrorRow>
