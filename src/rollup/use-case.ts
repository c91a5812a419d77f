/**
 * A use case: a named report over a structure and a fact source. These are the checked, canonical forms that
 * are stored and calculated; the file a person writes is read in use-case-file.ts. Raises nothing.
 */

import { type Digest, digestOf } from '../base/digest.js'
import type { Formula } from '../language/formula.js'
import type { Predicate } from '../language/predicate.js'
import type { ValueSource } from './hierarchy.js'
import { ruleText } from './rule-text.js'

export type Policy = 'most_specific' | 'top_down'
export const POLICIES: readonly Policy[] = ['most_specific', 'top_down']

/** Where the facts are: a table of the books, a file read in place by DuckDB, or a table on a Snowflake account. */
export interface SourceSpec {
  readonly engine: 'books' | 'duckdb' | 'snowflake'
  /** Of an account, by its name. */
  readonly connection?: string
  /** Table of the books, of a .duckdb file, or of the account. */
  readonly table: string | null
  /** Absolute path of the file. */
  readonly path: string | null
  /** The COB date's column; null: this source has none. */
  readonly date: string | null
  /** The scenario's column; null: this source has none and every fact is of the first scenario. */
  readonly scenario: string | null
}

/** The name of the source in messages and in `input_table_name`. */
export const sourceName = (source: SourceSpec): string => source.path ?? source.table ?? ''

/** A standard measure and the fact column it comes from. */
export interface Measure {
  readonly name: string
  readonly column: string
}

export interface Driver {
  readonly nodes: 'leaves' | 'all' | readonly string[]
  readonly column: string
  readonly value: ValueSource
}

interface RuleBase {
  /** Position in the use case, from 1. */
  readonly no: number
  readonly node: string
  /** The author's words on why; null when none. */
  readonly note: string | null
}

export type Rule =
  | (RuleBase & { readonly flavour: 'filter'; readonly scope: 'node' | 'table'; readonly where: Predicate })
  | (RuleBase & {
      readonly flavour: 'measure_switch'
      readonly scope: 'node' | 'table'
      readonly where: Predicate | null
      /** As written: a measure's name or a column. */
      readonly measure_name: string
      /** The fact column it stands for. */
      readonly column: string
      readonly into: string
    })
  | (RuleBase & {
      readonly flavour: 'arithmetic'
      readonly formula: Formula
      /** The measure it sets; null: every measure. */
      readonly into: string | null
    })

export interface UseCase {
  readonly name: string
  readonly description: string | null
  readonly structure: string
  readonly source: SourceSpec
  readonly measures: readonly Measure[]
  readonly policy: Policy
  /** First − second is the variance; others found in the facts are calculated too. */
  readonly scenarios: readonly string[]
  /** Null: the structure's own bindings hold. */
  readonly drivers: readonly Driver[] | null
  readonly rules: readonly Rule[]
}

export const DEFAULT_SCENARIOS: readonly string[] = ['ACTUAL', 'PRIOR']

/** The measures a rule sets; null: all. */
export function measuresSetBy(rule: Rule): string | null {
  return rule.flavour === 'filter' ? null : rule.into
}

/** Digests of the parts of a use case, so that a difference between two runs can be put down to one of them. */
export interface UseCaseDigests {
  readonly rules: Digest
  readonly mapping: Digest
}

export function useCaseDigests(useCase: UseCase): UseCaseDigests {
  const { source, measures, drivers, scenarios, rules } = useCase
  const where =
    source.engine === 'duckdb'
      ? source.path
      : source.engine === 'books'
        ? source.table
        : [source.connection!, source.table]
  return {
    rules: digestOf(
      rules.map((rule) => [
        rule.node,
        rule.flavour,
        rule.flavour === 'measure_switch' ? rule.column : null,
        ruleText(rule),
      ]),
    ),
    mapping: digestOf(
      toCanonical({
        engine: source.engine,
        where,
        date: source.date,
        scenario: source.scenario,
        measures,
        drivers,
        scenarios,
      }),
    ),
  }
}

/** Plain data of strings, booleans, small whole numbers, lists and objects, which rules and mappings are. */
const toCanonical = (value: object): Parameters<typeof digestOf>[0] => JSON.parse(JSON.stringify(value))
