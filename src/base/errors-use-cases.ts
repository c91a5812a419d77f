/** The rows of the table of refusals that are about structures, rules and use cases. Raises nothing. */

import { conflict, type ErrorRow, input, missing } from './error-row.js'

/** 21xx */
export const STRUCTURE_ERRORS = {
  'TIE-2101': {
    ...input,
    message: 'Node "{node}" is defined twice (first in line {first}).',
    remedy: 'Node ids are unique within a structure; remove or rename one of the rows.',
  },
  'TIE-2102': {
    ...input,
    message: 'Two roots: "{first}" and "{node}" have no parent.',
    remedy: 'Exactly one node has an empty parent_node_id; give the others a parent.',
  },
  'TIE-2103': {
    ...input,
    message: 'The hierarchy has a cycle: {path}.',
    remedy: 'Give one of these nodes a parent outside the cycle.',
  },
  'TIE-2104': {
    ...input,
    message: 'The structure has no root: every node names a parent.',
    remedy: 'Leave parent_node_id of the top node empty.',
  },
  'TIE-2105': { ...input, message: 'A node needs a {column}; it is empty.', remedy: 'Fill in {column}.' },
  'TIE-2106': {
    ...input,
    message: 'The node id "{node}" is reserved: every run adds it for the facts that no node claims.',
    remedy: 'Use another id.',
  },
  'TIE-2107': {
    ...input,
    message: 'rollup_value_source is "{value}"; it takes node_id or node_name.',
    remedy: 'Write node_id or node_name, or leave it empty for node_id.',
  },
  'TIE-2108': {
    ...input,
    message: 'The {column} is {length} bytes long; there is room for {limit}.',
    remedy: 'Use a shorter one.',
  },
} as const satisfies Record<string, ErrorRow>

/** 22xx: the language of rules. */
export const LANGUAGE_ERRORS = {
  'TIE-2201': {
    ...input,
    message: 'Expected {expected}, found {found}.',
    remedy: 'Correct the text at the caret. {suggestion}',
  },
  'TIE-2202': {
    ...input,
    message: 'There is no column "{column}".',
    remedy: 'Use one of the columns: {known}. {suggestion}',
  },
  'TIE-2203': {
    ...input,
    message: '{literal} is a {kind}; the column "{column}" is {type}.',
    remedy: 'Write {example}.',
  },
  'TIE-2204': {
    ...input,
    message: 'The structure has no node {node}.',
    remedy:
      'Write the id of a node, in double quotes when it has other characters than letters, digits and _, or its name in [brackets]. {suggestion}',
  },
  'TIE-2205': {
    ...input,
    message: 'The name [{name}] belongs to several nodes: {nodes}.',
    remedy: 'Write the id of the node you mean, such as {first}.',
  },
  'TIE-2206': {
    ...input,
    message: 'sum({column}): "{column}" is {what}.',
    remedy: 'Use a numeric column or a measure: {known}. {suggestion}',
  },
  'TIE-2207': {
    ...input,
    message: '{what}; the limit is {limit}.',
    remedy: 'Shorten or split the rule; a long list of values can be a column of the source instead.',
  },
  'TIE-2208': {
    ...input,
    message: 'The {what} that starts here is not closed by {close}.',
    remedy: 'Add the missing {close}; one that belongs inside is written twice.',
  },
  'TIE-2209': {
    ...input,
    message: 'like compares text; the column "{column}" is {type}.',
    remedy: 'Compare it with = != < <= > >=, in or between.',
  },
  'TIE-2210': {
    ...input,
    message: 'The pattern {pattern} ends with a single backslash, which escapes nothing.',
    remedy: 'Write two backslashes for one in the data, or remove it.',
  },
  'TIE-2211': {
    ...input,
    message: '{literal} is no day of the calendar.',
    remedy: "Dates are YYYY-MM-DD, such as date '2025-12-24'.",
  },
} as const satisfies Record<string, ErrorRow>

/** 23xx */
export const USE_CASE_ERRORS = {
  'TIE-2301': {
    ...input,
    message: 'The file is not valid YAML: {detail}',
    remedy: 'Correct the line; docs/use-case-file.md shows the format.',
  },
  'TIE-2302': {
    ...input,
    message: '{detail}',
    remedy: 'docs/use-case-file.md shows the format. {suggestion}',
  },
  'TIE-2303': {
    ...input,
    message: 'There is no measure "{measure}" in this use case; it has {known}.',
    remedy: 'Use one of them or add it to measures. {suggestion}',
  },
  'TIE-2304': {
    ...input,
    message: '{source} has no column "{column}" ({role}).',
    remedy: 'Use one of its columns: {known}. {suggestion}',
  },
  'TIE-2305': {
    ...input,
    message: 'Column "{column}" of {source} is {type}; {role} needs a numeric column.',
    remedy: 'Use one of the numeric columns: {known}. {suggestion}',
  },
  'TIE-2306': {
    ...input,
    message: 'The structure {structure} has no node "{node}" ({role}).',
    remedy: 'Use a node of the structure. {suggestion}',
  },
  'TIE-2307': {
    ...input,
    message: '{column} = "{value}" is bound to node "{first}" and again to node "{node}".',
    remedy: 'Each value of a driver column belongs to one node, once; remove one of the bindings.',
  },
  'TIE-2308': {
    ...input,
    message: 'Node "{node}" has two rules for the measure {measure}.',
    remedy: 'Keep one rule for each node and measure.',
  },
  'TIE-2309': {
    ...input,
    message: 'The formulas form a cycle: {path}.',
    remedy: 'Break it: natural(…) of a node depends on no rule.',
  },
  'TIE-2310': {
    ...input,
    message: '{detail}',
    remedy:
      'A rule has a node and either where (with an optional scope, measure_name and into) or formula (with an optional into).',
  },
  'TIE-2311': {
    ...input,
    message:
      'Node "{node}" is orphaned: its parent "{parent}" is not in the structure, so nothing it holds reaches the root.',
    remedy: 'Add the parent to the structure, or take the rule or driver off the node.',
  },
  'TIE-2312': {
    ...input,
    message: 'The source does not say which column holds the {what}.',
    remedy: 'Add {what}: COLUMN to source, or {what}: null when this source has none.',
  },
  'TIE-2313': {
    ...conflict,
    message: 'The use case {use_case} is archived.',
    remedy: 'Activate it: tieout use-cases update {use_case} --status ACTIVE.',
  },
  'TIE-2314': {
    ...missing,
    message: 'There is no rule on node "{node}"{what}.',
    remedy: 'List them: tieout rules list USE_CASE. {suggestion}',
  },
  'TIE-2315': {
    ...missing,
    message: 'The use case {use_case} has no rule {no}; it has {count}.',
    remedy: 'List them: tieout rules list {use_case}.',
  },
} as const satisfies Record<string, ErrorRow>
